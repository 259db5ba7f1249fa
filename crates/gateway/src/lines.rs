//! Keeps a flood of events from becoming a flood of log lines.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Log lines of one kind, of one worker: so many a second, and one that tells how many were not written.
pub(crate) struct Lines {
    per_second_max: u32,
    /// What is said of those that are not written.
    dropping: &'static str,
    second: Cell<Option<Instant>>,
    written: Cell<u32>,
    dropped: Cell<u64>,
}

impl Lines {
    pub(crate) fn new(per_second_max: u32, dropping: &'static str) -> Self {
        Self {
            per_second_max,
            dropping,
            second: Cell::default(),
            written: Cell::default(),
            dropped: Cell::default(),
        }
    }

    /// Whether one more may be written now.
    pub(crate) fn admit(&self) -> bool {
        let now = Instant::now();
        let over = self
            .second
            .get()
            .is_none_or(|second| now.duration_since(second) >= Duration::from_secs(1));
        if over {
            self.second.set(Some(now));
            self.written.set(0);
            let dropped = self.dropped.replace(0);
            if dropped > 0 {
                tracing::warn!(dropped, "{}", self.dropping);
            }
        }
        if self.written.get() < self.per_second_max {
            self.written.set(self.written.get() + 1);
            return true;
        }
        self.dropped.set(self.dropped.get() + 1);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut() {
        let lines = Lines::new(10, "more");
        let start = Instant::now();
        let written = (0..1000).filter(|_| lines.admit()).count();
        if start.elapsed() < Duration::from_secs(1) {
            assert_eq!((written, lines.dropped.get()), (10, 990));
        }
    }
}
