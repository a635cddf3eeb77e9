//! How many objects there are of each kind, and how they are stored.

use std::collections::{BTreeMap, HashMap};

use super::live::live;
use super::reader::ValueReader;
use super::stored::{Classifier, DamagedValue, StoredValue};
use crate::error::Result;
use crate::etcd::keyspace::{RecordView, RecordVisitor, RevisionBounds};
use crate::kubernetes::Encoding;
use crate::kubernetes::catalog::resources::Resources;
use crate::ops::session::Session;

/// Objects of one kind in one encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindCount {
    /// Group and version, as stored; empty when it is not an object.
    pub api_version: String,
    /// The kind; empty when it is not an object.
    pub kind: String,
    /// They are leases of API servers, by which these find each other, and not objects that an API gives out.
    pub is_server_lease: bool,
    /// How they are stored.
    pub encoding: Encoding,
    /// How many.
    pub objects: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// How many of them are not what their keys promise.
    pub damaged: u64,
}

struct KindCounter<'q> {
    classifier: Classifier<'q>,
}

impl RecordVisitor for KindCounter<'_> {
    type Local = (
        HashMap<(String, String, bool, &'static str), KindCount>,
        Vec<DamagedValue>,
    );

    fn start(&self) -> Self::Local {
        Self::Local::default()
    }

    fn record(&self, (local, all_damaged): &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        let value = view.value()?;
        let stored = Encoding::of(&value);
        let mut is_server_lease = false;
        let (who, flaw) = match self.classifier.classify(key, &value) {
            StoredValue::Object(who, flaw) => (Some(who), flaw),
            StoredValue::Locked(who) => (who, None),
            StoredValue::Damaged(who, flaw) => (who, Some(flaw)),
            StoredValue::ServerLease => {
                is_server_lease = true;
                (None, None)
            }
            StoredValue::Other => (None, None),
        };
        let (api_version, kind) = who
            .map(|who| (who.api_version, who.resource.kind.clone()))
            .unwrap_or_default();
        let name = super::reader::encoding_name(stored);
        let count = local
            .entry((api_version, kind, is_server_lease, name))
            .or_insert_with_key(|(api_version, kind, _, _)| KindCount {
                is_server_lease,
                api_version: api_version.clone(),
                kind: kind.clone(),
                encoding: stored,
                objects: 0,
                bytes: 0,
                damaged: 0,
            });
        count.objects = count.objects.saturating_add(1);
        count.bytes = count.bytes.saturating_add(view.record.value_len);
        let is_damaged = flaw.as_ref().is_some_and(|flaw| !flaw.is_decodable());
        count.damaged = count.damaged.saturating_add(u64::from(is_damaged));
        all_damaged.extend(flaw.map(|flaw| DamagedValue {
            key: key.to_vec(),
            flaw,
            mod_revision: view.revision.main,
            place: view.place,
        }));
        Ok(())
    }
}

/// Counts of all kinds.
#[derive(Debug, Clone)]
pub struct Kinds {
    /// By kind, group and version, encoding.
    pub counts: Vec<KindCount>,
    /// Values that are not what their keys promise, by key; also objects that only call themselves otherwise.
    pub damaged: Vec<DamagedValue>,
    /// All kinds that are known.
    pub resources: Resources,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision that was asked for.
    pub revision: i64,
}

/// Counts the objects of a file by kind, stored version and encoding.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn kinds(session: &mut Session<'_>, revision: i64, reader: &ValueReader) -> Result<Kinds> {
    let live = live(session, revision)?;
    let counter = KindCounter {
        classifier: Classifier {
            reader,
            resources: &live.resources,
            layout: &live.layout,
        },
    };
    let parts = live
        .keyspace
        .visit(&live.places, &counter, &session.workers, session.options)?;
    let mut all: BTreeMap<(String, String, bool, &str), KindCount> = BTreeMap::new();
    let (parts, damaged): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut damaged: Vec<DamagedValue> = damaged.into_iter().flatten().collect();
    damaged.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    for ((api_version, kind, is_server_lease, encoding), count) in parts.into_iter().flatten() {
        let key = (kind, api_version, is_server_lease, encoding);
        match all.get_mut(&key) {
            Some(sum) => {
                sum.objects = sum.objects.saturating_add(count.objects);
                sum.bytes = sum.bytes.saturating_add(count.bytes);
                sum.damaged = sum.damaged.saturating_add(count.damaged);
            }
            None => {
                all.insert(key, count);
            }
        }
    }
    Ok(Kinds {
        counts: all.into_values().collect(),
        damaged,
        bounds: live.keyspace.bounds(),
        resources: live.resources,
        revision: live.revision,
    })
}
