//! Private and symmetric JWKs (RFC 7517 §4, RFC 7518 §6), read and forgotten.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::RsaPublicKeyComponents;
use portcullis_identity::jose::decode_base64url;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::jose::object::{self, Object};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::load::LoadError;

/// The members of a key; the texts are overwritten when it is dropped.
pub(crate) struct Jwk(Object);

impl Jwk {
    pub(crate) fn read(octets: &[u8]) -> Result<Self, LoadError> {
        object::read(octets).map(Self).map_err(LoadError::Json)
    }

    pub(crate) fn of(members: Object) -> Self {
        Self(members)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&str, LoadError> {
        self.optional_text(name)?.ok_or(LoadError::Member(name))
    }

    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<&str>, LoadError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(LoadError::Member(name)),
        }
    }

    pub(crate) fn octets(&self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, LoadError> {
        let octets = decode_base64url(self.text(name)?).ok_or(LoadError::Member(name))?;
        Ok(Zeroizing::new(octets))
    }

    pub(crate) fn kid(&self) -> Result<Option<Kid>, LoadError> {
        let text = self.optional_text("kid")?;
        text.map(|text| Kid::new(text).ok_or(LoadError::Member("kid")))
            .transpose()
    }

    /// The point of an EC key, not compressed.
    pub(crate) fn point(&self) -> Result<Vec<u8>, LoadError> {
        Ok([&[4], self.octets("x")?.as_slice(), self.octets("y")?.as_slice()].concat())
    }

    /// Checks `use` and `key_ops` against what the key is loaded for.
    pub(crate) fn check_purpose(&self, purpose: &str, operations: &[&str]) -> Result<(), LoadError> {
        if self.optional_text("use")?.is_some_and(|said| said != purpose) {
            return Err(LoadError::Purpose);
        }
        match self.0.get("key_ops") {
            None => Ok(()),
            Some(Value::Array(said)) => {
                let is_one = |operation: &Value| operation.as_str().is_some_and(|name| operations.contains(&name));
                let fits = !said.is_empty() && said.iter().all(is_one);
                fits.then_some(()).ok_or(LoadError::Purpose)
            }
            Some(_) => Err(LoadError::Member("key_ops")),
        }
    }

    /// An RSA key of two primes, every part checked against the others.
    pub(crate) fn rsa(&self) -> Result<rsa::KeyPair, LoadError> {
        let components = rsa::KeyPairComponents {
            public_key: RsaPublicKeyComponents {
                n: self.octets("n")?,
                e: self.octets("e")?,
            },
            d: self.octets("d")?,
            p: self.octets("p")?,
            q: self.octets("q")?,
            dP: self.octets("dp")?,
            dQ: self.octets("dq")?,
            qInv: self.octets("qi")?,
        };
        rsa::KeyPair::from_components(&components).map_err(|_| LoadError::Inconsistent)
    }
}

impl Drop for Jwk {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}
