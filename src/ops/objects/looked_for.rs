//! What a user can ask for.

/// Something a user can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LookedFor {
    /// A key.
    Key(Vec<u8>),
    /// A word without a slash, which is not a key: it may be meant for one, or for a kind.
    Word(String),
    /// A key that is known by another name.
    Named {
        /// The name.
        name: Vec<u8>,
        /// The key.
        key: Vec<u8>,
    },
    /// Keys with this prefix.
    Prefix(Vec<u8>),
    /// Keys that match a pattern.
    Glob(String),
    /// Keys from the first one on and below the second.
    Span(Vec<u8>, Option<Vec<u8>>),
    /// Objects of any kind.
    Objects,
    /// Objects of a kind, in the word of the user.
    Kind(String),
    /// One object.
    Object {
        /// Its kind, in the word of the user.
        word: String,
        /// Its name.
        name: String,
    },
    /// A namespace, with or without objects in it.
    Namespace(String),
}

impl LookedFor {
    /// A key, which may be meant for a kind if it is a word without a slash.
    pub fn word_or_key(text: &[u8]) -> Self {
        match std::str::from_utf8(text) {
            Ok(word) if !word.contains('/') => Self::Word(word.to_owned()),
            _ => Self::Key(text.to_vec()),
        }
    }
}
