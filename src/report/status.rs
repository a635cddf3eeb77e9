use std::fmt::Write as _;

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
                format!(",\"version\":{}", super::json::line(version).trim_end())
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
