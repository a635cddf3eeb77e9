//! How stored values are looked at: decrypted where a key is at hand, decoded, secrets hidden.

use std::borrow::Cow;

use serde_json::Value;

use crate::kubernetes::secrets::encryption::{
    DecryptError, EncryptionConfig, decrypt, is_encrypted,
};
use crate::kubernetes::secrets::redact;
use crate::kubernetes::{
    self, DecodeError, Encoding, KubeRelease, Object, Redactor, add_read_defaults,
};

/// Reads stored values: decrypts, decodes, hides secrets.
#[derive(Debug, Clone, Default)]
pub struct ValueReader {
    /// Keys for values that are encrypted at rest.
    pub encryption: Option<EncryptionConfig>,
    /// Hides secrets; without one they are shown.
    pub redactor: Option<Redactor>,
    /// Keeps `metadata.managedFields`.
    pub managed_fields: bool,
    /// The release whose API server is imitated.
    pub release: KubeRelease,
}

/// What a value is.
#[derive(Debug)]
pub enum ValueContent {
    /// An object of Kubernetes, with its resource version set and its secrets hidden.
    Object(Box<Object>),
    /// Something else, that may be shown.
    Bytes,
    /// Something that is not shown, and what to show instead.
    Hidden(String),
}

/// A value as it was read.
#[derive(Debug)]
pub struct ReadValue<'v> {
    /// How it is stored.
    pub stored: Encoding,
    /// The value, decrypted if it had to be and could be.
    pub plain: Cow<'v, [u8]>,
    /// What it is.
    pub content: ValueContent,
    /// True when the value holds a secret that is hidden, so that its bytes must not be shown either.
    pub is_secret: bool,
    /// Why it stays encrypted.
    pub locked: Option<DecryptError>,
    /// Why it was not decoded, if it takes too much memory or is nested too deeply: [`DecodeError::is_limit`].
    pub too_large: Option<DecodeError>,
}

impl ValueReader {
    /// Decrypts a value, if it is encrypted and there is a configuration.
    ///
    /// # Errors
    /// [`DecryptError`].
    pub fn plain<'v>(&self, key: &[u8], value: &'v [u8]) -> Result<Cow<'v, [u8]>, DecryptError> {
        match &self.encryption {
            Some(config) if is_encrypted(value) => decrypt(key, value, config, None),
            _ => Ok(Cow::Borrowed(value)),
        }
    }

    /// Looks at a value, stored under `key` at `mod_revision`.
    pub fn read<'v>(&self, key: &[u8], value: &'v [u8], mod_revision: i64) -> ReadValue<'v> {
        let (plain, locked) = match self.plain(key, value) {
            // Also where what was decrypted is encrypted itself.
            Ok(plain) => {
                let locked = DecryptError::without_configuration(&plain);
                (plain, locked)
            }
            Err(error) => (Cow::Borrowed(value), Some(error)),
        };
        let mut too_large = None;
        let (content, is_secret) = match kubernetes::decode(&plain) {
            Ok(object) => self.object(key, &plain, object, mod_revision),
            Err(DecodeError::Encrypted) => (self.hidden(key, &plain, None, true), false),
            Err(error) => {
                let is_large = error.is_limit();
                // Whether there is a secret in it nobody has looked.
                let kind = is_large.then_some("Secret");
                let shown = match &self.redactor {
                    Some(redactor) => match redactor.redact_bytes(key, &plain, kind) {
                        Some(mark) => (ValueContent::Hidden(mark), true),
                        None => (ValueContent::Bytes, false),
                    },
                    None => (ValueContent::Bytes, false),
                };
                too_large = is_large.then_some(error);
                shown
            }
        };
        ReadValue {
            stored: Encoding::of(value),
            plain,
            content,
            is_secret,
            locked,
            too_large,
        }
    }

    /// Why a value stays encrypted, if it does.
    pub fn locked(&self, key: &[u8], value: &[u8]) -> Option<DecryptError> {
        match self.plain(key, value) {
            Ok(plain) => DecryptError::without_configuration(&plain),
            Err(error) => Some(error),
        }
    }

    /// The object itself, nothing hidden: for comparing, selecting, cleaning.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn object_of(
        &self,
        key: &[u8],
        value: &[u8],
        mod_revision: i64,
    ) -> Result<Object, DecodeError> {
        let plain = self.plain(key, value).map_err(|_| DecodeError::Encrypted)?;
        let mut object = kubernetes::decode(&plain)?;
        set_resource_version(&mut object.json, mod_revision);
        Ok(object)
    }

    /// Hides the secrets of an object stored under `key`, and its managed fields unless they are wanted. True
    /// when there was a secret.
    pub fn hide_secrets(&self, key: &[u8], object: &mut Value) -> bool {
        if !self.managed_fields {
            redact::hide_managed_fields(object);
        }
        match &self.redactor {
            Some(redactor) => redactor.redact_stored(key, object),
            None => false,
        }
    }

    /// True when the stored bytes of a value must not be shown as they are. Looks into them too, for they may
    /// hold what the object does not show, such as a field that stands there twice.
    pub fn hides_bytes(&self, key: &[u8], look: &ReadValue<'_>) -> bool {
        let Some(redactor) = &self.redactor else {
            return false;
        };
        let by_itself = match &look.content {
            ValueContent::Object(object) => {
                redact::is_secret_by_kind_or_key(key, Some(&object.description.kind))
                    || redactor.is_in_bytes_of_object(&look.plain)
            }
            _ => redactor.is_secret_value(key, &look.plain, None),
        };
        look.is_secret || by_itself
    }

    fn object(
        &self,
        key: &[u8],
        plain: &[u8],
        mut object: Object,
        mod_revision: i64,
    ) -> (ValueContent, bool) {
        let is_whole = !object.description.is_partial();
        if let Some(redactor) = &self.redactor
            && !is_whole
            && redactor.is_secret_value(key, plain, Some(&object.description.kind))
        {
            return (
                self.hidden(key, plain, Some(&object.description.kind), false),
                true,
            );
        }
        set_resource_version(&mut object.json, mod_revision);
        add_read_defaults(&mut object.json, self.release);
        let is_secret = self.hide_secrets(key, &mut object.json);
        (ValueContent::Object(Box::new(object)), is_secret)
    }

    fn hidden(
        &self,
        key: &[u8],
        value: &[u8],
        kind: Option<&str>,
        is_encrypted: bool,
    ) -> ValueContent {
        let mark = match (&self.redactor, is_encrypted) {
            (Some(redactor), _) => redactor.redact_bytes(key, value, kind),
            // Of ciphertext nothing but its frame is worth showing.
            (None, true) => Redactor::with_key(b"").redact_bytes(key, value, kind),
            (None, false) => None,
        };
        mark.map_or(ValueContent::Bytes, ValueContent::Hidden)
    }
}

/// Storage leaves it empty; the API server gives the mod revision.
fn set_resource_version(object: &mut Value, mod_revision: i64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), mod_revision.to_string().into());
    }
}

/// A word for an encoding.
pub fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Protobuf => "protobuf",
        Encoding::Json => "json",
        Encoding::Cbor => "cbor",
        Encoding::Encrypted => "encrypted",
        Encoding::Other => "other",
    }
}
