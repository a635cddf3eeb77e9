//! The account of what was proven of a file, and with which figures.

use super::digest::Digests;
use super::examination::Examination;
use super::losses::Readable;
use super::verify_options::VerifyOptions;
use super::whole_file::{WholeFileDamage, bytes};
use crate::container::{FileKind, FileLayout, LengthVerdict, TRAILER};
use crate::counted::{counted, is_or_are};
use crate::finding::Findings;

/// What can be proven of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// The SHA-256 of the database is the stored one.
    Trailer,
    /// The length is what a writer produces.
    Length,
    /// Both metas hold.
    Metas,
    /// Every page in use is reached once and holds what it should.
    Tree,
    /// Free and used pages are all pages.
    Freelist,
    /// Every key of bucket `key` is a revision, and above the compaction none is missing.
    Revisions,
    /// Every record decodes and continues the history of its key.
    Records,
    /// The small buckets decode and agree.
    Buckets,
    /// Every live value where API servers keep objects decodes as what its key names.
    Values,
    /// Of a data directory: every record of its log fits the checksum chain, and the database fits the log.
    Log,
}

impl Proof {
    /// What is claimed of any file, in the order of the account.
    pub(super) const OF_FILES: [Self; 8] = [
        Self::Trailer,
        Self::Length,
        Self::Metas,
        Self::Tree,
        Self::Freelist,
        Self::Revisions,
        Self::Records,
        Self::Buckets,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trailer => "trailer",
            Self::Length => "length",
            Self::Metas => "metas",
            Self::Tree => "tree",
            Self::Freelist => "freelist",
            Self::Revisions => "revisions",
            Self::Records => "records",
            Self::Buckets => "buckets",
            Self::Values => "values",
            Self::Log => "log",
        }
    }
}

/// One line of the account of what was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// What.
    pub proof: Proof,
    /// Whether it was.
    pub proven: bool,
    /// With which figures, or why not.
    pub detail: String,
}

/// Where a line of the account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was proven.
    Proven,
    /// It was not.
    NotProven,
    /// There is nothing to prove: the file does not store it, which is normal.
    NotStored,
    /// It was not looked at.
    Unexamined,
}

/// The lines about a file as a whole, but for those of its values and its directory.
pub(super) fn ledger(
    layout: &FileLayout,
    length: LengthVerdict,
    examined: &Examination,
    digests: Option<&Digests>,
    damage: Option<&WholeFileDamage>,
    what: VerifyOptions,
    findings: &Findings,
) -> Vec<Ledger> {
    let line = |proof, proven, detail: String| Ledger {
        proof,
        proven,
        detail,
    };
    let judged = |proof, broken: bool, detail: String| {
        let detail = if broken {
            format!("{detail}; see the findings")
        } else {
            detail
        };
        line(proof, !broken, detail)
    };
    let pages = &examined.pages;
    let records = &examined.records;
    let proven = damage.and_then(|damage| damage.proven.clone());
    let unproven = damage.and_then(|damage| damage.unproven.clone());
    let of_damage = proven
        .map(|proven| (true, proven))
        .or(unproven.map(|unproven| (false, unproven)));
    let trailer = match (of_damage, layout.trailer, digests) {
        (Some((is_proven, detail)), ..) => line(Proof::Trailer, is_proven, detail),
        (None, None, _) => line(Proof::Trailer, false, "the file has none".into()),
        (None, Some(_), None) if what.quick => line(
            Proof::Trailer,
            false,
            "not compared, because of `quick`".into(),
        ),
        (None, Some(_), None) => line(Proof::Trailer, false, "not compared".into()),
        (None, Some(stored), Some(digests)) => {
            let bytes = layout.database_len;
            let same = stored == digests.database;
            let detail = if same {
                format!("SHA-256 of {bytes} bytes matches the stored one")
            } else {
                format!("SHA-256 of {bytes} bytes does not match the stored one")
            };
            line(Proof::Trailer, same, detail)
        }
    };
    let is_cut = damage.is_some_and(|damage| damage.kind == FileKind::CutSnapshot);
    let whole = format!(
        "{} of {} bytes",
        counted(pages.total, "page", "pages"),
        examined.geometry.page_size
    );
    let length = match length {
        LengthVerdict::Snapshot => line(Proof::Length, true, format!("{whole} and a SHA-256")),
        LengthVerdict::Exact => line(Proof::Length, true, whole),
        LengthVerdict::Slack { pages: slack } => line(
            Proof::Length,
            true,
            format!("{whole}, {slack} more after them"),
        ),
        LengthVerdict::SealedSlack { bytes: slack } => line(
            Proof::Length,
            true,
            format!("{whole}, {} more after them, and a SHA-256", bytes(slack)),
        ),
        LengthVerdict::Short { missing } => {
            let missing = format!("{} {} missing", bytes(missing), is_or_are(missing));
            line(Proof::Length, false, missing)
        }
        LengthVerdict::Trailing { extra } if is_cut => line(
            Proof::Length,
            false,
            format!("{extra} of the 32 bytes of the SHA-256 are there"),
        ),
        LengthVerdict::Trailing { extra } => {
            let is_behind = damage.is_some_and(|damage| damage.kind == FileKind::BytesBehind);
            let extra = match is_behind {
                true => extra.saturating_sub(TRAILER),
                false => extra,
            };
            line(Proof::Length, false, format!("{} too many", bytes(extra)))
        }
    };
    let used = pages
        .branch
        .saturating_add(pages.leaf)
        .saturating_add(pages.overflow);
    let lost = examined.losses.nothing_is_reached();
    let tree_broken = Proof::Tree.is_broken_by(findings) || lost;
    let no_records = tree_broken && examined.keys_readable() == Readable::Nothing;
    let freelist = if examined.has_freelist {
        judged(
            Proof::Freelist,
            Proof::Freelist.is_broken_by(findings),
            counted(pages.free, "free page", "free pages"),
        )
    } else {
        let detail = "(normal) etcd rebuilds it from the tree".to_string();
        line(Proof::Freelist, false, detail)
    };
    let last = records
        .last
        .map_or("none".to_string(), |last| last.to_string());
    let missing = records.missing_revisions;
    let all = counted(records.records, "record", "records");
    let revisions = judged(
        Proof::Revisions,
        tree_broken || Proof::Revisions.is_broken_by(findings) || missing > 0,
        match (no_records, missing) {
            (true, _) => "none can be read".into(),
            (false, 0) => format!("{all}, the last is {last}"),
            (false, 1) => format!("{all}, the last is {last}; 1 revision has none"),
            (false, _) => format!("{all}, the last is {last}; {missing} revisions have none"),
        },
    );
    let buckets = if examined.contents.truncated {
        line(
            Proof::Buckets,
            false,
            "they are too large to be decoded".into(),
        )
    } else if lost {
        line(Proof::Buckets, false, "none can be reached".into())
    } else {
        let broken =
            Proof::Buckets.is_broken_by(findings) || !examined.losses.small_buckets_are_whole();
        judged(
            Proof::Buckets,
            broken,
            format!("{} buckets", examined.buckets.len()),
        )
    };
    vec![
        trailer,
        length,
        judged(
            Proof::Metas,
            Proof::Metas.is_broken_by(findings),
            format!(
                "meta {} is active, transaction {}",
                examined.selected.meta.slot.number(),
                examined.selected.meta.txid
            ),
        ),
        judged(
            Proof::Tree,
            tree_broken,
            match lost {
                true => "the root page leads to no bucket".into(),
                false => format!(
                    "{} in use, {}",
                    counted(used, "page", "pages"),
                    counted(examined.census.elements, "entry", "entries")
                ),
            },
        ),
        freelist,
        revisions,
        judged(
            Proof::Records,
            tree_broken || Proof::Records.is_broken_by(findings),
            match no_records {
                true => "none can be read".into(),
                false => format!("{all} of {}", counted(records.distinct_keys, "key", "keys")),
            },
        ),
        buckets,
    ]
}
