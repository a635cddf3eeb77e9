//! Secrets out of sight, but still recognisable: each is replaced by its length and a keyed hash.
//!
//! What counts as a secret, and nothing else does:
//!
//! - of a Secret, wherever it stands in an object: the values of `data` and `stringData`, what is not a field of a
//!   Secret or of its metadata, and every annotation but those that only name or count something; an object
//!   beneath a key of a resource `secrets` is a Secret, whatever it says that it is;
//! - in any object, the part of a text that is a JSON Web Token, a token with the prefix of its issuer, a private
//!   key, a hash of a password, a password in a URL or behind a flag; a bootstrap token or a secret access key
//!   where the name beside it says that it is one; logins in a kubeconfig or a configuration of registries; a
//!   manifest of a Secret; all of it also in JSON, base64 and gzip;
//! - the annotation `kubectl.kubernetes.io/last-applied-configuration` if it cannot be read;
//! - a value under the key of a Secret, or of kind Secret, that is not shown as an object;
//! - what k3s keeps under `/bootstrap/`;
//! - any other value that is not an object and has such a text in it.
//!
//! Who an object is (kind, namespace, name, uid, labels) is never judged by its looks. Other environment variables,
//! ConfigMaps and custom resources are shown as they are; managedFields hold no values. Encrypted values are
//! ciphertext, which is not a secret.

mod patterns;
mod secret;
mod text;
mod walk;

use std::io;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use secret::is_secret_key;
use walk::{Place, Walk};

use super::encryption::{Envelope, EnvelopeError, is_encrypted};
use crate::finding::escape;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Replaces secrets by marks. Equal secrets get equal marks from one redactor, and other marks from a
/// redactor with another key, so marks of different runs tell nothing unless the caller wants them to.
#[derive(Clone)]
pub struct Redactor {
    /// With the key in it.
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// With a random key: without it nobody can find a short secret by trying.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self::with_key(&key))
    }

    /// With a key of the caller's, so that marks of several runs can be compared. Who knows the key can try
    /// secrets against a mark.
    pub fn with_key(key: &[u8]) -> Self {
        // HMAC takes a key of any length.
        let mac = Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self { mac }
    }

    /// `<redacted 24 bytes, hmac:1a2b3c4d>`.
    pub fn mark(&self, secret: &[u8]) -> String {
        let mut mac = self.mac.clone();
        mac.update(secret);
        let hash = mac.finalize().into_bytes();
        let hash = escape::hex(hash.get(..4).unwrap_or_default());
        let unit = if secret.len() == 1 { "byte" } else { "bytes" };
        format!("<redacted {} {unit}, hmac:{hash}>", secret.len())
    }

    /// Replaces the secrets in an object, or in a list of objects; once only, for marks would be taken for
    /// secrets again. True if there was one.
    pub fn redact_object(&self, object: &mut Value) -> bool {
        Walk::new(self).run(object, Place::default())
    }

    /// The same for an object that is stored under `key`, which may tell that it is a Secret though the object
    /// does not.
    pub fn redact_stored(&self, key: &[u8], object: &mut Value) -> bool {
        Walk::new(self).run(object, Place::under_key(key))
    }

    /// What to show instead of a value that is not shown as an object; nothing if it may be shown. `kind` is
    /// the kind the value says it is of.
    pub fn redact_bytes(&self, key: &[u8], value: &[u8], kind: Option<&str>) -> Option<String> {
        if let Some(envelope) = Envelope::parse(value) {
            return Some(match envelope {
                Ok(envelope) => {
                    let (provider, name) = (envelope.provider, envelope.shown_name());
                    format!("<encrypted {} bytes, {provider} key {name}>", value.len())
                }
                Err(EnvelopeError::UnknownProvider(name)) => {
                    format!("<encrypted {} bytes, {name}>", value.len())
                }
                Err(EnvelopeError::Malformed) => format!("<encrypted {} bytes>", value.len()),
            });
        }
        self.is_secret_value(key, value, kind)
            .then(|| self.mark(value))
    }

    /// True if the bytes of an object have in them what only a secret looks like, also where the object does not
    /// show it, such as in a field that stands there twice.
    pub fn is_in_bytes_of_object(&self, value: &[u8]) -> bool {
        Walk::new(self).is_in_object(value)
    }

    /// True if the bytes of a value must not be shown: it is a Secret, or under a Secret's key, or has in it what
    /// only a secret looks like. Encrypted values may be.
    pub fn is_secret_value(&self, key: &[u8], value: &[u8], kind: Option<&str>) -> bool {
        if is_encrypted(value) {
            return false;
        }
        is_secret_by_kind_or_key(key, kind)
            || key.starts_with(b"/bootstrap/")
            || is_token_by_key(key, value)
            || Walk::new(self).is_in(value)
    }
}

/// True for a value of kind Secret, or under the key of one.
pub fn is_secret_by_kind_or_key(key: &[u8], kind: Option<&str>) -> bool {
    matches!(kind, Some("Secret" | "SecretList")) || is_secret_key(key)
}

/// A bare bootstrap token is known by the key alone.
fn is_token_by_key(key: &[u8], value: &[u8]) -> bool {
    let hint = patterns::Hint::of_name(&String::from_utf8_lossy(key));
    patterns::is_named(value, hint)
}

/// Removes `metadata.managedFields` of an object, or of all objects of a list.
pub fn hide_managed_fields(object: &mut Value) {
    let hide = |object: &mut Value| {
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.remove("managedFields");
        }
    };
    hide(object);
    if let Some(Value::Array(items)) = object.get_mut("items") {
        items.iter_mut().for_each(hide);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod search_tests;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::with_key(b"key")
    }

    fn redacted(mut object: Value) -> Value {
        redactor().redact_object(&mut object);
        object
    }

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln-_";
    const BCRYPT: &str = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";
    const PEM: &str = "-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----\n";

    #[test]
    fn a_mark_tells_length_and_hash_of_the_decoded_bytes() {
        let secret = redacted(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "db", "annotations": {"a": "b", LAST_APPLIED: "{}"}},
            "data": {"password": "aHVudGVyMg==", "odd": "%%", "number": 5, "none": null},
            "stringData": {"password": "hunter2"},
        }));
        let mark = redactor().mark(b"hunter2");
        assert!(
            mark.starts_with("<redacted 7 bytes, hmac:") && mark.len() == 33,
            "{mark}"
        );
        assert_eq!(secret["data"]["password"], json!(mark));
        assert_eq!(secret["stringData"]["password"], json!(mark));
        assert_eq!(secret["data"]["odd"], json!(redactor().mark(b"%%")));
        assert_eq!(secret["data"]["number"], json!(redactor().mark(b"5")));
        assert_eq!(secret["data"]["none"], Value::Null);
        let annotations = &secret["metadata"]["annotations"];
        assert_eq!(annotations[LAST_APPLIED], json!(redactor().mark(b"{}")));
        assert_eq!(annotations["a"], json!(redactor().mark(b"b")));
        assert_eq!(secret["type"], json!("Opaque"));
    }

    #[test]
    fn marks_depend_on_the_key_and_are_hmac_sha_256() {
        let random = || Redactor::random().unwrap();
        let first = random();
        assert_eq!(first.mark(b"x"), first.mark(b"x"));
        assert_ne!(first.mark(b"x"), first.mark(b"y"));
        assert_ne!(first.mark(b"x"), random().mark(b"x"));
        // RFC 4231, case 2.
        let known = Redactor::with_key(b"Jefe").mark(b"what do ya want for nothing?");
        assert_eq!(known, "<redacted 28 bytes, hmac:5bdcc146>");
        assert_eq!(
            redactor().mark(b"a").split(',').next(),
            Some("<redacted 1 byte")
        );
        assert!(!format!("{first:?}").contains('['));
    }

    #[test]
    fn secrets_are_found_in_lists_and_inside_other_objects() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}});
        let mark = json!(redactor().mark(b"b"));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [secret.clone()]});
        assert_eq!(redacted(list)["items"][0]["data"]["a"], mark);
        let list = json!({"apiVersion": "v1", "kind": "SecretList", "items": [{"data": {"a": "Yg=="}}, secret.clone()]});
        let list = redacted(list);
        assert_eq!(list["items"][0]["data"]["a"], mark);
        assert_eq!(list["items"][1]["data"]["a"], mark);
        let bundle = json!({"kind": "Bundle", "spec": {"objects": [secret.clone()]}});
        assert_eq!(redacted(bundle)["spec"]["objects"][0]["data"]["a"], mark);
        let applied = json!({"kind": "Bundle", "spec": [secret], "name": "n"}).to_string();
        let outer = redacted(json!({"metadata": {"annotations": {LAST_APPLIED: applied}}}));
        let inner = outer["metadata"]["annotations"][LAST_APPLIED]
            .as_str()
            .unwrap();
        let inner: Value = serde_json::from_str(inner).unwrap();
        assert_eq!(inner["spec"][0]["data"]["a"], mark);
        assert_eq!(inner["name"], json!("n"));
    }

    #[test]
    fn credentials_are_found_by_their_looks_in_any_object() {
        let map = redacted(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "data": {
                "token": TOKEN, "hash": format!("admin:{BCRYPT}\n"), "key": PEM,
                "bootstrap": "abcdef.0123456789abcdef", "plain": "hunter2", "event": "worker.18ea058abdc8981b",
                "certificate": "-----BEGIN CERTIFICATE-----\n",
                "near": ["eyJ.a", "eyJh.b.c!", "abcdef.0123456789abcdeF", "$2y$10$short"],
            },
        }));
        let data = &map["data"];
        for field in ["token", "key", "bootstrap"] {
            assert!(
                data[field].as_str().unwrap().starts_with("<redacted "),
                "{field}"
            );
        }
        let hash = redactor().mark(BCRYPT.as_bytes());
        assert_eq!(data["hash"], json!(format!("admin:{hash}\n")));
        assert_eq!(data["plain"], json!("hunter2"));
        assert_eq!(data["event"], json!("worker.18ea058abdc8981b"));
        assert_eq!(data["certificate"], json!("-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(data["near"][0], json!("eyJ.a"));
        assert!(
            data["near"]
                .as_array()
                .unwrap()
                .iter()
                .all(|text| { !text.as_str().unwrap().starts_with("<redacted") })
        );
        assert!(!redactor().redact_object(&mut json!({"kind": "Pod", "env": [{"value": "x"}]})));
    }

    #[test]
    fn values_that_are_no_objects_are_judged_by_key_kind_and_looks() {
        let show =
            |key: &str, value: &[u8], kind| redactor().redact_bytes(key.as_bytes(), value, kind);
        let mark = Some(redactor().mark(b"\0\x01"));
        for key in [
            "/registry/secrets/ns/name",
            "/kubernetes.io/secrets/ns/name",
            "/a/b/secrets/ns/name",
            "/registry/secrets/odd",
            "/bootstrap/0123456789ab",
        ] {
            assert_eq!(show(key, b"\0\x01", None), mark, "{key}");
        }
        for key in [
            "/registry/configmaps/ns/secrets",
            "/registry/configmaps/secrets/name",
            "secrets",
            "/x",
        ] {
            assert_eq!(show(key, b"\0\x01", None), None, "{key}");
            assert_eq!(show(key, b"\0\x01", Some("Secret")), mark, "{key}");
        }
        for text in [TOKEN, BCRYPT, PEM] {
            assert!(show("/x", text.as_bytes(), None).is_some(), "{text}");
        }
        let token = b"abcdef.0123456789abcdef\n";
        assert!(show("/app/join-token", token, None).is_some());
        assert_eq!(show("/app/event", token, None), None);
        assert_eq!(show("/x", b"hello", Some("Pod")), None);
        for damaged in [
            &b"k8s\x01\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x05hello"[..],
            b"{\"kind\":\"Secret\",\"data\":{\"a\":\"b",
            b"- kind: 'Secret'\n  stringData:\n    a: b\n",
            b"[{\"kind\":\"Secret\",\"data\":{\"a\":\"Yg==\"}}]",
        ] {
            assert!(show("/x", damaged, None).is_some(), "{damaged:?}");
        }
        for harmless in [
            &b"kind: SecretStore\ndata: 5"[..],
            b"kind: Secret\nmetadata: x",
        ] {
            assert_eq!(show("/x", harmless, None), None, "{harmless:?}");
        }
    }

    #[test]
    fn of_an_encrypted_value_only_provider_and_key_name_are_shown() {
        let key = b"/registry/secrets/ns/name";
        let value = b"k8s:enc:aescbc:v1:key\x1b1:\x01\x02\x03";
        let shown = redactor().redact_bytes(key, value, None).unwrap();
        assert_eq!(shown, "<encrypted 27 bytes, aescbc key key\\x1b1>");
        assert!(!redactor().is_secret_value(key, value, None));
        for value in [&b"k8s:enc:"[..], b"k8s:enc:x:v1:y:z"] {
            assert!(
                redactor()
                    .redact_bytes(key, value, None)
                    .unwrap()
                    .starts_with("<encrypted ")
            );
        }
    }

    #[test]
    fn managed_fields_are_hidden_in_objects_and_lists() {
        let object = json!({"metadata": {"name": "a", "managedFields": [1]}});
        let mut list = json!({"items": [object, 5], "metadata": {}});
        hide_managed_fields(&mut list);
        assert_eq!(
            list,
            json!({"items": [{"metadata": {"name": "a"}}, 5], "metadata": {}})
        );
        hide_managed_fields(&mut json!("text"));
    }
}
