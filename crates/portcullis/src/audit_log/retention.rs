//! How long entries are kept: what is too old, or too much, is pruned; what is old is compressed. Whole steps of 65,536 entries, of which
//! the hashes stay, so that what is left is proved as before.
//!
//! One small step at a time: requests may wait for the same thread.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use portcullis_audit_log::entry::Entry;
use portcullis_audit_log::index::SEGMENT_ENTRIES;
use portcullis_audit_log::tiles::{self, Kind, TileName};
use portcullis_audit_log::writer::{PRUNING_STEP_ENTRIES, WriteError, Writer};
use portcullis_store::audit_log::erasable_files;

use super::beside;
use super::open_requests::Entries;
use crate::config::audit_log::Retention;

/// How many entries are compressed in one step: as many as take a few milliseconds.
const COMPRESSED_AT_ONCE: u64 = 4 * tiles::TILE_WIDTH;

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Entries below are pruned.
    minimum_index: u64,
    /// Entries from here on are compressed,
    compress_from: u64,
    /// and those from here on are not.
    compress_end: u64,
}

/// What is known of the steps of a log, the oldest first.
struct Step {
    first: u64,
    /// When its first entry was made, in milliseconds since 1970.
    time: u64,
    bytes: u64,
}

impl Plan {
    /// What is to be done with a log of `size` published entries, of which those below `minimum_index` are pruned already.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn make(
        retention: &Retention,
        folder: &Path,
        minimum_index: u64,
        size: u64,
        now_milliseconds: u64,
    ) -> io::Result<Self> {
        let mut steps = Vec::new();
        let mut entries = Entries::new(folder, size);
        let mut first = minimum_index;
        // Only whole steps are pruned, and the newest never is.
        while first + PRUNING_STEP_ENTRIES <= size {
            let entry = entries.entry(first)?.map(Entry::read);
            let Some(Ok(entry)) = entry else { break };
            let bytes = match retention.bytes_max {
                Some(_) => bytes(folder, first)?,
                None => 0,
            };
            steps.push(Step {
                first,
                time: entry.time,
                bytes,
            });
            first += PRUNING_STEP_ENTRIES;
        }
        Ok(Self::of(retention, &steps, minimum_index, now_milliseconds))
    }

    fn of(retention: &Retention, steps: &[Step], minimum_index: u64, now: u64) -> Self {
        let before = |age: Duration| now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        // A step is as old as its last entry, which is older than the first of the next one.
        let older = |than: u64| {
            let nexts = steps.iter().skip(1).zip(steps);
            let old = nexts.take_while(|(next, _)| next.time < than);
            old.last().map_or(minimum_index, |(next, _)| next.first)
        };
        let by_age = retention.age_max.map(|age| older(before(age)));
        let by_bytes = retention.bytes_max.map(|bytes_max| {
            let mut sum = 0_u64;
            let kept = steps.iter().rev().take_while(|step| {
                sum = sum.saturating_add(step.bytes);
                sum <= bytes_max
            });
            let end = steps
                .last()
                .map_or(minimum_index, |step| step.first + PRUNING_STEP_ENTRIES);
            kept.last().map_or(end, |step| step.first)
        });
        let minimum_index = minimum_index.max(by_age.unwrap_or(0)).max(by_bytes.unwrap_or(0));
        let compress_end = retention.compress_after.map_or(minimum_index, |age| older(before(age)));
        Self {
            minimum_index,
            compress_from: minimum_index,
            compress_end,
        }
    }

    /// The same, where what comes before is compressed already.
    pub(super) fn after(self, done: Self) -> Self {
        let compress_from = self.compress_from.max(done.compress_end);
        Self { compress_from, ..self }
    }

    /// The same, without pruning what some export was not sent yet; it was sent everything before `exported`, where there is one.
    pub(super) fn sparing(self, exported: Option<u64>) -> Self {
        let minimum_index = exported.map_or(self.minimum_index, |exported| self.minimum_index.min(exported));
        Self { minimum_index, ..self }
    }

    /// Whether anything is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.compress_from >= self.compress_end && self.minimum_index == 0
    }

    /// Does a part of it. Says how many entries were pruned.
    ///
    /// # Errors
    /// The log cannot be written.
    pub(super) fn go_on(&mut self, writer: &mut Writer, folder: &Path, now: u64) -> Result<u64, WriteError> {
        let was = writer.published().minimum_index;
        let minimum_index = std::mem::take(&mut self.minimum_index);
        if minimum_index > was {
            let is = writer.prune(minimum_index, now)?;
            forget_below(folder, is);
            return Ok(is - was);
        }
        if self.compress_from < self.compress_end {
            let end = self.compress_end.min(self.compress_from + COMPRESSED_AT_ONCE);
            writer.compress(self.compress_from, end)?;
            self.compress_from = end;
        }
        Ok(0)
    }
}

/// Removes the values that lie beside entries that were pruned, also those of which something kept it from that before. The index forgets by
/// itself.
pub(super) fn forget_below(folder: &Path, minimum_index: u64) {
    let firsts = erasable_files(folder).unwrap_or_default();
    let pruned = firsts
        .into_iter()
        .filter(|first| first + SEGMENT_ENTRIES <= minimum_index);
    for file in pruned.map(|first| beside::file(folder, first)) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::error!(%error, file = %file.display(), "what was pruned of the audit log leaves this behind");
            }
            _ => {}
        }
    }
}

/// The octets of the bundles of a step, compressed or not.
fn bytes(folder: &Path, first: u64) -> io::Result<u64> {
    let mut sum = 0;
    for bundle in first / tiles::TILE_WIDTH..(first + PRUNING_STEP_ENTRIES) / tiles::TILE_WIDTH {
        let name = TileName::full(Kind::Entries, bundle);
        for name in [name.to_string(), tiles::compressed(&name)] {
            match fs::metadata(folder.join(name)) {
                Ok(file) => sum += file.len(),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    /// Three steps, a day each, of 100 octets, of which the last one is 10 days old.
    fn plan(retention: Retention) -> (u64, u64, u64) {
        let steps: Vec<Step> = (0..3)
            .map(|number| Step {
                first: number * PRUNING_STEP_ENTRIES,
                time: (100 + number) * DAY,
                bytes: 100,
            })
            .collect();
        let plan = Plan::of(&retention, &steps, 0, 112 * DAY);
        let steps = |index: u64| index / PRUNING_STEP_ENTRIES;
        (
            steps(plan.minimum_index),
            steps(plan.compress_from),
            steps(plan.compress_end),
        )
    }

    fn days(days: u64) -> Option<Duration> {
        Some(Duration::from_millis(days * DAY))
    }

    #[test]
    fn steps_are_pruned_when_the_next_one_is_too_old_as_well() {
        let of = |age| Retention {
            age_max: days(age),
            ..Retention::default()
        };
        assert_eq!(plan(of(13)).0, 0);
        assert_eq!(plan(of(10)).0, 1);
        assert_eq!(plan(of(9)).0, 2);
        assert_eq!(plan(of(1)).0, 2);
        assert_eq!(plan(Retention::default()), (0, 0, 0));
    }

    #[test]
    fn the_oldest_steps_go_when_all_together_are_too_much() {
        let of = |bytes| Retention {
            bytes_max: Some(bytes),
            ..Retention::default()
        };
        assert_eq!(plan(of(300)).0, 0);
        assert_eq!(plan(of(299)).0, 1);
        assert_eq!(plan(of(100)).0, 2);
        assert_eq!(plan(of(99)).0, 3);
    }

    #[test]
    fn what_is_kept_and_old_is_compressed() {
        let both = Retention {
            age_max: days(10),
            compress_after: days(9),
            ..Retention::default()
        };
        assert_eq!(plan(both), (1, 1, 2));
    }
}
