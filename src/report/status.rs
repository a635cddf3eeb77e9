use std::fmt::Write as _;

use serde::Serialize;

use super::json::{JsonLine, compact, line};
use super::table::etcd_table;
use super::{Format, humanize};
use crate::etcd::Release;
use crate::ops::Status;

/// What `snapshot status` of `release` prints, newline included.
pub fn status(status: &Status, format: Format, release: Release) -> String {
    let Status {
        hash,
        revision,
        total_keys,
        total_size,
        version,
    } = status;
    let size = humanize::bytes(*total_size);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = match format {
        Format::Simple => match version {
            Some(version) => writeln!(out, "{hash:x}, {revision}, {total_keys}, {size}, {version}"),
            None => writeln!(out, "{hash:x}, {revision}, {total_keys}, {size}"),
        },
        Format::Table => {
            let mut columns = vec![
                ("HASH", format!("{hash:x}")),
                ("REVISION", revision.to_string()),
                ("TOTAL KEYS", total_keys.to_string()),
                ("TOTAL SIZE", size),
            ];
            columns.extend(version.clone().map(|version| ("VERSION", version)));
            writeln!(out, "{}", etcd_table(release.draws_boxes(), &columns))
        }
        Format::Json => {
            let version = version.as_ref().map_or(String::new(), |version| {
                format!(",\"version\":{}", compact(version))
            });
            writeln!(
                out,
                "{{\"hash\":{hash},\"revision\":{revision},\"totalKey\":{total_keys},\
                 \"totalSize\":{total_size}{version}}}"
            )
        }
        Format::Fields => {
            let version = version.as_ref().map_or(String::new(), |version| {
                format!("\"Version\" : {version}\n")
            });
            write!(
                out,
                "\"Hash\" : {hash}\n\"Revision\" : {revision}\n\"Keys\" : {total_keys}\n\
                 \"Size\" : {total_size}\n{version}"
            )
        }
    };
    out
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonStatus<'s> {
    file: &'s str,
    hash: u32,
    /// That of the last record.
    revision: i64,
    total_keys: u64,
    database_bytes: u64,
    /// Null before etcd 3.6, empty when the file does not say.
    storage_version: Option<&'s str>,
}

impl JsonLine for JsonStatus<'_> {
    const TYPE: &'static str = "status";
}

/// The same as a line of JSON in this program's own form.
pub fn status_json(status: &Status, file: &str) -> String {
    line(&JsonStatus {
        file,
        hash: status.hash,
        revision: status.revision,
        total_keys: status.total_keys,
        database_bytes: status.total_size,
        storage_version: status.version.as_deref(),
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonStatus<'_>>()]
}
