//! What a token must say to be accepted here, and the checks of it, one by one.
//!
//! The gate asks [`Expected::accept`], which ends at the first check that does not hold; a report asks for all
//! [`Expected::findings`]. Both walk the same list.

use std::borrow::Cow;

use super::Claims;
use crate::jose::media_type::MediaType;
use crate::jose::refusal::Refusal;
use crate::time::{Lifetime, UnixTime};

/// The largest difference of clocks that can be allowed for, in seconds.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 300;

/// How far the clocks of issuer and gate may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew(u64);

impl ClockSkew {
    /// `None` above [`CLOCK_SKEW_SECONDS_MAX`].
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        (seconds <= CLOCK_SKEW_SECONDS_MAX).then_some(Self(seconds))
    }
}

impl Default for ClockSkew {
    fn default() -> Self {
        Self(30)
    }
}

/// What is expected of a token. It cannot be said without an issuer, an audience and a type (RFC 8725 §3.8, §3.9, §3.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    issuer: String,
    audiences: Vec<String>,
    types: Vec<MediaType>,
    untyped: bool,
    unending: bool,
    issuer_unsaid: bool,
    audience_unsaid: bool,
    skew: ClockSkew,
    age_seconds_max: Option<u64>,
    required: Vec<String>,
}

/// Claims that are what was expected. Only [`Expected::accept`] makes them.
#[derive(Clone, Debug)]
pub struct Accepted {
    claims: Claims,
}

/// One thing that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check<'e> {
    /// `typ` is expected.
    Type,
    /// `iss` is the issuer.
    Issuer,
    /// `aud` has an expected audience.
    Audience,
    /// `exp` is there and to come.
    Expiry,
    /// `nbf` is not to come.
    NotBefore,
    /// `iat` is not to come.
    IssuedAt,
    /// `iat` is not too long ago, where there is a bound.
    Age,
    /// A claim is there, whatever it says.
    Present(&'e str),
}

/// A check and whether it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'e> {
    /// What was checked.
    pub check: Check<'e>,
    /// Why it did not hold.
    pub outcome: Result<(), Refusal>,
}

type Rule = fn(&Expected, &Claims, UnixTime) -> Result<(), Refusal>;

/// Every check that each token has to pass, in order.
const RULES: &[(Check<'static>, Rule)] = &[
    (Check::Type, check_type),
    (Check::Issuer, check_issuer),
    (Check::Audience, check_audience),
    (Check::Expiry, check_expiry),
    (Check::NotBefore, check_not_before),
    (Check::IssuedAt, check_issued_at),
    (Check::Age, check_age),
];

impl Expected {
    /// Tokens of `issuer` for `audience`, of the type `typ`, that end.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, typ: MediaType) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            types: vec![typ],
            untyped: false,
            unending: false,
            issuer_unsaid: false,
            audience_unsaid: false,
            skew: ClockSkew::default(),
            age_seconds_max: None,
            required: Vec::new(),
        }
    }

    /// Tokens for this audience, too.
    #[must_use]
    pub fn or_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Tokens of this type, too.
    #[must_use]
    pub fn or_type(mut self, typ: MediaType) -> Self {
        self.types.push(typ);
        self
    }

    /// Tokens without a `typ`, too, which may be of any kind: an ID token passes for an access token.
    #[must_use]
    pub fn dangerous_or_untyped(mut self) -> Self {
        self.untyped = true;
        self
    }

    /// Tokens without an `exp`, too, which are good for ever.
    #[must_use]
    pub fn dangerous_or_unending(mut self) -> Self {
        self.unending = true;
        self
    }

    /// What the issuer's own introspection endpoint answers (RFC 7662 §2.2), too: it has no header with a `typ`, and need not
    /// say the issuer, who is known by the endpoint, nor an end, since the endpoint says that the token is good now.
    #[must_use]
    pub fn introspected(mut self) -> Self {
        self.untyped = true;
        self.unending = true;
        self.issuer_unsaid = true;
        self
    }

    /// Tokens that do not say whom they are for, too: one that was made for somebody else passes.
    #[must_use]
    pub fn dangerous_or_unsaid_audience(mut self) -> Self {
        self.audience_unsaid = true;
        self
    }

    /// Clocks may differ by this much.
    #[must_use]
    pub fn clock_skew(mut self, skew: ClockSkew) -> Self {
        self.skew = skew;
        self
    }

    /// Only tokens whose `iat` is at most this many seconds ago.
    #[must_use]
    pub fn age_seconds_max(mut self, seconds: u64) -> Self {
        self.age_seconds_max = Some(seconds);
        self
    }

    /// Only tokens that have this claim.
    #[must_use]
    pub fn require(mut self, claim: impl Into<String>) -> Self {
        self.required.push(claim.into());
        self
    }

    /// The issuer, as tokens have to name it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom tokens may be for.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// What tokens may be by their `typ`.
    pub fn types(&self) -> &[MediaType] {
        &self.types
    }

    /// How many seconds ago `iat` may be at most, where there is a bound.
    pub fn age_max(&self) -> Option<u64> {
        self.age_seconds_max
    }

    /// For how long claims that are accepted now may be, by their `exp` and the difference of clocks that is allowed for; none: they
    /// do not end by themselves.
    pub fn lifetime(&self, claims: &Claims) -> Option<Lifetime> {
        // A bound on their age may be taken away tomorrow.
        let from = claims.expires()?;
        let seconds = self.skew.0.saturating_add(1);
        Some(Lifetime { from, seconds })
    }

    /// From when on claims that are accepted now may not be any more; none: they do not end by themselves.
    pub fn good_until(&self, claims: &Claims) -> Option<UnixTime> {
        let aged = self.age_seconds_max.zip(claims.issued_at());
        let aged = aged.map(|(seconds, made)| made.plus(seconds));
        [claims.expires(), aged].into_iter().flatten().min()
    }

    /// Accepts claims that are all as expected at `now`.
    ///
    /// # Errors
    ///
    /// The first finding that does not hold, of [`crate::jose::refusal::Step::Expectation`].
    pub fn accept(&self, claims: Claims, now: UnixTime) -> Result<Accepted, Refusal> {
        self.findings(&claims, now).try_for_each(|finding| finding.outcome)?;
        Ok(Accepted { claims })
    }

    /// Every check, whether it holds or not.
    pub fn findings<'e>(&'e self, claims: &'e Claims, now: UnixTime) -> impl Iterator<Item = Finding<'e>> {
        let rules = RULES.iter().map(move |(check, rule)| Finding {
            check: *check,
            outcome: rule(self, claims, now),
        });
        let present = self.required.iter().map(|name| Finding {
            check: Check::Present(name),
            outcome: match claims.get(name) {
                Some(_) => Ok(()),
                None => Err(Refusal::ClaimMissing(name.clone().into())),
            },
        });
        rules.chain(present)
    }
}

impl Accepted {
    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, for good.
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

fn check_type(expected: &Expected, claims: &Claims, _: UnixTime) -> Result<(), Refusal> {
    let fits = match claims.typ() {
        Some(typ) => expected.types.contains(typ),
        None => expected.untyped,
    };
    fits.then_some(()).ok_or(Refusal::TypeMismatch)
}

fn check_issuer(expected: &Expected, claims: &Claims, _: UnixTime) -> Result<(), Refusal> {
    match claims.issuer() {
        None if expected.issuer_unsaid => Ok(()),
        None => Err(missing("iss")),
        Some(issuer) if issuer == expected.issuer => Ok(()),
        Some(_) => Err(Refusal::IssuerMismatch),
    }
}

fn check_audience(expected: &Expected, claims: &Claims, _: UnixTime) -> Result<(), Refusal> {
    let mut said = claims.audience().peekable();
    if said.peek().is_none() {
        let unsaid = expected.audience_unsaid.then_some(());
        return unsaid.ok_or_else(|| missing("aud"));
    }
    let fits = said.any(|one| expected.audiences.iter().any(|own| own == one));
    fits.then_some(()).ok_or(Refusal::AudienceMismatch)
}

/// The token ends at `exp`, not after it (RFC 7519 §4.1.4).
fn check_expiry(expected: &Expected, claims: &Claims, now: UnixTime) -> Result<(), Refusal> {
    match claims.expires() {
        None if expected.unending => Ok(()),
        None => Err(missing("exp")),
        Some(end) if now >= end.plus(expected.skew.0) => Err(Refusal::Expired),
        Some(_) => Ok(()),
    }
}

fn check_not_before(expected: &Expected, claims: &Claims, now: UnixTime) -> Result<(), Refusal> {
    match claims.not_before() {
        Some(begin) if now.plus(expected.skew.0) < begin => Err(Refusal::NotYetValid),
        _ => Ok(()),
    }
}

fn check_issued_at(expected: &Expected, claims: &Claims, now: UnixTime) -> Result<(), Refusal> {
    match claims.issued_at() {
        Some(made) if now.plus(expected.skew.0) < made => Err(Refusal::IssuedInFuture),
        _ => Ok(()),
    }
}

fn check_age(expected: &Expected, claims: &Claims, now: UnixTime) -> Result<(), Refusal> {
    let Some(seconds) = expected.age_seconds_max else {
        return Ok(());
    };
    let made = claims.issued_at().ok_or_else(|| missing("iat"))?;
    let end = made.plus(seconds).plus(expected.skew.0);
    (now <= end).then_some(()).ok_or(Refusal::TooOld)
}

fn missing(name: &'static str) -> Refusal {
    Refusal::ClaimMissing(Cow::Borrowed(name))
}
