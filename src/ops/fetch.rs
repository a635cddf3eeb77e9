//! Reading values again, a few at a time.

use std::ops::ControlFlow;

use super::keyspace::Session;
use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordFacts, RecordPlace};

/// At most so many values are held at once,
const BATCH: usize = 1024;
/// and so many bytes of them, unless one alone is longer.
const BATCH_BYTES: u64 = 32 << 20;

/// Gives records with what `make` makes of key, value and mod revision to `each`, in the order of `rows`, until it
/// breaks off; `None` where the value cannot be read any more.
///
/// # Errors
/// Reading, cancelling, and what `make` returns.
pub fn fetch<'r, 'i, T: Send>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    rows: impl Iterator<Item = RecordFacts<'r>>,
    make: impl Fn(&[u8], &[u8], i64) -> T + Sync,
    mut each: impl FnMut(RecordFacts<'r>, Option<T>) -> ControlFlow<()>,
) -> Result<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        session.options.cancel.check()?;
        let mut batch: Vec<RecordFacts<'r>> = Vec::new();
        let mut bytes = 0u64;
        while batch.len() < BATCH {
            let fits = |next: &RecordFacts<'_>| {
                bytes == 0 || bytes.saturating_add(next.value_size) <= BATCH_BYTES
            };
            let Some(next) = rows.next_if(fits) else {
                break;
            };
            bytes = bytes.saturating_add(next.value_size).max(1);
            batch.push(next);
        }
        let places: Vec<RecordPlace> = batch.iter().map(|facts| facts.place).collect();
        let made = session.map(keyspace, &places, |view| {
            Ok(make(view.record.key, &view.value()?, view.revision.main))
        })?;
        for (facts, made) in batch.into_iter().zip(made) {
            if each(facts, made).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
