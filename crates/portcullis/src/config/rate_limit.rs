//! Rate limits of one operation, settled from the layers of its policy.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::message::Pointer;
use super::problems::Problems;
use super::raw::{self, Mode};
use super::spanned::Spanned;
use super::text::Name;

/// One part of the key of a rate limit.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyPart {
    /// The caller's address (its /64 network for IPv6).
    Address,
    /// The value of a header.
    Header(Name),
    /// The value of a path parameter.
    Path(Name),
    /// The value of a query parameter.
    Query(Name),
    /// The value at a JSON pointer into the body, such as `/username`.
    Body(Pointer),
    /// Who calls; callers who proved nothing count by address.
    Principal,
    /// The client that presents the credential; without one, who calls.
    Client,
    /// Whom the API key names; without one, who calls.
    ApiKey,
    /// A claim of the token, such as `tenant`; without it, who calls.
    Claim(String),
}

/// Which requests count.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Counted {
    /// Every one.
    All,
    /// Those that the upstream or the gate answered with a status of 400 or above.
    Failures,
}

/// One rate limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// Its name in refusals, logs and metrics.
    pub(crate) name: String,
    /// What is counted by; at least one part.
    pub(crate) key: Vec<KeyPart>,
    /// How many requests.
    pub(crate) requests: NonZeroU32,
    /// In which window, at least a second.
    pub(crate) per: Duration,
    /// How many may come at once.
    pub(crate) burst: NonZeroU32,
    /// Whether only answers with a status of 400 or above count.
    pub(crate) failures_only: bool,
    /// The name under which it counts together with others.
    pub(crate) shared: Option<String>,
    /// Whether values are told apart by their spelling.
    pub(crate) exact: bool,
    /// Its own mode; `None`: that of the control.
    pub(crate) mode: Option<Mode>,
}

/// Reports what is wrong with one limit.
pub(super) fn check(limit: &raw::RateLimit, problems: &mut Problems<'_>) {
    let Spanned { value: name, span } = &limit.name;
    let parts = limit.key.as_deref().unwrap_or_default();
    let twice = parts
        .iter()
        .enumerate()
        .any(|(index, part)| parts.iter().take(index).any(|earlier| earlier == part));
    if twice {
        problems.error(
            *span,
            format!("the key of `{}` names a part twice", name.0),
            "take one of them out",
        );
    }
    if parts.contains(&KeyPart::Claim(String::new())) {
        let message = format!("the key of `{}` has a claim without a name", name.0);
        problems.error(*span, message, "write such as `{claim: tenant}`");
    }
    if limit
        .burst
        .is_some_and(|burst| burst > limit.requests.saturating_mul(10))
    {
        let message = format!("the burst of `{}` is more than ten times its requests", name.0);
        problems.warning(*span, message, "such a limit only begins to hold after the burst");
    }
}

/// The limits of all layers, the outermost first; an inner one replaces an outer one of the same name. The default by
/// address stands before them all, so that no operation is without a limit unless someone says so.
pub(super) fn settle(layers: &[&raw::Policy], authentication: bool) -> Vec<RateLimit> {
    let mut limits = vec![by_address(authentication)];
    for written in layers.iter().flat_map(|layer| &layer.rate_limits) {
        let limit = lower(&written.value);
        match limits.iter_mut().find(|outer| outer.name == limit.name) {
            Some(outer) => *outer = limit,
            None => limits.push(limit),
        }
    }
    limits
}

/// The limit named `address`: 100 a second with bursts of 200; for authentication 10 a minute.
fn by_address(authentication: bool) -> RateLimit {
    let (requests, seconds, burst) = if authentication { (10, 60, 10) } else { (100, 1, 200) };
    RateLimit {
        name: "address".to_owned(),
        key: vec![KeyPart::Address],
        requests: at_least_one(requests),
        per: Duration::from_secs(seconds),
        burst: at_least_one(burst),
        failures_only: false,
        shared: None,
        exact: false,
        mode: None,
    }
}

fn lower(raw: &raw::RateLimit) -> RateLimit {
    RateLimit {
        name: raw.name.value.0.clone(),
        key: raw.key.clone().unwrap_or_else(|| vec![KeyPart::Address]),
        requests: at_least_one(raw.requests),
        per: raw.per.0,
        burst: at_least_one(raw.burst.unwrap_or(raw.requests)),
        failures_only: raw.count == Some(Counted::Failures),
        shared: raw.shared.as_ref().map(|name| name.0.clone()),
        exact: raw.exact.unwrap_or(false),
        mode: raw.mode,
    }
}

/// The schema has refused zero before.
fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
