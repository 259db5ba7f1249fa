//! Makes keys and tokens, good and forged ones.

use std::sync::{Arc, OnceLock};

use portcullis_identity::jose::claims::{Accepted, Expected};
use portcullis_identity::jose::handle::Mac;
use portcullis_identity::jose::jws::{Unverified, Verified};
use portcullis_identity::jose::key::{JwkRules, Kid};
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::object::Object;
use portcullis_identity::jose::{Refusal, encode_base64url};
use portcullis_identity::time::UnixTime;
use portcullis_secrets::{MacKey, SecretBytes, Signer, SigningAlgorithm};
use serde_json::{Value, json};

/// 2023-11-14T22:13:20Z, when every token here is judged.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> UnixTime {
    at(NOW)
}

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

/// The issuer's key for ES256, made once.
pub(crate) fn es256() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(|| Signer::generate(SigningAlgorithm::Es256, Kid::new("es")).unwrap())
}

/// The issuer's key for RS256, made once.
pub(crate) fn rs256() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(|| Signer::generate(SigningAlgorithm::Rs256, Kid::new("rs")).unwrap())
}

/// A set of the public halves.
pub(crate) fn public_set(signers: &[&Signer]) -> KeySet {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.public_jwk().into()).collect();
    read_set(&json!({ "keys": keys }))
}

pub(crate) fn read_set(set: &Value) -> KeySet {
    let (keys, left_out) = KeySet::from_jwks(set.to_string().as_bytes(), &JwkRules::default()).unwrap();
    assert_eq!(left_out, []);
    keys
}

/// A set of one symmetric key.
pub(crate) fn mac_set(key: &[u8], kid: Option<&str>) -> KeySet {
    KeySet::from_macs([mac(key, kid)]).unwrap()
}

pub(crate) fn mac(key: &[u8], kid: Option<&str>) -> Arc<dyn Mac> {
    Arc::new(MacKey::new(&SecretBytes::new(key.to_vec()), kid.and_then(Kid::new)).unwrap())
}

/// Header and payload with the dot between them.
pub(crate) fn signing_input(header: &str, payload: &[u8]) -> String {
    format!("{}.{}", encode_base64url(header.as_bytes()), encode_base64url(payload))
}

/// A token with any header and payload whatsoever, and a right signature.
pub(crate) fn token(signer: &Signer, header: &str, payload: &[u8]) -> String {
    let input = signing_input(header, payload);
    let signature = signer.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", encode_base64url(&signature))
}

/// The same with a MAC.
pub(crate) fn mac_token(key: &[u8], header: &str, payload: &[u8]) -> String {
    let input = signing_input(header, payload);
    let key = MacKey::new(&SecretBytes::new(key.to_vec()), None).unwrap();
    let tag = key.sign(input.as_bytes());
    format!("{input}.{}", encode_base64url(&tag))
}

pub(crate) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

/// The claims of an access token that is accepted as it is.
pub(crate) fn claims() -> Value {
    json!({ "iss": "https://issuer.example", "aud": "https://api.example", "sub": "alice", "exp": NOW + 300, "iat": NOW - 10 })
}

/// [`claims`], with one of them changed, or taken out by `null`.
pub(crate) fn claims_with(name: &str, value: Value) -> Object {
    let mut claims = object(claims());
    if value.is_null() {
        claims.remove(name);
    } else {
        claims.insert(name.to_owned(), value);
    }
    claims
}

pub(crate) fn expected() -> Expected {
    Expected::new(
        "https://issuer.example",
        "https://api.example",
        MediaType::new("at+jwt"),
    )
}

pub(crate) fn verify(token: &str, keys: &KeySet) -> Result<Verified, Refusal> {
    Unverified::parse(token)?.verify(keys)
}

/// The whole way of an access token.
pub(crate) fn accept(token: &str, keys: &KeySet) -> Result<Accepted, Refusal> {
    expected().accept(verify(token, keys)?.claims()?, now())
}
