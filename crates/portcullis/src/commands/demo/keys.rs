//! RSA keys that a shell can sign with as well: openssl signs what it reads with no other kind in the form of JOSE and RFC 9421.

use std::fmt::Display;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{RSA_PSS_SHA256, RSA_PSS_SHA512, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_identity::jose::object::Object;
use portcullis_secrets::{Signer, SigningAlgorithm};

/// A key that signs by RSASSA-PSS.
pub(super) struct RsaKey {
    pair: KeyPair,
    public: Object,
    pkcs8: String,
}

impl RsaKey {
    /// A new key.
    ///
    /// # Errors
    /// The library gives none.
    pub(super) fn generate() -> Result<Self, String> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(told)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(told)?;
        let pkcs8 = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n");
        let signer = Signer::from_pem(&pem, SigningAlgorithm::Ps256, None).map_err(told)?;
        let public = signer.public_jwk();
        Ok(Self { pair, public, pkcs8 })
    }

    /// The public half, and nothing of what it is for.
    pub(super) fn public_jwk(&self) -> Object {
        let members = self.public.clone().into_iter();
        members.filter(|(name, _)| name != "alg" && name != "use").collect()
    }

    /// The whole key, as PKCS#8 in base64: for whoever looks at the demo.
    pub(super) fn pkcs8(&self) -> &str {
        &self.pkcs8
    }

    /// PS256 (RFC 7518 §3.5).
    ///
    /// # Errors
    /// The library fails.
    pub(super) fn sign_ps256(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        self.sign(&RSA_PSS_SHA256, message)
    }

    /// `rsa-pss-sha512` (RFC 9421 §3.3.1).
    ///
    /// # Errors
    /// The library fails.
    pub(super) fn sign_ps512(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        self.sign(&RSA_PSS_SHA512, message)
    }

    fn sign(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, String> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(told)
    }
}

pub(super) fn told(error: impl Display) -> String {
    error.to_string()
}
