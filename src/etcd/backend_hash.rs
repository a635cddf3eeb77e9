//! HASH: the CRC-32C over the names, keys and values of all top-level buckets, and what is counted along
//! the way. Source: etcd v3.6.14 etcdutl/snapshot/v3_snapshot.go.

use super::runs::Runs;
use crate::bolt::{Leaf, Plan, PlannedBucket, Visitor};
use crate::checksum::crc32c::{Crc, Stream};
use crate::error::Result;
use crate::source::WindowBuffer;
use crate::workers::Workers;

/// Entries and bytes of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketTotals {
    /// Elements, nested buckets included.
    pub entries: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

/// The visitor that computes HASH; [`BackendHash::join`] gives the outcome.
#[derive(Debug, Clone, Copy, Default)]
pub struct BackendHash;

/// What one thread gathers.
#[derive(Debug)]
pub struct HashParts {
    runs: Runs<Crc>,
    stream: Stream,
    totals: Vec<BucketTotals>,
    buffer: WindowBuffer,
}

impl HashParts {
    /// Puts the CRC of the leaves so far to the run that they belong to.
    fn close_run(&mut self) {
        let crc = self.stream.take();
        if let Some(run) = self.runs.last_mut() {
            *run = crc;
        }
    }
}

impl Visitor for BackendHash {
    type Local = HashParts;

    fn start(&self) -> HashParts {
        HashParts {
            runs: Runs::new(),
            stream: Stream::new(),
            totals: Vec::new(),
            buffer: WindowBuffer::new(),
        }
    }

    fn leaf(&self, local: &mut HashParts, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        if !bucket.is_top_level() {
            return Ok(());
        }
        if local.totals.len() <= bucket.number {
            local
                .totals
                .resize(bucket.number.saturating_add(1), BucketTotals::default());
        }
        if local.runs.is_new(leaf.rank, bucket.number) {
            local.close_run();
        }
        local.runs.at(leaf.rank, bucket.number, Crc::default);
        let mut bytes = 0u64;
        if let Some(whole) = leaf.contiguous()
            && !leaf.elements.iter().any(|element| element.is_bucket)
        {
            // Keys and values of one leaf lie back to back: one call instead of two per element.
            local.stream.update(whole);
            bytes = whole.len() as u64;
        } else {
            for element in leaf.elements {
                local.stream.update(leaf.key(element));
                bytes = bytes.saturating_add(leaf.key(element).len() as u64);
                // A nested bucket counts as an entry without a value.
                if element.is_bucket {
                    continue;
                }
                local.stream.update(leaf.value(element));
                bytes = bytes.saturating_add(leaf.value(element).len() as u64);
                if let Some(tail) = &leaf.tail {
                    tail.pieces(&mut local.buffer, |piece| local.stream.update(piece))?;
                    bytes = bytes.saturating_add(tail.len);
                }
            }
        }
        if let Some(totals) = local.totals.get_mut(bucket.number) {
            totals.entries = totals.entries.saturating_add(leaf.elements.len() as u64);
            totals.bytes = totals.bytes.saturating_add(bytes);
        }
        Ok(())
    }
}

impl BackendHash {
    /// HASH, and the totals of each bucket of `plan`, from what all threads gathered.
    ///
    /// # Errors
    /// Threads.
    pub fn join(
        plan: &Plan<'_>,
        mut parts: Vec<HashParts>,
        workers: &Workers,
    ) -> Result<(u32, Vec<BucketTotals>)> {
        let mut totals = vec![BucketTotals::default(); plan.buckets.len()];
        for part in &mut parts {
            part.close_run();
            for (sum, more) in totals.iter_mut().zip(&part.totals) {
                sum.entries = sum.entries.saturating_add(more.entries);
                sum.bytes = sum.bytes.saturating_add(more.bytes);
            }
        }
        // For each piece the CRCs of its buckets, in order.
        let runs = Runs::join(parts.iter_mut().map(|p| &mut p.runs), workers, |runs| {
            let mut buckets: Vec<(usize, Crc)> = Vec::new();
            for run in runs {
                match buckets.last_mut() {
                    Some((bucket, crc)) if *bucket == run.bucket => *crc = crc.then(run.item),
                    _ => buckets.push((run.bucket, run.item)),
                }
            }
            buckets
        })?;
        let mut runs = runs.into_iter().flatten().peekable();
        let mut hash = Crc::default();
        for bucket in plan.buckets.iter().filter(|bucket| bucket.is_top_level()) {
            hash = hash.then(Crc::of(bucket.name()));
            while let Some((_, crc)) = runs.next_if(|(number, _)| *number == bucket.number) {
                hash = hash.then(crc);
            }
        }
        Ok((hash.value, totals))
    }
}
