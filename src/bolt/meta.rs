//! The two metas: as found, as proven, and the active one.

use super::check::codes;
use super::layout::{self, PAGE_HEADER, PageHeader, RawMeta};
use crate::error::Result;
use crate::finding::Observation;
use crate::ids::{FileOffset, PageId, TxId};
use crate::source::Source;

/// Which of the first two pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum MetaSlot {
    /// Page 0.
    #[serde(rename = "0")]
    Zero,
    /// Page 1.
    #[serde(rename = "1")]
    One,
}

impl MetaSlot {
    /// 0 or 1.
    pub fn number(self) -> u64 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
        }
    }
}

/// Why a meta cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the meta {}", self.describe())]
pub enum MetaError {
    /// The file ends before it, or nothing tells where it is.
    Missing,
    /// Wrong magic.
    Magic,
    /// Unknown format version.
    Version,
    /// The checksum does not fit the fields.
    Checksum,
    /// All fields sum up, but the page size is none: not a power of two, or not from 1 KiB to 16 MiB.
    PageSize,
}

impl MetaError {
    /// bbolt's error text for it.
    pub fn bolt_text(self) -> &'static str {
        match self {
            Self::Missing | Self::Magic | Self::PageSize => "invalid database",
            Self::Version => "version mismatch",
            Self::Checksum => "checksum error",
        }
    }

    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Missing => "lies beyond the end of the file",
            Self::Magic => "has no bbolt magic number",
            Self::Version => "names an unknown format version",
            Self::Checksum => "has a checksum that does not match its fields",
            Self::PageSize => "has an impossible page size",
        }
    }

    /// The same as a finding about the meta of this slot.
    pub(crate) fn of(self, slot: MetaSlot) -> Observation {
        let meta = slot.number();
        match self {
            Self::Missing => codes::MetaBeyondFile { meta }.into(),
            Self::Magic => codes::MetaMagic { meta }.into(),
            Self::Version => codes::MetaVersion { meta }.into(),
            Self::Checksum => codes::MetaChecksum { meta }.into(),
            Self::PageSize => codes::MetaImpossibleSize { meta }.into(),
        }
    }
}

/// A meta as it was found, with what is wrong with it.
#[derive(Debug, Clone, Copy)]
pub struct CandidateMeta {
    /// Where it was looked for.
    pub slot: MetaSlot,
    /// Byte position of its page.
    pub offset: FileOffset,
    /// The page header in front of it.
    pub header: Option<PageHeader>,
    /// The fields, if the file holds that many bytes.
    pub raw: Option<RawMeta>,
}

impl CandidateMeta {
    fn read(source: &dyn Source, slot: MetaSlot, offset: FileOffset) -> Result<Self> {
        let mut page = [0; PAGE_HEADER + layout::META];
        let wanted = page.len() as u64;
        let mut found = Self {
            slot,
            offset,
            header: None,
            raw: None,
        };
        if source.len().saturating_sub(offset.0) >= wanted {
            source.read_exact_at(offset, &mut page)?;
            found.header = PageHeader::decode(&page);
            found.raw = page.get(PAGE_HEADER..).and_then(RawMeta::decode);
        }
        Ok(found)
    }

    /// Checks in bbolt's order: magic, version, checksum; then the page size.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn validate(&self) -> Result<ValidMeta, MetaError> {
        let raw = self.raw.ok_or(MetaError::Missing)?;
        if raw.magic != layout::MAGIC {
            return Err(MetaError::Magic);
        }
        if raw.version != layout::VERSION {
            return Err(MetaError::Version);
        }
        if raw.checksum != raw.computed_checksum() {
            return Err(MetaError::Checksum);
        }
        if !is_page_size(raw.page_size) {
            return Err(MetaError::PageSize);
        }
        Ok(ValidMeta {
            slot: self.slot,
            page_size: raw.page_size,
            root: raw.root,
            freelist: (raw.freelist != layout::NO_FREELIST).then_some(PageId(raw.freelist)),
            high_water: raw.high_water,
            txid: raw.txid,
        })
    }

    /// True when the magic is there, but in the byte order of big-endian machines.
    pub fn is_big_endian(&self) -> bool {
        self.raw
            .is_some_and(|raw| raw.magic == layout::MAGIC.swap_bytes())
    }
}

/// A meta whose magic, version, checksum and page size hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidMeta {
    /// Where it is.
    pub slot: MetaSlot,
    /// Bytes per page.
    pub page_size: u32,
    /// Root page of the root bucket.
    pub root: PageId,
    /// Page of the freelist, if one is stored.
    pub freelist: Option<PageId>,
    /// One past the highest page ever allocated.
    pub high_water: PageId,
    /// The transaction that wrote it.
    pub txid: TxId,
}

impl ValidMeta {
    /// High-water mark times page size: the length of the database, unless that is beyond any file.
    pub fn database_len(&self) -> Option<u64> {
        self.high_water.0.checked_mul(u64::from(self.page_size))
    }
}

/// Why a meta was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MetaChoice {
    /// Both hold; it has the higher transaction id.
    HigherTxId,
    /// Both hold and have the same transaction id; meta 0 goes first.
    SameTxId,
    /// The other one does not hold.
    OnlyValid,
}

/// The meta that readers go by.
#[derive(Debug, Clone, Copy)]
pub struct SelectedMeta {
    /// The meta.
    pub meta: ValidMeta,
    /// Why it and not the other.
    pub why: MetaChoice,
}

/// Both metas of a file, and the choice between them.
#[derive(Debug, Clone, Copy)]
pub struct Metas {
    /// Page 0.
    pub zero: CandidateMeta,
    /// Page 1. When no page size is known, its place is a guess.
    pub one: CandidateMeta,
}

/// How the place of meta 1 is found when meta 0 does not tell the page size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondMeta {
    /// Look at every power of two from 1 KiB to 16 MiB.
    Search,
    /// Look only at the given distance.
    At(u32),
}

impl Metas {
    /// Reads both metas. A file that is too short for one has it [`MetaError::Missing`].
    ///
    /// # Errors
    /// [`Error::Read`](crate::Error::Read) only.
    pub fn read(source: &dyn Source, second: SecondMeta) -> Result<Self> {
        let zero = CandidateMeta::read(source, MetaSlot::Zero, FileOffset(0))?;
        let one_at =
            |size: u32| CandidateMeta::read(source, MetaSlot::One, FileOffset(u64::from(size)));
        if let Ok(meta) = zero.validate() {
            return Ok(Self {
                zero,
                one: one_at(meta.page_size)?,
            });
        }
        if let SecondMeta::At(size) = second {
            return Ok(Self {
                zero,
                one: one_at(size)?,
            });
        }
        let mut size = layout::MIN_PAGE_SIZE;
        while size <= layout::MAX_PAGE_SIZE {
            let one = one_at(size)?;
            // A meta that lies where its own page size does not put it was moved there.
            if one.validate().is_ok_and(|meta| meta.page_size == size) {
                return Ok(Self { zero, one });
            }
            size = size.saturating_mul(2);
        }
        // Neither holds. Meta 0's unproven page size is the best guess at where to look, for the report.
        let guess = zero
            .raw
            .map(|raw| raw.page_size)
            .filter(|size| is_page_size(*size));
        Ok(Self {
            zero,
            one: one_at(guess.unwrap_or(4096))?,
        })
    }

    /// The valid meta with the higher transaction id.
    ///
    /// # Errors
    /// Meta 0's error, when both are invalid.
    pub fn select(&self) -> Result<SelectedMeta, MetaError> {
        match (self.zero.validate(), self.one.validate()) {
            (Ok(zero), Ok(one)) if one.txid > zero.txid => Ok(SelectedMeta {
                meta: one,
                why: MetaChoice::HigherTxId,
            }),
            (Ok(zero), Ok(one)) => {
                let same = zero.txid == one.txid;
                let why = if same {
                    MetaChoice::SameTxId
                } else {
                    MetaChoice::HigherTxId
                };
                Ok(SelectedMeta { meta: zero, why })
            }
            (Ok(meta), Err(_)) | (Err(_), Ok(meta)) => Ok(SelectedMeta {
                meta,
                why: MetaChoice::OnlyValid,
            }),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Both, in order.
    pub fn both(&self) -> [&CandidateMeta; 2] {
        [&self.zero, &self.one]
    }
}

fn is_page_size(size: u32) -> bool {
    size.is_power_of_two() && (layout::MIN_PAGE_SIZE..=layout::MAX_PAGE_SIZE).contains(&size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Slice;

    fn meta(txid: u64, page_size: u32) -> RawMeta {
        RawMeta {
            magic: layout::MAGIC,
            version: layout::VERSION,
            page_size,
            flags: 0,
            root: PageId(3),
            sequence: 0,
            freelist: layout::NO_FREELIST,
            high_water: PageId(4),
            txid: TxId(txid),
            checksum: 0,
        }
        .sealed()
    }

    fn file(page_size: usize, zero: RawMeta, one: RawMeta) -> Vec<u8> {
        let mut bytes = vec![0; page_size * 4];
        bytes[16..80].copy_from_slice(&zero.encode());
        bytes[page_size + 16..page_size + 80].copy_from_slice(&one.encode());
        bytes
    }

    fn selected(bytes: &[u8]) -> Result<SelectedMeta, MetaError> {
        Metas::read(&Slice(bytes), SecondMeta::Search)
            .unwrap()
            .select()
    }

    #[test]
    fn the_higher_transaction_wins_and_the_reason_is_given() {
        let newest = selected(&file(4096, meta(7, 4096), meta(8, 4096))).unwrap();
        assert_eq!(
            (newest.meta.slot, newest.why),
            (MetaSlot::One, MetaChoice::HigherTxId)
        );
        let newest = selected(&file(4096, meta(9, 4096), meta(8, 4096))).unwrap();
        assert_eq!(
            (newest.meta.slot, newest.why),
            (MetaSlot::Zero, MetaChoice::HigherTxId)
        );
        let same = selected(&file(4096, meta(8, 4096), meta(8, 4096))).unwrap();
        assert_eq!(
            (same.meta.slot, same.why),
            (MetaSlot::Zero, MetaChoice::SameTxId)
        );
    }

    #[test]
    fn the_second_meta_is_found_at_every_page_size_when_the_first_is_lost() {
        for shift in 10..=24 {
            let size = 1u32 << shift;
            let mut bytes = file(size as usize, meta(8, size), meta(7, size));
            bytes[20] ^= 1;
            let only = selected(&bytes).unwrap();
            assert_eq!(
                (only.meta.slot, only.why),
                (MetaSlot::One, MetaChoice::OnlyValid)
            );
            assert_eq!(only.meta.page_size, size);
        }
    }

    #[test]
    fn an_invalid_meta_with_a_huge_transaction_id_does_not_win() {
        let mut broken = meta(u64::MAX, 4096);
        broken.checksum ^= 1;
        let valid = selected(&file(4096, broken, meta(7, 4096))).unwrap();
        assert_eq!(valid.meta.txid, TxId(7));
    }

    #[test]
    fn an_impossible_page_size_is_no_meta_even_with_the_right_checksum() {
        for size in [0, 1, 512, 4095, 1 << 25, u32::MAX] {
            let bytes = file(4096, meta(8, size), meta(8, size));
            assert_eq!(selected(&bytes).unwrap_err(), MetaError::PageSize);
        }
    }
}
