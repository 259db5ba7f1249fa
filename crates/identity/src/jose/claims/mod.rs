//! The claims set of a verified token (RFC 7519 §4).
//!
//! A registered claim of the wrong type refuses the token; it is never taken for an absent one. Whether the claims are the
//! right ones is another question, which [`Expected`] answers.

pub(crate) mod date;
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

/// The claims of a token whose signature was verified, or that its issuer told us, each registered one of its type. By default
/// there is none.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    typ: Option<MediaType>,
    expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
    /// Among them the registered claims that are texts, which were found to be such.
    all: Object,
}

impl Claims {
    pub(super) fn read(token: &Verified) -> Result<Self, Refusal> {
        let all = object::read(token.payload()).map_err(|fault| Refusal::Json(Part::Claims, fault))?;
        Self::of(token.header().typ().cloned(), all)
    }

    /// What an authority answered about a token (RFC 7662 §2.2): there is no header, so no type.
    pub(crate) fn introspected(all: Object) -> Result<Self, Refusal> {
        Self::of(None, all)
    }

    fn of(typ: Option<MediaType>, all: Object) -> Result<Self, Refusal> {
        for name in ["iss", "sub", "jti"] {
            check_text(&all, name)?;
        }
        check_audience(&all)?;
        Ok(Self {
            typ,
            expires: date::read(&all, "exp", Rounding::Down)?,
            not_before: date::read(&all, "nbf", Rounding::Up)?,
            issued_at: date::read(&all, "iat", Rounding::Up)?,
            all,
        })
    }

    /// The header's `typ`: what kind of token these claims are from.
    pub fn typ(&self) -> Option<&MediaType> {
        self.typ.as_ref()
    }

    /// `iss`: who made the token.
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// `sub`: whom it is about.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `aud`: whom it is for; nobody when it does not say.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self.all.get("aud") {
            Some(Value::String(one)) => (Some(one.as_str()), &[][..]),
            Some(Value::Array(several)) => (None, several.as_slice()),
            _ => (None, &[][..]),
        };
        one.into_iter().chain(several.iter().filter_map(Value::as_str))
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
        self.text("jti")
    }

    /// `auth_time` (OpenID Connect Core 1.0 §2): when the subject proved itself last; a fraction of a second is cut off. None
    /// where it does not say, or not as a date.
    pub fn authenticated_at(&self) -> Option<UnixTime> {
        date::read(&self.all, "auth_time", Rounding::Down).ok().flatten()
    }

    /// Any claim, as it was written.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.all.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.all.get(name).and_then(Value::as_str)
    }
}

fn check_text(claims: &Object, name: &'static str) -> Result<(), Refusal> {
    match claims.get(name) {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(Refusal::ClaimInvalid(name)),
    }
}

/// One string, or an array of nothing but strings and at least one (RFC 7519 §4.1.3).
fn check_audience(claims: &Object) -> Result<(), Refusal> {
    let holds = match claims.get("aud") {
        None | Some(Value::String(_)) => true,
        Some(Value::Array(several)) => !several.is_empty() && several.iter().all(Value::is_string),
        Some(_) => false,
    };
    holds.then_some(()).ok_or(Refusal::ClaimInvalid("aud"))
}
