//! What is kept of a credential.

use std::sync::Arc;

use crate::principal::{Credential, Identity, Scopes, Subject, SubjectKind};
use crate::time::UnixTime;

use super::CredentialId;

/// How many octets a MAC has (HMAC-SHA-256).
pub const MAC_BYTES: usize = 32;

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An API key: in a header field of its own, or a cookie.
    ApiKey,
    /// An opaque bearer token (RFC 6750).
    Token,
}

/// The MAC of a credential, and under which key it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The name of the MAC key.
    pub key: Box<str>,
    /// The MAC of the whole credential.
    pub mac: [u8; MAC_BYTES],
}

/// A secret that was replaced, and is good for a while yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retiring {
    /// What is kept of it.
    pub tag: Tag,
    /// From when on it is not good any more.
    pub until: UnixTime,
}

/// Everything that is kept of a credential. The credential itself is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub id: CredentialId,
    /// What it is.
    pub kind: Kind,
    /// What people call it.
    pub label: Box<str>,
    /// What kind of subject it is for.
    pub owner_kind: SubjectKind,
    /// The name of the subject that it is for.
    pub owner: Box<str>,
    /// The client that presents it, if that is known.
    pub client: Option<Box<str>>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// The MAC of it.
    pub tag: Tag,
    /// The MAC of what it was before.
    pub retiring: Option<Retiring>,
    /// When it was issued.
    pub issued: UnixTime,
    /// From when on it is not good any more; none: it does not end by itself.
    pub expires: Option<UnixTime>,
    /// When it was revoked.
    pub revoked: Option<UnixTime>,
    /// When it was used last, as far as that has been written down.
    pub used: Option<UnixTime>,
}

impl Kind {
    /// Its name where it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Token => "token",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::ApiKey, Self::Token].into_iter().find(|kind| kind.name() == name)
    }
}

impl Record {
    /// Whom the credential speaks of, until then. `authority` is what the house is called as an authority.
    pub fn identity(&self, authority: &Arc<str>, until: Option<UnixTime>) -> Identity {
        let credential = match self.kind {
            Kind::ApiKey => Credential::ApiKey,
            Kind::Token => Credential::AccessToken,
        };
        let subject = Subject::new(Arc::clone(authority), self.owner_kind, &self.owner);
        let mut identity = Identity::new(credential, subject).with_scopes(self.scopes.clone());
        if let Some(client) = &self.client {
            identity = identity.with_client(client);
        }
        match until {
            Some(until) => identity.until(until),
            None => identity,
        }
    }

    /// When it ended, or will: revoked, or expired.
    pub fn ends(&self) -> Option<UnixTime> {
        match (self.revoked, self.expires) {
            (Some(revoked), Some(expires)) => Some(revoked.min(expires)),
            (revoked, expires) => revoked.or(expires),
        }
    }

    /// Whether it is good for nothing any more.
    pub fn has_ended(&self, now: UnixTime) -> bool {
        self.ends().is_some_and(|ends| ends <= now)
    }
}
