//! The keys of one issuer: an immutable snapshot, replaced whole when keys change.
//!
//! A set is of public keys or of symmetric ones, never of both, so that no public key can be taken for a secret one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::Refusal;
use super::algorithm::SignatureAlgorithm;
use super::handle::Mac;
use super::key::{JwkRules, KeyRefusal, Kid, VerificationKey};
use super::object::{self, Fault};

/// The longest JWK Set that is read, in bytes.
pub const SET_BYTES_MAX: usize = 256 * 1024;

/// The most keys that a set may have.
pub const KEYS_MAX: usize = 100;

/// Keys, prepared for verifying.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    named: HashMap<Kid, VerificationKey>,
    unnamed: Vec<VerificationKey>,
}

/// A key of a JWK Set that is not used, and why. RFC 7517 §5 wants such a key to be passed over, not the whole set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place in `keys`, counted from 0.
    pub position: usize,
    /// Why.
    pub refusal: KeyRefusal,
}

/// Why a whole JWK Set is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySetRefusal {
    /// Longer than [`SET_BYTES_MAX`].
    TooLong,
    /// Not a strict JSON object.
    Json(Fault),
    /// No array `keys` of objects.
    NoKeys,
    /// More than [`KEYS_MAX`] keys.
    TooManyKeys,
    /// A private or symmetric key among public ones: somebody published a secret, and nothing signed with it is worth anything.
    ExposedSecret(LeftOut),
    /// Two usable keys have this name.
    DuplicateKid(Kid),
    /// Every key was left out.
    NoUsableKey(Vec<LeftOut>),
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5) of public keys. Keys that are weak or not for verifying are left out, and returned.
    ///
    /// # Errors
    ///
    /// Sets that cannot be used at all, or not without doubt.
    pub fn from_jwks(octets: &[u8], rules: &JwkRules) -> Result<(Self, Vec<LeftOut>), KeySetRefusal> {
        if octets.len() > SET_BYTES_MAX {
            return Err(KeySetRefusal::TooLong);
        }
        let set = object::read(octets).map_err(KeySetRefusal::Json)?;
        let jwks = set.get("keys").and_then(Value::as_array).ok_or(KeySetRefusal::NoKeys)?;
        if jwks.len() > KEYS_MAX {
            return Err(KeySetRefusal::TooManyKeys);
        }
        let (mut keys, mut left_out) = (Self::default(), Vec::new());
        for (position, jwk) in jwks.iter().enumerate() {
            let jwk = jwk.as_object().ok_or(KeySetRefusal::NoKeys)?;
            match VerificationKey::from_jwk(jwk, rules) {
                Ok(key) => keys.insert(key)?,
                Err(refusal) if refusal.is_exposed_secret() => {
                    return Err(KeySetRefusal::ExposedSecret(LeftOut { position, refusal }));
                }
                Err(refusal) => left_out.push(LeftOut { position, refusal }),
            }
        }
        if keys.is_empty() {
            return Err(KeySetRefusal::NoUsableKey(left_out));
        }
        Ok((keys, left_out))
    }

    /// A set of symmetric keys, for tokens that their receiver could have made itself.
    ///
    /// # Errors
    ///
    /// [`KeySetRefusal::DuplicateKid`], and no key or too many.
    pub fn from_macs(macs: impl IntoIterator<Item = Arc<dyn Mac>>) -> Result<Self, KeySetRefusal> {
        let mut keys = Self::default();
        for mac in macs {
            keys.insert(VerificationKey::from_mac(mac))?;
        }
        match keys.len() {
            0 => Err(KeySetRefusal::NoUsableKey(Vec::new())),
            1..=KEYS_MAX => Ok(keys),
            _ => Err(KeySetRefusal::TooManyKeys),
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.named.len() + self.unnamed.len()
    }

    /// Whether there is none, which no set that was read is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of exactly this name.
    pub fn named(&self, kid: &Kid) -> Option<&VerificationKey> {
        self.named.get(kid)
    }

    /// The one key to verify with: of exactly this name and for this algorithm; for a token without a name, the only key for
    /// the algorithm. No second key is ever tried, so that a token costs one verification at most.
    ///
    /// # Errors
    ///
    /// [`Refusal::KeyUnknown`], [`Refusal::AlgorithmNotOfKey`] and [`Refusal::KeyAmbiguous`].
    pub fn find(&self, kid: Option<&Kid>, algorithm: SignatureAlgorithm) -> Result<&VerificationKey, Refusal> {
        match kid {
            Some(kid) => {
                let key = self.named.get(kid).ok_or(Refusal::KeyUnknown)?;
                let fits = key.algorithm() == algorithm;
                fits.then_some(key).ok_or(Refusal::AlgorithmNotOfKey)
            }
            None => self.only(algorithm),
        }
    }

    fn only(&self, algorithm: SignatureAlgorithm) -> Result<&VerificationKey, Refusal> {
        let all = self.named.values().chain(&self.unnamed);
        let mut fitting = all.filter(|key| key.algorithm() == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refusal::KeyAmbiguous),
            (None, _) => Err(Refusal::KeyUnknown),
        }
    }

    fn insert(&mut self, key: VerificationKey) -> Result<(), KeySetRefusal> {
        let Some(kid) = key.kid().cloned() else {
            self.unnamed.push(key);
            return Ok(());
        };
        match self.named.entry(kid) {
            Entry::Occupied(taken) => Err(KeySetRefusal::DuplicateKid(taken.key().clone())),
            Entry::Vacant(free) => {
                free.insert(key);
                Ok(())
            }
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}: {}", self.position, self.refusal)
    }
}

impl fmt::Display for KeySetRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the key set has more than {SET_BYTES_MAX} bytes"),
            Self::Json(fault) => write!(f, "the key set {fault}"),
            Self::NoKeys => f.write_str("the key set has no array `keys` of objects"),
            Self::TooManyKeys => write!(f, "the key set has more than {KEYS_MAX} keys"),
            Self::ExposedSecret(key) => write!(f, "the key set exposes a secret: {key}"),
            Self::DuplicateKid(kid) => write!(f, "two keys have the `kid` `{}`", kid.as_str().escape_debug()),
            Self::NoUsableKey(left_out) => {
                f.write_str("the key set has no key to verify with")?;
                left_out.iter().try_for_each(|key| write!(f, ": {key}"))
            }
        }
    }
}

impl std::error::Error for KeySetRefusal {}
