//! Any bytes as a token, a key set and a key: nothing panics, and nothing is accepted that was not signed with the key at hand.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::proof::Proof;
use portcullis_identity::jose::{encode_base64url, object};
use portcullis_secrets::{DecryptionKey, MacKey, SecretBytes};

static MAC: LazyLock<Arc<MacKey>> =
    LazyLock::new(|| Arc::new(MacKey::new(&SecretBytes::new(vec![7; 32]), None).expect("a key")));

static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::from_macs([MAC.clone() as _]).expect("a set"));

static SHARED: LazyLock<[Arc<dyn Decrypt>; 1]> = LazyLock::new(|| {
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, encode_base64url(&[9; 32]));
    let key = DecryptionKey::from_jwk(jwk.as_bytes(), Some("A256GCM")).expect("a key");
    [Arc::new(key)]
});

/// The bytes as the payload of a well-signed token: its claims are read.
fn signed(payload: &[u8]) -> String {
    let input = format!("{}.{}", encode_base64url(br#"{"alg":"HS256"}"#), encode_base64url(payload));
    let tag = MAC.sign(input.as_bytes());
    format!("{input}.{}", encode_base64url(&tag))
}

fuzz_target!(|bytes: &[u8]| {
    let _ = KeySet::from_jwks(bytes, &JwkRules::default());
    let _ = object::read(bytes);
    if let Ok(verified) = Unverified::parse(&signed(bytes)).and_then(|token| token.verify(&KEYS)) {
        assert_eq!(verified.payload(), bytes);
        let _ = verified.claims();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(verified) = Unverified::parse(text).and_then(|token| token.verify(&KEYS)) {
        let (input, tag) = text.rsplit_once('.').expect("a signed token");
        assert_eq!(encode_base64url(&MAC.sign(input.as_bytes())), tag);
        let _ = verified.claims();
    }
    let _ = Encrypted::parse(text).and_then(|token| token.decrypt(&*SHARED));
    let _ = Proof::verify(text, &MediaType::new("dpop+jwt"));
});
