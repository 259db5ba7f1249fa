//! What wakes the threads that deliver, and ends them. Ringing it never waits for anybody.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wakes threads when something was published, and says until when they have time to end.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<Rung>,
    heard: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rung {
    times: u64,
    stop_until: Option<Instant>,
}

/// How far somebody has listened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard(u64);

impl Bell {
    /// Something was published.
    pub(super) fn ring(&self) {
        let mut rung = self.rung();
        rung.times = rung.times.wrapping_add(1);
        self.heard.notify_all();
    }

    /// From here on it is time to end, and to be done by then.
    pub(super) fn stop(&self, until: Instant) {
        self.rung().stop_until = Some(until);
        self.heard.notify_all();
    }

    /// Until when there is time, if it is time to end.
    pub(super) fn stops(&self) -> Option<Instant> {
        self.rung().stop_until
    }

    /// Waits until it rings, unless it has since `heard`, or it is time to end, or this long.
    pub(super) fn wait(&self, heard: &mut Heard, time_max: Duration) {
        let rung = self.wait_while(time_max, |rung| rung.times == heard.0);
        heard.0 = rung.times;
    }

    /// Waits this long, unless it is time to end.
    pub(super) fn pause(&self, time: Duration) {
        self.wait_while(time, |_| true);
    }

    fn wait_while(&self, time_max: Duration, goes_on: impl Fn(&Rung) -> bool) -> Rung {
        let waiting = |rung: &mut Rung| rung.stop_until.is_none() && goes_on(rung);
        let waited = self.heard.wait_timeout_while(self.rung(), time_max, waiting);
        let (rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rung
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        // Nobody panics with it in hand, and it would be whole.
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
