//! Tuples in memory.

use std::collections::{BTreeMap, VecDeque};

use portcullis_decision::relations::{Batch, Change, Operation, Origin, Precondition, Tuple};

use crate::relations::{CHANGES_MAX, Listener, PAGE_TUPLES_MAX, Page, TUPLES_MAX, Tuples, WriteError, Written};
use crate::{Position, StoreError};

/// There is one opening: what is in memory is never opened again.
const OPENING: u64 = 1;

/// Tuples in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTuples {
    tuples: BTreeMap<Tuple, Origin>,
    /// The last changes, each with the number of its batch.
    log: VecDeque<(u64, Change)>,
    sequence: u64,
    /// The number of the last batch of which something is forgotten.
    forgotten: u64,
}

impl MemoryTuples {
    /// A store without tuples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn do_all(&mut self, batch: &Batch) -> Vec<Change> {
        let mut changes = Vec::new();
        for operation in batch.operations() {
            match operation {
                Operation::Add(tuple, origin) => {
                    if !self.tuples.contains_key(tuple) {
                        self.tuples.insert(tuple.clone(), *origin);
                        changes.push(Change::Added(tuple.clone()));
                    }
                }
                Operation::Remove(tuple) => {
                    if self.tuples.remove(tuple).is_some() {
                        changes.push(Change::Removed(tuple.clone()));
                    }
                }
                Operation::RemoveObject(object) => {
                    let has = |tuple: &Tuple, _: &mut Origin| tuple.names(object.view());
                    let gone = self.tuples.extract_if(.., has);
                    changes.extend(gone.map(|(tuple, _)| Change::Removed(tuple)));
                }
            }
        }
        changes
    }

    fn note(&mut self, changes: Vec<Change>) {
        self.sequence += 1;
        self.log
            .extend(changes.into_iter().map(|change| (self.sequence, change)));
        while u64::try_from(self.log.len()).is_ok_and(|len| len > CHANGES_MAX) {
            if let Some((number, _)) = self.log.pop_front() {
                self.forgotten = number;
            }
        }
    }
}

impl Tuples for MemoryTuples {
    fn write(&mut self, batch: &Batch) -> Result<Written, WriteError> {
        for precondition in batch.preconditions() {
            let is_met = match precondition {
                Precondition::Present(tuple) => self.tuples.contains_key(tuple),
                Precondition::Absent(tuple) => !self.tuples.contains_key(tuple),
            };
            if !is_met {
                return Err(WriteError::Unmet(Box::new(precondition.clone())));
            }
        }
        let before = self.tuples.len();
        let additions = batch.operations().len();
        if u64::try_from(before + additions).is_ok_and(|most| most > TUPLES_MAX) {
            return Err(WriteError::Full);
        }
        let changes = self.do_all(batch);
        let added = changes
            .iter()
            .filter(|change| matches!(change, Change::Added(_)))
            .count();
        let written = Written {
            added: u64::try_from(added).unwrap_or(u64::MAX),
            removed: u64::try_from(changes.len() - added).unwrap_or(u64::MAX),
        };
        if !changes.is_empty() {
            self.note(changes);
        }
        Ok(written)
    }

    fn changes(&mut self, since: Position, listener: &mut dyn Listener) -> Result<Position, StoreError> {
        let position = Position {
            opening: OPENING,
            sequence: self.sequence,
        };
        let whole = since.is_elsewhere(position) || since.sequence < self.forgotten;
        listener.begin(whole);
        if whole {
            self.tuples
                .keys()
                .for_each(|tuple| listener.hear(Change::Added(tuple.view())));
        } else {
            let new = self.log.iter().filter(|(number, _)| *number > since.sequence);
            new.for_each(|(_, change)| {
                listener.hear(match change {
                    Change::Added(tuple) => Change::Added(tuple.view()),
                    Change::Removed(tuple) => Change::Removed(tuple.view()),
                });
            });
        }
        Ok(position)
    }

    fn list(&mut self, page: &Page) -> Result<Vec<(Tuple, Origin)>, StoreError> {
        let is_meant = |(tuple, _): &(&Tuple, &Origin)| {
            tuple.object() == page.object.view() && page.after.as_ref().is_none_or(|after| order(tuple) > order(after))
        };
        let mut found: Vec<_> = self.tuples.iter().filter(is_meant).collect();
        found.sort_by_key(|(tuple, _)| order(tuple));
        found.truncate(page.tuples_max.min(PAGE_TUPLES_MAX));
        Ok(found
            .into_iter()
            .map(|(tuple, origin)| (tuple.clone(), *origin))
            .collect())
    }
}

/// In which order an object's tuples are listed: as they are written.
fn order(tuple: &Tuple) -> (String, String) {
    (tuple.relation().to_owned(), tuple.subject().to_string())
}
