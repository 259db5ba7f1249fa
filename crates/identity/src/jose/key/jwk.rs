//! The members of a JWK that all kinds of keys have (RFC 7517 §4), and how the others are spelt.

use serde_json::Value;

use super::{KeyRefusal, Kid};
use crate::jose::algorithm::{Named, SignatureAlgorithm};
use crate::jose::base64url;
use crate::jose::object::Object;

/// What only private keys have (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth"];

/// A JWK that is public and for verifying signatures.
pub(super) struct Jwk<'o>(&'o Object);

impl<'o> Jwk<'o> {
    pub(super) fn public(members: &'o Object) -> Result<Self, KeyRefusal> {
        let jwk = Self(members);
        if members.contains_key("k") || jwk.optional_text("kty")? == Some("oct") {
            return Err(KeyRefusal::Symmetric);
        }
        if let Some(name) = PRIVATE.iter().find(|name| members.contains_key(**name)) {
            return Err(KeyRefusal::PrivateMember(name));
        }
        if jwk.optional_text("use")?.is_some_and(|purpose| purpose != "sig") {
            return Err(KeyRefusal::NotForSignatures);
        }
        jwk.check_operations()?;
        Ok(jwk)
    }

    pub(super) fn key_type(&self) -> Result<&'o str, KeyRefusal> {
        self.text("kty")
    }

    pub(super) fn kid(&self) -> Result<Option<Kid>, KeyRefusal> {
        let text = self.optional_text("kid")?;
        text.map(|text| Kid::new(text).ok_or(KeyRefusal::Member("kid")))
            .transpose()
    }

    /// What the key says that it is for.
    pub(super) fn algorithm(&self) -> Result<Option<SignatureAlgorithm>, KeyRefusal> {
        let name = self.optional_text("alg")?;
        name.map(|name| SignatureAlgorithm::named(name).ok_or(KeyRefusal::AlgorithmUnsupported))
            .transpose()
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&'o str, KeyRefusal> {
        self.optional_text(name)?.ok_or(KeyRefusal::Member(name))
    }

    pub(super) fn octets(&self, name: &'static str) -> Result<Vec<u8>, KeyRefusal> {
        base64url::decode(self.text(name)?).ok_or(KeyRefusal::Member(name))
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<&'o str>, KeyRefusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(KeyRefusal::Member(name)),
        }
    }

    /// `key_ops`, where it stands, is a list without repetition (RFC 7517 §4.3). A public key verifies and does nothing else.
    fn check_operations(&self) -> Result<(), KeyRefusal> {
        match self.0.get("key_ops") {
            None => Ok(()),
            Some(Value::Array(operations)) => match operations.as_slice() {
                [Value::String(operation)] if operation == "verify" => Ok(()),
                _ => Err(KeyRefusal::NotForVerifying),
            },
            Some(_) => Err(KeyRefusal::Member("key_ops")),
        }
    }
}
