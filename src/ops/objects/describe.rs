//! What `describe` tells beside the objects themselves: their events, what they refer to or are referred to by, and
//! their owners. One pass over the file gathers it for all objects, and one more for each step up to owners.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use super::go_sort::GoSort;
use super::list::{FoundObject, ObjectList, objects};
use super::reader::ValueReader;
use super::wanted::ObjectsQuery;
use crate::error::{Error, Result};
use crate::etcd::keyspace::RecordPlace;
use crate::finding::Collector;
use crate::kubernetes::add_read_defaults;
use crate::kubernetes::catalog::resources::{Resource, Resources};
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::kubernetes::show::describe::{
    EventRow, Related, ReplicaSetRow, backend_services, byte_sizes, has_events, service_of,
    tells_version, template_text,
};
use crate::ops::session::Session;

/// What is to be told besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescribeOptions {
    /// Events.
    pub events: bool,
    /// Owners, and their owners.
    pub owners: bool,
}

/// Why a related object tells nothing.
#[derive(Debug)]
pub enum UnreadReason {
    /// It is encrypted.
    Locked(DecryptError),
    /// It is not what its key promises.
    Damaged,
    /// It cannot be decoded; why.
    Undecodable(String),
}

/// What is known beside the objects of a list, by their positions in it.
#[derive(Debug)]
pub struct RelatedObjects {
    related: Vec<Related>,
    references: Vec<Vec<OwnerReference>>,
    owners: HashMap<OwnerName, OwnerState>,
}

/// An owner of an object, or an owner of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRow {
    /// How many steps above the object, from 0.
    pub depth: usize,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// It controls the object.
    pub is_controller: bool,
    /// What the file knows of it.
    pub standing: OwnerStanding,
}

/// What a file knows of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerStanding {
    /// It is there.
    Present,
    /// It is not there.
    Missing,
    /// It was not found, and may be in what damage hides.
    Hidden,
    /// One of this name is there, but it is another one.
    Replaced,
    /// It is there and cannot be read, so that its owners are not known.
    Unread,
    /// Nobody has looked: it is too many steps away, or its kind cannot be determined.
    Unknown,
    /// It was told above.
    Repeated,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OwnerName {
    /// In the words of the reference; namespaced owners are looked for in the namespace of what they own.
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

#[derive(Debug, Clone)]
struct OwnerReference {
    owner: OwnerName,
    uid: String,
    is_controller: bool,
}

#[derive(Debug, Clone)]
enum OwnerState {
    Missing,
    Hidden,
    Unread,
    Unknown,
    Present {
        uid: String,
        references: Vec<OwnerReference>,
    },
}

/// The longest chain of owners that is followed.
const STEPS: usize = 16;
/// Beyond so many namespaces all are looked through.
const NAMESPACES: usize = 8;

/// Objects that are to be described. One name that no object has stands for all that begin with it, if `by_prefix`;
/// whether it does is the second part of what is returned.
///
/// # Errors
/// As [`objects`].
pub fn objects_to_describe<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    by_prefix: bool,
    reader: &ValueReader,
) -> Result<(ObjectList<'i>, bool)> {
    let mut list = objects(session, query, reader)?;
    list.note_stored_versions(tells_version);
    let [(kind, prefix)] = query.pairs.as_slice() else {
        return Ok((list, false));
    };
    if !by_prefix || !list.found.is_empty() {
        return Ok((list, false));
    }
    let of_kind = ObjectsQuery {
        kinds: vec![kind.clone()],
        pairs: Vec::new(),
        ..query.clone()
    };
    let told = silenced(session, |session| {
        Error::unless_query(objects(session, &of_kind, reader))
    })?;
    let Some(mut others) = told else {
        return Ok((list, false));
    };
    others.keep_names_beginning_with(prefix);
    others.note_stored_versions(tells_version);
    match others.found.is_empty() {
        true => Ok((list, false)),
        false => Ok((others, true)),
    }
}

/// Does something by which the file is scanned once more; what is wrong with it was told before.
fn silenced<'i, T>(
    session: &mut Session<'i>,
    job: impl FnOnce(&mut Session<'i>) -> Result<T>,
) -> Result<T> {
    let told = std::mem::replace(&mut session.findings, Collector::new(1));
    let done = job(session);
    session.findings = told;
    done
}

/// What has to be known of an object to find what belongs to it.
#[derive(Debug, Default)]
struct Need {
    group: String,
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    /// The uid by which a node's agent names a pod that it has made itself.
    mirror: Option<String>,
    has_events: bool,
    selector: Option<LabelSelector>,
    template: String,
    services: Vec<String>,
    owner_pods: Vec<String>,
    sizes: BTreeMap<String, usize>,
    references: Vec<OwnerReference>,
}

impl Need {
    fn of(resource: &Resource, object: &Value) -> Self {
        let text = |path: &str| text(object, path).to_owned();
        let selector = object.pointer("/spec/selector").unwrap_or(&Value::Null);
        let mut need = Self {
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            has_events: has_events(resource),
            references: references(object),
            ..Self::default()
        };
        match need.names() {
            ("", "Pod") => {
                let annotations = object.pointer("/metadata/annotations");
                let mirror = annotations.and_then(|all| all.get("kubernetes.io/config.mirror"));
                need.mirror = mirror.and_then(Value::as_str).map(str::to_owned);
            }
            ("", "ReplicationController") => {
                let selector = serde_json::json!({ "matchLabels": selector });
                need.selector = LabelSelector::from_object(&selector);
            }
            ("apps", "ReplicaSet" | "DaemonSet" | "StatefulSet") => {
                need.selector = LabelSelector::from_object(selector);
            }
            ("apps", "Deployment") => {
                need.selector = LabelSelector::from_object(selector);
                need.template = template_text(object);
            }
            ("networking.k8s.io", "Ingress") => {
                let services = backend_services(object).into_iter();
                need.services = services.map(str::to_owned).collect();
            }
            ("", "Service") => need.services = vec![need.name.clone()],
            ("", "PersistentVolumeClaim") => {
                let pods = need.references.iter().filter(|one| one.owner.kind == "Pod");
                need.owner_pods = pods.map(|one| one.uid.clone()).collect();
            }
            ("", "Secret") => need.sizes = byte_sizes(object.get("data").unwrap_or(&Value::Null)),
            ("", "ConfigMap") => {
                need.sizes = byte_sizes(object.get("binaryData").unwrap_or(&Value::Null));
            }
            _ => {}
        }
        need
    }

    fn names(&self) -> (&str, &str) {
        (&self.group, &self.kind)
    }

    /// The kinds of which objects may belong to it.
    fn kinds(&self) -> &'static [&'static str] {
        match self.names() {
            ("", "ReplicationController" | "PersistentVolumeClaim")
            | ("apps", "ReplicaSet" | "DaemonSet" | "StatefulSet") => &["pods"],
            ("apps", "Deployment") => &["replicasets.apps"],
            ("", "Service") => &["endpointslices.discovery.k8s.io"],
            ("networking.k8s.io", "Ingress") => &["endpointslices.discovery.k8s.io", "services"],
            ("", "Namespace") => &["resourcequotas", "limitranges"],
            ("", "Node") => &[
                "pods",
                "leases.coordination.k8s.io",
                "resourceslices.resource.k8s.io",
            ],
            _ => &[],
        }
    }

    /// The namespace in which these are; nothing where they can be in any.
    fn place(&self) -> Option<&str> {
        match self.names() {
            ("", "Namespace") => Some(&self.name),
            _ => Some(self.namespace.as_str()).filter(|name| !name.is_empty()),
        }
    }
}

fn text<'o>(object: &'o Value, pointer: &str) -> &'o str {
    let value = object.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default()
}

fn elements<'o>(object: &'o Value, pointer: &str) -> &'o [Value] {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn references(object: &Value) -> Vec<OwnerReference> {
    let namespace = text(object, "/metadata/namespace");
    let all = elements(object, "/metadata/ownerReferences").iter();
    let all = all.map(|one| OwnerReference {
        owner: OwnerName {
            api_version: text(one, "/apiVersion").to_owned(),
            kind: text(one, "/kind").to_owned(),
            namespace: namespace.to_owned(),
            name: text(one, "/name").to_owned(),
        },
        uid: text(one, "/uid").to_owned(),
        is_controller: one.get("controller") == Some(&Value::Bool(true)),
    });
    all.collect()
}

fn controller_uid(object: &Value) -> Option<&str> {
    let mut owners = elements(object, "/metadata/ownerReferences").iter();
    let owner = owners.find(|one| one.get("controller") == Some(&Value::Bool(true)))?;
    Some(text(owner, "/uid"))
}

/// Where an object belongs: positions among those that are described.
#[derive(Default)]
struct Index<'n> {
    /// By namespace and name, of objects that can have events.
    events: HashMap<(&'n str, &'n str), Vec<usize>>,
    /// By the uid of a controller.
    controllers: HashMap<&'n str, usize>,
    claims: HashMap<(&'n str, &'n str), usize>,
    owner_pods: HashMap<(&'n str, &'n str), Vec<usize>>,
    nodes: HashMap<&'n str, usize>,
    /// By namespace and the name of a Service.
    services: HashMap<(&'n str, &'n str), Vec<usize>>,
    namespaces: HashMap<&'n str, usize>,
}

impl<'n> Index<'n> {
    fn of(needs: &'n [Need], options: DescribeOptions) -> Self {
        let mut index = Self::default();
        for (at, need) in needs.iter().enumerate() {
            let place = (need.namespace.as_str(), need.name.as_str());
            if options.events && need.has_events {
                index.events.entry(place).or_default().push(at);
            }
            match need.names() {
                ("", "ReplicationController")
                | ("apps", "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Deployment") => {
                    index.controllers.insert(&need.uid, at);
                }
                ("", "PersistentVolumeClaim") => {
                    index.claims.insert(place, at);
                    for uid in &need.owner_pods {
                        let pod = (need.namespace.as_str(), uid.as_str());
                        index.owner_pods.entry(pod).or_default().push(at);
                    }
                }
                ("", "Node") => {
                    index.nodes.insert(&need.name, at);
                }
                ("", "Namespace") => {
                    index.namespaces.insert(&need.name, at);
                }
                _ => {}
            }
            for service in &need.services {
                let place = (need.namespace.as_str(), service.as_str());
                index.services.entry(place).or_default().push(at);
            }
        }
        index
    }
}

/// Gathers what belongs to the objects of a list.
struct Gatherer<'n> {
    needs: &'n [Need],
    index: Index<'n>,
    related: Vec<Related>,
    /// Events that name a node instead of its uid; they come behind the others.
    of_names: HashMap<usize, Vec<EventRow>>,
    /// The uids and names of the pods that use a claim.
    users: HashMap<usize, Vec<(String, String)>>,
    owner_pods: HashMap<usize, Vec<(String, String)>>,
    now: Option<i64>,
}

impl<'n> Gatherer<'n> {
    fn new(needs: &'n [Need], options: DescribeOptions, now: Option<i64>) -> Self {
        let related = needs.iter().map(|need| Related {
            events: (options.events && need.has_events).then(Vec::new),
            secret_sizes: need.sizes.clone(),
            ..Related::default()
        });
        Self {
            index: Index::of(needs, options),
            related: related.collect(),
            needs,
            of_names: HashMap::new(),
            users: HashMap::new(),
            owner_pods: HashMap::new(),
            now,
        }
    }

    fn add(&mut self, resource: &Resource, object: Value) {
        match (resource.group.as_str(), resource.kind.as_str()) {
            ("" | "events.k8s.io", "Event") => self.event(&object),
            ("", "Pod") => self.pod(&object),
            ("apps", "ReplicaSet") => self.replica_set(&object),
            ("discovery.k8s.io", "EndpointSlice") => {
                let object = Arc::new(object);
                let place = (text(&object, "/metadata/namespace"), service_of(&object));
                let at = place
                    .1
                    .and_then(|name| self.index.services.get(&(place.0, name)));
                for at in at.into_iter().flatten() {
                    if let Some(related) = self.related.get_mut(*at) {
                        related.endpoint_slices.push(Arc::clone(&object));
                    }
                }
            }
            ("", "Service") => {
                let object = Arc::new(object);
                let place = (
                    text(&object, "/metadata/namespace"),
                    text(&object, "/metadata/name"),
                );
                for at in self.index.services.get(&place).into_iter().flatten() {
                    if let Some(related) = self.related.get_mut(*at) {
                        related.services.push(Arc::clone(&object));
                    }
                }
            }
            ("", kind @ ("ResourceQuota" | "LimitRange")) => {
                let at = self
                    .index
                    .namespaces
                    .get(text(&object, "/metadata/namespace"));
                if let Some(related) = at.and_then(|at| self.related.get_mut(*at)) {
                    match kind {
                        "LimitRange" => related.limit_ranges.push(object),
                        _ => related.quotas.push(object),
                    }
                }
            }
            ("coordination.k8s.io", "Lease")
                if text(&object, "/metadata/namespace") == "kube-node-lease" =>
            {
                let at = self.index.nodes.get(text(&object, "/metadata/name"));
                if let Some(related) = at.and_then(|at| self.related.get_mut(*at)) {
                    related.lease = Some(object);
                }
            }
            ("resource.k8s.io", "ResourceSlice") => {
                let at = self.index.nodes.get(text(&object, "/spec/nodeName"));
                if let Some(related) = at.and_then(|at| self.related.get_mut(*at)) {
                    let (driver, pool) = (
                        text(&object, "/spec/driver"),
                        text(&object, "/spec/pool/name"),
                    );
                    let of_pool = related
                        .slices
                        .entry(format!("{driver}/{pool}"))
                        .or_default();
                    (of_pool.driver, of_pool.pool) = (driver.to_owned(), pool.to_owned());
                    let devices = elements(&object, "/spec/devices").len() as u64;
                    of_pool.slices = of_pool.slices.saturating_add(1);
                    of_pool.devices = of_pool.devices.saturating_add(devices);
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Value) {
        let of = |path: &str| text(event, path);
        let place = (of("/involvedObject/namespace"), of("/involvedObject/name"));
        let Some(targets) = self.index.events.get(&place) else {
            return;
        };
        for at in targets {
            let Some(need) = self.needs.get(*at) else {
                continue;
            };
            let is_there = need.namespace.is_empty() || need.namespace == of("/metadata/namespace");
            let is_pod = need.names() == ("", "Pod");
            if !is_there || !is_pod && need.kind != of("/involvedObject/kind") {
                continue;
            }
            let wanted = need.mirror.as_ref().unwrap_or(&need.uid);
            let uid = of("/involvedObject/uid");
            let row = || EventRow::of(event, self.now);
            if (wanted.is_empty() || wanted == uid)
                && let Some(events) = self
                    .related
                    .get_mut(*at)
                    .and_then(|one| one.events.as_mut())
            {
                events.push(row());
            }
            if need.names() == ("", "Node") && need.name == uid {
                self.of_names.entry(*at).or_default().push(row());
            }
        }
    }

    fn pod(&mut self, pod: &Value) {
        let namespace = text(pod, "/metadata/namespace");
        let (name, uid) = (text(pod, "/metadata/name"), text(pod, "/metadata/uid"));
        let phase = text(pod, "/status/phase");
        if let Some(at) = controller_uid(pod).and_then(|uid| self.index.controllers.get(uid))
            && let (Some(need), Some(related)) = (self.needs.get(*at), self.related.get_mut(*at))
            && need.namespace == namespace
            && need
                .selector
                .as_ref()
                .is_none_or(|selector| selector.matches(pod))
        {
            let phases = ["Running", "Pending", "Succeeded", "Failed"];
            let place = phases.iter().position(|one| *one == phase);
            if let Some(count) = place.and_then(|place| related.pod_phases.get_mut(place)) {
                *count = count.saturating_add(1);
            }
        }
        let who = || (uid.to_owned(), name.to_owned());
        for volume in elements(pod, "/spec/volumes") {
            let claim = text(volume, "/persistentVolumeClaim/claimName");
            if let Some(at) = self.index.claims.get(&(namespace, claim)) {
                self.users.entry(*at).or_default().push(who());
            }
        }
        for at in self
            .index
            .owner_pods
            .get(&(namespace, uid))
            .into_iter()
            .flatten()
        {
            self.owner_pods.entry(*at).or_default().push(who());
        }
        if !matches!(phase, "Succeeded" | "Failed")
            && let Some(at) = self.index.nodes.get(text(pod, "/spec/nodeName"))
            && let Some(related) = self.related.get_mut(*at)
        {
            related.node_pods.add(pod, self.now);
        }
    }

    fn replica_set(&mut self, set: &Value) {
        let at = controller_uid(set).and_then(|uid| self.index.controllers.get(uid));
        if let Some(at) = at
            && let (Some(need), Some(related)) = (self.needs.get(*at), self.related.get_mut(*at))
            && need.kind == "Deployment"
            && need.namespace == text(set, "/metadata/namespace")
            && need
                .selector
                .as_ref()
                .is_none_or(|selector| selector.matches(set))
        {
            let row = ReplicaSetRow::of(set, &need.template);
            related.replica_sets.push(row);
        }
    }

    /// What was gathered, in kubectl's order.
    fn finish(mut self) -> Vec<Related> {
        for (at, mut users) in self.users {
            let known: HashSet<String> = users.iter().map(|(uid, _)| uid.clone()).collect();
            let owners = self.owner_pods.remove(&at).unwrap_or_default().into_iter();
            users.extend(owners.filter(|(uid, _)| !known.contains(uid)));
            self.owner_pods.insert(at, users);
        }
        for (at, users) in self.owner_pods {
            let mut users: Vec<String> = users.into_iter().map(|(_, name)| name).collect();
            users.sort();
            if let Some(related) = self.related.get_mut(at) {
                related.users = users;
            }
        }
        for (at, more) in self.of_names {
            let events = self.related.get_mut(at).and_then(|one| one.events.as_mut());
            if let Some(events) = events {
                events.extend(more);
            }
        }
        for events in self
            .related
            .iter_mut()
            .filter_map(|one| one.events.as_mut())
        {
            GoSort::sort(events, &mut |a, b| a.last_seen < b.last_seen);
        }
        self.related
    }
}

/// An object as it was read, or why it was not.
enum Read<T> {
    Object(T),
    Unread(UnreadReason),
}

fn read<T>(
    reader: &ValueReader,
    [key, value]: [&[u8]; 2],
    revision: i64,
    make: impl FnOnce(Value) -> T,
) -> Read<T> {
    match reader.object_of(key, value, revision) {
        Ok(object) => {
            let mut json = object.json;
            add_read_defaults(&mut json, reader.release);
            if json.get("kind").is_some_and(|kind| kind == "Event") {
                // The only ones of which texts are shown.
                reader.hide_secrets(key, &mut json);
            }
            Read::Object(make(json))
        }
        Err(error) => Read::Unread(match reader.locked(key, value) {
            Some(error) => UnreadReason::Locked(error),
            None => UnreadReason::Undecodable(error.to_string()),
        }),
    }
}

/// Finds what belongs to the objects of a list. Each related object that cannot be read is given to `unread`.
///
/// # Errors
/// Reading, cancelling.
pub fn related<'i>(
    session: &mut Session<'i>,
    list: &ObjectList<'i>,
    reader: &ValueReader,
    options: DescribeOptions,
    unread: &mut dyn FnMut(&ObjectList<'i>, &FoundObject, UnreadReason),
) -> Result<RelatedObjects> {
    let mut needs: Vec<Need> = Vec::with_capacity(list.found.len());
    // What cannot be read is told once; of what is to be described, whoever describes it tells.
    let mut told: HashSet<RecordPlace> = HashSet::new();
    list.fetch(
        session,
        &list.found,
        |key, value, revision| read(reader, [key, value], revision, |object| object),
        |found, made| {
            let kind = list.kind(found);
            needs.push(match (made, kind) {
                (Some(Read::Object(object)), Some(kind)) if !found.is_damaged => {
                    Need::of(&kind.resource, &object)
                }
                _ => {
                    told.insert(found.place());
                    Need::default()
                }
            });
            ControlFlow::Continue(())
        },
    )?;
    let unread = &mut |list: &ObjectList<'i>, found: &FoundObject, reason| {
        if told.insert(found.place()) {
            unread(list, found, reason);
        }
    };
    let mut gatherer = Gatherer::new(&needs, options, list.now);
    let mut kinds: BTreeSet<&str> = needs
        .iter()
        .flat_map(|need| need.kinds())
        .copied()
        .collect();
    if !gatherer.index.events.is_empty() {
        kinds.insert("events");
    }
    let concerned = needs
        .iter()
        .filter(|need| !need.kinds().is_empty() || options.events && need.has_events);
    let query = ObjectsQuery {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        namespaces: narrow(concerned.map(Need::place)),
        revision: list.revision,
        ..ObjectsQuery::default()
    };
    if !kinds.is_empty()
        && let Some(others) = silenced(session, |session| {
            Error::unless_query(objects(session, &query, reader))
        })?
    {
        each(session, &others, reader, unread, |found, object| {
            if let Some(kind) = others.kind(found) {
                gatherer.add(&kind.resource, object);
            }
        })?;
    }
    let related = gatherer.finish();
    let references: Vec<Vec<OwnerReference>> = match options.owners {
        true => needs.into_iter().map(|need| need.references).collect(),
        false => Vec::new(),
    };
    let owners = owners(session, list, reader, &references, unread)?;
    Ok(RelatedObjects {
        related,
        references,
        owners,
    })
}

/// A few namespaces; none, which stands for all, where something is in no known one.
fn narrow<'n>(places: impl Iterator<Item = Option<&'n str>>) -> Vec<String> {
    let mut all = BTreeSet::new();
    for place in places {
        match place {
            Some(place) if all.len() <= NAMESPACES => all.insert(place),
            _ => return Vec::new(),
        };
    }
    match all.len() > NAMESPACES {
        true => Vec::new(),
        false => all.into_iter().map(str::to_owned).collect(),
    }
}

/// Gives each object of a list that can be read to `each`, the others to `unread`.
fn each<'i>(
    session: &Session<'i>,
    list: &ObjectList<'i>,
    reader: &ValueReader,
    unread: &mut dyn FnMut(&ObjectList<'i>, &FoundObject, UnreadReason),
    mut each: impl FnMut(&FoundObject, Value),
) -> Result<()> {
    list.fetch(
        session,
        &list.found,
        |key, value, revision| read(reader, [key, value], revision, |object| object),
        |found, made| {
            match made {
                _ if found.is_damaged => unread(list, found, UnreadReason::Damaged),
                Some(Read::Object(object)) => each(found, object),
                Some(Read::Unread(reason)) => unread(list, found, reason),
                None => {}
            }
            ControlFlow::Continue(())
        },
    )
}

/// Looks up owners, and theirs, step by step.
fn owners<'i>(
    session: &mut Session<'i>,
    list: &ObjectList<'i>,
    reader: &ValueReader,
    of_objects: &[Vec<OwnerReference>],
    unread: &mut dyn FnMut(&ObjectList<'i>, &FoundObject, UnreadReason),
) -> Result<HashMap<OwnerName, OwnerState>> {
    let mut known: HashMap<OwnerName, OwnerState> = HashMap::new();
    let absent = match session.findings.has_errors() {
        true => OwnerState::Hidden,
        false => OwnerState::Missing,
    };
    let first = of_objects.iter().flatten().map(|one| one.owner.clone());
    let mut wanted: BTreeMap<String, OwnerName> = in_order(first);
    for _ in 0..STEPS {
        if wanted.is_empty() {
            break;
        }
        let mut words: HashMap<(String, String), Vec<&OwnerName>> = HashMap::new();
        for owner in wanted.values() {
            let word = word_of(&list.resources, owner);
            words
                .entry((word, owner.name.clone()))
                .or_default()
                .push(owner);
        }
        let query = ObjectsQuery {
            pairs: words.keys().cloned().collect(),
            revision: list.revision,
            ..ObjectsQuery::default()
        };
        let listed = silenced(session, |session| {
            Error::unless_query(objects(session, &query, reader))
        })?;
        let Some(found) = listed else {
            known.extend(
                wanted
                    .into_values()
                    .map(|owner| (owner, OwnerState::Unknown)),
            );
            break;
        };
        let mut there: HashMap<OwnerName, OwnerState> = HashMap::new();
        let mut note = |of: &FoundObject, state: OwnerState| {
            let Some(kind) = found.kind(of) else {
                return;
            };
            let word = kind.resource.full_name();
            for owner in words
                .get(&(word, of.name.to_string()))
                .into_iter()
                .flatten()
            {
                let is_it = of.namespace.is_empty() || *of.namespace == owner.namespace;
                if is_it {
                    there.insert((*owner).clone(), state.clone());
                }
            }
        };
        let mut without: Vec<&FoundObject> = Vec::new();
        list_states(session, &found, reader, unread, &mut note, &mut without)?;
        for of in without {
            note(of, OwnerState::Unread);
        }
        let mut next = Vec::new();
        for owner in wanted.into_values() {
            let state = there.remove(&owner).unwrap_or_else(|| absent.clone());
            if let OwnerState::Present { references, .. } = &state {
                next.extend(references.iter().map(|one| one.owner.clone()));
            }
            known.insert(owner, state);
        }
        wanted = in_order(next.into_iter().filter(|owner| !known.contains_key(owner)));
    }
    Ok(known)
}

fn list_states<'i, 'l>(
    session: &Session<'i>,
    found: &'l ObjectList<'i>,
    reader: &ValueReader,
    unread: &mut dyn FnMut(&ObjectList<'i>, &FoundObject, UnreadReason),
    note: &mut dyn FnMut(&FoundObject, OwnerState),
    without: &mut Vec<&'l FoundObject>,
) -> Result<()> {
    let state = |object: Value| OwnerState::Present {
        uid: text(&object, "/metadata/uid").to_owned(),
        references: references(&object),
    };
    found.fetch(
        session,
        &found.found,
        |key, value, revision| read(reader, [key, value], revision, state),
        |of, made| {
            match made {
                Some(Read::Object(state)) if !of.is_damaged => note(of, state),
                Some(Read::Unread(reason)) if !of.is_damaged => {
                    unread(found, of, reason);
                    without.push(of);
                }
                _ => {
                    unread(found, of, UnreadReason::Damaged);
                    without.push(of);
                }
            }
            ControlFlow::Continue(())
        },
    )
}

/// Each owner once, in an order that does not depend on hashes.
fn in_order(owners: impl Iterator<Item = OwnerName>) -> BTreeMap<String, OwnerName> {
    let keyed = owners.map(|owner| {
        let key = [
            owner.api_version.as_str(),
            &owner.kind,
            &owner.namespace,
            &owner.name,
        ];
        (key.join("\0"), owner)
    });
    keyed.collect()
}

/// What to ask for to get an owner.
fn word_of(resources: &Resources, owner: &OwnerName) -> String {
    let resource = resources.of_kind_or_guess(&owner.api_version, &owner.kind);
    resource.full_name()
}

impl RelatedObjects {
    /// What is known beside the object at a position.
    pub fn of(&self, position: usize) -> Option<&Related> {
        self.related.get(position)
    }

    /// The owners of the object at a position, each with its own beneath it.
    pub fn owners(&self, position: usize) -> Vec<OwnerRow> {
        let mut rows = Vec::new();
        let mut told: HashSet<&OwnerName> = HashSet::new();
        let references = self.references.get(position);
        let mut rest: Vec<(usize, &OwnerReference)> = Vec::new();
        rest.extend(references.into_iter().flatten().rev().map(|one| (0, one)));
        while let Some((depth, reference)) = rest.pop() {
            let owner = &reference.owner;
            let is_new = told.insert(owner);
            let standing = match self.owners.get(owner) {
                Some(OwnerState::Present { uid, .. }) if *uid != reference.uid => {
                    OwnerStanding::Replaced
                }
                Some(OwnerState::Present { references, .. }) if is_new => {
                    let below = references.iter().rev();
                    rest.extend(below.map(|one| (depth.saturating_add(1), one)));
                    OwnerStanding::Present
                }
                Some(OwnerState::Present { references, .. }) if references.is_empty() => {
                    OwnerStanding::Present
                }
                Some(OwnerState::Present { .. }) => OwnerStanding::Repeated,
                Some(OwnerState::Missing) => OwnerStanding::Missing,
                Some(OwnerState::Hidden) => OwnerStanding::Hidden,
                Some(OwnerState::Unread) => OwnerStanding::Unread,
                Some(OwnerState::Unknown) | None => OwnerStanding::Unknown,
            };
            rows.push(OwnerRow {
                depth,
                kind: owner.kind.clone(),
                name: owner.name.clone(),
                is_controller: reference.is_controller,
                standing,
            });
        }
        rows
    }
}
