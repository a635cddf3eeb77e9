//! What brings a cluster from one state to the other, as steps.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

use serde_json::Value;

use super::known::KnownKinds;
use super::{Diff, Item, KeyChange};
use crate::error::Result;
use crate::etcd::keyspace::Keyspace;
use crate::etcd::keyspace::{KeyFilter, Newest, Wanted};
use crate::etcd::keyspace::{RecordFacts, RecordPlace};
use crate::finding::Collector;
use crate::kubernetes::apply::clean::{is_aggregated, is_owned_or_transient, modernize_definition};
use crate::kubernetes::apply::immutable::immutable_difference;
use crate::kubernetes::apply::order::{
    is_gate, is_workload, order_behind_workloads, step_order, what_goes_along, what_it_starts,
};
use crate::kubernetes::apply::patch::{JsonPatch, adoption, json_patch, kept_owners};
use crate::kubernetes::apply::same_cluster::{
    addresses_of, api_version_of, identity_of, in_place_of, is_applied, is_being_deleted,
    is_default_class, is_kept_by_what_runs, is_made_by_cluster, manifest, may_refuse,
    owner_references, release_of_volume, settled, uid_of,
};
use crate::kubernetes::apply::served::ServedVersions;
use crate::kubernetes::apply::service_ports::{
    Aside, MovedService, free_port, in_the_way, is_service, node_ports,
};
use crate::kubernetes::apply::step::{
    OnRequest, Step, StepOwner, StepTarget, StepVerb, unversioned,
};
use crate::kubernetes::compare::kind_schema::KindSchema;
use crate::kubernetes::{Object, Redactor};
use crate::ops::objects::reader::ValueReader;
use crate::ops::session::{BATCH, BATCH_BYTES, Session, fetch};

/// The state that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The old one: what happened is undone.
    ToOld,
    /// The new one: what happened is done again.
    ToNew,
}

impl Direction {
    fn wanted(self, item: &Item) -> Option<RecordFacts> {
        match self {
            Self::ToOld => item.old,
            Self::ToNew => item.new,
        }
    }

    fn present(self, item: &Item) -> Option<RecordFacts> {
        match self {
            Self::ToOld => item.new,
            Self::ToNew => item.old,
        }
    }
}

/// What is to be done about one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// A step is taken.
    Take(Box<Step>, Content),
    /// Nothing can be done from here; why.
    LeftOut(String),
    /// It holds what is hidden, and no mark is to stand in a manifest instead.
    HasSecrets,
    /// It is not an object, so that nothing can be applied.
    NoObject,
    /// Whoever makes it does it.
    Others,
    /// It differs only in what is not applied.
    Nothing,
}

/// What belongs to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    None,
    /// The manifest that was given out under this number.
    Manifest(usize),
    /// The object to be sent as it is that was given out under this number.
    Request(usize),
    /// The patch that was given out under this number.
    Patch(usize),
}

/// What a step reads.
#[derive(Debug, Clone, PartialEq)]
pub enum StepFile {
    /// An object to create.
    Manifest(Value),
    /// An object that is to be sent byte for byte: kubectl would rewrite the annotation that `kubectl apply` compares
    /// with.
    Request(Value),
    /// What is changed.
    Patch(JsonPatch),
}

impl Todo {
    /// Why nothing is done about an object though it differs; `None` for what is done here or by others.
    pub fn left_out(&self) -> Option<&str> {
        match self {
            Self::LeftOut(why) => Some(why),
            Self::HasSecrets => Some("it has secrets (`show_secrets`)"),
            Self::NoObject => Some("it is not an object of Kubernetes"),
            Self::Take(..) | Self::Others | Self::Nothing => None,
        }
    }

    /// The step that is taken.
    pub fn step(&self) -> Option<&Step> {
        match self {
            Self::Take(step, _) => Some(step),
            _ => None,
        }
    }
}

/// One object, what it is called by kubectl, and what is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Task<'d> {
    /// The object.
    pub item: &'d Item,
    /// `deployment.apps/web`.
    pub printed_name: String,
    /// What is to be done.
    pub todo: Todo,
}

/// One state of an object, as far as it can be made again.
enum ObjectState {
    Object(Box<Object>),
    /// Somebody else makes it.
    Owned(Box<Object>),
    Unreadable(String),
    /// There is none in this state.
    None,
}

impl ObjectState {
    fn of(key: &[u8], value: &[u8], revision: i64, reader: &ValueReader) -> Self {
        if let Err(error) = reader.plain(key, value) {
            return Self::Unreadable(error.to_string());
        }
        let mut object = match reader.object_of(key, value, revision) {
            Ok(object) => object,
            Err(error) => return Self::Unreadable(error.to_string()),
        };
        modernize_definition(&mut object.json);
        if is_owned_or_transient(&object.json) {
            Self::Owned(Box::new(object))
        } else if object.description.is_partial() {
            Self::Unreadable("it can only be decoded in part".into())
        } else {
            Self::Object(Box::new(object))
        }
    }
}

impl<'i> Diff<'i> {
    /// What is to be done about each of `items`, in the order in which it is to be done. What steps read goes to
    /// `write` as soon as it is made, with its number, from 0 on, in no particular order, and is not kept; a break ends
    /// it all, and what is returned is of no use then.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn tasks<'d>(
        &self,
        old: &Session<'i>,
        new: &Session<'i>,
        reader: &ValueReader,
        direction: Direction,
        items: &[&'d Item],
        mut write: impl FnMut(usize, StepFile) -> ControlFlow<()>,
    ) -> Result<Vec<Task<'d>>> {
        let keyspaces = (&self.old, self.new_keyspace());
        let ((wanted_session, wanted), (present_session, present)) = match direction {
            Direction::ToOld => ((old, keyspaces.0), (new, keyspaces.1)),
            Direction::ToNew => ((new, keyspaces.1), (old, keyspaces.0)),
        };
        let planner = Planner {
            known: &self.surroundings,
            reader,
            marker: Redactor::with_key(&[]),
            left_behind: left_behind(items, direction),
            served: self.surroundings.served_on_the_way(direction),
            asides: HashMap::new(),
        };
        let services: Vec<&'d Item> = items
            .iter()
            .copied()
            .filter(|item| (&*item.api_version, &*item.kind) == ("v1", "Service"))
            .filter(|item| direction.wanted(item).is_some() && direction.present(item).is_some())
            .collect();
        let mut moved = Vec::new();
        for few in few_at_once(&services, direction) {
            let presents = looks(present_session, present, reader, few, |item| {
                direction.present(item)
            })?;
            let wanteds = looks(wanted_session, wanted, reader, few, |item| {
                direction.wanted(item)
            })?;
            moved.extend(presents.iter().zip(&wanteds).map(|looks| match looks {
                // One of another address is created again.
                (ObjectState::Object(present), ObjectState::Object(wanted))
                    if immutable_difference(&present.json, &wanted.json).is_none() =>
                {
                    MovedService::new(&present.json, &wanted.json)
                }
                _ => MovedService::default(),
            }));
        }
        let mut planner = planner;
        let in_the_way = in_the_way(&moved);
        let mut taken = BTreeSet::new();
        if !in_the_way.is_empty() {
            let revision = match direction {
                Direction::ToOld => self.comparison.new.revision,
                Direction::ToNew => self.comparison.old.revision,
            };
            taken = ports_in_use(present_session, revision, reader)?;
            taken.extend(moved.iter().flat_map(|service| &service.wanted));
        }
        let none = BTreeSet::new();
        for ((item, service), place) in services.iter().zip(&moved).zip(0usize..) {
            let ports = in_the_way.get(&place).unwrap_or(&none);
            let aside = service.aside(ports, || free_port(&mut taken));
            if !aside.is_empty() {
                planner.asides.insert(item.key.clone(), aside);
            }
        }
        let planner = planner;
        let mut tasks: Vec<Task<'d>> = Vec::with_capacity(items.len());
        let mut count = 0usize;
        for few in few_at_once(items, direction) {
            let presents = looks(present_session, present, reader, few, |item| {
                direction.present(item)
            })?;
            let wanteds = looks(wanted_session, wanted, reader, few, |item| {
                direction.wanted(item)
            })?;
            for ((&item, present), wanted) in few.iter().zip(presents).zip(wanteds) {
                let kind = self
                    .surroundings
                    .resources
                    .of_kind_or_guess(&item.api_version, &item.kind);
                let aside = planner.step_aside(item, &present, &wanted);
                let (todo, file) = planner.todo(item, direction, present, wanted);
                if let (Some((step, file)), Todo::Take(..)) = (aside, &todo) {
                    let number = count;
                    count = count.saturating_add(1);
                    if write(number, file).is_break() {
                        return Ok(tasks);
                    }
                    tasks.push(Task {
                        item,
                        printed_name: step.target.printed_name.clone(),
                        todo: Todo::Take(Box::new(step), Content::Patch(number)),
                    });
                }
                let todo = match (todo, file) {
                    (Todo::Take(step, _), Some(file)) => {
                        let number = count;
                        count = count.saturating_add(1);
                        let content = match &file {
                            StepFile::Manifest(_) => Content::Manifest(number),
                            StepFile::Request(_) => Content::Request(number),
                            StepFile::Patch(_) => Content::Patch(number),
                        };
                        if write(number, file).is_break() {
                            return Ok(tasks);
                        }
                        Todo::Take(step, content)
                    }
                    (todo, _) => todo,
                };
                tasks.push(Task {
                    item,
                    printed_name: kind.printed_name(item.name.as_deref().unwrap_or_default()),
                    todo,
                });
            }
        }
        let revision = match direction {
            Direction::ToOld => self.comparison.new.revision,
            Direction::ToNew => self.comparison.old.revision,
        };
        let dependents = dependents(present_session, revision, reader, &mut tasks)?;
        let mut more = Vec::new();
        let whole = |child: &Child| dependents.whole(present_session, reader, child);
        let wanted_of = |item: &Item| -> Result<Option<Value>> {
            let state = |item: &Item| direction.wanted(item);
            let looks = looks(wanted_session, wanted, reader, &[item], state)?;
            Ok(looks.into_iter().find_map(|look| match look {
                ObjectState::Object(object) => Some(object.json),
                _ => None,
            }))
        };
        let flow =
            planner.follow_ups(&tasks, &dependents, whole, wanted_of, |item, step, file| {
                let content = match &file {
                    StepFile::Manifest(_) => Content::Manifest(count),
                    StepFile::Request(_) => Content::Request(count),
                    StepFile::Patch(_) => Content::Patch(count),
                };
                write(count, file)?;
                count = count.saturating_add(1);
                more.push(Task {
                    item,
                    printed_name: step.target.printed_name.clone(),
                    todo: Todo::Take(Box::new(step), content),
                });
                ControlFlow::Continue(())
            })?;
        if flow.is_break() {
            return Ok(tasks);
        }
        tasks.extend(more);
        let late = planner.left_by_recreated(direction, &mut tasks);
        sort(&mut tasks, &late);
        Ok(tasks)
    }
}

/// What depends on objects that are created, or deleted and created again, with new uids. Has the latter leave it behind:
/// the garbage collector would delete that, whatever it holds.
fn dependents<'i>(
    session: &Session<'i>,
    revision: i64,
    reader: &ValueReader,
    tasks: &mut [Task<'_>],
) -> Result<Dependents<'i>> {
    let uids_of = |verb: StepVerb| -> HashSet<String> {
        let steps = tasks
            .iter()
            .filter_map(|task| Some((task.todo.step()?, task.item)));
        steps
            .filter(|(step, _)| step.verb == verb)
            .filter_map(|(step, item)| step.uid.clone().or_else(|| item.uid.clone()))
            .collect()
    };
    let (recreated, created) = (uids_of(StepVerb::Recreate), uids_of(StepVerb::Create));
    if recreated.is_empty() && created.is_empty() {
        return Ok(Dependents::default());
    }
    let found = dependents_of(session, revision, reader, &recreated, &created)?;
    let owners: HashSet<&String> = found
        .children
        .iter()
        .flat_map(|child| &child.owners)
        .collect();
    for task in tasks {
        if let Todo::Take(step, _) = &mut task.todo
            && step.verb == StepVerb::Recreate
            && step.uid.as_ref().is_some_and(|uid| owners.contains(uid))
        {
            step.is_orphaning = true;
        }
    }
    Ok(found)
}

/// What names objects by the uids that they had.
#[derive(Default)]
struct Dependents<'i> {
    keyspace: Option<Keyspace<'i>>,
    children: Vec<Child>,
    volumes: Vec<Value>,
}

impl<'i> Dependents<'i> {
    /// Reads a child again, with all that it holds.
    fn whole(
        &self,
        session: &Session<'i>,
        reader: &ValueReader,
        child: &Child,
    ) -> Result<Option<Value>> {
        let Some(keyspace) = &self.keyspace else {
            return Ok(None);
        };
        let read = session.map(keyspace, &[child.place], |view| {
            let object = reader.object_of(view.record.key, &view.value()?, view.revision.main);
            Ok(object.ok().map(|object| object.json))
        })?;
        Ok(read.into_iter().flatten().flatten().next())
    }
}

/// An object that has something among its owners.
struct Child {
    key: Vec<u8>,
    /// The uids of those owners.
    owners: Vec<String>,
    /// An owner was gone already when the snapshot was saved, so that the garbage collector may delete it any moment.
    is_doomed: bool,
    /// All but what tells who it is, and its owners, is left out.
    object: Value,
    place: RecordPlace,
}

enum Dependent {
    Child(Child),
    Volume(Value),
}

/// The objects at a revision that have one of the uids among their owners, and the volumes of such claims.
fn dependents_of<'i>(
    session: &Session<'i>,
    revision: i64,
    reader: &ValueReader,
    recreated: &HashSet<String>,
    created: &HashSet<String>,
) -> Result<Dependents<'i>> {
    // So many values are looked at before what was found is put together.
    const AT_ONCE: usize = 8192;
    let (options, workers) = (session.options, &session.workers);
    let newest = Newest::new(KeyFilter::all(), revision, options.memory_limit);
    // What is damaged was found when the states were compared.
    let mut known = Collector::new(0);
    let (keyspace, parts) =
        Keyspace::scan(&session.database, &newest, workers, options, &mut known)?;
    let places = Newest::select(&parts, Wanted::Live, workers)?;
    drop(parts);
    let mut found = Dependents::default();
    for some in places.chunks(AT_ONCE) {
        let dependents = session.map(&keyspace, some, |view| {
            let key = view.record.key;
            let object = reader.object_of(key, &view.value()?, view.revision.main);
            let json = object.map(|object| object.json).unwrap_or_default();
            let claim = json
                .pointer("/spec/claimRef/uid")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if created.contains(claim) {
                let mut volume = identity_of(&json);
                if let Some(members) = volume.as_object_mut() {
                    let claim = json.pointer("/spec/claimRef").cloned();
                    members.insert("spec".into(), serde_json::json!({"claimRef": claim}));
                }
                return Ok(Some(Dependent::Volume(volume)));
            }
            let references = owner_references(&json).iter();
            let owners: Vec<String> = references
                .filter_map(|owner| owner.get("uid")?.as_str())
                .filter(|uid| recreated.contains(*uid) || created.contains(*uid))
                .map(str::to_owned)
                .collect();
            if owners.is_empty() {
                return Ok(None);
            }
            let is_doomed = owners.iter().any(|uid| created.contains(uid));
            Ok(Some(Dependent::Child(Child {
                key: key.to_vec(),
                owners,
                is_doomed,
                object: identity_of(&json),
                place: view.place,
            })))
        })?;
        for dependent in dependents.into_iter().flatten().flatten() {
            match dependent {
                Dependent::Child(child) => found.children.push(child),
                Dependent::Volume(volume) => found.volumes.push(volume),
            }
        }
    }
    found.keyspace = Some(keyspace);
    Ok(found)
}

/// The node ports of all Services at a revision.
fn ports_in_use(
    session: &Session<'_>,
    revision: i64,
    reader: &ValueReader,
) -> Result<BTreeSet<u64>> {
    const AT_ONCE: usize = 8192;
    let (options, workers) = (session.options, &session.workers);
    let newest = Newest::new(KeyFilter::all(), revision, options.memory_limit);
    // What is damaged was found when the states were compared.
    let mut known = Collector::new(0);
    let (keyspace, parts) =
        Keyspace::scan(&session.database, &newest, workers, options, &mut known)?;
    let places = Newest::select(&parts, Wanted::Live, workers)?;
    drop(parts);
    let mut found = BTreeSet::new();
    for some in places.chunks(AT_ONCE) {
        let ports = session.map(&keyspace, some, |view| {
            let object = reader.object_of(view.record.key, &view.value()?, view.revision.main);
            let service = object.ok().filter(|object| is_service(&object.json));
            Ok(service.map(|object| node_ports(&object.json)))
        })?;
        found.extend(ports.into_iter().flatten().flatten().flatten());
    }
    Ok(found)
}

/// Splits items into what is held in memory together, with both states of each.
fn few_at_once<'r, 'd>(
    items: &'r [&'d Item],
    direction: Direction,
) -> impl Iterator<Item = &'r [&'d Item]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut bytes = 0u64;
        let count = rest
            .iter()
            .take(BATCH)
            .take_while(|item| {
                let states = [direction.wanted(item), direction.present(item)];
                let size = states.iter().flatten().map(|facts| facts.value_size).sum();
                bytes = bytes.saturating_add(size);
                bytes <= BATCH_BYTES
            })
            .count();
        let (few, behind) = rest.split_at_checked(count.max(1))?;
        rest = behind;
        Some(few)
    })
}

/// One state of each item.
fn looks<'i>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    reader: &ValueReader,
    items: &[&Item],
    state: impl Fn(&Item) -> Option<RecordFacts>,
) -> Result<Vec<ObjectState>> {
    let mut all: Vec<ObjectState> = Vec::new();
    all.resize_with(items.len(), || ObjectState::None);
    let records = || {
        let numbered = items.iter().enumerate();
        numbered.filter_map(|(place, item)| Some((place, item.key.as_slice(), state(item)?)))
    };
    let mut places = records().map(|(place, ..)| place);
    fetch(
        session,
        keyspace,
        records().map(|(_, key, facts)| facts.with_key(key)),
        |key, value, revision| ObjectState::of(key, value, revision, reader),
        |_, look| {
            let slot = places.next().and_then(|place| all.get_mut(place));
            if let Some(slot) = slot {
                let lost = || ObjectState::Unreadable("its value cannot be read any more".into());
                *slot = look.unwrap_or_else(lost);
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(all)
}

/// Decides what is to be done about single objects.
struct Planner<'p> {
    known: &'p KnownKinds,
    reader: &'p ValueReader,
    /// Finds what would be hidden, also where nothing is to be hidden.
    marker: Redactor,
    left_behind: HashSet<&'p [u8]>,
    /// The versions that are served while the steps are taken.
    served: ServedVersions,
    /// By its key, how a Service has to step aside first.
    asides: HashMap<Vec<u8>, Aside>,
}

type Planned = (Todo, Option<StepFile>);

impl Planner<'_> {
    fn todo(
        &self,
        item: &Item,
        direction: Direction,
        present: ObjectState,
        wanted: ObjectState,
    ) -> Planned {
        let left_out = |why: &str| (Todo::LeftOut(why.to_string()), None);
        let is_left_behind = self.left_behind.contains(item.key.as_slice());
        match (direction.wanted(item), item.change) {
            (_, KeyChange::Unknown) => {
                return left_out("damage in a file hides what became of it");
            }
            _ if item.kind.is_empty() => return (Todo::NoObject, None),
            (_, KeyChange::Touched(_) | KeyChange::Lease) => return (Todo::Nothing, None),
            _ if is_kept_by_what_runs(&item.api_version, &item.kind) => {
                return (Todo::Others, None);
            }
            (None, _) if !item.damage.is_empty() => {
                return left_out(
                    "to be deleted, but damaged: an API server cannot; delete its key",
                );
            }
            (Some(_), _) if is_damaged(item, direction) => {
                let why = item.damage.iter().map(|(_, flaw)| flaw.to_string()).next();
                return left_out(&format!("damaged: {}", why.unwrap_or_default()));
            }
            (None, _) if item.is_made_by_others && !is_left_behind => {
                return (Todo::Others, None);
            }
            _ => {}
        }
        let (mut present, mut wanted) = (present, wanted);
        let unserved = self.serve(&mut present, &mut wanted);
        match (present, wanted) {
            (ObjectState::None, ObjectState::None) => (Todo::Nothing, None),
            (_, ObjectState::Owned(_)) => (Todo::Others, None),
            (ObjectState::Owned(_), ObjectState::None) if !is_left_behind => (Todo::Others, None),
            (_, ObjectState::Unreadable(why)) => (Todo::LeftOut(why), None),
            // Without its uid nobody can tell that it is still the same.
            (ObjectState::Unreadable(why), ObjectState::None) if item.uid.is_none() => {
                left_out(&format!("to be deleted, but {why}"))
            }
            (ObjectState::Unreadable(why), ObjectState::Object(_)) => left_out(&format!(
                "it is there, but what it is now is unknown: {why}"
            )),
            (ObjectState::Unreadable(_), ObjectState::None) => {
                self.deletion(item, &item.api_version, item.uid.as_deref(), false)
            }
            (ObjectState::Object(present) | ObjectState::Owned(present), ObjectState::None) => {
                if is_made_by_cluster(&present.json) {
                    return (Todo::Others, None);
                }
                let uid = uid_of(&present.json);
                let is_default = is_default_class(&present.json);
                self.deletion(item, api_version_of(&present.json), Some(uid), is_default)
            }
            (ObjectState::None, ObjectState::Object(wanted)) => match unserved {
                Err(why) => (Todo::LeftOut(why), None),
                Ok(()) => self.creation(item, &wanted.json),
            },
            (
                ObjectState::Object(present) | ObjectState::Owned(present),
                ObjectState::Object(wanted),
            ) => match (self.change(item, &present, &wanted), unserved) {
                ((Todo::Take(..), _), Err(why)) => (Todo::LeftOut(why), None),
                (planned, _) => planned,
            },
        }
    }

    /// The step that takes a Service out of the way of another one; not taken where the other step of it could not be.
    fn step_aside(
        &self,
        item: &Item,
        present: &ObjectState,
        wanted: &ObjectState,
    ) -> Option<(Step, StepFile)> {
        let aside = self.asides.get(&item.key)?;
        let (ObjectState::Object(present), ObjectState::Object(wanted)) = (present, wanted) else {
            return None;
        };
        let target = self.target(item, api_version_of(&wanted.json))?;
        let schema = KindSchema::with(present, &self.known.lists);
        let present = self.comparable(item, &present.json);
        let wanted = self.comparable(item, &wanted.json);
        let whole = json_patch(&present, &wanted, &schema, false);
        let mut patch = json_patch(&present, &aside.of(&present), &schema, false);
        let tests = whole.operations.into_iter().filter(|one| one.op == "test");
        patch.operations.splice(0..0, tests);
        let mut step = Step::new(StepVerb::Patch, target);
        step.is_preparation = true;
        step.is_without_health_port = aside.without_health;
        Some((step, StepFile::Patch(patch)))
    }

    /// Gives both states a version that is served.
    fn serve(&self, present: &mut ObjectState, wanted: &mut ObjectState) -> Result<(), String> {
        match (present, wanted) {
            (
                ObjectState::Object(present) | ObjectState::Owned(present),
                ObjectState::Object(wanted),
            ) => self.served.serve_both(&mut present.json, &mut wanted.json),
            (_, ObjectState::Object(wanted)) => self.served.serve(&mut wanted.json),
            (ObjectState::Object(present) | ObjectState::Owned(present), _) => {
                self.served.serve(&mut present.json)
            }
            _ => Ok(()),
        }
    }

    /// The steps that tie what depends on objects of new uids to them: when an owner is deleted, references to it are taken
    /// out, or what it owned is deleted too. Who controls something finds it without.
    fn follow_ups<'d>(
        &self,
        tasks: &[Task<'d>],
        dependents: &Dependents<'_>,
        whole: impl Fn(&Child) -> Result<Option<Value>>,
        wanted_of: impl Fn(&Item) -> Result<Option<Value>>,
        mut each: impl FnMut(&'d Item, Step, StepFile) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let mut owners: HashMap<&str, &'d Item> = HashMap::new();
        // What is made or deleted itself is none of these.
        let mut others: HashSet<&[u8]> = HashSet::new();
        let mut patched: HashMap<&[u8], &'d Item> = HashMap::new();
        // Their own patches look their owners up.
        let mut adopted: HashSet<&[u8]> = HashSet::new();
        for task in tasks {
            let (Some(step), item) = (task.todo.step(), task.item) else {
                continue;
            };
            if matches!(step.verb, StepVerb::Create | StepVerb::Recreate)
                && let Some(uid) = step.uid.as_deref().or(item.uid.as_deref())
            {
                owners.insert(uid, item);
            }
            match step.verb {
                StepVerb::Patch => {
                    patched.insert(&item.key, item);
                    if !step.owners.is_empty() {
                        adopted.insert(&item.key);
                    }
                }
                _ => {
                    others.insert(&item.key);
                }
            }
        }
        for child in &dependents.children {
            let uids: HashSet<&str> = child.owners.iter().map(String::as_str).collect();
            let item = child.owners.iter().find_map(|uid| owners.get(uid.as_str()));
            let Some(item) = item.copied() else {
                continue;
            };
            let own = patched.get(child.key.as_slice()).copied();
            let wanted = match own {
                Some(own) => wanted_of(own)?,
                None => None,
            };
            let references = owner_references(&child.object);
            let has_others = references.len() > child.owners.len();
            let is_taken_out = !child.is_doomed || has_others;
            // What the references are when its own patch was made.
            let mut patched_child = child.object.clone();
            if let (Some(wanted), Some(references)) = (
                &wanted,
                patched_child.pointer_mut("/metadata/ownerReferences"),
            ) {
                *references =
                    kept_owners(owner_references(&child.object), owner_references(wanted));
            }
            let (mine, patch) = adoption(&patched_child, |uid| uids.contains(uid), is_taken_out);
            let is_controlled = |reference: &Value| {
                reference.get("controller").and_then(Value::as_bool) == Some(true)
            };
            if references
                .iter()
                .any(|reference| is_among(reference, &uids) && is_controlled(reference))
                || others.contains(child.key.as_slice())
            {
                continue;
            }
            let owners: Vec<StepOwner> = mine
                .iter()
                .filter_map(|reference| self.owner(reference))
                .collect();
            let Some(target) = self.target_of(&child.object) else {
                continue;
            };
            if !mine.is_empty() && !adopted.contains(child.key.as_slice()) {
                let mut step = Step::new(StepVerb::Patch, target.clone());
                step.owners = owners;
                step.is_follow_up = true;
                if each(item, step, StepFile::Patch(patch)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if is_taken_out {
                continue;
            }
            let object = match own {
                Some(_) => wanted,
                None => whole(child)?,
            };
            if let Some(object) = object
                && let Some((step, file)) = self.second_creation(&child.key, object)
                && each(item, step, file).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        for volume in &dependents.volumes {
            let claim = volume.pointer("/spec/claimRef/uid").and_then(Value::as_str);
            let item = claim.and_then(|claim| owners.get(claim)).copied();
            let patch = release_of_volume(volume);
            if let (Some(item), Some(target), Some(patch)) = (item, self.target_of(volume), patch) {
                let mut step = Step::new(StepVerb::Patch, target);
                step.is_follow_up = true;
                if each(item, step, StepFile::Patch(patch)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Creates what the garbage collector may have deleted since the snapshot.
    fn second_creation(&self, key: &[u8], mut object: Value) -> Option<(Step, StepFile)> {
        if is_being_deleted(&object) {
            return None;
        }
        self.served.serve(&mut object).ok()?;
        let (json, owners, is_secret) = self.manifest(key, &object)?;
        let mut step = Step::new(StepVerb::Create, self.target_of(&object)?);
        step.owners = owners;
        step.is_secret = is_secret;
        step.is_made_by_cluster = true;
        step.is_follow_up = true;
        let kind = object.get("kind").and_then(Value::as_str);
        step.on_request = what_it_starts(api_version_of(&object), kind.unwrap_or_default())
            .map(|why| OnRequest::Create(why.to_string()));
        Some((step, file_of(json)))
    }

    /// An object of which there is no item.
    fn target_of(&self, object: &Value) -> Option<StepTarget> {
        let metadata = |field: &str| object.get("metadata")?.get(field)?.as_str();
        let api_version = api_version_of(object);
        let kind = object.get("kind").and_then(Value::as_str)?;
        let resource = self.known.resources.of_kind_or_guess(api_version, kind);
        StepTarget::new(
            &resource,
            api_version,
            metadata("namespace"),
            metadata("name")?,
        )
    }

    /// Has what was controlled by workloads that are deleted and created again deleted where the state that is wanted does
    /// not have it; nobody else would. Gives the keys.
    fn left_by_recreated<'d>(
        &self,
        direction: Direction,
        tasks: &mut [Task<'d>],
    ) -> HashSet<&'d [u8]> {
        let mut owners: HashSet<String> = tasks
            .iter()
            .filter_map(|task| task.todo.step())
            .filter(|step| step.verb == StepVerb::Recreate && step.on_request.is_none())
            .filter_map(|step| step.uid.clone())
            .collect();
        let mut late = HashSet::new();
        for _ in 0..DEEPEST {
            let before = late.len();
            for task in tasks.iter_mut() {
                let item = task.item;
                let is_left = task.todo == Todo::Others
                    && direction.wanted(item).is_none()
                    && item
                        .owner
                        .as_ref()
                        .is_some_and(|owner| owners.contains(owner));
                if !is_left {
                    continue;
                }
                let (todo, _) = self.deletion(item, &item.api_version, item.uid.as_deref(), false);
                if todo.step().is_some_and(|step| step.on_request.is_none()) {
                    task.todo = todo;
                    late.insert(item.key.as_slice());
                    owners.extend(item.uid.clone());
                }
            }
            if late.len() == before {
                break;
            }
        }
        late
    }

    fn target(&self, item: &Item, api_version: &str) -> Option<StepTarget> {
        let kind = self
            .known
            .resources
            .of_kind_or_guess(api_version, &item.kind);
        StepTarget::new(
            &kind,
            api_version,
            item.namespace.as_deref(),
            item.name.as_deref()?,
        )
    }

    fn deletion(
        &self,
        item: &Item,
        api_version: &str,
        uid: Option<&str>,
        is_default: bool,
    ) -> Planned {
        let Some(target) = self.target(item, api_version) else {
            let why = "to be deleted, but its name is not one that objects can have";
            return (Todo::LeftOut(why.into()), None);
        };
        let Some(uid) = uid.filter(|uid| is_uid(uid)) else {
            let why = "to be deleted, but it has no uid by which it can be told from another one";
            return (Todo::LeftOut(why.into()), None);
        };
        let kind = &item.kind;
        let mut step = Step::new(StepVerb::Delete, target);
        step.uid = Some(uid.to_string());
        step.on_request =
            what_goes_along(api_version, kind).map(|why| OnRequest::Delete(why.to_string()));
        step.is_gate = is_default || is_gate(api_version, kind);
        step.is_orphaning = is_workload(api_version, kind);
        (Todo::Take(Box::new(step), Content::None), None)
    }

    /// The manifest of what is wanted, and the owners that it had.
    fn manifest(&self, key: &[u8], wanted: &Value) -> Option<(Value, Vec<StepOwner>, bool)> {
        let json = self.with_status(manifest(wanted), wanted);
        let owners = owner_references(wanted).iter();
        let owners = owners.filter_map(|owner| self.owner(owner)).collect();
        let is_secret = self.marker.redact_stored(key, &mut json.clone());
        if is_secret && self.reader.redactor.is_some() {
            return None;
        }
        Some((json, owners, is_secret))
    }

    /// Puts the status back into what was cleaned of it, where it is a field like any other.
    fn with_status(&self, mut cleaned: Value, object: &Value) -> Value {
        if self.served.custom.has_plain_status(object)
            && let (Some(members), Some(status)) = (cleaned.as_object_mut(), object.get("status"))
        {
            members.insert("status".into(), status.clone());
        }
        cleaned
    }

    fn owner(&self, reference: &Value) -> Option<StepOwner> {
        StepOwner::new(reference, |api_version, kind| {
            let resources = &self.known.resources;
            resources.of_kind_or_guess(api_version, kind).into_owned()
        })
    }

    fn creation(&self, item: &Item, wanted: &Value) -> Planned {
        if is_being_deleted(wanted) {
            let why = "it was being deleted in the state that is wanted";
            return (Todo::LeftOut(why.into()), None);
        }
        let Some(target) = self.target(item, api_version_of(wanted)) else {
            let why = "its name is not one that objects can have";
            return (Todo::LeftOut(why.into()), None);
        };
        let Some((json, owners, is_secret)) = self.manifest(&item.key, wanted) else {
            return (Todo::HasSecrets, None);
        };
        let mut step = Step::new(StepVerb::Create, target);
        step.owners = owners;
        step.is_secret = is_secret;
        step.on_request = what_it_starts(&item.api_version, &item.kind)
            .map(|why| OnRequest::Create(why.to_string()));
        step.is_definition = item.kind == "CustomResourceDefinition";
        step.is_made_by_cluster = is_made_by_cluster(wanted);
        let step = Todo::Take(Box::new(step), Content::None);
        (step, Some(file_of(json)))
    }

    /// One that was re-created was given new addresses, and may have been tied to other things.
    fn comparable(&self, item: &Item, object: &Value) -> Value {
        match item.change {
            KeyChange::Recreated => self.with_status(settled(object), object),
            _ => object.clone(),
        }
    }

    fn change(&self, item: &Item, present: &Object, wanted: &Object) -> Planned {
        let mut moved = None;
        if let Some(aside) = self.asides.get(&item.key) {
            let mut object = present.clone();
            object.json = aside.of(&present.json);
            moved = Some(object);
        }
        let present = moved.as_ref().unwrap_or(present);
        let left_out = |why: &str| (Todo::LeftOut(why.to_string()), None);
        let uid = uid_of(&present.json);
        let Some(target) = self.target(item, api_version_of(&wanted.json)) else {
            return left_out("its name is not one that objects can have");
        };
        let schema = KindSchema::with(present, &self.known.lists);
        let comparable = |object: &Value| self.comparable(item, object);
        let patch_of = |present: &Value, wanted: &Value| {
            let has_plain_status = self.served.custom.has_plain_status(wanted);
            let (present, wanted) = (comparable(present), comparable(wanted));
            json_patch(&present, &wanted, &schema, has_plain_status)
        };
        let patch = patch_of(&present.json, &wanted.json);
        let is_going = is_being_deleted(&present.json);
        if patch.is_empty() && (!is_going || is_being_deleted(&wanted.json)) {
            let todo = match is_aggregated(&wanted.json) {
                true => Todo::Others,
                false => Todo::Nothing,
            };
            return (todo, None);
        }
        if !is_uid(uid) {
            return left_out("it has no uid by which it can be told from another one");
        }
        if is_being_deleted(&wanted.json) {
            return left_out("it was being deleted in the state that is wanted");
        }
        let is_guarded = what_goes_along(&item.api_version, &item.kind);
        let cannot_change =
            immutable_difference(&comparable(&present.json), &comparable(&wanted.json));
        if is_going && what_it_starts(&item.api_version, &item.kind).is_some() {
            return left_out(
                "it is being deleted, and would not be what it was if it were created again",
            );
        }
        if is_going && item.kind == "CustomResourceDefinition" {
            return left_out(
                "it is being deleted, and all objects of its kind with it: compare again when it is gone",
            );
        }
        if (is_going || cannot_change.is_some()) && item.kind != "CustomResourceDefinition" {
            let Some((json, owners, is_secret)) = self.manifest(&item.key, &wanted.json) else {
                return (Todo::HasSecrets, None);
            };
            let mut step = Step::new(StepVerb::Recreate, target);
            step.uid = Some(uid.to_string());
            step.owners = owners;
            step.is_secret = is_secret;
            // What is being deleted cannot be kept by anybody.
            step.on_request = is_guarded
                .filter(|_| !is_going)
                .map(|why| OnRequest::Delete(why.to_string()));
            step.is_gate = is_gate(&item.api_version, &item.kind);
            step.is_orphaning = is_workload(&item.api_version, &item.kind);
            step.addresses = addresses_of(&wanted.json);
            let step = Todo::Take(Box::new(step), Content::None);
            return (step, Some(file_of(json)));
        }
        let hidden = |object: &Value| {
            let mut object = object.clone();
            self.marker.redact_stored(&item.key, &mut object);
            object
        };
        let is_secret = patch_of(&hidden(&present.json), &hidden(&wanted.json)) != patch;
        if is_secret && self.reader.redactor.is_some() {
            return (Todo::HasSecrets, None);
        }
        if api_version_of(&present.json) != api_version_of(&wanted.json) {
            let is_hidden = self
                .marker
                .redact_stored(&item.key, &mut wanted.json.clone());
            if is_hidden && self.reader.redactor.is_some() {
                return (Todo::HasSecrets, None);
            }
            let mut step = Step::new(StepVerb::Replace, target);
            step.is_secret = is_hidden;
            let json = in_place_of(&wanted.json, &present.json);
            let step = Todo::Take(Box::new(step), Content::None);
            return (step, Some(StepFile::Request(json)));
        }
        let mut step = Step::new(StepVerb::Patch, target);
        step.is_secret = is_secret;
        step.is_gate = is_gate(&item.api_version, &item.kind) && may_refuse(&present.json);
        step.owners = patch
            .owners
            .iter()
            .filter_map(|owner| self.owner(owner))
            .collect();
        let step = Todo::Take(Box::new(step), Content::None);
        (step, Some(StepFile::Patch(patch)))
    }
}

fn file_of(json: Value) -> StepFile {
    match is_applied(&json) {
        true => StepFile::Request(json),
        false => StepFile::Manifest(json),
    }
}

/// How deep workloads control each other: Deployment, ReplicaSet, Pod; CronJob, Job, Pod; and a kind of somebody else's
/// above them.
const DEEPEST: usize = 4;

/// What is left behind by what is deleted, and by nobody else looked after: the keys of objects that only the other state
/// has, of which the controller is deleted so that they stay.
fn left_behind<'d>(items: &[&'d Item], direction: Direction) -> HashSet<&'d [u8]> {
    let gone: Vec<&Item> = items
        .iter()
        .copied()
        .filter(|item| direction.wanted(item).is_none() && item.change != KeyChange::Unknown)
        .collect();
    let is_orphaning = |item: &Item| is_workload(&item.api_version, &item.kind);
    let mut owners: HashSet<&str> = gone
        .iter()
        .filter(|item| !item.is_made_by_others && is_orphaning(item))
        .filter_map(|item| item.uid.as_deref())
        .collect();
    let mut left: HashSet<&[u8]> = HashSet::new();
    for _ in 0..DEEPEST {
        let before = left.len();
        for item in &gone {
            let is_left = item
                .owner
                .as_deref()
                .is_some_and(|owner| owners.contains(owner));
            if is_left && left.insert(&item.key) && is_orphaning(item) {
                owners.extend(item.uid.as_deref());
            }
        }
        if left.len() == before {
            break;
        }
    }
    left
}

/// True for a reference to an owner of one of these uids.
fn is_among(reference: &Value, uids: &HashSet<&str>) -> bool {
    let uid = reference.get("uid").and_then(Value::as_str);
    uid.is_some_and(|uid| uids.contains(uid))
}

/// True for a uid that may stand in a request.
fn is_uid(uid: &str) -> bool {
    !uid.is_empty() && uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Puts the steps into their order, and tells which need which.
fn sort(tasks: &mut [Task<'_>], late: &HashSet<&[u8]>) {
    tasks.sort_by_cached_key(|task| {
        let order = match task.todo.step() {
            Some(_) if late.contains(task.item.key.as_slice()) => {
                order_behind_workloads(&task.item.api_version, &task.item.kind)
            }
            Some(step) => step_order(
                step.verb,
                &task.item.api_version,
                &task.item.kind,
                step.is_gate,
            ),
            None => u8::MAX,
        };
        let place = (
            order,
            task.todo
                .step()
                .map(|step| (step.is_follow_up, !step.is_preparation)),
            task.item.namespace.clone(),
            task.printed_name.clone(),
        );
        (task.todo.step().is_none(), place)
    });
    // What is created, by what others call it: resource, namespace, name.
    let mut created: HashMap<(String, Option<String>, String), usize> = HashMap::new();
    owners_first(tasks);
    let mut by_key: HashMap<Vec<u8>, usize> = HashMap::new();
    for (place, task) in tasks.iter().enumerate() {
        if task.todo.step().is_some_and(|step| step.is_preparation) {
            by_key.insert(task.item.key.clone(), place);
        }
        if let Some(step) = task.todo.step()
            && matches!(step.verb, StepVerb::Create | StepVerb::Recreate)
        {
            if !step.is_follow_up {
                by_key.insert(task.item.key.clone(), place);
            }
            let target = &step.target;
            created.insert(
                (
                    unversioned(&target.resource),
                    target.namespace.clone(),
                    target.name.clone(),
                ),
                place,
            );
        }
    }
    // Definitions, by the resource that they define; what is deleted only when asked for, with what it controls.
    let mut deleted_definitions: HashMap<String, usize> = HashMap::new();
    let mut asked_deletions: HashMap<String, usize> = HashMap::new();
    for (place, task) in tasks.iter().enumerate() {
        let Some(step) = task.todo.step() else {
            continue;
        };
        if step.verb != StepVerb::Delete {
            continue;
        }
        if unversioned(&step.target.resource) == DEFINITIONS {
            deleted_definitions.insert(step.target.name.clone(), place);
        }
        let controller = task.item.owner.as_ref();
        let is_asked = step.on_request.is_some()
            || controller.is_some_and(|uid| asked_deletions.contains_key(uid));
        if is_asked && let Some(uid) = &step.uid {
            asked_deletions.insert(uid.clone(), place);
        }
    }
    for (place, task) in tasks.iter_mut().enumerate() {
        let Todo::Take(step, _) = &mut task.todo else {
            continue;
        };
        let resource = unversioned(&step.target.resource);
        if step.verb == StepVerb::Delete {
            step.goes_with = deleted_definitions.get(&resource).copied();
            let controller = task.item.owner.as_deref();
            if let Some(controller) = controller.and_then(|uid| asked_deletions.get(uid)) {
                step.needs = vec![*controller];
                step.on_request.get_or_insert_with(|| {
                    OnRequest::Delete("what controls it is deleted only when asked for".into())
                });
            }
            continue;
        }
        let mut wanted = vec![(DEFINITIONS.to_string(), None, resource)];
        if let Some(namespace) = &step.target.namespace {
            wanted.push(("namespaces.".to_string(), None, namespace.clone()));
        }
        for owner in &step.owners {
            let resource = unversioned(&owner.resource);
            let inside = step.target.namespace.clone();
            wanted.push((resource.clone(), inside, owner.name.clone()));
            wanted.push((resource, None, owner.name.clone()));
        }
        let needs: BTreeSet<usize> = wanted
            .iter()
            .filter_map(|who| created.get(who))
            .copied()
            .chain(by_key.get(&task.item.key).copied())
            .collect();
        step.needs = needs.into_iter().filter(|need| *need < place).collect();
    }
    created_if_gone(tasks);
}

/// Who an object is to the server: resource, namespace, name.
type Who = (String, Option<String>, String);

fn who(target: &StepTarget) -> Who {
    (
        unversioned(&target.resource),
        target.namespace.clone(),
        target.name.clone(),
    )
}

/// Has what may have gone with its owner created again only when its patches were made, or found it gone, and tells
/// these which step that is.
fn created_if_gone(tasks: &mut [Task<'_>]) {
    let mut creations: HashMap<Who, usize> = HashMap::new();
    for (place, task) in tasks.iter().enumerate() {
        if let Some(step) = task.todo.step()
            && step.verb == StepVerb::Create
            && step.is_follow_up
        {
            creations.insert(who(&step.target), place);
        }
    }
    if creations.is_empty() {
        return;
    }
    let mut patches: Vec<(usize, usize)> = Vec::new();
    for (place, task) in tasks.iter_mut().enumerate() {
        if let Todo::Take(step, _) = &mut task.todo
            && step.verb == StepVerb::Patch
            && let Some(creation) = creations.get(&who(&step.target)).copied()
            && place < creation
        {
            step.created_by = Some(creation);
            patches.push((creation, place));
        }
    }
    for (creation, patch) in patches {
        if let Some(task) = tasks.get_mut(creation)
            && let Todo::Take(step, _) = &mut task.todo
            && !step.needs.contains(&patch)
        {
            step.needs.push(patch);
            step.needs.sort_unstable();
        }
    }
}

/// Moves what is owned behind what owns it, where both are created.
fn owners_first(tasks: &mut [Task<'_>]) {
    // Owners of owners are few; those that own each other stay where they are.
    const MOST: usize = 8;
    for _ in 0..MOST {
        let mut places: HashMap<(String, String), usize> = HashMap::new();
        let mut patches: HashMap<Who, usize> = HashMap::new();
        for (place, task) in tasks.iter().enumerate() {
            if let Some(step) = task.todo.step()
                && step.verb == StepVerb::Patch
                && !step.is_follow_up
            {
                patches.insert(who(&step.target), place);
            }
            if let Some(step) = task.todo.step()
                && matches!(step.verb, StepVerb::Create | StepVerb::Recreate)
            {
                let who = (unversioned(&step.target.resource), step.target.name.clone());
                let last = places.entry(who).or_default();
                *last = place.max(*last);
            }
        }
        let mut moved = false;
        let mut order: Vec<(usize, usize)> = Vec::with_capacity(tasks.len());
        for (place, task) in tasks.iter().enumerate() {
            let owners = task.todo.step().into_iter().flat_map(|step| &step.owners);
            // What follows on a patch of the object itself comes behind that.
            let follow_up = task.todo.step().filter(|step| step.is_follow_up);
            let own = follow_up.and_then(|step| patches.get(&who(&step.target)));
            let behind = owners
                .filter_map(|owner| places.get(&(unversioned(&owner.resource), owner.name.clone())))
                .chain(own)
                .max()
                .copied();
            match behind.filter(|owner| *owner > place) {
                Some(owner) => {
                    moved = true;
                    order.push((owner, 1));
                }
                None => order.push((place, 0)),
            }
        }
        if !moved {
            return;
        }
        let mut keyed: Vec<usize> = (0..tasks.len()).collect();
        keyed.sort_by_key(|place| order.get(*place).copied());
        let mut to = vec![0usize; keyed.len()];
        for (position, from) in keyed.into_iter().enumerate() {
            if let Some(slot) = to.get_mut(from) {
                *slot = position;
            }
        }
        permute(tasks, &mut to);
    }
}

/// Moves each element to its new place.
fn permute<T>(elements: &mut [T], to: &mut [usize]) {
    for place in 0..elements.len() {
        while let Some(target) = to.get(place).copied().filter(|target| *target != place) {
            elements.swap(place, target);
            to.swap(place, target);
        }
    }
}

/// True when the wanted state of an object is damaged.
fn is_damaged(item: &Item, direction: Direction) -> bool {
    let side = match direction {
        Direction::ToOld => "old",
        Direction::ToNew => "new",
    };
    item.damage.iter().any(|(damaged, _)| *damaged == side)
}
