//! From a stored value to the plain one, the way the API server reads it.

use std::borrow::Cow;
use std::fmt;

use super::cipher::{self, CipherError};
use super::config::{EncryptionConfig, KmsVersion, ProviderEntry};
use super::envelope::{Envelope, EnvelopeError, Provider};
use crate::kubernetes::encodings::format::Encoding;

/// Why a value stays encrypted. Names are escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecryptError {
    /// There is no configuration to open it with.
    NotConfigured {
        /// How the value is encrypted.
        provider: Provider,
        /// The key's name in the value.
        name: String,
    },
    /// The configuration has no such key for the resource.
    NoKey {
        /// How the value is encrypted.
        provider: Provider,
        /// The key's name in the value.
        name: String,
    },
    /// A key of that name is there, but it did not write this value, or the value or its key in etcd was
    /// changed since.
    WrongKey {
        /// How the value is encrypted.
        provider: Provider,
        /// The key's name in the value.
        name: String,
    },
    /// Only a plugin holds the key.
    Kms {
        /// Of the interface.
        version: KmsVersion,
        /// The plugin's name in the value.
        name: String,
    },
    /// The value is cut off, or has a length it cannot have.
    Malformed,
    /// Nothing known encrypts like this.
    UnknownProvider(String),
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured { provider, name } => {
                write!(f, "encrypted with {provider} key {name}")
            }
            Self::NoKey { provider, name } => {
                write!(
                    f,
                    "encrypted with {provider} key {name}, which is not configured"
                )
            }
            Self::WrongKey { provider, name } => {
                write!(
                    f,
                    "encrypted with {provider} key {name}, but the configured key of that name does not open it"
                )
            }
            Self::Kms { version, name } => {
                let version = match version {
                    KmsVersion::V1 => "v1",
                    KmsVersion::V2 => "v2",
                };
                write!(
                    f,
                    "encrypted with KMS {version} plugin {name}, which holds the key"
                )
            }
            Self::Malformed => f.write_str("encrypted, but cut off or malformed"),
            Self::UnknownProvider(name) => write!(f, "encrypted in an unknown way: {name}"),
        }
    }
}

impl std::error::Error for DecryptError {}

impl DecryptError {
    /// Why a value stays encrypted where there is no configuration; nothing if it is not encrypted.
    pub fn without_configuration(value: &[u8]) -> Option<Self> {
        Some(match Envelope::parse(value)? {
            Err(error) => error.into(),
            Ok(envelope) => {
                let name = envelope.shown_name();
                match kms_version(envelope.provider) {
                    Some(version) => Self::Kms { version, name },
                    None => Self::NotConfigured {
                        provider: envelope.provider,
                        name,
                    },
                }
            }
        })
    }
}

impl From<EnvelopeError> for DecryptError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Malformed => Self::Malformed,
            EnvelopeError::UnknownProvider(name) => Self::UnknownProvider(name),
        }
    }
}

fn kms_version(provider: Provider) -> Option<KmsVersion> {
    match provider {
        Provider::KmsV1 => Some(KmsVersion::V1),
        Provider::KmsV2 => Some(KmsVersion::V2),
        _ => None,
    }
}

/// Decrypts the value stored under `etcd_key`; a value that is not encrypted is returned as it is.
///
/// With a `resource` (`secrets`, `tokens.vault.example.com`) that the configuration names, only its
/// providers are tried, as the API server does. Else the resource is guessed from the key, and as a guess
/// may be wrong, all other keys of that name follow. All keys of that name are tried in order, since
/// a provider may be listed twice with keys of one name.
///
/// AES-CBC authenticates nothing: with a wrong key the padding is right by chance once in 256 times. An API server
/// goes on with the garbage and fails to decode it; here a key opens such a value only if what comes out begins as
/// a stored object does.
///
/// # Errors
/// [`DecryptError`].
pub fn decrypt<'a>(
    etcd_key: &[u8],
    value: &'a [u8],
    config: &EncryptionConfig,
    resource: Option<&str>,
) -> Result<Cow<'a, [u8]>, DecryptError> {
    let envelope = match Envelope::parse(value) {
        None => return Ok(Cow::Borrowed(value)),
        Some(Ok(envelope)) => envelope,
        Some(Err(error)) => return Err(error.into()),
    };
    if let Some(version) = kms_version(envelope.provider) {
        return Err(DecryptError::Kms {
            version,
            name: envelope.shown_name(),
        });
    }
    let mut attempt = Attempt {
        envelope: &envelope,
        etcd_key,
        failed: None,
    };
    let asked = resource.and_then(|resource| config.providers_for(resource));
    let opened = match asked {
        Some(providers) => attempt.providers(providers.into_iter()),
        None => {
            let guessed =
                resource_of(etcd_key).and_then(|resource| config.providers_for(&resource));
            attempt
                .providers(guessed.into_iter().flatten())
                .or_else(|| attempt.providers(config.all_providers()))
        }
    };
    if let Some(plain) = opened {
        return Ok(Cow::Owned(plain));
    }
    let (provider, name) = (envelope.provider, envelope.shown_name());
    Err(match attempt.failed {
        None => DecryptError::NoKey { provider, name },
        Some(CipherError::WrongKey) => DecryptError::WrongKey { provider, name },
        Some(CipherError::Malformed) => DecryptError::Malformed,
    })
}

/// Tries key after key.
struct Attempt<'e, 'a> {
    envelope: &'e Envelope<'a>,
    etcd_key: &'e [u8],
    failed: Option<CipherError>,
}

impl Attempt<'_, '_> {
    fn providers<'c>(
        &mut self,
        entries: impl Iterator<Item = &'c ProviderEntry>,
    ) -> Option<Vec<u8>> {
        for entry in entries {
            let ProviderEntry::Keys(provider, keys) = entry else {
                continue;
            };
            if *provider != self.envelope.provider {
                continue;
            }
            for key in keys {
                let rest = self.envelope.named.strip_prefix(key.name.as_bytes());
                let Some(payload) = rest.and_then(|rest| rest.strip_prefix(b":")) else {
                    continue;
                };
                match cipher::open(*provider, &key.secret, payload, self.etcd_key) {
                    Ok(plain) if *provider == Provider::AesCbc && !begins_as_object(&plain) => {
                        self.failed = Some(CipherError::WrongKey);
                    }
                    Ok(plain) => return Some(plain),
                    Err(shut) => self.failed = Some(shut),
                }
            }
        }
        None
    }
}

/// True when a value begins as what API servers store, in any of their encodings, so that chance does not explain
/// it: of random bytes one in some ten million does.
fn begins_as_object(plain: &[u8]) -> bool {
    match Encoding::of(plain) {
        Encoding::Protobuf | Encoding::Cbor => true,
        Encoding::Json => {
            let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            let mut signs = plain.iter().filter(|byte| !is_space(byte));
            signs.next() == Some(&b'{')
                && matches!(signs.next(), Some(b'"' | b'}'))
                && plain
                    .iter()
                    .take(JSON_SIGNS)
                    .all(|byte| *byte >= b' ' || is_space(&byte))
                && plain.utf8_chunks().next().is_some_and(|chunk| {
                    chunk.invalid().is_empty() || chunk.valid().len() >= JSON_SIGNS
                })
        }
        Encoding::Encrypted | Encoding::Other => false,
    }
}

/// So many of the first bytes of JSON must be text. A block of AES has as many, so that damage behind it is not
/// taken for a wrong key.
const JSON_SIGNS: usize = 16;

/// The resource that a key in etcd looks like, in the words of the configuration: `secrets` for
/// `/registry/secrets/NS/NAME`, `tokens.vault.example.com` for `/registry/vault.example.com/tokens/NS/NAME`.
/// A guess: prefixes of several parts mislead it, and built-in resources come without their group.
pub fn resource_of(etcd_key: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(etcd_key).ok()?;
    let mut parts = text.strip_prefix('/').unwrap_or(text).split('/');
    let _prefix = parts.next()?;
    let first = parts.next()?;
    let second = parts.next()?;
    if first.contains('.') {
        parts.next()?;
        return Some(format!("{second}.{first}"));
    }
    Some(first.to_owned())
}
