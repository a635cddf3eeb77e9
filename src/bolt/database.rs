use super::check::codes;
use super::cursor::Cursor;
use super::freelist::Freelist;
use super::layout::{self, BUCKET_HEADER, BucketHeader, flags};
use super::meta::{CandidateMeta, MetaError, Metas, SecondMeta, SelectedMeta};
use super::pages::{Geometry, Pages};
use super::plan::Plan;
use super::scan::{Scan, Visitor, scan};
use super::{CursorDamage, CursorDamageKind, CursorError};
use crate::error::{Error, Result};
use crate::finding::{Collector, Finding, Place};
use crate::ids::{FileOffset, PageId};
use crate::options::Options;
use crate::source::Source;
use crate::workers::Workers;

/// Transaction ids that must be left for further writes; so many take 30 years at a thousand commits a second. A writer
/// that has used up the last one starts over at 0, and nothing that it then commits is ever read, since the meta with
/// the greater id counts.
pub const TXIDS_TO_SPARE: u64 = 1 << 40;

/// A bbolt database inside a source. It borrows the source and holds nothing else; any number may be
/// open at once.
#[derive(Debug, Clone, Copy)]
pub struct Database<'s> {
    pages: Pages<'s>,
    metas: Metas,
    selected: SelectedMeta,
    len: u64,
}

/// A bucket found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    header: BucketHeader,
    page: PageId,
    offset: FileOffset,
    inline: Vec<u8>,
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither meta can be used.
    #[error("{}", .1.bolt_text())]
    NoMeta(
        /// Both, as they were found.
        Box<Metas>,
        /// What bbolt says of them.
        MetaError,
    ),
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] Error),
}

/// What a scan of a whole database gives.
#[derive(Debug)]
pub struct Scanned<'s, Local> {
    /// The branch pages and the table of leaves.
    pub plan: Plan<'s>,
    /// What visitors gathered, and the census.
    pub scan: Scan<Local>,
    /// The freelist, where one is stored.
    pub freelist: Option<Freelist>,
}

impl<'s> Database<'s> {
    /// Opens the database in the first `len` bytes of `source`, by the meta that
    /// [`Metas::select`] chooses.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(source: &'s dyn Source, len: u64, second: SecondMeta) -> Result<Self, OpenError> {
        let metas = Metas::read(source, second)?;
        let selected = metas
            .select()
            .map_err(|error| OpenError::NoMeta(Box::new(metas), error))?;
        let len = len.min(source.len());
        let geometry = Geometry::new(&selected.meta, len);
        Ok(Self {
            pages: Pages { source, geometry },
            metas,
            selected,
            len,
        })
    }

    /// Both metas.
    pub fn metas(&self) -> &Metas {
        &self.metas
    }

    /// The active meta, and why.
    pub fn selected(&self) -> SelectedMeta {
        self.selected
    }

    /// Page size, high-water mark, pages in the file.
    pub fn geometry(&self) -> Geometry {
        self.pages.geometry
    }

    /// Access to single pages.
    pub fn pages(&self) -> Pages<'s> {
        self.pages
    }

    /// Bytes of the database: all of the file but a trailer.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A cursor over the root bucket, whose entries are the top-level buckets.
    pub fn root(&self) -> Cursor<'s> {
        Cursor::over_tree(self.pages, self.selected.meta.root)
    }

    /// The top-level bucket of this name.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn bucket(&self, name: &[u8]) -> Result<Option<Bucket>, CursorError> {
        let mut cursor = self.root();
        let found = match cursor.seek(name)? {
            Some(entry) if entry.key == name && entry.is_bucket => {
                let header = BucketHeader::decode(entry.value);
                let inline = entry
                    .value
                    .get(BUCKET_HEADER..)
                    .unwrap_or_default()
                    .to_vec();
                header.map(|header| (header, inline))
            }
            _ => return Ok(None),
        };
        let place = cursor.place();
        let Some((header, inline)) = found else {
            let kind = CursorDamageKind::BucketHeader;
            return Err(CursorDamage { place, kind }.into());
        };
        Ok(Some(Bucket {
            header,
            page: place.page.unwrap_or_default(),
            offset: place.offset.unwrap_or_default(),
            inline,
        }))
    }

    /// A cursor over `bucket`.
    pub fn cursor(&self, bucket: &Bucket) -> Cursor<'s> {
        if bucket.header.root == PageId(0) {
            Cursor::over_inline(
                self.pages,
                bucket.page,
                bucket.offset,
                bucket.inline.clone(),
            )
        } else {
            Cursor::over_tree(self.pages, bucket.header.root)
        }
    }

    /// One pass over every page in use: checks the structure and lends each leaf to `visitor`.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever the visitor returns. Damage is a finding.
    pub fn scan<V: Visitor>(
        &self,
        visitor: &V,
        workers: &Workers,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<Scanned<'s, V::Local>> {
        self.check_metas(findings);
        options.stage("reading pages", self.len);
        let freelist = match self.selected.meta.freelist {
            Some(page) => Some(Freelist::read(self.pages, page, findings)?),
            None => None,
        };
        let own_pages = freelist.as_ref().map(|list| list.own_pages.clone());
        let root = self.selected.meta.root;
        let limit = findings.limit();
        let attempt = |careful| -> Result<_> {
            let mut found = Collector::new(limit);
            let mut plan = Plan::new(
                self.pages,
                root,
                own_pages.clone(),
                careful,
                workers,
                options,
                &mut found,
            )?;
            let outcome = scan(&mut plan, visitor, workers, options, &mut found)?;
            Ok((plan, outcome, found))
        };
        let mut outcome = attempt(false)?;
        if outcome.1.uneven {
            // Only in damaged files: look at every page's type first, and start again.
            outcome = attempt(true)?;
        }
        let (plan, outcome, found) = outcome;
        findings.merge(found);
        if let Some(list) = &freelist {
            list.compare(&plan.claimed, self.pages.geometry, findings);
        }
        Ok(Scanned {
            plan,
            scan: outcome,
            freelist,
        })
    }

    fn check_metas(&self, findings: &mut Collector) {
        for meta in self.metas.both() {
            if let Err(error) = meta.validate() {
                findings.add(Finding::new(error.of(meta.slot), meta_place(meta)));
            }
            let Some(header) = meta.header else { continue };
            let number = meta.slot.number();
            if header.id != PageId(number)
                || header.flags != flags::META
                || header.count != 0
                || header.overflow != 0
            {
                let found = codes::MetaPageHeader {
                    meta: number,
                    page: header.id,
                    page_type: header.flags,
                    elements: u64::from(header.count),
                    overflow: u64::from(header.overflow),
                };
                findings.add(Finding::new(found, meta_place(meta)));
            }
        }
        let transaction = self.selected.meta.txid;
        let left = u64::MAX.saturating_sub(transaction.0);
        if left < TXIDS_TO_SPARE {
            let place = meta_place(match self.selected.meta.slot.number() {
                0 => &self.metas.zero,
                _ => &self.metas.one,
            });
            findings.add(Finding::new(
                codes::FewTransactionsLeft { left, transaction },
                place,
            ));
        }
        if let (Ok(zero), Ok(one)) = (self.metas.zero.validate(), self.metas.one.validate())
            && zero.page_size != one.page_size
        {
            let differ = codes::PageSizesDiffer {
                meta_0: u64::from(zero.page_size),
                meta_1: u64::from(one.page_size),
            };
            findings.add(Finding::new(differ, meta_place(&self.metas.one)));
        }
    }
}

fn meta_place(meta: &CandidateMeta) -> Place {
    Place {
        offset: Some(meta.offset),
        page: Some(PageId(meta.slot.number())),
        ..Place::default()
    }
}

const _: () = assert!(layout::MIN_PAGE_SIZE as usize >= layout::PAGE_HEADER + layout::META);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::write::{WriteLayout, Writer};
    use crate::source::Slice;

    #[test]
    fn transaction_ids_are_too_few_below_the_number_to_spare_and_not_at_it() {
        for (left, found) in [(TXIDS_TO_SPARE, 0), (TXIDS_TO_SPARE - 1, 1)] {
            let layout = WriteLayout {
                txid: u64::MAX - left,
                ..WriteLayout::default()
            };
            let writer = Writer::new(std::io::Cursor::new(Vec::new()), layout).unwrap();
            let bytes = writer.finish().unwrap().0.into_inner();
            let source = Slice(&bytes);
            let opened = Database::open(&source, bytes.len() as u64, SecondMeta::Search);
            let mut findings = Collector::new(1);
            opened.unwrap().check_metas(&mut findings);
            let kept: Vec<_> = findings.kept().map(|(code, ..)| code.id).collect();
            assert_eq!(kept, vec![codes::TXID_LIMIT.id; found], "{left}");
        }
    }
}
