//! What a scan will visit: the branch pages of every bucket read once, in order, and a table of the
//! leaves below them. Leaves themselves are not touched here.
//!
//! Every page that is referenced is claimed in a bit set before any leaf is read. Two objects that
//! overlap always have the first page of one inside the other, so a leaf whose overflow pages run into
//! a claimed page is found the same way whatever thread reads it first, and no byte is read twice.

use std::ops::Range;
use std::sync::Arc;

use super::check::codes;
use super::elements::{Bounds, LeafFacts, check_elements, leaf_entry};
use super::layout::{
    BranchElement, ELEMENT_HEADER, LeafElement, MAX_KEY_SIZE, PAGE_HEADER, PageHeader, flags,
};
use super::page_set::PageSet;
use super::pages::{PageProblem, Pages, WHOLE_OBJECT_LIMIT};
use crate::error::Result;
use crate::finding::{Collector, Finding, Place, escape};
use crate::ids::{FileOffset, PageId};
use crate::options::Options;
use crate::source::WindowBuffer;

/// Deeper than any tree of real keys: two keys of 32 KiB per branch page give depth 30 at 2^30 leaves.
const MAX_DEPTH: usize = 64;
/// Room on a branch page beyond the page size: writers put at least two keys on a page, and splitting
/// starts at five.
pub(crate) const BRANCH_SLACK: u64 = 1 << 20;
/// Longer lower bounds are read again from their branch page when they are needed.
const STORED_KEY: usize = 48;
/// Marks, in [`Plan::lower`], the last leaf of a run.
const ENDS_RUN: u32 = 1 << 31;
/// In [`Plan::lower`]: the bound is not kept.
const NO_LOWER: u32 = ENDS_RUN - 1;
const NO_KEY: u8 = 255;
const FAR_KEY: u8 = 254;
pub(super) const NO_BRANCH: u32 = u32::MAX;

/// Where the content of a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketRoot {
    /// A tree with this root page.
    Page(PageId),
    /// One leaf inside the bucket's own value, at this place in the file.
    Inline(FileOffset),
}

/// A bucket that the scan will visit.
#[derive(Debug, Clone)]
pub struct PlannedBucket {
    /// Its position in [`Plan::buckets`].
    pub number: usize,
    /// Names from the outermost bucket to this one; empty for the root bucket.
    pub path: Vec<Arc<[u8]>>,
    /// Where its content is; `None` when its header is damaged.
    pub root: Option<BucketRoot>,
    /// The ranks of its leaves.
    pub ranks: Range<u32>,
    /// Levels of branch pages above its leaves.
    pub branch_levels: u32,
    /// Branch pages.
    pub branch_pages: u64,
}

impl PlannedBucket {
    /// The bucket's own name; empty for the root bucket.
    pub fn name(&self) -> &[u8] {
        self.path.last().map_or(&[], |name| &**name)
    }

    /// The path, for a place or a report.
    pub fn names(&self) -> Vec<Vec<u8>> {
        names(&self.path)
    }

    /// True for the buckets that lie directly in the root bucket.
    pub fn is_top_level(&self) -> bool {
        self.path.len() == 1
    }
}

/// An element of the root bucket that is no bucket.
#[derive(Debug, Clone)]
pub struct StrayElement {
    /// Its key.
    pub key: Vec<u8>,
    /// Where it is.
    pub place: Place,
}

#[derive(Debug)]
struct Branch {
    page: u32,
    parent: u32,
}

/// Consecutive ranks that are consecutive elements of one branch page.
#[derive(Debug)]
pub(super) struct LeafRun {
    pub(super) first_rank: u32,
    pub(super) branch: u32,
    pub(super) first_element: u16,
    pub(super) upper: BranchKey,
}

/// The key of a branch element, as far as it is kept.
#[derive(Debug, Clone, Default)]
pub(super) enum BranchKey {
    /// There is none, or it is damaged.
    #[default]
    None,
    /// A short one.
    Near(Box<[u8]>),
    /// A long one, to be read again when it is needed.
    Far { branch: u32, element: u16 },
}

#[derive(Debug)]
pub(crate) struct InlineLeaf {
    pub(crate) rank: u32,
    pub(crate) page: PageId,
    pub(crate) offset: FileOffset,
    pub(crate) path: Vec<PageId>,
    pub(crate) bytes: Box<[u8]>,
}

/// The bounds of one leaf, where they are too long to be stored.
#[derive(Debug, Default)]
pub(crate) struct FarBounds {
    lower: Option<Vec<u8>>,
    upper: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum KeyRef<'p> {
    None,
    Near(&'p [u8]),
    Far { branch: u32, element: u16 },
}

impl<'p> KeyRef<'p> {
    fn resolve(self, far: &'p Option<Vec<u8>>) -> Option<&'p [u8]> {
        match self {
            Self::None => None,
            Self::Near(key) => Some(key),
            Self::Far { .. } => far.as_deref(),
        }
    }
}

impl BranchKey {
    fn borrow(&self) -> KeyRef<'_> {
        match self {
            Self::None => KeyRef::None,
            Self::Near(key) => KeyRef::Near(key),
            Self::Far { branch, element } => KeyRef::Far {
                branch: *branch,
                element: *element,
            },
        }
    }
}

/// The list of leaves to scan, bucket by bucket in tree order.
#[derive(Debug)]
pub struct Plan<'s> {
    /// The pages.
    pub pages: Pages<'s>,
    /// The root bucket first, then the top-level buckets in the order of their names, then nested ones.
    pub buckets: Vec<PlannedBucket>,
    /// Elements of the root bucket that are no buckets.
    pub strays: Vec<StrayElement>,
    /// Pages that something refers to.
    pub claimed: PageSet,
    /// Branch pages of all buckets, their overflow pages not counted.
    pub branch_pages: u64,
    /// Bytes in use on branch pages.
    pub branch_bytes: u64,
    /// Overflow pages of branch pages.
    pub branch_overflow: u64,
    /// Pages that could not be read, so that what they held is unknown.
    pub unreadable: u64,
    /// Pages in use, known from branch pages and buckets, that lie beyond the end of the file.
    pub missing: u64,
    pub(crate) inline: Vec<InlineLeaf>,
    /// Leaves that do not own all overflow pages they claim, by rank, with the number they own.
    pub(super) cut: Vec<(u32, u32)>,
    /// Bytes of [`Plan::inline`].
    pub(super) inline_bytes: u64,
    leaves: Vec<u32>,
    /// For each leaf, where its lower bound begins in `keys`, and [`ENDS_RUN`].
    lower: Vec<u32>,
    keys: Vec<u8>,
    pub(super) runs: Vec<LeafRun>,
    branches: Vec<Branch>,
    careful: bool,
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
}

impl<'s> Plan<'s> {
    /// Reads the root bucket and the branch pages of every top-level bucket. With `careful`, the header
    /// of every leaf is looked at too, which finds leaves at uneven depths.
    ///
    /// # Errors
    /// Reading, cancelling. Damage is a finding.
    pub fn new(
        pages: Pages<'s>,
        root: PageId,
        freelist: Option<Range<u64>>,
        careful: bool,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<Self> {
        let mut plan = Self {
            pages,
            buckets: Vec::new(),
            strays: Vec::new(),
            claimed: PageSet::new(
                pages
                    .geometry
                    .pages_in_file
                    .min(pages.geometry.high_water.0),
            ),
            branch_pages: 0,
            branch_bytes: 0,
            branch_overflow: 0,
            unreadable: 0,
            missing: 0,
            inline: Vec::new(),
            cut: Vec::new(),
            inline_bytes: 0,
            leaves: Vec::new(),
            lower: Vec::new(),
            keys: Vec::new(),
            runs: Vec::new(),
            branches: Vec::new(),
            careful,
        };
        plan.claimed.insert(PageId(0));
        plan.claimed.insert(PageId(1));
        for page in freelist.into_iter().flatten() {
            plan.claimed.insert(PageId(page));
        }
        plan.add_tree(Vec::new(), root, options, findings)?;
        Ok(plan)
    }

    pub(super) fn add_tree(
        &mut self,
        path: Vec<Arc<[u8]>>,
        root: PageId,
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
        self.walk(&path, root, leaf_level, options, findings)?;
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
            let Ok(header) = self.pages.header(page)? else {
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

    fn walk(
        &mut self,
        bucket: &[Arc<[u8]>],
        root: PageId,
        leaf_level: Option<usize>,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<()> {
        let mut stack: Vec<Frame> = Vec::new();
        let mut buffer = WindowBuffer::new();
        let upper = BranchKey::None;
        self.enter(
            bucket,
            root,
            &mut stack,
            leaf_level,
            None,
            upper,
            &mut buffer,
            findings,
        )?;
        loop {
            if leaf_level == Some(stack.len()) {
                let Some(frame) = stack.pop() else { break };
                options.cancel.check()?;
                self.leaf_children(bucket, &frame, findings);
                continue;
            }
            let Some(frame) = stack.last_mut() else { break };
            if frame.next >= frame.count {
                stack.pop();
                continue;
            }
            let index = frame.next;
            frame.next = index.saturating_add(1);
            let Some(element) = branch_element(&frame.bytes, index) else {
                continue;
            };
            let from = Some((index, frame.key(index).map(<[u8]>::to_vec)));
            let (child, upper) = (element.child, frame.upper(index));
            if index & 0xff == 0 {
                options.cancel.check()?;
            }
            self.enter(
                bucket,
                child,
                &mut stack,
                leaf_level,
                from,
                upper,
                &mut buffer,
                findings,
            )?;
        }
        Ok(())
    }

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
        let (code, message) = match problem {
            None => {
                let message = "the page is already in use elsewhere; it is not read again";
                (&codes::PAGE_TWICE, message.to_string())
            }
            Some(PageProblem::OutOfBounds) => {
                // The place is where the wrong id stands, not where it leads.
                at.offset = None;
                let text = id_as_text(page).map_or(String::new(), |t| format!(" (text: \"{t}\")"));
                let message = format!(
                    "page {page}{text} is referenced; pages go from 2 to the high-water mark {}",
                    geometry.high_water
                );
                (&codes::PAGE_OUT_OF_BOUNDS, message)
            }
            Some(PageProblem::BeyondFile) => {
                self.missing = self.missing.saturating_add(1);
                let message = format!(
                    "the page is in use; the file holds {} pages",
                    geometry.pages_in_file
                );
                (&codes::PAGE_MISSING, message)
            }
        };
        findings.add(Finding::new(code, at, message));
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

    /// Visits one page: notes a leaf, or puts a branch on the stack.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of one walk; the state is the stack"
    )]
    fn enter(
        &mut self,
        bucket: &[Arc<[u8]>],
        page: PageId,
        stack: &mut Vec<Frame>,
        leaf_level: Option<usize>,
        from: Option<(u16, Option<Vec<u8>>)>,
        upper: BranchKey,
        buffer: &mut WindowBuffer,
        findings: &mut Collector,
    ) -> Result<()> {
        let geometry = self.pages.geometry;
        let parent = stack.last().map_or(NO_BRANCH, |frame| frame.branch);
        let place = |plan: &Self| plan.tree_place(bucket, parent, page);
        if !self.claim(bucket, page, parent, findings) {
            return Ok(());
        }
        if leaf_level == Some(stack.len()) {
            self.push_leaf(page, parent, from, upper);
            return Ok(());
        }
        let limit = u64::from(geometry.page_size).saturating_add(BRANCH_SLACK);
        let pages = self.pages;
        let Ok((header, bytes)) = pages.object(page, limit, buffer)? else {
            return Ok(());
        };
        if header.flags == flags::LEAF && header.id == page {
            if leaf_level.is_some() {
                let message = format!("a leaf at level {}, others are deeper", stack.len());
                findings.add(Finding::new(&codes::UNEVEN_DEPTH, place(self), message));
            }
            self.push_leaf(page, parent, from, upper);
            return Ok(());
        }
        if !check_header(
            page,
            &header,
            flags::BRANCH,
            bytes,
            &|| place(self),
            findings,
        ) {
            self.unreadable = self.unreadable.saturating_add(1);
            return Ok(());
        }
        if stack.len() >= MAX_DEPTH {
            let message = format!("the branch is at level {MAX_DEPTH}; nothing below it is read");
            findings.add(Finding::new(&codes::TOO_DEEP, place(self), message));
            self.unreadable = self.unreadable.saturating_add(1);
            return Ok(());
        }
        let owned = self.claim_overflow(page, &header, &place, findings);
        let own_len = usize::try_from(geometry.object_len(owned)).unwrap_or(usize::MAX);
        let bytes = bytes.get(..own_len).unwrap_or(bytes);
        let lower = from.as_ref().and_then(|(_, key)| key.as_deref());
        let far = self.read_far(upper.borrow())?;
        let bounds = Bounds {
            lower,
            upper: upper.borrow().resolve(&far),
        };
        let (data_end, damaged) = check_branch(bytes, &header, bounds, &|| place(self), findings);
        if damaged.is_empty() && owned == header.overflow {
            self.check_excess(&header, data_end, &|| place(self), findings);
        }
        self.branch_pages = self.branch_pages.saturating_add(1);
        self.branch_overflow = self.branch_overflow.saturating_add(u64::from(owned));
        self.branch_bytes = self.branch_bytes.saturating_add(data_end as u64);
        let number = u32::try_from(self.branches.len()).unwrap_or(NO_BRANCH);
        self.branches.push(Branch {
            page: page_number(page),
            parent,
        });
        stack.push(Frame {
            bytes: bytes.get(..data_end).unwrap_or(bytes).to_vec(),
            count: header.count,
            next: 0,
            branch: number,
            upper,
            damaged,
        });
        Ok(())
    }

    /// Claims the overflow pages of an object; returns how many are its own. The first page that is
    /// already in use or impossible ends it.
    pub(crate) fn claim_overflow(
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
            let message = match geometry.locate(next) {
                Ok(_) if self.claimed.insert(next) => {
                    owned = step;
                    continue;
                }
                Ok(_) => {
                    let message = format!(
                        "it has {} overflow pages, but page {next} is in use elsewhere",
                        header.overflow
                    );
                    findings.add(Finding::new(&codes::PAGE_TWICE, place(self), message));
                    return owned;
                }
                Err(PageProblem::OutOfBounds) => format!(
                    "it has {} overflow pages, which lead beyond the high-water mark {}",
                    header.overflow, geometry.high_water
                ),
                Err(PageProblem::BeyondFile) => format!(
                    "it has {} overflow pages, of which the file holds {owned}",
                    header.overflow
                ),
            };
            findings.add(Finding::new(
                &codes::OVERFLOW_OUT_OF_BOUNDS,
                place(self),
                message,
            ));
            return owned;
        }
        owned
    }

    /// How many of the `claimed` overflow pages the scan found to be the leaf's own.
    pub(super) fn owned_overflow(&self, rank: u32, claimed: u32) -> u32 {
        let found = self.cut.binary_search_by_key(&rank, |(rank, _)| *rank).ok();
        found
            .and_then(|at| self.cut.get(at))
            .map_or(claimed, |(_, owned)| *owned)
            .min(claimed)
    }

    /// Checks that an object has no more overflow pages than its data, which end at `data_end`, need.
    pub(crate) fn check_excess(
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
            let message = format!(
                "it has {} overflow pages, its data end at byte {data_end}, pages have {page_size}",
                header.overflow
            );
            findings.add(Finding::new(&codes::OVERFLOW_EXCESS, place(), message));
        }
    }

    /// How many leaves there are.
    pub fn leaf_count(&self) -> u32 {
        self.rank()
    }

    /// The page of the leaf of this rank; page 0 for an inline bucket.
    pub(crate) fn leaf_page(&self, rank: u32) -> PageId {
        PageId(self.leaves.get(rank as usize).copied().map_or(0, u64::from))
    }

    /// The bucket whose leaves include `rank`.
    pub fn bucket_of(&self, rank: u32) -> Option<&PlannedBucket> {
        // Ranks are handed out bucket after bucket.
        let after = self
            .buckets
            .partition_point(|bucket| bucket.ranks.start <= rank);
        self.buckets
            .get(..after)?
            .iter()
            .rev()
            .find(|bucket| bucket.ranks.contains(&rank))
    }

    /// Where the leaf of this rank is.
    pub fn leaf_place(&self, rank: u32) -> Place {
        let bucket = self
            .bucket_of(rank)
            .map(PlannedBucket::names)
            .unwrap_or_default();
        let inline = self
            .inline
            .binary_search_by_key(&rank, |leaf| leaf.rank)
            .ok();
        if let Some(leaf) = inline.and_then(|i| self.inline.get(i)) {
            return Place {
                offset: Some(leaf.offset),
                page: Some(leaf.page),
                path: leaf.path.clone(),
                bucket,
                ..Place::default()
            };
        }
        let page = self.leaf_page(rank);
        let mut place = Place::page(page, self.pages.geometry.page_size);
        place.path = self
            .run_of(rank)
            .map(|run| self.branch_path(run.branch))
            .unwrap_or_default();
        place.path.push(page);
        place.bucket = bucket;
        place
    }

    /// Key and value of one element, read again by its place; `None` when there is no such element.
    ///
    /// # Errors
    /// Reading.
    pub fn read_element(&self, rank: u32, index: u16) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let inline = self
            .inline
            .binary_search_by_key(&rank, |leaf| leaf.rank)
            .ok();
        if let Some(leaf) = inline.and_then(|i| self.inline.get(i)) {
            return Ok(copied(leaf_entry(&leaf.bytes, index)));
        }
        let mut buffer = WindowBuffer::new();
        let pages = self.pages;
        let object = pages.object(self.leaf_page(rank), WHOLE_OBJECT_LIMIT, &mut buffer)?;
        Ok(object
            .ok()
            .and_then(|(_, bytes)| copied(leaf_entry(bytes, index))))
    }

    /// The keys that the branch above sets as bounds for the leaf of this rank. Only bounds that are too
    /// long to be kept are read, into `far`.
    pub(crate) fn bounds<'b>(&'b self, rank: u32, far: &'b mut FarBounds) -> Result<Bounds<'b>> {
        let lower = self.lower_key(rank);
        let next = rank.saturating_add(1);
        let marked = self
            .lower
            .get(rank as usize)
            .is_some_and(|at| at & ENDS_RUN != 0);
        // Looking the run up for every leaf would cost more than checking the leaf's keys.
        let upper = if marked || next == self.rank() {
            self.run_of(rank)
                .map_or(KeyRef::None, |run| run.upper.borrow())
        } else {
            self.lower_key(next)
        };
        far.lower = self.read_far(lower)?;
        far.upper = self.read_far(upper)?;
        Ok(Bounds {
            lower: lower.resolve(&far.lower),
            upper: upper.resolve(&far.upper),
        })
    }

    /// Fetches the bounds of leaves that are looked at next into the cache, all at once: one after the
    /// other, with the work on each leaf in between, the processor would wait for every one of them.
    pub(crate) fn touch_bounds(&self, ranks: &[u32]) {
        let mut seen = 0;
        for rank in ranks {
            let at = self.lower.get(*rank as usize).map(|at| at & !ENDS_RUN);
            let length = at.and_then(|at| self.keys.get(at as usize));
            seen |= length.copied().unwrap_or_default();
        }
        std::hint::black_box(seen);
    }

    /// The key of the branch element that leads to the leaf of this rank.
    fn lower_key(&self, rank: u32) -> KeyRef<'_> {
        let stored = self
            .lower
            .get(rank as usize)
            .map(|at| at & !ENDS_RUN)
            .filter(|at| *at != NO_LOWER)
            .and_then(|at| self.keys.get(at as usize..));
        match stored.and_then(<[u8]>::split_first) {
            None | Some((&NO_KEY, _)) => KeyRef::None,
            Some((&FAR_KEY, _)) => self.run_of(rank).map_or(KeyRef::None, |run| {
                let index = u32::from(run.first_element)
                    .saturating_add(rank.saturating_sub(run.first_rank));
                u16::try_from(index).map_or(KeyRef::None, |element| KeyRef::Far {
                    branch: run.branch,
                    element,
                })
            }),
            Some((len, rest)) => KeyRef::Near(rest.get(..usize::from(*len)).unwrap_or_default()),
        }
    }

    /// Reads a key that is not kept. Its element was found to be sound when its branch was read.
    fn read_far(&self, key: KeyRef<'_>) -> Result<Option<Vec<u8>>> {
        let KeyRef::Far { branch, element } = key else {
            return Ok(None);
        };
        let page_size = self.pages.geometry.page_size;
        let offset = self
            .branches
            .get(branch as usize)
            .and_then(|branch| PageId(u64::from(branch.page)).offset(page_size));
        let Some(at) = offset.map(|offset| offset.plus(element_at(element) as u64)) else {
            return Ok(None);
        };
        let mut header = [0; ELEMENT_HEADER];
        self.pages.source.read_exact_at(at, &mut header)?;
        let Some(found) = BranchElement::decode(&header).filter(|e| e.key_size <= MAX_KEY_SIZE)
        else {
            return Ok(None);
        };
        let mut key = vec![0; found.key_size as usize];
        self.pages
            .source
            .read_exact_at(at.plus(u64::from(found.pos)), &mut key)?;
        Ok(Some(key))
    }

    pub(super) fn rank(&self) -> u32 {
        // At most one leaf per page of the file plus the inline ones; more than 2^32 pages are refused.
        u32::try_from(self.leaves.len()).unwrap_or(u32::MAX)
    }

    fn push_leaf(
        &mut self,
        page: PageId,
        parent: u32,
        from: Option<(u16, Option<Vec<u8>>)>,
        upper: BranchKey,
    ) {
        let rank = self.rank();
        let (element, key) = from.unwrap_or((0, None));
        let run_goes_on = self.runs.last_mut().filter(|run| {
            let expected =
                u32::from(run.first_element).saturating_add(rank.saturating_sub(run.first_rank));
            parent != NO_BRANCH && run.branch == parent && expected == u32::from(element)
        });
        match run_goes_on {
            // The bound behind the last leaf is the one that counts for the run.
            Some(run) => run.upper = upper,
            None => self.push_run(LeafRun {
                first_rank: rank,
                branch: parent,
                first_element: element,
                upper,
            }),
        }
        self.push_keyed_leaf(page, key.as_deref());
    }

    fn push_keyed_leaf(&mut self, page: PageId, key: Option<&[u8]>) {
        let at = u32::try_from(self.keys.len()).unwrap_or(NO_LOWER);
        self.leaves.push(page_number(page));
        if at >= NO_LOWER {
            self.lower.push(NO_LOWER);
            return;
        }
        self.lower.push(at);
        match key {
            None => self.keys.push(NO_KEY),
            Some(key) if key.len() > STORED_KEY => self.keys.push(FAR_KEY),
            Some(key) => {
                self.keys.push(u8::try_from(key.len()).unwrap_or(NO_KEY));
                self.keys.extend_from_slice(key);
            }
        }
    }

    /// Begins a run; the next leaf pushed is its first.
    fn push_run(&mut self, run: LeafRun) {
        if let Some(last) = self.lower.last_mut() {
            *last |= ENDS_RUN;
        }
        self.runs.push(run);
    }

    /// Adds a leaf that is no page of its own, as a run of one.
    pub(super) fn push_inline_leaf(&mut self) {
        self.push_run(LeafRun {
            first_rank: self.rank(),
            branch: NO_BRANCH,
            first_element: 0,
            upper: BranchKey::None,
        });
        self.leaves.push(0);
        self.lower.push(NO_LOWER);
    }

    fn run_index(&self, rank: u32) -> Option<usize> {
        self.runs
            .partition_point(|run| run.first_rank <= rank)
            .checked_sub(1)
    }

    fn run_of(&self, rank: u32) -> Option<&LeafRun> {
        self.runs.get(self.run_index(rank)?)
    }

    fn branch_path(&self, branch: u32) -> Vec<PageId> {
        let mut path = Vec::new();
        let mut number = branch;
        while let Some(branch) = self.branches.get(number as usize) {
            path.push(PageId(u64::from(branch.page)));
            number = branch.parent;
        }
        path.reverse();
        path
    }
}

fn names(path: &[Arc<[u8]>]) -> Vec<Vec<u8>> {
    path.iter().map(|name| name.to_vec()).collect()
}

fn page_number(page: PageId) -> u32 {
    // Files of more than 2^32 pages are refused when they are opened.
    u32::try_from(page.0).unwrap_or(u32::MAX)
}

/// Checks what the header of a page says of itself. False when the page must not be read further.
pub(crate) fn check_header(
    page: PageId,
    header: &PageHeader,
    wanted: u16,
    bytes: &[u8],
    place: &dyn Fn() -> Place,
    findings: &mut Collector,
) -> bool {
    if header.id != page {
        let text = text_at_start(bytes).map_or(String::new(), |text| {
            format!("; the page begins with the text \"{text}\"")
        });
        let message = format!("the page says it is page {}{text}", header.id);
        findings.add(Finding::new(&codes::PAGE_ID, place(), message));
        return false;
    }
    if header.flags != wanted {
        let expected = if wanted == flags::BRANCH {
            "branch or leaf"
        } else {
            "leaf"
        };
        let message = format!(
            "the page is of type {} (flags 0x{:02x}), expected: {expected}",
            flags::name(header.flags),
            header.flags
        );
        findings.add(Finding::new(&codes::PAGE_TYPE, place(), message));
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
        let message = "a branch needs at least one element".to_string();
        findings.add(Finding::new(&codes::EMPTY_BRANCH, place(), message));
    }
    let mut previous: Option<&[u8]> = None;
    for index in 0..header.count {
        let mut report = |code, key: Option<&[u8]>, message: String| {
            let mut at = place();
            at.element = Some(u32::from(index));
            at.set_key(key);
            findings.add(Finding::new(code, at, message));
        };
        let Some(element) = branch_element(bytes, index) else {
            let message = format!(
                "the page names {} elements, but its {} bytes hold only {index} headers",
                header.count,
                bytes.len()
            );
            report(&codes::ELEMENT_OUTSIDE, None, message);
            damaged.extend(index..header.count);
            break;
        };
        let start = element_at(index).saturating_add(element.pos as usize);
        let Some(key) = branch_key(bytes, index, &element) else {
            let message = format!(
                "the key takes bytes {start} to {} of the page, which has {} bytes",
                start.saturating_add(element.key_size as usize),
                bytes.len()
            );
            report(&codes::ELEMENT_OUTSIDE, None, message);
            damaged.push(index);
            continue;
        };
        if key.is_empty() {
            report(&codes::EMPTY_KEY, None, "the key has no bytes".into());
            damaged.push(index);
            continue;
        }
        if key.len() > MAX_KEY_SIZE as usize {
            let message = format!(
                "the key has {} bytes, the limit is {MAX_KEY_SIZE}",
                key.len()
            );
            report(&codes::LONG_KEY, None, message);
            damaged.push(index);
            continue;
        }
        if start < data_end {
            let message = format!(
                "the key begins at byte {start} of the page, inside what ends at byte {data_end}"
            );
            report(&codes::ELEMENT_OVERLAP, None, message);
            damaged.push(index);
            data_end = data_end.max(start.saturating_add(key.len()));
            continue;
        } else if start > data_end {
            let message = format!(
                "its key begins at byte {start} of the page, the data before it ends at byte \
                 {data_end}; no writer leaves such a gap"
            );
            report(&codes::ELEMENT_GAP, Some(key), message);
        }
        data_end = data_end.max(start.saturating_add(key.len()));
        match previous {
            Some(before) if before >= key => {
                let word = if before == key { "equal to" } else { "below" };
                let message = format!("the key is {word} the one before it");
                report(&codes::KEY_ORDER, Some(key), message);
            }
            None if bounds.lower.is_some_and(|lower| lower > key) => {
                let lower = bounds.lower.unwrap_or_default();
                let message = format!(
                    "the key is below the branch's key {}",
                    escape::hex_limited(lower)
                );
                report(&codes::KEY_BELOW, Some(key), message);
            }
            _ => {}
        }
        if let Some(upper) = bounds.upper.filter(|upper| key >= *upper) {
            let message = format!(
                "the key is not below {}, where the next page begins",
                escape::hex_limited(upper)
            );
            report(&codes::KEY_ABOVE, Some(key), message);
        }
        previous = Some(key);
    }
    (data_end, damaged)
}

fn element_at(index: u16) -> usize {
    PAGE_HEADER.saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(index)))
}

pub(crate) fn branch_element(bytes: &[u8], index: u16) -> Option<BranchElement> {
    BranchElement::decode(bytes.get(element_at(index)..)?)
}

pub(crate) fn branch_key<'a>(
    bytes: &'a [u8],
    index: u16,
    element: &BranchElement,
) -> Option<&'a [u8]> {
    let start = element_at(index).checked_add(element.pos as usize)?;
    bytes.get(start..start.checked_add(element.key_size as usize)?)
}

fn copied(entry: Option<(LeafElement, &[u8], &[u8])>) -> Option<(Vec<u8>, Vec<u8>)> {
    entry.map(|(_, key, value)| (key.to_vec(), value.to_vec()))
}

/// Page ids in damaged files are often text that was written over them; shown as such it is recognised.
pub(crate) fn id_as_text(page: PageId) -> Option<String> {
    let bytes = page.0.to_le_bytes();
    let printable = bytes
        .iter()
        .take_while(|b| (0x20..0x7f).contains(*b))
        .count();
    (printable >= 5).then(|| escape::text(bytes.get(..printable).unwrap_or_default()))
}

fn text_at_start(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..24).unwrap_or(bytes);
    let printable = head
        .iter()
        .take_while(|b| (0x20..0x7f).contains(*b) || **b == b'\n')
        .count();
    (printable >= 6).then(|| escape::text(head.get(..printable).unwrap_or_default()))
}

/// Checks the page inside an inline bucket; returns the facts when its elements could be read.
pub(crate) fn check_inline(
    leaf: &InlineLeaf,
    elements: &mut Vec<super::elements::Element>,
    findings: &mut Collector,
    place: &dyn Fn() -> Place,
) -> Option<LeafFacts> {
    let mut damaged = |message: String| {
        findings.add(Finding::new(&codes::INLINE_BUCKET, place(), message));
    };
    let Some(header) = PageHeader::decode(&leaf.bytes) else {
        damaged(format!(
            "it has {} bytes, a page header has {PAGE_HEADER}",
            leaf.bytes.len()
        ));
        return None;
    };
    if header.id != PageId(0) || header.overflow != 0 {
        damaged(format!(
            "its header has id {} and {} overflow pages, both are always 0",
            header.id, header.overflow
        ));
    }
    if header.flags != flags::LEAF {
        damaged(format!(
            "it is of type {} (flags 0x{:02x}), expected: leaf",
            flags::name(header.flags),
            header.flags
        ));
        return None;
    }
    let facts = check_elements(
        &leaf.bytes,
        leaf.bytes.len(),
        header.count,
        Bounds::default(),
        elements,
        findings,
        place,
        None,
    );
    if facts.skipped == 0 && facts.data_end != leaf.bytes.len() {
        let message = format!(
            "its data end at byte {}, its value at byte {}",
            facts.data_end,
            leaf.bytes.len()
        );
        findings.add(Finding::new(&codes::INLINE_BUCKET, place(), message));
    }
    Some(facts)
}

/// Objects longer than this are read in pieces, so branch pages and bucket values never reach it.
const _: () = assert!(BRANCH_SLACK < WHOLE_OBJECT_LIMIT);
