//! Which endpoint of an upstream a request goes to, and what becomes of the endpoints: load, health, circuits, retries.
//!
//! What the workers share are atomics; a lock is taken only where an endpoint is put out of service, on a reload, and by the
//! [`Upkeep`], the one thread that asks endpoints for their health and the system for their addresses. Never judges a request,
//! and never sends one again that its upstream may have acted on, unless that does no harm.

mod balanced;
mod breaker;
mod budget;
mod choice;
mod endpoint;
mod fleet;
mod group;
mod health;
mod mirror;
mod outlier;
mod pools;
mod probe;
mod retry;
mod site;
mod sticky;
#[cfg(test)]
mod tests;
mod upkeep;
mod window;

use std::time::{Duration, Instant};

pub(crate) use balanced::Asked;
pub use balanced::{Balanced, BalancedSettings, CanarySettings};
pub(crate) use breaker::{Breaker, Pass};
pub use breaker::{BreakerSettings, Circuit};
pub(crate) use endpoint::Visit;
pub use endpoint::{Cause, Endpoint, EndpointSettings, EndpointState};
pub use fleet::{Fleet, InService};
pub use group::{Group, GroupSettings};
pub use health::{PassiveSettings, Service};
pub use mirror::{Mirror, MirrorSettings};
pub use outlier::OutlierSettings;
pub use pools::Pools;
pub use probe::ProbeSettings;
pub use retry::{Repeat, RetrySettings};
pub use site::Site;
pub use sticky::{Named, Wish};
pub use upkeep::Upkeep;

/// Milliseconds since the fleet of endpoints was made, or whatever else has circuits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// That of `now`, where moments count from `start`.
    pub(crate) fn between(start: Instant, now: Instant) -> Self {
        Self(milliseconds(now.saturating_duration_since(start)))
    }

    fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(time)))
    }

    fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Which of the stretches of this length, one after the other, it lies in.
    fn stretch(self, length: Duration) -> u64 {
        self.0 / milliseconds(length).max(1)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
