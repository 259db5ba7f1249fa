//! Sets of MAC keys, as a JWK Set (RFC 7517 §5) of keys of the type `oct`; and new ones.

use aws_lc_rs::rand;
use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::jose::object;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::jwk::Jwk;
use crate::load::LoadError;
use crate::mac::{MAC_KEY_BYTES_MIN, MacKey};

/// A MAC key that nobody has yet.
pub struct NewMacKey(Zeroizing<String>);

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl NewMacKey {
    /// Draws 256 bits.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn draw(kid: &Kid) -> Result<Self, NoRandomness> {
        let mut octets = Zeroizing::new([0; MAC_KEY_BYTES_MIN]);
        rand::fill(&mut *octets).map_err(|_| NoRandomness)?;
        let k = Zeroizing::new(encode_base64url(&*octets));
        let kid = Value::from(kid.as_str());
        let jwk = format!(r#"{{"kty":"oct","alg":"HS256","use":"sig","kid":{kid},"k":"{}"}}"#, *k);
        Ok(Self(Zeroizing::new(jwk)))
    }

    /// The key as a JWK, for the file that it will be kept in. Nowhere else does a key leave this crate, and this one never was
    /// in it.
    pub fn jwk(&self) -> &str {
        &self.0
    }
}

impl MacKey {
    /// Reads every key of a JWK Set, in its order. The texts of the keys are overwritten.
    ///
    /// # Errors
    ///
    /// What is no set, and the first key that cannot be used.
    pub fn from_jwks(octets: &[u8]) -> Result<Vec<Self>, LoadError> {
        let mut set = object::read(octets).map_err(LoadError::Json)?;
        let Some(Value::Array(keys)) = set.remove("keys") else {
            set.values_mut().for_each(forget);
            return Err(LoadError::Member("keys"));
        };
        // All of them are taken over before the first can fail, so that none is left as it is.
        let keys: Vec<_> = keys.into_iter().map(taken_over).collect();
        keys.into_iter().map(|key| Self::of(&key?)).collect()
    }
}

fn taken_over(key: Value) -> Result<Jwk, LoadError> {
    match key {
        Value::Object(members) => Ok(Jwk::of(members)),
        mut other => {
            forget(&mut other);
            Err(LoadError::Member("keys"))
        }
    }
}

fn forget(value: &mut Value) {
    if let Value::String(text) = value {
        text.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::jose::handle::Mac as _;

    use super::*;

    #[test]
    fn new_keys_are_read_in_their_order() {
        let [one, two] = ["one", "two"].map(|name| NewMacKey::draw(&Kid::new(name).unwrap()).unwrap());
        assert_ne!(one.jwk(), two.jwk());
        let set = format!(r#"{{"keys":[{},{}]}}"#, one.jwk(), two.jwk());
        let keys = MacKey::from_jwks(set.as_bytes()).unwrap();
        let names: Vec<_> = keys.iter().map(|key| key.kid().unwrap().as_str()).collect();
        assert_eq!(names, ["one", "two"]);
        assert!(keys[0].verify(b"message", &keys[0].sign(b"message")).is_ok());
        assert!(keys[0].verify(b"message", &keys[1].sign(b"message")).is_err());
    }

    #[test]
    fn sets_that_cannot_be_used() {
        for (set, error) in [
            ("{}", LoadError::Member("keys")),
            (r#"{"keys":{}}"#, LoadError::Member("keys")),
            (r#"{"keys":["secret"]}"#, LoadError::Member("keys")),
            (r#"{"keys":[{"kty":"RSA"}]}"#, LoadError::KeyType),
            (r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, LoadError::TooShort),
        ] {
            assert_eq!(MacKey::from_jwks(set.as_bytes()).err(), Some(error), "{set}");
        }
    }
}
