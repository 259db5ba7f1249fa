//! Access tokens of one issuer: signed JWTs (RFC 9068, RFC 8725), or whatever it says of its own (RFC 7662).

use std::sync::Arc;

use crate::confirmation::Binding;
use crate::introspection::Introspected;
use crate::jose::Refusal;
use crate::jose::claims::Expected;
use crate::jose::jws::Unverified;
use crate::jose::key_set::KeySet;
use crate::principal::Identity;
use crate::time::UnixTime;

/// What makes a token acceptable as one of this issuer's.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    authority: Arc<str>,
    expected: Expected,
    binding: Binding,
}

impl AccessTokens {
    /// Tokens that are as expected. `authority` is what the issuer is called here.
    pub fn new(authority: Arc<str>, expected: Expected) -> Self {
        let binding = Binding::None;
        Self {
            authority,
            expected,
            binding,
        }
    }

    /// The same, where tokens have to be bound.
    #[must_use]
    pub fn bound(self, binding: Binding) -> Self {
        Self { binding, ..self }
    }

    /// What the issuer is called here.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What is expected of a token.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// What a token has to be bound to. Whether its caller has that, is asked of each request ([`crate::confirmation`]).
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// Whom a token speaks of, at `now`. The signature is verified before anything that the token says is read.
    ///
    /// # Errors
    ///
    /// The first check that does not hold.
    pub fn verify(&self, token: Unverified<'_>, keys: &KeySet, now: UnixTime) -> Result<Identity, Refusal> {
        let claims = token.verify(keys)?.claims()?;
        let accepted = self.expected.accept(claims, now)?;
        Identity::of_access_token(&self.authority, accepted)
    }

    /// Whom a token speaks of by what its issuer's introspection endpoint says of it, at `now`.
    ///
    /// # Errors
    ///
    /// [`Refusal::Inactive`], or the first check that does not hold.
    pub fn introspected(&self, said: Introspected, now: UnixTime) -> Result<Identity, Refusal> {
        match said {
            Introspected::Inactive => Err(Refusal::Inactive),
            Introspected::Active(active) => {
                let accepted = self.expected.accept(active.into_claims()?, now)?;
                Identity::of_access_token(&self.authority, accepted)
            }
        }
    }
}
