//! Whose access tokens are believed, as it is written and settled.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_contract::document::Span;
use portcullis_identity::jose::algorithm::RsaAlgorithm;
use portcullis_identity::jose::claims::{ClockSkew, Expected};
use portcullis_identity::jose::media_type::MediaType;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::seconds;
use super::contract::is_plain;
use super::problems::Problems;
use super::spanned::Spanned;
use super::text::{Location, Name, Seconds};

/// How often keys are fetched where nothing is said.
const REFRESH_SECONDS: u64 = 300;
/// How long keys are used that cannot be fetched anew, where nothing is said.
const STALE_SECONDS_MAX: u64 = 24 * 3600;

/// Somebody whose access tokens are believed: signed JWTs (RFC 9068), of which the key decides the algorithm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerWritten {
    /// What the issuer is called here, and in logs.
    pub(crate) name: Spanned<Name>,
    /// What tokens say as their issuer (`iss`), letter by letter.
    pub(crate) issuer: Spanned<String>,
    /// Whom tokens have to be for (`aud`): any of these.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) audiences: Vec<String>,
    /// Its public keys.
    pub(crate) keys: Spanned<KeysWritten>,
    /// What tokens have to be by their `typ`. Default: `at+jwt`.
    #[schemars(length(min = 1, max = 16))]
    pub(crate) types: Option<Vec<String>>,
    /// Takes tokens that do not say what they are: an ID token then passes for an access token.
    #[serde(default)]
    pub(crate) dangerous_untyped: bool,
    /// How far its clock and ours may differ. Default: 30.
    #[schemars(range(min = 0, max = 300))]
    pub(crate) clock_skew_seconds_max: Option<u64>,
    /// How long ago a token may have been made (`iat`). Default: as long as it says that it is good.
    pub(crate) age_seconds_max: Option<Seconds>,
    /// Claims that have to be there, whatever they say. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) required_claims: Vec<String>,
    /// What its RSA keys are for that do not say so themselves. Default: `RS256`.
    pub(crate) rsa_algorithm: Option<RsaWritten>,
}

/// Public keys, as a JWK Set (RFC 7517): name one of `file` and `url`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysWritten {
    /// A file, relative to the configuration; read again when it changes.
    pub(crate) file: Option<Spanned<Location>>,
    /// A URL of https or http.
    pub(crate) url: Option<Spanned<String>>,
    /// How often the URL is fetched. A token with a key that nobody knows has it fetched at once, though not more than once in ten
    /// seconds. Default: 300.
    pub(crate) refresh_seconds: Option<Seconds>,
    /// How long keys are used while the URL cannot be fetched. Default: 86400.
    pub(crate) stale_seconds_max: Option<Seconds>,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
}

/// An algorithm of RSA keys (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(crate) enum RsaWritten {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "RS384")]
    Rs384,
    #[serde(rename = "RS512")]
    Rs512,
    #[serde(rename = "PS256")]
    Ps256,
}

/// Somebody whose access tokens are believed.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// What it is called here.
    pub(crate) name: Arc<str>,
    /// Where the name stands.
    pub(crate) span: Span,
    /// What its tokens have to say.
    pub(crate) expected: Expected,
    /// Where its keys are.
    pub(crate) keys: Keys,
    /// What RSA keys are for that do not say so.
    pub(crate) rsa_without_alg: RsaAlgorithm,
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// In a file, and where that is named.
    File(PathBuf, Span),
    /// At a URL.
    Remote(RemoteKeys),
}

/// Keys at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteKeys {
    /// Where.
    pub(crate) url: Url,
    /// Whether its host may have an address that is not public.
    pub(crate) private_address: bool,
    /// How often they are fetched.
    pub(crate) refresh: Duration,
    /// How long they are used when they cannot be fetched.
    pub(crate) stale_time_max: Duration,
}

impl Issuer {
    pub(super) fn lower(raw: IssuerWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let keys = Keys::lower(&raw.keys, directory, problems);
        if raw.issuer.value.is_empty() {
            let message = "the issuer is empty";
            problems.error(
                raw.issuer.span,
                message,
                "write what its tokens say as `iss`, letter by letter",
            );
        }
        let types = raw.types.unwrap_or_else(|| vec!["at+jwt".to_owned()]);
        let mut types = types.iter().map(|typ| MediaType::new(typ));
        let mut audiences = raw.audiences.into_iter();
        // The schema has refused empty lists before.
        let first = (audiences.next().unwrap_or_default(), types.next());
        let mut expected = Expected::new(
            raw.issuer.value,
            first.0,
            first.1.unwrap_or_else(|| MediaType::new("at+jwt")),
        );
        expected = audiences.fold(expected, Expected::or_audience);
        expected = types.fold(expected, Expected::or_type);
        if raw.dangerous_untyped {
            expected = expected.dangerous_or_untyped();
        }
        if let Some(skew) = raw.clock_skew_seconds_max.and_then(ClockSkew::from_seconds) {
            expected = expected.clock_skew(skew);
        }
        if let Some(age) = raw.age_seconds_max {
            expected = expected.age_seconds_max(Duration::from(age).as_secs());
        }
        expected = raw.required_claims.into_iter().fold(expected, Expected::require);
        Self {
            name: raw.name.value.0.into(),
            span: raw.name.span,
            expected,
            keys,
            rsa_without_alg: match raw.rsa_algorithm {
                None | Some(RsaWritten::Rs256) => RsaAlgorithm::Rs256,
                Some(RsaWritten::Rs384) => RsaAlgorithm::Rs384,
                Some(RsaWritten::Rs512) => RsaAlgorithm::Rs512,
                Some(RsaWritten::Ps256) => RsaAlgorithm::Ps256,
            },
        }
    }

    /// Whether it is the same, wherever it stands.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let said = |issuer: &Self| (Arc::clone(&issuer.name), issuer.rsa_without_alg);
        said(self) == said(other) && self.expected == other.expected && self.keys == other.keys
    }

    /// The file of its keys, if they are in one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.keys {
            Keys::File(path, _) => Some(path),
            Keys::Remote(_) => None,
        }
    }
}

impl Keys {
    fn lower(raw: &Spanned<KeysWritten>, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let nowhere = Self::File(PathBuf::new(), raw.span);
        let keys = &raw.value;
        match (&keys.file, &keys.url) {
            (Some(file), None) => {
                let of_url = keys.refresh_seconds.is_some() || keys.stale_seconds_max.is_some();
                if of_url || keys.dangerous_private_address {
                    let message = "a file of keys is read when it changes: nothing is fetched";
                    problems.error(raw.span, message, "leave `file` alone, or write a `url`");
                }
                Self::File(directory.join(&file.value.0), file.span)
            }
            (None, Some(url)) => match Url::parse(&url.value).ok().filter(is_plain) {
                Some(parsed) => Self::Remote(RemoteKeys {
                    url: parsed,
                    private_address: keys.dangerous_private_address,
                    refresh: seconds(keys.refresh_seconds, REFRESH_SECONDS),
                    stale_time_max: seconds(keys.stale_seconds_max, STALE_SECONDS_MAX),
                }),
                None => {
                    let message = format!(
                        "`{}` is no URL of http or https, or carries a password or a fragment",
                        url.value
                    );
                    let help = "write one such as `https://id.example.com/jwks.json`";
                    problems.error(url.span, message, help);
                    nowhere
                }
            },
            _ => {
                let message = "keys need one of `file` and `url`";
                problems.error(raw.span, message, "write such as `{file: keys.json}`");
                nowhere
            }
        }
    }
}
