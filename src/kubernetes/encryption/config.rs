//! The API server's EncryptionConfiguration: which keys there are, in which order, for which resources.
//! Source: kube-apiserver 1.36; what it refuses is refused here, but for names of resources that older
//! servers took, and settings that only matter while a server runs.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::document::{self, Node};
use super::envelope::Provider;
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
        write!(f, "Key({:?}, {} bytes)", self.name, self.secret.len())
    }
}

/// The version of the interface between API server and plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
pub struct ConfigFault(String);

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigFault {}

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
    /// [`ConfigFault`].
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigFault> {
        if bytes.len() > Self::MAX_LEN {
            return Err(ConfigFault("larger than 1 MiB".to_owned()));
        }
        let document = document::read(bytes).map_err(ConfigFault)?;
        let version = text_of(&document, "apiVersion", "")?.unwrap_or_default();
        let kind = text_of(&document, "kind", "")?.unwrap_or_default();
        match (kind.as_str(), version.as_str()) {
            ("EncryptionConfiguration", "apiserver.config.k8s.io/v1")
            | ("EncryptionConfig", "v1") => {}
            _ => {
                return Err(ConfigFault(format!(
                    "kind {} of apiVersion {} is no EncryptionConfiguration",
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

    /// Every provider of every entry, in order.
    pub fn all_providers(&self) -> impl Iterator<Item = &ProviderEntry> {
        self.groups.iter().flat_map(|group| &group.providers)
    }

    /// A name that an earlier entry already covers with a wildcard would never count.
    fn check_masks(&self) -> Result<(), ConfigFault> {
        let mut wildcards: Vec<&str> = Vec::new();
        for (i, group) in self.groups.iter().enumerate() {
            for (j, name) in group.resources.iter().enumerate() {
                let own = split(name).1;
                let masks = |wildcard: &&&str| **wildcard == "*" || **wildcard == own;
                if let Some(wildcard) = wildcards.iter().find(masks) {
                    let place = format!("resources[{i}].resources[{j}]");
                    let mask = format!("*.{wildcard}");
                    return Err(ConfigFault(format!(
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

fn quoted(text: &str) -> String {
    format!("{:?}", escape::text_limited(text.as_bytes(), 64))
}

fn group(node: &Node, place: &str) -> Result<Group, ConfigFault> {
    let names = list_of(node, "resources", place)?.iter().enumerate();
    let resources = names
        .map(|(j, node)| match node {
            Node::Text(name) => Ok(name.clone()),
            _ => Err(ConfigFault(format!("{place}.resources[{j}]: not a text"))),
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

fn provider(node: &Node, place: &str) -> Result<ProviderEntry, ConfigFault> {
    let names = ["kms", "aesgcm", "aescbc", "secretbox", "identity"];
    let mut present = names.into_iter().filter_map(|name| {
        let inner = node.get(name)?;
        (*inner != Node::Null).then_some((name, inner))
    });
    let Some((name, inner)) = present.next() else {
        return Err(ConfigFault(format!(
            "{place}: none of kms, aesgcm, aescbc, secretbox, identity"
        )));
    };
    if let Some((other, _)) = present.next() {
        return Err(ConfigFault(format!(
            "{place}: both {name} and {other}, each needs an entry of its own"
        )));
    }
    let place = format!("{place}.{name}");
    if !matches!(inner, Node::Map(_)) {
        return Err(ConfigFault(format!("{place}: not a map")));
    }
    match name {
        "kms" => kms(inner, &place),
        "aesgcm" => keys(Provider::AesGcm, inner, &place),
        "aescbc" => keys(Provider::AesCbc, inner, &place),
        "secretbox" => keys(Provider::SecretBox, inner, &place),
        _ => Ok(ProviderEntry::Identity),
    }
}

fn kms(node: &Node, place: &str) -> Result<ProviderEntry, ConfigFault> {
    let version = match text_of(node, "apiVersion", place)?.as_deref() {
        None | Some("" | "v1") => KmsVersion::V1,
        Some("v2") => KmsVersion::V2,
        Some(other) => {
            return Err(ConfigFault(format!(
                "{place}: apiVersion {}, must be v1 or v2",
                quoted(other)
            )));
        }
    };
    let name = text_of(node, "name", place)?.unwrap_or_default();
    if name.is_empty() {
        return Err(ConfigFault(format!("{place}: no name")));
    }
    if version == KmsVersion::V2 && name.contains(':') {
        return Err(ConfigFault(format!(
            "{place}: a colon in name {}",
            quoted(&name)
        )));
    }
    Ok(ProviderEntry::Kms(version, name))
}

fn keys(provider: Provider, node: &Node, place: &str) -> Result<ProviderEntry, ConfigFault> {
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

fn key(node: &Node, lengths: &[usize], place: &str) -> Result<Key, ConfigFault> {
    let name = text_of(node, "name", place)?.unwrap_or_default();
    if name.is_empty() {
        return Err(ConfigFault(format!("{place}: no name")));
    }
    let place = format!("{place} (key {})", quoted(&name));
    let text = text_of(node, "secret", &place)?.unwrap_or_default();
    if text.is_empty() {
        return Err(ConfigFault(format!("{place}: no secret")));
    }
    // Go's decoder passes over line ends.
    let digits = text.replace(['\r', '\n'], "");
    // Not the decoder's own sentence: it quotes what it stumbled over.
    let secret = BASE64
        .decode(digits)
        .map_err(|_| ConfigFault(format!("{place}: the secret is not base64")))?;
    if !lengths.contains(&secret.len()) {
        let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
        return Err(ConfigFault(format!(
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
fn text_of(node: &Node, name: &str, place: &str) -> Result<Option<String>, ConfigFault> {
    match node.get(name) {
        None | Some(Node::Null) => Ok(None),
        Some(Node::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ConfigFault(format!("{}: not a text", join(place, name)))),
    }
}

/// A list with something in it.
fn list_of<'n>(node: &'n Node, name: &str, place: &str) -> Result<&'n [Node], ConfigFault> {
    let place = join(place, name);
    match node.get(name) {
        Some(Node::List(items)) if !items.is_empty() => Ok(items),
        None | Some(Node::Null | Node::List(_)) => {
            Err(ConfigFault(format!("{place}: nothing in it")))
        }
        Some(_) => Err(ConfigFault(format!("{place}: not a list"))),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A configuration with these entries of `resources`.
    pub(in super::super) fn config(resources: &str) -> Result<EncryptionConfig, ConfigFault> {
        let head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";
        EncryptionConfig::read(format!("{head}resources:\n{resources}").as_bytes())
    }

    fn fault(resources: &str) -> String {
        config(resources).unwrap_err().to_string()
    }

    fn identity(names: &str) -> String {
        format!("- resources: [{names}]\n  providers: [{{identity: {{}}}}]\n")
    }

    const TWO: &str = "
- resources: [secrets, tokens.vault.example.com]
  providers:
  - aescbc: {keys: [{name: one, secret: MDEyMzQ1Njc4OWFiY2RlZg==}, {name: two, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3}]}
  - kms: {name: vault, endpoint: 'unix:///x', apiVersion: v2}
  - identity: {}
- resources: [configmaps]
  providers:
  - secretbox: {keys: [{name: box, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}
";

    #[test]
    fn groups_providers_and_keys_are_read_in_order() {
        let config = config(TWO).unwrap();
        assert_eq!(config.groups.len(), 2);
        let providers = config.providers_for("tokens.vault.example.com").unwrap();
        let ProviderEntry::Keys(Provider::AesCbc, keys) = providers[0] else {
            panic!("{providers:?}");
        };
        assert_eq!(keys[0].name, "one");
        assert_eq!(keys[0].secret, b"0123456789abcdef");
        assert_eq!(keys[1].secret.len(), 24);
        assert_eq!(
            *providers[1],
            ProviderEntry::Kms(KmsVersion::V2, "vault".to_owned())
        );
        assert_eq!(*providers[2], ProviderEntry::Identity);
        assert_eq!(config.providers_for("pods"), None);
    }

    #[test]
    fn json_and_the_older_kind_are_read_too() {
        let json = br#"{"kind":"EncryptionConfig","apiVersion":"v1","resources":
            [{"resources":["secrets"],"providers":[{"identity":{}}]}]}"#;
        let config = EncryptionConfig::read(json).unwrap();
        assert_eq!(config.groups[0].providers, [ProviderEntry::Identity]);
    }

    #[test]
    fn exact_names_go_before_wildcards_whatever_their_order() {
        let box_key =
            "- resources: [secrets]\n  providers: [{kms: {name: exact}}, {identity: {}}]\n";
        let config = config(&format!(
            "{box_key}{}{}{}",
            identity("'*.apps'"),
            "- resources: ['*.']\n  providers: [{kms: {name: core}}]\n",
            "- resources: ['*.*']\n  providers: [{kms: {name: any}}]\n"
        ))
        .unwrap();
        let first = |resource: &str| config.providers_for(resource).unwrap()[0].clone();
        let kms = |name: &str| ProviderEntry::Kms(KmsVersion::V1, name.to_owned());
        assert_eq!(first("secrets"), kms("exact"));
        assert_eq!(first("configmaps"), kms("core"));
        assert_eq!(first("deployments.apps"), ProviderEntry::Identity);
        assert_eq!(first("secrets.example.com"), kms("any"));
    }

    #[test]
    fn entries_that_name_the_same_resource_are_joined() {
        let kms = "- resources: [secrets]\n  providers: [{kms: {name: a}}]\n";
        let config = config(&format!("{kms}{}", identity("secrets"))).unwrap();
        assert_eq!(config.providers_for("secrets").unwrap().len(), 2);
    }

    #[test]
    fn what_the_api_server_refuses_is_refused_with_its_place() {
        let keys = |keys: &str| {
            fault(&format!(
                "- resources: [secrets]\n  providers:\n  - identity: {{}}\n  - secretbox: {{keys: {keys}}}\n"
            ))
        };
        let place = "resources[0].providers[1].secretbox.keys";
        assert_eq!(keys("[]"), format!("{place}: nothing in it"));
        assert_eq!(keys("[{secret: QUJD}]"), format!("{place}[0]: no name"));
        assert_eq!(
            keys("[{name: a}]"),
            format!("{place}[0] (key \"a\"): no secret")
        );
        assert_eq!(
            keys("[{name: a, secret: hunter2}]"),
            format!("{place}[0] (key \"a\"): the secret is not base64")
        );
        assert_eq!(
            keys("[{name: a, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]"),
            format!("{place}[0] (key \"a\"): the secret has 16 bytes, must have 32")
        );
        assert_eq!(
            keys("[{name: 1, secret: QUJD}]"),
            format!("{place}[0].name: not a text")
        );
        assert_eq!(
            fault(&format!("{}{}", identity("'*.*'"), identity("secrets"))),
            "resources[1].resources[0]: \"secrets\" is masked by an earlier \"*.*\""
        );
        assert_eq!(
            fault("- resources: [secrets]\n  providers: [{identity: {}, kms: {name: a}}]\n"),
            "resources[0].providers[0]: both kms and identity, each needs an entry of its own"
        );
        assert_eq!(
            fault("- resources: [secrets]\n  providers: [{identity: }]\n"),
            "resources[0].providers[0]: none of kms, aesgcm, aescbc, secretbox, identity"
        );
        assert_eq!(
            fault("- providers: [{identity: {}}]\n"),
            "resources[0].resources: nothing in it"
        );
        assert_eq!(
            fault("- resources: [a]\n  providers: [{kms: {name: 'a:b', apiVersion: v2}}]\n"),
            "resources[0].providers[0].kms: a colon in name \"a:b\""
        );
        assert_eq!(
            EncryptionConfig::read(b"kind: Pod\napiVersion: v1\n")
                .unwrap_err()
                .to_string(),
            "kind \"Pod\" of apiVersion \"v1\" is no EncryptionConfiguration"
        );
        assert!(EncryptionConfig::read(&vec![b' '; (1 << 20) + 1]).is_err());
    }

    #[test]
    fn secrets_are_shown_by_no_one() {
        let config = config(TWO).unwrap();
        assert!(!format!("{config:?}").contains("0123"));
        assert!(!format!("{config:?}").contains("48, 49"));
    }
}
