//! The limits that hold where nobody declared any: generous for all, strict where passwords and codes are guessed.

use super::gcra::Quota;
use super::key::{Part, Scope, Source};
use super::{Counts, Limit, Mode, Stage};
use std::num::NonZeroU32;
use std::time::Duration;

/// Requests per second of one address to the gate as a whole, unknown paths included.
pub const ARRIVAL_PER_SECOND: u32 = 500;
/// How many of those at once.
pub const ARRIVAL_BURST: u32 = 1000;
/// Requests per second of one address to one operation.
pub const ADDRESS_PER_SECOND: u32 = 100;
/// How many of those at once.
pub const ADDRESS_BURST: u32 = 200;
/// Requests per minute of one address to one authentication endpoint, and as many at once.
pub const AUTHENTICATION_PER_MINUTE: u32 = 10;
/// Failures per [`FAILURES_PERIOD`] against one target of an authentication endpoint, and as many at once.
pub const FAILURES: u32 = 5;
/// See [`FAILURES`]: 15 minutes.
pub const FAILURES_PERIOD: Duration = Duration::from_secs(15 * 60);

/// What every address may ask of the gate, before it is known for what.
#[must_use]
pub fn arrival() -> Vec<Limit> {
    let quota = quota(ARRIVAL_PER_SECOND, Duration::from_secs(1), ARRIVAL_BURST);
    limit(
        "address",
        Scope::Shared("gateway".into()),
        Part::new(Source::Address),
        quota,
        Stage::Arrival,
    )
    .into_iter()
    .collect()
}

/// What every address may ask of one operation.
#[must_use]
pub fn operation(api: &str, operation: &str) -> Vec<Limit> {
    let quota = quota(ADDRESS_PER_SECOND, Duration::from_secs(1), ADDRESS_BURST);
    limit(
        "address",
        scope(api, operation),
        Part::new(Source::Address),
        quota,
        Stage::Routed,
    )
    .into_iter()
    .collect()
}

/// What one address may ask of one authentication endpoint, and how often anybody may fail against one target of it: the
/// user name, the account, the code that is guessed. Without a declared target only the address is limited.
#[must_use]
pub fn authentication(api: &str, operation: &str, target: Option<Part>) -> Vec<Limit> {
    let per_address = quota(
        AUTHENTICATION_PER_MINUTE,
        Duration::from_secs(60),
        AUTHENTICATION_PER_MINUTE,
    );
    let address = Part::new(Source::Address);
    let by_address = limit(
        "authentication-address",
        scope(api, operation),
        address,
        per_address,
        Stage::Routed,
    );
    let failures = target.and_then(|target| {
        let quota = quota(FAILURES, FAILURES_PERIOD, FAILURES);
        let limit = limit(
            "authentication-target",
            scope(api, operation),
            target,
            quota,
            Stage::Target,
        )?;
        Some(Limit {
            counts: Counts::Failures,
            ..limit
        })
    });
    by_address.into_iter().chain(failures).collect()
}

fn scope(api: &str, operation: &str) -> Scope {
    Scope::Operation {
        api: api.into(),
        operation: operation.into(),
    }
}

fn limit(name: &str, scope: Scope, part: Part, quota: Option<Quota>, stage: Stage) -> Option<Limit> {
    let (counts, mode) = (Counts::All, Mode::Enforce);
    quota.map(|quota| Limit {
        name: name.into(),
        scope,
        parts: vec![part],
        quota,
        counts,
        stage,
        mode,
    })
}

/// None only if a constant above were out of bounds, which a test rules out.
fn quota(requests: u32, per: Duration, burst: u32) -> Option<Quota> {
    Quota::new(NonZeroU32::new(requests)?, per, NonZeroU32::new(burst)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_there() {
        let names = |limits: Vec<Limit>| limits.iter().map(|limit| limit.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(arrival()), ["address"]);
        assert_eq!(names(operation("a", "o")), ["address"]);
        assert_eq!(names(authentication("a", "o", None)), ["authentication-address"]);
        let target = Part::new(Source::Query("user".into()));
        let limits = authentication("a", "o", Some(target));
        assert_eq!(
            limits.last().map(|limit| (limit.counts, limit.stage)),
            Some((Counts::Failures, Stage::Target))
        );
        assert_eq!(names(limits), ["authentication-address", "authentication-target"]);
    }
}
