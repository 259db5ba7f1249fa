//! How an issuer is asked about its tokens, as it is written and settled.

use std::path::Path;
use std::time::Duration;

use portcullis_gateway::issuer::AskingBounds;
use portcullis_identity::jose::claims::Expected;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::seconds;
use super::problems::Problems;
use super::spanned::{NamedFile, Spanned};
use super::text::{Location, Seconds, is_plain};

/// How long an answer counts where nothing is said.
const ANSWER_SECONDS_MAX: u64 = 1;
/// How long an answer is waited for where nothing is said.
const WAIT_SECONDS_MAX: u64 = 2;
/// How many tokens are asked about at once where nothing is said.
const QUESTIONS_MAX: usize = 64;

/// Where an issuer is asked about its tokens (RFC 7662), and who asks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntrospectionWritten {
    /// The introspection endpoint, a URL of https.
    pub(crate) url: Spanned<String>,
    /// What the gate is called as a client of the issuer.
    pub(crate) client_id: Spanned<String>,
    /// A file with the client's secret in its only line, relative to the configuration; read again when it changes.
    pub(crate) client_secret_file: Spanned<Location>,
    /// How long an answer counts, and a revoked token with it; 0: each request asks. Default: 1.
    #[schemars(range(min = 0, max = 60))]
    pub(crate) answer_seconds_max: Option<u64>,
    /// How long a request waits for an answer. Default: 2.
    pub(crate) wait_seconds_max: Option<Seconds>,
    /// How many tokens are asked about at once; requests with further ones are refused. Default: 64.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) questions_max: Option<u16>,
    /// Takes tokens of which the issuer does not say whom they are for (`aud`): one that was made for somebody else passes.
    #[serde(default)]
    pub(crate) dangerous_without_audience: bool,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
    /// Allows a URL of `http`: whoever is on the way reads tokens and the secret, and answers what they like.
    #[serde(default)]
    pub(crate) dangerous_plain_http: bool,
}

/// The same, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Introspection {
    /// The endpoint.
    pub(crate) url: Url,
    /// What the gate is called there.
    pub(crate) client_id: String,
    /// Where its secret is.
    pub(crate) client_secret: NamedFile,
    /// How much is asked.
    pub(crate) bounds: AskingBounds,
    /// Whether its host may have an address that is not public.
    pub(crate) private_address: bool,
    /// Whether answers may leave out `aud`.
    without_audience: bool,
}

impl Introspection {
    pub(super) fn lower(
        Spanned { value: raw, span }: Spanned<IntrospectionWritten>,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let parsed = Url::parse(&raw.url.value).ok().filter(is_plain);
        let safe = parsed.filter(|url| url.scheme() == "https" || raw.dangerous_plain_http);
        if safe.is_none() {
            let message = format!(
                "`{}` is no URL of https, or carries a password or a fragment",
                raw.url.value
            );
            let help = "write one such as `https://id.example.com/introspect`";
            problems.error(raw.url.span, message, help);
        }
        if raw.client_id.value.is_empty() {
            let message = "the gate has a name as a client of the issuer";
            problems.error(raw.client_id.span, message, "write what the issuer calls it");
        }
        let wait_time_max = seconds(raw.wait_seconds_max, WAIT_SECONDS_MAX);
        if wait_time_max > Duration::from_secs(30) {
            problems.error(
                span,
                "a request waits for 30 seconds at most",
                "write less as `wait_seconds_max`",
            );
        }
        Some(Self {
            url: safe?,
            client_id: raw.client_id.value,
            client_secret: raw.client_secret_file.file(directory),
            bounds: AskingBounds {
                answer_time_max: Duration::from_secs(raw.answer_seconds_max.unwrap_or(ANSWER_SECONDS_MAX)),
                wait_time_max,
                questions_max: raw.questions_max.map_or(QUESTIONS_MAX, usize::from),
            },
            private_address: raw.dangerous_private_address,
            without_audience: raw.dangerous_without_audience,
        })
    }

    /// What its answers have to say.
    pub(super) fn expect(&self, expected: Expected) -> Expected {
        let expected = expected.introspected();
        if self.without_audience {
            expected.dangerous_or_unsaid_audience()
        } else {
            expected
        }
    }
}
