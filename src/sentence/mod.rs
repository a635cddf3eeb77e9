//! What a finding says, as one sentence. Checks find data; their words are all here, a template for each circumstance
//! of each code, and each kind of value is written in one way and escaped.
//!
//! It is not part of the reports, which come with the feature `cli`, so that a library has the sentences too.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

mod bolt;
mod etcd;
mod file;
mod log;
mod phrases;
mod render;
mod values;

pub use phrases::phrase;

use crate::finding::{Circumstance, Code, Finding};

/// A sentence with gaps, for one circumstance of a code.
///
/// A gap is `{name}`, the value of that name. `{name:form}` writes it in a form of its own: `hex`, `go` as Go quotes,
/// the `flags` of a page, `main` and `sub` of a revision, `mib`; of texts a number says after how many bytes to cut.
/// `{name?one|several}` takes the first part for 1, else the second, in which `#` is the number.
type Template = (&'static Code, Option<&'static str>, &'static str);

const ALL: [&[Template]; 5] = [
    bolt::TEMPLATES,
    etcd::TEMPLATES,
    file::TEMPLATES,
    log::TEMPLATES,
    values::TEMPLATES,
];

/// What exactly was noticed, as one sentence without the place. Nothing in it can harm a terminal.
pub fn sentence(finding: &Finding) -> String {
    match template(finding.code, finding.circumstance) {
        Some(template) => render::render(template, finding),
        // Unreachable: a test holds the templates against the codes.
        None => finding.code.title.to_string(),
    }
}

fn template(code: &Code, circumstance: &Circumstance) -> Option<&'static str> {
    ALL.iter()
        .copied()
        .flatten()
        .find(|(of, name, _)| of.id == code.id && *name == circumstance.name)
        .map(|(.., template)| *template)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_circumstance_of_each_code_has_one_template() {
        let mut templates = BTreeSet::new();
        for (code, name, _) in ALL.iter().copied().flatten() {
            assert!(templates.insert((code.id, *name)), "{} {name:?}", code.id);
        }
        let codes = crate::codes::all();
        let declared = codes.iter().flat_map(|code| {
            let names = code
                .circumstances
                .iter()
                .map(|circumstance| circumstance.name);
            names.map(|name| (code.id, name))
        });
        let all: Vec<_> = declared.clone().collect();
        let declared: BTreeSet<_> = declared.collect();
        assert_eq!(all.len(), declared.len(), "a circumstance is there twice");
        assert_eq!(declared, templates);
    }

    #[test]
    fn circumstances_have_names_where_a_code_has_several() {
        for code in crate::codes::all() {
            let names = code
                .circumstances
                .iter()
                .filter_map(|circumstance| circumstance.name);
            let expected = match code.circumstances.len() {
                0 => panic!("{} is never found", code.id),
                1 => 0,
                several => several,
            };
            assert_eq!(names.clone().count(), expected, "{}", code.id);
            let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(
                names.clone().all(|name| name.chars().all(kebab)),
                "{}",
                code.id
            );
        }
    }

    #[test]
    fn a_template_takes_each_value_and_no_other() {
        for code in crate::codes::all() {
            for circumstance in code.circumstances {
                let template = template(code, circumstance).unwrap();
                let used = render::gaps(template);
                let declared: BTreeSet<&str> =
                    circumstance.values.iter().map(|(name, _)| *name).collect();
                assert_eq!(used, declared, "{}: {template}", code.id);
                assert_eq!(declared.len(), circumstance.values.len(), "{}", code.id);
            }
        }
    }

    #[test]
    fn what_is_an_error_too_says_the_same_as_a_finding() {
        use crate::bolt::{MetaError, MetaSlot};
        use crate::etcd::{Revision, RevisionKeyError};
        use crate::finding::{Observation, Place};

        let said = |what: Observation| sentence(&Finding::new(what, Place::default()));
        for error in [
            MetaError::Missing,
            MetaError::Magic,
            MetaError::Version,
            MetaError::Checksum,
            MetaError::PageSize,
        ] {
            let text = format!("meta 1 {}", error.describe());
            assert_eq!(said(error.of(MetaSlot::One)), text);
        }
        let negative = Revision { main: -5, sub: 1 };
        for error in [
            RevisionKeyError::Length(12),
            RevisionKeyError::Separator(b'\''),
            RevisionKeyError::Negative(negative),
        ] {
            let text = format!("\"\\x00k\" is not a revision key: {error}");
            assert_eq!(said(error.of(b"\0k")), text);
        }
    }
}
