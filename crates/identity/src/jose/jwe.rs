//! JSON Web Encryption (RFC 7516): an encrypted token, before and after it was decrypted.
//!
//! Decrypting says who could read a token, never who made it: anybody can encrypt to a public key. So [`Decrypted`] has no
//! claims; what is in it has to be verified as any other token (RFC 8725 §3.3). The key, and every computation with it, stays
//! behind [`Decrypt`].

use std::str;
use std::sync::Arc;

use super::Refusal;
use super::algorithm::{ContentEncryption, KeyManagement, Named};
use super::base64url;
use super::compact::Jwe;
use super::handle::Decrypt;
use super::header::{self, EmbeddedKey, Header};
use super::jws::{Unverified, Verified};
use super::key_set::KeySet;
use super::media_type::MediaType;
use super::object::Object;

/// A token of the right form, of which nothing is believed yet.
#[derive(Clone, Debug)]
pub struct Encrypted<'a> {
    header: Header<KeyManagement>,
    sealed: Sealed<'a>,
}

/// What a key needs for decrypting; every length that the algorithms fix is right.
#[derive(Clone, Debug)]
pub struct Sealed<'a> {
    /// How the content's key comes.
    pub delivery: Delivery,
    /// What the content is encrypted with.
    pub encryption: ContentEncryption,
    /// As long as the encryption has it.
    pub iv: Vec<u8>,
    /// The content.
    pub ciphertext: Vec<u8>,
    /// As long as the encryption has it.
    pub tag: Vec<u8>,
    /// The header as it came, which the tag covers.
    pub aad: &'a str,
}

/// How the content's key comes to the receiver, with what each way needs.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// It is the shared key (RFC 7518 §4.5).
    Direct,
    /// It is agreed on (RFC 7518 §4.6).
    Agreed(Agreement),
    /// It is wrapped by a key that is agreed on (RFC 7518 §4.6).
    AgreedAndWrapped {
        /// How the wrapping key is agreed on; of which length it is, `algorithm` says.
        agreement: Agreement,
        /// One of the two `ECDH-ES+A...KW`.
        algorithm: KeyManagement,
        /// The content's key by RFC 3394.
        wrapped_key: Vec<u8>,
    },
    /// It is encrypted to an RSA key (RFC 7518 §4.3).
    Transported {
        /// The content's key by RSAES-OAEP.
        encrypted_key: Vec<u8>,
    },
}

/// The sender's half of a key agreement (RFC 7518 §4.6.1).
#[derive(Clone, Debug)]
pub struct Agreement {
    /// `epk`. Whether the point is on its curve is known only when it is used.
    pub ephemeral: EphemeralKey,
    /// `apu`, empty when it is absent.
    pub party_u: Vec<u8>,
    /// `apv`, empty when it is absent.
    pub party_v: Vec<u8>,
}

/// A public key of somebody unknown.
#[derive(Clone, Debug)]
pub struct EphemeralKey {
    /// The curve that it says it is on.
    pub curve: Curve,
    /// An uncompressed point (SEC 1 §2.3.3), or the coordinate of X25519.
    pub octets: Vec<u8>,
}

/// The curves that keys are agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// X25519 (RFC 8037 §3.2).
    X25519,
}

/// A token that was decrypted. Who made it is not known.
#[derive(Clone, Debug)]
pub struct Decrypted {
    header: Header<KeyManagement>,
    plaintext: Vec<u8>,
}

impl<'a> Encrypted<'a> {
    /// Checks the form of an encrypted token and reads its header.
    ///
    /// # Errors
    ///
    /// Refusals of [`super::refusal::Step::Form`] and [`super::refusal::Step::Header`]; [`Refusal::Decryption`] for lengths
    /// that the algorithms do not have.
    pub fn parse(token: &'a str) -> Result<Self, Refusal> {
        let parts = Jwe::parse(token)?;
        let parameters = header::parameters(parts.header)?;
        let header: Header<KeyManagement> = Header::read(&parameters, EmbeddedKey::Refused)?;
        let encryption = encryption(&parameters)?;
        let encrypted_key = parts.encrypted_key.decode()?;
        let sealed = Sealed {
            delivery: delivery(header.algorithm(), encrypted_key, &parameters)?,
            encryption,
            iv: exactly(encryption.iv_bytes(), parts.iv.decode()?)?,
            ciphertext: parts.ciphertext.decode()?,
            tag: exactly(encryption.tag_bytes(), parts.tag.decode()?)?,
            aad: parts.aad,
        };
        Ok(Self { header, sealed })
    }

    /// What the header says.
    pub fn header(&self) -> &Header<KeyManagement> {
        &self.header
    }

    /// Whether one of these keys is the one to decrypt with; see [`Encrypted::decrypt`].
    pub fn is_for(&self, keys: &[Arc<dyn Decrypt>]) -> bool {
        self.find(keys).is_ok()
    }

    /// Decrypts with the one key that fits: of exactly this name, or, for a token without one, the only one for the algorithms.
    ///
    /// # Errors
    ///
    /// Refusals of [`super::refusal::Step::Key`], and [`Refusal::Decryption`] for everything that depends on the key.
    pub fn decrypt(self, keys: &[Arc<dyn Decrypt>]) -> Result<Decrypted, Refusal> {
        let plaintext = self
            .find(keys)?
            .decrypt(&self.sealed)
            .map_err(|_| Refusal::Decryption)?;
        Ok(Decrypted {
            header: self.header,
            plaintext,
        })
    }

    fn find<'k>(&self, keys: &'k [Arc<dyn Decrypt>]) -> Result<&'k dyn Decrypt, Refusal> {
        let is_for = |key: &&dyn Decrypt| key.is_for(self.header.algorithm(), self.sealed.encryption);
        let mut keys = keys.iter().map(Arc::as_ref);
        if self.header.kid().is_some() {
            let named = keys
                .find(|key| key.kid() == self.header.kid())
                .ok_or(Refusal::KeyUnknown)?;
            return is_for(&named).then_some(named).ok_or(Refusal::AlgorithmNotOfKey);
        }
        let mut fitting = keys.filter(is_for);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refusal::KeyAmbiguous),
            (None, _) => Err(Refusal::KeyUnknown),
        }
    }
}

impl Decrypted {
    /// What the header said; the tag covered it.
    pub fn header(&self) -> &Header<KeyManagement> {
        &self.header
    }

    /// The content, which anybody may have written.
    pub fn plaintext(&self) -> &[u8] {
        &self.plaintext
    }

    /// The signed token that is the content of a nested JWT (RFC 7519 §5.2), of which nothing is believed yet.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotNested`] when the content is not said to be a token, and refusals of a signed token's form and header.
    pub fn nested(&self) -> Result<Unverified<'_>, Refusal> {
        if !self.header.cty().is_some_and(MediaType::is_jwt) {
            return Err(Refusal::NotNested);
        }
        let token = str::from_utf8(&self.plaintext).map_err(|_| Refusal::ForeignCharacter)?;
        Unverified::parse(token)
    }

    /// Verifies the signed token that is the content.
    ///
    /// # Errors
    ///
    /// Those of [`Decrypted::nested`], and every refusal of a signed token.
    pub fn verify_nested(&self, keys: &KeySet) -> Result<Verified, Refusal> {
        self.nested()?.verify(keys)
    }
}

fn encryption(parameters: &Object) -> Result<ContentEncryption, Refusal> {
    let name = header::text(parameters, "enc")?.ok_or(Refusal::HeaderParameter("enc"))?;
    ContentEncryption::named(name).ok_or(Refusal::EncryptionUnsupported)
}

/// Where a key comes without being encrypted, the encrypted key is empty (RFC 7516 §5.2, step 10).
fn delivery(algorithm: KeyManagement, encrypted_key: Vec<u8>, parameters: &Object) -> Result<Delivery, Refusal> {
    Ok(match algorithm {
        KeyManagement::Dir => {
            exactly(0, encrypted_key)?;
            Delivery::Direct
        }
        KeyManagement::EcdhEs => {
            exactly(0, encrypted_key)?;
            Delivery::Agreed(agreement(parameters)?)
        }
        KeyManagement::EcdhEsA128Kw | KeyManagement::EcdhEsA256Kw => Delivery::AgreedAndWrapped {
            agreement: agreement(parameters)?,
            algorithm,
            wrapped_key: encrypted_key,
        },
        KeyManagement::RsaOaep256 => Delivery::Transported { encrypted_key },
    })
}

fn agreement(parameters: &Object) -> Result<Agreement, Refusal> {
    let party = |name| match header::text(parameters, name)? {
        None => Ok(Vec::new()),
        Some(text) => base64url::decode(text).ok_or(Refusal::HeaderParameter(name)),
    };
    let epk = parameters.get("epk").and_then(|epk| epk.as_object());
    Ok(Agreement {
        ephemeral: epk.and_then(ephemeral_key).ok_or(Refusal::HeaderParameter("epk"))?,
        party_u: party("apu")?,
        party_v: party("apv")?,
    })
}

/// `None` for another curve, coordinates of another length, or a private key.
fn ephemeral_key(jwk: &Object) -> Option<EphemeralKey> {
    let text = |name| jwk.get(name).and_then(|value| value.as_str());
    let coordinate = |name, bytes| base64url::decode(text(name)?).filter(|octets| octets.len() == bytes);
    let point = |bytes| Some([vec![4], coordinate("x", bytes)?, coordinate("y", bytes)?].concat());
    if jwk.contains_key("d") {
        return None;
    }
    let (curve, octets) = match (text("kty")?, text("crv")?) {
        ("EC", "P-256") => (Curve::P256, point(32)?),
        ("EC", "P-384") => (Curve::P384, point(48)?),
        ("OKP", "X25519") => (Curve::X25519, coordinate("x", 32)?),
        _ => return None,
    };
    Some(EphemeralKey { curve, octets })
}

fn exactly(bytes: usize, octets: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    (octets.len() == bytes).then_some(octets).ok_or(Refusal::Decryption)
}
