//! Which findings break which claim in the account of what was proven.

use super::ledger::Proof;
use crate::etcd::check::codes;
use crate::finding::{Area, Code, Findings, Severity};

/// Revisions whose records are lost, or can have no successor.
static OF_RECORDS_TOO: [&Code; 2] = [&codes::SUB_REVISION_GAP, &codes::REVISION_LIMIT];

impl Proof {
    /// What an error must be about to break the claim; and codes of other areas that break it too.
    fn rests_on(self) -> (&'static [Area], &'static [&'static Code]) {
        match self {
            // Judged by what was computed, not by findings.
            Self::Trailer | Self::Length => (&[], &[]),
            Self::Metas => (&[Area::Metas], &[]),
            Self::Tree => (&[Area::Tree], &[]),
            Self::Freelist => (&[Area::Freelist], &[]),
            Self::Revisions => (&[Area::Tree, Area::Revisions], &[]),
            Self::Records => (&[Area::Tree, Area::Records], &OF_RECORDS_TOO),
            Self::Buckets => (
                &[
                    Area::Buckets,
                    Area::Metadata,
                    Area::Members,
                    Area::Alarms,
                    Area::Leases,
                    Area::Auth,
                ],
                &[],
            ),
            Self::Values => (&[Area::Values], &[]),
            Self::Log => (&[Area::Log, Area::Directory], &[]),
        }
    }

    /// True when a finding of this code, if it is an error, breaks the claim.
    pub(in crate::ops) fn rests_on_code(self, code: &Code) -> bool {
        let (areas, others) = self.rests_on();
        areas.contains(&code.area) || others.iter().any(|other| other.id == code.id)
    }

    /// True when some error among `findings` breaks the claim.
    pub(super) fn is_broken_by(self, findings: &Findings) -> bool {
        let mut codes = findings.counts.iter().map(|count| count.code);
        codes.any(|code| code.severity == Severity::Error && self.rests_on_code(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Collector;

    fn all() -> Vec<Proof> {
        [&Proof::OF_FILES[..], &[Proof::Values, Proof::Log]].concat()
    }

    /// The claims that errors of a code break.
    fn broken_by(id: &str) -> Vec<Proof> {
        let code = crate::codes::find(id).unwrap();
        let broken = all().into_iter().filter(|proof| proof.rests_on_code(code));
        broken.collect()
    }

    #[test]
    fn damage_to_pages_breaks_what_lies_on_them() {
        let tree = [Proof::Tree, Proof::Revisions, Proof::Records];
        for id in ["F007", "F008", "F009", "B004", "B010", "B024", "B033"] {
            assert_eq!(broken_by(id), tree, "{id}");
        }
        for id in ["B001", "B002", "B003", "B005"] {
            assert_eq!(broken_by(id), [Proof::Metas], "{id}");
        }
        for id in ["B040", "B044"] {
            assert_eq!(broken_by(id), [Proof::Freelist], "{id}");
        }
        for id in ["F001", "F003", "F005", "F006"] {
            assert_eq!(broken_by(id), [], "{id}");
        }
    }

    #[test]
    fn damage_to_records_and_small_buckets_breaks_one_claim_each_but_for_lost_changes() {
        for id in ["E010", "E011", "E012"] {
            assert_eq!(broken_by(id), [Proof::Revisions], "{id}");
        }
        for id in ["E016", "E023"] {
            assert_eq!(broken_by(id), [Proof::Revisions, Proof::Records], "{id}");
        }
        for id in ["E013", "E014", "E015", "E018", "E021", "E025"] {
            assert_eq!(broken_by(id), [Proof::Records], "{id}");
        }
        for id in [
            "E001", "E003", "E005", "E040", "E050", "E051", "E055", "E061", "E062", "E070", "E080",
        ] {
            assert_eq!(broken_by(id), [Proof::Buckets], "{id}");
        }
        for id in ["W001", "W005", "W022"] {
            assert_eq!(broken_by(id), [Proof::Log], "{id}");
        }
        assert_eq!(broken_by("K001"), [Proof::Values]);
    }

    #[test]
    fn every_error_about_what_is_inside_breaks_a_claim() {
        for code in crate::codes::all() {
            let outside = matches!(code.area, Area::Digest | Area::Length);
            let broken = broken_by(code.id);
            assert_eq!(broken.is_empty(), outside, "{}", code.id);
        }
    }

    #[test]
    fn what_is_no_error_breaks_nothing() {
        let none = Collector::new(1).finish();
        assert!(all().iter().all(|proof| !proof.is_broken_by(&none)));
        let mut notes = Collector::new(1);
        notes.add(crate::finding::Finding::new(
            codes::BumpMarker {},
            crate::finding::Place::default(),
        ));
        let notes = notes.finish();
        assert!(all().iter().all(|proof| !proof.is_broken_by(&notes)));
        let mut errors = Collector::new(1);
        errors.add(crate::finding::Finding::new(
            codes::RevisionZero {},
            crate::finding::Place::default(),
        ));
        assert!(Proof::Revisions.is_broken_by(&errors.finish()));
    }
}
