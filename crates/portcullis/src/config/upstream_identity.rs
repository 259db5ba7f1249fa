//! How an upstream is told who calls, and with what the gate signs for it: as it is written, and settled.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use http::HeaderName;
use http::header::AUTHORIZATION;
use portcullis_contract::document::Span;
use portcullis_gateway::forward::claimed::says_identity;
use portcullis_gateway::upstream_identity::{Headers, LIFETIME_SECONDS_MAX, LIFETIME_SECONDS_MIN, RESERVED_CLAIMS};
use schemars::JsonSchema;
use serde::Deserialize;

use super::message::FieldName;
use super::problems::Problems;
use super::security::Schemes;
use super::spanned::{NamedFile, Spanned};
use super::text::Location;

/// How long a token is good where nothing is said.
const LIFETIME_SECONDS: u64 = 60;
/// How long a new key is published before it signs where nothing is said.
const PUBLISH_AHEAD_SECONDS: u64 = 300;

/// How the upstream is told who calls: by a token, or by header fields. Those of the same names that callers send never arrive.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamIdentityWritten {
    /// By a JWT that the gate signs, as `upstream_tokens` says. Either this or `headers`.
    pub(crate) jwt: Option<JwtWritten>,
    /// By header fields that the gate writes.
    pub(crate) headers: Option<HeadersWritten>,
    /// Header fields known to say who calls, such as `X-User`, that callers may send all the same.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(crate) dangerous_from_callers: Vec<FieldName>,
}

/// A JWT for the upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JwtWritten {
    /// What the upstream is called in the token (`aud`), which it has to check.
    pub(crate) audience: String,
    /// The header field that the token stands in. Default: Authorization, there as a bearer token.
    pub(crate) header: Option<FieldName>,
    /// How long a token is good. Default: 60.
    #[schemars(range(min = LIFETIME_SECONDS_MIN, max = LIFETIME_SECONDS_MAX))]
    pub(crate) lifetime_seconds: Option<u64>,
    /// The claims of the caller's own token that go on as they are. Default: none.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(crate) claims: Vec<String>,
}

/// Header fields for the upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadersWritten {
    /// The field for who calls, in the names of who vouches for them: `user:main:alice`.
    pub(crate) subject: Option<FieldName>,
    /// The field for the client that calls for them.
    pub(crate) client: Option<FieldName>,
    /// The field for the scopes of the credential.
    pub(crate) scopes: Option<FieldName>,
    /// Fields for claims of the caller's token, by the names of the claims. Default: none.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(crate) claims: BTreeMap<String, FieldName>,
}

/// Who signs the tokens that upstreams get.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamTokensWritten {
    /// What the gate is called in its tokens (`iss`), such as `https://gate.example.com`.
    pub(crate) issuer: Spanned<String>,
    /// Files of private keys (PKCS#8 in PEM, P-256 or Ed25519), of which the first signs and all are published. Default: one
    /// that is made at the start, and that no other gate has.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) keys: Vec<Spanned<Location>>,
    /// How long a new key is published before it signs. Default: 300.
    #[schemars(range(min = 0, max = 86_400))]
    pub(crate) publish_ahead_seconds: Option<u64>,
}

/// How an upstream is told who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UpstreamIdentity {
    /// None: it is not.
    pub(crate) told: Option<Told>,
    /// What callers may say of themselves.
    pub(crate) from_callers: Vec<HeaderName>,
}

/// By what an upstream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By a token.
    Token(Token),
    /// By header fields.
    Headers(Headers),
}

/// A token for an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it stands.
    pub(crate) header: HeaderName,
    /// Whom it is for.
    pub(crate) audience: String,
    /// How long it is good.
    pub(crate) lifetime_seconds: u64,
    /// Which claims go on.
    pub(crate) claims: Vec<String>,
}

/// Who signs the tokens for upstreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamTokens {
    /// What the gate is called.
    pub(crate) issuer: String,
    /// The files of its keys; none: a key is made.
    pub(crate) keys: Vec<NamedFile>,
    /// How long a new key is published before it signs.
    pub(crate) publish_ahead_seconds: u64,
}

/// What of an API and of the configuration is decided together with how the upstream is told.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// What verifies the API's security schemes.
    pub(super) schemes: &'a Schemes,
    /// Whether the upstream verifies the others.
    pub(super) unverified_schemes: bool,
    /// Whether there is anything to sign with.
    pub(super) signs: bool,
}

impl UpstreamTokens {
    pub(super) fn lower(raw: UpstreamTokensWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        if raw.issuer.value.is_empty() {
            let help = "write what the gate is called, such as `https://gate.example.com`";
            problems.error(raw.issuer.span, "the issuer is empty", help);
        }
        Self {
            issuer: raw.issuer.value,
            keys: raw.keys.into_iter().map(|file| file.file(directory)).collect(),
            publish_ahead_seconds: raw.publish_ahead_seconds.unwrap_or(PUBLISH_AHEAD_SECONDS),
        }
    }
}

impl UpstreamIdentity {
    pub(super) fn lower(
        written: Spanned<UpstreamIdentityWritten>,
        beside: Beside<'_>,
        problems: &mut Problems<'_>,
    ) -> Self {
        let Spanned { value: raw, span } = written;
        let told = match (raw.jwt, raw.headers) {
            (Some(jwt), None) => {
                beside.check(&jwt, span, problems);
                Some(Told::Token(jwt.lower(span, problems)))
            }
            (None, Some(headers)) => Some(Told::Headers(headers.lower(span, problems))),
            (None, None) => None,
            (Some(_), Some(_)) => {
                let message = "an upstream is told by `jwt` or by `headers`, not by both";
                problems.error(span, message, "take one of the two out");
                None
            }
        };
        for FieldName(name) in &raw.dangerous_from_callers {
            if !says_identity(name.as_str()) {
                let message = format!("`{name}` is none of the fields that callers may be allowed to send");
                problems.error(span, message, "docs/upstream-identity.md lists them; take this one out");
            }
        }
        Self {
            told,
            from_callers: raw.dangerous_from_callers.into_iter().map(|name| name.0).collect(),
        }
    }
}

impl JwtWritten {
    fn lower(self, span: Span, problems: &mut Problems<'_>) -> Token {
        if self.audience.is_empty() {
            let help = "write what the upstream is called, which it checks";
            problems.error(span, "the audience is empty", help);
        }
        for claim in self
            .claims
            .iter()
            .filter(|claim| RESERVED_CLAIMS.contains(&claim.as_str()))
        {
            let message = format!("the claim `{claim}` is not passed on: it speaks of the token that it stands in");
            problems.error(span, message, "take it out; the gate writes its own");
        }
        Token {
            header: self.header.map_or(AUTHORIZATION, |name| name.0),
            audience: self.audience,
            lifetime_seconds: self.lifetime_seconds.unwrap_or(LIFETIME_SECONDS),
            claims: self.claims,
        }
    }
}

impl HeadersWritten {
    fn lower(self, span: Span, problems: &mut Problems<'_>) -> Headers {
        let field = |name: Option<FieldName>| name.map(|name| name.0);
        let headers = Headers {
            subject: field(self.subject),
            client: field(self.client),
            scopes: field(self.scopes),
            claims: self
                .claims
                .into_iter()
                .map(|(claim, name)| (claim.into(), name.0))
                .collect(),
        };
        if headers.names().next().is_none() {
            let message = "`headers` names no field, so the upstream is told nothing";
            problems.error(span, message, "name one, such as `{subject: X-Caller}`");
        }
        let mut seen = HashSet::new();
        for name in headers.names() {
            if *name == AUTHORIZATION {
                let message = "`Authorization` is for credentials, and what stands in these fields is none";
                problems.error(span, message, "choose another name, or tell the upstream by `jwt`");
            }
            if !seen.insert(name.clone()) {
                let message = format!("the field `{name}` is named twice");
                problems.error(span, message, "give each a field of its own");
            }
        }
        headers
    }
}

impl Beside<'_> {
    fn check(self, jwt: &JwtWritten, span: Span, problems: &mut Problems<'_>) {
        if !self.signs {
            let message = "nothing signs the token: there are no `upstream_tokens`";
            problems.error(
                span,
                message,
                "say what the gate is called: `upstream_tokens: {issuer: 'https://gate.example.com'}`",
            );
        }
        let forwarded = self.schemes.values().any(|scheme| scheme.value.forward);
        if jwt.header.is_none() && (forwarded || self.unverified_schemes) {
            let message =
                "the caller's `Authorization` goes on to the upstream, and the gate's token would take its place";
            problems.error(
                span,
                message,
                "name another field for the token, such as `header: X-Caller-Token`",
            );
        }
    }
}
