//! Searching what is stored: objects field by field, other values line by line.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use regex::bytes::Regex;
use serde_json::Value;

use crate::error::Result;
use crate::etcd::keyspace::{GatherRows, KeyFilter, Keyspace, RevisionBounds, RowOrder, Rows};
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::check::layout::KeyLayout;
use crate::kubernetes::compare::difference::leaves;
use crate::kubernetes::compare::kind_schema::KindSchema;
use crate::kubernetes::query::jsonpath::printed;
use crate::ops::objects::ObjectsQuery;
use crate::ops::objects::definitions::{DefinitionVisitor, note_newest, resources};
use crate::ops::objects::live::live_of;
use crate::ops::objects::reader::{ValueContent, ValueReader};
use crate::ops::objects::stored::{Classifier, LayoutVisitor, ObjectIdentity, StoredValue};
use crate::ops::objects::wanted::WantedKinds;
use crate::ops::session::{Session, fetch};

/// At most this many matches are marked in a line.
const PLACES: usize = 64;

/// What to search, and for what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GrepQuery {
    /// What a line must match: the text of a field or of a line, or the same behind its path, as it is printed.
    pub pattern: Regex,
    /// Only values under these keys.
    pub filter: KeyFilter,
    /// Only objects of these kinds, as people call them; none: everything.
    pub kinds: Vec<String>,
    /// Only objects in these namespaces; none: everything.
    pub namespaces: Vec<String>,
    /// At this revision, 0 = the newest; `None`: every record that is retained.
    pub revision: Option<i64>,
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedLine {
    /// The path of the field; empty in what is not an object.
    pub path: Arc<str>,
    /// The number of the line, from 1, in a text of several lines.
    pub line: Option<usize>,
    /// The line. Of an object it is text; other values may have any bytes.
    pub text: Vec<u8>,
    /// Where in the line the pattern is found; nowhere when it is found only together with the path.
    pub places: Vec<Range<usize>>,
}

/// A record in which something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrepRecord {
    /// The key.
    pub key: Vec<u8>,
    /// Its revision.
    pub mod_revision: i64,
    /// Group and version, kind, namespace and name of an object.
    pub object: Option<[String; 4]>,
    /// The lines, in the order of the fields. Where every record is searched, only those that the record before did not
    /// have.
    pub lines: Vec<MatchedLine>,
}

/// What was searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrepSummary {
    /// Lines that match.
    pub lines: u64,
    /// Records in which there is one.
    pub records: u64,
    /// Values that are encrypted, and no key was given that opens them.
    pub encrypted: u64,
    /// Values that cannot be decoded, or not be read any more.
    pub undecodable: u64,
    /// Values that take too much memory to decode.
    pub too_large: u64,
    /// Values in which something is hidden, and not searched.
    pub hidden: u64,
    /// Words for kinds that no definition in the file knows; objects may.
    pub unknown_kinds: Vec<String>,
    /// The revision that was asked for; of all records, the newest.
    pub revision: i64,
}

/// What came of one value.
enum Searched {
    /// It is not asked for.
    Unwanted,
    Encrypted,
    Undecodable,
    TooLarge,
    Lines {
        object: Option<[String; 4]>,
        lines: Vec<MatchedLine>,
        is_hidden: bool,
    },
}

/// Searches values in the order of their keys and gives each record in which something is found to `each`, until that
/// breaks off.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn grep(
    session: &mut Session<'_>,
    query: &GrepQuery,
    reader: &ValueReader,
    each: &mut dyn FnMut(&GrepRecord) -> ControlFlow<()>,
) -> Result<(GrepSummary, RevisionBounds)> {
    let known = known(session, query)?;
    let kinds = ObjectsQuery {
        kinds: query.kinds.clone(),
        ..ObjectsQuery::default()
    };
    let wanted = WantedKinds::of(&kinds, &known.resources)?;
    let mut unknown_kinds: Vec<String> = wanted.words.keys().cloned().collect();
    unknown_kinds.sort_unstable();
    let search = Search {
        query,
        wanted,
        classifier: Classifier {
            reader,
            resources: &known.resources,
            layout: &known.layout,
        },
    };
    let mut summary = GrepSummary {
        revision: known.revision,
        unknown_kinds,
        ..GrepSummary::default()
    };
    let mut before = Before::default();
    fetch(
        session,
        &known.keyspace,
        known.rows.iter(),
        |key, value, revision| search.value(key, value, revision),
        |record, searched| {
            let (object, mut lines, is_hidden) = match searched.unwrap_or(Searched::Undecodable) {
                Searched::Unwanted => return ControlFlow::Continue(()),
                Searched::Encrypted => {
                    summary.encrypted = summary.encrypted.saturating_add(1);
                    return ControlFlow::Continue(());
                }
                Searched::Undecodable => {
                    summary.undecodable = summary.undecodable.saturating_add(1);
                    return ControlFlow::Continue(());
                }
                Searched::TooLarge => {
                    summary.too_large = summary.too_large.saturating_add(1);
                    return ControlFlow::Continue(());
                }
                Searched::Lines {
                    object,
                    lines,
                    is_hidden,
                } => (object, lines, is_hidden),
            };
            summary.hidden = summary.hidden.saturating_add(u64::from(is_hidden));
            if query.revision.is_none() {
                before.keep_new(record.key, &mut lines);
            }
            if lines.is_empty() {
                return ControlFlow::Continue(());
            }
            summary.records = summary.records.saturating_add(1);
            summary.lines = summary.lines.saturating_add(lines.len() as u64);
            each(&GrepRecord {
                key: record.key.to_vec(),
                mod_revision: record.facts.revision.main,
                object,
                lines,
            })
        },
    )?;
    Ok((summary, known.keyspace.bounds()))
}

/// The records to be searched, and what is known of the file.
struct Known<'i> {
    keyspace: Keyspace<'i>,
    rows: Rows,
    resources: Resources,
    layout: KeyLayout,
    revision: i64,
}

fn known<'i>(session: &mut Session<'i>, query: &GrepQuery) -> Result<Known<'i>> {
    let limit = session.options.memory_limit;
    if let Some(revision) = query.revision {
        let live = live_of(session, query.filter.clone(), revision)?;
        let gather = GatherRows::new(KeyFilter::all(), limit);
        let workers = &session.workers;
        let parts = live
            .keyspace
            .visit(&live.places, &gather, workers, session.options)?;
        return Ok(Known {
            rows: Rows::sorted(parts, RowOrder::Key, workers)?,
            keyspace: live.keyspace,
            resources: live.resources,
            layout: live.layout,
            revision: live.revision,
        });
    }
    let visitor = (
        GatherRows::new(query.filter.clone(), limit),
        (DefinitionVisitor { revision: 0 }, LayoutVisitor::new()),
    );
    let (keyspace, parts) = session.scan(&visitor)?;
    let (mut gathered, mut layouts) = (Vec::new(), Vec::new());
    let mut definitions = std::collections::BTreeMap::new();
    for (rows, (of_definitions, layout)) in parts {
        gathered.push(rows);
        layouts.push(layout);
        for (key, place) in of_definitions {
            note_newest(&mut definitions, &key, place);
        }
    }
    let mut rows = Rows::sorted(gathered, RowOrder::Key, &session.workers)?;
    rows.retain(|record| !record.facts.is_tombstone);
    let resources = resources(session, &keyspace, definitions.into_values())?;
    Ok(Known {
        rows,
        resources,
        layout: LayoutVisitor::join(layouts),
        revision: keyspace.bounds().current,
        keyspace,
    })
}

/// The lines of the record before, of the same key.
#[derive(Default)]
struct Before {
    key: Vec<u8>,
    lines: HashSet<(Arc<str>, Vec<u8>)>,
}

impl Before {
    /// Leaves out what the record before had, and keeps what there is now.
    fn keep_new(&mut self, key: &[u8], lines: &mut Vec<MatchedLine>) {
        if self.key != key {
            self.key = key.to_vec();
            self.lines.clear();
        }
        let name = |line: &MatchedLine| (Arc::clone(&line.path), line.text.clone());
        let now = lines.iter().map(name).collect();
        let before = std::mem::replace(&mut self.lines, now);
        lines.retain(|line| !before.contains(&name(line)));
    }
}

struct Search<'q> {
    query: &'q GrepQuery,
    wanted: WantedKinds<'q>,
    classifier: Classifier<'q>,
}

impl Search<'_> {
    fn value(&self, key: &[u8], value: &[u8], revision: i64) -> Searched {
        let stored = self.classifier.classify(key, value);
        let (who, is_locked, is_damaged) = match stored {
            StoredValue::Object(who, _) => (Some(who), false, false),
            StoredValue::Locked(who) => (who, true, false),
            StoredValue::Damaged(who, _) => (who, false, true),
            StoredValue::ServerLease | StoredValue::Other => (None, false, false),
        };
        if !self.takes(who.as_ref()) {
            return Searched::Unwanted;
        }
        if is_locked {
            return Searched::Encrypted;
        }
        if is_damaged {
            return Searched::Undecodable;
        }
        let read = self.classifier.reader.read(key, value, revision);
        if read.too_large.is_some() {
            return Searched::TooLarge;
        }
        if read.locked.is_some() {
            return Searched::Encrypted;
        }
        let mut found = Lines {
            pattern: &self.query.pattern,
            lines: Vec::new(),
            together: Vec::new(),
        };
        match read.content {
            ValueContent::Object(object) => {
                let schema = KindSchema::of(&object);
                leaves(&object.json, &schema, &mut |path, value| {
                    found.field(&path.to_string(), value);
                });
            }
            ValueContent::Bytes => {
                found.text(None, &read.plain);
            }
            ValueContent::Hidden(mark) => found.text(None, mark.as_bytes()),
        }
        let object = who.map(|who| {
            [
                who.api_version,
                who.resource.kind.clone(),
                who.namespace,
                who.name,
            ]
        });
        Searched::Lines {
            object,
            lines: found.lines,
            is_hidden: read.is_secret,
        }
    }

    fn takes(&self, who: Option<&ObjectIdentity<'_>>) -> bool {
        let Some(who) = who else {
            return self.wanted.takes_everything() && self.query.namespaces.is_empty();
        };
        let is_in = |namespace: &String| match self.wanted.takes_everything() {
            // Nobody asked for the objects of the cluster.
            true => who.namespace == *namespace,
            false => who.is_in(namespace),
        };
        let namespaces = &self.query.namespaces;
        self.wanted.takes(&who.resource) && (namespaces.is_empty() || namespaces.iter().any(is_in))
    }
}

/// Gathers the lines that match.
struct Lines<'p> {
    pattern: &'p Regex,
    lines: Vec<MatchedLine>,
    /// A line behind its path.
    together: Vec<u8>,
}

impl Lines<'_> {
    fn field(&mut self, path: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(Some(path), text.as_bytes()),
            other => self.text(Some(path), printed(other).as_bytes()),
        }
    }

    fn text(&mut self, path: Option<&str>, text: &[u8]) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let is_long = text.contains(&b'\n');
        let mut shared: Option<Arc<str>> = None;
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let found = self.pattern.find_iter(line).take(PLACES);
            let places: Vec<Range<usize>> = found.map(|found| found.range()).collect();
            if places.is_empty() {
                let Some(path) = path else {
                    continue;
                };
                self.together.clear();
                self.together.extend_from_slice(path.as_bytes());
                self.together.extend_from_slice(b": ");
                self.together.extend_from_slice(line);
                if !self.pattern.is_match(&self.together) {
                    continue;
                }
            }
            let path = shared.get_or_insert_with(|| Arc::from(path.unwrap_or_default()));
            self.lines.push(MatchedLine {
                path: Arc::clone(path),
                line: is_long.then_some(number.saturating_add(1)),
                text: line.to_owned(),
                places,
            });
        }
    }
}
