//! What the metas say about who wrote them.

use crate::bolt::layout::{META, NO_FREELIST, PAGE_HEADER, PageHeader, RawMeta, flags};
use crate::bolt::{Metas, ValidMeta};
use crate::ids::{PageId, TxId};

/// What a pair of metas was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A snapshot: a transaction stands where no commit puts it.
    Snapshot,
    /// A database that transactions were committed to: the metas are of two of them.
    Database,
    /// Either; a commit that changes nothing leaves metas as a snapshot has them.
    Either,
}

/// Tells a snapshot from a database by its metas. `snapshot save` writes transaction T to meta 0 and
/// T - 1 to meta 1, both with the same root; a commit writes transaction T to meta T mod 2.
pub fn origin(metas: &Metas) -> Origin {
    let valid: Vec<ValidMeta> = metas
        .both()
        .into_iter()
        .filter_map(|meta| meta.validate().ok())
        .collect();
    if valid.iter().any(|meta| !is_at_its_place(meta)) {
        return Origin::Snapshot;
    }
    match *valid.as_slice() {
        [zero, one] if describe_the_same(&zero, &one) => Origin::Either,
        [_, _] => Origin::Database,
        _ => Origin::Either,
    }
}

fn is_at_its_place(meta: &ValidMeta) -> bool {
    meta.txid.0 % 2 == meta.slot.number()
}

fn describe_the_same(zero: &ValidMeta, one: &ValidMeta) -> bool {
    let of = |meta: &ValidMeta| (meta.root, meta.high_water, meta.freelist, meta.page_size);
    of(zero) == of(one)
}

/// The first two pages of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedMetas {
    /// The transaction that was saved.
    pub txid: TxId,
    /// Both pages.
    pub pages: Vec<u8>,
}

/// Commits that a transaction is looked for behind. Of tools that open a file for writing, one commits once,
/// others twice, and each may have been run more than once.
const COMMITS: u64 = 4;

/// The first two pages as `snapshot save` may have written them, if that was the file's beginning before
/// other transactions were committed to it. The likeliest comes first; there are few.
pub fn saved_metas(metas: &Metas) -> Vec<SavedMetas> {
    let zero = metas.zero.validate().ok();
    let one = metas.one.validate().ok();
    let Some(meta) = zero.or(one) else {
        return Vec::new();
    };
    if let (Some(zero), Some(one)) = (&zero, &one)
        && !describe_the_same(zero, one)
    {
        // A transaction that changed the tree wrote more than the metas.
        return Vec::new();
    }
    let misplaced = |meta: &Option<ValidMeta>| meta.filter(|meta| !is_at_its_place(meta));
    let transactions: Vec<u64> = match (misplaced(&zero), misplaced(&one)) {
        // No commit has put it there, so it is what was saved.
        (Some(zero), _) => vec![zero.txid.0],
        (_, Some(one)) => vec![one.txid.0.saturating_add(1)],
        (None, None) => {
            let newest = zero
                .map(|meta| meta.txid.0)
                .max(one.map(|meta| meta.txid.0))
                .unwrap_or(0);
            let mut all: Vec<u64> = one
                .map(|meta| meta.txid.0.saturating_add(1))
                .into_iter()
                .chain((0..=COMMITS).map(|back| newest.saturating_sub(back)))
                .collect();
            let mut seen = Vec::new();
            all.retain(|txid| {
                let is_new = !seen.contains(txid);
                seen.push(*txid);
                is_new
            });
            all
        }
    };
    transactions
        .into_iter()
        .filter(|txid| *txid > 0)
        .map(|txid| SavedMetas {
            txid: TxId(txid),
            pages: pages(&meta, txid),
        })
        .collect()
}

fn pages(meta: &ValidMeta, txid: u64) -> Vec<u8> {
    let mut pages = Vec::new();
    for (number, txid) in [(0, txid), (1, txid.saturating_sub(1))] {
        let header = PageHeader {
            id: PageId(number),
            flags: flags::META,
            count: 0,
            overflow: 0,
        };
        let raw = RawMeta {
            magic: crate::bolt::layout::MAGIC,
            version: crate::bolt::layout::VERSION,
            page_size: meta.page_size,
            flags: 0,
            root: meta.root,
            sequence: 0,
            freelist: meta.freelist.map_or(NO_FREELIST, |page| page.0),
            high_water: meta.high_water,
            txid: TxId(txid),
            checksum: 0,
        };
        pages.extend(header.encode());
        pages.extend(raw.sealed().encode());
        let rest = (meta.page_size as usize).saturating_sub(PAGE_HEADER.saturating_add(META));
        pages.resize(pages.len().saturating_add(rest), 0);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::SecondMeta;
    use crate::source::Slice;

    fn metas(bytes: &[u8]) -> Metas {
        Metas::read(&Slice(bytes), SecondMeta::Search).unwrap()
    }

    /// The first two pages of a file, with these transactions and roots.
    fn file(zero: (u64, u64), one: (u64, u64)) -> Vec<u8> {
        let mut all = Vec::new();
        for (slot, (txid, root)) in [(0, zero), (1, one)] {
            let meta = ValidMeta {
                slot: crate::bolt::MetaSlot::Zero,
                page_size: 4096,
                root: PageId(root),
                freelist: None,
                high_water: PageId(11),
                txid: TxId(txid),
            };
            let both = pages(&meta, txid + slot);
            all.extend(&both[slot as usize * 4096..][..4096]);
        }
        all
    }

    #[test]
    fn metas_tell_a_snapshot_from_a_database_where_they_differ() {
        // Transactions and roots as real servers and tools left them.
        for (zero, one, expected) in [
            ((17, 10), (16, 10), Origin::Snapshot),
            ((18, 10), (16, 10), Origin::Snapshot),
            ((14, 10), (13, 10), Origin::Either),
            ((4, 10), (3, 10), Origin::Either),
            ((20, 3), (21, 3), Origin::Either),
            ((16, 8), (17, 10), Origin::Database),
            ((14, 10), (13, 7), Origin::Database),
        ] {
            let found = origin(&metas(&file(zero, one)));
            assert_eq!(found, expected, "{zero:?} {one:?}");
        }
    }

    #[test]
    fn the_saved_transaction_is_among_few_candidates_whatever_was_committed_after_it() {
        for saved in [12_u64, 13] {
            for commits in 0..=COMMITS {
                let mut slots = [saved, saved - 1];
                for txid in saved + 1..=saved + commits {
                    slots[(txid % 2) as usize] = txid;
                }
                let bytes = file((slots[0], 9), (slots[1], 9));
                let candidates = saved_metas(&metas(&bytes));
                let found = candidates.iter().any(|all| all.txid == TxId(saved));
                assert!(found, "{saved} and {commits} commits: {slots:?}");
                assert!(candidates.len() <= 6);
            }
        }
        // A transaction that changed the tree wrote pages too.
        assert!(saved_metas(&metas(&file((14, 10), (13, 7)))).is_empty());
    }
}
