//! How many requests may be sent again: a share of those that come, so that retries never make an outage worse.
//!
//! A bucket of tokens, shared by the workers: every request puts a part of one in, every retry takes a whole one. While
//! nothing is retried the bucket is full, and a request only looks at it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Parts of a token: the share is in percent.
const TOKEN: u64 = 100;

/// The bucket.
#[derive(Debug)]
pub(super) struct Budget {
    percent: u64,
    room: u64,
    left: AtomicU64,
}

impl Budget {
    /// A full bucket of `burst` tokens that gets `percent` hundredths of one from every request.
    pub(super) fn new(percent: u32, burst: u32) -> Self {
        let room = u64::from(burst) * TOKEN;
        Self {
            percent: u64::from(percent),
            room,
            left: AtomicU64::new(room),
        }
    }

    /// A request came.
    pub(super) fn earn(&self) {
        if self.left.load(Ordering::Relaxed) < self.room {
            let more = |left: u64| Some((left + self.percent).min(self.room));
            let _before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        }
    }

    /// Whether one may be sent again, which is paid for then.
    pub(super) fn spend(&self) -> bool {
        let less = |left: u64| left.checked_sub(TOKEN);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fifth_of_the_requests_and_a_few_more() {
        let budget = Budget::new(20, 3);
        let spent = (0..100)
            .filter(|_| {
                budget.earn();
                budget.spend()
            })
            .count();
        assert_eq!(spent, 3 + 19);
    }

    proptest! {
        /// In every stretch of time, not only from the start: `burst` and the share of what came in it.
        #[test]
        fn the_budget_is_never_exceeded(
            percent in 0..=100_u32, burst in 0..20_u32, events in prop::collection::vec(any::<bool>(), 0..400),
        ) {
            let budget = Budget::new(percent, burst);
            let mut spent = Vec::new();
            for request in events {
                if request {
                    budget.earn();
                }
                spent.push((request, !request && budget.spend()));
            }
            for start in 0..spent.len() {
                let (mut requests, mut retries) = (0_u64, 0_u64);
                for (request, retried) in &spent[start..] {
                    requests += u64::from(*request);
                    retries += u64::from(*retried);
                    prop_assert!(retries * 100 <= u64::from(burst) * 100 + requests * u64::from(percent));
                }
            }
        }
    }
}
