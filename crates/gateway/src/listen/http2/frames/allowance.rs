//! Frames that cost a client nothing are let through in a burst, and then at a rate.

use std::time::{Duration, Instant};

/// How much may be written for each window update.
const BYTES_PER_WINDOW_UPDATE: u64 = 512;

/// Frames that cost the client nothing: pings, settings, priorities, unknown ones, and tiny data.
const CONTROL: Allowance = Allowance {
    burst: 1_000,
    per_second: 200,
};
/// Streams that the client opens and takes back.
const RESETS: Allowance = Allowance {
    burst: 200,
    per_second: 50,
};
/// Window updates beyond what was written.
const WINDOW_UPDATES: Allowance = Allowance {
    burst: 1_000,
    per_second: 200,
};

/// What a client does too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Frames without effect.
    Control,
    /// Streams that are opened and taken back.
    Reset,
    /// Window updates.
    WindowUpdate,
}

/// What is left of every allowance of one connection.
#[derive(Debug)]
pub(super) struct Allowances {
    control: Purse,
    resets: Purse,
    window_updates: Purse,
    /// Bytes written since the last window update.
    written: u64,
    /// Window updates that what was written pays for, in bytes.
    credit: u64,
}

/// So many at once, and so many more each second.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    burst: u32,
    per_second: u32,
}

/// What is left of an allowance.
#[derive(Debug)]
struct Purse {
    allowance: Allowance,
    left: u32,
    since: Instant,
}

impl Allowances {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            control: Purse::new(CONTROL, now),
            resets: Purse::new(RESETS, now),
            window_updates: Purse::new(WINDOW_UPDATES, now),
            written: 0,
            credit: 0,
        }
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Takes one; false when nothing is left.
    pub(super) fn take(&mut self, counted: Counted, now: Instant) -> bool {
        match counted {
            Counted::Control => self.control.take(now),
            Counted::Reset => self.resets.take(now),
            Counted::WindowUpdate => self.is_paid_for() || self.window_updates.take(now),
        }
    }

    /// Whether what was written since pays for a window update.
    fn is_paid_for(&mut self) -> bool {
        self.credit = self.credit.saturating_add(std::mem::take(&mut self.written));
        let left = self.credit.checked_sub(BYTES_PER_WINDOW_UPDATE);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

impl Purse {
    fn new(allowance: Allowance, now: Instant) -> Self {
        Self {
            allowance,
            left: allowance.burst,
            since: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        if passed >= Duration::from_secs(1) {
            let seconds = u32::try_from(passed.as_secs()).unwrap_or(u32::MAX);
            let more = self.allowance.per_second.saturating_mul(seconds);
            self.left = self.left.saturating_add(more).min(self.allowance.burst);
            self.since = now;
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}
