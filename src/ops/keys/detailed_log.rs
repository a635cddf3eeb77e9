//! The change log with the values looked at: changes of some kinds and namespaces, without noise, field by field.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::change::{Action, State, StateReader, ValueChange};
use super::history::{Before, ShownChange};
use super::log::{Event, LogQuery, LogSummary};
use crate::error::Result;
use crate::etcd::keyspace::{
    GatherRows, KeyRecord, Keyspace, RecordFacts, RecordPlace, RowOrder, Rows,
};
use crate::kubernetes::Flaw;
use crate::kubernetes::catalog::resources::{Resource, Resources};
use crate::kubernetes::check::layout::KeyLayout;
use crate::kubernetes::compare::difference::{FieldPath, Step};
use crate::kubernetes::compare::noise::{NoiseProfile, noise_of_key};
use crate::ops::objects::ObjectsQuery;
use crate::ops::objects::definitions::{DefinitionVisitor, note_newest, resources};
use crate::ops::objects::reader::ValueReader;
use crate::ops::objects::stored::{Classifier, LayoutVisitor, ObjectIdentity, StoredValue};
use crate::ops::objects::wanted::WantedKinds;
use crate::ops::session::{BATCH, BATCH_BYTES, Session, fetch};
use crate::ops::times::{TimeLine, Times};

/// Which changes of a log are wanted, as far as it takes a look at the objects.
#[derive(Debug, Clone)]
pub struct ChangeFilter {
    /// Only of these kinds, as people call them; none: of all, and of what is not an object.
    pub kinds: Vec<String>,
    /// Only in these namespaces; none: anywhere.
    pub namespaces: Vec<String>,
    /// Which changes are left out as noise.
    pub noise: NoiseProfile,
    /// The fields of each change are wanted, or it takes them to tell what is noise.
    pub reads_values: bool,
}

/// Changes of one transaction. One of very many changes comes in several parts.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPart {
    /// The main revision.
    pub revision: i64,
    /// The transaction did not happen before this time, in seconds since 1970.
    pub not_before: Option<i64>,
    /// The part before was of the same transaction.
    pub is_continued: bool,
    /// Changes that are wanted.
    pub changes: Vec<ShownChange>,
}

/// What became of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailedLog {
    /// What was shown.
    pub summary: LogSummary,
    /// How many changes were left out as noise, by rule.
    pub noise: BTreeMap<&'static str, u64>,
    /// Words for kinds of which no change is among those that were looked at.
    pub unseen_kinds: Vec<String>,
    /// Namespaces in which there is none.
    pub unseen_namespaces: Vec<String>,
}

/// Gives the wanted changes of a span of revisions to `each`, with the kinds of the file, until it breaks off.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn log_in_detail(
    session: &mut Session<'_>,
    query: &LogQuery,
    which: &ChangeFilter,
    reader: &ValueReader,
    each: &mut dyn FnMut(&LogPart, &Resources) -> ControlFlow<()>,
) -> Result<DetailedLog> {
    let known = Known::scan(session, query)?;
    let bounds = known.keyspace.bounds();
    let (from, to) = query.span(bounds)?;
    let kinds = ObjectsQuery {
        kinds: which.kinds.clone(),
        ..ObjectsQuery::default()
    };
    let wanted = WantedKinds::of(&kinds, &known.resources)?;
    let mut log = Log {
        query,
        looker: Looker {
            which,
            wanted,
            classifier: Classifier {
                reader,
                resources: &known.resources,
                layout: &known.layout,
            },
            states: StateReader::new(reader),
        },
        span: known.in_span(from, to),
        known: &known,
        result: DetailedLog {
            summary: LogSummary {
                since: query.since,
                until: query.until,
                ..LogSummary::of_nothing(bounds)
            },
            noise: BTreeMap::new(),
            unseen_kinds: Vec::new(),
            unseen_namespaces: which.namespaces.clone(),
        },
        kinds: HashMap::new(),
        last: None,
        is_over: query.limit == Some(0),
        each,
    };
    let mut order = log.span.clone();
    if query.descending {
        // The changes of a transaction stay in their order.
        let revision = |row: &u32| known.record(*row).facts.revision.main;
        order.sort_by_key(|row| std::cmp::Reverse(revision(row)));
    }
    let mut rest = order.as_slice();
    while !rest.is_empty() && !log.is_over {
        session.options.cancel.check()?;
        let (batch, behind) = rest.split_at(known.batch_len(rest));
        rest = behind;
        log.batch(session, batch)?;
    }
    log.result.unseen_kinds = log.unseen_kinds();
    Ok(log.result)
}

/// No row.
const NONE: u32 = u32::MAX;

/// All records of the keys that are asked for, and what is known of the file.
struct Known<'i> {
    keyspace: Keyspace<'i>,
    /// By key, then by revision.
    rows: Rows,
    /// Of each row, the put before it of the same key, whether that was deleted since, and whether there is any record
    /// before it.
    before: Vec<(u32, bool, bool)>,
    resources: Resources,
    layout: KeyLayout,
    times: Times,
}

impl<'i> Known<'i> {
    fn scan(session: &mut Session<'i>, query: &LogQuery) -> Result<Self> {
        let gather = GatherRows::new(query.filter.clone(), session.options.memory_limit);
        let around = (DefinitionVisitor { revision: 0 }, LayoutVisitor::new());
        let line = TimeLine { is_wanted: true };
        let (keyspace, parts) = session.scan(&(gather, (around, line)))?;
        let (mut gathered, mut layouts, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let mut definitions = BTreeMap::new();
        for (rows, ((of_definitions, layout), time)) in parts {
            gathered.push(rows);
            layouts.push(layout);
            times.push(time);
            for (key, place) in of_definitions {
                note_newest(&mut definitions, &key, place);
            }
        }
        let mut rows = Rows::sorted(gathered, RowOrder::Key, &session.workers)?;
        rows.retain(|record| query.has_glob(record.key));
        let resources = resources(session, &keyspace, definitions.into_values())?;
        let mut before = Vec::with_capacity(rows.len());
        let mut last: Option<(&[u8], u32, bool)> = None;
        for (number, record) in (0u32..).zip(rows.iter()) {
            let of_key = last.filter(|(key, ..)| *key == record.key);
            let (put, is_gone) = of_key.map_or((NONE, false), |(_, put, is_gone)| (put, is_gone));
            before.push((put, is_gone, of_key.is_some()));
            last = Some(match record.facts.is_tombstone {
                true => (record.key, put, true),
                false => (record.key, number, false),
            });
        }
        Ok(Self {
            keyspace,
            rows,
            before,
            resources,
            layout: LayoutVisitor::join(layouts),
            times: TimeLine::join(times),
        })
    }

    fn record(&self, row: u32) -> KeyRecord<'_> {
        self.rows.get(row as usize).unwrap_or(KeyRecord {
            key: &[],
            facts: RecordFacts::default(),
        })
    }

    fn before(&self, row: u32) -> (Option<u32>, bool, bool) {
        let known = self.before.get(row as usize).copied();
        let (put, is_gone, is_known) = known.unwrap_or((NONE, false, false));
        ((put != NONE).then_some(put), is_gone, is_known)
    }

    /// The rows of a span of revisions, by revision.
    fn in_span(&self, from: i64, to: i64) -> Vec<u32> {
        let rows = (0u32..).zip(self.rows.iter());
        let span = rows.filter(|(_, record)| {
            let main = record.facts.revision.main;
            main >= from && main <= to
        });
        let mut span: Vec<u32> = span.map(|(number, _)| number).collect();
        span.sort_unstable_by_key(|row| {
            let facts = self.record(*row).facts;
            (facts.revision, facts.place)
        });
        span
    }

    /// How many of the first rows are looked at together.
    fn batch_len(&self, rows: &[u32]) -> usize {
        let mut bytes = 0u64;
        let mut len = 0usize;
        for row in rows.iter().take(BATCH) {
            let old = self.before(*row).0.map(|put| self.record(put));
            let sizes = [Some(self.record(*row)), old];
            let sizes = sizes.into_iter().flatten();
            let next = sizes.fold(bytes, |sum, record| {
                sum.saturating_add(record.facts.value_size)
            });
            if len > 0 && next > BATCH_BYTES {
                break;
            }
            bytes = next;
            len = len.saturating_add(1);
        }
        len
    }
}

/// Looks at values, on all threads.
struct Looker<'q, 'k> {
    which: &'q ChangeFilter,
    wanted: WantedKinds<'q>,
    classifier: Classifier<'k>,
    states: StateReader,
}

/// A value, and who it is.
struct Looked<'k> {
    state: State,
    who: Option<ObjectIdentity<'k>>,
    flaw: Option<Flaw>,
}

impl<'k> Looker<'_, 'k> {
    fn look(&self, key: &[u8], value: &[u8], mod_revision: i64) -> Looked<'k> {
        let (who, flaw) = match self.classifier.classify(key, value) {
            StoredValue::Object(who, flaw) => (Some(who), flaw),
            StoredValue::Locked(who) => (who, None),
            StoredValue::Damaged(who, flaw) => (who, Some(flaw)),
            StoredValue::ServerLease | StoredValue::Other => (None, None),
        };
        let is_read = self.which.reads_values && (self.takes(who.as_ref()) || self.by_key(key));
        Looked {
            state: match is_read {
                true => self.states.state(key, value, mod_revision),
                false => State::unread(),
            },
            who,
            flaw,
        }
    }

    fn by_key(&self, key: &[u8]) -> bool {
        self.classifier
            .who_by_key(key)
            .is_some_and(|who| self.takes(Some(&who)))
    }

    /// Whether an object is wanted; of what is not an object, whether everything is.
    fn takes(&self, who: Option<&ObjectIdentity<'_>>) -> bool {
        let namespaces = &self.which.namespaces;
        let Some(who) = who else {
            return self.wanted.takes_everything() && namespaces.is_empty();
        };
        let is_in = |namespace: &String| match self.wanted.takes_everything() {
            // Nobody asked for the objects of the cluster.
            true => who.namespace == *namespace,
            false => who.is_in(namespace),
        };
        self.wanted.takes(&who.resource) && (namespaces.is_empty() || namespaces.iter().any(is_in))
    }
}

struct Log<'q, 'k, 'e, 'i> {
    query: &'q LogQuery,
    looker: Looker<'q, 'k>,
    known: &'k Known<'i>,
    /// The rows between the first and the last revision, by revision.
    span: Vec<u32>,
    result: DetailedLog,
    /// The kinds of which there are changes.
    kinds: HashMap<(String, String), Resource>,
    /// The transaction that was given out last.
    last: Option<i64>,
    is_over: bool,
    each: &'e mut dyn FnMut(&LogPart, &Resources) -> ControlFlow<()>,
}

impl<'i> Log<'_, '_, '_, 'i> {
    fn batch(&mut self, session: &Session<'i>, batch: &[u32]) -> Result<()> {
        let known = self.known;
        let is_put = |row: &u32| !known.record(*row).facts.is_tombstone;
        let befores = batch.iter().filter_map(|row| known.before(*row).0);
        let puts = batch.iter().copied().filter(is_put).chain(befores);
        let puts: Vec<u32> = puts.collect::<BTreeSet<u32>>().into_iter().collect();
        let records = puts.iter().map(|row| known.record(*row));
        let looker = &self.looker;
        let mut looked: HashMap<RecordPlace, Looked<'_>> = HashMap::new();
        fetch(
            session,
            &known.keyspace,
            records,
            |key, value, revision| looker.look(key, value, revision),
            |record, made| {
                looked.extend(made.map(|made| (record.facts.place, made)));
                ControlFlow::Continue(())
            },
        )?;
        let same = |a: &u32, b: &u32| {
            let main = |row: &u32| known.record(*row).facts.revision.main;
            main(a) == main(b)
        };
        for group in batch.chunk_by(same) {
            if self.is_over {
                break;
            }
            self.group(group, &looked);
        }
        Ok(())
    }

    /// Gives out what is wanted of the changes of a transaction.
    fn group(&mut self, rows: &[u32], looked: &HashMap<RecordPlace, Looked<'_>>) {
        let mut part = LogPart {
            revision: 0,
            not_before: None,
            is_continued: false,
            changes: Vec::new(),
        };
        for row in rows {
            let record = self.known.record(*row);
            part.revision = record.facts.revision.main;
            part.changes.extend(self.change(*row, looked));
        }
        part.not_before = self.time_of(part.revision);
        let summary = &mut self.result.summary;
        part.is_continued = self.last == Some(part.revision);
        let limit = self.query.limit.map_or(u64::MAX, |limit| limit as u64);
        let is_next = !part.is_continued && !part.changes.is_empty();
        if is_next && summary.transactions >= limit {
            self.is_over = true;
            return;
        }
        if part.changes.is_empty() {
            return;
        }
        summary.transactions = summary.transactions.saturating_add(u64::from(is_next));
        let events = part.changes.len() as u64;
        summary.events = summary.events.saturating_add(events);
        self.last = Some(part.revision);
        self.is_over = (self.each)(&part, &self.known.resources).is_break();
    }

    /// The newest time that the records up to the last one of a transaction tell.
    fn time_of(&self, revision: i64) -> Option<i64> {
        let main = |row: &u32| self.known.record(*row).facts.revision.main;
        let end = self.span.partition_point(|row| main(row) <= revision);
        let last = *self.span.get(..end)?.last()?;
        self.known.times.at(self.known.record(last).facts.place)
    }

    fn change(
        &mut self,
        row: u32,
        looked: &HashMap<RecordPlace, Looked<'_>>,
    ) -> Option<ShownChange> {
        let record = self.known.record(row);
        let facts = record.facts;
        let (put, is_gone, is_known) = self.known.before(row);
        let old = put.map(|put| self.known.record(put).facts);
        let old = old.and_then(|facts| Some((looked.get(&facts.place)?, facts)));
        let new = looked.get(&facts.place).filter(|_| !facts.is_tombstone);
        if new.is_none() && !facts.is_tombstone {
            // It cannot be read any more, which the scan has told.
            return None;
        }
        let by_key = self.looker.classifier.who_by_key(record.key);
        let by_value = match new {
            Some(new) => new.who.as_ref(),
            None => old.and_then(|(old, _)| old.who.as_ref()),
        };
        let takes = |who: &&ObjectIdentity<'_>| self.looker.takes(Some(who));
        let who = by_value.filter(takes).or(by_key.as_ref().filter(takes));
        if who.is_none() && !self.looker.takes(None) {
            return None;
        }
        let who = who.cloned();
        if let Some(who) = &who {
            self.note(who);
        }
        let before = is_known.then(|| Before {
            last: old.map(|(old, facts)| (&old.state, facts)),
            is_gone,
        });
        let flaw = new.and_then(|new| new.flaw.clone());
        let event = Event::of_record(&record);
        let new = new.map(|new| &new.state);
        let change = ShownChange::of(event, new, before, flaw);
        match self.noise(&change, who.as_ref()) {
            Some(rule) => {
                let count = self.result.noise.entry(rule).or_default();
                *count = count.saturating_add(1);
                let all = &mut self.result.summary.noise;
                *all = all.saturating_add(1);
                None
            }
            None => Some(change),
        }
    }

    fn note(&mut self, who: &ObjectIdentity<'_>) {
        let resource = &*who.resource;
        if !self.looker.which.kinds.is_empty() {
            let name = (resource.group.clone(), resource.kind.clone());
            let known = self.kinds.entry(name);
            known.or_insert_with(|| resource.clone());
        }
        let namespaces = &mut self.result.unseen_namespaces;
        namespaces.retain(|namespace| !who.is_in(namespace));
    }

    /// The rule by which a change is noise.
    fn noise(
        &self,
        change: &ShownChange,
        who: Option<&ObjectIdentity<'_>>,
    ) -> Option<&'static str> {
        let profile = self.looker.which.noise;
        if profile == NoiseProfile::None || change.flaw.is_some() {
            return None;
        }
        let managed = FieldPath(
            ["metadata", "managedFields"]
                .map(|name| Step::Field(name.into()))
                .to_vec(),
        );
        let paths: Vec<&FieldPath> = match &change.change {
            _ if change.action != Action::Update => Vec::new(),
            ValueChange::Fields(fields, _) => fields.iter().map(|field| &field.path).collect(),
            ValueChange::ManagedFields => vec![&managed],
            ValueChange::Unknown | ValueChange::Same | ValueChange::Bytes(_) => Vec::new(),
        };
        let is_touched = match &change.change {
            ValueChange::Same => true,
            ValueChange::Fields(fields, _) => fields.is_empty(),
            _ => false,
        };
        let of_object = |who: &ObjectIdentity<'_>| {
            profile.rule(&who.resource.group, &who.resource.kind, Some(&paths))
        };
        noise_of_key(profile, &change.event.key)
            .or_else(|| who.and_then(of_object))
            .or((is_touched && change.action == Action::Update).then_some("touched"))
    }

    /// The words for kinds of which nothing was seen.
    fn unseen_kinds(&self) -> Vec<String> {
        let words = self.looker.which.kinds.iter();
        let is_seen = |word: &&String| {
            let query = ObjectsQuery {
                kinds: vec![(*word).clone()],
                ..ObjectsQuery::default()
            };
            WantedKinds::of(&query, &self.known.resources)
                .is_ok_and(|wanted| self.kinds.values().any(|kind| wanted.takes(kind)))
        };
        words.filter(|word| !is_seen(word)).cloned().collect()
    }
}
