//! Step-up authentication (RFC 9470): how, and how lately, the subject of an access token has to have proved itself.

use crate::challenge;
use crate::principal::{Credential, Identity};
use crate::time::UnixTime;

/// How far the clock of an issuer may be ahead of ours, in seconds.
const SKEW_SECONDS: u64 = 30;

/// What is asked of a token besides being good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// Authentication context classes, of which the token's `acr` has to be one; the first is preferred. None: any will do, and
    /// so will no class.
    pub acr: Box<[Box<str>]>,
    /// How long ago the token's `auth_time` may be, in seconds.
    pub max_age_seconds: Option<u64>,
}

impl StepUp {
    /// Whether somebody has proved itself well enough. Only access tokens say so: whoever proved it by anything else has not.
    pub fn is_met(&self, identity: &Identity, now: UnixTime) -> bool {
        identity.credential() == Credential::AccessToken && self.is_of_class(identity) && self.is_recent(identity, now)
    }

    /// Whether the token's `acr` is one of the classes, or any will do.
    pub fn is_of_class(&self, identity: &Identity) -> bool {
        let said = identity.claims().get("acr").and_then(|acr| acr.as_str());
        self.acr.is_empty() || said.is_some_and(|said| self.acr.iter().any(|class| **class == *said))
    }

    /// Whether the token's `auth_time` is as recent as it has to be, or needs not be.
    pub fn is_recent(&self, identity: &Identity, now: UnixTime) -> bool {
        let Some(max_age) = self.max_age_seconds else {
            return true;
        };
        let good = |at: UnixTime| at <= now.plus(SKEW_SECONDS) && now <= at.plus(max_age);
        identity.claims().authenticated_at().is_some_and(good)
    }

    /// What a caller is told to come back with (RFC 9470 §3).
    pub fn challenge(&self, realm: &str) -> String {
        challenge::step_up(realm, &self.acr, self.max_age_seconds)
    }
}
