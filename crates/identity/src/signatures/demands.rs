//! What is demanded of a signature besides being good: what it covers, and when it was made (RFC 9421 §3.2.1, §7.2).

use super::component::{Derived, is_field_name};
use super::presented::{Labelled, Parameters};
use super::refusal::Refusal;
use super::request::Request;
use crate::time::{Lifetime, UnixTime};

/// How long a signature is good where nothing else is said, in seconds.
pub const WINDOW_SECONDS: u64 = 60;
/// How far the clocks of a signer and ours may differ where nothing else is said, in seconds.
pub const SKEW_SECONDS: u64 = 30;
/// What has to be covered where nothing else is said.
pub const COMPONENTS: [&str; 4] = ["@method", "@target-uri", "content-digest", "authorization"];

/// What is demanded of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demands {
    /// What has to be covered.
    pub components: Vec<Required>,
    /// How long after `created` a signature is good, in seconds.
    pub window_seconds: u64,
    /// How far the clocks may differ, in seconds.
    pub skew_seconds: u64,
    /// Whether it needs a `nonce`.
    pub nonce: bool,
    /// The `tag` that signatures for this have; others are passed over.
    pub tag: Option<Box<str>>,
}

/// Something that has to be covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Required {
    /// `@target-uri`, or what makes it up: `@authority` with `@request-target`, or with `@path` and, where there is a query,
    /// `@query`.
    Target,
    /// `@method`, `@authority`, `@scheme`, `@request-target`, `@path`, and where there is one `@query`.
    Part(Part),
    /// A header field as a whole, where the request has it. `content-digest` has to be there where there is content.
    Field(Box<str>),
}

/// A derived component other than `@target-uri`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part(Derived);

impl Required {
    /// What a component identifier without parameters names; none where it names nothing that can be demanded.
    pub fn named(name: &str) -> Option<Self> {
        match Derived::named(name) {
            Some(Derived::TargetUri) => Some(Self::Target),
            Some(derived) => Some(Self::Part(Part(derived))),
            None => is_field_name(name).then(|| Self::Field(name.into())),
        }
    }

    fn is_covered(&self, signature: &Labelled, request: &Request<'_>) -> bool {
        let covers = |derived| signature.components.iter().any(|component| component.is(derived));
        let covers_query = || request.query.is_none() || covers(Derived::Query);
        match self {
            Self::Target => {
                let path = || covers(Derived::RequestTarget) || (covers(Derived::Path) && covers_query());
                covers(Derived::TargetUri) || (covers(Derived::Authority) && path())
            }
            Self::Part(Part(Derived::Query)) => covers_query(),
            Self::Part(Part(derived)) => covers(*derived),
            Self::Field(name) => {
                let is_content = **name == *"content-digest" && request.has_content;
                let is_needed = is_content || request.has_field(name);
                !is_needed || signature.components.iter().any(|component| component.is_all_of(name))
            }
        }
    }
}

impl Default for Demands {
    fn default() -> Self {
        Self {
            components: COMPONENTS.iter().filter_map(|name| Required::named(name)).collect(),
            window_seconds: WINDOW_SECONDS,
            skew_seconds: SKEW_SECONDS,
            nonce: false,
            tag: None,
        }
    }
}

impl Demands {
    /// Whether a signature is meant for this.
    pub(super) fn is_meant(&self, parameters: &Parameters) -> bool {
        self.tag.is_none() || self.tag == parameters.tag
    }

    /// For how long the signature is good, if everything that is demanded holds at `now`.
    ///
    /// # Errors
    ///
    /// The first demand that does not hold.
    pub(super) fn hold(&self, signature: &Labelled, request: &Request<'_>, now: UnixTime) -> Result<Lifetime, Refusal> {
        let covered = |required: &Required| required.is_covered(signature, request);
        if !self.components.iter().all(covered) {
            return Err(Refusal::Uncovered);
        }
        let Parameters {
            created,
            expires,
            nonce,
            ..
        } = &signature.parameters;
        let created = created.ok_or(Refusal::CreatedMissing)?;
        if created > now.plus(self.skew_seconds) {
            return Err(Refusal::NotYet);
        }
        let too_old = created.plus(self.window_seconds).plus(self.skew_seconds);
        if now >= too_old {
            return Err(Refusal::TooOld);
        }
        let expired = expires.map_or(UnixTime::MAX, |expires| expires.plus(self.skew_seconds));
        if now >= expired {
            return Err(Refusal::Expired);
        }
        if self.nonce && nonce.as_deref().is_none_or(str::is_empty) {
            return Err(Refusal::NonceMissing);
        }
        // As if it were made so that it gets too old when it expires.
        let from = expires.map_or(created, |expires| created.min(expires.minus(self.window_seconds)));
        let seconds = self.window_seconds.saturating_add(self.skew_seconds);
        Ok(Lifetime { from, seconds })
    }
}
