//! The way down the branch pages of a bucket, which ends at its leaves.

use std::sync::Arc;

use super::{
    Branch, BranchKey, BucketRoot, LeafRun, NO_BRANCH, Plan, PlannedBucket, STORED_KEY,
    branch_element, branch_key, element_at, names, page_number,
};
use crate::bolt::check::codes;
use crate::bolt::elements::Bounds;
use crate::bolt::layout::{
    BranchElement, ELEMENT_HEADER, MAX_KEY_SIZE, PAGE_HEADER, PageHeader, flags,
};
use crate::bolt::pages::{AbsentPage, PageError, WHOLE_OBJECT_LIMIT};
use crate::error::Result;
use crate::finding::{Collector, Excerpt, Finding, Observation, Place};
use crate::ids::PageId;
use crate::options::Options;
use crate::source::WindowBuffer;
use crate::workers::Workers;

/// Deeper than any tree of real keys: two keys of 32 KiB per branch page give depth 30 at 2^30 leaves.
const MAX_DEPTH: usize = 64;
/// Room on a branch page beyond the page size: writers put at least two keys on a page, and splitting
/// starts at five.
pub(in crate::bolt) const BRANCH_SLACK: u64 = 1 << 20;
/// Fewer bottom branches than this are not worth waking other threads.
const FEW: usize = 16;
/// Bottom branches that a thread reads at a time.
const PIECE: usize = 8;
/// Bytes of bottom branches that are read before their leaves are noted.
const GROUP: usize = 4 << 20;

/// How the way down one bucket is gone.
struct Descent<'w> {
    bucket: &'w [Arc<[u8]>],
    /// Levels of branch pages; `None` when every page must be looked at to know.
    leaf_level: Option<usize>,
    workers: &'w Workers,
    options: &'w Options,
}

/// A branch element that leads to a page.
struct Step {
    page: PageId,
    /// Number of the branch it is on.
    parent: u32,
    /// How many branches are above the page.
    level: usize,
    /// Number and key of the element; `None` for a root.
    from: Option<(u16, Option<Vec<u8>>)>,
    /// The bound behind the page.
    upper: BranchKey,
}

/// What a page that a step leads to turned out to be. The plan does not know of it yet.
enum Visited {
    Leaf,
    Branch(ReadBranch),
    /// It has overflow pages, which have to be claimed in tree order.
    Overflowing,
    /// It cannot be read, which was reported.
    Damaged,
    /// There is no such page, which was reported when it was claimed.
    Absent,
}

struct ReadBranch {
    bytes: Vec<u8>,
    count: u16,
    damaged: Vec<u16>,
    overflow: u32,
}

struct Frame {
    bytes: Vec<u8>,
    count: u16,
    next: u16,
    branch: u32,
    upper: BranchKey,
    /// Elements whose keys are damaged and count for nothing, ascending.
    damaged: Vec<u16>,
}

impl Frame {
    /// The key of an element, unless it is damaged.
    fn key(&self, index: u16) -> Option<&[u8]> {
        if index >= self.count || self.damaged.binary_search(&index).is_ok() {
            return None;
        }
        branch_key(&self.bytes, index, &branch_element(&self.bytes, index)?)
    }

    /// The bound behind the child at `index`.
    fn upper(&self, index: u16) -> BranchKey {
        let next = index.saturating_add(1);
        match self.key(next) {
            Some(key) if key.len() <= STORED_KEY => BranchKey::Near(key.into()),
            Some(_) => BranchKey::Far {
                branch: self.branch,
                element: next,
            },
            None => self.upper.clone(),
        }
    }

    /// The step to the child at `index`, on `level`.
    fn step(&self, index: u16, level: usize) -> Option<Step> {
        let element = branch_element(&self.bytes, index)?;
        Some(Step {
            page: element.child,
            parent: self.branch,
            level,
            from: Some((index, self.key(index).map(<[u8]>::to_vec))),
            upper: self.upper(index),
        })
    }
}

impl Plan<'_> {
    pub(in crate::bolt) fn add_tree(
        &mut self,
        path: Vec<Arc<[u8]>>,
        root: PageId,
        workers: &Workers,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<()> {
        let first = self.rank();
        let branches = self.branch_pages;
        // A root that is in use already is reported and not entered; its depth does not matter.
        let leaf_level = if self.careful || self.claimed.contains(root) {
            None
        } else {
            self.leftmost_depth(root)?
        };
        let way = Descent {
            bucket: &path,
            leaf_level,
            workers,
            options,
        };
        self.walk(&way, root, findings)?;
        self.buckets.push(PlannedBucket {
            number: self.buckets.len(),
            path,
            root: Some(BucketRoot::Page(root)),
            ranks: first..self.rank(),
            branch_levels: leaf_level.map_or(0, |level| u32::try_from(level).unwrap_or(0)),
            branch_pages: self.branch_pages.saturating_sub(branches),
        });
        Ok(())
    }

    /// Levels of branch pages on the way to the first leaf; `None` when that way is damaged.
    fn leftmost_depth(&self, root: PageId) -> Result<Option<usize>> {
        let mut page = root;
        for level in 0..MAX_DEPTH {
            let Some(header) = PageError::unless_absent(self.pages.header(page))? else {
                return Ok(None);
            };
            match header.flags {
                flags::LEAF => return Ok(Some(level)),
                flags::BRANCH => {}
                _ => return Ok(None),
            }
            let mut element = [0; ELEMENT_HEADER];
            let Ok(offset) = self.pages.geometry.locate(page) else {
                return Ok(None);
            };
            self.pages
                .source
                .read_exact_at(offset.plus(PAGE_HEADER as u64), &mut element)?;
            let Some(element) = BranchElement::decode(&element) else {
                return Ok(None);
            };
            page = element.child;
        }
        Ok(None)
    }

    fn walk(&mut self, way: &Descent<'_>, root: PageId, findings: &mut Collector) -> Result<()> {
        let mut stack: Vec<Frame> = Vec::new();
        let mut buffer = WindowBuffer::new();
        let step = Step {
            page: root,
            parent: NO_BRANCH,
            level: 0,
            from: None,
            upper: BranchKey::None,
        };
        stack.extend(self.enter(way, step, &mut buffer, findings)?);
        loop {
            if way.leaf_level == Some(stack.len()) {
                let Some(frame) = stack.pop() else { break };
                way.options.cancel.check()?;
                self.leaf_children(way.bucket, &frame, findings);
                continue;
            }
            let above_bottom = way.leaf_level == Some(stack.len().saturating_add(1));
            let level = stack.len();
            if above_bottom
                && let Some(frame) = stack.pop_if(|frame| usize::from(frame.count) >= FEW)
            {
                self.bottom_branches(way, &frame, level, findings)?;
                continue;
            }
            let Some(frame) = stack.last_mut() else { break };
            if frame.next >= frame.count {
                stack.pop();
                continue;
            }
            let index = frame.next;
            frame.next = index.saturating_add(1);
            let Some(step) = frame.step(index, level) else {
                continue;
            };
            if index & 0xff == 0 {
                way.options.cancel.check()?;
            }
            stack.extend(self.enter(way, step, &mut buffer, findings)?);
        }
        Ok(())
    }

    /// Reads all children of a branch just above the bottom branches, on all threads, and notes the leaves
    /// below them in tree order.
    fn bottom_branches(
        &mut self,
        way: &Descent<'_>,
        frame: &Frame,
        level: usize,
        findings: &mut Collector,
    ) -> Result<()> {
        let page_size = self.pages.geometry.page_size as usize;
        let group = GROUP.checked_div(page_size).unwrap_or(0).max(1);
        let all: Vec<u16> = (0..frame.count).collect();
        for indexes in all.chunks(group) {
            let steps: Vec<Step> = indexes
                .iter()
                .filter_map(|index| frame.step(*index, level))
                .filter(|step| self.claim(way.bucket, step.page, step.parent, findings))
                .collect();
            let plan = &*self;
            let limit = findings.limit();
            let pieces: Vec<&[Step]> = steps.chunks(PIECE).collect();
            let read = way.workers.share(
                pieces.len(),
                || (Vec::new(), WindowBuffer::new(), Collector::new(limit)),
                |(visited, buffer, findings), number| {
                    way.options.cancel.check()?;
                    for step in pieces.get(number).into_iter().copied().flatten() {
                        let page = plan.visit(way, step, false, buffer, findings)?;
                        visited.push((number, page));
                    }
                    Ok(())
                },
            )?;
            let mut visited = Vec::new();
            for (of_thread, _, found) in read {
                visited.extend(of_thread);
                findings.merge(found);
            }
            visited.sort_by_key(|(number, _)| *number);
            let mut buffer = WindowBuffer::new();
            for (step, (_, page)) in steps.into_iter().zip(visited) {
                let page = match page {
                    Visited::Overflowing => self.visit(way, &step, true, &mut buffer, findings)?,
                    other => other,
                };
                if let Some(frame) = self.note(step, page) {
                    self.leaf_children(way.bucket, &frame, findings);
                }
            }
        }
        Ok(())
    }

    /// Where a page is that the branch `parent` refers to.
    fn tree_place(&self, bucket: &[Arc<[u8]>], parent: u32, page: PageId) -> Place {
        let mut place = Place::page(page, self.pages.geometry.page_size);
        place.path = self.branch_path(parent);
        place.path.push(page);
        place.bucket = names(bucket);
        place
    }

    /// Claims a page that `parent` refers to. False when there is no such page or it is in use already,
    /// which is reported.
    fn claim(
        &mut self,
        bucket: &[Arc<[u8]>],
        page: PageId,
        parent: u32,
        findings: &mut Collector,
    ) -> bool {
        let geometry = self.pages.geometry;
        let problem = match geometry.locate(page) {
            Ok(_) if self.claimed.insert(page) => return true,
            Ok(_) => None,
            Err(problem) => Some(problem),
        };
        self.unreadable = self.unreadable.saturating_add(1);
        let mut at = self.tree_place(bucket, parent, page);
        let high_water_mark = geometry.high_water;
        let what: Observation = match problem {
            None => codes::PageInUse {}.into(),
            Some(AbsentPage::OutOfBounds) => {
                // The place is where the wrong id stands, not where it leads.
                at.offset = None;
                match id_as_text(page) {
                    None => codes::PageOutOfBounds {
                        page,
                        high_water_mark,
                    }
                    .into(),
                    Some(text) => codes::TextInsteadOfNumber {
                        page,
                        text,
                        high_water_mark,
                    }
                    .into(),
                }
            }
            Some(AbsentPage::BeyondFile) => {
                self.missing = self.missing.saturating_add(1);
                let pages_in_file = geometry.pages_in_file;
                codes::PageBeyondFile { pages_in_file }.into()
            }
        };
        findings.add(Finding::new(what, at));
        false
    }

    /// Notes all children of a bottom branch: they are leaves, and there are many.
    fn leaf_children(&mut self, bucket: &[Arc<[u8]>], frame: &Frame, findings: &mut Collector) {
        let mut open: Option<u16> = None;
        for index in 0..frame.count {
            let child = branch_element(&frame.bytes, index).map(|element| element.child);
            let Some(child) =
                child.filter(|child| self.claim(bucket, *child, frame.branch, findings))
            else {
                self.end_run(frame, open.take());
                continue;
            };
            if open.is_none() {
                self.push_run(LeafRun {
                    first_rank: self.rank(),
                    branch: frame.branch,
                    first_element: index,
                    upper: BranchKey::None,
                });
            }
            self.push_keyed_leaf(child, frame.key(index));
            open = Some(index);
        }
        self.end_run(frame, open);
    }

    /// Sets the bound behind the last leaf of a run.
    fn end_run(&mut self, frame: &Frame, last: Option<u16>) {
        if let (Some(last), Some(run)) = (last, self.runs.last_mut()) {
            run.upper = frame.upper(last);
        }
    }

    /// Visits one page: notes a leaf, or gives back a branch to go on from.
    fn enter(
        &mut self,
        way: &Descent<'_>,
        step: Step,
        buffer: &mut WindowBuffer,
        findings: &mut Collector,
    ) -> Result<Option<Frame>> {
        if !self.claim(way.bucket, step.page, step.parent, findings) {
            return Ok(None);
        }
        let page = self.visit(way, &step, true, buffer, findings)?;
        Ok(self.note(step, page))
    }

    /// Reads and checks the claimed page that `step` leads to. Unless `in_order`, when pages are visited in
    /// no certain order, nothing is claimed.
    fn visit(
        &self,
        way: &Descent<'_>,
        step: &Step,
        in_order: bool,
        buffer: &mut WindowBuffer,
        findings: &mut Collector,
    ) -> Result<Visited> {
        let Step { page, level, .. } = *step;
        if way.leaf_level == Some(level) {
            return Ok(Visited::Leaf);
        }
        let geometry = self.pages.geometry;
        let place = || self.tree_place(way.bucket, step.parent, page);
        let limit = u64::from(geometry.page_size).saturating_add(BRANCH_SLACK);
        let object = self.pages.object(page, limit, buffer);
        let Some((header, bytes)) = PageError::unless_absent(object)? else {
            return Ok(Visited::Absent);
        };
        if header.flags == flags::LEAF && header.id == page {
            if way.leaf_level.is_some() {
                let level = level as u64;
                findings.add(Finding::new(codes::LeafTooHigh { level }, place()));
            }
            return Ok(Visited::Leaf);
        }
        if !check_header(page, &header, flags::BRANCH, bytes, &place, findings) {
            return Ok(Visited::Damaged);
        }
        if level >= MAX_DEPTH {
            let level = MAX_DEPTH as u64;
            findings.add(Finding::new(codes::BranchTooDeep { level }, place()));
            return Ok(Visited::Damaged);
        }
        if header.overflow != 0 && !in_order {
            return Ok(Visited::Overflowing);
        }
        let owned = self.claim_overflow(page, &header, &|_| place(), findings);
        let own_len = usize::try_from(geometry.object_len(owned)).unwrap_or(usize::MAX);
        let bytes = bytes.get(..own_len).unwrap_or(bytes);
        let lower = step.from.as_ref().and_then(|(_, key)| key.as_deref());
        let far = self.read_far(step.upper.borrow())?;
        let bounds = Bounds {
            lower,
            upper: step.upper.borrow().resolve(&far),
        };
        let (data_end, damaged) = check_branch(bytes, &header, bounds, &place, findings);
        if damaged.is_empty() && owned == header.overflow {
            self.check_excess(&header, data_end, &place, findings);
        }
        Ok(Visited::Branch(ReadBranch {
            bytes: bytes.get(..data_end).unwrap_or(bytes).to_vec(),
            count: header.count,
            damaged,
            overflow: owned,
        }))
    }

    /// Takes a visited page into the plan.
    fn note(&mut self, step: Step, page: Visited) -> Option<Frame> {
        match page {
            Visited::Leaf => {
                self.push_leaf(step.page, step.parent, step.from, step.upper);
                None
            }
            Visited::Branch(read) => {
                self.branch_pages = self.branch_pages.saturating_add(1);
                self.branch_overflow = self
                    .branch_overflow
                    .saturating_add(u64::from(read.overflow));
                self.branch_bytes = self.branch_bytes.saturating_add(read.bytes.len() as u64);
                let branch = u32::try_from(self.branches.len()).unwrap_or(NO_BRANCH);
                self.branches.push(Branch {
                    page: page_number(step.page),
                    parent: step.parent,
                });
                Some(Frame {
                    bytes: read.bytes,
                    count: read.count,
                    next: 0,
                    branch,
                    upper: step.upper,
                    damaged: read.damaged,
                })
            }
            Visited::Damaged => {
                self.unreadable = self.unreadable.saturating_add(1);
                None
            }
            Visited::Overflowing | Visited::Absent => None,
        }
    }

    /// Claims the overflow pages of an object; returns how many are its own. The first page that is
    /// already in use or impossible ends it.
    pub(in crate::bolt) fn claim_overflow(
        &self,
        page: PageId,
        header: &PageHeader,
        place: &dyn Fn(&Self) -> Place,
        findings: &mut Collector,
    ) -> u32 {
        let geometry = self.pages.geometry;
        let mut owned = 0;
        for step in 1..=header.overflow {
            let next = PageId(page.0.saturating_add(u64::from(step)));
            let overflow = u64::from(header.overflow);
            let what: Observation = match geometry.locate(next) {
                Ok(_) if self.claimed.insert(next) => {
                    owned = step;
                    continue;
                }
                Ok(_) => {
                    let in_use = codes::OverflowInUse {
                        overflow,
                        page: next,
                    };
                    findings.add(Finding::new(in_use, place(self)));
                    return owned;
                }
                Err(AbsentPage::OutOfBounds) => codes::OverflowOutOfBounds {
                    overflow,
                    high_water_mark: geometry.high_water,
                }
                .into(),
                Err(AbsentPage::BeyondFile) => codes::OverflowBeyondFile {
                    overflow,
                    held: u64::from(owned),
                }
                .into(),
            };
            findings.add(Finding::new(what, place(self)));
            return owned;
        }
        owned
    }

    /// Checks that an object has no more overflow pages than its data, which end at `data_end`, need.
    pub(in crate::bolt) fn check_excess(
        &self,
        header: &PageHeader,
        data_end: usize,
        place: &dyn Fn() -> Place,
        findings: &mut Collector,
    ) {
        let page_size = self.pages.geometry.page_size as usize;
        // bbolt up to 1.3.3 took one page more when the data ended exactly at the end of a page.
        let needed = data_end.checked_div(page_size).unwrap_or(0);
        if (header.overflow as usize) > needed {
            let excess = codes::OverflowExcess {
                overflow: u64::from(header.overflow),
                data_end: data_end as u64,
                page_size: page_size as u64,
            };
            findings.add(Finding::new(excess, place()));
        }
    }
}

/// Checks what the header of a page says of itself. False when the page must not be read further.
pub(in crate::bolt) fn check_header(
    page: PageId,
    header: &PageHeader,
    wanted: u16,
    bytes: &[u8],
    place: &dyn Fn() -> Place,
    findings: &mut Collector,
) -> bool {
    if header.id != page {
        let found = header.id;
        let what: Observation = match text_at_start(bytes) {
            None => codes::OtherPage { found }.into(),
            Some(text) => codes::TextInsteadOfPage { found, text }.into(),
        };
        findings.add(Finding::new(what, place()));
        return false;
    }
    if header.flags != wanted {
        let found = header.flags;
        let what: Observation = match wanted {
            flags::BRANCH => codes::NeitherBranchNorLeaf { found }.into(),
            _ => codes::NotALeaf { found }.into(),
        };
        findings.add(Finding::new(what, place()));
        return false;
    }
    true
}

/// Checks the elements of a branch page; returns where its data end, and which elements have
/// damaged keys.
fn check_branch(
    bytes: &[u8],
    header: &PageHeader,
    bounds: Bounds<'_>,
    place: &dyn Fn() -> Place,
    findings: &mut Collector,
) -> (usize, Vec<u16>) {
    let mut damaged = Vec::new();
    let mut data_end = PAGE_HEADER
        .saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(header.count)))
        .min(bytes.len());
    if header.count == 0 {
        findings.add(Finding::new(codes::EmptyBranch {}, place()));
    }
    let mut previous: Option<&[u8]> = None;
    for index in 0..header.count {
        let mut report = |what: Observation, key: Option<&[u8]>| {
            let mut at = place();
            at.element = Some(u32::from(index));
            at.set_key(key);
            findings.add(Finding::new(what, at));
        };
        let page_len = bytes.len() as u64;
        let Some(element) = branch_element(bytes, index) else {
            let outside = codes::HeadersOutside {
                elements: u64::from(header.count),
                bytes: page_len,
                held: u64::from(index),
            };
            report(outside.into(), None);
            damaged.extend(index..header.count);
            break;
        };
        let start = element_at(index).saturating_add(element.pos as usize);
        let Some(key) = branch_key(bytes, index, &element) else {
            let outside = codes::KeyOutside {
                start: start as u64,
                end: start.saturating_add(element.key_size as usize) as u64,
                bytes: page_len,
            };
            report(outside.into(), None);
            damaged.push(index);
            continue;
        };
        if key.is_empty() {
            report(codes::EmptyKey {}.into(), None);
            damaged.push(index);
            continue;
        }
        if key.len() > MAX_KEY_SIZE as usize {
            let long = codes::LongKey {
                bytes: key.len() as u64,
                limit: u64::from(MAX_KEY_SIZE),
            };
            report(long.into(), None);
            damaged.push(index);
            continue;
        }
        if start < data_end {
            let overlap = codes::KeyOverlap {
                start: start as u64,
                data_end: data_end as u64,
            };
            report(overlap.into(), None);
            damaged.push(index);
            data_end = data_end.max(start.saturating_add(key.len()));
            continue;
        } else if start > data_end {
            let gap = codes::GapBeforeKey {
                start: start as u64,
                data_end: data_end as u64,
            };
            report(gap.into(), Some(key));
        }
        data_end = data_end.max(start.saturating_add(key.len()));
        match previous {
            Some(before) if before >= key => {
                let what = match before == key {
                    true => codes::KeyEqual {}.into(),
                    false => codes::KeyBefore {}.into(),
                };
                report(what, Some(key));
            }
            None if bounds.lower.is_some_and(|lower| lower > key) => {
                let lower = bounds.lower.unwrap_or_default();
                let lower = Excerpt::of(lower);
                report(codes::KeyBelowBranch { lower }.into(), Some(key));
            }
            _ => {}
        }
        if let Some(upper) = bounds.upper.filter(|upper| key >= *upper) {
            let upper = Excerpt::of(upper);
            report(codes::KeyAboveNext { upper }.into(), Some(key));
        }
        previous = Some(key);
    }
    (data_end, damaged)
}

/// Page ids in damaged files are often text that was written over them; shown as such it is recognised.
fn id_as_text(page: PageId) -> Option<Excerpt> {
    let bytes = page.0.to_le_bytes();
    let printable = bytes
        .iter()
        .take_while(|b| (0x20..0x7f).contains(*b))
        .count();
    (printable >= 5).then(|| Excerpt::of(bytes.get(..printable).unwrap_or_default()))
}

fn text_at_start(bytes: &[u8]) -> Option<Excerpt> {
    let head = bytes.get(..24).unwrap_or(bytes);
    let printable = head
        .iter()
        .take_while(|b| (0x20..0x7f).contains(*b) || **b == b'\n')
        .count();
    (printable >= 6).then(|| Excerpt::of(head.get(..printable).unwrap_or_default()))
}

/// Objects longer than this are read in pieces, so branch pages and bucket values never reach it.
const _: () = assert!(BRANCH_SLACK < WHOLE_OBJECT_LIMIT);
