//! Files that are not etcd databases, or have no valid meta.

use super::digest::digest_of_ranges;
use super::examination::Examination;
use super::ledger::{Ledger, Proof};
use super::verify_options::VerifyOptions;
use super::verify_report::{Verdict, VerifyReport};
use super::whole_file::bytes;
use crate::bolt::layout::{META, PAGE_HEADER, RawMeta};
use crate::bolt::{MetaError, Metas};
use crate::checksum::Sha256;
use crate::container::{FileKind, TRAILER, classify, codes};
use crate::error::Result;
use crate::finding::{Collector, Finding, Findings, Observation, Place, escape};
use crate::ids::FileOffset;
use crate::ops::input::Input;
use crate::options::Options;

/// The report on a file that has no valid meta at its beginning. Only where a database stands behind other
/// bytes is more than the first pages read.
pub(super) fn without_metas(
    input: &Input,
    metas: &Metas,
    error: MetaError,
    what: VerifyOptions,
    findings: Collector,
    options: &Options,
) -> Result<VerifyReport> {
    let kind = classify(input.file.source(), metas, error, input.is_part())?;
    named(input, metas, kind, what, findings, options)
}

/// The report on a file of this kind, whose metas lead nowhere.
pub(super) fn named(
    input: &Input,
    metas: &Metas,
    kind: FileKind,
    what: VerifyOptions,
    mut findings: Collector,
    options: &Options,
) -> Result<VerifyReport> {
    let (mut reason, mut next_step) = (kind.describe(), kind.next_step().to_string());
    match kind {
        FileKind::BytesInFront { bytes } => {
            let with_digest = !what.quick && !input.file.in_use();
            let front = Front::read(input, bytes, with_digest, options)?;
            (reason, next_step) = front.describe();
            let place = Place::at(FileOffset(bytes));
            findings.add(Finding::new(front.observation(), place));
        }
        FileKind::FrontMissing { bytes: missing } => {
            let place = Place::at(FileOffset(0));
            findings.add(Finding::new(codes::FrontMissing { missing }, place));
        }
        kind if kind.was_database() => {
            for meta in metas.both() {
                if let Err(error) = meta.validate() {
                    let place = Place::at(meta.offset);
                    findings.add(Finding::new(error.of(meta.slot), place));
                }
            }
        }
        _ => {}
    }
    input.check_unchanged(Some(metas))?;
    let verdict = match (input.file.in_use(), kind.was_database()) {
        (true, _) => Verdict::InUse,
        (false, true) => Verdict::Damaged,
        (false, false) => Verdict::NotASnapshot,
    };
    Ok(VerifyReport {
        reason,
        next_step,
        findings: findings.finish(),
        ..nothing_proven(input, verdict, kind, "no valid meta leads to anything")
    })
}

/// The report on a bbolt database that is not etcd's.
pub(super) fn foreign(input: &Input, examined: &Examination) -> VerifyReport {
    let names: Vec<&Vec<u8>> = examined.losses.present.iter().collect();
    let kind = match names.is_empty() {
        true => FileKind::UnusedBolt,
        false => FileKind::OtherBolt,
    };
    let mut reason = kind.describe();
    if !names.is_empty() {
        let shown: Vec<String> = names
            .iter()
            .take(4)
            .map(|name| format!("\"{}\"", escape::text_limited(name, 32)))
            .collect();
        let more = match names.len().saturating_sub(shown.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let owner = owner(&names).map_or(String::new(), |owner| format!(", as {owner} has"));
        reason = format!(
            "{reason}: its buckets are {}{more}{owner}",
            shown.join(", ")
        );
    }
    VerifyReport {
        reason,
        ..nothing_proven(input, Verdict::NotASnapshot, kind, "it is not etcd's")
    }
}

/// Whose database has these buckets, where that is well known.
fn owner(names: &[&Vec<u8>]) -> Option<&'static str> {
    let has = |name: &[u8]| names.iter().any(|own| own.as_slice() == name);
    [
        (
            &[&b"logs"[..], b"conf"][..],
            "the raft log of Consul, Nomad or Vault",
        ),
        (&[&b"data"[..], b"config"], "Vault's storage"),
        (&[b"v1"], "containerd's metadata"),
        (&[b"libnetwork"], "Docker's network store"),
        (&[b"organizationsv1"], "InfluxDB"),
        (&[b"id-registry"], "Podman's state"),
        (&[b"endpoints", b"settings"], "Portainer"),
    ]
    .into_iter()
    .find(|(all, _)| all.iter().all(|name| has(name)))
    .map(|(_, owner)| owner)
}

fn nothing_proven(input: &Input, verdict: Verdict, kind: FileKind, detail: &str) -> VerifyReport {
    let ledger = Proof::OF_FILES
        .into_iter()
        .map(|proof| Ledger {
            proof,
            proven: false,
            detail: detail.into(),
        })
        .collect();
    VerifyReport {
        verdict,
        reason: kind.describe(),
        next_step: kind.next_step().into(),
        ledger,
        findings: Findings::default(),
        layout: input.layout,
        kind: Some(kind),
        examination: None,
        file_sha256: None,
        database_sha256: None,
        hash: None,
        is_data_dir: input.file.is_data_dir(),
        directory: None,
        values_decoded: false,
    }
}

/// What stands in front of a database, and what the database is then.
struct Front {
    /// Bytes in front.
    before: u64,
    /// Where the snapshot ends by its meta.
    end: u64,
    /// Bytes of the file.
    len: u64,
    /// Whether the SHA-256 behind the database fits; none when there is none or it was not computed.
    fits: Option<bool>,
}

impl Front {
    fn read(input: &Input, before: u64, with_digest: bool, options: &Options) -> Result<Self> {
        let source = input.file.source();
        let mut meta = [0; META];
        source.read_exact_at(
            FileOffset(before.saturating_add(PAGE_HEADER as u64)),
            &mut meta,
        )?;
        let database = RawMeta::decode(&meta)
            .and_then(|meta| meta.high_water.0.checked_mul(u64::from(meta.page_size)));
        let behind = database
            .and_then(|len| before.checked_add(len))
            .unwrap_or(u64::MAX);
        let end = behind.saturating_add(TRAILER);
        let mut fits = None;
        if with_digest && end <= source.len() {
            let mut stored = [0; TRAILER as usize];
            source.read_exact_at(FileOffset(behind), &mut stored)?;
            options.stage("computing SHA-256", behind.saturating_sub(before));
            let found = digest_of_ranges(source, before..behind, 0..0, options)?;
            fits = Some(found == Sha256(stored));
        }
        Ok(Self {
            before,
            end,
            len: source.len(),
            fits,
        })
    }

    fn observation(&self) -> Observation {
        let front = self.before;
        match (self.fits, self.len.saturating_sub(self.end)) {
            (None, _) => codes::InFront { front }.into(),
            (Some(false), _) => codes::InFrontDigestDiffers { front }.into(),
            (Some(true), 0) => codes::InFrontOfWhole { front }.into(),
            (Some(true), behind) => codes::AroundWhole { front, behind }.into(),
        }
    }

    /// The reason and the next step.
    fn describe(&self) -> (String, String) {
        let front = bytes(self.before);
        let from = self.before.saturating_add(1);
        let tail = format!("tail -c +{from} FILE");
        let behind = self.len.saturating_sub(self.end);
        if self.fits != Some(true) {
            let what = match self.fits {
                Some(_) => "; the SHA-256 after the database does not match",
                None => "",
            };
            let reason = format!("the database is preceded by {front}{what}");
            let next = format!("cut them off: {tail} > snapshot.db, and verify that");
            return (reason, next);
        }
        let whole = "the snapshot is whole and its SHA-256 matches, but it is preceded by";
        match behind {
            0 => (
                format!("{whole} {front}"),
                format!("cut them off: {tail} > snapshot.db"),
            ),
            behind => (
                format!("{whole} {front} and followed by {}", bytes(behind)),
                format!(
                    "cut them off: {tail} | head -c {} > snapshot.db",
                    self.end.saturating_sub(self.before)
                ),
            ),
        }
    }
}
