//! The claims set of a verified token (RFC 7519 §4).
//!
//! A registered claim of the wrong type refuses the token; it is never taken for an absent one. Whether the claims are the
//! right ones is another question, which [`Expected`] answers.

mod date;
mod expected;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::date::Rounding;
pub use self::expected::{Accepted, CLOCK_SKEW_SECONDS_MAX, Check, ClockSkew, Expected, Finding};
use super::jws::Verified;
use super::media_type::MediaType;
use super::object::{self, Object};
use super::refusal::{Part, Refusal};
use crate::time::UnixTime;

/// The claims of a token whose signature was verified, each registered one of its type. By default there is none.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    typ: Option<MediaType>,
    issuer: Option<String>,
    subject: Option<String>,
    audience: Vec<String>,
    expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
    token_id: Option<String>,
    all: Object,
}

impl Claims {
    pub(super) fn read(token: &Verified) -> Result<Self, Refusal> {
        let all = object::read(token.payload()).map_err(|fault| Refusal::Json(Part::Claims, fault))?;
        Ok(Self {
            typ: token.header().typ().cloned(),
            issuer: text(&all, "iss")?,
            subject: text(&all, "sub")?,
            audience: audience(&all)?,
            expires: date::read(&all, "exp", Rounding::Down)?,
            not_before: date::read(&all, "nbf", Rounding::Up)?,
            issued_at: date::read(&all, "iat", Rounding::Up)?,
            token_id: text(&all, "jti")?,
            all,
        })
    }

    /// The header's `typ`: what kind of token these claims are from.
    pub fn typ(&self) -> Option<&MediaType> {
        self.typ.as_ref()
    }

    /// `iss`: who made the token.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// `sub`: whom it is about.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `aud`: whom it is for; empty when it does not say.
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// `exp`: when it ends; a fraction of a second is cut off.
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    /// `nbf`: when it begins; a fraction of a second counts whole.
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// `iat`: when it was made; a fraction of a second counts whole.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// `jti`: its name among its issuer's tokens.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// Any claim, as it was written.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.all.get(name)
    }
}

fn text(claims: &Object, name: &'static str) -> Result<Option<String>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::ClaimInvalid(name)),
    }
}

/// One string, or an array of nothing but strings and at least one (RFC 7519 §4.1.3).
fn audience(claims: &Object) -> Result<Vec<String>, Refusal> {
    let audience = match claims.get("aud") {
        None => return Ok(Vec::new()),
        Some(Value::String(one)) => Some(vec![one.clone()]),
        Some(Value::Array(several)) if !several.is_empty() => {
            several.iter().map(|one| one.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    };
    audience.ok_or(Refusal::ClaimInvalid("aud"))
}
