//! Sentences about the write-ahead log and the data directory.

use super::Template;
use crate::etcd::raft::codes::*;

pub(super) const TEMPLATES: &[Template] = &[
    (
        &TORN,
        Some("cut-off"),
        "{segment}: the record at byte {byte} is cut off",
    ),
    (
        &TORN,
        Some("torn"),
        "{segment}: the record at byte {byte} was not written to its end",
    ),
    (
        &CHECKSUM,
        None,
        "{segment}: the record at byte {byte} has checksum {stored}, computed: {computed}",
    ),
    (
        &MALFORMED,
        Some("cut-off"),
        "{segment}: the record at byte {byte} is cut off",
    ),
    (
        &MALFORMED,
        Some("torn"),
        "{segment}: the record at byte {byte} was not written to its end",
    ),
    (
        &MALFORMED,
        Some("bytes"),
        "{segment}: the bytes at {byte} are not a record",
    ),
    (
        &MALFORMED,
        Some("type"),
        "{segment}: type {found} is not one that etcd writes",
    ),
    (
        &MALFORMED,
        Some("nameless"),
        "no record of the log says of which member it is",
    ),
    (
        &MALFORMED,
        Some("stateless"),
        "the log has entries, and no record says which of them are committed",
    ),
    (
        &MALFORMED,
        Some("no-mark"),
        "the log has no place to start from that is committed",
    ),
    (
        &SEGMENT_MISSING,
        Some("twice"),
        "there are two segments of number {segment}",
    ),
    (
        &SEGMENT_MISSING,
        Some("one"),
        "segment {missing} is missing: {before} is followed by {after}",
    ),
    (
        &SEGMENT_MISSING,
        Some("several"),
        "{missing} segments are missing: {before} is followed by {after}",
    ),
    (
        &AHEAD,
        None,
        "entry {applied} was applied, but the log ends with {last}: {ahead?the next entry that is written|the next # entries that are written} will be lost",
    ),
    (
        &BEHIND,
        None,
        "entry {applied} was applied, but servers start after entry {start}",
    ),
    (
        &LATER_TERM,
        None,
        "the last entry is of term {database}, the log has come to {log}",
    ),
    (
        &NO_START,
        None,
        "the first segment is {first}; a server that finds no `.snap` file reads the log from entry 1 on",
    ),
    (
        &SNAPSHOT_DAMAGED,
        Some("malformed"),
        "{file}: the bytes are not a raft snapshot",
    ),
    (
        &SNAPSHOT_DAMAGED,
        Some("checksum"),
        "{file}: it has checksum {stored}, computed: {computed}",
    ),
    (
        &OTHER_MEMBERS,
        None,
        "{log} in the log, {database} in the database",
    ),
    (
        &TWO_LOGS,
        None,
        "{segment}: member {member} of cluster {cluster} after member {member_before} of cluster {cluster_before}",
    ),
    (&ENTRY_MISSING, None, "entry {after} follows {before}"),
    (
        &NO_LOG,
        Some("empty"),
        "{folder} holds no segment. A server that is started with this directory alone makes a new, empty log: 3.4 and 3.5 start and every write times out, 3.6 and 3.7 are never reachable",
    ),
    (
        &NO_LOG,
        Some("absent"),
        "{folder} does not exist. A server that is started with this directory alone makes a new, empty log: 3.4 and 3.5 start and every write times out, 3.6 and 3.7 are never reachable",
    ),
    (
        &NO_SEGMENT,
        None,
        "servers start after entry {start}, but the first segment is {first}",
    ),
    (
        &BLANK,
        Some("unwritten"),
        "{segment}: it holds nothing but zeros",
    ),
    (
        &BLANK,
        Some("zeroed"),
        "{segment}: its first record was overwritten with zeros",
    ),
    (
        &BLANK,
        Some("foreign"),
        "{segment}: it does not begin with a record of a log",
    ),
    (
        &BLANK_UNUSED,
        Some("unwritten"),
        "{segment}: it holds nothing but zeros",
    ),
    (
        &BLANK_UNUSED,
        Some("zeroed"),
        "{segment}: its first record was overwritten with zeros",
    ),
    (
        &BLANK_UNUSED,
        Some("foreign"),
        "{segment}: it does not begin with a record of a log",
    ),
    (
        &BEHIND_END,
        None,
        "{segment}: the log ends at byte {end}, and byte {byte} is not 0",
    ),
    (
        &COMMIT_BEYOND,
        None,
        "entry {committed} is committed, but the log ends with {last}",
    ),
    (
        &OUTSIDER,
        None,
        "member {member} is not among the members that the log names",
    ),
    (&NO_RELEASE, None, "{refusals}"),
    (
        &REMOVED,
        None,
        "member {member} was removed from cluster {cluster}",
    ),
    (
        &OTHER_LOG,
        Some("database"),
        "the log is of member {member} of cluster {cluster}, but the database names {named}",
    ),
    (
        &OTHER_LOG,
        Some("snap-file"),
        "the log is of member {member} of cluster {cluster}, but the `.snap` file names {named}",
    ),
];
