//! Keys that decrypt (RFC 7516, RFC 7518 §4).
//!
//! Whatever goes wrong, the answer is the same and takes the same way: where no content key comes out, a random one takes its
//! place, and the content's tag is what fails (RFC 7516 §11.5).

mod agree;
mod content;

use std::fmt;

use aws_lc_rs::agreement;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use portcullis_identity::jose::algorithm::{ContentEncryption, KeyManagement, Named as _};
use portcullis_identity::jose::handle::{Decrypt, Failed};
use portcullis_identity::jose::jwe::{Curve, Delivery, Sealed};
use portcullis_identity::jose::key::Kid;
use zeroize::Zeroizing;

use crate::bytes::SecretBytes;
use crate::jwk::Jwk;
use crate::load::LoadError;
use crate::pem;

/// Octets of a key that lives no longer than one token.
type ContentKey = Zeroizing<Vec<u8>>;

/// A key that decrypts tokens of one `alg`; a shared key also of one `enc`.
pub struct DecryptionKey {
    kid: Option<Kid>,
    material: Material,
}

enum Material {
    Shared(SecretBytes, ContentEncryption),
    Agreement(KeyManagement, Curve, agreement::PrivateKey),
    Transport(OaepPrivateDecryptingKey),
}

impl DecryptionKey {
    /// Reads a private or symmetric JWK. `alg` is what its `alg` is, or would be if it had one: the name of a key management
    /// algorithm, or, for a shared key, that of the content encryption.
    ///
    /// # Errors
    ///
    /// Keys without an algorithm, for something else, or whose halves do not belong together.
    pub fn from_jwk(octets: &[u8], alg: Option<&str>) -> Result<Self, LoadError> {
        let jwk = Jwk::read(octets)?;
        jwk.check_purpose("enc", &["decrypt", "unwrapKey", "deriveKey", "deriveBits"])?;
        let name = match (jwk.optional_text("alg")?, alg) {
            (None, None) => return Err(LoadError::AlgorithmMissing),
            (Some(own), Some(given)) if own != given => return Err(LoadError::Algorithm),
            (Some(name), _) | (None, Some(name)) => name,
        };
        let material = match ContentEncryption::named(name) {
            Some(encryption) => shared(&jwk, encryption)?,
            None => match KeyManagement::named(name).ok_or(LoadError::Algorithm)? {
                KeyManagement::Dir => return Err(LoadError::Algorithm),
                KeyManagement::RsaOaep256 => transport(&jwk)?,
                algorithm => agree::read(&jwk, algorithm)?,
            },
        };
        Ok(Self {
            kid: jwk.kid()?,
            material,
        })
    }

    /// Reads an RSA key for RSA-OAEP-256, as PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// Files without exactly one private key, and keys that are not RSA of 2048 to 8192 bits.
    pub fn rsa_from_pem(pem: &str, kid: Option<Kid>) -> Result<Self, LoadError> {
        let der = pem::read(pem)?;
        Ok(Self {
            kid,
            material: transport_from_pkcs8(der.expose())?,
        })
    }

    /// Reads a P-256 or P-384 key for one of the `ECDH-ES` algorithms, as PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// Files without exactly one private key, keys on other curves, and algorithms of another kind.
    pub fn ec_from_pem(pem: &str, algorithm: KeyManagement, kid: Option<Kid>) -> Result<Self, LoadError> {
        let der = pem::read(pem)?;
        Ok(Self {
            kid,
            material: agree::from_pkcs8(der.expose(), algorithm)?,
        })
    }

    /// The content's key; `None` whatever the cause is.
    fn content_key(&self, sealed: &Sealed<'_>) -> Option<ContentKey> {
        let encryption = sealed.encryption;
        match (&self.material, &sealed.delivery) {
            (Material::Shared(key, _), Delivery::Direct) => Some(Zeroizing::new(key.expose().to_vec())),
            (Material::Agreement(_, curve, key), Delivery::Agreed(agreement)) => {
                agree::agree(key, *curve, agreement, encryption.name(), encryption.key_bytes())
            }
            (
                Material::Agreement(own, curve, key),
                Delivery::AgreedAndWrapped {
                    agreement,
                    algorithm,
                    wrapped_key,
                },
            ) if own == algorithm => {
                let wrapping_key_bytes = wrapping_key_bytes(*algorithm)?;
                let wrapping_key = agree::agree(key, *curve, agreement, algorithm.name(), wrapping_key_bytes)?;
                unwrap(&wrapping_key, wrapped_key)
            }
            (Material::Transport(key), Delivery::Transported { encrypted_key }) => decrypt_key(key, encrypted_key),
            _ => None,
        }
    }
}

impl Decrypt for DecryptionKey {
    fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    fn is_for(&self, algorithm: KeyManagement, encryption: ContentEncryption) -> bool {
        match &self.material {
            Material::Shared(_, own) => algorithm == KeyManagement::Dir && encryption == *own,
            Material::Agreement(own, ..) => algorithm == *own,
            Material::Transport(_) => algorithm == KeyManagement::RsaOaep256,
        }
    }

    fn decrypt(&self, sealed: &Sealed<'_>) -> Result<Vec<u8>, Failed> {
        let bytes = sealed.encryption.key_bytes();
        let mut random = Zeroizing::new(vec![0; bytes]);
        rand::fill(&mut random).map_err(|_| Failed)?;
        let key = self.content_key(sealed).filter(|key| key.len() == bytes);
        content::open(sealed, &key.unwrap_or(random))
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

fn shared(jwk: &Jwk, encryption: ContentEncryption) -> Result<Material, LoadError> {
    if jwk.text("kty")? != "oct" {
        return Err(LoadError::KeyType);
    }
    let key = SecretBytes::new(jwk.octets("k")?.to_vec());
    if key.len() != encryption.key_bytes() {
        return Err(LoadError::TooShort);
    }
    Ok(Material::Shared(key, encryption))
}

fn transport(jwk: &Jwk) -> Result<Material, LoadError> {
    if jwk.text("kty")? != "RSA" {
        return Err(LoadError::KeyType);
    }
    let der: Pkcs8V1Der<'_> = jwk.rsa()?.as_der().map_err(|_| LoadError::Inconsistent)?;
    transport_from_pkcs8(der.as_ref())
}

fn transport_from_pkcs8(der: &[u8]) -> Result<Material, LoadError> {
    let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| LoadError::KeyType)?;
    let key = OaepPrivateDecryptingKey::new(key).map_err(|_| LoadError::KeyType)?;
    Ok(Material::Transport(key))
}

fn wrapping_key_bytes(algorithm: KeyManagement) -> Option<usize> {
    match algorithm {
        KeyManagement::EcdhEsA128Kw => Some(16),
        KeyManagement::EcdhEsA256Kw => Some(32),
        KeyManagement::Dir | KeyManagement::EcdhEs | KeyManagement::RsaOaep256 => None,
    }
}

/// AES Key Wrap (RFC 3394), with its default initial value.
fn unwrap(wrapping_key: &[u8], wrapped_key: &[u8]) -> Option<ContentKey> {
    let cipher = if wrapping_key.len() == 16 { &AES_128 } else { &AES_256 };
    let mut key = Zeroizing::new(vec![0; wrapped_key.len().checked_sub(8)?]);
    AesKek::new(cipher, wrapping_key)
        .and_then(|kek| kek.unwrap(wrapped_key, &mut key).map(|_| ()))
        .ok()?;
    Some(key)
}

fn decrypt_key(key: &OaepPrivateDecryptingKey, encrypted_key: &[u8]) -> Option<ContentKey> {
    let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
    let content_key = key
        .decrypt(&OAEP_SHA256_MGF1SHA256, encrypted_key, &mut buffer, None)
        .ok()?;
    Some(Zeroizing::new(content_key.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(jwk: &str, alg: Option<&str>) -> Option<LoadError> {
        DecryptionKey::from_jwk(jwk.as_bytes(), alg).err()
    }

    #[test]
    fn a_key_is_for_one_algorithm() {
        let shared = r#"{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw"}"#;
        assert_eq!(error(shared, Some("A128GCM")), None);
        assert_eq!(error(shared, None), Some(LoadError::AlgorithmMissing));
        assert_eq!(error(shared, Some("A256GCM")), Some(LoadError::TooShort));
        assert_eq!(error(shared, Some("dir")), Some(LoadError::Algorithm));
        assert_eq!(error(shared, Some("A128KW")), Some(LoadError::Algorithm));
        assert_eq!(error(shared, Some("ECDH-ES")), Some(LoadError::Member("crv")));
        assert_eq!(error(shared, Some("RSA-OAEP-256")), Some(LoadError::KeyType));
        let own = r#"{"kty":"oct","alg":"A128GCM","k":"AAECAwQFBgcICQoLDA0ODw"}"#;
        assert_eq!(error(own, Some("A256GCM")), Some(LoadError::Algorithm));
        let signing = r#"{"kty":"oct","use":"sig","k":"AAECAwQFBgcICQoLDA0ODw"}"#;
        assert_eq!(error(signing, Some("A128GCM")), Some(LoadError::Purpose));
    }

    #[test]
    fn halves_belong_together() {
        let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#;
        assert_eq!(error(jwk, Some("ECDH-ES")), Some(LoadError::Inconsistent));
    }

    /// A key that OpenSSL made.
    #[test]
    fn pem_is_read() {
        let key = DecryptionKey::ec_from_pem(P384_PEM, KeyManagement::EcdhEsA256Kw, Kid::new("k")).unwrap();
        assert!(key.is_for(KeyManagement::EcdhEsA256Kw, ContentEncryption::A256Gcm));
        assert!(!key.is_for(KeyManagement::EcdhEs, ContentEncryption::A256Gcm));
        assert_eq!(format!("{key:?}"), r#"DecryptionKey { kid: Some(Kid("k")), .. }"#);
        let dir = DecryptionKey::ec_from_pem(P384_PEM, KeyManagement::Dir, None);
        assert_eq!(dir.err(), Some(LoadError::Algorithm));
        assert_eq!(
            DecryptionKey::rsa_from_pem(P384_PEM, None).err(),
            Some(LoadError::KeyType)
        );
    }

    const P384_PEM: &str = "\
-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBuLgWja6wFpgMJ4A4j
LoAMyqKAgkGrF/ki6H31wqYk1G+lRgx8/wl8wytMeVFkjlWhZANiAATltozMOTE9
P9dltUs8QtR1qKoM/u4O1znksL5kFSL+Y7rzJDUMoC1YMoYbF8txI319z6Lpu+jC
Ru5uaBeYm9wSclNlnUSnQGP4kU8CxKED2OQ7uhmvgul1YprTnP8GqEc=
-----END PRIVATE KEY-----
";
}
