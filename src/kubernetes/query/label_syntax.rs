//! Which texts can be keys and values of labels.

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Something else was expected at a place.
    #[error("label selector: {expected} expected, found {found}")]
    Unexpected {
        /// What could stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A key or value that no label can have.
    #[error("label selector: {text:?} cannot be the {part} of a label: {rule}")]
    Invalid {
        /// `key` or `value`.
        part: &'static str,
        /// The text.
        text: String,
        /// What holds for such texts.
        rule: &'static str,
    },
}

pub(in crate::kubernetes) fn check_key(key: &str) -> Result<(), SelectorError> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let rule = if !is_name(name) {
        "its name is 1 to 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or digit"
    } else if prefix.is_some_and(|prefix| !is_domain(prefix)) {
        "what is before the '/' is a DNS name of small letters"
    } else {
        return Ok(());
    };
    Err(SelectorError::Invalid {
        part: "key",
        text: key.to_owned(),
        rule,
    })
}

pub(in crate::kubernetes) fn check_value(value: &str) -> Result<(), SelectorError> {
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(SelectorError::Invalid {
        part: "value",
        text: value.to_owned(),
        rule: "it is at most 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or digit",
    })
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(inner)
        && outer(text.bytes().next())
        && outer(text.bytes().next_back())
}

fn is_domain(text: &str) -> bool {
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 253
        && text.split('.').all(|part| {
            part.bytes().all(|byte| small(byte) || byte == b'-')
                && part.bytes().next().is_some_and(small)
                && part.bytes().next_back().is_some_and(small)
        })
}
