//! Which objects are meant.

use crate::finding::escape;
use crate::kubernetes::query::field_selector::FieldSelector;
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::ops::ObjectsQuery;

/// Which objects are meant; the same for all commands over objects.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WhichArgs {
    /// Kinds, by any of their names; with a name after a slash only that object
    #[arg(value_name = "KIND[,KIND][/NAME]")]
    kinds: Vec<String>,
    /// Only in this namespace, or in these
    #[arg(short = 'n', long, value_name = "NS[,NS]", value_delimiter = ',', value_parser = crate::cli::words)]
    namespace: Vec<String>,
    /// All namespaces, which is the default; as with kubectl, it overrides -n
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    #[command(flatten)]
    selectors: SelectorArgs,
    /// At this revision; 0 = the newest
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    rev: i64,
    /// Deleted objects with their last values instead of live ones
    #[arg(long)]
    deleted: bool,
}

/// What is asked for, and whether it is one object by name.
#[derive(Clone)]
pub(in crate::cli) struct Which {
    pub(in crate::cli) query: ObjectsQuery,
    pub(in crate::cli) is_single: bool,
    /// The selectors as they were written.
    pub(in crate::cli) selectors: Option<String>,
}

/// The words of a list of kinds. An empty one is a slip, such as a variable that is not set.
pub(in crate::cli) fn kind_words(text: &str) -> Result<Vec<&str>, String> {
    let words: Vec<&str> = text.split(',').collect();
    match words.iter().any(|word| word.is_empty()) {
        true => Err(format!(
            "{:?}: a word for a kind is empty; without any, every kind is listed",
            escape::text(text.as_bytes())
        )),
        false => Ok(words),
    }
}

/// Refuses what can be no KIND/NAME.
fn check_pair(word: &str, kind: &str, name: &str) -> Result<(), String> {
    let word = escape::text(word.as_bytes());
    if name.is_empty() {
        return Err(empty_name(kind));
    }
    if name.contains('/') && !kind.is_empty() {
        return Err(format!("{word}: more than one slash; write KIND/NAME"));
    }
    if kind.contains(',') || name.contains(',') {
        return Err(format!(
            "{word}: KIND/NAME has one kind and one name; separate several with spaces"
        ));
    }
    Ok(())
}

/// What is said of a kind behind which the name of an object is empty. In a script, that may well be an unset variable.
pub(in crate::cli) fn empty_name(kind: &str) -> String {
    match kind {
        "" => "the name is empty; was a variable not set?".into(),
        kind => {
            let kind = escape::text(kind.as_bytes());
            format!("the name after {kind} is empty; was a variable not set?")
        }
    }
}

impl WhichArgs {
    /// Something is asked for.
    pub(in crate::cli) fn names_kinds(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// One kind, and one name behind it.
    pub(in crate::cli) fn is_kind_and_name(&self) -> bool {
        matches!(self.kinds.as_slice(), [kind, _] if !kind.contains([',', '/']))
    }

    /// The keys that are asked for instead of kinds and names; none where these are.
    pub(in crate::cli) fn keys(&self) -> Result<&[String], String> {
        let is_key = |word: &&String| word.starts_with('/');
        match self.kinds.iter().filter(is_key).count() {
            0 => Ok(&[]),
            _ if self.selectors.are_given() || self.deleted => Err(
                "selectors and --deleted choose among the objects of kinds, and keys are given"
                    .into(),
            ),
            count if count == self.kinds.len() => Ok(&self.kinds),
            _ => Err("write either keys, or kinds and names".into()),
        }
    }

    /// More than one key is asked for.
    pub(in crate::cli) fn names_several_keys(&self) -> bool {
        self.keys().is_ok_and(|keys| keys.len() > 1)
    }

    /// The namespaces that are asked for; none: all.
    fn namespaces(&self) -> Vec<String> {
        match self.all_namespaces {
            true => Vec::new(),
            false => self.namespace.clone(),
        }
    }

    /// The same for commands that take no keys.
    pub(in crate::cli) fn which_objects(&self) -> Result<Which, String> {
        match self.kinds.iter().find(|word| word.starts_with('/')) {
            Some(key) if key.len() > 1 => {
                let key = escape::text(key.as_bytes());
                Err(format!(
                    "{key} is a key; `etcdsnap get FILE {key}` shows it"
                ))
            }
            _ => self.which(),
        }
    }

    /// `KIND NAME...` and `KIND/NAME...` as kubectl takes them.
    pub(in crate::cli) fn which(&self) -> Result<Which, String> {
        let mut query = ObjectsQuery {
            namespaces: self.namespaces(),
            revision: self.rev,
            is_deleted: self.deleted,
            ..ObjectsQuery::default()
        };
        let mut words = self.kinds.iter();
        let has_slash = self.kinds.iter().any(|word| word.contains('/'));
        if has_slash {
            for word in words {
                let Some((kind, name)) = word.split_once('/') else {
                    return Err(format!(
                        "{word:?}: write KIND/NAME for each, or KIND once, followed by names"
                    ));
                };
                check_pair(word, kind, name)?;
                query.pairs.push((kind.to_string(), name.to_string()));
            }
        } else if let Some(kinds) = words.next() {
            let kinds = kind_words(kinds)?;
            let names: Vec<&String> = words.collect();
            if names.iter().any(|name| name.is_empty()) {
                return Err(empty_name(kinds.first().copied().unwrap_or_default()));
            }
            query.kinds = kinds.iter().map(|kind| (*kind).to_string()).collect();
            for kind in &kinds {
                for name in &names {
                    query.pairs.push(((*kind).to_string(), (*name).clone()));
                }
            }
        }
        let selectors = self.selectors.read(&mut query)?;
        Ok(Which {
            selectors,
            is_single: query.pairs.len() == 1,
            query,
        })
    }
}

/// What objects must have.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SelectorArgs {
    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Only objects with these fields
    #[arg(long, value_name = "SELECTOR")]
    field_selector: Option<String>,
}

impl SelectorArgs {
    pub(in crate::cli) fn are_given(&self) -> bool {
        self.selector.is_some() || self.field_selector.is_some()
    }

    /// Puts the selectors into a query; gives them as they are written.
    pub(in crate::cli) fn read(&self, query: &mut ObjectsQuery) -> Result<Option<String>, String> {
        let mut written = Vec::new();
        if let Some(text) = &self.selector {
            query.labels = Some(LabelSelector::parse(text).map_err(|e| format!("-l: {e}"))?);
            written.push(format!("-l {text}"));
        }
        if let Some(text) = &self.field_selector {
            let parsed = FieldSelector::parse(text);
            query.fields = Some(parsed.map_err(|e| format!("--field-selector: {e}"))?);
            written.push(format!("--field-selector {text}"));
        }
        Ok((!written.is_empty()).then(|| written.join(" ")))
    }
}
