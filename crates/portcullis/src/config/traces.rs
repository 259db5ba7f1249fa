//! Traces: where they go, and which requests are traced.

use std::time::Duration;

use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::spanned::Spanned;
use super::text::{CollectorUrl, Name};

/// Traces of requests, sent to an OpenTelemetry collector.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesWritten {
    /// Where the collector takes traces, by OTLP over HTTP in protobuf: `http://127.0.0.1:4318/v1/traces`.
    pub(crate) otlp: Spanned<CollectorUrl>,
    /// Which share of the requests is recorded, from 0 to 1. Default: 0.1.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) sample: Option<f64>,
    /// Believes `traceparent` and `tracestate` of callers, and records what they say is recorded. Otherwise each request
    /// begins a trace of its own, with a link to what the caller said. For callers that are your own.
    #[serde(default)]
    pub(crate) trust_incoming: bool,
    /// The name of the service in traces. Default: portcullis.
    pub(crate) service: Option<Name>,
    /// How many requests' spans wait to be sent; further ones are dropped and counted. Default: 4096.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) waiting_max: Option<u32>,
}

/// The same, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    /// Where the collector takes traces.
    pub(crate) collector: Url,
    /// Which share of the requests is recorded, in billionths.
    pub(crate) sample_billionths: u32,
    /// Whether callers are believed.
    pub(crate) trust_incoming: bool,
    /// The name of the service.
    pub(crate) service: String,
    /// How many requests' spans wait to be sent.
    pub(crate) waiting_max: usize,
}

impl Traces {
    pub(super) fn lower(raw: TracesWritten) -> Self {
        Self {
            collector: raw.otlp.value.0,
            sample_billionths: raw.sample.map_or(100_000_000, billionths),
            trust_incoming: raw.trust_incoming,
            service: raw.service.map_or_else(|| "portcullis".to_owned(), |name| name.0),
            waiting_max: raw
                .waiting_max
                .map_or(4096, |count| usize::try_from(count).unwrap_or(usize::MAX)),
        }
    }
}

/// A share of one, which the schema has held to be from 0 to 1. A second has a billion parts, too.
fn billionths(share: f64) -> u32 {
    let parts = Duration::try_from_secs_f64(share).unwrap_or_default();
    u32::try_from(parts.as_nanos()).unwrap_or(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        for (share, expected) in [(0.0, 0), (0.1, 100_000_000), (1.0, 1_000_000_000), (0.000_000_001, 1)] {
            assert_eq!(billionths(share), expected, "{share}");
        }
    }
}
