//! What the service manager is told (sd_notify(3)); nothing where there is none.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The service manager that started the gate, if one did.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    watchdog: Option<Interval>,
}

impl ServiceManager {
    /// To be asked within a runtime: a watchdog is fed on its clock, twice as often as it asks for.
    pub(crate) fn new() -> Self {
        let every = sd_notify::watchdog_enabled().map(|most| most / 2);
        let watchdog = every.filter(|every| *every > Duration::ZERO).map(|every| {
            let mut watchdog = interval(every);
            watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
            watchdog
        });
        Self { watchdog }
    }

    /// The gate serves what it is configured to.
    pub(crate) fn ready(&self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The gate reads its configuration again; [`Self::ready`] ends it, whatever came of it.
    pub(crate) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
        }
    }

    /// The gate takes nothing new.
    pub(crate) fn stopping(&self, status: &str) {
        tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    /// Another process is the service from here on.
    pub(crate) fn handed_over(&self, to: u32) {
        tell(&[NotifyState::MainPid(to)]);
    }

    /// Waits until the watchdog wants to be fed; for ever where there is none.
    pub(crate) async fn watchdog(&mut self) {
        match &mut self.watchdog {
            Some(watchdog) => drop(watchdog.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Feeds the watchdog.
    pub(crate) fn alive(&self) {
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
