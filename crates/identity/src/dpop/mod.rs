//! Proofs that a caller has the key that its token is bound to (DPoP, RFC 9449), as a protected resource checks them.
//!
//! A proof is for one request: its method, its target, its token, and now. That it is not shown twice, and that its nonce is ours, is
//! for whoever remembers something; nothing is remembered here.

mod target;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

pub use self::target::Target;
use crate::jose;
use crate::jose::algorithm::{Named, SignatureAlgorithm};
use crate::jose::claims::date::{self, Rounding};
use crate::jose::encode_base64url;
use crate::jose::media_type::MediaType;
use crate::jose::object::Object;
use crate::jose::proof::Proof;
use crate::thumbprint::Thumbprint;
use crate::time::UnixTime;

/// The `typ` of proofs, which no other token has (RFC 9449 §4.2).
const TYP: &str = "dpop+jwt";

/// When a proof may have been made, seen from now (RFC 9449 §11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How long ago at most, in seconds.
    pub age_seconds_max: u64,
    /// How far in the future at most, in seconds: callers' clocks differ from ours.
    pub ahead_seconds_max: u64,
}

/// What a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The method, in its own case.
    pub method: &'r str,
    /// What it was sent to.
    pub target: Target<'r>,
    /// The access token that it came with.
    pub token: &'r str,
}

/// A proof that is for this request, and was not held against what was seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The key that it was made with.
    pub key: Thumbprint,
    /// `jti`: its name among those of its key.
    pub id: Box<str>,
    /// `iat`: when it was made.
    pub issued_at: UnixTime,
    /// `nonce`: what it repeats of ours.
    pub nonce: Option<Box<str>>,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// It is not signed as it should be, with its own key.
    Token(jose::Refusal),
    /// It is for another method.
    Method,
    /// It is for another target.
    Target,
    /// It is for another token, or for none.
    AccessToken,
    /// It was made too long ago.
    TooOld,
    /// It was made in the future.
    InFuture,
}

impl Unproved {
    /// A stable code for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(refusal) => refusal.code(),
            Self::Method => "proof-method",
            Self::Target => "proof-target",
            Self::AccessToken => "proof-access-token",
            Self::TooOld => "proof-too-old",
            Self::InFuture => "proof-in-future",
        }
    }
}

/// The algorithms that proofs may be signed with: every one of ours that has a public key. In the form of `algs`
/// (RFC 9449 §7.1).
pub fn algorithms() -> String {
    let public = SignatureAlgorithm::NAMES
        .iter()
        .filter(|(_, algorithm)| *algorithm != SignatureAlgorithm::Hs256);
    let names: Vec<&str> = public.map(|(name, _)| *name).collect();
    names.join(" ")
}

/// Checks a proof as RFC 9449 §4.3 says, but for the nonce (10) and the key of the token (12).
///
/// # Errors
/// The first check that does not hold; the signature's comes before any of what the proof says.
pub fn check(proof: &str, request: &Request<'_>, window: &Window, now: UnixTime) -> Result<Proved, Unproved> {
    let proof = Proof::verify(proof, &MediaType::new(TYP)).map_err(Unproved::Token)?;
    let claims = proof.claims();
    let id = needed(claims, "jti")?;
    if needed(claims, "htm")? != request.method {
        return Err(Unproved::Method);
    }
    if !request.target.is(needed(claims, "htu")?) {
        return Err(Unproved::Target);
    }
    if needed(claims, "ath")? != encode_base64url(digest(&SHA256, request.token.as_bytes()).as_ref()) {
        return Err(Unproved::AccessToken);
    }
    let key = Thumbprint::of_jwk(proof.jwk()).ok_or(Unproved::Token(jose::Refusal::HeaderParameter("jwk")))?;
    Ok(Proved {
        key,
        id: id.into(),
        issued_at: timely(claims, window, now)?,
        nonce: text(claims, "nonce")?.map(Into::into),
    })
}

/// `iat`, if it lies in the window.
fn timely(claims: &Object, window: &Window, now: UnixTime) -> Result<UnixTime, Unproved> {
    let issued_at = date::read(claims, "iat", Rounding::Down).map_err(Unproved::Token)?;
    let issued_at = issued_at.ok_or(Unproved::Token(jose::Refusal::ClaimMissing("iat".into())))?;
    if issued_at > now.plus(window.ahead_seconds_max) {
        return Err(Unproved::InFuture);
    }
    if issued_at.plus(window.age_seconds_max) < now {
        return Err(Unproved::TooOld);
    }
    Ok(issued_at)
}

fn needed<'c>(claims: &'c Object, name: &'static str) -> Result<&'c str, Unproved> {
    let missing = || Unproved::Token(jose::Refusal::ClaimMissing(name.into()));
    let text = text(claims, name)?.ok_or_else(missing)?;
    if text.is_empty() { Err(missing()) } else { Ok(text) }
}

fn text<'c>(claims: &'c Object, name: &'static str) -> Result<Option<&'c str>, Unproved> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unproved::Token(jose::Refusal::ClaimInvalid(name))),
    }
}
