//! A question to `etcdsnap` or to `etcdctl`, word by word.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// A command, its options, and names that may be any bytes that an argument can hold.
#[derive(Clone)]
pub(crate) struct Question {
    words: Vec<OsString>,
    names: Vec<OsString>,
}

impl Question {
    pub(crate) fn new(command: &str) -> Self {
        Self {
            words: vec![command.into()],
            names: Vec::new(),
        }
    }

    pub(crate) fn flag(mut self, name: &str) -> Self {
        self.words.push(name.into());
        self
    }

    pub(crate) fn flag_if(self, wanted: bool, name: &str) -> Self {
        if wanted { self.flag(name) } else { self }
    }

    /// In one word, since the value may begin with a dash.
    pub(crate) fn option(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut word = OsString::from(format!("{name}="));
        word.push(OsStr::from_bytes(value.as_ref()));
        self.words.push(word);
        self
    }

    pub(crate) fn at(self, revision: i64) -> Self {
        if revision == 0 {
            return self;
        }
        self.option("--rev", revision.to_string())
    }

    pub(crate) fn name(mut self, name: &[u8]) -> Self {
        self.names.push(OsStr::from_bytes(name).into());
        self
    }

    pub(crate) fn words(self) -> Vec<OsString> {
        let mut words = self.words;
        if !self.names.is_empty() {
            words.push("--".into());
            words.extend(self.names);
        }
        words
    }

    /// For the description of a difference.
    pub(crate) fn told(&self) -> String {
        let words: Vec<String> = self
            .words
            .iter()
            .chain(&self.names)
            .map(|word| format!("{word:?}"))
            .collect();
        words.join(" ")
    }
}

/// Whether these bytes can be an argument of a program, whose end a NUL is.
pub(crate) fn is_sayable(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && bytes.len() < 100_000
}
