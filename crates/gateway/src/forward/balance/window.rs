//! How many requests went well and how many did not over a stretch of time, in one atomic word: every worker counts, and
//! what one reads is never half of what another wrote.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of either count; the number of the stretch has the rest.
const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const STRETCH_MAX: u64 = u64::MAX >> (2 * COUNT_BITS);

/// The counts of the stretch that was counted in last.
#[derive(Debug, Default)]
pub(super) struct Window(AtomicU64);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) requests: u64,
    /// Those of them that failed.
    pub(super) failures: u64,
}

impl Window {
    /// Counts one request in this stretch, and tells what the stretch has come to. A new stretch begins with nothing.
    pub(super) fn count(&self, stretch: u64, failed: bool) -> Tally {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let tally = unpacked(word, stretch).and(failed);
            match self
                .0
                .compare_exchange_weak(word, packed(stretch, tally), Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return tally,
                Err(newer) => word = newer,
            }
        }
    }

    /// What was counted in this stretch, which begins anew.
    pub(super) fn take(&self, stretch: u64) -> Tally {
        unpacked(self.0.swap(0, Ordering::Relaxed), stretch)
    }
}

impl Tally {
    /// At the largest number both are halved: the share of failures stays what it is.
    fn and(self, failed: bool) -> Self {
        let halved = if self.requests >= COUNT_MAX {
            Self {
                requests: self.requests / 2,
                failures: self.failures / 2,
            }
        } else {
            self
        };
        Self {
            requests: halved.requests + 1,
            failures: halved.failures + u64::from(failed),
        }
    }
}

fn packed(stretch: u64, tally: Tally) -> u64 {
    ((stretch & STRETCH_MAX) << (2 * COUNT_BITS)) | (tally.requests << COUNT_BITS) | tally.failures
}

fn unpacked(word: u64, stretch: u64) -> Tally {
    if word >> (2 * COUNT_BITS) != stretch & STRETCH_MAX {
        return Tally::default();
    }
    Tally {
        requests: (word >> COUNT_BITS) & COUNT_MAX,
        failures: word & COUNT_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_counted_apart() {
        let window = Window::default();
        let check = |stretch, failed, requests, failures| {
            assert_eq!(window.count(stretch, failed), Tally { requests, failures });
        };
        check(0, false, 1, 0);
        check(0, true, 2, 1);
        check(7, true, 1, 1);
        check(7, true, 2, 2);
        check(STRETCH_MAX + 8, false, 3, 2);
        check(8, false, 1, 0);
        assert_eq!(window.take(8).requests, 1);
        assert_eq!(window.take(8), Tally::default());
    }

    #[test]
    fn the_share_of_failures_outlives_the_largest_count() {
        let window = Window::default();
        for _ in 0..COUNT_MAX {
            window.count(1, true);
        }
        let tally = window.count(1, true);
        assert_eq!(tally.requests, tally.failures);
        assert!(tally.requests > COUNT_MAX / 2 && tally.requests <= COUNT_MAX);
    }
}
