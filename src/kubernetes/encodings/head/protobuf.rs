//! The head of an object in protobuf, straight off the wire. Source: apimachinery
//! pkg/apis/meta/v1/generated.proto, messages ObjectMeta and ManagedFieldsEntry.

use std::borrow::Cow;

use super::{Head, Labels};
use crate::kubernetes::encodings::decode_error::{Broken, DecodeError};
use crate::kubernetes::encodings::envelope::Envelope;
use crate::kubernetes::time::ZERO_TIME;
use crate::wire::{FieldValue, Fields};

pub(super) fn read<'a>(value: &'a [u8], head: &mut Head<'a>) {
    let Some(envelope) = Envelope::parse(value) else {
        return;
    };
    let text = |text: &'a str| {
        Some(text)
            .filter(|text| !text.is_empty())
            .map(Cow::Borrowed)
    };
    head.api_version = text(envelope.api_version);
    head.kind = text(envelope.kind);
    head.error = envelope.error();
    // The metadata comes first; what is behind it is not looked at.
    match Fields::of_kubernetes(envelope.raw).next() {
        Some(Ok((1, FieldValue::Bytes(bytes)))) => metadata(bytes, head),
        Some(Err(_)) => {
            // Cut off: what there is of the metadata still tells the name.
            if let Some(bytes) = cut(envelope.raw) {
                metadata(bytes, head);
            }
            damaged(head);
        }
        Some(Ok(_)) | None => {}
    }
}

fn cut(raw: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::of_kubernetes(raw.strip_prefix(&[0x0a])?);
    fields.varint().ok()?;
    Some(fields.rest())
}

#[cold]
fn damaged(head: &mut Head<'_>) {
    if head.error.is_none() {
        head.error = Some(DecodeError::malformed(Broken::Metadata));
    }
}

fn metadata<'a>(bytes: &'a [u8], head: &mut Head<'a>) {
    head.labels = Labels::Wire(bytes);
    for field in Fields::of_kubernetes(bytes) {
        match field {
            Ok((1, FieldValue::Bytes(bytes))) => head.name = text(bytes, head),
            Ok((3, FieldValue::Bytes(bytes))) => head.namespace = text(bytes, head),
            Ok((5, FieldValue::Bytes(bytes))) => head.uid = text(bytes, head),
            Ok((7, FieldValue::Varint(n))) => {
                head.generation = Some(n.cast_signed()).filter(|n| *n != 0);
            }
            Ok((8, FieldValue::Bytes(bytes))) => head.creation = seconds(bytes),
            Ok((9, FieldValue::Bytes(bytes))) => head.deletion = seconds(bytes),
            Ok((17, FieldValue::Bytes(bytes))) => {
                head.has_managed_fields = true;
                managed(bytes, head);
            }
            Ok(_) => {}
            Err(_) => damaged(head),
        }
    }
}

fn text<'a>(bytes: &'a [u8], head: &mut Head<'a>) -> Option<Cow<'a, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text)
            .filter(|text| !text.is_empty())
            .map(Cow::Borrowed),
        Err(_) => {
            damaged(head);
            None
        }
    }
}

fn managed(bytes: &[u8], head: &mut Head<'_>) {
    for field in Fields::of_kubernetes(bytes) {
        match field {
            Ok((4, FieldValue::Bytes(bytes))) => {
                if let Some(seconds) = seconds(bytes) {
                    head.managed_at(seconds);
                }
                // Behind the time come the fields, which are long.
                return;
            }
            Ok(_) => {}
            Err(_) => damaged(head),
        }
    }
}

/// The seconds of a Timestamp; nothing for Go's zero time.
fn seconds(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() {
        return None;
    }
    let ones = Fields::of_kubernetes(bytes)
        .flatten()
        .filter(|field| field.0 == 1);
    let seconds = ones.filter_map(|(_, value)| value.varint()).last();
    let seconds = seconds.unwrap_or_default().cast_signed();
    (seconds != ZERO_TIME).then_some(seconds)
}

/// Key and value of an entry of a map.
pub(super) fn map_entry<'a>(entry: &'a [u8]) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let (mut key, mut value) = ("", "");
    for field in Fields::of_kubernetes(entry).flatten() {
        match field {
            (1, FieldValue::Bytes(bytes)) => key = std::str::from_utf8(bytes).ok()?,
            (2, FieldValue::Bytes(bytes)) => value = std::str::from_utf8(bytes).ok()?,
            _ => {}
        }
    }
    Some((key.into(), value.into()))
}
