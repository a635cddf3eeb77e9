//! One pass over the leaves of all buckets, in parallel, that checks each leaf and lends it to visitors.

use std::ops::Range;

use super::check::codes;
use super::elements::{Bounds, Element, FarKey, LeafFacts, check_elements, element_at};
use super::found::{Found, keep_first_strays};
use super::layout::{ELEMENT_HEADER, LeafElement, PAGE_HEADER, PageHeader, flags};
use super::leaf::{Leaf, LeafTail};
use super::pages::WHOLE_OBJECT_LIMIT;
use super::plan::{
    BucketRoot, FarBounds, InlineLeaf, Plan, PlannedBucket, check_header, check_inline,
};
use crate::error::Result;
use crate::finding::{Collector, Finding, Place};
use crate::ids::{FileOffset, PageId};
use crate::options::Options;
use crate::source::WindowBuffer;
use crate::workers::Workers;

/// Leaves that lie close together are read in one window of up to this many bytes.
const WINDOW: u64 = 256 << 10;
/// Unwanted pages between two leaves that are read along rather than skipped.
const WINDOW_GAP: u64 = 4;
/// Bytes of a leaf that are read along for each of its elements that is wanted again, rather than each alone.
const READ_ALONG: u64 = 4 << 10;
/// Tree order is kept when its windows hold this many leaves on average.
const WORTHWHILE: usize = 24;
/// Leaves in one piece of work, at most.
const PIECE: usize = 256;

/// Something that wants to see every leaf. Visitors see each leaf once, on any thread, in any order;
/// the leaf's rank tells where it belongs.
pub trait Visitor: Sync {
    /// What one thread gathers.
    type Local: Send;

    /// An empty gathering.
    fn start(&self) -> Self::Local;

    /// Looks at one leaf.
    ///
    /// # Errors
    /// Only what keeps the whole scan from going on.
    fn leaf(&self, local: &mut Self::Local, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()>;
}

/// For checks that need no more than the structure.
impl Visitor for () {
    type Local = ();

    fn start(&self) {}

    fn leaf(&self, (): &mut (), _: &PlannedBucket, _: &Leaf<'_>) -> Result<()> {
        Ok(())
    }
}

impl<A: Visitor, B: Visitor> Visitor for (A, B) {
    type Local = (A::Local, B::Local);

    fn start(&self) -> Self::Local {
        (self.0.start(), self.1.start())
    }

    fn leaf(&self, local: &mut Self::Local, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        self.0.leaf(&mut local.0, bucket, leaf)?;
        self.1.leaf(&mut local.1, bucket, leaf)
    }
}

/// For what is not always wanted.
impl<V: Visitor> Visitor for Option<V> {
    type Local = Option<V::Local>;

    fn start(&self) -> Self::Local {
        self.as_ref().map(Visitor::start)
    }

    fn leaf(&self, local: &mut Self::Local, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        match self.as_ref().zip(local.as_mut()) {
            Some((visitor, local)) => visitor.leaf(local, bucket, leaf),
            None => Ok(()),
        }
    }
}

/// How the pages of all leaves are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Leaf pages, without overflow pages and inline buckets.
    pub leaf_pages: u64,
    /// Overflow pages of leaves.
    pub leaf_overflow: u64,
    /// Bytes in use on leaf pages and their overflow pages, headers included.
    pub leaf_bytes: u64,
    /// Elements of leaves, the ones in inline buckets included.
    pub elements: u64,
    /// Elements that failed their check.
    pub skipped_elements: u64,
    /// Leaf pages that could not be read.
    pub unreadable: u64,
}

impl Census {
    fn add(&mut self, other: &Self) {
        for (sum, part) in [
            (&mut self.leaf_pages, other.leaf_pages),
            (&mut self.leaf_overflow, other.leaf_overflow),
            (&mut self.leaf_bytes, other.leaf_bytes),
            (&mut self.elements, other.elements),
            (&mut self.skipped_elements, other.skipped_elements),
            (&mut self.unreadable, other.unreadable),
        ] {
            *sum = sum.saturating_add(part);
        }
    }
}

/// The outcome of a scan.
#[derive(Debug)]
pub struct Scan<Local> {
    /// What each thread's visitor gathered.
    pub locals: Vec<Local>,
    /// How pages are used.
    pub census: Census,
    /// True when a leaf turned out to be a branch, so that leaves below it were not seen: scan again
    /// with a careful plan.
    pub uneven: bool,
}

/// Scans every bucket: the root bucket first, then those it names, then what is nested in them.
///
/// # Errors
/// Reading, cancelling, and whatever a visitor returns. Damage is a finding.
pub fn scan<V: Visitor>(
    plan: &mut Plan<'_>,
    visitor: &V,
    workers: &Workers,
    options: &Options,
    findings: &mut Collector,
) -> Result<Scan<V::Local>> {
    let mut outcome = Scan {
        locals: Vec::new(),
        census: Census::default(),
        uneven: false,
    };
    let mut done = 0;
    let mut inline_done = 0;
    while done < plan.leaf_count() {
        let round = done..plan.leaf_count();
        let inline = inline_done..plan.inline.len();
        let mut states = scan_round(
            plan,
            round.clone(),
            inline.clone(),
            visitor,
            workers,
            options,
            findings,
        )?;
        let mut found = Vec::new();
        for state in &mut states {
            found.append(&mut state.found.buckets);
            plan.strays.append(&mut state.found.strays);
            plan.cut.append(&mut state.cut);
        }
        for state in states {
            outcome.census.add(&state.census);
            outcome.uneven |= state.uneven;
            findings.merge(state.findings);
            outcome.locals.extend(state.visitor);
        }
        keep_first_strays(&mut plan.strays);
        found.sort_unstable_by_key(|bucket| (bucket.rank, bucket.index));
        plan.add_buckets(found, workers, options, findings)?;
        done = round.end;
        inline_done = inline.end;
    }
    plan.cut.sort_unstable();
    Ok(outcome)
}

/// Names the elements that are wanted of the leaf of a rank, in ascending order.
pub type WantedElements<'w> = dyn Fn(u32, &mut Vec<u16>) + Sync + 'w;

/// Lends leaves of a finished scan once more, in any order: those with the given ranks, which ascend, and of each
/// only the elements that `wanted` names. What is wrong with them was reported by the scan, and nothing else of them
/// is looked at: a long leaf whose elements are asked for a few at a time costs no more than they do.
///
/// # Errors
/// Reading, cancelling, and whatever the visitor returns.
pub fn revisit<V: Visitor>(
    plan: &Plan<'_>,
    ranks: &[u32],
    wanted: &WantedElements<'_>,
    visitor: &V,
    workers: &Workers,
    options: &Options,
) -> Result<Vec<V::Local>> {
    let (of_pages, of_inline): (Vec<u32>, Vec<u32>) = ranks
        .iter()
        .copied()
        .partition(|rank| plan.leaf_page(*rank).0 != 0);
    let inline: Vec<&InlineLeaf> = of_inline
        .iter()
        .filter_map(|rank| {
            let at = plan.inline.binary_search_by_key(rank, |leaf| leaf.rank);
            plan.inline.get(at.ok()?)
        })
        .collect();
    let order = reading_order(plan, of_pages);
    let round = Round {
        plan,
        visitor,
        again: Some(wanted),
    };
    let states = round.run(&order, &inline, workers, options, 0)?;
    Ok(states.into_iter().filter_map(|s| s.visitor).collect())
}

struct State<Local> {
    visitor: Option<Local>,
    findings: Collector,
    census: Census,
    found: Found,
    uneven: bool,
    /// Leaves that do not own all overflow pages they claim, with the number they own.
    cut: Vec<(u32, u32)>,
    window: WindowBuffer,
    object: WindowBuffer,
    elements: Vec<Element>,
    wanted: Vec<u16>,
    /// Number of the bucket of the last leaf, which most often is that of the next one.
    bucket: usize,
}

/// What a thread needs to know besides its own state.
struct Round<'p, 's, V> {
    plan: &'p Plan<'s>,
    visitor: &'p V,
    /// Set when the scan has seen these leaves before: what is wanted of them.
    again: Option<&'p WantedElements<'p>>,
}

fn scan_round<V: Visitor>(
    plan: &Plan<'_>,
    ranks: Range<u32>,
    inline: Range<usize>,
    visitor: &V,
    workers: &Workers,
    options: &Options,
    findings: &Collector,
) -> Result<Vec<State<V::Local>>> {
    let of_pages = ranks.filter(|rank| plan.leaf_page(*rank).0 != 0).collect();
    let order = reading_order(plan, of_pages);
    let inline: Vec<&InlineLeaf> = plan.inline.get(inline).into_iter().flatten().collect();
    let round = Round {
        plan,
        visitor,
        again: None,
    };
    round.run(&order, &inline, workers, options, findings.limit())
}

/// The leaves in the order in which to read them: tree order when leaves that follow each other in the
/// tree mostly lie close together in the file, else the order of the file.
fn reading_order(plan: &Plan<'_>, order: Vec<u32>) -> Vec<u32> {
    let page = |rank: &u32| plan.leaf_page(*rank).0;
    let breaks = order
        .iter()
        .zip(order.iter().skip(1))
        .filter(|(a, b)| {
            let gap = page(b).checked_sub(page(a));
            !gap.is_some_and(|gap| (1..=WINDOW_GAP).contains(&gap))
        })
        .count();
    if breaks.saturating_mul(WORTHWHILE) < order.len() {
        return order;
    }
    let mut order = order;
    let pages = usize::try_from(plan.pages.geometry.pages_in_file).unwrap_or(0);
    if order.len() < pages / 64 {
        order.sort_unstable_by_key(page);
        return order;
    }
    // Every page is the beginning of one leaf at most: putting them in place sorts them.
    let mut by_page = vec![u32::MAX; pages];
    for rank in &order {
        if let Some(slot) = usize::try_from(page(rank))
            .ok()
            .and_then(|at| by_page.get_mut(at))
        {
            *slot = *rank;
        }
    }
    by_page.retain(|rank| *rank != u32::MAX);
    by_page
}

/// One leaf on its way to the visitors.
#[derive(Clone, Copy)]
struct Site<'b> {
    rank: u32,
    page: PageId,
    offset: FileOffset,
    header: PageHeader,
    bounds: Bounds<'b>,
}

impl<V: Visitor> Round<'_, '_, V> {
    /// Shares the leaves out among the workers.
    fn run(
        &self,
        order: &[u32],
        inline: &[&InlineLeaf],
        workers: &Workers,
        options: &Options,
        finding_limit: usize,
    ) -> Result<Vec<State<V::Local>>> {
        let start = || State {
            visitor: None,
            findings: Collector::new(finding_limit),
            census: Census::default(),
            found: Found::default(),
            uneven: false,
            cut: Vec::new(),
            window: WindowBuffer::new(),
            object: WindowBuffer::new(),
            elements: Vec::new(),
            wanted: Vec::new(),
            bucket: 0,
        };
        let share = order
            .len()
            .checked_div(workers.threads().saturating_mul(16))
            .unwrap_or(0);
        let piece = share.clamp(16, PIECE);
        let pieces: Vec<&[u32]> = order.chunks(piece).collect();
        // The inline buckets are one last piece: there are few, and they are already in memory.
        workers.share(pieces.len().saturating_add(1), start, |state, number| {
            options.cancel.check()?;
            match pieces.get(number) {
                Some(ranks) => {
                    self.tree_leaves(state, ranks)?;
                    let page_size = u64::from(self.plan.pages.geometry.page_size);
                    options.advance((ranks.len() as u64).saturating_mul(page_size));
                }
                None => {
                    for leaf in inline {
                        self.inline_leaf(state, leaf)?;
                    }
                }
            }
            Ok(())
        })
    }

    fn tree_leaves(&self, state: &mut State<V::Local>, ranks: &[u32]) -> Result<()> {
        let geometry = self.plan.pages.geometry;
        let source = self.plan.pages.source;
        let page_size = u64::from(geometry.page_size);
        let mut at = 0;
        while let Some(first) = ranks.get(at) {
            let first_page = self.plan.leaf_page(*first).0;
            // How many leaves from here on one window covers, and where it ends.
            let mut end = at.saturating_add(1);
            let mut last_page = first_page;
            let mut beyond = 1;
            while let Some(next) = ranks.get(end).map(|rank| self.plan.leaf_page(*rank).0) {
                let gap = next.wrapping_sub(last_page);
                if !(1..=WINDOW_GAP).contains(&gap) {
                    break;
                }
                let span = next.saturating_sub(first_page).saturating_add(1);
                if span.saturating_mul(page_size) > WINDOW {
                    beyond = gap;
                    break;
                }
                last_page = next;
                end = end.saturating_add(1);
            }
            let window_pages = last_page.saturating_sub(first_page).saturating_add(beyond);
            let window_end = first_page
                .saturating_add(window_pages)
                .min(geometry.pages_in_file);
            let start = first_page.saturating_mul(page_size);
            let len = window_end
                .saturating_sub(first_page)
                .saturating_mul(page_size);
            source.expect(FileOffset(start), len);
            let mut window = std::mem::take(&mut state.window);
            let bytes = match source.bytes() {
                Some(all) => all
                    .get(usize::try_from(start).unwrap_or(usize::MAX)..)
                    .unwrap_or_default(),
                None => window.lend(
                    source,
                    FileOffset(start),
                    usize::try_from(len).unwrap_or(usize::MAX),
                )?,
            };
            self.plan
                .touch_bounds(ranks.get(at..end).unwrap_or_default());
            for rank in ranks.get(at..end).unwrap_or_default() {
                let page = self.plan.leaf_page(*rank);
                let from = page.0.saturating_sub(first_page).saturating_mul(page_size);
                let page_bytes = bytes
                    .get(usize::try_from(from).unwrap_or(usize::MAX)..)
                    .unwrap_or_default();
                self.tree_leaf(state, *rank, page, page_bytes)?;
            }
            state.window = window;
            at = end;
        }
        Ok(())
    }

    /// `near` begins with the page and may end anywhere behind its first page.
    fn tree_leaf(
        &self,
        state: &mut State<V::Local>,
        rank: u32,
        page: PageId,
        near: &[u8],
    ) -> Result<()> {
        let plan = self.plan;
        let place = || plan.leaf_place(rank);
        let geometry = plan.pages.geometry;
        let Some(header) = PageHeader::decode(near) else {
            state.census.unreadable = state.census.unreadable.saturating_add(1);
            return Ok(());
        };
        if header.flags == flags::BRANCH && header.id == page {
            state
                .findings
                .add(Finding::new(codes::BranchAmongLeaves {}, place()));
            state.uneven = true;
            return Ok(());
        }
        if !check_header(
            page,
            &header,
            flags::LEAF,
            near,
            &place,
            &mut state.findings,
        ) {
            state.census.unreadable = state.census.unreadable.saturating_add(1);
            return Ok(());
        }
        if let Some(wanted) = self.again {
            let owned = plan.owned_overflow(rank, header.overflow);
            let offset = page.offset(geometry.page_size).unwrap_or_default();
            let site = Site {
                rank,
                page,
                offset,
                header,
                bounds: Bounds::default(),
            };
            return self.leaf_again(state, site, geometry.object_len(owned), near, wanted);
        }
        let owned = match header.overflow {
            0 => 0,
            claims => {
                let findings = &mut state.findings;
                let owned = plan.claim_overflow(page, &header, &|_| place(), findings);
                if owned < claims {
                    state.cut.push((rank, owned));
                }
                owned
            }
        };
        let object_len = geometry.object_len(owned);
        let offset = page.offset(geometry.page_size).unwrap_or_default();
        let mut far_bounds = FarBounds::default();
        let bounds = plan.bounds(rank, &mut far_bounds)?;
        let site = Site {
            rank,
            page,
            offset,
            header,
            bounds,
        };
        let len = usize::try_from(object_len).unwrap_or(usize::MAX);
        let facts = if let Some(bytes) = near.get(..len) {
            self.whole_leaf(state, site, bytes)?
        } else if object_len <= WHOLE_OBJECT_LIMIT {
            let mut object = std::mem::take(&mut state.object);
            let bytes = object.lend(plan.pages.source, offset, len)?;
            let facts = self.whole_leaf(state, site, bytes)?;
            object.shrink_to(4 << 20);
            state.object = object;
            facts
        } else {
            self.long_leaf(state, site, len)?
        };
        if facts.skipped == 0 && owned == header.overflow {
            plan.check_excess(&header, facts.data_end, &place, &mut state.findings);
        }
        let census = &mut state.census;
        census.leaf_pages = census.leaf_pages.saturating_add(1);
        census.leaf_overflow = census.leaf_overflow.saturating_add(u64::from(owned));
        census.leaf_bytes = census.leaf_bytes.saturating_add(facts.data_end as u64);
        Ok(())
    }

    fn whole_leaf(
        &self,
        state: &mut State<V::Local>,
        site: Site<'_>,
        bytes: &[u8],
    ) -> Result<LeafFacts> {
        let Site {
            rank,
            page,
            offset,
            header,
            bounds,
        } = site;
        let mut elements = std::mem::take(&mut state.elements);
        let facts = check_elements(
            bytes,
            bytes.len(),
            header.count,
            bounds,
            &mut elements,
            &mut state.findings,
            &|| self.plan.leaf_place(rank),
            None,
        );
        let leaf = Leaf {
            rank,
            page,
            offset,
            elements: &elements,
            bytes,
            tail: None,
            is_start: true,
            skipped: facts.skipped,
            plan: self.plan,
        };
        self.visit(state, &leaf)?;
        state.elements = elements;
        Ok(facts)
    }

    /// A leaf that is too long to be held whole: its elements are lent one by one.
    fn long_leaf(
        &self,
        state: &mut State<V::Local>,
        site: Site<'_>,
        object_len: usize,
    ) -> Result<LeafFacts> {
        let Site {
            rank,
            offset,
            header,
            bounds,
            ..
        } = site;
        let source = self.plan.pages.source;
        let table_len = PAGE_HEADER
            .saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(header.count)))
            .min(object_len);
        let mut table = WindowBuffer::new();
        let mut elements = Vec::new();
        let mut failed = None;
        let mut key_buffer = WindowBuffer::new();
        let mut read_key = |start: usize, len: usize| match key_buffer.lend(
            source,
            offset.plus(start as u64),
            len,
        ) {
            Ok(key) => Some(key.to_vec()),
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let far_key: FarKey<'_> = &mut read_key;
        let facts = check_elements(
            table.lend(source, offset, table_len)?,
            object_len,
            header.count,
            bounds,
            &mut elements,
            &mut state.findings,
            &|| self.plan.leaf_place(rank),
            Some(far_key),
        );
        if let Some(error) = failed {
            return Err(error);
        }
        self.far_elements(state, site, &elements, facts.skipped)?;
        Ok(facts)
    }

    /// Lends elements of a leaf that is not held whole, one by one.
    fn far_elements(
        &self,
        state: &mut State<V::Local>,
        site: Site<'_>,
        elements: &[Element],
        skipped: u32,
    ) -> Result<()> {
        let Site {
            rank, page, offset, ..
        } = site;
        let source = self.plan.pages.source;
        let mut object = WindowBuffer::new();
        for (number, element) in elements.iter().enumerate() {
            let start = offset.plus(element.key_start() as u64);
            let whole = u64::from(element.key_len()).saturating_add(u64::from(element.value_len()));
            let held = whole.min(WHOLE_OBJECT_LIMIT);
            let bytes = object.lend(source, start, usize::try_from(held).unwrap_or(usize::MAX))?;
            let tail = (whole > held).then(|| LeafTail {
                source,
                offset: start.plus(held),
                len: whole.saturating_sub(held),
            });
            let leaf = Leaf {
                rank,
                page,
                offset: start,
                elements: &[element.rebased()],
                bytes,
                tail,
                is_start: number == 0,
                skipped: if number == 0 { skipped } else { 0 },
                plan: self.plan,
            };
            self.visit(state, &leaf)?;
        }
        Ok(())
    }

    /// Lends the wanted elements of a leaf of `object_len` bytes that was checked before. `near` begins with the
    /// leaf and may end anywhere behind its first page.
    fn leaf_again(
        &self,
        state: &mut State<V::Local>,
        site: Site<'_>,
        object_len: u64,
        near: &[u8],
        wanted: &WantedElements<'_>,
    ) -> Result<()> {
        let mut indexes = std::mem::take(&mut state.wanted);
        indexes.clear();
        wanted(site.rank, &mut indexes);
        indexes.retain(|index| *index < site.header.count);
        let mut elements = std::mem::take(&mut state.elements);
        elements.clear();
        let source = self.plan.pages.source;
        let len = usize::try_from(object_len).unwrap_or(usize::MAX);
        let mut object = std::mem::take(&mut state.object);
        // Read whole where most of it is wanted, or the rest is little.
        let is_worthwhile = indexes.len().saturating_mul(2) >= usize::from(site.header.count);
        let few = READ_ALONG.saturating_mul(indexes.len() as u64);
        let is_whole = object_len <= WHOLE_OBJECT_LIMIT && (is_worthwhile || object_len <= few);
        let bytes = match near.get(..len) {
            Some(bytes) => Some(bytes),
            None if is_whole => Some(object.lend(source, site.offset, len)?),
            None => None,
        };
        for index in &indexes {
            crate::steps::count(1);
            let at = element_at(*index);
            let header = match bytes {
                Some(bytes) => bytes.get(at..).and_then(LeafElement::decode),
                None => {
                    let mut header = [0; ELEMENT_HEADER];
                    source.read_exact_at(site.offset.plus(at as u64), &mut header)?;
                    LeafElement::decode(&header)
                }
            };
            elements.extend(header.and_then(|header| Element::within(*index, &header, len)));
        }
        match bytes {
            Some(bytes) => {
                let leaf = Leaf {
                    rank: site.rank,
                    page: site.page,
                    offset: site.offset,
                    elements: &elements,
                    bytes,
                    tail: None,
                    is_start: true,
                    skipped: 0,
                    plan: self.plan,
                };
                self.visit(state, &leaf)?;
            }
            None => self.far_elements(state, site, &elements, 0)?,
        }
        object.shrink_to(4 << 20);
        state.object = object;
        state.elements = elements;
        state.wanted = indexes;
        Ok(())
    }

    fn inline_leaf(&self, state: &mut State<V::Local>, inline: &InlineLeaf) -> Result<()> {
        let place = || self.plan.leaf_place(inline.rank);
        if let Some(wanted) = self.again {
            let Some(header) = PageHeader::decode(&inline.bytes) else {
                return Ok(());
            };
            let site = Site {
                rank: inline.rank,
                page: inline.page,
                offset: inline.offset,
                header,
                bounds: Bounds::default(),
            };
            let len = inline.bytes.len() as u64;
            return self.leaf_again(state, site, len, &inline.bytes, wanted);
        }
        let mut elements = std::mem::take(&mut state.elements);
        match check_inline(inline, &mut elements, &mut state.findings, &place) {
            Some(facts) => {
                let leaf = Leaf {
                    rank: inline.rank,
                    page: inline.page,
                    offset: inline.offset,
                    elements: &elements,
                    bytes: &inline.bytes,
                    tail: None,
                    is_start: true,
                    skipped: facts.skipped,
                    plan: self.plan,
                };
                self.visit(state, &leaf)?;
                for element in elements.iter().filter(|element| element.is_bucket) {
                    let at = Place {
                        element: Some(element.index),
                        ..place()
                    };
                    state.findings.add(Finding::new(codes::NestedInline {}, at));
                }
            }
            None => state.census.unreadable = state.census.unreadable.saturating_add(1),
        }
        state.elements = elements;
        Ok(())
    }

    fn visit(&self, state: &mut State<V::Local>, leaf: &Leaf<'_>) -> Result<()> {
        let census = &mut state.census;
        census.elements = census.elements.saturating_add(leaf.elements.len() as u64);
        census.skipped_elements = census
            .skipped_elements
            .saturating_add(u64::from(leaf.skipped));
        let last = self.plan.buckets.get(state.bucket);
        let bucket = match last.filter(|bucket| bucket.ranks.contains(&leaf.rank)) {
            Some(bucket) => bucket,
            None => match self.plan.bucket_of(leaf.rank) {
                Some(bucket) => bucket,
                None => return Ok(()),
            },
        };
        state.bucket = bucket.number;
        // A bucket inside an inline bucket is a finding, and not entered.
        let is_inline = matches!(bucket.root, Some(BucketRoot::Inline(_)));
        let has_buckets = leaf.elements.iter().any(|element| element.is_bucket);
        if self.again.is_none() && (bucket.path.is_empty() || has_buckets && !is_inline) {
            state.found.look(self.plan, bucket, leaf);
        }
        let local = state.visitor.get_or_insert_with(|| self.visitor.start());
        self.visitor.leaf(local, bucket, leaf)
    }
}

impl LeafTail<'_> {
    /// Reads the rest of the value in pieces.
    ///
    /// # Errors
    /// Reading.
    pub fn pieces(&self, buffer: &mut WindowBuffer, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut done = 0;
        while done < self.len {
            let len = self.len.saturating_sub(done).min(WINDOW);
            let offset = self.offset.plus(done);
            each(buffer.lend(
                self.source,
                offset,
                usize::try_from(len).unwrap_or(usize::MAX),
            )?);
            done = done.saturating_add(len);
        }
        Ok(())
    }
}
