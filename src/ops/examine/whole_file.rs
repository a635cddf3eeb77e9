//! What happened to the file as a whole: what was cut off, lost, added or rewritten.

use super::digest::{Digests, digest_of_ranges, find_saved_metas};
use super::examination::PageCensus;
use crate::bolt::Metas;
use crate::bolt::check::codes as bolt_codes;
use crate::checksum::Sha256;
use crate::container::{
    FileKind, FileLayout, LengthVerdict, Origin, SavedMetas, Shift, TRAILER, codes, end_in_place,
    find_doubled, find_shift, origin, saved_metas, taken_for_text,
};
use crate::counted::counted;
use crate::error::Result;
use crate::etcd::check::codes as etcd_codes;
use crate::finding::{Code, Collector, Finding, Findings, Observation, Place, Severity};
use crate::ids::{FileOffset, PageId, TxId};
use crate::ops::input::Input;
use crate::options::Options;
use crate::source::Source;

/// What happened to a file, and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct WholeFileDamage {
    pub(super) kind: FileKind,
    /// For people, as one clause.
    pub(super) reason: String,
    pub(super) next_step: String,
    /// What a SHA-256 proves all the same, if it does.
    pub(super) proven: Option<String>,
    /// Why no SHA-256 proves anything, where that is more than that it differs.
    pub(super) unproven: Option<String>,
}

impl WholeFileDamage {
    fn new(kind: FileKind, reason: String) -> Self {
        Self {
            kind,
            reason,
            next_step: kind.next_step().into(),
            proven: None,
            unproven: None,
        }
    }
}

impl WholeFileDamage {
    /// The worst error that was there when the file was saved, where what happened to it since is proven to
    /// have left the data as it was.
    pub(super) fn left_unexplained(&self, findings: &Findings) -> Option<&'static Code> {
        if !matches!(self.kind, FileKind::MetasRewritten | FileKind::BytesBehind) {
            return None;
        }
        let explained = [
            &codes::TRAILER_DIFFERS,
            &codes::BEHIND,
            &bolt_codes::META_INVALID,
            &bolt_codes::META_HEADER,
            &bolt_codes::META_PAGE_SIZE,
        ];
        findings
            .counts
            .iter()
            .map(|count| count.code)
            .filter(|code| code.severity == Severity::Error)
            .find(|code| explained.iter().all(|known| known.id != code.id))
    }
}

/// The file and what is known of it so far.
pub(super) struct WholeFile<'k> {
    pub(super) input: &'k Input<'k>,
    pub(super) source: &'k dyn Source,
    pub(super) metas: &'k Metas,
    pub(super) pages: &'k PageCensus,
    /// High-water mark times page size.
    pub(super) whole: u64,
    pub(super) page_size: u32,
    pub(super) length: LengthVerdict,
    pub(super) digests: Option<&'k Digests>,
    /// True when the root page leads to no bucket.
    pub(super) nothing_is_reached: bool,
    /// True when a whole data directory is judged, whose database never has a SHA-256.
    pub(super) is_directory: bool,
}

impl WholeFile<'_> {
    fn layout(&self) -> &FileLayout {
        &self.input.layout
    }

    /// True when the SHA-256 matches: whatever is wrong was wrong before the file was sealed.
    fn digest_fits(&self) -> bool {
        match (self.layout().trailer, self.digests) {
            (Some(stored), Some(digests)) => stored == digests.database,
            _ => false,
        }
    }

    fn digest_differs(&self) -> bool {
        match (self.layout().trailer, self.digests) {
            (Some(stored), Some(digests)) => stored != digests.database,
            _ => false,
        }
    }

    /// True when the file is longer than its database.
    pub(super) fn is_longer(&self) -> bool {
        self.source_len() > self.whole
    }

    /// Why there is no SHA-256 in a file that is of `kind`, where that tells more than the metas.
    fn no_trailer(&self, kind: FileKind) -> Option<Explanation> {
        if self.layout().trailer.is_some() {
            return None;
        }
        match kind {
            FileKind::CutSnapshot if self.is_longer() => Some(Explanation::DigestCut),
            FileKind::BytesMissing if self.origin() == Origin::Snapshot => {
                Some(Explanation::BytesMissing)
            }
            _ => None,
        }
    }

    /// What the metas tell, and where the file lies.
    pub(super) fn origin(&self) -> Origin {
        match origin(self.metas) {
            Origin::Either if self.input.file.is_data_dir() => Origin::Database,
            other => other,
        }
    }

    /// The 32 bytes at `offset`.
    fn digest_at(&self, offset: u64) -> Result<Option<Sha256>> {
        let mut digest = [0; TRAILER as usize];
        match offset.checked_add(TRAILER) {
            Some(end) if end <= self.source_len() => {
                self.input
                    .file
                    .source()
                    .read_exact_at(FileOffset(offset), &mut digest)?;
                Ok(Some(Sha256(digest)))
            }
            _ => Ok(None),
        }
    }

    fn source_len(&self) -> u64 {
        self.layout().file_len
    }
}

/// Why the SHA-256 does not fit or is not there, where that is known.
enum Explanation {
    /// It fits with the metas of this transaction and the one before it.
    MetasRewritten(u64),
    /// The file ends within it, and what is there of it fits.
    DigestCut,
    /// Bytes of the snapshot are missing.
    BytesMissing,
}

/// Tells what happened to a file that is not as it should be, and adds the findings of it. Findings of the
/// structure are there already.
pub(super) fn diagnose(
    known: &WholeFile<'_>,
    findings: &mut Collector,
    options: &Options,
) -> Result<Option<WholeFileDamage>> {
    if known.input.file.in_use() {
        // Whatever is seen may come from reading while it is written.
        check_length(known, findings);
        check_trailer(known, None, findings);
        return Ok(None);
    }
    let is_whole_length = matches!(
        known.length,
        LengthVerdict::Snapshot
            | LengthVerdict::Exact
            | LengthVerdict::Slack { .. }
            | LengthVerdict::SealedSlack { .. }
    );
    let is_fine = is_whole_length && !known.digest_differs() && !findings.has_errors();
    let may_be_followed = matches!(known.length, LengthVerdict::Slack { .. });
    if is_fine && !may_be_followed {
        check_length(known, findings);
        check_trailer(known, None, findings);
        return Ok(None);
    }
    // What the SHA-256 at the end covers does not follow the snapshot: it is part of it.
    if !known.digest_fits()
        && let Some(damage) = behind(known, findings)?
    {
        return Ok(Some(damage));
    }
    if let Some(damage) = before_trailer(known, findings)? {
        return Ok(Some(damage));
    }
    if is_fine {
        check_length(known, findings);
        check_trailer(known, None, findings);
        return Ok(None);
    }
    if known.digest_differs()
        && let Some((damage, explanation)) = rewritten_metas(known, options)?
    {
        check_length(known, findings);
        check_trailer(known, Some(explanation), findings);
        return Ok(Some(damage));
    }
    if known.digest_fits() {
        check_length(known, findings);
        return Ok(None);
    }
    let damage = damage(known, findings, options)?;
    let tells_all = damage.as_ref().is_some_and(|damage| {
        matches!(
            damage.kind,
            FileKind::BlockMissing | FileKind::BlockAdded | FileKind::TornCopy
        )
    });
    if !tells_all {
        check_length(known, findings);
        let is_cut = matches!(known.length, LengthVerdict::Short { .. });
        // Where the end is missing, the last bytes are not a SHA-256.
        if !is_cut || known.layout().trailer.is_none() {
            let explained = damage
                .as_ref()
                .and_then(|damage| known.no_trailer(damage.kind));
            check_trailer(known, explained, findings);
        }
    }
    Ok(damage)
}

/// What nothing proves, but the pages and the length show.
fn damage(
    known: &WholeFile<'_>,
    findings: &mut Collector,
    options: &Options,
) -> Result<Option<WholeFileDamage>> {
    if let Some(kind) = taken_for_text(known.input.file.source())? {
        // The metas were spared, but what happened still has a name.
        return Ok(Some(WholeFileDamage::new(kind, kind.describe())));
    }
    let mut check = || options.cancel.check();
    let source = known.input.file.source();
    let has_lost_pages = findings
        .kept()
        .any(|(code, ..)| code.id == bolt_codes::PAGE_ID.id);
    let is_odd = matches!(
        known.length,
        LengthVerdict::Short { .. } | LengthVerdict::Trailing { .. }
    );
    if (is_odd || has_lost_pages)
        && let Some(shift) = find_shift(source, known.whole, known.page_size, &mut check)?
    {
        return moved_pages(known, &shift, findings, options).map(Some);
    }
    if let LengthVerdict::Short { missing } = known.length {
        return cut(known, missing, &mut check).map(Some);
    }
    if let LengthVerdict::Trailing { extra } = known.length
        && let Some(damage) = cut_trailer(known, extra)?
    {
        return Ok(Some(damage));
    }
    Ok(torn(known, findings))
}

/// A snapshot that is whole, and more bytes.
fn behind(known: &WholeFile<'_>, findings: &mut Collector) -> Result<Option<WholeFileDamage>> {
    let below = known.digests.and_then(|digests| digests.below_mark);
    let (Some(below), Some(stored)) = (below, known.digest_at(known.whole)?) else {
        return Ok(None);
    };
    if below != stored {
        return Ok(None);
    }
    let end = known.whole.saturating_add(TRAILER);
    let extra = known.source_len().saturating_sub(end);
    let repeats = extra == TRAILER && known.digest_at(end)? == Some(stored);
    let what = match repeats {
        true => "the SHA-256 once more".to_string(),
        false => bytes(extra),
    };
    let reason = format!(
        "the snapshot in the first {end} bytes is whole and its SHA-256 matches, but it is followed by {what}"
    );
    let mut damage = WholeFileDamage::new(FileKind::BytesBehind, reason);
    damage.next_step = format!("cut off what follows: head -c {end} FILE > snapshot.db");
    damage.proven = Some(format!(
        "SHA-256 of the first {} bytes matches the one that follows them",
        known.whole
    ));
    let (database, snapshot) = (known.whole, end);
    let told: Observation = match repeats {
        true => codes::DigestBehind { database, snapshot }.into(),
        false => codes::BytesBehind {
            database,
            snapshot,
            behind: extra,
        }
        .into(),
    };
    findings.add(Finding::new(told, Place::at(FileOffset(end))));
    Ok(Some(damage))
}

/// A snapshot with bytes between its database and its SHA-256.
fn before_trailer(
    known: &WholeFile<'_>,
    findings: &mut Collector,
) -> Result<Option<WholeFileDamage>> {
    let at = known.source_len().saturating_sub(TRAILER);
    let extra = at.saturating_sub(known.whole);
    let below = known.digests.and_then(|digests| digests.below_mark);
    if extra == 0 || known.digest_fits() || below.is_none() || below != known.digest_at(at)? {
        return Ok(None);
    }
    let whole = known.whole;
    let reason = format!(
        "{} too many between the database and its SHA-256, which fits the first {whole} bytes",
        are(extra)
    );
    findings.add(Finding::new(
        codes::AddedBeforeDigest { added: extra },
        Place::at(FileOffset(whole)),
    ));
    let mut damage = WholeFileDamage::new(FileKind::BlockAdded, reason);
    damage.next_step =
        format!("leave them out: (head -c {whole} FILE; tail -c {TRAILER} FILE) > snapshot.db");
    damage.proven = Some(format!(
        "SHA-256 of the first {whole} bytes is the one at the end of the file"
    ));
    Ok(Some(damage))
}

/// A snapshot whose metas a tool rewrote.
fn rewritten_metas(
    known: &WholeFile<'_>,
    options: &Options,
) -> Result<Option<(WholeFileDamage, Explanation)>> {
    let Some(stored) = known.layout().trailer else {
        return Ok(None);
    };
    if known.layout().database_len != known.whole {
        return Ok(None);
    }
    let candidates: Vec<SavedMetas> = saved_metas(known.metas);
    let source = known.source;
    let Some(TxId(txid)) = find_saved_metas(source, &candidates, known.whole, stored, options)?
    else {
        return Ok(None);
    };
    let kind = FileKind::MetasRewritten;
    let mut damage = WholeFileDamage::new(
        kind,
        "only the two metas are not as they were saved; all other bytes are proven to be".into(),
    );
    damage.unproven = Some(format!(
        "SHA-256 of {} bytes does not match the stored one; it does with the metas of transaction {txid}, as they were \
         saved",
        known.whole
    ));
    Ok(Some((damage, Explanation::MetasRewritten(txid))))
}

/// A block that is missing or too many.
fn moved_pages(
    known: &WholeFile<'_>,
    shift: &Shift,
    findings: &mut Collector,
    options: &Options,
) -> Result<WholeFileDamage> {
    let size = bytes(shift.bytes());
    let place = Place::at(shift.moved_to);
    let where_ = match shift.last_in_place {
        Some(page) => format!(
            "in the middle, between page {page} and page {}",
            shift.first_moved
        ),
        None => format!("before page {}", shift.first_moved),
    };
    if shift.distance < 0 {
        let reason = format!("{} missing {where_}", are(shift.bytes()));
        findings.add(Finding::new(pages_moved(shift), place));
        return Ok(WholeFileDamage::new(FileKind::BlockMissing, reason));
    }
    let doubled = doubled_block(known, shift, options)?;
    let mut reason = format!("{} too many {where_}", are(shift.bytes()));
    let mut told = pages_moved(shift);
    let mut proven = None;
    let mut next_step = None;
    if let Some(at) = doubled {
        let second = at.saturating_add(shift.bytes());
        next_step = Some(format!(
            "leave out the second copy: (head -c {second} FILE; tail -c +{} FILE) > snapshot.db",
            second.saturating_add(shift.bytes()).saturating_add(1)
        ));
        let twice = match shift.bytes() {
            1 => format!("the byte at offset {at:#x} is there twice"),
            _ => format!("the {size} at offset {at:#x} are there twice"),
        };
        reason = format!("{twice}; without the second copy the SHA-256 matches");
        let (start, end) = (FileOffset(at), FileOffset(second));
        told = match shift.bytes() {
            1 => codes::ByteTwice { start }.into(),
            _ => codes::BlockTwice { start, end }.into(),
        };
        proven =
            Some("SHA-256 of the bytes without the doubled block matches the stored one".into());
    }
    findings.add(Finding::new(told, place));
    let mut damage = WholeFileDamage::new(FileKind::BlockAdded, reason);
    damage.proven = proven;
    damage.next_step = next_step.unwrap_or(damage.next_step);
    Ok(damage)
}

/// From which page on, and how far, pages are out of their places.
fn pages_moved(shift: &Shift) -> Observation {
    let first_moved = PageId(shift.first_moved);
    let distance = shift.bytes();
    let others = shift.moved.saturating_sub(1);
    match (shift.distance < 0, shift.last_in_place.map(PageId)) {
        (true, Some(last_in_place)) => codes::PagesBefore {
            last_in_place,
            first_moved,
            distance,
            others,
        }
        .into(),
        (true, None) => codes::AllPagesBefore {
            first_moved,
            distance,
            others,
        }
        .into(),
        (false, Some(last_in_place)) => codes::PagesBehind {
            last_in_place,
            first_moved,
            distance,
            others,
        }
        .into(),
        (false, None) => codes::AllPagesBehind {
            first_moved,
            distance,
            others,
        }
        .into(),
    }
}

/// Where the block begins that stands twice, if a SHA-256 proves it.
fn doubled_block(known: &WholeFile<'_>, shift: &Shift, options: &Options) -> Result<Option<u64>> {
    let source = known.input.file.source();
    let block = shift.bytes();
    let is_snapshot =
        known.whole.saturating_add(TRAILER).saturating_add(block) == known.source_len();
    if !is_snapshot || known.digests.is_none() {
        return Ok(None);
    }
    let end = known.source_len().saturating_sub(TRAILER);
    let Some(stored) = known.digest_at(end)? else {
        return Ok(None);
    };
    let mut check = || options.cancel.check();
    for at in find_doubled(source, shift, known.page_size, &mut check)? {
        let behind = at.0.saturating_add(block);
        let rest = behind.min(end)..end;
        if digest_of_ranges(source, 0..at.0, rest, options)? == stored {
            return Ok(Some(at.0));
        }
    }
    Ok(None)
}

/// A file that ends too early.
fn cut(
    known: &WholeFile<'_>,
    missing: u64,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<WholeFileDamage> {
    let len = known.source_len();
    let in_place = end_in_place(known.input.file.source(), known.page_size, check)?;
    // The last bytes are some of a page in its place: nothing but the end is missing.
    let reaches_the_end = in_place.saturating_add(u64::from(known.page_size)) > len;
    let has_no_digest = known.layout().trailer.is_none();
    let lost = match known.origin() {
        Origin::Snapshot => missing.saturating_add(TRAILER),
        _ => missing,
    };
    if known.input.is_part() {
        let reason = format!(
            "it is the unfinished output of `snapshot save`, {} short of the whole database",
            bytes(missing)
        );
        return Ok(WholeFileDamage::new(FileKind::Part, reason));
    }
    // A SHA-256 may have stayed behind the bytes that are missing.
    let may_be_inside = reaches_the_end && has_no_digest && ends_like_a_digest(known)?;
    let (kind, reason) = match (reaches_the_end && has_no_digest, known.origin()) {
        (true, Origin::Snapshot) if may_be_inside => (
            FileKind::BytesMissing,
            format!(
                "{} missing at offset {in_place:#x} or after it",
                bytes_of_snapshot(lost)
            ),
        ),
        (true, Origin::Snapshot) => (
            FileKind::CutSnapshot,
            format!(
                "it is a snapshot that was cut off, {} before its end",
                bytes(lost)
            ),
        ),
        (true, Origin::Database) => (
            FileKind::CutDatabase,
            format!(
                "it is a copy of a data directory's database that was cut off, {} before its end",
                bytes(missing)
            ),
        ),
        (true, Origin::Either) => (
            FileKind::BytesMissing,
            format!(
                "it was cut off, {} before the end of the database",
                bytes(missing)
            ),
        ),
        (false, _) => (
            FileKind::BytesMissing,
            format!(
                "{} missing at offset {in_place:#x} or after it",
                are(missing)
            ),
        ),
    };
    let mut damage = WholeFileDamage::new(kind, reason);
    if !has_no_digest {
        damage.unproven =
            Some("bytes are missing, so what stands at the end proves nothing".into());
    }
    Ok(damage)
}

/// True when the last bytes look as random as those of a SHA-256: then it does not show whether the end is
/// missing or something before it.
fn ends_like_a_digest(known: &WholeFile<'_>) -> Result<bool> {
    /// Different bytes among 32 random ones: fewer than one time in a thousand. Text and pages seldom have that many.
    const DIFFERENT: u32 = 24;
    /// Bytes above 127 among 32 random ones, likewise. Text has none.
    const HIGH: usize = 6;
    let at = known.source_len().saturating_sub(TRAILER);
    let Some(Sha256(last)) = known.digest_at(at)? else {
        return Ok(false);
    };
    let mut seen = [0u128; 2];
    for byte in last {
        let half = usize::from(byte >= 128);
        if let Some(half) = seen.get_mut(half) {
            *half |= 1 << (byte % 128);
        }
    }
    let different: u32 = seen.iter().map(|half| half.count_ones()).sum();
    let high = last.iter().filter(|byte| **byte >= 128).count();
    Ok(different >= DIFFERENT && high >= HIGH)
}

/// A snapshot that ends within its SHA-256.
fn cut_trailer(known: &WholeFile<'_>, extra: u64) -> Result<Option<WholeFileDamage>> {
    /// Fewer bytes than these may fit by chance.
    const ENOUGH: usize = 8;
    let Some(below) = known.digests.and_then(|digests| digests.below_mark) else {
        return Ok(None);
    };
    let Some(left) = usize::try_from(extra)
        .ok()
        .filter(|left| *left < below.0.len())
    else {
        return Ok(None);
    };
    let mut rest = vec![0; left];
    let source = known.input.file.source();
    source.read_exact_at(FileOffset(known.whole), &mut rest)?;
    if below.0.get(..left) != Some(&rest) {
        return Ok(None);
    }
    let reason = format!(
        "it is a snapshot that was cut off within its SHA-256, {} before its end; what is left of it fits",
        bytes(TRAILER.saturating_sub(extra))
    );
    let mut damage = WholeFileDamage::new(FileKind::CutSnapshot, reason);
    if left >= ENOUGH {
        damage.proven = Some(format!(
            "the first {left} bytes of the SHA-256 are there and fit"
        ));
    }
    damage.next_step =
        "copy the snapshot again from where it was made; etcd restores this copy with \
                       `skip_hash_check`"
            .into();
    Ok(Some(damage))
}

/// A database whose pages are whole, each, but not of one time.
fn torn(known: &WholeFile<'_>, findings: &mut Collector) -> Option<WholeFileDamage> {
    if known.layout().trailer.is_some() {
        return None;
    }
    let has = |all: &[&crate::finding::Code]| {
        findings
            .kept()
            .any(|(code, ..)| all.iter().any(|known| known.id == code.id))
    };
    let bytes_changed = has(&[
        &bolt_codes::META_HEADER,
        &bolt_codes::OVERFLOW_EXCESS,
        &bolt_codes::ELEMENT_OUTSIDE,
        &bolt_codes::EMPTY_KEY,
        &bolt_codes::LONG_KEY,
        &bolt_codes::ELEMENT_OVERLAP,
        &bolt_codes::ELEMENT_GAP,
        &bolt_codes::ELEMENT_FLAGS,
        &bolt_codes::KEY_ORDER,
    ]);
    // Damage to a branch may lead to a page twice, or to the wrong one. But no damage makes a root page a
    // sound page of another tree.
    let is_used_again = known.nothing_is_reached && has(&[&etcd_codes::NOT_A_BUCKET]);
    if bytes_changed || !is_used_again {
        return None;
    }
    let kind = FileKind::TornCopy;
    findings.add(Finding::new(codes::RootOfOtherTime {}, Place::default()));
    Some(WholeFileDamage::new(kind, kind.describe()))
}

fn check_length(known: &WholeFile<'_>, findings: &mut Collector) {
    let layout = known.layout();
    let page_size = u64::from(known.page_size);
    let end = Place::at(FileOffset(layout.file_len));
    match known.length {
        LengthVerdict::Snapshot | LengthVerdict::Exact => {}
        LengthVerdict::Slack { pages } => {
            findings.add(Finding::new(codes::SlackPages { pages }, end));
        }
        LengthVerdict::SealedSlack { bytes } => {
            let what: Observation = match known.digest_fits() {
                true => codes::SlackCovered { bytes }.into(),
                false => codes::SlackNotCompared { bytes }.into(),
            };
            findings.add(Finding::new(what, end));
        }
        LengthVerdict::Short { missing } => {
            let cut_off = bolt_codes::PagesCutOff {
                pages: known.pages.total,
                held: known.pages.total.saturating_sub(known.pages.missing),
                missing,
                missing_in_use: known.pages.missing_in_use,
            };
            findings.add(Finding::new(cut_off, end));
        }
        LengthVerdict::Trailing { extra } => {
            let odd = codes::OddLength {
                bytes: layout.file_len,
                pages: known.pages.total,
                page_size,
                extra,
            };
            findings.add(Finding::new(odd, end));
        }
    }
}

fn check_trailer(known: &WholeFile<'_>, explained: Option<Explanation>, findings: &mut Collector) {
    let layout = known.layout();
    let place = Place::at(FileOffset(layout.database_len));
    match (layout.trailer, known.digests) {
        (Some(stored), Some(digests)) if stored != digests.database => {
            let computed = digests.database;
            let what: Observation = match explained {
                Some(Explanation::MetasRewritten(txid)) => codes::MetasRewritten {
                    stored,
                    computed,
                    transaction: TxId(txid),
                    transaction_before: TxId(txid.saturating_sub(1)),
                }
                .into(),
                _ => codes::DigestDiffers { stored, computed }.into(),
            };
            findings.add(Finding::new(what, place));
        }
        (None, _) if !known.is_directory => {
            let what: Observation = match (explained, known.origin()) {
                (Some(Explanation::DigestCut), _) => codes::DigestCut {}.into(),
                (Some(Explanation::BytesMissing), _) => codes::BytesMissing {}.into(),
                (_, Origin::Snapshot) if known.is_longer() => {
                    codes::NoDigestInLongSnapshot {}.into()
                }
                (_, Origin::Either) if known.is_longer() => codes::NoDigestInLongEither {}.into(),
                (_, Origin::Snapshot) => codes::NoDigestInSnapshot {}.into(),
                (_, Origin::Database) => codes::NoDigestInDatabase {}.into(),
                (_, Origin::Either) => codes::NoDigestInEither {}.into(),
            };
            findings.add(Finding::new(what, place));
        }
        _ => {}
    }
}

/// A number of bytes in words.
pub(super) fn bytes(count: u64) -> String {
    counted(count, "byte", "bytes")
}

/// The same as the subject of a sentence about a snapshot.
fn bytes_of_snapshot(count: u64) -> String {
    match count {
        1 => "1 byte of the snapshot is".into(),
        count => format!("{count} bytes of the snapshot are"),
    }
}

/// The same as the subject of a sentence.
fn are(count: u64) -> String {
    match count {
        1 => "1 byte is".into(),
        count => format!("{count} bytes are"),
    }
}
