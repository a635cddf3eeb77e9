//! Lists in the order of a field.

use std::ops::ControlFlow;

use super::go_sort::GoSort;
use super::list::{FoundObject, ObjectList};
use super::reader::{ValueContent, ValueReader};
use crate::error::{Error, Result};
use crate::kubernetes::memory_of;
use crate::kubernetes::show::sort::{SortError, SortPath};
use crate::ops::session::Session;

/// What the values of the field may take, all together.
const MEMORY: usize = 256 << 20;

impl<'i> ObjectList<'i> {
    /// Puts the objects into the order that kubectl gives them by a field; each kind by itself if `by_kind`. Secrets
    /// are hidden before, so that the order tells nothing of them.
    ///
    /// # Errors
    /// [`Error::Query`] with a [`SortError`], where they have no order by this field; reading, cancelling.
    pub fn sort_by(
        &mut self,
        session: &Session<'i>,
        reader: &ValueReader,
        path: &SortPath,
        by_kind: bool,
    ) -> Result<()> {
        let mut keys = Vec::with_capacity(self.found.len());
        let mut memory = 0usize;
        let mut failure = None;
        let mut has_objects = false;
        self.fetch(
            session,
            &self.found,
            |key, value, revision| match reader.read(key, value, revision).content {
                ValueContent::Object(object) => Some(path.key(&object.json)),
                _ => None,
            },
            |_, key| {
                let key = key.flatten();
                has_objects |= key.is_some();
                match key.unwrap_or(Ok(None)) {
                    Ok(key) => {
                        memory = memory.saturating_add(key.as_ref().map_or(0, memory_of));
                        keys.push(key);
                    }
                    Err(error) => failure = Some(error.into()),
                }
                if memory > MEMORY {
                    failure = Some(SortError::TooLarge(path.text().to_owned()));
                }
                match failure {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            },
        )?;
        if let Some(failure) = failure {
            return Err(Error::Query(Box::new(failure)));
        }
        // What cannot be read stays in its order.
        if !has_objects {
            return Ok(());
        }
        if keys.iter().all(Option::is_none) {
            let failure = SortError::NotFound(path.text().to_owned());
            return Err(Error::Query(Box::new(failure)));
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        let mut is_less = |a: &usize, b: &usize| {
            let key = |at: &usize| keys.get(*at).and_then(Option::as_ref);
            path.is_less(key(a), key(b)).unwrap_or_else(|error| {
                failure.get_or_insert(error);
                false
            })
        };
        match by_kind {
            false => GoSort::sort(&mut order, &mut is_less),
            true => {
                let mut rest = order.as_mut_slice();
                for group in self.found.chunk_by(|a, b| self.are_of_one_kind(a, b)) {
                    let (part, behind) = std::mem::take(&mut rest).split_at_mut(group.len());
                    GoSort::sort(part, &mut is_less);
                    rest = behind;
                }
            }
        }
        if let Some(failure) = failure {
            return Err(Error::Query(Box::new(failure)));
        }
        drop(keys);
        put_into_order(&mut self.found, &mut order);
        Ok(())
    }

    /// True when objects stand in one table.
    pub fn are_of_one_kind(&self, a: &FoundObject, b: &FoundObject) -> bool {
        let of = |found| {
            let kind = self.kind(found);
            kind.map(|kind| (&kind.resource.group, &kind.resource.kind))
        };
        of(a) == of(b)
    }
}

/// Puts the element that is at `order[n]` at `n`, for all of them: without a copy of the list, which may be most of what
/// there is memory for. `order` has each place once, and is of no use afterwards.
fn put_into_order<T>(elements: &mut [T], order: &mut [usize]) {
    for start in 0..order.len() {
        let mut at = start;
        while let Some(from) = order.get(at).copied().filter(|from| *from != at) {
            if let Some(place) = order.get_mut(at) {
                *place = at;
            }
            // The cycle ends where it began.
            if from == start || from >= elements.len() {
                break;
            }
            elements.swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_five_is_put_into_place() {
        let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..5 {
            let longer = orders.iter().flat_map(|order| {
                let others = (0..5).filter(|at| !order.contains(at));
                others.map(|at| [order.as_slice(), &[at]].concat())
            });
            orders = longer.collect();
        }
        assert_eq!(orders.len(), 120);
        for order in orders {
            let mut elements = ["a", "b", "c", "d", "e"];
            let wanted: Vec<&str> = order.iter().map(|at| elements[*at]).collect();
            put_into_order(&mut elements, &mut order.clone());
            assert_eq!(elements[..], wanted, "{order:?}");
        }
    }
}
