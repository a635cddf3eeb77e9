//! Which encoding a stored value has, told from its first bytes.

/// How a value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    /// The protobuf envelope of built-in kinds.
    Protobuf,
    /// A JSON object: custom resources, and what aggregated API servers store.
    Json,
    /// CBOR, self-described: custom resources with the feature gate for it.
    Cbor,
    /// Encrypted by the API server before it was stored.
    Encrypted,
    /// Nothing Kubernetes writes.
    Other,
}

/// In front of what is encrypted.
const ENCRYPTED: &[u8] = b"k8s:enc:";
/// In front of the protobuf envelope.
pub(in crate::kubernetes) const PROTOBUF: &[u8] = b"k8s\0";
/// The tag "this is CBOR", which Kubernetes always writes.
pub(in crate::kubernetes) const CBOR: &[u8] = &[0xd9, 0xd9, 0xf7];

impl Encoding {
    /// Looks at the first bytes of `value`, never at its key: one resource may be stored in several ways.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        if value.starts_with(PROTOBUF) {
            Self::Protobuf
        } else if value.starts_with(ENCRYPTED) {
            Self::Encrypted
        } else if value.starts_with(CBOR) {
            Self::Cbor
        } else if first_of_json(value) == Some(b'{') {
            Self::Json
        } else {
            Self::Other
        }
    }
}

/// The first byte that is not white space of JSON.
fn first_of_json(value: &[u8]) -> Option<u8> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    value.iter().copied().find(|byte| !is_space(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_encoding() {
        for (value, encoding) in [
            (&b"k8s\0\x0a\x00"[..], Encoding::Protobuf),
            (b"k8s:enc:aescbc:v1:key1:\x00", Encoding::Encrypted),
            (b"\xd9\xd9\xf7\xa0", Encoding::Cbor),
            (b"{}", Encoding::Json),
            (b" \t\r\n{\"a\":1}", Encoding::Json),
            (b"", Encoding::Other),
            (b"   ", Encoding::Other),
            (b"[{}]", Encoding::Other),
            (b"k8s", Encoding::Other),
            (b"k8s:encrypted", Encoding::Other),
            (b"xk8s\0", Encoding::Other),
            (b"42", Encoding::Other),
        ] {
            assert_eq!(Encoding::of(value), encoding, "{value:x?}");
        }
    }
}
