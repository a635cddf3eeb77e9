//! Bringing one state to the other: the proof that a comparison is complete.

use std::collections::BTreeMap;

use super::Diff;
use crate::error::Result;
use crate::etcd::LeaseId;
use crate::etcd::keyspace::RecordPlace;
use crate::ops::session::Session;

/// The live keys of a state: value and lease of each.
pub type State = BTreeMap<Vec<u8>, (Vec<u8>, LeaseId)>;

impl<'i> Diff<'i> {
    /// Turns `state`, the keys of the old state, into those of the new one. `new` is the session of the new
    /// file; of one file, the same. What damage in the new file may hide stays as it was.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn apply(&self, new: &Session<'i>, state: &mut State) -> Result<()> {
        let places: Vec<RecordPlace> = self
            .rows
            .iter()
            .filter_map(|pair| Some(pair.new?.place))
            .collect();
        let values = new.map(self.new_keyspace(), &places, |view| {
            Ok((view.value()?.into_owned(), view.record.lease))
        })?;
        let mut values = values.into_iter();
        for pair in &self.rows {
            if pair.new.is_some() {
                if let Some(value) = values.next().flatten()
                    && !self.is_lost(pair)
                {
                    state.insert(pair.key.clone(), value);
                }
            } else if !self.comparison.new.is_damaged {
                state.remove(&pair.key);
            }
        }
        Ok(())
    }
}
