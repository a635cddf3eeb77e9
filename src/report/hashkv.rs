use super::Format;
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
