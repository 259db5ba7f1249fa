//! JSON Web Signatures (RFC 7515): a signed token, before and after its signature was verified.

use super::Refusal;
use super::algorithm::SignatureAlgorithm;
use super::claims::Claims;
use super::compact::Jws;
use super::header::{self, EmbeddedKey, Header};
use super::key::VerificationKey;
use super::key_set::KeySet;
use super::object::Object;

/// A token of the right form, of which nothing is believed yet.
#[derive(Clone, Debug)]
pub struct Unverified<'a> {
    header: Header<SignatureAlgorithm>,
    parts: Jws<'a>,
}

/// A token whose signature was verified, and its content. Only verification makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    header: Header<SignatureAlgorithm>,
    payload: Vec<u8>,
}

/// What a token says of who made it, in passing.
#[derive(serde::Deserialize)]
struct Claimed {
    iss: Option<String>,
}

impl<'a> Unverified<'a> {
    /// Checks the form of a signed token and reads its header.
    ///
    /// # Errors
    ///
    /// Refusals of [`super::refusal::Step::Form`] and [`super::refusal::Step::Header`].
    pub fn parse(token: &'a str) -> Result<Self, Refusal> {
        Self::read(token, EmbeddedKey::Refused).map(|(unverified, _)| unverified)
    }

    /// As [`Unverified::parse`], with the header's parameters.
    pub(super) fn read(token: &'a str, embedded: EmbeddedKey) -> Result<(Self, Object), Refusal> {
        let parts = Jws::parse(token)?;
        let parameters = header::parameters(parts.header)?;
        // What says how its content is encrypted is a JWE, however many parts it has (RFC 7516 §9).
        if parameters.contains_key("enc") {
            return Err(Refusal::EncryptedUnexpectedly);
        }
        let header = Header::read(&parameters, embedded)?;
        Ok((Self { header, parts }, parameters))
    }

    /// What the header says.
    pub fn header(&self) -> &Header<SignatureAlgorithm> {
        &self.header
    }

    /// The issuer that the token says it has, to choose whose keys to verify it with, and for nothing else.
    pub fn claimed_issuer(&self) -> Option<String> {
        // Not the strict reader, which comes when the signature was verified and refuses what two readers would read
        // differently: this one keeps nothing but the name.
        let claimed: Claimed = serde_json::from_slice(&self.parts.payload.decode().ok()?).ok()?;
        claimed.iss
    }

    /// Verifies the signature with the one key of `keys` that fits.
    ///
    /// # Errors
    ///
    /// Refusals of [`super::refusal::Step::Key`] and [`super::refusal::Step::Signature`].
    pub fn verify(self, keys: &KeySet) -> Result<Verified, Refusal> {
        let key = keys.find(self.header.kid(), self.header.algorithm())?;
        let payload = self.verify_with(key)?;
        Ok(Verified {
            header: self.header,
            payload,
        })
    }

    /// The payload, after the signature over the text as it came was verified.
    pub(super) fn verify_with(&self, key: &VerificationKey) -> Result<Vec<u8>, Refusal> {
        if key.algorithm() != self.header.algorithm() {
            return Err(Refusal::AlgorithmNotOfKey);
        }
        let signature = self.parts.signature.decode()?;
        key.verify(self.parts.signing_input.as_bytes(), &signature)
            .map_err(|_| Refusal::Signature)?;
        self.parts.payload.decode()
    }
}

impl Verified {
    /// What the header says.
    pub fn header(&self) -> &Header<SignatureAlgorithm> {
        &self.header
    }

    /// The octets that were signed, whatever they are.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The claims set (RFC 7519 §4) that the payload is.
    ///
    /// # Errors
    ///
    /// Refusals of [`super::refusal::Step::Claims`].
    pub fn claims(&self) -> Result<Claims, Refusal> {
        Claims::read(self)
    }
}
