//! Whether an endpoint serves: what its answers say (ejections), and what it says when it is asked (probes).
//!
//! Shared by all workers as atomics, kept over reloads. Never looks at a clock, and never decides whether an ejection is
//! allowed: that depends on the other endpoints.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::Moment;

/// How an endpoint is judged by its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassiveSettings {
    /// How many failures in a row eject it: no connection, no answer in time, no HTTP, or a status of 500 or above.
    pub failures_max: u32,
    /// How long the first ejection lasts; each one soon after another lasts twice as long.
    pub ejection_time: Duration,
    /// The longest ejection.
    pub ejection_time_max: Duration,
}

impl Default for PassiveSettings {
    fn default() -> Self {
        Self {
            failures_max: 5,
            ejection_time: Duration::from_secs(10),
            ejection_time_max: Duration::from_secs(300),
        }
    }
}

/// Whether an endpoint is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It gets requests.
    Up,
    /// It is left out for a while, since it failed.
    Ejected,
    /// It does not answer its probes as it should.
    Down,
}

/// One endpoint's health.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Failures in a row.
    failures: AtomicU32,
    /// The moment at which the last ejection ends or ended; 0 before the first.
    ejected_until: AtomicU64,
    /// Ejections one soon after the other.
    ejected_in_a_row: AtomicU32,
    /// All of them, for metrics.
    ejections: AtomicU64,
    /// Whether the end of the last one has not been told yet.
    is_out: AtomicBool,
    /// Since when it has been in service, apart from ejections; 0 from the start of the process.
    since: AtomicU64,
    down: AtomicBool,
    probed: AtomicBool,
    /// Probes in a row that speak against what is believed.
    contrary: AtomicU32,
}

impl Health {
    /// That of an endpoint that is new at this moment.
    pub(super) fn new(now: Moment) -> Self {
        Self {
            since: AtomicU64::new(now.0),
            ..Self::default()
        }
    }

    pub(super) fn service(&self, now: Moment) -> Service {
        if self.down.load(Ordering::Relaxed) {
            Service::Down
        } else if now.0 < self.ejected_until.load(Ordering::Relaxed) {
            Service::Ejected
        } else {
            Service::Up
        }
    }

    /// For how long it has been in service without a break.
    pub(super) fn up_for(&self, now: Moment) -> Duration {
        let since = self.since.load(Ordering::Relaxed);
        now.since(Moment(since.max(self.ejected_until.load(Ordering::Relaxed))))
    }

    /// Whether slow starts are over for good, or never were: the usual case, for two loads.
    pub(super) fn is_seasoned(&self) -> bool {
        self.since.load(Ordering::Relaxed) == 0 && self.ejected_until.load(Ordering::Relaxed) == 0
    }

    /// Counts an outcome; whether it is one failure in a row too many.
    pub(super) fn ended(&self, failed: bool, settings: &PassiveSettings) -> bool {
        if failed {
            return self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= settings.failures_max.max(1);
        }
        // What is already so is not written: the line of memory stays with all workers.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        false
    }

    /// Puts it out of service for a while, and tells how long. Call it under the group's lock.
    pub(super) fn eject(&self, now: Moment, settings: &PassiveSettings) -> Duration {
        let last = Ejection {
            in_a_row: self.ejected_in_a_row.load(Ordering::Relaxed),
            until: Moment(self.ejected_until.load(Ordering::Relaxed)),
        };
        let next = last.next(now, settings);
        self.failures.store(0, Ordering::Relaxed);
        self.ejected_in_a_row.store(next.in_a_row, Ordering::Relaxed);
        self.ejected_until.store(next.until.0, Ordering::Relaxed);
        self.ejections.fetch_add(1, Ordering::Relaxed);
        self.is_out.store(true, Ordering::Release);
        next.until.since(now)
    }

    /// How long until the last ejection is over; zero once, when it is.
    pub(super) fn until_back(&self, now: Moment) -> Option<Duration> {
        if !self.is_out.load(Ordering::Acquire) {
            return None;
        }
        let left = Moment(self.ejected_until.load(Ordering::Relaxed)).since(now);
        (!left.is_zero() || self.is_out.swap(false, Ordering::AcqRel)).then_some(left)
    }

    pub(super) fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Relaxed)
    }

    /// What a probe says. The first one is believed at once; later ones need `up_after` or `down_after` in a row.
    /// Whether this one changed what is believed. Only one thread probes.
    pub(super) fn probed(&self, good: bool, up_after: u32, down_after: u32, now: Moment) -> bool {
        let down = self.down.load(Ordering::Relaxed);
        let first = !self.probed.swap(true, Ordering::Relaxed);
        if good != down {
            self.contrary.store(0, Ordering::Relaxed);
            return false;
        }
        let contrary = self.contrary.load(Ordering::Relaxed) + 1;
        let enough = if good { up_after } else { down_after };
        if !first && contrary < enough {
            self.contrary.store(contrary, Ordering::Relaxed);
            return false;
        }
        self.contrary.store(0, Ordering::Relaxed);
        if good {
            self.since.store(now.0, Ordering::Relaxed);
            self.failures.store(0, Ordering::Relaxed);
        }
        self.down.store(!good, Ordering::Relaxed);
        true
    }
}

/// An ejection, the last or the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ejection {
    in_a_row: u32,
    until: Moment,
}

impl Ejection {
    /// An endpoint that served for as long as it had been out has paid for it; otherwise it stays out twice as long.
    fn next(self, now: Moment, settings: &PassiveSettings) -> Self {
        let paid = self.in_a_row == 0 || now.since(self.until) >= time(self.in_a_row, settings);
        let in_a_row = if paid { 1 } else { self.in_a_row.saturating_add(1) };
        Self {
            in_a_row,
            until: now.after(time(in_a_row, settings)),
        }
    }
}

fn time(in_a_row: u32, settings: &PassiveSettings) -> Duration {
    let doublings = in_a_row.saturating_sub(1).min(31);
    let time = settings.ejection_time.saturating_mul(1 << doublings);
    time.min(settings.ejection_time_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: PassiveSettings = PassiveSettings {
        failures_max: 3,
        ejection_time: Duration::from_secs(1),
        ejection_time_max: Duration::from_secs(5),
    };

    #[test]
    fn ejections_grow_until_the_endpoint_has_held() {
        let health = Health::default();
        for (now, expected) in [
            (1000, 1000),
            // Right after it was back.
            (2000, 2000),
            (4500, 4000),
            (8501, 5000),
            (13_501, 5000),
            // After it held for as long as it had been out.
            (18_501 + 5000, 1000),
        ] {
            let now = Moment(now);
            assert_eq!(health.service(now), Service::Up, "{now:?}");
            assert_eq!(health.eject(now, &SETTINGS), Duration::from_millis(expected), "{now:?}");
            assert_eq!(health.service(now), Service::Ejected);
        }
        assert_eq!(health.up_for(Moment(30_000)), Duration::from_millis(30_000 - 24_501));
    }

    #[test]
    fn the_end_of_an_ejection_is_told_once() {
        let health = Health::default();
        assert_eq!(health.until_back(Moment(1000)), None);
        health.eject(Moment(1000), &SETTINGS);
        assert_eq!(health.until_back(Moment(1400)), Some(Duration::from_millis(600)));
        assert_eq!(health.until_back(Moment(2000)), Some(Duration::ZERO));
        assert_eq!(health.until_back(Moment(2001)), None);
    }

    #[test]
    fn failures_count_in_a_row() {
        let check = |outcomes: &[bool], expected: bool| {
            let health = Health::default();
            let last = outcomes.iter().map(|failed| health.ended(*failed, &SETTINGS)).last();
            assert_eq!(last, Some(expected), "{outcomes:?}");
        };
        check(&[true, true], false);
        check(&[true, true, true], true);
        check(&[true, true, false, true], false);
        check(&[true, true, false, true, true, true], true);
    }

    #[test]
    fn probes_need_to_agree() {
        let health = Health::default();
        let check = |good, changed, service| {
            assert_eq!(health.probed(good, 2, 3, Moment(7)), changed);
            assert_eq!(health.service(Moment(7)), service);
        };
        check(false, true, Service::Down);
        check(true, false, Service::Down);
        check(false, false, Service::Down);
        check(true, false, Service::Down);
        check(true, true, Service::Up);
        assert_eq!(health.up_for(Moment(10)), Duration::from_millis(3));
        check(false, false, Service::Up);
        check(false, false, Service::Up);
        check(false, true, Service::Down);
    }
}
