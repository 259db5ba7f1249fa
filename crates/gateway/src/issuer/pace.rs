//! Something costly that happens once in a while at most, whoever asks for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When it may happen again. Shared by all workers, which never wait for one another.
#[derive(Debug)]
pub(super) struct Pace {
    every: Duration,
    since: Instant,
    /// In milliseconds after `since`.
    next: AtomicU64,
}

impl Pace {
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self {
            every,
            since: now,
            next: AtomicU64::new(0),
        }
    }

    /// Whether it may happen now; then it may not for a while.
    pub(super) fn may(&self, now: Instant) -> bool {
        let now = milliseconds(now.saturating_duration_since(self.since));
        let next = self.next.load(Ordering::Relaxed);
        let after = now.saturating_add(milliseconds(self.every));
        let take = || {
            let taken = self
                .next
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed);
            taken.is_ok()
        };
        now >= next && take()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_happens_once_in_a_while_for_all_who_ask() {
        let start = Instant::now();
        let pace = Pace::new(Duration::from_millis(20), start);
        let at = |millis| start + Duration::from_millis(millis);
        let happened = (0..100).filter(|millis| pace.may(at(*millis)) | pace.may(at(*millis)));
        assert_eq!(happened.collect::<Vec<_>>(), [0, 20, 40, 60, 80]);
    }
}
