//! Buckets found among the elements of leaves, and their way into the plan.

use std::sync::Arc;

use super::check::codes;
use super::elements::Element;
use super::layout::{BUCKET_HEADER, BucketHeader};
use super::leaf::Leaf;
use super::plan::{BucketRoot, InlineLeaf, Plan, PlannedBucket, StrayElement};
use crate::error::Result;
use crate::finding::{Collector, Finding, Observation, Place};
use crate::ids::{FileOffset, PageId};
use crate::options::Options;
use crate::workers::Workers;

/// No program that uses bbolt nests its buckets deeper.
const MAX_NESTING: usize = 16;
/// More buckets than this are not looked at.
const MAX_BUCKETS: usize = 100_000;
/// More bytes of inline buckets than this are not looked at. Unit tests make do with smaller files.
const MAX_INLINE_BYTES: u64 = if cfg!(test) { 8 << 20 } else { 64 << 20 };

/// A bucket element found on a leaf, to be planned in its turn.
#[derive(Debug)]
pub(super) struct FoundBucket {
    /// The bucket it lies in.
    parent: usize,
    name: Arc<[u8]>,
    pub(super) rank: u32,
    pub(super) index: u32,
    /// The beginning of the value; writers inline only a quarter of a page.
    value: Vec<u8>,
    value_offset: FileOffset,
    value_len: u64,
}

impl FoundBucket {
    /// Bytes that are held of it beside the header.
    fn inline_len(&self) -> u64 {
        self.value.len().saturating_sub(BUCKET_HEADER) as u64
    }

    fn place(&self, plan: &Plan<'_>) -> Place {
        let mut place = plan.leaf_place(self.rank);
        place.element = Some(self.index);
        place.set_key(Some(&self.name));
        place
    }
}

/// What is among the elements of the leaves that one thread saw.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) buckets: Vec<FoundBucket>,
    pub(super) strays: Vec<StrayElement>,
    bytes: u64,
}

impl Found {
    /// Notes the buckets among the elements of `leaf`; in the root bucket also what is none.
    pub(super) fn look(&mut self, plan: &Plan<'_>, bucket: &PlannedBucket, leaf: &Leaf<'_>) {
        for element in leaf.elements {
            if element.is_bucket {
                self.note(plan, bucket, leaf, element);
            } else if bucket.path.is_empty() {
                let key = leaf.key(element).to_vec();
                self.strays.push(StrayElement {
                    key,
                    rank: leaf.rank,
                    place: leaf.place(element),
                });
            }
        }
        let most = MAX_BUCKETS.saturating_mul(2);
        let is_long = self.bytes > MAX_INLINE_BYTES.saturating_mul(2);
        if is_long || self.strays.len() > most || self.buckets.len() > most {
            self.trim();
        }
    }

    /// Keeps what comes first in the order of keys: what comes behind the limits is not looked at, whichever thread
    /// saw it and when.
    pub(super) fn trim(&mut self) {
        keep_first_strays(&mut self.strays);
        self.buckets
            .sort_unstable_by_key(|bucket| (bucket.rank, bucket.index));
        // One more, to tell that there are more.
        self.buckets.truncate(MAX_BUCKETS.saturating_add(1));
        self.bytes = 0;
        for bucket in &mut self.buckets {
            let sum = self.bytes.saturating_add(bucket.inline_len());
            if sum > MAX_INLINE_BYTES {
                bucket.value.truncate(BUCKET_HEADER);
                bucket.value.shrink_to_fit();
            } else {
                self.bytes = sum;
            }
        }
    }

    fn note(
        &mut self,
        plan: &Plan<'_>,
        bucket: &PlannedBucket,
        leaf: &Leaf<'_>,
        element: &Element,
    ) {
        let value = leaf.value(element);
        let limit = (plan.pages.geometry.page_size as usize).saturating_add(BUCKET_HEADER);
        let is_tree = BucketHeader::decode(value).is_some_and(|header| header.root != PageId(0));
        let limit = if is_tree { BUCKET_HEADER } else { limit };
        let head = value.get(..limit).unwrap_or(value);
        self.buckets.push(FoundBucket {
            parent: bucket.number,
            name: leaf.key(element).into(),
            rank: leaf.rank,
            index: element.index,
            value: head.to_vec(),
            value_offset: leaf.key_offset(element).plus(u64::from(element.key_len())),
            value_len: u64::from(element.value_len()),
        });
        let inline = self.buckets.last().map_or(0, FoundBucket::inline_len);
        self.bytes = self.bytes.saturating_add(inline);
    }
}

/// Keeps as many strays as there may be buckets, the first in the order of keys.
pub(super) fn keep_first_strays(strays: &mut Vec<StrayElement>) {
    strays.sort_unstable_by_key(|stray| (stray.rank, stray.place.element));
    strays.truncate(MAX_BUCKETS);
}

impl Plan<'_> {
    /// Plans buckets that were found on leaves, in the order given.
    pub(super) fn add_buckets(
        &mut self,
        found: Vec<FoundBucket>,
        workers: &Workers,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<()> {
        for bucket in found {
            crate::steps::count(1);
            options.cancel.check()?;
            let limit = if self.buckets.len() > MAX_BUCKETS {
                let limit = MAX_BUCKETS as u64;
                Some(Observation::from(codes::TooManyBuckets { limit }))
            } else if self.nesting(&bucket) > MAX_NESTING {
                let limit = MAX_NESTING as u64;
                Some(codes::BucketsTooDeep { limit }.into())
            } else {
                None
            };
            if let Some(limit) = limit {
                findings.add(Finding::new(limit, bucket.place(self)));
                return Ok(());
            }
            self.add_bucket(&bucket, workers, options, findings)?;
        }
        Ok(())
    }

    fn nesting(&self, found: &FoundBucket) -> usize {
        self.buckets
            .get(found.parent)
            .map_or(0, |parent| parent.path.len())
    }

    fn add_bucket(
        &mut self,
        found: &FoundBucket,
        workers: &Workers,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<()> {
        let parent = self
            .buckets
            .get(found.parent)
            .map(|parent| parent.path.clone());
        let mut path = parent.unwrap_or_default();
        path.push(Arc::clone(&found.name));
        let mut report = |plan: &Self, what: Observation| {
            findings.add(Finding::new(what, found.place(plan)));
        };
        let expected = BUCKET_HEADER as u64;
        let Some(header) = BucketHeader::decode(&found.value) else {
            let short = codes::BucketHeaderShort {
                found: found.value_len,
                expected,
            };
            report(self, short.into());
            self.push_unread(path);
            return Ok(());
        };
        if header.root != PageId(0) {
            if found.value_len != expected {
                let long = codes::BucketHeaderLong {
                    root: header.root,
                    found: found.value_len,
                    expected,
                };
                report(self, long.into());
            }
            return self.add_tree(path, header.root, workers, options, findings);
        }
        self.inline_bytes = self.inline_bytes.saturating_add(found.value_len);
        if found.value_len > found.value.len() as u64 || self.inline_bytes > MAX_INLINE_BYTES {
            let long = codes::InlineTooLong {
                found: found.value_len,
                page_size: u64::from(self.pages.geometry.page_size),
            };
            report(self, long.into());
            self.push_unread(path);
            return Ok(());
        }
        let rank = self.rank();
        let offset = found.value_offset.plus(BUCKET_HEADER as u64);
        let place = self.leaf_place(found.rank);
        self.push_inline_leaf();
        self.inline.push(InlineLeaf {
            rank,
            page: place.page.unwrap_or_default(),
            offset,
            path: place.path,
            bytes: found.value.get(BUCKET_HEADER..).unwrap_or_default().into(),
        });
        self.buckets.push(PlannedBucket {
            number: self.buckets.len(),
            path,
            root: Some(BucketRoot::Inline(offset)),
            ranks: rank..rank.saturating_add(1),
            branch_levels: 0,
            branch_pages: 0,
        });
        Ok(())
    }

    fn push_unread(&mut self, path: Vec<Arc<[u8]>>) {
        let end = self.rank();
        self.buckets.push(PlannedBucket {
            number: self.buckets.len(),
            path,
            root: None,
            ranks: end..end,
            branch_levels: 0,
            branch_pages: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::bolt::layout::{MAGIC, NO_FREELIST, RawMeta, VERSION};
    use crate::bolt::write::{Image, Item, WriteError, WriteLayout, Writer};
    use crate::bolt::{Database, SecondMeta, Visitor};
    use crate::ids::TxId;
    use crate::source::Slice;

    struct Nothing;

    impl Visitor for Nothing {
        type Local = ();

        fn start(&self) {}

        fn leaf(&self, (): &mut (), _: &PlannedBucket, _: &Leaf<'_>) -> Result<()> {
            Ok(())
        }
    }

    /// A code with its circumstance, and how often it was found.
    type Told = (&'static str, Option<&'static str>, u64);

    /// What was found, and how many buckets the plan has, with the root.
    fn scan(bytes: &[u8]) -> (Vec<Told>, usize) {
        let source = Slice(bytes);
        let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search);
        let database = database.unwrap();
        let workers = Workers::new(NonZeroUsize::new(2).unwrap()).unwrap();
        let mut findings = Collector::new(1);
        let scanned = database
            .scan(&Nothing, &workers, &Options::default(), &mut findings)
            .unwrap();
        let kept = findings.kept();
        let found = kept.map(|(code, count, kept)| (code.id, kept[0].circumstance.name, count));
        (found.collect(), scanned.plan.buckets.len())
    }

    /// Buckets that lie each in the one before it.
    fn nested(levels: u64) -> Vec<u8> {
        let mut image = Image::new(1024);
        for slot in 0..2 {
            let meta = RawMeta {
                magic: MAGIC,
                version: VERSION,
                page_size: 1024,
                flags: 0,
                root: PageId(2),
                sequence: 0,
                freelist: NO_FREELIST,
                high_water: PageId(3 + levels),
                txid: TxId(slot),
                checksum: 0,
            };
            image.put_meta(PageId(slot), &meta.sealed());
        }
        for level in 0..levels {
            let inner = Item::bucket(*b"n", PageId(3 + level));
            image.put_leaf(PageId(2 + level), &[inner]).unwrap();
        }
        image.put_leaf(PageId(2 + levels), &[]).unwrap();
        image.into_bytes()
    }

    #[test]
    fn buckets_nest_as_deep_as_the_limit_and_what_is_deeper_is_told() {
        let deepest = MAX_NESTING as u64 + 1;
        assert_eq!(scan(&nested(deepest)), (vec![], MAX_NESTING + 2));
        let deeper = (vec![("B033", Some("depth"), 1)], MAX_NESTING + 2);
        assert_eq!(scan(&nested(deepest + 1)), deeper);
        assert_eq!(scan(&nested(200)), deeper);
    }

    /// This many buckets in the root, each with one entry of this length.
    fn side_by_side(count: usize, value: usize) -> Vec<u8> {
        let layout = WriteLayout {
            page_size: 64 << 10,
            ..WriteLayout::default()
        };
        let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), layout).unwrap();
        for number in 0..count as u32 {
            writer
                .bucket(&number.to_be_bytes(), |bucket| {
                    bucket.put(b"k", &vec![b'v'; value])?;
                    Ok::<(), WriteError>(())
                })
                .unwrap();
        }
        writer.finish().unwrap().0.into_inner()
    }

    #[test]
    fn there_are_as_many_buckets_as_the_limit_and_the_rest_is_told_once() {
        let (found, buckets) = scan(&side_by_side(MAX_BUCKETS, 0));
        assert_eq!((found, buckets), (vec![], MAX_BUCKETS + 1));
        let (found, buckets) = scan(&side_by_side(MAX_BUCKETS + 3, 0));
        let told = vec![("B033", Some("number"), 1)];
        assert_eq!((found, buckets), (told, MAX_BUCKETS + 1));
    }

    #[test]
    fn inline_buckets_are_looked_at_up_to_a_number_of_bytes() {
        // 16 headers of a bucket, a page and an element, the key, and the value.
        let value = (1 << 14) - (16 + 16 + 16 + 1);
        let most = usize::try_from(MAX_INLINE_BYTES >> 14).unwrap();
        assert_eq!(scan(&side_by_side(most, value)).0, []);
        let (found, _) = scan(&side_by_side(most + 3, value));
        assert_eq!(found, [("B030", Some("inline"), 3)]);
    }

    #[test]
    fn of_what_is_behind_the_limits_hardly_anything_is_kept() {
        let bucket = |rank: u32| FoundBucket {
            parent: 0,
            name: Arc::from(&b"n"[..]),
            rank,
            index: 0,
            value: vec![0; 1 << 16],
            value_offset: FileOffset(0),
            value_len: 1 << 16,
        };
        let most = u32::try_from(MAX_INLINE_BYTES >> 16).unwrap();
        let mut found = Found {
            buckets: (0..2 * most).rev().map(bucket).collect(),
            ..Found::default()
        };
        found.trim();
        let held: u64 = found.buckets.iter().map(FoundBucket::inline_len).sum();
        assert!(held <= MAX_INLINE_BYTES && found.bytes == held, "{held}");
        let whole = found.buckets.iter().take_while(|b| b.inline_len() > 0);
        assert_eq!(whole.count(), most as usize);
        let empty = |rank: u32| FoundBucket {
            value: Vec::new(),
            ..bucket(rank)
        };
        found.buckets = (0..MAX_BUCKETS as u32 + 10).rev().map(empty).collect();
        found.trim();
        // One more, to tell that there are more.
        assert_eq!(found.buckets.len(), MAX_BUCKETS + 1);
        assert_eq!(found.buckets.last().map(|b| b.rank), Some(100_000));
    }
}
