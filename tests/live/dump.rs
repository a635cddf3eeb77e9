//! All that `etcdctl get --prefix ""` prints of a running server.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::question::Question;
use crate::record::{Record, bytes};
use crate::settings::Version;
use crate::tools::Peers;

/// Every key with its figures and its value.
pub(crate) type Dump = BTreeMap<Vec<u8>, (Record, Vec<u8>)>;

pub(crate) fn take(peers: &Peers, version: Version, endpoint: &str) -> Result<Dump, String> {
    let question = Question::new("get")
        .flag("--prefix")
        .option("--write-out", "json")
        .name(b"");
    let printed = peers
        .etcdctl(version, endpoint, &question.words())?
        .success("etcdctl get --prefix")?;
    let answer: Value = serde_json::from_slice(&printed).map_err(|error| error.to_string())?;
    let told = answer["kvs"].as_array().cloned().unwrap_or_default();
    told.iter()
        .map(|one| {
            let record = Record::of_server(one)?;
            // What is empty is left out.
            let value = bytes(&one["value"]).unwrap_or_default();
            let value_bytes = i64::try_from(value.len()).map_err(|error| error.to_string())?;
            let record = Record {
                value_bytes,
                ..record
            };
            Ok((record.key.clone(), (record, value)))
        })
        .collect()
}
