//! The `.snap` file: raft's snapshot, which servers up to 3.6 look for when they start.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::WalForm;
use super::members::NewCluster;
use super::message::{Configuration, parse_version};
use super::wal::parse_pair;
use crate::checksum::crc32c;
use crate::etcd::go_text::json_escaped;
use crate::wire::{FieldValue, Fields, put_bytes, put_number};

/// Slots of the event queue in the JSON that etcd's old store writes.
const QUEUE: usize = 1000;

/// The name of the file: term and index of the last entry that it covers.
pub fn snapshot_file_name(term: u64, index: u64) -> String {
    format!("{term:016x}-{index:016x}.snap")
}

/// The term and index in the name of a file.
pub fn parse_snapshot_file_name(name: &str) -> Option<(u64, u64)> {
    parse_pair(name.strip_suffix(".snap")?)
}

/// Of the old store's JSON only the way to the cluster's version.
#[derive(Deserialize)]
struct Store {
    #[serde(rename = "Root")]
    root: Node<TopLevel>,
}

#[derive(Deserialize)]
struct Node<C> {
    #[serde(rename = "Children")]
    children: Option<C>,
}

#[derive(Deserialize)]
struct TopLevel {
    #[serde(rename = "0")]
    cluster: Option<Node<OfCluster>>,
}

#[derive(Deserialize)]
struct OfCluster {
    version: Option<Leaf>,
}

#[derive(Deserialize)]
struct Leaf {
    #[serde(rename = "Value")]
    value: String,
}

/// A raft snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotFile {
    /// The index of the last entry that it covers.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Who took part then.
    pub configuration: Configuration,
    /// The old store as JSON.
    pub store: Vec<u8>,
}

/// Why a `.snap` file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFileError {
    /// The bytes are not a snapshot.
    #[error("the bytes are not a raft snapshot")]
    Malformed,
    /// The checksum does not match.
    #[error("it has checksum {stored:08x}, computed: {computed:08x}")]
    Crc {
        /// The one in the file.
        stored: u32,
        /// That of the data.
        computed: u32,
    },
}

impl SnapshotFile {
    /// The snapshot that a restored member begins with.
    pub fn of_new_cluster(cluster: &NewCluster) -> Self {
        Self {
            index: cluster.last_index(),
            term: 1,
            configuration: cluster.configuration(),
            store: old_store(cluster),
        }
    }

    /// The cluster's version in the old store, which releases up to 3.5 go by.
    pub fn cluster_version(&self) -> Option<(u64, u64)> {
        let store: Store = serde_json::from_slice(&self.store).ok()?;
        let version = store.root.children?.cluster?.children?.version?;
        parse_version(&version.value)
    }

    /// As stored.
    pub fn encode(&self, form: WalForm) -> Vec<u8> {
        let mut metadata = Vec::new();
        put_bytes(&mut metadata, 1, &self.configuration.encode(form));
        put_number(&mut metadata, 2, self.index);
        put_number(&mut metadata, 3, self.term);
        let mut snapshot = Vec::new();
        put_bytes(&mut snapshot, 1, &self.store);
        put_bytes(&mut snapshot, 2, &metadata);
        let mut out = Vec::new();
        put_number(&mut out, 1, u64::from(crc32c::checksum(&snapshot)));
        put_bytes(&mut out, 2, &snapshot);
        out
    }
}

/// Reads a `.snap` file.
///
/// # Errors
/// [`SnapshotFileError`].
pub fn read_snapshot_file(bytes: &[u8]) -> Result<SnapshotFile, SnapshotFileError> {
    let fields =
        |bytes| Fields::of_etcd(bytes).map(|field| field.map_err(|_| SnapshotFileError::Malformed));
    let (mut stored, mut data) = (None, None);
    for field in fields(bytes) {
        match field? {
            (1, FieldValue::Varint(crc)) => stored = u32::try_from(crc).ok(),
            (2, FieldValue::Bytes(bytes)) => data = Some(bytes),
            _ => {}
        }
    }
    let (Some(stored), Some(data)) = (stored, data) else {
        return Err(SnapshotFileError::Malformed);
    };
    let computed = crc32c::checksum(data);
    if stored != computed {
        return Err(SnapshotFileError::Crc { stored, computed });
    }
    let mut made = SnapshotFile::default();
    for field in fields(data) {
        match field? {
            (1, FieldValue::Bytes(store)) => made.store = store.to_vec(),
            (2, FieldValue::Bytes(metadata)) => {
                for field in fields(metadata) {
                    match field? {
                        (1, FieldValue::Bytes(bytes)) => {
                            made.configuration = Configuration::decode(bytes)
                                .map_err(|_| SnapshotFileError::Malformed)?;
                        }
                        (2, FieldValue::Varint(index)) => made.index = index,
                        (3, FieldValue::Varint(term)) => made.term = term,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(made)
}

/// The tree of etcd's old store with the members in it, in the form that servers parse.
fn old_store(cluster: &NewCluster) -> Vec<u8> {
    let last = cluster.last_index();
    let node = |path: &str, index: u64, value: &str, children: Value| {
        json!({
            "Path": path,
            "CreatedIndex": index,
            "ModifiedIndex": index,
            "ExpireTime": "0001-01-01T00:00:00Z",
            "Value": value,
            "Children": children,
        })
    };
    let mut members = Map::new();
    for (member, index) in cluster.members().iter().zip(1..) {
        let path = format!("/0/members/{:x}", member.id);
        let attributes = json!({"peerURLs": member.peer_urls}).to_string();
        let attributes = json_escaped(&attributes);
        let leaf = node(
            &format!("{path}/raftAttributes"),
            index,
            &attributes,
            Value::Null,
        );
        let children = json!({"raftAttributes": leaf});
        members.insert(member.key(), node(&path, index, "", children));
    }
    let members = node("/0/members", 1, "", Value::Object(members));
    let root = node(
        "/",
        0,
        "",
        json!({
            "0": node("/0", 0, "", json!({"members": members})),
            "1": node("/1", 0, "", json!({})),
        }),
    );
    let mut stats = Map::new();
    for name in [
        "getsSuccess",
        "getsFail",
        "setsSuccess",
        "setsFail",
        "deleteSuccess",
        "deleteFail",
        "updateSuccess",
        "updateFail",
        "createSuccess",
        "createFail",
        "compareAndSwapSuccess",
        "compareAndSwapFail",
        "compareAndDeleteSuccess",
        "compareAndDeleteFail",
        "expireCount",
        "watchers",
    ] {
        stats.insert(name.to_owned(), json!(0));
    }
    let store = json!({
        "Root": root,
        "WatcherHub": {
            "EventHistory": {
                "Queue": {
                    "Events": vec![Value::Null; QUEUE],
                    "Size": 0,
                    "Front": 0,
                    "Back": 0,
                    "Capacity": QUEUE,
                },
                "StartIndex": 0,
                "LastIndex": 0,
            },
        },
        "CurrentIndex": last,
        "Stats": stats,
        "CurrentVersion": 2,
    });
    json_escaped(&store.to_string()).into_bytes()
}
