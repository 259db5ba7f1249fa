//! A proof of possession: a token signed with the key that stands in its own header, as DPoP (RFC 9449 §4) has it.
//!
//! The signature says only that whoever made the proof has that key. So a [`Proof`] is not a [`super::jws::Verified`]: it can
//! never take the place of an access token, and no other token may have a `jwk` at all.

use serde_json::Value;

use super::algorithm::RsaAlgorithm;
use super::header::EmbeddedKey;
use super::jws::Unverified;
use super::key::{JwkRules, VerificationKey};
use super::media_type::MediaType;
use super::object::{self, Object};
use super::refusal::{Part, Refusal};

/// A proof whose signature fits the key in it.
#[derive(Clone, Debug)]
pub struct Proof {
    claims: Object,
    jwk: Object,
}

impl Proof {
    /// Verifies a proof with its own key. Its `typ` has to be `typ`, which no other kind of token may have.
    ///
    /// # Errors
    ///
    /// As for any token; [`Refusal::TypeMismatch`] before the key is looked at, and [`Refusal::EmbeddedKeyRefused`] for a
    /// key that is weak, private or symmetric.
    pub fn verify(token: &str, typ: &MediaType) -> Result<Self, Refusal> {
        let (unverified, mut parameters) = Unverified::read(token, EmbeddedKey::Expected)?;
        let header = unverified.header();
        if header.typ() != Some(typ) {
            return Err(Refusal::TypeMismatch);
        }
        let Some(Value::Object(jwk)) = parameters.remove("jwk") else {
            return Err(Refusal::HeaderParameter("jwk"));
        };
        // An RSA key that says nothing else is for the algorithm that stands beside it: both are its owner's words.
        let rules = JwkRules {
            rsa_without_alg: RsaAlgorithm::of(header.algorithm()).unwrap_or_default(),
        };
        let key = VerificationKey::from_jwk(&jwk, &rules).map_err(Refusal::EmbeddedKeyRefused)?;
        let payload = unverified.verify_with(&key)?;
        let claims = object::read(&payload).map_err(|fault| Refusal::Json(Part::Claims, fault))?;
        Ok(Self { claims, jwk })
    }

    /// What the proof says, which is to be believed only as far as its key is.
    pub fn claims(&self) -> &Object {
        &self.claims
    }

    /// The public key of whoever made the proof.
    pub fn jwk(&self) -> &Object {
        &self.jwk
    }
}
