//! Access tokens that are good with something else alone: with the certificate that they were issued for (RFC 8705 §3), or with a
//! proof that is signed with their key and is good for one request (DPoP, RFC 9449).

use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_gateway::listen::unix_time;
use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::object::Object;
use portcullis_identity::thumbprint::Thumbprint;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use super::certificates::Certificates;
use super::keys::{RsaKey, told};
use super::people::{ALICE, Issuer};
use crate::credentials::draw;

/// The client that has alice's token with a key.
pub(super) const PHONE: &str = "phone";
/// What its key and its tokens are called by a shell.
pub(super) const PHONE_VARIABLE: &str = "PHONE";
pub(super) const MIRROR_VARIABLE: &str = "MIRROR";
const TYP: &str = "dpop+jwt";

/// Tokens that are bound to something.
pub(super) struct Bound {
    /// Of alice, for the partner's service: bound to its certificate.
    pub(super) mirror: String,
    /// Of alice, on her phone: bound to the phone's key.
    pub(super) phone: String,
    key: RsaKey,
}

/// A proof before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) header: Value,
    pub(super) claims: Object,
}

impl Bound {
    /// New ones.
    ///
    /// # Errors
    /// The library gives no key, or does not sign.
    pub(super) fn new(issuer: &Issuer, certificates: &Certificates) -> Result<Self, String> {
        let key = RsaKey::generate()?;
        let thumbprint = Thumbprint::of_jwk(&key.public_jwk()).ok_or("a key has no thumbprint")?;
        let certificate = json!({"x5t#S256": certificates.mirror.thumbprint()});
        let of_key = json!({"jkt": thumbprint.to_string()});
        Ok(Self {
            mirror: issuer.bound(&ALICE, &certificate).map_err(told)?,
            phone: issuer.bound(&ALICE, &of_key).map_err(told)?,
            key,
        })
    }

    /// The phone's key.
    pub(super) fn key(&self) -> &RsaKey {
        &self.key
    }

    /// The header of the phone's proofs, as it stands in them.
    pub(super) fn header(&self) -> String {
        encode_base64url(self.proof_header().to_string().as_bytes())
    }

    fn proof_header(&self) -> Value {
        json!({"typ": TYP, "alg": "PS256", "jwk": self.key.public_jwk()})
    }

    /// A proof for a request such as `GET /users` to the gate at this address, with the phone's token.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn proof(&self, request: &str, gate: SocketAddr) -> Result<Proof, String> {
        let (method, target) = request.split_once(' ').unwrap_or(("GET", request));
        let path = target.split('?').next().unwrap_or_default();
        let claims = [
            ("jti", json!(draw::id()?.to_string())),
            ("iat", json!(unix_time().seconds())),
            ("htm", json!(method)),
            ("htu", json!(format!("http://{gate}{path}"))),
            ("ath", json!(hash(&self.phone))),
        ];
        Ok(Proof {
            header: self.proof_header(),
            claims: claims
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        })
    }

    /// The header fields of a request with the phone's token and a proof for it.
    ///
    /// # Errors
    /// The proof cannot be made.
    pub(super) fn fields(&self, request: &str, gate: SocketAddr) -> Result<Vec<(&'static str, String)>, String> {
        let proof = self.signed(&self.proof(request, gate)?)?;
        Ok(vec![("authorization", format!("DPoP {}", self.phone)), ("dpop", proof)])
    }

    /// A proof as the phone signs it.
    ///
    /// # Errors
    /// The library fails.
    pub(super) fn signed(&self, proof: &Proof) -> Result<String, String> {
        Ok(proof.with(&self.key.sign_ps256(proof.input().as_bytes())?))
    }
}

/// The same by somebody with a key of their own, which the header names.
///
/// # Errors
/// The library gives no key.
pub(super) fn by_another(mut proof: Proof) -> Result<String, String> {
    let own = Signer::generate(SigningAlgorithm::Es256, None).map_err(told)?;
    proof.header = json!({"typ": TYP, "alg": "ES256", "jwk": own.public_jwk()});
    let signature = own.sign(proof.input().as_bytes()).map_err(told)?;
    Ok(proof.with(&signature))
}

/// `ath` of a token (RFC 9449 §4.2).
pub(super) fn hash(token: &str) -> String {
    encode_base64url(digest(&SHA256, token.as_bytes()).as_ref())
}

impl Proof {
    /// With another value of a claim, or without it (`null`).
    pub(super) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self.claims.retain(|_, value| !value.is_null());
        self
    }

    /// With another parameter in the header.
    pub(super) fn header(mut self, name: &str, value: Value) -> Self {
        if let Some(parameter) = self.header.get_mut(name) {
            *parameter = value;
        }
        self
    }

    /// What is signed.
    pub(super) fn input(&self) -> String {
        let part = |value: &Value| encode_base64url(value.to_string().as_bytes());
        format!("{}.{}", part(&self.header), part(&Value::Object(self.claims.clone())))
    }

    /// With a signature.
    pub(super) fn with(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.input(), encode_base64url(signature))
    }
}
