//! Values that stay encrypted, and what else cannot be read: the same words in every command.

use std::collections::BTreeMap;

use crate::finding::escape;
use crate::kubernetes::Description;
use crate::kubernetes::secrets::encryption::DecryptError;

/// Values that stay encrypted, gathered so that many of them take one line.
#[derive(Debug, Clone, Default)]
pub struct LockedValues {
    reasons: BTreeMap<DecryptError, LockedGroup>,
}

#[derive(Debug, Clone, Default)]
struct LockedGroup {
    count: u64,
    /// The first of them.
    names: Vec<String>,
}

/// At most this many are named in a line.
const NAMED: usize = 3;

impl LockedValues {
    /// Adds one; its name is escaped.
    pub fn add(&mut self, name: impl FnOnce() -> String, error: &DecryptError) {
        if !self.reasons.contains_key(error) {
            let new = LockedGroup::default();
            self.reasons.insert(error.clone(), new);
        }
        if let Some(group) = self.reasons.get_mut(error) {
            group.count = group.count.saturating_add(1);
            if group.names.len() < NAMED {
                group.names.push(name());
            }
        }
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// A line for each provider, key and reason.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.reasons.iter().map(|(error, group)| {
            let names = group.names.join(", ");
            if group.count == 1 {
                return locked_line(&names, error);
            }
            let more = group.count.saturating_sub(group.names.len() as u64);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let text = error.to_string();
            let text = match text.strip_suffix(" it") {
                Some(text) => format!("{text} them"),
                None => text,
            };
            let hint = hint(error, true);
            let count = group.count;
            format!("{count} values are {text}: {names}{more}; {hint}")
        });
        lines.collect()
    }
}

/// The same of one value; its name is escaped.
pub fn locked_line(name: &str, error: &DecryptError) -> String {
    format!("{name}: {error}; {}", hint(error, false))
}

/// What opens one such value, or several.
fn hint(error: &DecryptError, are_many: bool) -> String {
    let (them, they_were) = match are_many {
        true => ("them", "they were"),
        false => ("it", "it was"),
    };
    match error {
        DecryptError::NotConfigured { .. } => {
            format!("--encryption-config FILE opens {them}, if FILE has that key")
        }
        DecryptError::NoKey { .. } => {
            format!("--encryption-config FILE opens {them} with a FILE that has that key")
        }
        DecryptError::WrongKey { .. } => format!(
            "--encryption-config FILE opens {them} with the FILE that was in use when {they_were} written"
        ),
        DecryptError::Kms { .. } => {
            format!("only the API server's plugin opens {them}, no --encryption-config does")
        }
        DecryptError::Malformed | DecryptError::UnknownProvider(_) => {
            format!("no --encryption-config opens {them}; {RAW_HINT}")
        }
    }
}

/// How to have what cannot be decoded.
pub const RAW_HINT: &str =
    "`etcdsnap get FILE KEY -o raw --show-secrets` writes a value as it is stored";

/// Why an object is not whole of which only the metadata can be decoded.
pub fn undecoded(description: &Description) -> Option<String> {
    let bytes = description.undecoded?;
    // What does not even say its kind is damaged, which is told.
    if description.kind.is_empty() {
        return None;
    }
    Some(format!(
        "the kind {} {} is not known; of its {bytes} bytes only the metadata is shown",
        escape::text(description.api_version.as_bytes()),
        escape::text(description.kind.as_bytes())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::secrets::encryption::Provider;

    fn error(is_wrong: bool) -> DecryptError {
        let (provider, name) = (Provider::AesCbc, "key1".to_owned());
        match is_wrong {
            true => DecryptError::WrongKey { provider, name },
            false => DecryptError::NotConfigured { provider, name },
        }
    }

    #[test]
    fn one_value_is_named_and_of_many_the_first_with_the_count() {
        let mut one = LockedValues::default();
        one.add(|| "/a".into(), &error(false));
        assert_eq!(
            one.lines(),
            [
                "/a: encrypted with aescbc key key1; --encryption-config FILE opens it, if FILE has that key"
            ]
        );
        let mut many = LockedValues::default();
        for number in 0..5 {
            many.add(|| format!("/{number}"), &error(true));
        }
        assert_eq!(
            many.lines(),
            [
                "5 values are encrypted with aescbc key key1, but the configured key of that name does not open \
              them: /0, /1, /2 and 2 more; --encryption-config FILE opens them with the FILE that was in use when \
              they were written"
            ]
        );
    }
}
