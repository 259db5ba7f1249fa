//! Going through a segment after a start: what was committed, and whether what is wrong was torn or altered.
//!
//! A batch is synced before the next one is written, so a crash can only tear the last one. What is wrong and has something signed
//! behind it was changed by somebody, or by a disk that does not keep what it was given.

use super::batch::{Batch, beginnings};
use crate::checkpoint::KnownLog;
use crate::merkle::{Edge, Hash, leaf_hash};
use crate::tiles;

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// With a whole batch.
    Whole,
    /// With something that is none. If it is the end of the journal, a crash can have left it: then it was never acknowledged.
    Torn(Torn),
    /// There is something wrong that no crash can have left.
    Altered {
        /// The index of the first entry that is not as it was committed, or of one in the same batch.
        first: u64,
    },
}

/// What stands at the end of a segment and is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The index that its first entry had.
    pub first: u64,
    /// How long it is.
    pub bytes: usize,
}

/// Goes through a segment of a log that has `edge` before it. `each` is told of every entry of a whole batch, and the edge has them
/// afterwards.
pub fn replay(segment: &[u8], log: &KnownLog, edge: &mut Edge, mut each: impl FnMut(&[u8], Hash)) -> Replayed {
    let mut rest = segment;
    while !rest.is_empty() {
        let first = edge.size();
        let taken = Batch::take(rest);
        let good = taken
            .as_ref()
            .and_then(|(batch, after)| Some((Good::of(batch, log, edge)?, *after)));
        let Some((good, after)) = good else {
            // Something signed that goes on: here, behind what is missing, or anywhere later.
            let signed = |batch: &Batch<'_>, from: u64| batch.head.first >= from && batch.is_signed(log);
            let here = taken.is_some_and(|(batch, _)| signed(&batch, first + 1));
            let later = || {
                beginnings(rest)
                    .filter_map(Batch::take)
                    .any(|(batch, _)| signed(&batch, first))
            };
            return if here || later() {
                Replayed::Altered { first }
            } else {
                Replayed::Torn(Torn {
                    first,
                    bytes: rest.len(),
                })
            };
        };
        for (entry, leaf) in good.entries {
            each(entry, leaf);
        }
        *edge = good.edge;
        rest = after;
    }
    Replayed::Whole
}

/// A batch whose entries are those that were signed.
struct Good<'a> {
    entries: Vec<(&'a [u8], Hash)>,
    edge: Edge,
}

impl<'a> Good<'a> {
    fn of(batch: &Batch<'a>, log: &KnownLog, before: &Edge) -> Option<Self> {
        let (entries, whole) = tiles::split(batch.payload);
        let count = u64::try_from(entries.len()).ok()?;
        let follows = batch.head.first == before.size() && before.size().checked_add(count) == Some(batch.head.size);
        if !follows || whole.is_err() {
            return None;
        }
        let entries: Vec<(&[u8], Hash)> = entries.into_iter().map(|entry| (entry, leaf_hash(entry))).collect();
        let mut edge = before.clone();
        edge.extend(entries.iter().map(|(_, leaf)| *leaf));
        (edge.root() == batch.head.root && batch.is_signed(log)).then_some(Self { entries, edge })
    }
}
