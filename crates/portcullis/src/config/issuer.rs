//! Whose access tokens are believed, as it is written and settled.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_contract::document::Span;
use portcullis_identity::confirmation::Binding;
use portcullis_identity::jose::algorithm::RsaAlgorithm;
use portcullis_identity::jose::claims::{ClockSkew, Expected};
use portcullis_identity::jose::media_type::MediaType;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::seconds;
use super::decryption::{Decryption, DecryptionWritten};
use super::introspection::{Introspection, IntrospectionWritten};
use super::problems::Problems;
use super::spanned::{NamedFile, Placed, Spanned};
use super::text::{Location, Name, Seconds, is_plain};

/// The type of tokens where nothing is said (RFC 9068 §2.1).
const ACCESS_TOKEN: &str = "at+jwt";
/// How often keys are fetched where nothing is said.
const REFRESH_SECONDS: u64 = 300;
/// How long keys are used that cannot be fetched anew, where nothing is said.
const STALE_SECONDS_MAX: u64 = 24 * 3600;

/// Somebody whose access tokens are believed: signed JWTs (RFC 9068), of which the key decides the algorithm, or tokens that the
/// issuer is asked about (RFC 7662).
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
    /// Its public keys; or `introspection` in the place of them.
    pub(crate) keys: Option<Spanned<KeysWritten>>,
    /// How the issuer is asked about its tokens, in the place of keys.
    pub(crate) introspection: Option<Spanned<IntrospectionWritten>>,
    /// Keys for its tokens where they are encrypted.
    pub(crate) decryption: Option<Spanned<DecryptionWritten>>,
    /// Lets each token be presented once only, by its `jti`, which it has to have then.
    #[serde(default)]
    pub(crate) one_time: bool,
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
    /// What its tokens have to be bound to, so that nobody else can use them: `certificate` (RFC 8705), `dpop` (RFC 9449) or `any`.
    /// A token that is bound is held against that in any case. Default: none.
    pub(crate) binding: Option<BindingWritten>,
    /// What its RSA keys are for that do not say so themselves. Default: `RS256`.
    pub(crate) rsa_algorithm: Option<RsaWritten>,
}

/// Public keys, as a JWK Set (RFC 7517): name one of `file`, `url` and `discover`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysWritten {
    /// A file, relative to the configuration; read again when it changes.
    pub(crate) file: Option<Spanned<Location>>,
    /// A URL of https or http.
    pub(crate) url: Option<Spanned<String>>,
    /// The name of the document below `/.well-known/` of the issuer that says where its keys are; the issuer has to be a URL then.
    pub(crate) discover: Option<Spanned<DiscoverWritten>>,
    /// How often they are fetched. A token with a key that nobody knows has them fetched at once, though not more than once in ten
    /// seconds. Default: 300.
    pub(crate) refresh_seconds: Option<Seconds>,
    /// How long keys are used while they cannot be fetched. Default: 86400.
    pub(crate) stale_seconds_max: Option<Seconds>,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
    /// Allows `http` for what is discovered: whoever is on the way can put in keys of their own.
    #[serde(default)]
    pub(crate) dangerous_plain_http: bool,
}

/// A document that says where an issuer's keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DiscoverWritten {
    /// That of OpenID Connect Discovery 1.0 §4, behind the issuer's path.
    OpenidConfiguration,
    /// That of RFC 8414 §3, in front of the issuer's path.
    OauthAuthorizationServer,
}

/// What tokens have to be bound to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BindingWritten {
    /// They need not be bound.
    None,
    /// The client certificate of the connection.
    Certificate,
    /// The key of a DPoP proof.
    Dpop,
    /// Either.
    Any,
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
    /// Who knows its tokens.
    pub(crate) authority: Authority,
    /// What its tokens have to be bound to.
    pub(crate) binding: Binding,
    /// What RSA keys are for that do not say so.
    pub(crate) rsa_without_alg: RsaAlgorithm,
    /// Keys for its encrypted tokens.
    pub(crate) decryption: Option<Decryption>,
    /// Whether each token can be presented once.
    pub(crate) one_time: bool,
}

/// Who knows an issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Its keys.
    Keys(Keys),
    /// The issuer itself.
    Introspection(Introspection),
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// In a file.
    File(NamedFile),
    /// Elsewhere.
    Remote(RemoteKeys),
    /// Here: a JWK Set that somebody made a moment ago. No configuration says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo makes some"))]
    InMemory(String),
}

/// Keys that are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteKeys {
    /// Where from.
    pub(crate) place: Place,
    /// Whether its host may have an address that is not public.
    pub(crate) private_address: bool,
    /// How often they are fetched.
    pub(crate) refresh: Duration,
    /// How long they are used when they cannot be fetched.
    pub(crate) stale_time_max: Duration,
}

/// Where keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A URL that the operator named.
    Named(Url),
    /// The URL that a document of the issuer names.
    Discovered {
        /// Where the document is.
        document: Url,
        /// What it has to say as its issuer, letter by letter.
        issuer: String,
        /// Whether it may name a URL of `http`.
        plain_http: bool,
    },
}

impl Issuer {
    pub(super) fn lower(raw: IssuerWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let authority = Authority::lower(&raw, directory, problems);
        let decryption = raw
            .decryption
            .map(|written| Decryption::lower(written, &authority, directory, problems));
        if raw.issuer.value.is_empty() {
            let message = "the issuer is empty";
            problems.error(
                raw.issuer.span,
                message,
                "write what its tokens say as `iss`, letter by letter",
            );
        }
        let types = raw.types.unwrap_or_else(|| vec![ACCESS_TOKEN.to_owned()]);
        let mut types = types.iter().map(|typ| MediaType::new(typ));
        let mut audiences = raw.audiences.into_iter();
        // The schema has refused empty lists before.
        let first = (audiences.next().unwrap_or_default(), types.next());
        let mut expected = Expected::new(
            raw.issuer.value,
            first.0,
            first.1.unwrap_or_else(|| MediaType::new(ACCESS_TOKEN)),
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
        expected = match &authority {
            Authority::Introspection(introspection) => introspection.expect(expected),
            Authority::Keys(_) if raw.one_time => expected.require("jti"),
            Authority::Keys(_) => expected,
        };
        Self {
            name: raw.name.value.0.into(),
            span: raw.name.span,
            expected,
            authority,
            decryption,
            one_time: raw.one_time,
            binding: match raw.binding {
                None | Some(BindingWritten::None) => Binding::None,
                Some(BindingWritten::Certificate) => Binding::Certificate,
                Some(BindingWritten::Dpop) => Binding::Dpop,
                Some(BindingWritten::Any) => Binding::Any,
            },
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
        let said = |issuer: &Self| {
            let name = Arc::clone(&issuer.name);
            (name, issuer.rsa_without_alg, issuer.one_time, issuer.binding)
        };
        said(self) == said(other) && self.expected == other.expected && self.authority == other.authority
    }

    /// The files that it is made of.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let own = match &self.authority {
            Authority::Keys(Keys::File(file)) => Some(file),
            Authority::Keys(Keys::Remote(_) | Keys::InMemory(_)) => None,
            Authority::Introspection(introspection) => Some(&introspection.client_secret),
        };
        let decryption = self.decryption.iter().flat_map(|decryption| &decryption.keys);
        own.into_iter()
            .chain(decryption.map(|key| &key.file))
            .map(|file| file.value.as_path())
    }
}

impl IssuerWritten {
    /// Whether anything is said that only tokens have which the gate verifies itself; what is so anyway may be said.
    fn says_of_signed_tokens(&self) -> bool {
        let types = self.types.as_ref().is_some_and(|types| types != &[ACCESS_TOKEN]);
        let rsa = !matches!(self.rsa_algorithm, None | Some(RsaWritten::Rs256));
        types || rsa || self.dangerous_untyped || self.one_time
    }
}

impl Authority {
    fn lower(raw: &IssuerWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        match (&raw.keys, &raw.introspection) {
            (Some(keys), None) => Self::Keys(Keys::lower(keys, &raw.issuer, directory, problems)),
            (None, Some(written)) => {
                if raw.says_of_signed_tokens() {
                    let message = "an issuer that is asked has no keys: `types`, `dangerous_untyped`, `rsa_algorithm` and `one_time` \
                                   are of tokens that the gate verifies itself";
                    problems.error(
                        written.span,
                        message,
                        "take them out, or write `keys` in the place of `introspection`",
                    );
                }
                let settled = Introspection::lower(written.clone(), directory, problems);
                settled.map_or_else(|| Self::Keys(Keys::nowhere(written.span)), Self::Introspection)
            }
            _ => {
                let message = "an issuer needs either `keys` or `introspection`";
                problems.error(raw.name.span, message, "write such as `keys: {file: keys.json}`");
                Self::Keys(Keys::nowhere(raw.name.span))
            }
        }
    }
}

impl Place {
    /// What is asked first.
    pub(crate) fn url(&self) -> &Url {
        match self {
            Self::Named(url) => url,
            Self::Discovered { document, .. } => document,
        }
    }
}

impl Keys {
    fn lower(
        raw: &Spanned<KeysWritten>,
        issuer: &Spanned<String>,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Self {
        let keys = &raw.value;
        let place = match (&keys.file, &keys.url, &keys.discover) {
            (Some(file), None, None) => {
                let fetched = keys.refresh_seconds.is_some() || keys.stale_seconds_max.is_some();
                if fetched || keys.dangerous_private_address || keys.dangerous_plain_http {
                    let message = "a file of keys is read when it changes: nothing is fetched";
                    problems.error(raw.span, message, "leave `file` alone, or write a `url`");
                }
                return Self::File(file.clone().file(directory));
            }
            (None, Some(url), None) => named(url, keys, problems),
            (None, None, Some(discover)) => discovered(discover, issuer, keys, problems),
            _ => {
                let message = "keys need one of `file`, `url` and `discover`";
                problems.error(raw.span, message, "write such as `{file: keys.json}`");
                None
            }
        };
        let Some(place) = place else {
            return Self::nowhere(raw.span);
        };
        Self::Remote(RemoteKeys {
            place,
            private_address: keys.dangerous_private_address,
            refresh: seconds(keys.refresh_seconds, REFRESH_SECONDS),
            stale_time_max: seconds(keys.stale_seconds_max, STALE_SECONDS_MAX),
        })
    }

    /// Whether it stands for keys that are described wrongly, which was told.
    pub(crate) fn is_nowhere(&self) -> bool {
        matches!(self, Self::File(file) if file.value.as_os_str().is_empty())
    }

    /// What stands for keys that are described wrongly, which was told.
    fn nowhere(span: Span) -> Self {
        Self::File(Placed {
            value: PathBuf::new(),
            span,
        })
    }
}

/// A URL of keys.
fn named(url: &Spanned<String>, keys: &KeysWritten, problems: &mut Problems<'_>) -> Option<Place> {
    if keys.dangerous_plain_http {
        let message = "`dangerous_plain_http` is for what is discovered: a `url` says itself what it is";
        problems.error(url.span, message, "take it out");
    }
    let parsed = Url::parse(&url.value).ok().filter(is_plain);
    if parsed.is_none() {
        let message = format!(
            "`{}` is no URL of http or https, or carries a password or a fragment",
            url.value
        );
        let help = "write one such as `https://id.example.com/jwks.json`";
        problems.error(url.span, message, help);
    }
    parsed.map(Place::Named)
}

/// The document of an issuer that names the URL of its keys.
fn discovered(
    discover: &Spanned<DiscoverWritten>,
    issuer: &Spanned<String>,
    keys: &KeysWritten,
    problems: &mut Problems<'_>,
) -> Option<Place> {
    let url = Url::parse(&issuer.value).ok().filter(is_plain);
    let url = url.filter(|url| url.query().is_none() && (url.scheme() == "https" || keys.dangerous_plain_http));
    let Some(mut document) = url else {
        let message = format!(
            "keys are discovered at the issuer, and `{}` is no URL of https without query and fragment",
            issuer.value
        );
        problems.error(discover.span, message, "name the keys by `url`");
        return None;
    };
    let path = document.path().trim_end_matches('/').to_owned();
    document.set_path(&match discover.value {
        DiscoverWritten::OpenidConfiguration => format!("{path}/.well-known/openid-configuration"),
        DiscoverWritten::OauthAuthorizationServer => format!("/.well-known/oauth-authorization-server{path}"),
    });
    Some(Place::Discovered {
        document,
        issuer: issuer.value.clone(),
        plain_http: keys.dangerous_plain_http,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_stand_where_the_standards_say() {
        use DiscoverWritten::{OauthAuthorizationServer, OpenidConfiguration};
        for (issuer, discover, expected) in [
            (
                "https://id.example",
                OpenidConfiguration,
                "https://id.example/.well-known/openid-configuration",
            ),
            (
                "https://id.example/",
                OpenidConfiguration,
                "https://id.example/.well-known/openid-configuration",
            ),
            (
                "https://id.example/a/b",
                OpenidConfiguration,
                "https://id.example/a/b/.well-known/openid-configuration",
            ),
            (
                "https://id.example",
                OauthAuthorizationServer,
                "https://id.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://id.example/a/b",
                OauthAuthorizationServer,
                "https://id.example/.well-known/oauth-authorization-server/a/b",
            ),
        ] {
            let keys = KeysWritten::default();
            let spanned = |value: &str| Spanned {
                value: value.to_owned(),
                span: Span::default(),
            };
            let discover = Spanned {
                value: discover,
                span: Span::default(),
            };
            let location = |_| String::new();
            let place = discovered(&discover, &spanned(issuer), &keys, &mut Problems::new(&location));
            let Some(Place::Discovered { document, .. }) = place else {
                panic!("{issuer}");
            };
            assert_eq!(document.as_str(), expected);
        }
    }
}
