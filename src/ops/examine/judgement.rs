//! From what was found to the verdict, its reason, and what to do next.

use super::data_dir::DirectoryReport;
use super::verify_options::VerifyOptions;
use super::verify_report::Verdict;
use super::whole_file::WholeFileDamage;
use crate::container::{FileKind, Origin};
use crate::counted::counted;
use crate::finding::{Findings, Severity};
use crate::ops::input::Input;

/// A verdict with its reason.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) next_step: String,
    pub(super) kind: Option<FileKind>,
}

/// Judges a file by what was found.
pub(super) fn judge(
    input: &Input,
    findings: &Findings,
    damage: Option<WholeFileDamage>,
    (origin, is_longer): (Origin, bool),
    directory: Option<&DirectoryReport>,
    what: VerifyOptions,
) -> Judgement {
    let judgement = |verdict, reason: String, next_step: &str| Judgement {
        verdict,
        reason,
        next_step: next_step.into(),
        kind: None,
    };
    if input.file.in_use() {
        let errors = findings.count(Severity::Error);
        let seen = if errors == 0 {
            "nothing wrong was seen in passing".to_string()
        } else {
            format!(
                "{}, which may come from reading while etcd wrote",
                counted(errors, "finding", "findings")
            )
        };
        return judgement(
            Verdict::InUse,
            format!("another process holds the file's lock, so it cannot be judged ({seen})"),
            "save a snapshot and verify that: etcdctl snapshot save FILE",
        );
    }
    if findings.has_errors() {
        if let Some(mut damage) = damage {
            if let Some(worst) = damage.left_unexplained(findings) {
                // It was saved with that.
                damage.reason = format!("{}; and {}", damage.reason, worst.title);
                damage.next_step = worst.next_step.into();
            }
            return Judgement {
                verdict: Verdict::Damaged,
                reason: damage.reason,
                next_step: damage.next_step,
                kind: Some(damage.kind),
            };
        }
        let worst = findings.counts.first();
        let reason = worst.map_or_else(String::new, |worst| {
            let others = findings.count(Severity::Error).saturating_sub(1);
            let more = match others {
                0 => String::new(),
                n => format!(", and {}", counted(n, "more finding", "more findings")),
            };
            format!("{}{more}", worst.code.title)
        });
        let next_step = worst.map_or("", |worst| worst.code.next_step);
        return judgement(Verdict::Damaged, reason, next_step);
    }
    if let Some(directory) = directory {
        let DirectoryReport {
            headline,
            next_step,
            ..
        } = directory;
        return judgement(Verdict::Ok, headline.clone(), next_step);
    }
    if input.layout.trailer.is_none() {
        let (reason, next_step) = match origin {
            Origin::Snapshot if is_longer => (
                "sound as far as can be proven, but a snapshot with other bytes where its SHA-256 should be",
                "copy the snapshot again from where it was made; etcd restores this copy only with \
                 `skip_hash_check`, and nothing proves that the bytes are those etcd wrote",
            ),
            Origin::Snapshot => (
                "sound as far as can be proven, but a snapshot that lost its end, with the SHA-256",
                "copy the snapshot again from where it was made; etcd restores this copy only with \
                 `skip_hash_check`, and nothing proves that the bytes are those etcd wrote",
            ),
            Origin::Database | Origin::Either => (
                "sound as far as can be proven without a SHA-256",
                "restore it with `skip_hash_check`; nothing proves that the bytes are those etcd wrote",
            ),
        };
        return judgement(Verdict::NoTrailer, reason.into(), next_step);
    }
    let was_compared = findings.has(&crate::container::codes::SLACK);
    let reason = if what.quick && !was_compared {
        "sound as far as looked; the SHA-256 was not compared (`quick`)"
    } else {
        "restores as it is"
    };
    judgement(Verdict::Ok, reason.into(), "nothing to do")
}
