//! The head of an object in CBOR.

use std::borrow::Cow;

use super::{Head, Labels};
use crate::kubernetes::encodings::cbor::{Count, Item, NotCbor, Reader, utf8};
use crate::kubernetes::time::parse_rfc3339;

pub(super) fn read<'a>(value: &'a [u8], head: &mut Head<'a>) -> Result<(), NotCbor> {
    let mut reader = Reader::new(value);
    each(&mut reader, |reader, key| {
        match key {
            b"apiVersion" => head.api_version = text(reader)?,
            b"kind" => head.kind = text(reader)?,
            b"metadata" => metadata(reader, head)?,
            _ => reader.skip()?,
        }
        Ok(())
    })
}

fn metadata<'a>(reader: &mut Reader<'a>, head: &mut Head<'a>) -> Result<(), NotCbor> {
    each(reader, |reader, key| {
        match key {
            b"namespace" => head.namespace = text(reader)?,
            b"name" => head.name = text(reader)?,
            b"uid" => head.uid = text(reader)?,
            b"creationTimestamp" => head.creation = time(reader)?,
            b"deletionTimestamp" => head.deletion = time(reader)?,
            b"generation" => {
                head.generation = match reader.item()? {
                    Item::Int(n) => Some(n),
                    Item::Null => None,
                    _ => return Err(NotCbor),
                }
            }
            b"labels" => labels(reader, head)?,
            b"managedFields" => {
                if let Some(mut count) = list(reader)? {
                    while count.more(reader)? {
                        head.has_managed_fields = true;
                        managed(reader, head)?;
                    }
                }
            }
            _ => reader.skip()?,
        }
        Ok(())
    })
}

fn managed<'a>(reader: &mut Reader<'a>, head: &mut Head<'a>) -> Result<(), NotCbor> {
    each(reader, |reader, key| {
        if key != b"time" {
            return reader.skip();
        }
        if let Some(seconds) = time(reader)? {
            head.managed_at(seconds);
        }
        Ok(())
    })
}

fn labels<'a>(reader: &mut Reader<'a>, head: &mut Head<'a>) -> Result<(), NotCbor> {
    let mut list = Vec::new();
    each(reader, |reader, key| {
        if let Some(value) = text(reader)? {
            list.push((Cow::Owned(utf8(key.into())), value));
        }
        Ok(())
    })?;
    head.labels = Labels::List(list);
    Ok(())
}

fn list(reader: &mut Reader<'_>) -> Result<Option<Count>, NotCbor> {
    match reader.item()? {
        Item::List(count) => Ok(Some(count)),
        Item::Null => Ok(None),
        _ => Err(NotCbor),
    }
}

/// Calls `take` with each key of a map, which then reads or passes over the value.
fn each<'a>(
    reader: &mut Reader<'a>,
    mut take: impl FnMut(&mut Reader<'a>, &[u8]) -> Result<(), NotCbor>,
) -> Result<(), NotCbor> {
    let mut count = match reader.item()? {
        Item::Map(count) => count,
        Item::Null => return Ok(()),
        _ => return Err(NotCbor),
    };
    while count.more(reader)? {
        let key = reader.string()?;
        take(reader, &key)?;
    }
    Ok(())
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>, NotCbor> {
    match reader.item()? {
        Item::String(Cow::Borrowed(bytes)) => Ok(Some(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(utf8(bytes.into())),
        })),
        Item::String(owned) => Ok(Some(Cow::Owned(utf8(owned)))),
        Item::Null => Ok(None),
        _ => Err(NotCbor),
    }
}

fn time(reader: &mut Reader<'_>) -> Result<Option<i64>, NotCbor> {
    match reader.item()? {
        Item::Tag(0) => time(reader),
        Item::Tag(1) => match reader.item()? {
            Item::Int(seconds) => Ok(Some(seconds)),
            _ => Err(NotCbor),
        },
        Item::String(text) => Ok(parse_rfc3339(&utf8(text))),
        Item::Null => Ok(None),
        _ => Err(NotCbor),
    }
}
