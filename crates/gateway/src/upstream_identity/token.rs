//! The token that tells an upstream who calls: a JWT (RFC 7519) of the gate's own, for one upstream and for a short while.
//!
//! Its `typ` is no access token's (RFC 8725 §3.11), its `iss` is the gate's, and its `sub` is written in the names of who vouches
//! for the caller, so that subjects of two authorities are never the same. It never outlives the credential that it stands for.

use std::sync::Arc;

use http::HeaderValue;
use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::object::Object;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;
use serde_json::Value;

use super::keys::SigningKeys;
use super::text;

/// The `typ` of every token.
pub const TYP: &str = "upstream-identity+jwt";
/// The longest life of a token, in seconds.
pub const LIFETIME_SECONDS_MAX: u64 = 300;
/// The shortest, in seconds: for callers whose credential ends now, or ended within the skew that its issuer is allowed.
pub const LIFETIME_SECONDS_MIN: u64 = 5;

/// The claims that the gate writes, or that speak of the token that a caller presented. None of them can be passed on.
pub const RESERVED_CLAIMS: [&str; 11] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "cnf",
    "act",
];

/// What tokens for one upstream say.
#[derive(Debug)]
pub struct Tokens {
    /// `iss`: what the gate is called.
    pub issuer: Box<str>,
    /// `aud`: what the upstream is called.
    pub audience: Box<str>,
    /// How long a token is good, from [`LIFETIME_SECONDS_MIN`] to [`LIFETIME_SECONDS_MAX`] seconds.
    pub lifetime_seconds: u64,
    /// The claims of the caller's own token that go on, none of [`RESERVED_CLAIMS`].
    pub claims: Vec<Box<str>>,
    /// Who signs.
    pub keys: Arc<SigningKeys>,
}

/// Nothing could sign, or the system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned;

/// A token, and how long it is handed out again.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) token: HeaderValue,
    pub(super) until: UnixTime,
}

impl Tokens {
    /// A token that says who calls; `prefix` goes before it, such as `Bearer `.
    pub(super) fn sign(&self, identity: &Identity, prefix: &str, now: UnixTime) -> Result<Signed, Unsigned> {
        let key = self.keys.signer(now).ok_or(Unsigned)?;
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|_| Unsigned)?;
        let ends = self.ends(identity, now);
        let claims = self.claims(identity, now, ends, &encode_base64url(&name));
        let token = key.sign_compact(TYP, &claims).map_err(|_| Unsigned)?;
        let mut token = HeaderValue::try_from(format!("{prefix}{token}")).map_err(|_| Unsigned)?;
        token.set_sensitive(true);
        // Whoever gets it has half of its life left at least.
        let until = now.plus(ends.seconds().saturating_sub(now.seconds()) / 2);
        Ok(Signed { token, until })
    }

    fn ends(&self, identity: &Identity, now: UnixTime) -> UnixTime {
        let ends = now.plus(self.lifetime_seconds);
        let ends = identity.expires().map_or(ends, |credential| credential.min(ends));
        ends.max(now.plus(LIFETIME_SECONDS_MIN))
    }

    fn claims(&self, identity: &Identity, now: UnixTime, ends: UnixTime, name: &str) -> Object {
        let mut claims = Object::new();
        let mut say = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        for passed in &self.claims {
            if let Some(value) = identity.claims().get(passed) {
                say(passed, value.clone());
            }
        }
        // After them: what the gate says stands.
        say("iss", (*self.issuer).into());
        say("sub", text::subject(identity).into());
        say("aud", (*self.audience).into());
        say("iat", now.seconds().into());
        say("exp", ends.seconds().into());
        say("jti", name.into());
        if let Some(client) = identity.client() {
            say("client_id", client.into());
        }
        if let Some(scope) = text::scope(identity.scopes()) {
            say("scope", scope.into());
        }
        claims
    }
}
