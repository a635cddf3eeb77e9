//! The objects and keys that are asked for by name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::kubernetes::catalog::resources::{Resolved, Resources};
use crate::ops::LookedFor;
use crate::ops::diff::{Diff, Item, KindFilter};

/// The words behind the old file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// The new file.
    pub(super) new: Option<PathBuf>,
    /// Keys, KIND/NAME, or KIND and names.
    pub(super) names: Vec<OsString>,
}

impl Words {
    /// The first word is the new file, unless revisions of the old one are asked for or it can only be an object.
    pub(super) fn read(words: &[OsString], has_revisions: bool) -> Result<Self, String> {
        let Some((first, others)) = words.split_first() else {
            return Ok(Self::default());
        };
        let is_file = Path::new(first).exists();
        if has_revisions && is_file {
            return Err(
                "--from and --to are revisions of one file, and two files are given; leave the flags out to compare \
                 the files"
                    .into(),
            );
        }
        if has_revisions || !is_file && is_object(first, others) {
            return Ok(Self {
                new: None,
                names: words.to_vec(),
            });
        }
        Ok(Self {
            new: Some(first.into()),
            names: others.to_vec(),
        })
    }
}

/// True for KIND/NAME, and for KIND with names behind it, of a kind that every cluster has. What would lie in a folder that
/// is there is a file that is not.
fn is_object(word: &OsStr, others: &[OsString]) -> bool {
    let kinds = Resources::builtin();
    let is_kind = |word: &str| kinds.resolve(word) != Resolved::Unknown;
    let has_name = !others.is_empty();
    word.to_str()
        .is_some_and(|word| match word.split_once('/') {
            Some((kind, name)) => {
                is_kind(kind)
                    && !name.is_empty()
                    && !name.contains('/')
                    && !Path::new(kind).is_dir()
            }
            None => has_name && is_kind(word),
        })
}

/// One object or key.
pub(super) struct Target<'d> {
    /// As it is told of: `deploy/web`.
    pub(super) text: Vec<u8>,
    /// Where it may be an object: its kind, and the word for it and the name.
    object: Option<(KindFilter<'d>, String, String)>,
}

impl<'d> Target<'d> {
    /// Reads words as `get` does.
    pub(super) fn all(diff: &'d Diff<'_>, names: &[OsString]) -> Result<Vec<Self>, String> {
        let Some((first, others)) = names.split_first() else {
            return Ok(Vec::new());
        };
        let has_slash = |word: &OsString| word.as_bytes().contains(&b'/');
        let are_pairs = names.iter().any(has_slash);
        let is_kind = |word: &str| word.split(',').all(|kind| diff.is_kind(kind));
        // Only in front of names without a slash a kind says what they are of.
        let out_of_place = names.iter().filter_map(|word| word.to_str()).find(|word| {
            let is_first = first == *word;
            !word.contains('/') && (are_pairs || is_first && word.contains(',')) && is_kind(word)
        });
        if let Some(word) = out_of_place {
            return Err(format!(
                "{word:?}: write KIND/NAME for each, or KIND once, followed by names"
            ));
        }
        let kind = first.to_str().filter(|kind| diff.is_kind(kind));
        if let (Some(kind), false) = (kind, are_pairs) {
            if others.is_empty() {
                return Err(format!(
                    "{kind:?} is a kind: name one of its objects, as in {kind}/NAME, or give --kind {kind} for all of them"
                ));
            }
            let spaced = others.iter().map(|name| {
                let mut text = OsString::from(kind);
                text.push("/");
                text.push(name);
                Self::read(diff, &text)
            });
            return spaced.collect();
        }
        names.iter().map(|word| Self::read(diff, word)).collect()
    }

    fn read(diff: &'d Diff<'_>, word: &OsStr) -> Result<Self, String> {
        let pair = word.to_str().and_then(|word| word.split_once('/'));
        let pair =
            pair.filter(|(kind, name)| !kind.is_empty() && !name.is_empty() && !name.contains('/'));
        let object = match pair {
            Some((kind, name)) => {
                let kinds = diff.kinds(&[kind.to_string()]);
                let kinds = kinds.map_err(|error| error.to_string())?;
                Some((kinds, kind.to_string(), name.to_string()))
            }
            None => None,
        };
        Ok(Self {
            text: word.as_bytes().to_vec(),
            object,
        })
    }

    /// True when this is meant. Namespaces do not matter to keys.
    pub(super) fn is(&mut self, item: &Item, namespaces: &[String]) -> bool {
        if item.key == self.text {
            return true;
        }
        let Some((kinds, _, name)) = &mut self.object else {
            return false;
        };
        // An object that calls itself otherwise than its key is found under both names.
        let in_key = item.key.rsplit(|byte| *byte == b'/').next();
        (item.name.as_ref() == Some(name) || item.name.is_some() && in_key == Some(name.as_bytes()))
            && kinds.takes(&item.api_version, &item.kind)
            && (namespaces.is_empty() || namespaces.iter().any(|wanted| kinds.is_in(wanted, item)))
    }

    /// As what it may be in a file.
    pub(super) fn looked_for(&self) -> Vec<LookedFor> {
        let object = self
            .object
            .as_ref()
            .map(|(_, word, name)| LookedFor::Object {
                word: word.clone(),
                name: name.clone(),
            });
        let key = LookedFor::word_or_key(&self.text);
        object.into_iter().chain([key]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str], has_revisions: bool) -> Result<(Option<String>, usize), String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let words = Words::read(&words, has_revisions)?;
        let new = words.new.map(|path| path.display().to_string());
        Ok((new, words.names.len()))
    }

    #[test]
    fn a_word_is_the_new_file_unless_it_can_only_be_an_object() {
        let file = |name: &str| Some(name.to_string());
        assert_eq!(read(&[], false), Ok((None, 0)));
        assert_eq!(read(&["new.db"], false), Ok((file("new.db"), 0)));
        assert_eq!(
            read(&["new.db", "deploy/web", "x"], false),
            Ok((file("new.db"), 2))
        );
        assert_eq!(read(&["deploy/web"], false), Ok((None, 1)));
        assert_eq!(read(&["deploy", "web"], false), Ok((None, 2)));
        assert_eq!(read(&["deploy"], false), Ok((file("deploy"), 0)));
        assert_eq!(
            read(&["backups/new.db"], false),
            Ok((file("backups/new.db"), 0))
        );
        assert_eq!(read(&["widget/x"], true), Ok((None, 1)));
        assert!(read(&["/"], true).is_err());
    }
}
