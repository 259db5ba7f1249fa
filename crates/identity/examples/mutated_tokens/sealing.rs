//! Encrypts tokens by every algorithm that is decrypted (RFC 7516 §5.1, RFC 7518 §4 and §5): the product only decrypts.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, Algorithm, ECDH_P256, ECDH_P384, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey};
use aws_lc_rs::{digest, hmac};
use portcullis_identity::jose::algorithm::{ContentEncryption, Named as _};
use portcullis_identity::jose::{decode_base64url, encode_base64url};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::der;
use crate::members::{Members, quoted};

/// Somebody to encrypt to, with one `alg`; with a shared key also one `enc`.
pub(crate) struct Recipient {
    pub(crate) kid: String,
    pub(crate) alg: &'static str,
    /// What `enc` may be.
    pub(crate) encryptions: Vec<&'static str>,
    key: Key,
}

enum Key {
    Shared(Vec<u8>),
    Agreement(&'static str, &'static Algorithm, PrivateKey),
    Transport(Box<PrivateDecryptingKey>),
}

/// A content's key, and what the header and the second part of a token say of it.
pub(crate) struct Delivery {
    pub(crate) content_key: Vec<u8>,
    pub(crate) encrypted_key: Vec<u8>,
}

const ENCRYPTIONS: [&str; 3] = ["A128GCM", "A256GCM", "A256CBC-HS512"];

/// One for each way in which the content's key can come.
pub(crate) fn one_of_each(chance: &mut Chance) -> Vec<Recipient> {
    let shared = ENCRYPTIONS.map(|enc| Recipient {
        kid: format!("dir-{enc}"),
        alg: "dir",
        encryptions: vec![enc],
        key: Key::Shared(chance.octets(key_bytes(enc))),
    });
    let curves: [(&'static str, &'static Algorithm); 3] =
        [("P-256", &ECDH_P256), ("P-384", &ECDH_P384), ("X25519", &X25519)];
    let agreed = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]
        .into_iter()
        .flat_map(|alg| {
            curves.map(|(curve, algorithm)| Recipient {
                kid: format!("{alg}-{curve}"),
                alg,
                encryptions: ENCRYPTIONS.to_vec(),
                key: Key::Agreement(curve, algorithm, PrivateKey::generate(algorithm).expect("a key")),
            })
        });
    let transported = Recipient {
        kid: "rsa-oaep-256".to_owned(),
        alg: "RSA-OAEP-256",
        encryptions: ENCRYPTIONS.to_vec(),
        key: Key::Transport(Box::new(
            PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("a key"),
        )),
    };
    shared.into_iter().chain(agreed).chain([transported]).collect()
}

impl Recipient {
    /// The private or shared key. Of a shared one, `alg` is its `enc`.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Shared(key) => json!({ "kty": "oct", "k": encode_base64url(key) }),
            Key::Agreement(curve, _, key) => {
                let mut jwk = public_jwk(curve, key);
                jwk["d"] = private_octets(curve, key).into();
                jwk
            }
            Key::Transport(key) => {
                let der: Pkcs8V1Der<'_> = key.as_der().expect("a key in DER");
                der::rsa_jwk(der.as_ref())
            }
        };
        jwk["kid"] = self.kid.as_str().into();
        jwk["use"] = "enc".into();
        jwk["alg"] = match &self.key {
            Key::Shared(_) => self.encryptions[0].into(),
            Key::Agreement(..) | Key::Transport(_) => self.alg.into(),
        };
        jwk
    }

    /// Makes a content's key for `enc`, and writes into the header what the recipient needs to have it too.
    pub(crate) fn deliver(&self, enc: &str, header: &mut Members, chance: &mut Chance) -> Delivery {
        match &self.key {
            Key::Shared(key) => Delivery {
                content_key: key.clone(),
                encrypted_key: Vec::new(),
            },
            Key::Transport(key) => {
                let content_key = chance.octets(key_bytes(enc));
                let key = OaepPublicEncryptingKey::new(key.public_key()).expect("a key");
                let mut encrypted_key = vec![0; key.ciphertext_size()];
                key.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut encrypted_key, None)
                    .expect("an encrypted key");
                Delivery {
                    content_key,
                    encrypted_key,
                }
            }
            Key::Agreement(curve, algorithm, key) => {
                let ephemeral = PrivateKey::generate(algorithm).expect("a key");
                header.set("epk", &public_jwk(curve, &ephemeral).to_string());
                let own = key.compute_public_key().expect("a public key");
                let peer = UnparsedPublicKey::new(algorithm, own.as_ref().to_vec());
                let derived = |name: &str, bytes| {
                    agreement::agree(&ephemeral, &peer, (), |secret| Ok(derive(secret, name, header, bytes)))
                        .expect("a secret")
                };
                self.agreed(enc, derived, chance)
            }
        }
    }

    fn agreed(&self, enc: &str, derived: impl Fn(&str, usize) -> Vec<u8>, chance: &mut Chance) -> Delivery {
        let cipher = match self.alg {
            "ECDH-ES+A128KW" => &key_wrap::AES_128,
            "ECDH-ES+A256KW" => &key_wrap::AES_256,
            _ => {
                return Delivery {
                    content_key: derived(enc, key_bytes(enc)),
                    encrypted_key: Vec::new(),
                };
            }
        };
        let wrapping_key = derived(self.alg, if self.alg == "ECDH-ES+A128KW" { 16 } else { 32 });
        let content_key = chance.octets(key_bytes(enc));
        let mut encrypted_key = vec![0; content_key.len() + 8];
        AesKek::new(cipher, &wrapping_key)
            .and_then(|kek| kek.wrap(&content_key, &mut encrypted_key).map(|_| ()))
            .expect("a wrapped key");
        Delivery {
            content_key,
            encrypted_key,
        }
    }
}

/// The five parts of a token, in compact serialization.
pub(crate) fn seal(header: &[u8], delivery: &Delivery, enc: &str, plaintext: &[u8], chance: &mut Chance) -> String {
    let aad = encode_base64url(header);
    let iv = chance.octets(if enc == "A256CBC-HS512" { 16 } else { 12 });
    let (ciphertext, tag) = match enc {
        "A256CBC-HS512" => encrypt_cbc(&delivery.content_key, &iv, aad.as_bytes(), plaintext),
        _ => encrypt_gcm(&delivery.content_key, &iv, aad.as_bytes(), plaintext),
    };
    let parts = [&delivery.encrypted_key, &iv, &ciphertext, &tag].map(|part| encode_base64url(part));
    format!("{aad}.{}", parts.join("."))
}

fn encrypt_gcm(key: &[u8], iv: &[u8], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).expect("a key"));
    let nonce = Nonce::try_assume_unique_for_key(iv).expect("twelve octets");
    let mut sealed = plaintext.to_vec();
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut sealed)
        .expect("a tag");
    (sealed, tag.as_ref().to_vec())
}

/// RFC 7518 §5.2.2.1.
fn encrypt_cbc(key: &[u8], iv: &[u8], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mac_key, encryption_key) = key.split_at(32);
    let vector: [u8; 16] = iv.try_into().expect("sixteen octets");
    let cipher = UnboundCipherKey::new(&AES_256, encryption_key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7);
    let mut sealed = plaintext.to_vec();
    cipher
        .and_then(|cipher| cipher.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(vector.into())))
        .expect("a ciphertext");
    let bits = u64::try_from(aad.len() * 8).expect("a length");
    let message = [aad, iv, &sealed, &bits.to_be_bytes()].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, mac_key), &message);
    (sealed, tag.as_ref()[..32].to_vec())
}

/// Concat KDF as RFC 7518 §4.6.2 fills it in.
fn derive(secret: &[u8], name: &str, header: &Members, bytes: usize) -> Vec<u8> {
    let party = |member| {
        let text = header.get(member).unwrap_or_default().trim_matches('"');
        decode_base64url(text).unwrap_or_default()
    };
    let length = |length: usize| u32::try_from(length).expect("a length").to_be_bytes();
    let fields = [name.as_bytes(), &party("apu"), &party("apv")].map(|field| [&length(field.len()), field].concat());
    let round = |round: usize| {
        let message = [&length(round), secret, &fields.concat(), &length(bytes * 8)].concat();
        digest::digest(&digest::SHA256, &message).as_ref().to_vec()
    };
    let mut key: Vec<u8> = (1..=bytes.div_ceil(32)).flat_map(round).collect();
    key.truncate(bytes);
    key
}

fn public_jwk(curve: &str, key: &PrivateKey) -> Value {
    let public = key.compute_public_key().expect("a public key");
    let octets = public.as_ref();
    if curve == "X25519" {
        return json!({ "kty": "OKP", "crv": curve, "x": encode_base64url(octets) });
    }
    let (x, y) = octets[1..].split_at((octets.len() - 1) / 2);
    json!({ "kty": "EC", "crv": curve, "x": encode_base64url(x), "y": encode_base64url(y) })
}

fn private_octets(curve: &str, key: &PrivateKey) -> String {
    if curve == "X25519" {
        let octets: Curve25519SeedBin<'_> = key.as_be_bytes().expect("a key");
        return encode_base64url(octets.as_ref());
    }
    let octets: EcPrivateKeyBin<'_> = key.as_be_bytes().expect("a key");
    encode_base64url(octets.as_ref())
}

fn key_bytes(enc: &str) -> usize {
    ContentEncryption::named(enc).expect("an encryption").key_bytes()
}

/// The outer header of a nested token.
pub(crate) fn header(recipient: &Recipient, enc: &str) -> Members {
    let (alg, enc, kid) = (quoted(recipient.alg), quoted(enc), quoted(&recipient.kid));
    Members::new(&[("alg", &alg), ("enc", &enc), ("kid", &kid), ("cty", "\"JWT\"")])
}
