//! What a log tells of itself, record by record. Nothing of it depends on where a server starts, which is
//! decided when all of it was read.

use std::collections::VecDeque;

use crate::etcd::raft::{EntryType, Frame, HardState, LogRecord, MemberChange, Metadata, codes};
use crate::finding::{Collector, Excerpt, Finding, Observation, Place};
use crate::ids::FileOffset;

/// Marks, versions and changes of members that are kept, the newest; etcd keeps 5 `.snap` files, each with
/// its mark.
const KEPT: usize = 4096;

/// Runs of entries that are kept. A log has one for each segment and each change of leaders.
const RUNS: usize = 1 << 20;

/// Entries whose indices follow one another, in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    segment: usize,
    first: u64,
    last: u64,
}

/// Two entries that do not follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) struct EntryGap {
    /// The entry, or the place to start from, before the gap.
    pub(in crate::ops) before: u64,
    /// The entry behind it.
    pub(in crate::ops) after: u64,
}

impl EntryGap {
    /// The same as a finding.
    pub(in crate::ops) fn observation(self) -> Observation {
        let Self { before, after } = self;
        codes::EntryMissing { after, before }.into()
    }
}

/// What a log tells of itself.
#[derive(Debug, Clone, Default)]
pub(in crate::ops) struct LogStory {
    /// Whose log it is.
    pub(super) metadata: Option<Metadata>,
    /// What raft remembers.
    pub(super) state: HardState,
    has_state: bool,
    /// Index and term of the places to start from.
    marks: VecDeque<(u64, u64)>,
    runs: Vec<Run>,
    /// Changes of members, with their indices.
    pub(super) changes: VecDeque<(u64, MemberChange)>,
    /// Versions that the cluster was set to, with the index and whether by a request to the old store.
    versions: VecDeque<(u64, bool, (u64, u64))>,
    /// The last entry that is a request to the old store.
    pub(super) last_v2: u64,
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= KEPT {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl LogStory {
    /// Takes the next record of the segment of this number in order, and this name.
    pub(in crate::ops) fn add(
        &mut self,
        segment: usize,
        name: &str,
        frame: &Frame,
        findings: &mut Collector,
    ) {
        let mut report = |what: Observation| {
            findings.add(Finding::new(what, Place::at(FileOffset(frame.offset))));
        };
        match &frame.record {
            LogRecord::Metadata(metadata) => {
                if let Some(before) = self.metadata.filter(|before| before != metadata) {
                    let two = codes::TwoLogs {
                        segment: Excerpt::of(name),
                        member: metadata.member,
                        cluster: metadata.cluster,
                        member_before: before.member,
                        cluster_before: before.cluster,
                    };
                    report(two.into());
                }
                self.metadata = Some(*metadata);
            }
            LogRecord::Entry(entry) => {
                self.add_to_runs(segment, entry.index);
                if entry.kind == EntryType::Normal {
                    let facts = entry.request_facts();
                    if facts.is_v2 {
                        self.last_v2 = self.last_v2.max(entry.index);
                    }
                    if let Some(version) = facts.cluster_version {
                        push(&mut self.versions, (entry.index, facts.is_v2, version));
                    }
                } else if let Some(change) = entry.member_change() {
                    push(&mut self.changes, (entry.index, change));
                }
            }
            LogRecord::State(state) => {
                self.state = *state;
                self.has_state = true;
            }
            LogRecord::Snapshot(mark) => push(&mut self.marks, (mark.index, mark.term)),
            LogRecord::Crc => {}
            LogRecord::Other => {
                let unknown = codes::RecordUnknown {
                    segment: Excerpt::of(name),
                    found: frame.kind.number(),
                };
                report(unknown.into());
            }
        }
    }

    fn add_to_runs(&mut self, segment: usize, index: u64) {
        if let Some(run) = self.runs.last_mut()
            && run.segment == segment
            && run.last.checked_add(1) == Some(index)
        {
            run.last = index;
        } else if self.runs.len() < RUNS {
            self.runs.push(Run {
                segment,
                first: index,
                last: index,
            });
        }
    }

    /// The places that a server may start from: those that are known to be committed.
    pub(super) fn is_valid_mark(&self, index: u64, term: u64) -> bool {
        index <= self.state.commit && self.marks.contains(&(index, term))
    }

    /// The last of these places.
    pub(in crate::ops) fn last_mark(&self) -> Option<(u64, u64)> {
        let committed = |(index, _): &&(u64, u64)| *index <= self.state.commit;
        self.marks.iter().rev().find(committed).copied()
    }

    /// True when no record says which entries are committed.
    pub(super) fn is_stateless(&self) -> bool {
        !self.has_state && !self.runs.is_empty()
    }

    /// True when there is no entry at all.
    pub(super) fn is_without_entries(&self) -> bool {
        self.runs.is_empty()
    }

    /// The index before the first entry.
    pub(in crate::ops) fn before_first(&self) -> u64 {
        self.runs
            .first()
            .map_or(0, |run| run.first.saturating_sub(1))
    }

    /// The index of the last entry that a server has which starts after the entry `start`, and reads the
    /// log from the segment `from` on. A leader's entries take the place of those that were never
    /// committed.
    pub(in crate::ops) fn last_after(&self, start: u64, from: usize) -> Result<u64, EntryGap> {
        let mut last = start;
        for run in self.runs.iter().filter(|run| run.segment >= from) {
            if run.last <= start {
                continue;
            }
            let first = run.first.max(start.saturating_add(1));
            if first > last.saturating_add(1) {
                return Err(EntryGap {
                    before: last,
                    after: first,
                });
            }
            last = run.last;
        }
        Ok(last)
    }

    /// The highest version that entries behind `start` set the cluster to; `old_store`: of those alone that
    /// are requests to the old store.
    pub(super) fn version_after(&self, start: u64, old_store: bool) -> Option<(u64, u64)> {
        let behind = self
            .versions
            .iter()
            .filter(|(index, is_v2, _)| *index > start && (*is_v2 || !old_store));
        behind.map(|(_, _, version)| *version).max()
    }
}
