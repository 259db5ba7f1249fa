//! Keys that sign by every algorithm that is verified, and by some that are not.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use aws_lc_rs::{encoding, hmac};
use portcullis_identity::jose::encode_base64url;
use serde_json::{Value, json};

use crate::der;

/// A key, its name and its one algorithm.
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pub(crate) alg: &'static str,
    key: Key,
}

enum Key {
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Rsa(rsa::KeyPair),
    Mac(Vec<u8>),
}

/// A key of each algorithm, the symmetric one last.
pub(crate) fn one_of_each(mac: Vec<u8>) -> Vec<Signer> {
    vec![
        ecdsa("es256", "ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ecdsa("es384", "ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        Signer {
            kid: "ed25519",
            alg: "EdDSA",
            key: Key::Ed25519(Ed25519KeyPair::generate().expect("a key")),
        },
        rsa("rs256", "RS256"),
        rsa("rs384", "RS384"),
        rsa("rs512", "RS512"),
        rsa("ps256", "PS256"),
        Signer {
            kid: "hs256",
            alg: "HS256",
            key: Key::Mac(mac),
        },
    ]
}

fn ecdsa(
    kid: &'static str,
    alg: &'static str,
    curve: &'static str,
    algorithm: &'static EcdsaSigningAlgorithm,
) -> Signer {
    let pair = EcdsaKeyPair::generate(algorithm).expect("a key");
    Signer {
        kid,
        alg,
        key: Key::Ecdsa(pair, curve),
    }
}

fn rsa(kid: &'static str, alg: &'static str) -> Signer {
    let pair = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
    Signer {
        kid,
        alg,
        key: Key::Rsa(pair),
    }
}

impl Signer {
    /// Signs by the key's own algorithm.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_as(self.alg, message)
    }

    /// Signs by an algorithm of the same kind of key; by the key's own where the kind has only one.
    pub(crate) fn sign_as(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Ecdsa(pair, _) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding(alg), &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Key::Mac(key) => mac(key, message),
        }
    }

    /// Signs, and gives the other signature that everybody can make of one of ECDSA: `n - s` in the place of `s`, where `n` is the
    /// order of the curve. It is as good as the first (FIPS 186-5 §6.4); whoever forbids it goes further than JWA.
    pub(crate) fn sign_negated(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.sign(message);
        let Key::Ecdsa(_, curve) = self.key else {
            return signature;
        };
        let order = if curve == "P-256" { P256_ORDER } else { P384_ORDER };
        let (r, s) = signature.split_at(signature.len() / 2);
        [r, &difference(&hex(order), s)].concat()
    }

    /// The public half, or the symmetric key.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Ecdsa(pair, curve) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at((pair.public_key().as_ref().len() - 1) / 2);
                json!({ "kty": "EC", "crv": curve, "x": encode_base64url(x), "y": encode_base64url(y) })
            }
            Key::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode_base64url(pair.public_key().as_ref()) })
            }
            Key::Rsa(pair) => {
                let der: encoding::Pkcs8V1Der<'_> = pair.as_der().expect("a key in DER");
                let whole = der::rsa_jwk(der.as_ref());
                json!({ "kty": "RSA", "n": whole["n"], "e": whole["e"] })
            }
            Key::Mac(key) => json!({ "kty": "oct", "k": encode_base64url(key) }),
        };
        jwk["kid"] = self.kid.into();
        jwk["alg"] = self.alg.into();
        jwk["use"] = "sig".into();
        jwk
    }
}

/// FIPS 186-5's curves, SP 800-186 §3.2.1.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

fn hex(digits: &str) -> Vec<u8> {
    let octets = (0..digits.len()).step_by(2);
    let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    octets.map(octet).collect()
}

/// `a - b`, which are as long as each other, big-endian.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrowed = false;
    let mut digits: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let (digit, under) = a.overflowing_sub(*b);
            let (digit, under_again) = digit.overflowing_sub(u8::from(borrowed));
            borrowed = under || under_again;
            digit
        })
        .collect();
    digits.reverse();
    digits
}

/// HMAC with SHA-256 under any octets, such as those of a public key.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

fn padding(alg: &str) -> &'static dyn RsaEncoding {
    match alg {
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}
