//! What stands in front of an encrypted value: `k8s:enc:PROVIDER:v1:NAME:`. Source: kube-apiserver 1.36.

use std::fmt;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use crate::finding::escape;
use crate::wire::{FieldValue, Fields};

/// What every encrypted value begins with.
pub const PREFIX: &[u8] = b"k8s:enc:";

/// True if the value is encrypted, as the API server tells it.
pub fn is_encrypted(value: &[u8]) -> bool {
    value.starts_with(PREFIX)
}

/// The ways in which the API server encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// AES-CBC with PKCS#7 padding; nothing authenticates the value.
    AesCbc,
    /// AES-GCM; the etcd key is authenticated along with the value.
    AesGcm,
    /// XSalsa20 and Poly1305.
    SecretBox,
    /// A key of its own per value, itself encrypted by a plugin.
    KmsV1,
    /// The same, with a key or seed that several values share.
    KmsV2,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::AesCbc,
        Self::AesGcm,
        Self::SecretBox,
        Self::KmsV1,
        Self::KmsV2,
    ];

    /// What stands between [`PREFIX`] and the name of the key.
    pub fn tag(self) -> &'static str {
        match self {
            Self::AesCbc => "aescbc:v1:",
            Self::AesGcm => "aesgcm:v1:",
            Self::SecretBox => "secretbox:v1:",
            Self::KmsV1 => "kms:v1:",
            Self::KmsV2 => "kms:v2:",
        }
    }

    /// The name in the configuration; for the two versions of KMS with the version.
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCbc => "aescbc",
            Self::AesGcm => "aesgcm",
            Self::SecretBox => "secretbox",
            Self::KmsV1 => "kms v1",
            Self::KmsV2 => "kms v2",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An encrypted value, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// How it is encrypted.
    pub provider: Provider,
    /// The key's name in the configuration; for KMS that of the plugin.
    pub name: &'a [u8],
    /// What follows the name and its colon.
    pub payload: &'a [u8],
    /// KMS v2: the plugin's own name of the key.
    pub key_id: Option<&'a [u8]>,
    /// Name, colon and payload: names may hold colons, and only the configuration tells where one ends.
    pub(super) named: &'a [u8],
}

/// Why an encrypted value cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A provider, or a version of one, that no known API server has; as text for messages.
    #[error("encrypted by {0}, which is not a known provider")]
    UnknownProvider(String),
    /// The provider or the name of the key is missing.
    #[error("encrypted, but the provider or the name of the key is missing")]
    Malformed,
}

/// A provider's name in a message is cut off behind this many bytes.
const SHOWN: usize = 64;

impl<'a> Envelope<'a> {
    /// Takes a value apart; nothing if it is not encrypted.
    pub fn parse(value: &'a [u8]) -> Option<Result<Self, EnvelopeError>> {
        let rest = value.strip_prefix(PREFIX)?;
        Some(Self::parse_rest(rest))
    }

    fn parse_rest(rest: &'a [u8]) -> Result<Self, EnvelopeError> {
        let known = Provider::ALL
            .into_iter()
            .find_map(|provider| Some((provider, rest.strip_prefix(provider.tag().as_bytes())?)));
        let Some((provider, named)) = known else {
            let mut parts = rest.splitn(3, |b| *b == b':');
            return Err(match (parts.next(), parts.next(), parts.next()) {
                (Some(name), Some(version), Some(_)) => {
                    let shown = [name, b":", version].concat();
                    EnvelopeError::UnknownProvider(escape::text_limited(&shown, SHOWN))
                }
                _ => EnvelopeError::Malformed,
            });
        };
        let colon = named.iter().position(|b| *b == b':');
        let (name, payload) = colon
            .and_then(|colon| named.split_at_checked(colon))
            .and_then(|(name, payload)| Some((name, payload.strip_prefix(b":")?)))
            .ok_or(EnvelopeError::Malformed)?;
        if name.is_empty() {
            return Err(EnvelopeError::Malformed);
        }
        let key_id = (provider == Provider::KmsV2)
            .then(|| key_id(payload))
            .transpose()?
            .flatten();
        Ok(Self {
            provider,
            name,
            payload,
            key_id,
            named,
        })
    }

    /// The name as text for messages.
    pub fn shown_name(&self) -> String {
        shown_name(self.name)
    }
}

/// The name of a key as text for messages; not the name itself if it looks like a key, as it is one where name and
/// secret were swapped in the configuration.
pub fn shown_name(name: &[u8]) -> String {
    if looks_like_secret(name) {
        return HIDDEN_NAME.to_owned();
    }
    escape::text_limited(name, 128)
}

/// What stands for a name that looks like a key.
const HIDDEN_NAME: &str = "(not shown: its name looks like a secret)";

/// True for base64 of as many bytes as keys have, in any of its forms.
pub(super) fn looks_like_secret(name: &[u8]) -> bool {
    let digits: Vec<u8> = name
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let is_standard = !digits.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let is_padded = digits.ends_with(b"=");
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(&digits).ok());
    let len = decoded.map_or(0, |bytes| bytes.len());
    // Without padding, names with a dash are words more often than keys, unless they are as long as the longest.
    match len {
        16 | 24 => is_standard || is_padded,
        32 => true,
        _ => false,
    }
}

/// Field 2 of the message in a value of KMS v2.
fn key_id(payload: &[u8]) -> Result<Option<&[u8]>, EnvelopeError> {
    let mut id = None;
    for field in Fields::of_etcd(payload) {
        match field {
            Ok((2, FieldValue::Bytes(bytes))) => id = Some(bytes),
            Ok(_) => {}
            Err(_) => return Err(EnvelopeError::Malformed),
        }
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
        Envelope::parse(value).expect("an encrypted value")
    }

    #[test]
    fn provider_name_and_payload_are_told_apart() {
        for provider in Provider::ALL {
            let value = format!("k8s:enc:{}key-1:\x0a\x01x", provider.tag());
            let envelope = parse(value.as_bytes()).unwrap();
            assert_eq!(envelope.provider, provider);
            assert_eq!(envelope.name, b"key-1");
            assert_eq!(envelope.payload, b"\x0a\x01x");
            assert_eq!(envelope.key_id, None);
        }
    }

    #[test]
    fn what_is_not_encrypted_is_no_envelope() {
        for value in [&b""[..], b"k8s\0", b"k8s:enc", b"{}", b" k8s:enc:aescbc"] {
            assert_eq!(Envelope::parse(value), None);
            assert!(!is_encrypted(value));
        }
    }

    #[test]
    fn a_value_of_kms_v2_names_the_key_of_the_plugin() {
        let envelope = parse(b"k8s:enc:kms:v2:vault:\x0a\x02ab\x12\x04id-7\x1a\x01e").unwrap();
        assert_eq!(
            (envelope.name, envelope.key_id),
            (&b"vault"[..], Some(&b"id-7"[..]))
        );
        assert_eq!(
            parse(b"k8s:enc:kms:v2:vault:\x0a\xff"),
            Err(EnvelopeError::Malformed)
        );
    }

    #[test]
    fn an_envelope_that_is_cut_off_or_unknown_is_a_fault() {
        for value in [
            "k8s:enc:",
            "k8s:enc:aescbc",
            "k8s:enc:aescbc:v1",
            "k8s:enc:aescbc:v1:",
            "k8s:enc:aescbc:v1:key",
            "k8s:enc:aescbc:v1::x",
        ] {
            assert_eq!(
                parse(value.as_bytes()),
                Err(EnvelopeError::Malformed),
                "{value}"
            );
        }
        assert_eq!(
            parse(b"k8s:enc:rot\x1b13:v9:key:x"),
            Err(EnvelopeError::UnknownProvider("rot\\x1b13:v9".to_owned()))
        );
    }
}
