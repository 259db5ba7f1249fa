//! What an upstream is told of who calls: a token that the gate signs, header fields, or nothing.
//!
//! Whoever is not known is not spoken of: the fields are then absent, and those of the same names that a client sends never
//! arrive. Nothing here verifies anybody.

mod cache;
mod keys;
mod text;
mod token;

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;
use smallvec::SmallVec;

pub(crate) use cache::SignedTokens;
pub use keys::{SigningKeys, jwks};
pub(crate) use token::Unsigned;
pub use token::{LIFETIME_SECONDS_MAX, LIFETIME_SECONDS_MIN, RESERVED_CLAIMS, TYP, Tokens};

/// The fields that tell an upstream who calls.
pub(crate) type Told = SmallVec<[(HeaderName, HeaderValue); 1]>;

/// How an upstream is told who calls.
#[derive(Debug)]
pub enum UpstreamIdentity {
    /// By a token in this field; in `Authorization` as a bearer token (RFC 6750 §2.1).
    Token(HeaderName, Tokens),
    /// By header fields.
    Headers(Headers),
}

/// The fields that say who calls, where there is anything to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The subject, in the names of who vouches for it.
    pub subject: Option<HeaderName>,
    /// The client that acts for it.
    pub client: Option<HeaderName>,
    /// What the credential may be used for.
    pub scopes: Option<HeaderName>,
    /// Claims of the token, by their names.
    pub claims: Vec<(Box<str>, HeaderName)>,
}

impl UpstreamIdentity {
    /// Every field that may be written. A client's are removed, whether one is written or not.
    pub fn names(&self) -> Vec<HeaderName> {
        match self {
            Self::Token(name, _) => vec![name.clone()],
            Self::Headers(headers) => headers.names().cloned().collect(),
        }
    }

    /// What the upstream of a request is told of a known caller.
    pub(crate) fn tell(
        self: &Arc<Self>,
        identity: &Arc<Identity>,
        signed: &mut SignedTokens,
        now: UnixTime,
    ) -> Result<Told, Unsigned> {
        let (name, tokens) = match &**self {
            Self::Headers(headers) => return Ok(headers.tell(identity)),
            Self::Token(name, tokens) => (name, tokens),
        };
        let token = match signed.get(identity, self, now) {
            Some(token) => token,
            None => {
                let prefix = if *name == AUTHORIZATION { "Bearer " } else { "" };
                let new = tokens.sign(identity, prefix, now)?;
                signed.put(identity, self, &new);
                new.token
            }
        };
        Ok(Told::from_iter([(name.clone(), token)]))
    }
}

impl Headers {
    /// Every name, in the order in which the fields are written.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let own = self.subject.iter().chain(&self.client).chain(&self.scopes);
        own.chain(self.claims.iter().map(|(_, name)| name))
    }

    fn tell(&self, identity: &Identity) -> Told {
        let own = [
            (&self.subject, Some(text::subject(identity))),
            (
                &self.client,
                identity.client().map(|client| text::encoded(client).into_owned()),
            ),
            (&self.scopes, text::scope_field(identity.scopes())),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| Some((name.as_ref()?, value?)));
        let claims = self.claims.iter().filter_map(|(claim, name)| {
            let value = text::claim(identity.claims().get(claim)?)?;
            Some((name, value))
        });
        let fields = own.chain(claims);
        fields
            .filter_map(|(name, value)| Some((name.clone(), HeaderValue::try_from(value).ok()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
