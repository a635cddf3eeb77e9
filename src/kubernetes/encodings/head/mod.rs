//! A cheap look at a stored value: what object it is, and when it was last touched.

mod cbor;
mod json;
mod protobuf;

use std::borrow::Cow;

use super::decode_error::{Broken, DecodeError};
use super::format::Encoding;
use crate::wire::{FieldValue, Fields};

/// What can be had of a stored value without decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// How it is stored.
    pub encoding: Encoding,
    /// Group and version; `v1` for the core group.
    pub api_version: Option<Cow<'a, str>>,
    /// The kind.
    pub kind: Option<Cow<'a, str>>,
    /// The namespace; nothing for objects of the cluster.
    pub namespace: Option<Cow<'a, str>>,
    /// The name.
    pub name: Option<Cow<'a, str>>,
    /// The uid.
    pub uid: Option<Cow<'a, str>>,
    /// The generation.
    pub generation: Option<i64>,
    /// When it was created, in seconds since 1970.
    pub creation: Option<i64>,
    /// When it was to be deleted, in seconds since 1970.
    pub deletion: Option<i64>,
    /// The latest of the times in `managedFields`, in seconds since 1970.
    pub managed: Option<i64>,
    /// Whether there are `managedFields`.
    pub has_managed_fields: bool,
    /// Its labels.
    pub labels: Labels<'a>,
    /// What could not be read; what is above is there as far as it could be.
    pub error: Option<DecodeError>,
}

/// Labels that are read when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels<'a> {
    /// The metadata on the wire.
    Wire(&'a [u8]),
    /// Labels that had to be read already.
    List(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

impl<'a> Labels<'a> {
    /// Each label, key and value, in the order in which they are stored. What is not UTF-8 is left out.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        let (wire, list) = match self {
            Self::Wire(metadata) => (*metadata, &[][..]),
            Self::List(list) => (&[][..], list.as_slice()),
        };
        let on_wire = Fields::of_kubernetes(wire)
            .flatten()
            .filter_map(|field| match field {
                (11, FieldValue::Bytes(entry)) => protobuf::map_entry(entry),
                _ => None,
            });
        on_wire.chain(list.iter().cloned())
    }
}

impl<'a> Head<'a> {
    fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            api_version: None,
            kind: None,
            namespace: None,
            name: None,
            uid: None,
            generation: None,
            creation: None,
            deletion: None,
            managed: None,
            has_managed_fields: false,
            labels: Labels::List(Vec::new()),
            error: None,
        }
    }

    /// Looks at a stored value.
    #[must_use]
    pub fn of(value: &'a [u8]) -> Self {
        let encoding = Encoding::of(value);
        let mut head = Self::new(encoding);
        match encoding {
            Encoding::Protobuf => protobuf::read(value, &mut head),
            Encoding::Json => json::read(value, &mut head),
            Encoding::Cbor => {
                if cbor::read(value, &mut head).is_err() {
                    head.error = Some(DecodeError::malformed(Broken::Cbor));
                }
            }
            Encoding::Encrypted => head.error = Some(DecodeError::Encrypted),
            Encoding::Other => head.error = Some(DecodeError::NotKubernetes),
        }
        head
    }

    /// The latest moment of which the object tells that it had come when it was stored: of its creation, and
    /// of the changes noted in `managedFields`. In seconds since 1970.
    #[must_use]
    pub fn newest_time(&self) -> Option<i64> {
        self.creation.max(self.managed)
    }

    fn managed_at(&mut self, seconds: i64) {
        self.managed = self.managed.max(Some(seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ConfigMap with every field that a head has.
    fn in_protobuf() -> Vec<u8> {
        fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
            [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat()
        }
        let managed = |seconds: u8| [&[0x8a, 1, 4][..], &field(4, &[8, seconds])].concat();
        let metadata = [
            field(1, b"n"),
            field(3, b"ns"),
            field(5, b"u"),
            vec![0x38, 7],
            field(8, &[8, 100]),
            field(9, &[8, 120]),
            field(11, &[field(1, b"k"), field(2, b"v")].concat()),
            managed(90),
            managed(110),
            managed(105),
        ]
        .concat();
        let kind = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
        let raw = field(1, &metadata);
        [b"k8s\0".to_vec(), field(1, &kind), field(2, &raw)].concat()
    }

    const IN_JSON: &str = r#"{"data":{"metadata":[1,{}]},"kind":"ConfigMap","apiVersion":"v1",
        "metadata":{"uid":"u","name":"\u006e","namespace":"ns","generation":7,"extra":[{"name":1}],
        "labels":{"k":"v"},"creationTimestamp":"1970-01-01T00:01:40Z","selfLink":null,
        "deletionTimestamp":"1970-01-01T00:02:00Z","managedFields":[{"time":"1970-01-01T00:01:30Z"},
        {"manager":"m","time":"1970-01-01T00:01:50Z","fieldsV1":{}},{}]}}"#;

    fn in_cbor(json: &serde_json::Value, out: &mut Vec<u8>) {
        use serde_json::Value;
        let string = |text: &str, out: &mut Vec<u8>| {
            out.extend([0x58, text.len() as u8]);
            out.extend(text.as_bytes());
        };
        match json {
            Value::Null => out.push(0xf6),
            Value::Number(n) => out.push(n.as_u64().unwrap() as u8),
            Value::String(text) => string(text, out),
            Value::Array(list) => {
                out.push(0x80 + list.len() as u8);
                list.iter().for_each(|item| in_cbor(item, out));
            }
            Value::Object(map) => {
                out.push(0xa0 + map.len() as u8);
                for (key, value) in map {
                    string(key, out);
                    in_cbor(value, out);
                }
            }
            Value::Bool(_) => unreachable!(),
        }
    }

    fn check(head: &Head<'_>) {
        let text = |text: &str| Some(Cow::Owned(text.to_owned()));
        assert_eq!(head.error, None);
        assert_eq!(head.api_version, text("v1"));
        assert_eq!(head.kind, text("ConfigMap"));
        assert_eq!(head.namespace, text("ns"));
        assert_eq!((&head.name, &head.uid), (&text("n"), &text("u")));
        assert_eq!((head.generation, head.creation), (Some(7), Some(100)));
        assert_eq!((head.deletion, head.managed), (Some(120), Some(110)));
        assert_eq!(head.newest_time(), Some(110));
        assert!(head.has_managed_fields);
        let labels: Vec<_> = head.labels.iter().collect();
        assert_eq!(labels, [("k".into(), "v".into())]);
    }

    #[test]
    fn every_encoding_gives_the_same_head() {
        check(&Head::of(&in_protobuf()));
        check(&Head::of(IN_JSON.as_bytes()));
        let mut cbor = vec![0xd9, 0xd9, 0xf7];
        in_cbor(&serde_json::from_str(IN_JSON).unwrap(), &mut cbor);
        check(&Head::of(&cbor));
    }

    #[test]
    fn a_cut_value_gives_a_fault_and_what_there_is() {
        let mut cbor = vec![0xd9, 0xd9, 0xf7];
        in_cbor(&serde_json::from_str(IN_JSON).unwrap(), &mut cbor);
        for bytes in [in_protobuf(), IN_JSON.as_bytes().to_vec(), cbor] {
            for len in 5..bytes.len() {
                let head = Head::of(&bytes[..len]);
                let is_bare = head.encoding == Encoding::Protobuf && head.name.is_none();
                assert!(head.error.is_some() || is_bare, "{len} of {bytes:x?}");
            }
        }
        let head = Head::of(&IN_JSON.as_bytes()[..IN_JSON.len() - 1]);
        assert_eq!(head.name.as_deref(), Some("n"));
        assert_eq!(Head::of(b"{\"kind\":1}").kind, None);
        assert_eq!(Head::of(b"?").error, Some(DecodeError::NotKubernetes));
        assert_eq!(Head::of(b"k8s:enc:x").error, Some(DecodeError::Encrypted));
    }
}
