//! What the server and `etcdsnap` say of a key at a revision, or of a change, in one form.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// All figures are 0 in a deletion, but for the revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) is_deletion: bool,
    pub(crate) create: i64,
    pub(crate) revision: i64,
    pub(crate) version: i64,
    pub(crate) lease: i64,
    pub(crate) value_bytes: i64,
}

impl Record {
    /// From the driver's answer to `range`, `watch` or `events`.
    pub(crate) fn of_server(told: &Value) -> Result<Self, String> {
        Ok(Self {
            key: bytes(&told["key"]).ok_or_else(|| format!("no key: {told}"))?,
            is_deletion: told["type"] == "delete",
            create: number(told, "create_revision"),
            revision: number(told, "mod_revision"),
            version: number(told, "version"),
            lease: number(told, "lease"),
            value_bytes: number(told, "value_bytes"),
        })
    }

    /// From a line that `etcdsnap` printed.
    pub(crate) fn of_ours(told: &Value) -> Result<Self, String> {
        let key = match told["key"].as_str() {
            Some(text) => Some(text.as_bytes().to_vec()),
            None => bytes(&told["key_base64"]),
        };
        Ok(Self {
            key: key.ok_or_else(|| format!("no key: {told}"))?,
            is_deletion: told["op"] == "delete" || told["deleted"] == true,
            create: number(told, "create_revision"),
            revision: number(told, "mod_revision"),
            version: number(told, "version"),
            lease: number(told, "lease"),
            value_bytes: number(told, "value_size"),
        })
    }
}

pub(crate) fn bytes(base64: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(base64.as_str()?).ok()
}

/// What is left out is 0.
pub(crate) fn number(of: &Value, name: &str) -> i64 {
    of[name].as_i64().unwrap_or_default()
}

/// One change of the history, as a watch told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    pub(crate) record: Record,
    /// Its place in the revision.
    pub(crate) sub: i64,
    pub(crate) value_sha256: String,
}

impl Event {
    /// The events of a watch of all keys, in their order.
    pub(crate) fn list(answer: &Value) -> Result<Vec<Self>, String> {
        let told = answer["events"]
            .as_array()
            .ok_or("no events in an answer")?;
        let mut events: Vec<Self> = Vec::with_capacity(told.len());
        for one in told {
            let record = Record::of_server(one)?;
            let sub = match events.last() {
                Some(last) if last.record.revision == record.revision => last.sub + 1,
                _ => 0,
            };
            events.push(Self {
                record,
                sub,
                value_sha256: one["value_sha256"].as_str().unwrap_or_default().to_owned(),
            });
        }
        Ok(events)
    }

    /// `put` or `delete`, and what the change did to its key.
    pub(crate) fn words(&self) -> (&'static str, &'static str) {
        match (self.record.is_deletion, self.record.version) {
            (true, _) => ("delete", "delete"),
            (false, 1) => ("put", "create"),
            (false, _) => ("put", "update"),
        }
    }
}

/// The newest record of each key at a revision, deletions too, as the history has it.
pub(crate) fn newest_at(events: &[Event], revision: i64) -> BTreeMap<&[u8], &Record> {
    let until = events.partition_point(|event| event.record.revision <= revision);
    let records = events[..until].iter().map(|event| &event.record);
    records.map(|one| (one.key.as_slice(), one)).collect()
}
