//! The API server's EncryptionConfiguration: which keys there are, in which order, for which resources.
//! Source: kube-apiserver 1.36; what it refuses is refused here, but for names of resources that older
//! servers took, and settings that only matter while a server runs.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::document::{self, Node};
use super::envelope::{Provider, looks_like_secret, shown_name};
use crate::finding::escape;

/// A key with its name. The secret is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The name, which stands in front of every value that is encrypted with the key.
    pub name: String,
    pub(super) secret: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown_name(self.name.as_bytes());
        write!(f, "Key({name:?}, {} bytes)", self.secret.len())
    }
}

/// The version of the interface between API server and plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KmsVersion {
    /// v1, also when nothing is said.
    V1,
    /// v2.
    V2,
}

/// One entry of a list of providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderEntry {
    /// `aescbc`, `aesgcm` or `secretbox`; the first key is the one for writing.
    Keys(Provider, Vec<Key>),
    /// `kms`, with the name of the plugin.
    Kms(KmsVersion, String),
    /// `identity`: values are stored as they are.
    Identity,
}

/// An entry of `resources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Names as they stand: `secrets`, `tokens.vault.example.com`, `*.apps`, `*.`, `*.*`.
    pub resources: Vec<String>,
    /// In order; the first one is for writing.
    pub providers: Vec<ProviderEntry>,
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionConfig {
    /// The entries of `resources`, in order.
    pub groups: Vec<Group>,
}

/// Why a configuration cannot be used: one line with the place, never with a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Go's decoder: padding is needed, what hangs over in the last digit is not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

impl EncryptionConfig {
    /// A configuration has a few kilobytes; a caller should read no more than this.
    pub const MAX_LEN: usize = 1 << 20;

    /// Reads a configuration, YAML or JSON.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(ConfigError("larger than 1 MiB".to_owned()));
        }
        let document = document::read(bytes).map_err(ConfigError)?;
        let version = text_of(&document, "apiVersion", "")?.unwrap_or_default();
        let kind = text_of(&document, "kind", "")?.unwrap_or_default();
        match (kind.as_str(), version.as_str()) {
            ("EncryptionConfiguration", "apiserver.config.k8s.io/v1")
            | ("EncryptionConfig", "v1") => {}
            _ => {
                return Err(ConfigError(format!(
                    "kind {} of apiVersion {} is not an EncryptionConfiguration",
                    quoted(&kind),
                    quoted(&version)
                )));
            }
        }
        let groups = list_of(&document, "resources", "")?
            .iter()
            .enumerate()
            .map(|(i, node)| group(node, &format!("resources[{i}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let config = Self { groups };
        config.check_masks()?;
        Ok(config)
    }

    /// The providers for a resource (`secrets`, `tokens.vault.example.com`), in order: those of all entries
    /// that name it, else of those with `*.GROUP`, else of those with `*.*`. Nothing if none does: then the
    /// API server stores it plain.
    pub fn providers_for(&self, resource: &str) -> Option<Vec<&ProviderEntry>> {
        let (_, group) = split(resource);
        let wanted = [split(resource), ("*", group), ("*", "*")];
        wanted.into_iter().find_map(|wanted| {
            let mut found = Vec::new();
            for entry in &self.groups {
                for name in &entry.resources {
                    if split(name) == wanted {
                        found.extend(&entry.providers);
                    }
                }
            }
            (!found.is_empty()).then_some(found)
        })
    }

    /// True when some entry writes with a key. Without one the configuration only reads what was encrypted before.
    pub fn encrypts_anything(&self) -> bool {
        let first = |group: &Group| {
            group
                .providers
                .first()
                .is_some_and(|first| *first != ProviderEntry::Identity)
        };
        self.groups.iter().any(first)
    }

    /// Every provider of every entry, in order.
    pub fn all_providers(&self) -> impl Iterator<Item = &ProviderEntry> {
        self.groups.iter().flat_map(|group| &group.providers)
    }

    /// A name that an earlier entry already covers with a wildcard would never count.
    fn check_masks(&self) -> Result<(), ConfigError> {
        let mut wildcards: Vec<&str> = Vec::new();
        for (i, group) in self.groups.iter().enumerate() {
            for (j, name) in group.resources.iter().enumerate() {
                let own = split(name).1;
                let masks = |wildcard: &&&str| **wildcard == "*" || **wildcard == own;
                if let Some(wildcard) = wildcards.iter().find(masks) {
                    let place = format!("resources[{i}].resources[{j}]");
                    let mask = format!("*.{wildcard}");
                    return Err(ConfigError(format!(
                        "{place}: {} is masked by an earlier {}",
                        quoted(name),
                        quoted(&mask)
                    )));
                }
                if split(name).0 == "*" {
                    wildcards.push(own);
                }
            }
        }
        Ok(())
    }
}

/// Resource and API group of a name.
fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

/// A text of the document in a message, unless it may be a key.
fn quoted(text: &str) -> String {
    if looks_like_secret(text.as_bytes()) {
        return shown_name(text.as_bytes());
    }
    format!("{:?}", escape::text_limited(text.as_bytes(), 64))
}

fn group(node: &Node, place: &str) -> Result<Group, ConfigError> {
    let names = list_of(node, "resources", place)?.iter().enumerate();
    let resources = names
        .map(|(j, node)| match node {
            Node::Text(name) => Ok(name.clone()),
            _ => Err(ConfigError(format!("{place}.resources[{j}]: not a text"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let providers = list_of(node, "providers", place)?
        .iter()
        .enumerate()
        .map(|(j, node)| provider(node, &format!("{place}.providers[{j}]")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Group {
        resources,
        providers,
    })
}

fn provider(node: &Node, place: &str) -> Result<ProviderEntry, ConfigError> {
    let names = ["kms", "aesgcm", "aescbc", "secretbox", "identity"];
    let mut present = names.into_iter().filter_map(|name| {
        let inner = node.get(name)?;
        (*inner != Node::Null).then_some((name, inner))
    });
    let Some((name, inner)) = present.next() else {
        return Err(ConfigError(format!(
            "{place}: none of kms, aesgcm, aescbc, secretbox, identity"
        )));
    };
    if let Some((other, _)) = present.next() {
        return Err(ConfigError(format!(
            "{place}: both {name} and {other}, each needs an entry of its own"
        )));
    }
    let place = format!("{place}.{name}");
    if !matches!(inner, Node::Map(_)) {
        return Err(ConfigError(format!("{place}: not a map")));
    }
    match name {
        "kms" => kms(inner, &place),
        "aesgcm" => keys(Provider::AesGcm, inner, &place),
        "aescbc" => keys(Provider::AesCbc, inner, &place),
        "secretbox" => keys(Provider::SecretBox, inner, &place),
        _ => Ok(ProviderEntry::Identity),
    }
}

fn kms(node: &Node, place: &str) -> Result<ProviderEntry, ConfigError> {
    let version = match text_of(node, "apiVersion", place)?.as_deref() {
        None | Some("" | "v1") => KmsVersion::V1,
        Some("v2") => KmsVersion::V2,
        Some(other) => {
            return Err(ConfigError(format!(
                "{place}: apiVersion {}, must be v1 or v2",
                quoted(other)
            )));
        }
    };
    let name = text_of(node, "name", place)?.unwrap_or_default();
    if name.is_empty() {
        return Err(ConfigError(format!("{place}: no name")));
    }
    if version == KmsVersion::V2 && name.contains(':') {
        return Err(ConfigError(format!(
            "{place}: a colon in name {}",
            quoted(&name)
        )));
    }
    Ok(ProviderEntry::Kms(version, name))
}

fn keys(provider: Provider, node: &Node, place: &str) -> Result<ProviderEntry, ConfigError> {
    let lengths: &[usize] = match provider {
        Provider::SecretBox => &[32],
        _ => &[16, 24, 32],
    };
    let keys = list_of(node, "keys", place)?
        .iter()
        .enumerate()
        .map(|(k, node)| key(node, lengths, &format!("{place}.keys[{k}]")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ProviderEntry::Keys(provider, keys))
}

fn key(node: &Node, lengths: &[usize], place: &str) -> Result<Key, ConfigError> {
    let name = text_of(node, "name", place)?.unwrap_or_default();
    if name.is_empty() {
        return Err(ConfigError(format!("{place}: no name")));
    }
    let is_swapped = looks_like_secret(name.as_bytes());
    let place = if is_swapped {
        format!("{place} (its name looks like a secret: are name and secret swapped?)")
    } else {
        format!("{place} (key {})", quoted(&name))
    };
    let text = text_of(node, "secret", &place)?.unwrap_or_default();
    if text.is_empty() {
        return Err(ConfigError(format!("{place}: no secret")));
    }
    // Go's decoder passes over line ends.
    let digits = text.replace(['\r', '\n'], "");
    // Not the decoder's own sentence: it quotes what it stumbled over.
    let secret = BASE64
        .decode(digits)
        .map_err(|_| ConfigError(format!("{place}: the secret is not base64")))?;
    if !lengths.contains(&secret.len()) {
        let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
        return Err(ConfigError(format!(
            "{place}: the secret has {} bytes, must have {}",
            secret.len(),
            lengths.join(" or ")
        )));
    }
    Ok(Key { name, secret })
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// A text, or nothing where there is none.
fn text_of(node: &Node, name: &str, place: &str) -> Result<Option<String>, ConfigError> {
    match node.get(name) {
        None | Some(Node::Null) => Ok(None),
        Some(Node::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ConfigError(format!("{}: not a text", join(place, name)))),
    }
}

/// A list with something in it.
fn list_of<'n>(node: &'n Node, name: &str, place: &str) -> Result<&'n [Node], ConfigError> {
    let place = join(place, name);
    match node.get(name) {
        Some(Node::List(items)) if !items.is_empty() => Ok(items),
        None | Some(Node::Null | Node::List(_)) => {
            Err(ConfigError(format!("{place}: nothing in it")))
        }
        Some(_) => Err(ConfigError(format!("{place}: not a list"))),
    }
}
