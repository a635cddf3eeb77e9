//! Reading values again, a few at a time.

use std::ops::ControlFlow;

use super::Session;
use crate::error::Result;
use crate::etcd::keyspace::{KeyRecord, Keyspace, RecordPlace};

/// At most so many values are held at once.
pub(in crate::ops) const BATCH: usize = 1024;
/// At most so many bytes of values are held at once, unless one alone is longer. Decoded, a value takes up to 64 times
/// as many.
pub(in crate::ops) const BATCH_BYTES: u64 = 128 << 10;

/// Gives records with what `make` makes of key, value and mod revision to `each`, in the order of `rows`, until it
/// breaks off; `None` where the value cannot be read any more.
///
/// # Errors
/// Reading, cancelling, and what `make` returns.
pub fn fetch<'r, 'i, T: Send>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    rows: impl Iterator<Item = KeyRecord<'r>>,
    make: impl Fn(&[u8], &[u8], i64) -> T + Sync,
    mut each: impl FnMut(KeyRecord<'r>, Option<T>) -> ControlFlow<()>,
) -> Result<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        session.options.cancel.check()?;
        let mut batch: Vec<KeyRecord<'r>> = Vec::new();
        let mut bytes = 0u64;
        while batch.len() < BATCH {
            let fits = |next: &KeyRecord<'_>| {
                bytes == 0 || bytes.saturating_add(next.facts.value_size) <= BATCH_BYTES
            };
            let Some(next) = rows.next_if(fits) else {
                break;
            };
            bytes = bytes.saturating_add(next.facts.value_size).max(1);
            batch.push(next);
        }
        let places: Vec<RecordPlace> = batch.iter().map(|record| record.facts.place).collect();
        if bytes > BATCH_BYTES {
            // A long value by itself. What is made of it is made here: threads in turn would each keep the
            // memory that it took.
            let read = session.map(keyspace, &places, |view| {
                let (key, value) = (view.record.key.to_vec(), view.value()?.into_owned());
                Ok((key, value, view.revision.main))
            })?;
            for (record, read) in batch.into_iter().zip(read) {
                let made = read.map(|(key, value, revision)| make(&key, &value, revision));
                if each(record, made).is_break() {
                    return Ok(());
                }
            }
            continue;
        }
        let made = session.map(keyspace, &places, |view| {
            Ok(make(view.record.key, &view.value()?, view.revision.main))
        })?;
        for (record, made) in batch.into_iter().zip(made) {
            if each(record, made).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
