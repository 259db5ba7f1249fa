//! The circuit breaker of one endpoint: after too many failures nothing is sent for a while, then a few requests try
//! whether it answers again.
//!
//! Closed, open and half-open are one word, the moment until which it is open; half-open is what that moment has passed
//! and nobody has closed. Never looks at a clock: the moment is an argument.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::Moment;
use super::window::{Tally, Window};

/// The moment of a breaker that is closed.
const CLOSED: u64 = 0;

/// When a circuit opens, and how it closes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// The share of failures that opens it, in percent: 1 to 100.
    pub failure_percent: u32,
    /// The least requests of a window that are judged.
    pub requests_min: u32,
    /// How long failures are counted together; windows follow each other.
    pub window: Duration,
    /// How long it stays open.
    pub open_time: Duration,
    /// How many requests try it at once when it is half open, and how many have to succeed before it closes.
    pub trials: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failure_percent: 50,
            requests_min: 20,
            window: Duration::from_secs(10),
            open_time: Duration::from_secs(10),
            trials: 3,
        }
    }
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Requests pass.
    Closed,
    /// None passes.
    Open,
    /// A few pass, to try it.
    HalfOpen,
}

/// The leave to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Of a closed circuit.
    Free,
    /// To try a half-open one.
    Trial,
}

/// One endpoint's circuit, shared by all workers.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    /// Milliseconds; [`CLOSED`] while it is closed.
    open_until: AtomicU64,
    /// Trials under way.
    trying: AtomicU32,
    /// Trials that succeeded in a row.
    proven: AtomicU32,
    window: Window,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            open_until: AtomicU64::new(CLOSED),
            trying: AtomicU32::new(0),
            proven: AtomicU32::new(0),
            window: Window::default(),
        }
    }

    pub(crate) fn circuit(&self, now: Moment) -> Circuit {
        match self.open_until.load(Ordering::Relaxed) {
            CLOSED => Circuit::Closed,
            until if now.0 < until => Circuit::Open,
            _ => Circuit::HalfOpen,
        }
    }

    /// The leave to send a request.
    ///
    /// # Errors
    /// How long to wait before another may be sent.
    pub(crate) fn admit(&self, now: Moment) -> Result<Pass, Duration> {
        match self.open_until.load(Ordering::Relaxed) {
            CLOSED => Ok(Pass::Free),
            until if now.0 < until => Err(Duration::from_millis(until - now.0)),
            _ => {
                let more = |trying: u32| (trying < self.settings.trials).then_some(trying + 1);
                match self.trying.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more) {
                    Ok(_) => Ok(Pass::Trial),
                    Err(_) => Err(Duration::from_secs(1)),
                }
            }
        }
    }

    /// What came of a request.
    pub(crate) fn ended(&self, pass: Pass, failed: bool, now: Moment) {
        match (pass, failed) {
            (Pass::Free, _) => {
                if self.is_too_much(self.window.count(self.stretch(now), failed)) {
                    self.open(CLOSED, now);
                }
            }
            (Pass::Trial, true) => {
                self.given_up(pass);
                self.open(self.open_until.load(Ordering::Relaxed), now);
            }
            (Pass::Trial, false) => {
                self.given_up(pass);
                if self.proven.fetch_add(1, Ordering::AcqRel) + 1 >= self.settings.trials {
                    self.window.take(self.stretch(now));
                    self.open_until.store(CLOSED, Ordering::Release);
                }
            }
        }
    }

    /// Nobody knows what came of a request: its client left, or its own body failed.
    pub(super) fn given_up(&self, pass: Pass) {
        if pass == Pass::Trial {
            self.trying.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn open(&self, before: u64, now: Moment) {
        // Another worker that opened it at the same time has done all there is to do.
        let until = now.after(self.settings.open_time).0;
        if self
            .open_until
            .compare_exchange(before, until, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            self.proven.store(0, Ordering::Release);
        }
    }

    fn is_too_much(&self, tally: Tally) -> bool {
        tally.requests >= u64::from(self.settings.requests_min.max(1))
            && tally.failures * 100 >= tally.requests * u64::from(self.settings.failure_percent.max(1))
    }

    fn stretch(&self, now: Moment) -> u64 {
        now.stretch(self.settings.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings {
            failure_percent: 50,
            requests_min: 4,
            window: Duration::from_secs(1),
            open_time: Duration::from_secs(5),
            trials: 2,
        })
    }

    #[test]
    fn the_circuit_opens_by_its_share_of_failures() {
        let check = |requests: &[(u64, bool)], expected: Circuit| {
            let breaker = breaker();
            for (at, failed) in requests {
                breaker.ended(Pass::Free, *failed, Moment(*at));
            }
            assert_eq!(breaker.circuit(Moment(1999)), expected, "{requests:?}");
        };
        let (good, bad) = (false, true);
        check(&[(1000, bad), (1000, bad), (1000, bad)], Circuit::Closed);
        check(&[(1000, bad), (1000, bad), (1000, bad), (1999, bad)], Circuit::Open);
        check(&[(1000, good), (1000, bad), (1000, good), (1000, bad)], Circuit::Open);
        check(
            &[(1000, good), (1000, good), (1000, good), (1000, bad)],
            Circuit::Closed,
        );
        // Another window.
        check(&[(999, bad), (999, bad), (1000, bad), (1000, bad)], Circuit::Closed);
    }

    fn opened() -> Breaker {
        let breaker = breaker();
        (0..4).for_each(|_| breaker.ended(Pass::Free, true, Moment(1000)));
        breaker
    }

    #[test]
    fn an_open_circuit_tells_how_long() {
        let breaker = opened();
        assert_eq!(breaker.admit(Moment(2000)), Err(Duration::from_secs(4)));
        assert_eq!(breaker.admit(Moment(5999)), Err(Duration::from_millis(1)));
        assert_eq!(breaker.admit(Moment(6000)), Ok(Pass::Trial));
    }

    #[test]
    fn a_half_open_circuit_lets_a_few_pass_and_closes_when_they_succeed() {
        let breaker = opened();
        let now = Moment(6000);
        assert_eq!(
            (breaker.admit(now), breaker.admit(now)),
            (Ok(Pass::Trial), Ok(Pass::Trial))
        );
        assert!(breaker.admit(now).is_err());
        breaker.ended(Pass::Trial, false, now);
        assert_eq!(breaker.circuit(now), Circuit::HalfOpen);
        // A request from before it opened proves nothing.
        breaker.ended(Pass::Free, false, now);
        assert_eq!(breaker.circuit(now), Circuit::HalfOpen);
        breaker.ended(Pass::Trial, false, now);
        assert_eq!(
            (breaker.circuit(now), breaker.admit(now)),
            (Circuit::Closed, Ok(Pass::Free))
        );
        breaker.ended(Pass::Free, true, now);
        assert_eq!(breaker.circuit(now), Circuit::Closed);
    }

    #[test]
    fn a_failed_trial_opens_it_again_and_an_abandoned_one_makes_room() {
        let breaker = opened();
        let now = Moment(6000);
        assert_eq!(
            (breaker.admit(now), breaker.admit(now)),
            (Ok(Pass::Trial), Ok(Pass::Trial))
        );
        breaker.given_up(Pass::Trial);
        assert_eq!(breaker.admit(now), Ok(Pass::Trial));
        breaker.ended(Pass::Trial, false, now);
        breaker.ended(Pass::Trial, true, now);
        assert_eq!(breaker.admit(Moment(10_999)), Err(Duration::from_millis(1)));
        // What was proven before counts no more.
        let later = Moment(11_000);
        assert_eq!(breaker.admit(later), Ok(Pass::Trial));
        breaker.ended(Pass::Trial, false, later);
        assert_eq!(breaker.circuit(later), Circuit::HalfOpen);
    }
}
