//! Finding the records that are asked for by name.

use super::list::{KeysQuery, keys};
use super::lookup::{KeyStory, Name, Named, look_up};
use crate::error::Result;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::{KeyFilter, Keyspace, RevisionBounds};
use crate::kubernetes::catalog::resources::NotServed;
use crate::kubernetes::catalog::resources::Resources;
use crate::ops::objects::reader::ValueReader;
use crate::ops::session::Session;

/// What a name came to at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Records, in the order of their keys.
    Found(Vec<(Vec<u8>, RecordFacts)>),
    /// The key was deleted at this revision.
    Deleted {
        /// The key.
        key: Vec<u8>,
        /// When.
        revision: i64,
        /// The file still has its last value.
        has_value: bool,
    },
    /// The key came to be later, at this revision.
    NotYet {
        /// The key.
        key: Vec<u8>,
        /// When.
        revision: i64,
    },
    /// Several keys; the name does not tell which.
    Several(Vec<Vec<u8>>),
    /// The word before the slash is not a kind that is known, and there is no such key.
    UnknownKind(String),
    /// An API server does not serve the kind in the version that the word names.
    NotServed(NotServed),
    /// A kind and no name behind its slash, and there is no such key; the kind is empty where the text is.
    EmptyName(String),
    /// Nothing was ever seen under the name, as far as the file remembers.
    NeverSeen,
}

impl Answer {
    /// What there is of a key at a revision.
    pub fn of(story: KeyStory, revision: i64) -> Self {
        match story.at(revision).copied() {
            Some(facts) if facts.is_tombstone => Self::Deleted {
                revision: facts.revision.main,
                has_value: story.has_value_before(facts.revision.main),
                key: story.key,
            },
            Some(facts) => Self::Found(vec![(story.key, facts)]),
            None => match story.records.first() {
                Some(first) => Self::NotYet {
                    revision: first.revision.main,
                    key: story.key,
                },
                None => Self::NeverSeen,
            },
        }
    }
}

impl Answer {
    /// Of several keys, the one that lives at a revision, if it is only one.
    pub fn of_several(stories: Vec<KeyStory>, revision: i64) -> Self {
        let lives = |story: &&KeyStory| story.at(revision).is_some_and(|m| !m.is_tombstone);
        let mut live = stories.iter().filter(lives);
        match (live.next(), live.next()) {
            (Some(one), None) => Self::of(one.clone(), revision),
            (Some(_), Some(_)) => Self::Several(
                stories
                    .into_iter()
                    .filter(|s| lives(&s))
                    .map(|s| s.key)
                    .collect(),
            ),
            (None, _) => Self::Several(stories.into_iter().map(|story| story.key).collect()),
        }
    }
}

/// Answers for all names, in their order.
#[derive(Debug)]
pub struct Answers<'i> {
    /// One for each name.
    pub list: Vec<Answer>,
    /// For reading the values.
    pub keyspace: Keyspace<'i>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision that was asked for.
    pub revision: i64,
    /// The kinds of the file, where names were looked up.
    pub resources: Resources,
}

/// Finds the records of `names` at `revision`; 0 stands for the newest.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn get<'i>(
    session: &mut Session<'i>,
    names: &[Name],
    revision: i64,
    reader: &ValueReader,
) -> Result<Answers<'i>> {
    let lookup = look_up(session, names, reader, false)?;
    let bounds = lookup.keyspace.bounds();
    let revision = bounds.resolve(revision)?;
    let list = lookup.found.into_iter().map(|named| match named {
        Named::Key(story) => Answer::of(story, revision),
        Named::Several(stories) => Answer::of_several(stories, revision),
        Named::UnknownKind(word) => Answer::UnknownKind(word),
        Named::NotServed(error) => Answer::NotServed(error),
        Named::EmptyName(word) => Answer::EmptyName(word),
        Named::Nothing => Answer::NeverSeen,
    });
    Ok(Answers {
        list: list.collect(),
        keyspace: lookup.keyspace,
        bounds,
        revision,
        resources: lookup.resources,
    })
}

/// Finds the records of all keys that begin with `prefix` at `revision`.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn get_prefix<'i>(
    session: &mut Session<'i>,
    prefix: &[u8],
    revision: i64,
) -> Result<Answers<'i>> {
    let query = KeysQuery {
        filter: KeyFilter::prefix(prefix),
        revision,
        ..KeysQuery::default()
    };
    let list = keys(session, &query)?;
    let found = list
        .iter()
        .map(|record| (record.key.to_vec(), record.facts))
        .collect();
    Ok(Answers {
        list: vec![Answer::Found(found)],
        bounds: list.bounds,
        revision: list.revision,
        keyspace: list.keyspace,
        resources: Resources::default(),
    })
}
