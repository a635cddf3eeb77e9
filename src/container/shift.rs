//! Blocks lost or added in the middle: the pages behind them lie a constant distance from their places.

use super::classify::tree_page_at;
use crate::bolt::layout::{PAGE_HEADER, PageHeader};
use crate::error::Result;
use crate::ids::FileOffset;
use crate::source::{Source, WindowBuffer};

/// A constant distance of pages from their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Bytes between where the pages behind the break lie and where they belong: negative when a block is
    /// missing, positive when there is one too many.
    pub distance: i64,
    /// The last page in its place before the break, if any is.
    pub last_in_place: Option<u64>,
    /// The first page behind the break.
    pub first_moved: u64,
    /// Where that page begins.
    pub moved_to: FileOffset,
    /// How many pages lie behind the break.
    pub moved: u64,
}

impl Shift {
    /// How many bytes are missing, or too many.
    pub fn bytes(&self) -> u64 {
        self.distance.unsigned_abs()
    }
}

/// Looks for pages that lie one constant distance from their places, from some page on. `expected` is the
/// length of the database by its meta, `len` that of the file.
///
/// # Errors
/// Reading, and what `check` returns; it is asked now and then.
pub fn find_shift(
    source: &dyn Source,
    expected: u64,
    page_size: u32,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<Shift>> {
    let page_size = u64::from(page_size).max(1);
    let len = source.len();
    let pages = expected.checked_div(page_size).unwrap_or(0);
    let mut distances: Vec<i64> = Vec::new();
    for whole in [expected.saturating_add(super::TRAILER), expected] {
        if let Some(distance) = i64::try_from(len)
            .ok()
            .zip(i64::try_from(whole).ok())
            .and_then(|(len, whole)| len.checked_sub(whole))
            .filter(|distance| *distance != 0 && !distances.contains(distance))
        {
            distances.push(distance);
        }
    }
    // A block of whole pages shows in the pages themselves, whatever happened to the end of the file.
    if let Some(distance) = whole_pages(source, pages, page_size, check)?
        && !distances.contains(&distance)
    {
        distances.push(distance);
    }
    for distance in distances {
        if let Some(shift) = at_distance(source, pages, page_size, distance, check)? {
            return Ok(Some(shift));
        }
    }
    Ok(None)
}

/// The distance at which the last pages of the file lie, if it is whole pages and not 0.
fn whole_pages(
    source: &dyn Source,
    pages: u64,
    page_size: u64,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<i64>> {
    /// That many pages must agree where the length does not say the same.
    const ENOUGH: u32 = 3;
    let mut found: Option<(i64, u32)> = None;
    let held = source.len().checked_div(page_size).unwrap_or(0);
    for place in (2..held.min(pages.saturating_mul(2))).rev() {
        if place % 4096 == 0 {
            check()?;
        }
        let offset = FileOffset(place.saturating_mul(page_size));
        let Some(id) = tree_page_at(source, offset)?.filter(|id| *id < pages) else {
            continue;
        };
        let ahead = place.cast_signed().saturating_sub(id.cast_signed());
        match &mut found {
            None if ahead == 0 => return Ok(None),
            None => found = Some((ahead, 1)),
            Some((before, times)) if *before == ahead => {
                *times = times.saturating_add(1);
                if *times >= ENOUGH {
                    return Ok(ahead.checked_mul(page_size.cast_signed()));
                }
            }
            Some(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// The break, if pages before it lie in their places and pages behind it at `distance` from theirs.
fn at_distance(
    source: &dyn Source,
    pages: u64,
    page_size: u64,
    distance: i64,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<Shift>> {
    let mut last_in_place: Option<u64> = None;
    for page in 2..pages {
        let place = page.saturating_mul(page_size);
        if place >= source.len() {
            break;
        }
        if page % 4096 == 0 {
            check()?;
        }
        if tree_page_at(source, FileOffset(place))? == Some(page) {
            last_in_place = Some(page);
        }
    }
    let mut first: Option<(u64, FileOffset)> = None;
    let mut moved = 0u64;
    // Pages before this one would lie before the beginning of the file.
    let before = match distance < 0 {
        true => distance.unsigned_abs().div_ceil(page_size),
        false => 0,
    };
    for page in before.max(2)..pages {
        let there = page
            .saturating_mul(page_size)
            .checked_add_signed(distance)
            .filter(|there| *there < source.len());
        let Some(there) = there else { break };
        if page % 4096 == 0 {
            check()?;
        }
        if tree_page_at(source, FileOffset(there))? == Some(page) {
            moved = moved.saturating_add(1);
            if first.is_none() {
                first = Some((page, FileOffset(there)));
            }
        }
    }
    let Some((first_moved, moved_to)) = first else {
        return Ok(None);
    };
    // Every page in its place lies before every page that moved; else there is more to it than one block.
    let before = last_in_place.map_or(0, |page| page.saturating_mul(page_size));
    if before >= moved_to.0 {
        return Ok(None);
    }
    Ok(Some(Shift {
        distance,
        last_in_place,
        first_moved,
        moved_to,
        moved,
    }))
}

/// Runs that are kept of those that may be a doubled block.
const DOUBLED: usize = 4;

/// Where blocks begin that stand twice in a row before the break: where the block that was added may be a
/// copy of the one before it. Taking out either gives the same bytes, and so does taking out any stretch of
/// that length from one run. There are few.
///
/// # Errors
/// Reading, and what `check` returns.
pub fn find_doubled(
    source: &dyn Source,
    shift: &Shift,
    page_size: u32,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<FileOffset>> {
    const PIECE: u64 = 1 << 18;
    let mut found = Vec::new();
    if shift.distance <= 0 {
        return Ok(found);
    }
    let block = shift.bytes();
    let in_place = shift
        .last_in_place
        .map_or(0, |page| page.saturating_mul(u64::from(page_size)));
    let mut at = in_place.saturating_sub(block);
    // The first page behind the break is in the second block or behind it.
    let end = shift.moved_to.0.min(source.len().saturating_sub(block));
    let mut run = 0u64;
    let (mut here, mut there) = (WindowBuffer::new(), WindowBuffer::new());
    while at < end && found.len() < DOUBLED {
        check()?;
        let len = end.saturating_sub(at).min(PIECE);
        let size = usize::try_from(len).unwrap_or(0);
        let one = here.lend(source, FileOffset(at), size)?;
        let other = there.lend(source, FileOffset(at.saturating_add(block)), size)?;
        for (index, (left, right)) in one.iter().zip(other).enumerate() {
            run = match left == right {
                true => run.saturating_add(1),
                false => 0,
            };
            if run == block {
                let behind = at.saturating_add(index as u64).saturating_add(1);
                found.push(FileOffset(behind.saturating_sub(block)));
            }
        }
        at = at.saturating_add(len);
    }
    Ok(found)
}

/// Where the last page ends that lies in its place, its overflow pages included. Bytes from there on may be
/// anything.
///
/// # Errors
/// Reading, and what `check` returns.
pub fn end_in_place(
    source: &dyn Source,
    page_size: u32,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<u64> {
    let page_size = u64::from(page_size);
    let held = source.len().checked_div(page_size).unwrap_or(0);
    for page in (2..held).rev() {
        if page % 4096 == 0 {
            check()?;
        }
        let offset = FileOffset(page.saturating_mul(page_size));
        if tree_page_at(source, offset)? == Some(page) {
            let mut header = [0; PAGE_HEADER];
            source.read_exact_at(offset, &mut header)?;
            let overflow = PageHeader::decode(&header).map_or(0, |header| header.overflow);
            let pages = u64::from(overflow).saturating_add(1);
            return Ok(offset.0.saturating_add(pages.saturating_mul(page_size)));
        }
    }
    Ok(page_size.saturating_mul(2))
}
