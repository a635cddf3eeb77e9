use serde::Serialize;

use super::Format;
use super::json::{JsonLine, line};
use super::table::etcd_table;
use crate::etcd::{HashKv, Release};

/// What `hashkv` of `release` prints, newline included.
pub fn hashkv(hash: &HashKv, format: Format, release: Release) -> String {
    let HashKv {
        hash,
        revision,
        compact_revision,
    } = hash;
    match format {
        Format::Simple => format!("{hash}, {revision}, {compact_revision}\n"),
        Format::Table => {
            let columns = [
                ("HASH", hash.to_string()),
                ("HASH REVISION", revision.to_string()),
                ("COMPACT REVISION", compact_revision.to_string()),
            ];
            format!("{}\n", etcd_table(release.draws_boxes(), &columns))
        }
        Format::Json => format!(
            "{{\"hash\":{hash},\"hashRevision\":{revision},\"compactRevision\":{compact_revision}}}\n"
        ),
        Format::Fields => format!(
            "\"Hash\" : {hash}\n\"Hash revision\" : {revision}\n\
             \"Compact revision\" : {compact_revision}\n"
        ),
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonHashKv<'h> {
    file: &'h str,
    hash: u32,
    revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonHashKv<'_> {
    const TYPE: &'static str = "hashkv";
}

/// The same as a line of JSON in this program's own form.
pub fn hashkv_json(hash: &HashKv, file: &str) -> String {
    line(&JsonHashKv {
        file,
        hash: hash.hash,
        revision: hash.revision,
        compact_revision: hash.compact_revision,
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonHashKv<'_>>()]
}
