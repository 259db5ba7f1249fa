//! Access tokens: who is to know one; and those of one issuer, which are signed JWTs (RFC 9068, RFC 8725), or whatever it says of
//! its own (RFC 7662).

use std::sync::Arc;

use crate::confirmation::Binding;
use crate::credentials::{ApiKey, OpaqueToken};
use crate::introspection::Introspected;
use crate::jose::Refusal;
use crate::jose::claims::Expected;
use crate::jose::compact::Form;
use crate::jose::jws::Unverified;
use crate::jose::key_set::KeySet;
use crate::principal::Identity;
use crate::time::UnixTime;

/// Who is to know a token. It is told by its form alone, before anything is verified, and nobody else is asked: a token that its
/// knower refuses is not tried as another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knower<K> {
    /// Whoever keeps the opaque tokens of the house.
    House(K),
    /// An issuer, by the token's [`Form`](crate::jose::compact::Form): the one that a signed token names, the one that has the
    /// key of an encrypted token, or, for everything else, the one that is asked.
    Issuer,
}

impl<K> Knower<K> {
    /// Who is to know `token`, where `house` keeps opaque tokens of its own, if anybody does.
    pub fn of(token: &str, house: Option<K>) -> Self {
        match house {
            Some(house) if OpaqueToken::parse(token).is_some() => Self::House(house),
            _ => Self::Issuer,
        }
    }
}

/// What a text in the place of an access token is, by its form alone: nothing of it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An API key of the house, which is no token.
    ApiKey,
    /// An opaque token of the house.
    House,
    /// A JWT, signed or encrypted.
    Jwt,
    /// Anything else: whoever made it knows what it is.
    Other,
}

impl Kind {
    /// The log's word for a credential of a kind that an operation does not take.
    pub const NOT_ACCEPTED: &'static str = "kind-not-accepted";

    /// The kind of a text.
    pub fn of(text: &str) -> Self {
        match Form::of(text) {
            Form::Signed | Form::Encrypted => Self::Jwt,
            Form::Opaque if OpaqueToken::parse(text).is_some() => Self::House,
            Form::Opaque if ApiKey::parse(text).is_ok() => Self::ApiKey,
            Form::Opaque => Self::Other,
        }
    }
}

/// How a signed token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// As it is (JWS): readable for everybody who carried it.
    Jws,
    /// In an encrypted one (JWE).
    Jwe,
}

impl Wrapping {
    /// Whether an issuer's tokens may come so: `encrypted` is whether they have to be encrypted, `None` where the gate has no key
    /// for them.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotEncrypted`]; [`Refusal::EncryptedUnexpectedly`], since what another issuer's key decrypts was not made for
    /// this gate by this issuer.
    pub fn check(self, encrypted: Option<bool>) -> Result<(), Refusal> {
        match (self, encrypted) {
            (Self::Jws, Some(true)) => Err(Refusal::NotEncrypted),
            (Self::Jwe, None) => Err(Refusal::EncryptedUnexpectedly),
            (Self::Jws, None | Some(false)) | (Self::Jwe, Some(_)) => Ok(()),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{CredentialId, Prefix};

    #[test]
    fn a_token_is_for_whoever_its_form_says() {
        let house = OpaqueToken::compose(&Prefix::parse("ptc").unwrap(), CredentialId::of([1; 8]), &[2; 32]);
        let house = house.with_tag(&[3; 32]);
        for (token, kept, expected) in [
            (house.as_str(), true, Knower::House(())),
            (house.as_str(), false, Knower::Issuer),
            ("e30.e30.", true, Knower::Issuer),
            ("opaque", true, Knower::Issuer),
            ("", true, Knower::Issuer),
        ] {
            assert_eq!(Knower::of(token, kept.then_some(())), expected, "{token}");
        }
    }

    #[test]
    fn a_text_is_of_the_kind_that_its_form_says() {
        let (prefix, id) = (Prefix::parse("ptc").unwrap(), CredentialId::of([1; 8]));
        let house = OpaqueToken::compose(&prefix, id, &[2; 32]).with_tag(&[3; 32]);
        let key = ApiKey::compose(&prefix, id, &[2; 32]);
        for (text, kind) in [
            (house.as_str(), Kind::House),
            (&house.replacen("ptc", "acme", 1), Kind::House),
            (&format!("{house}0"), Kind::Other),
            (&key, Kind::ApiKey),
            (&format!("{key}0"), Kind::Other),
            ("e30.e30.", Kind::Jwt),
            ("e30.a.a.a.a", Kind::Jwt),
            ("a.b.c", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
    }

    #[test]
    fn jose_11_what_has_to_be_encrypted_is_and_nothing_else_is() {
        for (wrapping, encrypted, expected) in [
            (Wrapping::Jws, None, Ok(())),
            (Wrapping::Jws, Some(false), Ok(())),
            (Wrapping::Jws, Some(true), Err(Refusal::NotEncrypted)),
            (Wrapping::Jwe, None, Err(Refusal::EncryptedUnexpectedly)),
            (Wrapping::Jwe, Some(false), Ok(())),
            (Wrapping::Jwe, Some(true), Ok(())),
        ] {
            assert_eq!(wrapping.check(encrypted), expected, "{wrapping:?} {encrypted:?}");
        }
    }
}
