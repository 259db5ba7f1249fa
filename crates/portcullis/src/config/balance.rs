//! Several endpoints: health, retries, circuits, canary, mirror; as they are written, and settled into what the gateway knows.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use portcullis_gateway::forward::balance::{
    BreakerSettings, CanarySettings, GroupSettings, MirrorSettings, Named, OutlierSettings, PassiveSettings,
    ProbeSettings, RetrySettings,
};
use portcullis_gateway::forward::headers::Rules;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::{bytes, seconds, time};
use super::message::{HeaderText, TargetPath};
use super::text::{Name, Seconds, Size, Target, UpstreamUrl};
use super::upstream::{Endpoint, UrlOr};

/// What the addresses of a name are.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resolve {
    /// Ways to one endpoint: the first that can be connected to is used.
    First,
    /// Endpoints, each with the weight of its URL.
    Each,
}

/// By which value requests stick to an endpoint. The gate sets none, and a request without it goes anywhere.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sticky {
    /// The value of a header.
    Header(Name),
    /// The value of a cookie.
    Cookie(Name),
}

/// When an endpoint is left out. Failures are connections that do not come about, answers that do not come or are no HTTP, and
/// statuses of 500 and above.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// What each endpoint is asked for by the gate itself, now and then, such as `/healthz`. Default: nothing.
    pub(crate) path: Option<TargetPath>,
    /// How often it is asked. Default: 5.
    pub(crate) interval_seconds: Option<Seconds>,
    /// How long that answer may take. Default: 2.
    pub(crate) answer_seconds_max: Option<Seconds>,
    /// The statuses that are good answers. Default: 200 to 299.
    #[schemars(length(min = 1, max = 64), inner(range(min = 200, max = 599)))]
    pub(crate) statuses: Option<Vec<u16>>,
    /// How many good answers in a row bring an endpoint back. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) up_after: Option<u32>,
    /// How many bad ones in a row take it out. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) down_after: Option<u32>,
    /// How many failures in a row of what callers ask leave an endpoint out for a while. Default: 5.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) failures_max: Option<u32>,
    /// How long it is left out the first time; twice as long each time that it fails soon again. Default: 10.
    pub(crate) ejection_seconds: Option<Seconds>,
    /// The longest time that it is left out. Default: 300.
    pub(crate) ejection_seconds_max: Option<Seconds>,
    /// The largest share of the endpoints that are left out for failing. Default: 50.
    #[schemars(range(min = 0, max = 99))]
    pub(crate) ejected_percent_max: Option<u32>,
    /// When an endpoint is left out for failing more often than the others.
    #[serde(default)]
    pub(crate) outlier: Outlier,
}

/// When an endpoint is left out for failing more often than the others.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outlier {
    /// How many percentage points more of its requests fail than of those of the others together. Default: 30.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) percent: Option<u32>,
    /// Over how long they are compared. Default: 10.
    pub(crate) interval_seconds: Option<Seconds>,
    /// How many requests it takes to judge. Default: 20.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) requests_min: Option<u32>,
}

/// When requests are sent once more: those with a body at hand, of operations that may be repeated (by their method, or as
/// `retry` in their policy says), or that no endpoint has seen.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retries {
    /// How often one request is. Default: 1.
    #[schemars(range(min = 0, max = 5))]
    pub(crate) retries_max: Option<u32>,
    /// After which statuses, besides broken connections; 502, 503 and 504 suggest themselves. Default: none.
    #[schemars(length(max = 16), inner(range(min = 500, max = 599)))]
    pub(crate) statuses: Option<Vec<u16>>,
    /// How many of a hundred requests are, over all endpoints and workers. Default: 20.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) budget_percent: Option<u32>,
    /// How many more than that are at once. Default: 10.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) budget_burst: Option<u32>,
    /// The longest pause before the first time; twice as long each further time. Default: 0.025.
    pub(crate) pause_seconds_max: Option<Seconds>,
}

/// When nothing is sent to an endpoint for a while, so that it can recover. Callers get 503 with `Retry-After` where no
/// other endpoint is there.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Breaker {
    /// How many of a hundred requests have failed. Default: 50.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) failure_percent: Option<u32>,
    /// How many requests it takes to judge. Default: 20.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) requests_min: Option<u32>,
    /// How long failures count together. Default: 10.
    pub(crate) window_seconds: Option<Seconds>,
    /// How long nothing is sent. Default: 10.
    pub(crate) open_seconds: Option<Seconds>,
    /// How many requests try the endpoint afterwards, all of which have to succeed. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) trials: Option<u32>,
}

/// Other endpoints that a share of the requests goes to: those of a new version. What sticks, sticks to one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canary {
    /// Where they listen. Where none of them is in service, the others get the requests.
    #[schemars(length(min = 1, max = 256))]
    pub(crate) endpoints: Vec<UrlOr<Endpoint>>,
    /// How many of a hundred requests, such as `5` or `0.1`. Default: 0, only those that name it.
    pub(crate) percent: Option<Percent>,
    /// Requests with this header go there, whatever the share.
    pub(crate) header: Option<HeaderIs>,
}

/// A header and its value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderIs {
    /// Its name.
    pub(crate) name: Name,
    /// The only value that counts.
    pub(crate) value: HeaderText,
}

/// A second upstream that gets copies of requests, with whatever credentials are in them; only of requests without a body or
/// with one that was judged whole.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mirror {
    /// Where it listens.
    pub(crate) url: UpstreamUrl,
    /// How many of a hundred requests, such as `5` or `0.1`. Default: 100.
    pub(crate) percent: Option<Percent>,
    /// Copies requests of methods other than GET, HEAD and OPTIONS, too: the mirror does what they ask for.
    #[serde(default)]
    pub(crate) dangerous_unsafe_methods: bool,
    /// How many copies are under way at once; others are left out. Default: 64.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) copies_max: Option<u32>,
    /// How many bytes their bodies have together. Default: 4MiB.
    pub(crate) bytes_max: Option<Size>,
}

/// A share in percent.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(transparent)]
#[schemars(extend("minimum" = 0, "maximum" = 100))]
pub(crate) struct Percent(f64);

impl Percent {
    /// In ten thousandths. The number is read as one of seconds, whose nanoseconds are exact enough and whole.
    fn per_ten_thousand(self) -> u32 {
        let nanoseconds = Duration::try_from_secs_f64(self.0).unwrap_or_default().as_nanos();
        u32::try_from((nanoseconds + 5_000_000) / 10_000_000)
            .unwrap_or(10_000)
            .min(10_000)
    }
}

impl Sticky {
    pub(super) fn settled(&self) -> Option<Named> {
        match self {
            Self::Header(name) => header_name(name).map(Named::Header),
            Self::Cookie(name) => Some(Named::Cookie(name.0.as_str().into())),
        }
    }
}

impl Health {
    pub(super) fn passive(&self) -> PassiveSettings {
        let default = PassiveSettings::default();
        let ejection_time = time(self.ejection_seconds, default.ejection_time);
        PassiveSettings {
            failures_max: self.failures_max.unwrap_or(default.failures_max),
            ejection_time,
            ejection_time_max: time(self.ejection_seconds_max, default.ejection_time_max).max(ejection_time),
        }
    }

    pub(super) fn probe(&self) -> Option<ProbeSettings> {
        Some(ProbeSettings {
            target: self.path.as_ref()?.0.clone(),
            interval: seconds(self.interval_seconds, 5),
            time_max: seconds(self.answer_seconds_max, 2),
            statuses: statuses(self.statuses.as_deref()),
            up_after: self.up_after.unwrap_or(2),
            down_after: self.down_after.unwrap_or(3),
        })
    }

    /// Whether it says how endpoints are asked.
    pub(super) fn asks(&self) -> bool {
        let times = self.interval_seconds.is_some() || self.answer_seconds_max.is_some();
        times || self.statuses.is_some() || self.up_after.is_some() || self.down_after.is_some()
    }

    pub(super) fn group(&self, slow_start: Option<Seconds>) -> GroupSettings {
        let (group, default, outlier) = (GroupSettings::default(), OutlierSettings::default(), self.outlier);
        GroupSettings {
            slow_start: time(slow_start, group.slow_start),
            ejected_percent_max: self.ejected_percent_max.unwrap_or(group.ejected_percent_max),
            outlier: Some(OutlierSettings {
                interval: time(outlier.interval_seconds, default.interval),
                points: outlier.percent.unwrap_or(default.points),
                requests_min: outlier.requests_min.unwrap_or(default.requests_min),
            }),
        }
    }
}

impl Retries {
    pub(super) fn settled(&self) -> RetrySettings {
        let default = RetrySettings::default();
        RetrySettings {
            retries_max: self.retries_max.unwrap_or(default.retries_max),
            statuses: statuses(self.statuses.as_deref()),
            budget_percent: self.budget_percent.unwrap_or(default.budget_percent),
            budget_burst: self.budget_burst.unwrap_or(default.budget_burst),
            backoff: time(self.pause_seconds_max, default.backoff),
        }
    }
}

impl Breaker {
    pub(super) fn settled(self) -> BreakerSettings {
        let default = BreakerSettings::default();
        BreakerSettings {
            failure_percent: self.failure_percent.unwrap_or(default.failure_percent),
            requests_min: self.requests_min.unwrap_or(default.requests_min),
            window: time(self.window_seconds, default.window),
            open_time: time(self.open_seconds, default.open_time),
            trials: self.trials.unwrap_or(default.trials),
        }
    }
}

impl Canary {
    pub(super) fn settled(&self) -> CanarySettings {
        let named_by = self.header.as_ref().and_then(|header| {
            let value = HeaderValue::from_str(&header.value.0).ok()?;
            Some((header_name(&header.name)?, value))
        });
        CanarySettings {
            per_ten_thousand: self.percent.map_or(0, Percent::per_ten_thousand),
            named_by,
        }
    }
}

impl Mirror {
    pub(super) fn target(&self) -> Target {
        self.url.0.clone()
    }

    pub(super) fn settled(&self) -> MirrorSettings {
        MirrorSettings {
            per_ten_thousand: self.percent.map_or(10_000, Percent::per_ten_thousand),
            dangerous_unsafe_methods: self.dangerous_unsafe_methods,
            copies_max: usize::try_from(self.copies_max.unwrap_or(64)).unwrap_or(usize::MAX),
            bytes_max: bytes(self.bytes_max, 4 << 20),
            rules: Rules::default(),
        }
    }
}

/// The schema has refused others before.
fn statuses(written: Option<&[u16]>) -> Vec<StatusCode> {
    let written = written.unwrap_or_default();
    written
        .iter()
        .filter_map(|status| StatusCode::from_u16(*status).ok())
        .collect()
}

/// A name is always one of a header, too (RFC 9110 section 5.1).
fn header_name(name: &Name) -> Option<HeaderName> {
    HeaderName::from_bytes(name.0.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_to_a_hundredth_of_a_percent() {
        for (percent, expected) in [
            (0.0, 0),
            (0.01, 1),
            (0.1, 10),
            (5.0, 500),
            (33.333, 3333),
            (99.99, 9999),
            (100.0, 10_000),
        ] {
            assert_eq!(Percent(percent).per_ten_thousand(), expected, "{percent}");
        }
    }
}
