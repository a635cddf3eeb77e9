//! Whether values are stored as the configuration asks.

use super::config::{EncryptionConfig, Key, KmsVersion, ProviderEntry};
use super::envelope::{Envelope, EnvelopeError, Provider};

/// How a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stored<'a> {
    /// Without encryption.
    Plain,
    /// With a key of this name; for KMS with a plugin of this name.
    With(Provider, &'a [u8]),
}

impl<'a> Stored<'a> {
    /// How this value is stored.
    ///
    /// # Errors
    /// The value is encrypted, but nobody can say how.
    pub fn of(value: &'a [u8]) -> Result<Self, EnvelopeError> {
        match Envelope::parse(value) {
            None => Ok(Self::Plain),
            Some(envelope) => envelope.map(|envelope| Self::With(envelope.provider, envelope.name)),
        }
    }
}

/// How a stored value stands to a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// As it would be written today: with the first key.
    Current,
    /// Plain, and as it would be written today: the configuration encrypts nothing of this resource.
    Unencrypted {
        /// It names the resource, with `identity` first; else it does not name it at all.
        named: bool,
    },
    /// Can be read, but would be written otherwise today: with another key, or plain.
    OldKey,
    /// Plain, though it would be encrypted today.
    Plain {
        /// The list has `identity` in it; without, an API server with this configuration cannot read it.
        readable: bool,
    },
    /// Encrypted with a key that the configuration does not have for this resource.
    NoKey,
    /// Encrypted, though the configuration leaves this resource plain and has no key for it.
    OnlyIdentity,
    /// The key is with a plugin, so that nobody can read the value from the file alone.
    Kms {
        /// The configuration has this plugin for the resource.
        configured: bool,
        /// And writes with it today.
        current: bool,
    },
}

/// How values of `resource` (`secrets`, `tokens.vault.example.com`) that are stored like this stand.
pub fn standing(resource: &str, stored: Stored<'_>, config: &EncryptionConfig) -> Standing {
    let providers = config.providers_for(resource);
    let named = providers.is_some();
    let providers = providers.unwrap_or_default();
    let first = providers
        .first()
        .copied()
        .unwrap_or(&ProviderEntry::Identity);
    let Stored::With(provider, name) = stored else {
        return match first {
            ProviderEntry::Identity => Standing::Unencrypted { named },
            _ => Standing::Plain {
                readable: providers.contains(&&ProviderEntry::Identity),
            },
        };
    };
    let is_kms = matches!(provider, Provider::KmsV1 | Provider::KmsV2);
    let configured = providers.iter().any(|entry| reads(entry, provider, name));
    let current = writes(first, provider, name);
    match (configured, current) {
        _ if is_kms && configured => Standing::Kms {
            configured,
            current,
        },
        (_, true) => Standing::Current,
        (true, false) => Standing::OldKey,
        _ if providers
            .iter()
            .all(|entry| **entry == ProviderEntry::Identity) =>
        {
            Standing::OnlyIdentity
        }
        _ if is_kms => Standing::Kms {
            configured,
            current,
        },
        _ => Standing::NoKey,
    }
}

/// True if this entry has the key.
fn reads(entry: &ProviderEntry, provider: Provider, name: &[u8]) -> bool {
    match entry {
        ProviderEntry::Identity => false,
        ProviderEntry::Kms(version, plugin) => is_plugin(*version, plugin, provider, name),
        ProviderEntry::Keys(own, keys) => {
            *own == provider && keys.iter().any(|key| is_key(key, name))
        }
    }
}

/// True if this entry, being the first, writes with the key.
fn writes(entry: &ProviderEntry, provider: Provider, name: &[u8]) -> bool {
    match entry {
        ProviderEntry::Keys(own, keys) => {
            *own == provider && keys.first().is_some_and(|key| is_key(key, name))
        }
        other => reads(other, provider, name),
    }
}

fn is_plugin(version: KmsVersion, plugin: &str, provider: Provider, name: &[u8]) -> bool {
    let own = match version {
        KmsVersion::V1 => Provider::KmsV1,
        KmsVersion::V2 => Provider::KmsV2,
    };
    own == provider && until_colon(plugin) == name
}

fn is_key(key: &Key, name: &[u8]) -> bool {
    until_colon(&key.name) == name
}

/// Names with a colon are cut off there when a value is taken apart.
fn until_colon(name: &str) -> &[u8] {
    name.split(':').next().unwrap_or_default().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    fn stand(stored: Stored<'_>, providers: &str) -> Standing {
        let text = format!("- resources: [secrets]\n  providers: [{providers}]\n");
        standing("secrets", stored, &config(&text).unwrap())
    }

    const BOX: &str =
        "secretbox: {keys: [{name: new, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}";
    const CBC: &str = "aescbc: {keys: [{name: a, secret: MDEyMzQ1Njc4OWFiY2RlZg==}, {name: b, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]}";

    #[test]
    fn the_first_key_of_the_first_provider_is_the_current_one() {
        let providers = format!("{{{CBC}}}, {{{BOX}}}, {{identity: {{}}}}");
        let with = |provider, name| stand(Stored::With(provider, name), &providers);
        assert_eq!(with(Provider::AesCbc, b"a"), Standing::Current);
        assert_eq!(with(Provider::AesCbc, b"b"), Standing::OldKey);
        assert_eq!(with(Provider::SecretBox, b"new"), Standing::OldKey);
        assert_eq!(with(Provider::SecretBox, b"a"), Standing::NoKey);
        assert_eq!(with(Provider::AesGcm, b"a"), Standing::NoKey);
        let plugin = with(Provider::KmsV2, b"vault");
        assert_eq!(
            plugin,
            Standing::Kms {
                configured: false,
                current: false
            }
        );
    }

    #[test]
    fn plain_values_stand_by_what_is_written_today() {
        let plain = |providers: &str| stand(Stored::Plain, providers);
        assert_eq!(
            plain(&format!("{{{BOX}}}, {{identity: {{}}}}")),
            Standing::Plain { readable: true }
        );
        assert_eq!(
            plain(&format!("{{{BOX}}}")),
            Standing::Plain { readable: false }
        );
        assert_eq!(
            plain(&format!("{{identity: {{}}}}, {{{BOX}}}")),
            Standing::Unencrypted { named: true }
        );
    }

    #[test]
    fn encrypted_values_under_identity_alone_are_told_apart() {
        let with = |providers: &str| stand(Stored::With(Provider::SecretBox, b"new"), providers);
        assert_eq!(with("{identity: {}}"), Standing::OnlyIdentity);
        assert_eq!(
            with(&format!("{{identity: {{}}}}, {{{BOX}}}")),
            Standing::OldKey
        );
        let config = config("- resources: [configmaps]\n  providers: [{identity: {}}]\n").unwrap();
        let stored = Stored::With(Provider::AesGcm, b"x");
        assert_eq!(standing("secrets", stored, &config), Standing::OnlyIdentity);
        assert_eq!(
            standing("secrets", Stored::Plain, &config),
            Standing::Unencrypted { named: false }
        );
    }

    #[test]
    fn a_plugin_is_known_by_version_and_name() {
        let providers = "{kms: {name: vault, apiVersion: v2}}, {kms: {name: old}}";
        let with = |provider, name| stand(Stored::With(provider, name), providers);
        let kms = |configured, current| Standing::Kms {
            configured,
            current,
        };
        assert_eq!(with(Provider::KmsV2, b"vault"), kms(true, true));
        assert_eq!(with(Provider::KmsV1, b"old"), kms(true, false));
        assert_eq!(with(Provider::KmsV1, b"vault"), kms(false, false));
    }

    #[test]
    fn how_a_value_is_stored_is_read_from_its_front() {
        assert_eq!(Stored::of(b"k8s\0"), Ok(Stored::Plain));
        assert_eq!(
            Stored::of(b"k8s:enc:aesgcm:v1:k:..."),
            Ok(Stored::With(Provider::AesGcm, b"k"))
        );
        assert_eq!(Stored::of(b"k8s:enc:"), Err(EnvelopeError::Malformed));
    }
}
