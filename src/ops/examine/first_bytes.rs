//! What the first bytes of values tell of objects, in a scan that passes over them anyway.

use std::collections::BTreeSet;

use super::ledger::{Ledger, Proof};
use super::values::check;
use crate::bolt::{Leaf, PlannedBucket, Visitor};
use crate::error::Result;
use crate::etcd::keyspace::KeyFilter;
use crate::etcd::schema::KEY_BUCKET;
use crate::finding::Collector;
use crate::kubernetes::Encoding;
use crate::kubernetes::check::layout::may_be_stored;
use crate::ops::input::Input;
use crate::ops::objects::live::live_of;
use crate::ops::objects::reader::ValueReader;
use crate::ops::session::Session;
use crate::options::Options;
use crate::wire::Fields;

/// Looks at the first bytes of values where API servers keep objects, in any scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstBytes;

/// What first bytes tell.
#[derive(Debug, Default)]
pub(super) struct FirstBytesSeen {
    /// Keys of which some record, maybe not the newest, does not begin as an object does.
    odd: BTreeSet<Box<[u8]>>,
    /// There are objects.
    has_objects: bool,
}

/// Beneath these objects are kept, unless somebody chose another prefix.
const PREFIXES: [&[u8]; 2] = [b"/registry/", b"/kubernetes.io/"];

/// No more keys than this are looked at again; the first in order.
const MOST_ODD: usize = 10_000;

impl Visitor for FirstBytes {
    type Local = FirstBytesSeen;

    fn start(&self) -> FirstBytesSeen {
        FirstBytesSeen::default()
    }

    fn leaf(
        &self,
        local: &mut FirstBytesSeen,
        bucket: &PlannedBucket,
        leaf: &Leaf<'_>,
    ) -> Result<()> {
        if !bucket.is_top_level() || bucket.name() != KEY_BUCKET {
            return Ok(());
        }
        for element in leaf.elements.iter().filter(|element| !element.is_bucket) {
            // Tombstones have a longer key.
            if leaf.key(element).len() != REVISION_LEN {
                continue;
            }
            let Some((key, value)) = key_and_value(leaf.value(element)) else {
                continue;
            };
            if !PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
                continue;
            }
            match Encoding::of(value) {
                Encoding::Other => local.note(key),
                _ => local.has_objects = local.has_objects || may_be_stored(value),
            }
        }
        Ok(())
    }
}

/// Length of the key of a record that is not a tombstone.
const REVISION_LEN: usize = 17;

/// Key and value of a record as etcd writes it, or what there is of the value, without decoding the rest.
fn key_and_value(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = record;
    let (mut key, mut value) = (&b""[..], &b""[..]);
    while let Some((tag, behind)) = rest.split_first() {
        let (number, behind) = varint(behind)?;
        rest = behind;
        if tag & 7 == 2 {
            let len = usize::try_from(number).ok()?.min(rest.len());
            let (bytes, behind) = rest.split_at_checked(len)?;
            match tag >> 3 {
                1 => key = bytes,
                5 => value = bytes,
                _ => {}
            }
            rest = behind;
        }
    }
    Some((key, value))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut fields = Fields::of_etcd(bytes);
    let value = fields.varint().ok()?;
    Some((value, fields.rest()))
}

impl FirstBytesSeen {
    /// Keeps a key, if it is among the first.
    fn note(&mut self, key: &[u8]) {
        if self.odd.len() >= MOST_ODD {
            if self.odd.last().is_some_and(|last| **last <= *key) {
                return;
            }
            self.odd.pop_last();
        }
        self.odd.insert(key.into());
    }

    pub(super) fn join(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.odd.extend(part.odd);
            all.has_objects |= part.has_objects;
        }
        while all.odd.len() > MOST_ODD {
            all.odd.pop_last();
        }
        all
    }

    /// Reports live values that do not begin as objects do; the line of the account, if there are objects at all.
    /// The file is read again only if there are such values.
    ///
    /// # Errors
    /// Reading, cancelling, threads.
    pub(super) fn report(
        self,
        input: &Input,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<Option<Ledger>> {
        if !self.has_objects {
            // Not a cluster's file, whatever its keys look like.
            return Ok(None);
        }
        let mut damaged = 0;
        if !self.odd.is_empty() {
            let quiet = Options {
                progress: None,
                ..options.clone()
            };
            if let Some(mut session) = Session::open_if_readable(input, &quiet)? {
                let keys = self.odd.into_iter().map(<[u8]>::into_vec).collect();
                let live = live_of(&mut session, KeyFilter::Keys(keys), 0)?;
                let reader = ValueReader::default();
                let seen = check(&session, &live, &reader, findings.limit(), true)?;
                damaged = seen.figures.damaged;
                findings.merge(seen.findings);
            }
        }
        let detail = match damaged {
            0 => "not decoded; `values` decodes every live value".to_string(),
            1 => "not decoded, but a live value is not an object; see the findings".to_string(),
            n => format!("not decoded, but {n} live values are not objects; see the findings"),
        };
        Ok(Some(Ledger {
            proof: Proof::Values,
            proven: false,
            detail,
        }))
    }
}
