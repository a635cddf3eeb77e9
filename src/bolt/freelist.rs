//! The list of free pages, where one is stored.

use std::ops::Range;

use super::check::codes;
use super::layout::{LONG_FREELIST, PAGE_HEADER, PageHeader, flags, u64_at};
use super::page_set::PageSet;
use super::pages::{AbsentPage, Geometry, PageError, Pages};
use crate::error::Result;
use crate::finding::{Collector, Finding, Observation, Place};
use crate::ids::PageId;
use crate::source::WindowBuffer;

/// Ids are read in pieces of this many bytes.
const PIECE: u64 = 1 << 20;

/// A freelist as read.
#[derive(Debug)]
pub struct Freelist {
    /// The pages that the list itself lies on.
    pub own_pages: Range<u64>,
    /// How many ids it names.
    pub count: u64,
    /// The pages it names, those that the file holds.
    pub free: PageSet,
    /// False when part of it could not be read.
    pub complete: bool,
}

impl Freelist {
    /// Reads the freelist at `page` and checks it by itself.
    ///
    /// # Errors
    /// Reading. Damage is a finding.
    pub fn read(pages: Pages<'_>, page: PageId, findings: &mut Collector) -> Result<Self> {
        let geometry = pages.geometry;
        let mut list = Self {
            own_pages: page.0..page.0,
            count: 0,
            free: PageSet::new(geometry.pages_in_file.min(geometry.high_water.0)),
            complete: false,
        };
        let place = || Place::page(page, geometry.page_size);
        let header = match pages.header(page) {
            Ok(header) => header,
            Err(PageError::Read(error)) => return Err(error),
            Err(PageError::Absent(problem)) => {
                let what: Observation = match problem {
                    AbsentPage::OutOfBounds => codes::FreelistOutOfBounds {
                        page,
                        high_water_mark: geometry.high_water,
                    }
                    .into(),
                    AbsentPage::BeyondFile => codes::FreelistBeyondFile {
                        page,
                        pages_in_file: geometry.pages_in_file,
                    }
                    .into(),
                };
                findings.add(Finding::new(what, place()));
                return Ok(list);
            }
        };
        if header.id != page || header.flags != flags::FREELIST {
            let other = codes::FreelistOtherPage {
                found: header.id,
                page_type: header.flags,
            };
            findings.add(Finding::new(other, place()));
            return Ok(list);
        }
        list.read_ids(pages, page, &header, findings)?;
        Ok(list)
    }

    fn read_ids(
        &mut self,
        pages: Pages<'_>,
        page: PageId,
        header: &PageHeader,
        findings: &mut Collector,
    ) -> Result<()> {
        let geometry = pages.geometry;
        let place = || Place::page(page, geometry.page_size);
        let Ok(offset) = geometry.locate(page) else {
            return Ok(());
        };
        let last = page.0.saturating_add(u64::from(header.overflow));
        let limit = geometry.high_water.0.min(geometry.pages_in_file);
        if last >= limit {
            let beyond = codes::FreelistOverflow {
                overflow: u64::from(header.overflow),
                last: PageId(limit.saturating_sub(1)),
            };
            findings.add(Finding::new(beyond, place()));
        }
        self.own_pages = page.0..last.saturating_add(1).min(limit);
        let own = self.own_pages.end.saturating_sub(self.own_pages.start);
        let bytes = own.saturating_mul(u64::from(geometry.page_size));
        let mut first = PAGE_HEADER as u64;
        self.count = u64::from(header.count);
        if header.count == LONG_FREELIST {
            let mut number = [0; 8];
            pages
                .source
                .read_exact_at(offset.plus(first), &mut number)?;
            self.count = u64::from_le_bytes(number);
            first = first.saturating_add(8);
        }
        let room = bytes.saturating_sub(first) / 8;
        self.complete = self.count <= room && last < limit;
        if self.count > room {
            let named = self.count;
            findings.add(Finding::new(
                codes::FreelistTooLong { named, room },
                place(),
            ));
            // What stands there instead is anything but ids.
            self.count = 0;
            return Ok(());
        }
        let mut buffer = WindowBuffer::new();
        let mut done = 0;
        let mut previous = None;
        while done < self.count {
            let ids = self.count.saturating_sub(done).min(PIECE / 8);
            let start = offset.plus(first).plus(done.saturating_mul(8));
            let len = usize::try_from(ids.saturating_mul(8)).unwrap_or(0);
            let window = buffer.lend(pages.source, start, len)?;
            for (number, id) in window.chunks_exact(8).enumerate() {
                let id = PageId(u64_at(id, 0).unwrap_or_default());
                let index = done.saturating_add(number as u64);
                self.take(id, index, &mut previous, geometry, &place, findings);
            }
            done = done.saturating_add(ids);
        }
        Ok(())
    }

    fn take(
        &mut self,
        id: PageId,
        index: u64,
        previous: &mut Option<PageId>,
        geometry: Geometry,
        place: &dyn Fn() -> Place,
        findings: &mut Collector,
    ) {
        crate::steps::count(1);
        let at = || Place {
            element: u32::try_from(index).ok(),
            ..place()
        };
        if id.0 < 2 || id >= geometry.high_water || self.own_pages.contains(&id.0) {
            let beyond = codes::FreeOutOfBounds {
                page: id,
                high_water_mark: geometry.high_water,
            };
            findings.add(Finding::new(beyond, at()));
        } else if id.0 < geometry.pages_in_file && !self.free.insert(id)
            || *previous == Some(id) && id.0 >= geometry.pages_in_file
        {
            findings.add(Finding::new(codes::FreeTwice { page: id }, at()));
        }
        *previous = Some(id);
    }

    /// Compares the list with the pages in use.
    pub fn compare(&self, used: &PageSet, geometry: Geometry, findings: &mut Collector) {
        let pages = geometry.pages_in_file.min(geometry.high_water.0);
        for id in (2..pages).map(PageId) {
            let place = || Place::page(id, geometry.page_size);
            match (self.free.contains(id), used.contains(id)) {
                (true, true) if !self.own_pages.contains(&id.0) => {
                    findings.add(Finding::new(codes::FreeAndUsed {}, place()));
                }
                (false, false) if self.complete => {
                    findings.add(Finding::new(codes::NeitherFreeNorUsed {}, place()));
                }
                _ => {}
            }
        }
    }
}
