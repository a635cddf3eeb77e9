//! Objects and kinds as lists and tables.

use std::collections::HashSet;
use std::io;

use serde::Serialize;
use serde_json::Value;

use super::json::{Identity, JsonLine, Name, line};
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::show::columns::first_line;
use crate::kubernetes::{Flaw, rfc3339};
use crate::ops::{
    DamagedValue, Deletion, FoundObject, KindCount, Kinds, LostValues, ObjectList, OtherVersion,
    StoredKind, Undecided, UndecidedReason, encoding_name,
};

/// Longer cells are cut: they are in no table that people read, and each row would be padded to their length.
const CELL: usize = 4096;

/// A table that is aligned once all of its rows are known: three spaces between columns, as kubectl has it.
/// Cells are escaped.
#[derive(Debug)]
pub struct Columns {
    /// Of the names of the columns.
    head: Vec<usize>,
    widths: Vec<usize>,
    /// To the byte as kubectl prints it, but for what must not reach a terminal.
    is_exact: bool,
    /// Cells with tabs between, which no escaped text has. The first row is the head.
    rows: Vec<Box<str>>,
}

impl Columns {
    /// A table with its head.
    pub fn new(head: &[String]) -> Self {
        Self::with(head, false)
    }

    /// A table as kubectl prints it: of a cell the first line, backslashes as they are, columns of at least six
    /// signs, which are as wide as the longest cell has bytes, and empty cells at the end filled up with blanks.
    pub fn exact(head: &[String]) -> Self {
        Self::with(head, true)
    }

    fn with(head: &[String], is_exact: bool) -> Self {
        let mut columns = Self {
            head: Vec::new(),
            widths: vec![0; head.len()],
            is_exact,
            rows: Vec::new(),
        };
        columns.push(head);
        columns.head = std::mem::replace(&mut columns.widths, vec![0; head.len()]);
        columns
    }

    /// Adds a row.
    pub fn push(&mut self, cells: &[String]) {
        let mut row = String::new();
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                row.push('\t');
            }
            let bytes = cell.len();
            let mut cell = match self.is_exact {
                true => exact_cell(cell),
                false => escape::text(cell.as_bytes()),
            };
            if let Some((end, _)) = cell.char_indices().nth(CELL) {
                cell.truncate(end);
                cell.push('…');
            }
            if let Some(width) = self.widths.get_mut(number) {
                let bytes = if self.is_exact { bytes.min(CELL) } else { 0 };
                *width = (*width).max(cell.chars().count()).max(bytes);
            }
            row.push_str(&cell);
        }
        self.rows.push(row.into_boxed_str());
    }

    /// Writes it, line by line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, with_head: bool, out: &mut dyn io::Write) -> io::Result<()> {
        let mut text = String::new();
        let widths = self.widths.iter().zip(&self.head);
        let widths: Vec<usize> = widths
            .map(|(width, head)| {
                if with_head {
                    (*width).max(*head)
                } else {
                    *width
                }
            })
            .collect();
        for row in self.rows.iter().skip(usize::from(!with_head)) {
            text.clear();
            let mut cells = row.split('\t').zip(&widths).peekable();
            while let Some((cell, width)) = cells.next() {
                text.push_str(cell);
                if cells.peek().is_some() {
                    let least = if self.is_exact { 6 } else { 0 };
                    let width = width.saturating_add(3).max(least);
                    let pad = width.saturating_sub(cell.chars().count());
                    text.extend(std::iter::repeat_n(' ', pad));
                }
            }
            if !self.is_exact {
                text.truncate(text.trim_end().len());
            }
            text.push('\n');
            out.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

/// A cell as kubectl prints it; what else could harm a terminal is escaped.
fn exact_cell(cell: &str) -> String {
    let line = first_line(cell);
    let mut out = String::with_capacity(line.len());
    // A backslash needs no escape of its own here: the text is not read back.
    for (number, part) in line.split('\\').enumerate() {
        if number > 0 {
            out.push('\\');
        }
        for (number, part) in part.split('\u{1b}').enumerate() {
            if number > 0 {
                out.push_str("^[");
            }
            out.push_str(&escape::text(part.as_bytes()));
        }
    }
    out
}

/// The same for rows that are there already.
pub fn columns_text(head: &[String], rows: &[Vec<String>]) -> String {
    let mut columns = Columns::new(head);
    rows.iter().for_each(|row| columns.push(row));
    let mut out = Vec::new();
    // Memory takes everything.
    let _ = columns.write(true, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonObject<'o> {
    #[serde(flatten)]
    identity: Identity,
    mod_revision: i64,
    #[serde(flatten)]
    deletion: JsonDeletion,
    /// Of a damaged one.
    #[serde(flatten)]
    key: Name<'o>,
    /// How a damaged one is not what its key promises.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'o Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'o [String],
}

impl JsonLine for JsonObject<'_> {
    const TYPE: &'static str = "object";
}

pub(super) fn identity(kind: Option<&StoredKind>, found: &FoundObject) -> Identity {
    let api_version = kind.map_or("", |kind| &kind.api_version);
    let kind = kind.map_or("", |kind| &kind.resource.kind);
    Identity::of_texts(api_version, kind, &found.namespace, &found.name)
}

/// When a deleted object went.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonDeletion {
    /// The revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
}

impl JsonDeletion {
    fn of(deletion: Option<Deletion>) -> Self {
        let time = deletion.and_then(|deletion| deletion.not_before);
        Self {
            deleted_at: deletion.map(|deletion| deletion.revision),
            not_before: time.map(rfc3339),
        }
    }
}

/// An object with its place as a line of JSON; `notes` say what it cannot show.
pub fn object_json(
    kind: Option<&StoredKind>,
    found: &FoundObject,
    deletion: Option<Deletion>,
    object: Option<&Value>,
    notes: &[String],
) -> String {
    line(&JsonObject {
        identity: identity(kind, found),
        mod_revision: found.mod_revision(),
        key: Name::default(),
        error: None,
        deletion: JsonDeletion::of(deletion),
        object,
        notes,
    })
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonDamaged<'o> {
    #[serde(flatten)]
    identity: Identity,
    mod_revision: i64,
    #[serde(flatten)]
    deletion: JsonDeletion,
    #[serde(flatten)]
    key: Name<'o>,
    error: String,
}

impl JsonLine for JsonDamaged<'_> {
    const TYPE: &'static str = "damaged";
}

/// An object of which only the key tells, as a line of JSON.
pub fn damaged_object_json(
    kind: Option<&StoredKind>,
    found: &FoundObject,
    deletion: Option<Deletion>,
    damaged: &DamagedValue,
) -> String {
    line(&JsonObject {
        identity: identity(kind, found),
        mod_revision: found.mod_revision(),
        deletion: JsonDeletion::of(deletion),
        key: Name::key(&damaged.key),
        error: Some(damaged.flaw.to_string()),
        object: None,
        notes: &[],
    })
}

/// What is wrong with values that have no line of an object, as lines of JSON.
pub fn stray_values_json(list: &ObjectList<'_>) -> String {
    let rows = list.found.iter().filter(|found| found.is_damaged);
    let shown: HashSet<&[u8]> = rows
        .filter_map(|found| Some(list.damage(found)?.key.as_slice()))
        .collect();
    let strays = list.damage_by_key().into_iter();
    strays
        .filter(|damaged| damaged.is_damaged() && !shown.contains(damaged.key.as_slice()))
        .map(|damaged| damaged_value_json(damaged, &list.resources))
        .collect()
}

/// A value that is not what its key promises, as a line of JSON.
pub(super) fn damaged_value_json(damaged: &DamagedValue, kinds: &Resources) -> String {
    line(&JsonDamaged {
        identity: Identity::of_key(&damaged.key, kinds),
        mod_revision: damaged.mod_revision,
        deletion: JsonDeletion::of(None),
        key: Name::key(&damaged.key),
        error: damaged.flaw.to_string(),
    })
}

fn damaged_count(values: &[DamagedValue]) -> usize {
    values.iter().filter(|one| one.is_damaged()).count()
}

/// The same as a line of text.
pub fn damage_line(damaged: &DamagedValue) -> String {
    flaw_line(&damaged.key, &damaged.flaw)
}

/// At most this many kinds and reasons are told in one line.
const UNDECIDED: usize = 8;

/// How many objects nobody can tell of whether they are asked for, and why, as a line of text.
pub fn undecided_line(undecided: &[Undecided]) -> Option<String> {
    let (told, others) = undecided.split_at(undecided.len().min(UNDECIDED));
    let mut parts: Vec<String> = told
        .iter()
        .map(|one| {
            let what = match one.resource.as_str() {
                "" => "values",
                resource => resource,
            };
            let why = match &one.reason {
                UndecidedReason::Encrypted(with) => format!("encrypted with {with}"),
                UndecidedReason::Undecoded => "of which only the metadata can be decoded".into(),
                UndecidedReason::TooLarge => "too large to decode".into(),
            };
            format!("{} {what}, {why}", one.objects)
        })
        .collect();
    let others = others
        .iter()
        .fold(0u64, |sum, one| sum.saturating_add(one.objects));
    if others > 0 {
        parts.push(format!("{others} others"));
    }
    let is_encrypted = |one: &Undecided| matches!(one.reason, UndecidedReason::Encrypted(_));
    let hint = match undecided.iter().any(is_encrypted) {
        true => "; --encryption-config FILE opens them, if FILE has these keys",
        false => "",
    };
    let parts = escape::text(parts.join("; ").as_bytes());
    (!undecided.is_empty())
        .then(|| format!("cannot tell whether these are selected: {parts}{hint}"))
}

/// What is not listed among all objects, as a line of text.
pub fn server_leases_line(count: u64) -> Option<String> {
    let leases = if count == 1 { "lease" } else { "leases" };
    (count > 0).then(|| {
        format!(
            "not listed: {count} {leases} of API servers, kept as Endpoints without a name beneath masterleases and \
             peerserverleases; `etcdsnap keys` names them"
        )
    })
}

/// What a list of deleted objects cannot have, as lines of text.
pub fn lost_values_lines(lost: &LostValues, compacted: i64) -> Vec<String> {
    let keys: Vec<String> = lost.keys.iter().map(|key| escape::text(key)).collect();
    let more = match lost.count.saturating_sub(lost.keys.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let keys = keys.join(", ");
    let (objects, values) = match lost.count {
        1 => ("object", "whose value is"),
        _ => ("objects", "whose values are"),
    };
    let count = lost.count;
    let known = (count > 0).then(|| {
        format!(
            "not listed: {count} deleted {objects} {values} not in the file any more: {keys}{more}"
        )
    });
    let unknown = (compacted > 0).then(|| {
        format!("what was deleted before the compaction at revision {compacted} is not known")
    });
    known.into_iter().chain(unknown).collect()
}

/// What an API server keeps under a key that looks like that of one of its leases.
pub fn server_lease_note(key: &[u8]) -> Option<String> {
    ["/registry/masterleases/", "/registry/peerserverleases/"]
        .iter()
        .any(|prefix| key.starts_with(prefix.as_bytes()))
        .then(|| {
            "the lease of an API server, by which its peers find it; no API gives it out".to_owned()
        })
}

/// In which version objects are shown that were asked for in another one, as a line of text.
pub fn other_version_line(other: &OtherVersion) -> String {
    let (word, stored) = (&other.word, &other.stored);
    escape::text(
        format!("{word}: shown in {stored}, the version that they are stored in").as_bytes(),
    )
}

/// What is wrong with the value of a key, as a line of text.
pub fn flaw_line(key: &[u8], flaw: &Flaw) -> String {
    let key = escape::text(key);
    if flaw.is_decodable() {
        format!("{key}: {flaw}")
    } else {
        format!("{key}: damaged: {flaw}")
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonObjectsSummary {
    objects: usize,
    #[serde(skip_serializing_if = "is_zero")]
    damaged: usize,
    /// Of how many nobody can tell whether they are selected.
    #[serde(skip_serializing_if = "is_none")]
    undecided: u64,
    /// Leases of API servers, which are not among the objects.
    #[serde(skip_serializing_if = "is_none")]
    api_server_leases: u64,
    /// Deleted objects of which the values were compacted away.
    #[serde(skip_serializing_if = "is_none")]
    compacted: u64,
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonObjectsSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("objects");
}

/// The last line of a list of objects in JSON.
pub fn objects_summary_json(list: &ObjectList<'_>) -> String {
    line(&JsonObjectsSummary {
        objects: list.found.len(),
        damaged: damaged_count(&list.damaged),
        undecided: list
            .undecided
            .iter()
            .fold(0, |sum, one| sum.saturating_add(one.objects)),
        api_server_leases: list.server_leases,
        compacted: list.lost.as_ref().map_or(0, |lost| lost.count),
        revision: list.revision,
        current_revision: list.bounds.current,
        compact_revision: list.bounds.compacted,
    })
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonKind<'k> {
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'k str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'k str,
    /// What it is that is not an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<&'static str>,
    encoding: &'static str,
    objects: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "is_none")]
    damaged: u64,
}

impl JsonLine for JsonKind<'_> {
    const TYPE: &'static str = "kind";
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonKindsSummary {
    objects: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    damaged: usize,
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonKindsSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("kinds");
}

fn totals(counts: &[KindCount]) -> (u64, u64) {
    counts.iter().fold((0, 0), |(objects, bytes), count| {
        (
            objects.saturating_add(count.objects),
            bytes.saturating_add(count.bytes),
        )
    })
}

/// Counts of kinds as lines of JSON, a summary last.
pub fn kinds_json(kinds: &Kinds) -> String {
    let mut out = String::new();
    for count in &kinds.counts {
        out.push_str(&line(&JsonKind {
            kind: &count.kind,
            api_version: &count.api_version,
            internal: count.is_server_lease.then_some("api-server-lease"),
            encoding: encoding_name(count.encoding),
            objects: count.objects,
            bytes: count.bytes,
            damaged: count.damaged,
        }));
    }
    for damaged in kinds.damaged.iter().filter(|one| one.is_damaged()) {
        out.push_str(&damaged_value_json(damaged, &kinds.resources));
    }
    let (objects, bytes) = totals(&kinds.counts);
    out.push_str(&line(&JsonKindsSummary {
        objects,
        bytes,
        damaged: damaged_count(&kinds.damaged),
        revision: kinds.revision,
        current_revision: kinds.bounds.current,
        compact_revision: kinds.bounds.compacted,
    }));
    out
}

/// Counts of kinds as a table; a column for damaged values if there are any.
pub fn kinds_text(kinds: &Kinds) -> String {
    let mut head = ["KIND", "APIVERSION", "ENCODING", "OBJECTS", "BYTES"]
        .map(String::from)
        .to_vec();
    let damaged = damaged_count(&kinds.damaged);
    let has_damaged = damaged > 0;
    if has_damaged {
        head.push("DAMAGED".into());
    }
    let word = |text: &str| {
        if text.is_empty() {
            "-".to_string()
        } else {
            text.to_string()
        }
    };
    let row = |mut cells: Vec<String>, damaged: u64| {
        cells.extend(has_damaged.then(|| damaged.to_string()));
        cells
    };
    let mut rows: Vec<Vec<String>> = kinds
        .counts
        .iter()
        .map(|count| {
            let kind = match count.is_server_lease {
                true => "(lease of an API server)",
                false => count.kind.as_str(),
            };
            let cells = vec![
                word(kind),
                word(&count.api_version),
                encoding_name(count.encoding).to_string(),
                count.objects.to_string(),
                count.bytes.to_string(),
            ];
            row(cells, count.damaged)
        })
        .collect();
    let (objects, bytes) = totals(&kinds.counts);
    let cells = vec![
        "total".into(),
        String::new(),
        String::new(),
        objects.to_string(),
        bytes.to_string(),
    ];
    rows.push(row(cells, damaged as u64));
    columns_text(&head, &rows)
}

/// `Deployment shop/web`.
pub fn object_name(list: &ObjectList<'_>, found: &FoundObject) -> String {
    let kind = list
        .kind(found)
        .map_or("", |kind| kind.resource.kind.as_str());
    let place = if found.namespace.is_empty() {
        String::new()
    } else {
        format!("{}/", found.namespace)
    };
    escape::text(format!("{kind} {place}{}", found.name).as_bytes())
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonObject<'_>>(),
        schema::<JsonDamaged<'_>>(),
        schema::<JsonObjectsSummary>(),
        schema::<JsonKind<'_>>(),
        schema::<JsonKindsSummary>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_objects_without_values_are_counted_and_some_are_named() {
        let lost = |count, keys: &[&str]| LostValues {
            count,
            keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect(),
        };
        assert_eq!(lost_values_lines(&lost(0, &[]), -1), [""; 0]);
        assert_eq!(
            lost_values_lines(&lost(5, &["/a", "/b\n", "/c"]), 7),
            [
                "not listed: 5 deleted objects whose values are not in the file any more: /a, /b\\n, /c and 2 more",
                "what was deleted before the compaction at revision 7 is not known"
            ]
        );
    }

    #[test]
    fn one_line_tells_of_all_that_cannot_be_told_however_many_keys_there_are() {
        assert_eq!(undecided_line(&[]), None);
        let one = |number: u64| Undecided {
            resource: "secrets".into(),
            reason: UndecidedReason::Encrypted(format!("aescbc key k{number}\n")),
            objects: number,
        };
        let all: Vec<Undecided> = (1..=20).map(one).collect();
        let line = undecided_line(&all).expect("a line");
        assert!(
            line.contains(
                "8 secrets, encrypted with aescbc key k8\\n; 174 others; --encryption-config"
            ),
            "{line}"
        );
        assert!(!line.contains('\n') && !line.contains("k9"), "{line}");
        let large = Undecided {
            resource: "pods".into(),
            reason: UndecidedReason::TooLarge,
            objects: 1,
        };
        let line = undecided_line(&[large]).expect("a line");
        assert!(line.ends_with("1 pods, too large to decode"), "{line}");
    }
}
