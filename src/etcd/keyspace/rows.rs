//! Keys with their figures, without values, to be sorted and listed.

use std::cmp::Ordering;
use std::sync::Mutex;

use super::filter::KeyFilter;
use super::record_facts::{KeyRecord, RecordFacts};
use super::record_visitor::{RecordView, RecordVisitor};
use crate::error::{Error, Result};
use crate::workers::Workers;

/// How rows are sorted. Rows that are equal by it follow each other by key, then by revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowOrder {
    /// By key, as bytes.
    #[default]
    Key,
    /// By create revision.
    Create,
    /// By mod revision.
    Mod,
    /// By version.
    Version,
    /// By bytes of the value.
    Size,
    /// By revision, sub revisions too: the order of history.
    Revision,
}

/// One record, its key in the arena of its thread.
#[derive(Debug, Clone, Copy)]
struct Row {
    facts: RecordFacts,
    key_at: u64,
    key_len: u32,
}

/// What one thread gathers.
#[derive(Debug, Default)]
pub struct RowParts {
    arena: Vec<u8>,
    rows: Vec<Row>,
}

impl RowParts {
    fn record(&self, row: &Row) -> KeyRecord<'_> {
        let at = usize::try_from(row.key_at).unwrap_or(usize::MAX);
        let key = self.arena.get(at..).unwrap_or_default();
        KeyRecord {
            key: key.get(..row.key_len as usize).unwrap_or_default(),
            facts: row.facts,
        }
    }

    fn bytes(&self) -> u64 {
        let rows = self.rows.len().saturating_mul(size_of::<Row>());
        rows.saturating_add(self.arena.len()) as u64
    }
}

/// The visitor that gathers rows, of all records it is shown that match the filter.
#[derive(Debug, Clone)]
pub struct GatherRows {
    filter: KeyFilter,
    memory_limit: Option<u64>,
}

impl GatherRows {
    /// A visitor for the keys of `filter`.
    pub fn new(filter: KeyFilter, memory_limit: Option<u64>) -> Self {
        Self {
            filter,
            memory_limit,
        }
    }
}

impl RecordVisitor for GatherRows {
    type Local = RowParts;

    fn start(&self) -> RowParts {
        RowParts::default()
    }

    fn record(&self, local: &mut RowParts, view: &RecordView<'_>) -> Result<()> {
        let record = &view.record;
        if !self.filter.matches(record.key) {
            return Ok(());
        }
        let key_at = local.arena.len() as u64;
        local.arena.extend_from_slice(record.key);
        local.rows.push(Row {
            facts: RecordFacts::of(view),
            key_at,
            // A record has less than 2^31 bytes.
            key_len: u32::try_from(record.key.len()).unwrap_or(u32::MAX),
        });
        match self.memory_limit {
            Some(limit) if local.bytes() > limit => Err(Error::MemoryLimit {
                needed: local.bytes().saturating_mul(2),
                limit,
            }),
            _ => Ok(()),
        }
    }
}

/// Rows in some order.
#[derive(Debug)]
pub struct Rows {
    parts: Vec<RowParts>,
    /// Thread and number of each row.
    order: Vec<(u16, u32)>,
}

impl Rows {
    /// Sorts what all threads gathered.
    ///
    /// # Errors
    /// Threads.
    pub fn sorted(parts: Vec<RowParts>, order: RowOrder, workers: &Workers) -> Result<Self> {
        // Each thread's rows are sorted by themselves, then merged.
        let lists: Vec<Mutex<Vec<u32>>> = parts.iter().map(|_| Mutex::default()).collect();
        let share = workers.share(
            parts.len(),
            || (),
            |(), number| {
                if let (Some(part), Some(list)) = (parts.get(number), lists.get(number)) {
                    let count = u32::try_from(part.rows.len()).unwrap_or(u32::MAX);
                    let mut sorted: Vec<u32> = (0..count).collect();
                    sorted.sort_unstable_by(|a, b| compare(part.row(*a), part.row(*b), order));
                    if let Ok(mut list) = list.lock() {
                        *list = sorted;
                    }
                }
                Ok(())
            },
        );
        share?;
        let lists: Vec<Vec<u32>> = lists
            .into_iter()
            .map(|list| list.into_inner().unwrap_or_default())
            .collect();
        let merged = merge(&parts, &lists, order);
        Ok(Self {
            parts,
            order: merged,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = KeyRecord<'_>> + ExactSizeIterator {
        self.order.iter().map(|(part, number)| {
            let part = self.parts.get(usize::from(*part));
            // `order` holds nothing else than places of rows.
            part.map_or_else(nothing, |part| part.row(*number).unwrap_or_else(nothing))
        })
    }

    /// The row with this number, in order.
    pub fn get(&self, number: usize) -> Option<KeyRecord<'_>> {
        let (part, number) = *self.order.get(number)?;
        self.parts.get(usize::from(part))?.row(number)
    }

    /// Keeps the rows that `keep` says, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&KeyRecord<'_>) -> bool) {
        let parts = &self.parts;
        self.order.retain(|(part, number)| {
            let facts = parts.get(usize::from(*part)).and_then(|p| p.row(*number));
            facts.is_some_and(|facts| keep(&facts))
        });
    }
}

impl RowParts {
    fn row(&self, number: u32) -> Option<KeyRecord<'_>> {
        self.rows.get(number as usize).map(|row| self.record(row))
    }
}

fn nothing<'r>() -> KeyRecord<'r> {
    KeyRecord {
        key: &[],
        facts: RecordFacts::default(),
    }
}

fn merge(parts: &[RowParts], lists: &[Vec<u32>], order: RowOrder) -> Vec<(u16, u32)> {
    let total = lists.iter().map(Vec::len).fold(0, usize::saturating_add);
    let mut merged = Vec::with_capacity(total);
    let mut next: Vec<usize> = vec![0; lists.len()];
    while merged.len() < total {
        let mut best: Option<(usize, u32, KeyRecord<'_>)> = None;
        for (number, ((part, list), at)) in parts.iter().zip(lists).zip(&next).enumerate() {
            let Some(row) = list.get(*at) else { continue };
            let Some(facts) = part.row(*row) else {
                continue;
            };
            let wins = best.as_ref().is_none_or(|(_, _, known)| {
                compare(Some(facts), Some(*known), order) == Ordering::Less
            });
            if wins {
                best = Some((number, *row, facts));
            }
        }
        let Some((number, row, _)) = best else { break };
        if let Some(at) = next.get_mut(number) {
            *at = at.saturating_add(1);
        }
        // There are as many parts as threads.
        merged.push((u16::try_from(number).unwrap_or(u16::MAX), row));
    }
    merged
}

fn compare(a: Option<KeyRecord<'_>>, b: Option<KeyRecord<'_>>, order: RowOrder) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return Ordering::Equal;
    };
    let first = match order {
        RowOrder::Key => Ordering::Equal,
        RowOrder::Create => a.facts.create_revision.cmp(&b.facts.create_revision),
        RowOrder::Mod => a.facts.revision.main.cmp(&b.facts.revision.main),
        RowOrder::Version => a.facts.version.cmp(&b.facts.version),
        RowOrder::Size => a.facts.value_size.cmp(&b.facts.value_size),
        RowOrder::Revision => a.facts.revision.cmp(&b.facts.revision),
    };
    first
        .then_with(|| a.key.cmp(b.key))
        .then(a.facts.revision.cmp(&b.facts.revision))
        .then(a.facts.place.cmp(&b.facts.place))
}
