//! What each stored value is: an object, one that stays locked, one that is damaged, or nobody's business. What the
//! key promises and the value does not keep is damage, and is never passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::definitions::{DefinitionVisitor, note_newest, resources};
use super::reader::ValueReader;
use crate::error::Result;
use crate::etcd::keyspace::{RecordPlace, RecordView, RecordVisitor};
use crate::kubernetes::catalog::resources::{KeyParts, Resource, Resources};
use crate::kubernetes::check::layout::{Expected, KeyLayout, judge, may_be_stored};
use crate::kubernetes::{Encoding, Flaw, Head, inspect};
use crate::ops::session::Session;

/// A live value that an API server cannot serve as what its key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedValue {
    /// The key.
    pub key: Vec<u8>,
    /// What is wrong.
    pub flaw: Flaw,
    /// Its revision.
    pub mod_revision: i64,
    pub(in crate::ops) place: RecordPlace,
}

impl DamagedValue {
    /// False for an object that can be served and only calls itself otherwise than its key.
    pub fn is_damaged(&self) -> bool {
        !self.flaw.is_decodable()
    }
}

/// In the order of their keys.
pub(in crate::ops) fn by_key(damaged: &[DamagedValue]) -> Vec<&DamagedValue> {
    let mut all: Vec<&DamagedValue> = damaged.iter().collect();
    all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    all
}

/// Who an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ops) struct ObjectIdentity<'q> {
    /// Group and version, as stored where that can be read.
    pub(in crate::ops) api_version: String,
    pub(in crate::ops) resource: Cow<'q, Resource>,
    pub(in crate::ops) namespace: String,
    pub(in crate::ops) name: String,
}

impl ObjectIdentity<'_> {
    /// True for objects in the namespace, and for those of the cluster: as with kubectl, a namespace does not
    /// narrow down kinds that have none.
    pub(in crate::ops) fn is_in(&self, namespace: &str) -> bool {
        !self.resource.namespaced || self.namespace == namespace
    }
}

/// What a value is.
pub(in crate::ops) enum StoredValue<'q> {
    /// An object. A flaw is one with which it can be decoded.
    Object(ObjectIdentity<'q>, Option<Flaw>),
    /// Encrypted, and no key opens it; who it is by its key, if that tells.
    Locked(Option<ObjectIdentity<'q>>),
    /// Not what the key promises; who it should be, if the key tells.
    Damaged(Option<ObjectIdentity<'q>>, Flaw),
    /// The lease of an API server, by which its peers find it. It has the form of an object, and no API gives it out.
    ServerLease,
    /// No object, and none is expected.
    Other,
}

/// Judges values by what is known of the file.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Classifier<'q> {
    pub(in crate::ops) reader: &'q ValueReader,
    pub(in crate::ops) resources: &'q Resources,
    pub(in crate::ops) layout: &'q KeyLayout,
}

impl<'q> Classifier<'q> {
    pub(in crate::ops) fn classify(&self, key: &[u8], value: &[u8]) -> StoredValue<'q> {
        match self.reader.plain(key, value) {
            Ok(plain) => self.classify_plain(key, &plain),
            Err(_) => self.classify_locked(key, value),
        }
    }

    /// The same of a value that cannot be decrypted.
    pub(in crate::ops) fn classify_locked(&self, key: &[u8], value: &[u8]) -> StoredValue<'q> {
        let expected = self.layout.expects(self.resources, key);
        match judge(self.resources, &expected, value) {
            (_, Some(flaw)) => StoredValue::Damaged(self.of_key(&expected, key), flaw),
            _ => StoredValue::Locked(self.of_key(&expected, key)),
        }
    }

    /// The same of a value that was decrypted as far as the reader has keys.
    pub(in crate::ops) fn classify_plain(&self, key: &[u8], plain: &[u8]) -> StoredValue<'q> {
        let expected = self.layout.expects(self.resources, key);
        let (head, flaw) = judge(self.resources, &expected, plain);
        let is_expected = expected != Expected::Anything;
        match (flaw, head.encoding) {
            (None, Encoding::Encrypted) => StoredValue::Locked(self.of_key(&expected, key)),
            (None, _) if self.layout.is_server_lease(key) && head.kind.is_some() => {
                StoredValue::ServerLease
            }
            (None, _) => match self.of_head(&head, &expected, key) {
                Some(who) => StoredValue::Object(who, None),
                None => StoredValue::Other,
            },
            (Some(flaw), _) if flaw.is_decodable() => match self.of_head(&head, &expected, key) {
                Some(who) => StoredValue::Object(who, Some(flaw)),
                None => StoredValue::Damaged(self.of_key(&expected, key), flaw),
            },
            (Some(flaw), Encoding::Encrypted | Encoding::Protobuf) => {
                let who = self.of_key(&expected, key);
                StoredValue::Damaged(who.or_else(|| self.of_head(&head, &expected, key)), flaw)
            }
            (Some(flaw), encoding) => {
                let by_head = self.of_head(&head, &expected, key);
                // Others keep JSON too; it is an object's if it says so.
                if is_expected || encoding != Encoding::Other && by_head.is_some() {
                    let by_key = match expected {
                        Expected::Anything => None,
                        _ => self.of_key(&expected, key),
                    };
                    StoredValue::Damaged(by_key.or(by_head), flaw)
                } else {
                    StoredValue::Other
                }
            }
        }
    }

    /// Who an object is, as far as it tells itself; the key helps out with a name.
    fn of_head(
        &self,
        head: &Head<'_>,
        expected: &Expected,
        key: &[u8],
    ) -> Option<ObjectIdentity<'q>> {
        let api_version = head.api_version.as_deref()?.to_string();
        let kind = head.kind.as_deref().filter(|kind| !kind.is_empty())?;
        let name = match &head.name {
            Some(name) => name.to_string(),
            None => self
                .parts(expected, key)
                .map(|parts| parts.name)
                .unwrap_or_default(),
        };
        let namespace = head.namespace.as_deref().unwrap_or_default().to_string();
        let mut resource = self.resources.of_kind_or_guess(&api_version, kind);
        if let Cow::Owned(guess) = &mut resource {
            guess.namespaced = !namespace.is_empty();
        }
        Some(ObjectIdentity {
            resource,
            api_version,
            namespace,
            name,
        })
    }

    /// Who the object under a key is, by that key alone. Where nothing is expected the kind must be a known one.
    pub(in crate::ops) fn who_by_key(&self, key: &[u8]) -> Option<ObjectIdentity<'q>> {
        let expected = self.layout.expects(self.resources, key);
        let who = self.of_key(&expected, key)?;
        let is_known = || {
            let (group, plural) = (&who.resource.group, &who.resource.plural);
            self.resources.of_plural(group, plural).is_some()
        };
        (expected != Expected::Anything || is_known()).then_some(who)
    }

    /// Who an object is, from its key alone.
    fn of_key(&self, expected: &Expected, key: &[u8]) -> Option<ObjectIdentity<'q>> {
        let parts = self.parts(expected, key)?;
        let (api_version, resource) = self.resources.of_parts(&parts);
        Some(ObjectIdentity {
            api_version,
            resource,
            namespace: parts.namespace.unwrap_or_default(),
            name: parts.name,
        })
    }

    fn parts(&self, expected: &Expected, key: &[u8]) -> Option<KeyParts> {
        match expected {
            Expected::Object(parts) | Expected::Guess(parts) => Some(parts.clone()),
            Expected::Value => None,
            Expected::Anything => self.resources.of_key(std::str::from_utf8(key).ok()?),
        }
    }
}

/// Notes, in any scan, beneath which prefixes objects are kept.
pub(in crate::ops) struct LayoutVisitor {
    builtin: Resources,
}

impl LayoutVisitor {
    pub(in crate::ops) fn new() -> Self {
        Self {
            builtin: Resources::builtin(),
        }
    }

    pub(in crate::ops) fn join(parts: impl IntoIterator<Item = KeyLayout>) -> KeyLayout {
        let mut all = KeyLayout::default();
        for part in parts {
            all.merge(part);
        }
        all
    }
}

impl RecordVisitor for LayoutVisitor {
    type Local = KeyLayout;

    fn start(&self) -> KeyLayout {
        KeyLayout::default()
    }

    fn record(&self, local: &mut KeyLayout, view: &RecordView<'_>) -> Result<()> {
        if !view.is_tombstone {
            local.note(&self.builtin, view.record.key, view.record.value);
        }
        Ok(())
    }
}

/// Looks at single values, for commands that read few of them. What the whole file has to tell is found out when
/// the first value needs it.
#[derive(Debug, Default)]
pub struct Inspector {
    builtin: Resources,
    known: Option<(Resources, KeyLayout)>,
}

impl Inspector {
    /// What is wrong with the value of a key, if something is.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn flaw(
        &mut self,
        session: &Session<'_>,
        reader: &ValueReader,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Flaw>> {
        if !self.is_suspicious(reader, key, value) {
            return Ok(None);
        }
        if self.known.is_none() {
            let visitor = (LayoutVisitor::new(), DefinitionVisitor { revision: 0 });
            let (keyspace, parts) = session.scan_again(&visitor)?;
            let (layouts, definitions): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            let mut newest = BTreeMap::new();
            for (key, place) in definitions.into_iter().flatten() {
                note_newest(&mut newest, &key, place);
            }
            let resources = resources(session, &keyspace, newest.into_values())?;
            self.known = Some((resources, LayoutVisitor::join(layouts)));
        }
        let Some((resources, layout)) = &self.known else {
            return Ok(None);
        };
        let classifier = Classifier {
            reader,
            resources,
            layout,
        };
        Ok(match classifier.classify(key, value) {
            StoredValue::Object(_, flaw) => flaw,
            StoredValue::Damaged(_, flaw) => Some(flaw),
            StoredValue::Locked(_) | StoredValue::ServerLease | StoredValue::Other => None,
        })
    }

    /// False for a value that is fine wherever it may be stored, and for a key under which nobody expects an
    /// object.
    fn is_suspicious(&self, reader: &ValueReader, key: &[u8], value: &[u8]) -> bool {
        let plain = reader.plain(key, value).unwrap_or(Cow::Borrowed(value));
        let (head, flaw) = inspect(&plain);
        if flaw.is_some() {
            return may_be_stored(&plain) || self.builtin.may_be_object(key);
        }
        if head.encoding == Encoding::Encrypted {
            return false;
        }
        let expected = KeyLayout::default().expects(&self.builtin, key);
        let part = |n| key.rsplit(|b| *b == b'/').nth(n);
        let is_called = |n, text: Option<&str>| part(n) == text.map(str::as_bytes);
        judge(&self.builtin, &expected, &plain).1.is_some()
            || !is_called(0, head.name.as_deref())
            || head.namespace.is_some() && !is_called(1, head.namespace.as_deref())
    }
}
