//! One look at everything in a database: what `verify` and `info` report from.

use super::losses::{Losses, Readable};
use crate::bolt::freelist::Freelist;
use crate::bolt::{
    BucketRoot, Census, CursorError, Database, Geometry, Metas, SelectedMeta, Visitor,
};
use crate::error::Result;
use crate::etcd::check::{RecordCheck, RecordFigures, check_contents};
use crate::etcd::schema::{
    Compaction, Contents, ContentsVisitor, KEY_BUCKET, META_BUCKET, STANDARD_BUCKETS,
};
use crate::etcd::{BackendHash, BucketTotals};
use crate::finding::Collector;
use crate::options::Options;
use crate::workers::Workers;

/// One bucket, as a row of a report.
#[derive(Debug, Clone)]
pub struct BucketFigures {
    /// Names from the outermost bucket to this one.
    pub path: Vec<Vec<u8>>,
    /// True when it lies inside its element's value.
    pub inline: bool,
    /// Entries and bytes; of nested buckets nothing is counted.
    pub totals: BucketTotals,
    /// Leaf pages.
    pub leaf_pages: u64,
    /// Branch pages.
    pub branch_pages: u64,
    /// Levels of branch pages.
    pub branch_levels: u32,
}

/// How the pages of the file are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageCensus {
    /// Pages below the high-water mark, whether or not the file holds them.
    pub total: u64,
    /// Branch pages.
    pub branch: u64,
    /// Leaf pages.
    pub leaf: u64,
    /// Overflow pages of both.
    pub overflow: u64,
    /// Pages of a stored freelist.
    pub freelist: u64,
    /// Pages a stored freelist names, or without one all that nothing refers to.
    pub free: u64,
    /// Pages that a stored freelist does not name and nothing refers to.
    pub unreachable: u64,
    /// Whole pages after the high-water mark.
    pub slack: u64,
    /// Pages below the high-water mark that the file does not hold.
    pub missing: u64,
    /// Of the missing ones, those known to be in use.
    pub missing_in_use: u64,
    /// Bytes in use on branch pages, out of `branch_capacity`.
    pub branch_bytes: u64,
    /// Bytes of branch pages and their overflow pages.
    pub branch_capacity: u64,
    /// Bytes in use on leaf pages, out of `leaf_capacity`.
    pub leaf_bytes: u64,
    /// Bytes of leaf pages and their overflow pages.
    pub leaf_capacity: u64,
}

/// Everything that one pass over a database shows.
#[derive(Debug)]
pub struct Examination {
    /// Both metas.
    pub metas: Metas,
    /// The one that counts.
    pub selected: SelectedMeta,
    /// Page size and number of pages.
    pub geometry: Geometry,
    /// Use of pages.
    pub pages: PageCensus,
    /// Leaves and elements.
    pub census: Census,
    /// True when a freelist is stored.
    pub has_freelist: bool,
    /// Buckets in tree order, nested ones last.
    pub buckets: Vec<BucketFigures>,
    /// HASH of `snapshot status`.
    pub hash: u32,
    /// Bucket `key`.
    pub records: RecordFigures,
    /// The small buckets.
    pub contents: Contents,
    /// What damage to the tree left unknown.
    pub losses: Losses,
}

/// Looks at everything in `database`; what is wrong goes to `findings`. Whatever else wants to see the
/// leaves, `also` sees them on the way.
///
/// # Errors
/// Reading, cancelling.
pub fn examine<V: Visitor + Clone>(
    database: &Database<'_>,
    also: &V,
    workers: &Workers,
    options: &Options,
    findings: &mut Collector,
) -> Result<(Examination, Vec<V::Local>)> {
    let look = |compacted| -> Result<_> {
        let mut found = Collector::new(findings.limit());
        let outcome = look_at_all(database, also, compacted, workers, options, &mut found)?;
        Ok((outcome, found))
    };
    // What a record may lack depends on how far the store was compacted, which must be known beforehand.
    let compaction = CursorError::unless_damaged(Compaction::read(database))?;
    let compacted = compaction.map_or(-1, |compaction| compaction.compacted());
    let (mut outcome, mut found) = look(compacted)?;
    let seen = outcome.0.contents.meta.compaction.compacted();
    if seen != compacted {
        // Only in damaged files: a search and a scan find different values.
        drop(outcome);
        (outcome, found) = look(seen)?;
    }
    findings.merge(found);
    Ok(outcome)
}

fn look_at_all<V: Visitor + Clone>(
    database: &Database<'_>,
    also: &V,
    compacted: i64,
    workers: &Workers,
    options: &Options,
    findings: &mut Collector,
) -> Result<(Examination, Vec<V::Local>)> {
    let limit = findings.limit();
    let record_check = RecordCheck::new(limit, options.memory_limit, compacted);
    let contents_visitor = ContentsVisitor::new(limit);
    let visitor = (
        ((BackendHash, record_check), contents_visitor),
        also.clone(),
    );
    let mut structure = Collector::new(limit);
    let scanned = database.scan(&visitor, workers, options, &mut structure)?;
    let plan = scanned.plan;
    let losses = Losses::of(&plan, &structure);
    findings.merge(structure);
    let mut hash_parts = Vec::new();
    let mut record_parts = Vec::new();
    let mut content_parts = Vec::new();
    let mut also_parts = Vec::new();
    for (((hash, records), contents), also) in scanned.scan.locals {
        also_parts.push(also);
        hash_parts.push(hash);
        record_parts.push(records);
        content_parts.push(contents);
    }
    let (hash, totals) = BackendHash::join(&plan, hash_parts, workers)?;
    let contents = ContentsVisitor::join(content_parts, findings);
    let (((_, record_check), _), _) = &visitor;
    let records = record_check.join(record_parts, &plan, &contents, workers, findings)?;
    check_contents(&plan, &contents, findings);
    let buckets = plan
        .buckets
        .iter()
        .zip(totals)
        .filter(|(bucket, _)| !bucket.path.is_empty())
        .map(|(bucket, totals)| {
            let inline = matches!(bucket.root, Some(BucketRoot::Inline(_)));
            let leaves = u64::from(bucket.ranks.end.saturating_sub(bucket.ranks.start));
            BucketFigures {
                path: bucket.names(),
                inline,
                totals,
                leaf_pages: if inline { 0 } else { leaves },
                branch_pages: bucket.branch_pages,
                branch_levels: bucket.branch_levels,
            }
        })
        .collect();
    let census = scanned.scan.census;
    let geometry = database.geometry();
    let freelist = scanned.freelist.as_ref();
    let page_size = u64::from(geometry.page_size);
    let mut pages = PageCensus {
        branch: plan.branch_pages,
        branch_bytes: plan.branch_bytes,
        branch_capacity: plan
            .branch_pages
            .saturating_add(plan.branch_overflow)
            .saturating_mul(page_size),
        leaf: census.leaf_pages,
        leaf_bytes: census.leaf_bytes,
        leaf_capacity: census
            .leaf_pages
            .saturating_add(census.leaf_overflow)
            .saturating_mul(page_size),
        overflow: census.leaf_overflow.saturating_add(plan.branch_overflow),
        missing_in_use: plan.missing,
        ..PageCensus::default()
    };
    count_pages(&mut pages, geometry, plan.claimed.len(), freelist);
    let examination = Examination {
        metas: *database.metas(),
        selected: database.selected(),
        geometry,
        pages,
        census,
        has_freelist: freelist.is_some(),
        buckets,
        hash,
        records,
        contents,
        losses,
    };
    Ok((examination, also_parts))
}

fn count_pages(
    pages: &mut PageCensus,
    geometry: Geometry,
    claimed: u64,
    freelist: Option<&Freelist>,
) {
    let held = geometry.pages_in_file.min(geometry.high_water.0);
    pages.total = geometry.high_water.0;
    pages.slack = geometry.pages_in_file.saturating_sub(held);
    pages.missing = geometry.high_water.0.saturating_sub(held);
    let unused = held.saturating_sub(claimed);
    match freelist {
        Some(list) => {
            pages.freelist = list.own_pages.end.saturating_sub(list.own_pages.start);
            pages.free = list.count;
            pages.unreachable = unused.saturating_sub(list.free.len());
        }
        None => pages.free = unused,
    }
}

impl Examination {
    /// How much of the records could be read.
    pub fn keys_readable(&self) -> Readable {
        match self.losses.bucket(KEY_BUCKET) {
            Readable::Partly if self.records.records == 0 => Readable::Nothing,
            other => other,
        }
    }

    /// True when bucket `meta` could be read, so that compaction and schema are known.
    pub fn meta_is_known(&self) -> bool {
        self.losses.bucket(META_BUCKET) == Readable::Whole
    }

    /// The revision that a server would report, unless damage hides it.
    pub fn revision(&self) -> Option<i64> {
        let last = self.records.last.map_or(0, |revision| revision.main);
        let known = self.keys_readable() == Readable::Whole && self.meta_is_known();
        known.then(|| self.contents.meta.compaction.current(last))
    }

    /// True when it is a sound bbolt database without anything of etcd's.
    pub fn is_foreign(&self) -> bool {
        let losses = &self.losses;
        let own = STANDARD_BUCKETS
            .into_iter()
            .filter(|name| losses.present.contains(*name))
            .count();
        !losses.root && !losses.strays && own <= 1 && !losses.present.contains(KEY_BUCKET)
    }
}
