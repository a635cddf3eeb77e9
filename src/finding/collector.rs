use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Code, Finding, Severity};

/// How many findings of one code a [`Collector`] keeps unless told otherwise.
pub const DEFAULT_LIMIT: usize = 1_000;
/// How many it keeps when everything is wanted.
pub const EXTENDED_LIMIT: usize = 100_000;

/// Gathers findings in bounded memory. Each code keeps its first `limit` findings in file order and an
/// exact count, so the outcome does not depend on which thread reported first.
#[derive(Debug, Clone)]
pub struct Collector {
    limit: usize,
    per_code: BTreeMap<&'static str, PerCode>,
}

#[derive(Debug, Clone)]
struct PerCode {
    code: &'static Code,
    count: u64,
    kept: Vec<Finding>,
}

impl Collector {
    /// A collector that keeps `limit` findings of each code.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            per_code: BTreeMap::new(),
        }
    }

    /// Takes one finding.
    pub fn add(&mut self, finding: Finding) {
        let limit = self.limit;
        let slot = self.slot(finding.code);
        slot.count = slot.count.saturating_add(1);
        slot.kept.push(finding);
        if slot.kept.len() >= limit.saturating_mul(2) {
            slot.trim(limit);
        }
    }

    /// Takes everything another collector of the same limit gathered.
    pub fn merge(&mut self, other: Self) {
        let limit = self.limit;
        for per_code in other.per_code.into_values() {
            let slot = self.slot(per_code.code);
            slot.count = slot.count.saturating_add(per_code.count);
            slot.kept.extend(per_code.kept);
            slot.trim(limit);
        }
    }

    /// True when nothing was noticed.
    pub fn is_empty(&self) -> bool {
        self.per_code.is_empty()
    }

    /// True when something of severity error was noticed.
    pub fn has_errors(&self) -> bool {
        self.per_code
            .values()
            .any(|p| p.code.severity == Severity::Error)
    }

    /// Each code with its count and the findings of it that are kept.
    pub fn kept(&self) -> impl Iterator<Item = (&'static Code, u64, &[Finding])> {
        self.per_code
            .values()
            .map(|per_code| (per_code.code, per_code.count, per_code.kept.as_slice()))
    }

    /// The limit it was made with.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The sorted outcome.
    pub fn finish(self) -> Findings {
        let mut counts = Vec::new();
        let mut list = Vec::new();
        for mut per_code in self.per_code.into_values() {
            per_code.trim(self.limit);
            counts.push(Counts {
                code: per_code.code,
                count: per_code.count,
                kept: per_code.kept.len() as u64,
            });
            list.append(&mut per_code.kept);
        }
        // Most severe first, then by code; inside a code the order by place stands.
        counts.sort_by(|a, b| {
            b.code
                .severity
                .cmp(&a.code.severity)
                .then_with(|| a.code.id.cmp(b.code.id))
        });
        list.sort_by(|a, b| {
            b.severity()
                .cmp(&a.severity())
                .then_with(|| a.code.id.cmp(b.code.id))
        });
        Findings { list, counts }
    }

    fn slot(&mut self, code: &'static Code) -> &mut PerCode {
        match self.per_code.entry(code.id) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => slot.insert(PerCode {
                code,
                count: 0,
                kept: Vec::new(),
            }),
        }
    }
}

impl PerCode {
    fn trim(&mut self, limit: usize) {
        self.kept.sort_by(|a, b| {
            crate::steps::count(1);
            a.file_order(b)
        });
        self.kept.truncate(limit);
    }
}

/// Findings in their final order: most severe first, then by code, then by place.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// The findings that were kept.
    pub list: Vec<Finding>,
    /// For each code that occurred, how often.
    pub counts: Vec<Counts>,
}

/// How often one code occurred.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// The code.
    pub code: &'static Code,
    /// All occurrences.
    pub count: u64,
    /// How many of them are in [`Findings::list`].
    pub kept: u64,
}

impl Findings {
    /// How many findings of `severity` there were, the ones not kept included.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts
            .iter()
            .filter(|c| c.code.severity == severity)
            .map(|c| c.count)
            .sum()
    }

    /// True when something of severity error was noticed.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Takes findings of other codes.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
        self.counts.extend(other.counts);
        let order = |severity: Severity, id: &'static str| (std::cmp::Reverse(severity), id);
        self.counts
            .sort_by_key(|count| order(count.code.severity, count.code.id));
        self.list
            .sort_by_key(|finding| order(finding.severity(), finding.code.id));
    }

    /// True when a finding of this code was noticed.
    pub fn has(&self, code: &Code) -> bool {
        self.counts.iter().any(|c| c.code.id == code.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Place, Value};
    use crate::ids::FileOffset;

    mod codes {
        crate::finding::codes! {
            /// A sample.
            SAMPLE = "T001" Error Tree "t", "c", "n" => {
                Few = "few" { found: Count }
                Many = "many" { found: Count }
            }
        }
    }

    fn sample(offset: u64) -> Finding {
        Finding::new(codes::Few { found: 1 }, Place::at(FileOffset(offset)))
    }

    #[test]
    fn the_first_findings_by_place_are_kept_whatever_the_order_of_arrival() {
        let offsets: Vec<u64> = (0..50).map(|i| (i * 37) % 50).collect();
        let mut one = Collector::new(5);
        offsets.iter().for_each(|o| one.add(sample(*o)));
        let mut left = Collector::new(5);
        let mut right = Collector::new(5);
        for (i, o) in offsets.iter().rev().enumerate() {
            if i % 3 == 0 {
                left.add(sample(*o))
            } else {
                right.add(sample(*o))
            }
        }
        right.merge(left);
        for outcome in [one.finish(), right.finish()] {
            let kept: Vec<u64> = outcome
                .list
                .iter()
                .map(|f| f.place.offset.unwrap().0)
                .collect();
            assert_eq!(kept, [0, 1, 2, 3, 4]);
            assert_eq!(outcome.counts[0].count, 50);
            assert_eq!(outcome.count(Severity::Error), 50);
        }
    }

    #[test]
    fn no_more_than_twice_the_limit_is_held_at_any_time_and_all_are_counted() {
        let mut collector = Collector::new(5);
        let mut other = Collector::new(5);
        for offset in (0..100).rev() {
            collector.add(sample(offset));
            other.add(sample(offset + 100));
            let (_, _, kept) = collector.kept().next().unwrap();
            assert!(kept.len() < 10, "{}", kept.len());
        }
        collector.merge(other);
        let (_, count, kept) = collector.kept().next().unwrap();
        assert_eq!((count, kept.len()), (200, 5));
    }

    #[test]
    fn findings_at_one_place_are_ordered_by_circumstance_and_value() {
        let found = |offset, what: crate::finding::Observation| {
            Finding::new(what, Place::at(FileOffset(offset)))
        };
        let all = || {
            [
                found(1, codes::Many { found: 3 }.into()),
                found(1, codes::Few { found: 10 }.into()),
                found(1, codes::Few { found: 9 }.into()),
                found(0, codes::Many { found: 7 }.into()),
            ]
        };
        let told = |found: Vec<Finding>| {
            let mut collector = Collector::new(10);
            found.into_iter().for_each(|one| collector.add(one));
            let list = collector.finish().list;
            let value = |one: &Finding| match one.value("found") {
                Some(Value::Count(count)) => *count,
                other => panic!("{other:?}"),
            };
            list.iter().map(value).collect::<Vec<u64>>()
        };
        assert_eq!(told(all().into()), [7, 9, 10, 3]);
        assert_eq!(told(all().into_iter().rev().collect()), [7, 9, 10, 3]);
        assert_eq!(codes::ALL[0].circumstances.len(), 2);
    }
}
