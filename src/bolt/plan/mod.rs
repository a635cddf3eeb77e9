//! What a scan will visit: the branch pages of every bucket read once, and a table of the leaves below
//! them in tree order. Leaves themselves are not touched here.
//!
//! Every page that is referenced is claimed in a bit set before any leaf is read. Two objects that
//! overlap always have the first page of one inside the other, so a leaf whose overflow pages run into
//! a claimed page is found the same way whatever thread reads it first, and no byte is read twice.

#[cfg(test)]
mod tests;
mod walk;

use std::ops::Range;
use std::sync::Arc;

use crate::bolt::check::codes;
use crate::bolt::elements::{Bounds, LeafFacts, check_elements, leaf_entry};
use crate::bolt::layout::{
    BranchElement, ELEMENT_HEADER, LeafElement, MAX_KEY_SIZE, PAGE_HEADER, PageHeader, flags,
};
use crate::bolt::page_set::PageSet;
use crate::bolt::pages::{Pages, WHOLE_OBJECT_LIMIT};
use crate::error::Result;
use crate::finding::{Collector, Finding, Observation, Place};
use crate::ids::{FileOffset, PageId};
use crate::options::Options;
use crate::workers::Workers;

pub(in crate::bolt) use walk::{BRANCH_SLACK, check_header};

/// Longer lower bounds are read again from their branch page when they are needed.
const STORED_KEY: usize = 48;
/// Marks, in [`Plan::lower`], the last leaf of a run.
const ENDS_RUN: u32 = 1 << 31;
/// In [`Plan::lower`]: the bound is not kept.
const NO_LOWER: u32 = ENDS_RUN - 1;
const NO_KEY: u8 = 255;
const FAR_KEY: u8 = 254;
pub(in crate::bolt) const NO_BRANCH: u32 = u32::MAX;

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

/// An element of the root bucket that is not a bucket.
#[derive(Debug, Clone)]
pub struct StrayElement {
    /// Its key.
    pub key: Vec<u8>,
    /// The rank of its leaf.
    pub(in crate::bolt) rank: u32,
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
pub(in crate::bolt) struct LeafRun {
    pub(in crate::bolt) first_rank: u32,
    pub(in crate::bolt) branch: u32,
    pub(in crate::bolt) first_element: u16,
    pub(in crate::bolt) upper: BranchKey,
}

/// The key of a branch element, as far as it is kept.
#[derive(Debug, Clone, Default)]
pub(in crate::bolt) enum BranchKey {
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
    /// Elements of the root bucket that are not buckets.
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
    pub(in crate::bolt) cut: Vec<(u32, u32)>,
    /// Bytes of [`Plan::inline`].
    pub(in crate::bolt) inline_bytes: u64,
    leaves: Vec<u32>,
    /// For each leaf, where its lower bound begins in `keys`, and [`ENDS_RUN`].
    lower: Vec<u32>,
    keys: Vec<u8>,
    pub(in crate::bolt) runs: Vec<LeafRun>,
    branches: Vec<Branch>,
    careful: bool,
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
        workers: &Workers,
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
        plan.add_tree(Vec::new(), root, workers, options, findings)?;
        Ok(plan)
    }

    /// How many of the `claimed` overflow pages the scan found to be the leaf's own.
    pub(in crate::bolt) fn owned_overflow(&self, rank: u32, claimed: u32) -> u32 {
        let found = self.cut.binary_search_by_key(&rank, |(rank, _)| *rank).ok();
        found
            .and_then(|at| self.cut.get(at))
            .map_or(claimed, |(_, owned)| *owned)
            .min(claimed)
    }

    /// How many leaves there are.
    pub fn leaf_count(&self) -> u32 {
        self.rank()
    }

    /// The page of the leaf of this rank; page 0 for an inline bucket.
    #[inline]
    pub(crate) fn leaf_page(&self, rank: u32) -> PageId {
        PageId(self.leaves.get(rank as usize).copied().map_or(0, u64::from))
    }

    /// The bucket whose leaves include `rank`.
    pub fn bucket_of(&self, rank: u32) -> Option<&PlannedBucket> {
        // Ranks are handed out bucket after bucket.
        let after = self
            .buckets
            .partition_point(|bucket| bucket.ranks.start <= rank);
        self.buckets.get(..after)?.iter().rev().find(|bucket| {
            crate::steps::count(1);
            bucket.ranks.contains(&rank)
        })
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
        self.pages
            .leaf_entry(self.leaf_page(rank), index, WHOLE_OBJECT_LIMIT)
    }

    /// The keys that the branch above sets as bounds for the leaf of this rank. Only bounds that are too
    /// long to be kept are read, into `far`.
    #[inline]
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
    #[inline]
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

    pub(in crate::bolt) fn rank(&self) -> u32 {
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

    /// Adds a leaf that is not a page of its own, as a run of one.
    pub(in crate::bolt) fn push_inline_leaf(&mut self) {
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

/// Checks the page inside an inline bucket; returns the facts when its elements could be read.
pub(crate) fn check_inline(
    leaf: &InlineLeaf,
    elements: &mut Vec<crate::bolt::elements::Element>,
    findings: &mut Collector,
    place: &dyn Fn() -> Place,
) -> Option<LeafFacts> {
    let len = leaf.bytes.len() as u64;
    let mut damaged = |what: Observation| findings.add(Finding::new(what, place()));
    let Some(header) = PageHeader::decode(&leaf.bytes) else {
        let short = codes::InlineShort {
            found: len,
            expected: PAGE_HEADER as u64,
        };
        damaged(short.into());
        return None;
    };
    if header.id != PageId(0) || header.overflow != 0 {
        let header = codes::InlineHeader {
            page: header.id,
            overflow: u64::from(header.overflow),
        };
        damaged(header.into());
    }
    if header.flags != flags::LEAF {
        let found = header.flags;
        damaged(codes::InlineNotALeaf { found }.into());
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
        let end = codes::InlineEnd {
            data_end: facts.data_end as u64,
            value_end: len,
        };
        findings.add(Finding::new(end, place()));
    }
    Some(facts)
}
