//! The catalogued attacks on encrypted tokens, by their ids in docs/threats.md.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::jwe::{Decrypted, Encrypted};
use portcullis_identity::jose::refusal::Refusal;
use portcullis_identity::jose::{decode_base64url, encode_base64url};
use portcullis_secrets::DecryptionKey;
use serde_json::{Value, json};

use crate::making::{accept, claims, es256, expected, now, public_set, token, verify};

const SHARED: [u8; 32] = [9; 32];

fn keys(jwk: Value, alg: &str) -> [Arc<dyn Decrypt>; 1] {
    [Arc::new(
        DecryptionKey::from_jwk(jwk.to_string().as_bytes(), Some(alg)).unwrap(),
    )]
}

fn shared_key() -> [Arc<dyn Decrypt>; 1] {
    keys(json!({ "kty": "oct", "k": encode_base64url(&SHARED) }), "A256GCM")
}

/// Encrypts with the shared key, under any header whatsoever.
fn seal(header: &str, plaintext: &[u8]) -> String {
    let (aad, iv) = (encode_base64url(header.as_bytes()), [1; 12]);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &SHARED).unwrap());
    let mut sealed = plaintext.to_vec();
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad.as_bytes()), &mut sealed)
        .unwrap();
    let parts = [&[][..], &iv, &sealed, tag.as_ref()].map(encode_base64url);
    format!("{aad}.{}", parts.join("."))
}

fn decrypt(token: &str) -> Result<Decrypted, Refusal> {
    Encrypted::parse(token)?.decrypt(&shared_key())
}

const NESTED: &str = r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#;

fn signed() -> String {
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"es"}"#;
    token(es256(), header, claims().to_string().as_bytes())
}

#[test]
fn a_nested_token_is_accepted() {
    let decrypted = decrypt(&seal(NESTED, signed().as_bytes())).unwrap();
    let claims = decrypted
        .verify_nested(&public_set(&[es256()]))
        .unwrap()
        .claims()
        .unwrap();
    assert!(expected().accept(claims, now()).is_ok());
    // A kind of JWT is one (RFC 9068 §2.1, RFC 8417 §7.2).
    let of_kind = |cty: &str| decrypt(&seal(&NESTED.replace("JWT", cty), signed().as_bytes())).unwrap();
    for cty in ["at+jwt", "application/at+JWT", "jwt"] {
        assert!(of_kind(cty).verify_nested(&public_set(&[es256()])).is_ok(), "{cty}");
    }
    for cty in ["", "+jwt", "at+json", "jwtx", "jwt/x"] {
        assert_eq!(of_kind(cty).nested().err(), Some(Refusal::NotNested), "{cty}");
    }
}

#[test]
fn jose_11_encrypted_where_signed_is_expected() {
    let keys = public_set(&[es256()]);
    let sealed = seal(NESTED, claims().to_string().as_bytes());
    assert_eq!(accept(&sealed, &keys).err(), Some(Refusal::EncryptedUnexpectedly));
    let header = r#"{"alg":"ES256","enc":"A256GCM","typ":"at+jwt","kid":"es"}"#;
    let mixed = token(es256(), header, claims().to_string().as_bytes());
    assert_eq!(accept(&mixed, &keys).err(), Some(Refusal::EncryptedUnexpectedly));
    assert_eq!(decrypt(&signed()).err(), Some(Refusal::NotEncrypted));
}

/// What decrypts is not yet signed.
#[test]
fn jose_12_content_that_is_not_signed() {
    let keys = public_set(&[es256()]);
    let nested = |header: &str, content: &str| {
        decrypt(&seal(header, content.as_bytes()))
            .unwrap()
            .verify_nested(&keys)
            .err()
    };
    let mut forged = signed();
    forged.truncate(forged.len() - 4);
    assert_eq!(nested(NESTED, &format!("{forged}AAAA")), Some(Refusal::Signature));
    let claims = claims().to_string();
    assert_eq!(nested(NESTED, &claims), Some(Refusal::ForeignCharacter));
    assert_eq!(
        nested(r#"{"alg":"dir","enc":"A256GCM"}"#, &claims),
        Some(Refusal::NotNested)
    );
    assert_eq!(
        nested(r#"{"alg":"dir","enc":"A256GCM"}"#, &signed()),
        Some(Refusal::NotNested)
    );
    let unsigned = format!(
        "{}.{}.",
        encode_base64url(br#"{"alg":"none"}"#),
        encode_base64url(claims.as_bytes())
    );
    assert_eq!(nested(NESTED, &unsigned), Some(Refusal::AlgorithmNone));
    let twice = seal(NESTED, signed().as_bytes());
    assert_eq!(nested(NESTED, &twice), Some(Refusal::EncryptedUnexpectedly));
}

/// RFC 7518 §C: Bob's key.
fn bob() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck", "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw" })
}

/// RFC 7748 §6.1: Bob's key.
fn bob_25519() -> Value {
    json!({ "kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08",
        "d": "XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os" })
}

fn agreed(epk: &Value) -> String {
    let header = json!({ "alg": "ECDH-ES", "enc": "A256GCM", "epk": epk }).to_string();
    format!(
        "{}..{}.AA.{}",
        encode_base64url(header.as_bytes()),
        encode_base64url(&[0; 12]),
        encode_base64url(&[0; 16])
    )
}

#[test]
fn jose_14_points_that_are_not_on_the_curve() {
    let key =
        |x: &[u8], y: &[u8]| json!({ "kty": "EC", "crv": "P-256", "x": encode_base64url(x), "y": encode_base64url(y) });
    let private = json!({ "kty": "EC", "crv": "P-256", "x": bob()["x"], "y": bob()["y"], "d": "AQAB" });
    for (epk, refusal) in [
        (key(&[1; 32], &[2; 32]), Refusal::Decryption),
        (key(&[0; 32], &[0; 32]), Refusal::Decryption),
        (key(&[0xff; 32], &[0xff; 32]), Refusal::Decryption),
        (bob_25519_public(), Refusal::Decryption),
        (key(&[1; 31], &[2; 32]), Refusal::HeaderParameter("epk")),
        (private, Refusal::HeaderParameter("epk")),
        (json!({ "kty": "EC", "crv": "P-521" }), Refusal::HeaderParameter("epk")),
        (json!("epk"), Refusal::HeaderParameter("epk")),
    ] {
        let outcome = Encrypted::parse(&agreed(&epk)).and_then(|token| token.decrypt(&keys(bob(), "ECDH-ES")));
        assert_eq!(outcome.err(), Some(refusal), "{epk}");
    }
}

fn bob_25519_public() -> Value {
    json!({ "kty": "OKP", "crv": "X25519", "x": bob_25519()["x"] })
}

/// With a point of small order the secret is zero, which the attacker knows too: the token below would decrypt.
#[test]
fn jose_14_small_order_x25519() {
    let orders = [
        [0; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        {
            let mut p = [0xff; 32];
            (p[0], p[31]) = (0xed, 0x7f);
            p
        },
    ];
    for point in orders {
        let epk = json!({ "kty": "OKP", "crv": "X25519", "x": encode_base64url(&point) });
        let header = json!({ "alg": "ECDH-ES", "enc": "A256GCM", "epk": epk }).to_string();
        let token = seal_with(&zero_secret_key(), &header);
        let outcome = Encrypted::parse(&token).and_then(|token| token.decrypt(&keys(bob_25519(), "ECDH-ES")));
        assert_eq!(outcome.err(), Some(Refusal::Decryption));
    }
}

/// What RFC 7518 §4.6.2 derives for A256GCM from a secret of zeros.
fn zero_secret_key() -> Vec<u8> {
    let mut input = vec![0, 0, 0, 1];
    input.extend([0; 32]);
    input.extend([0, 0, 0, 7]);
    input.extend(b"A256GCM");
    input.extend([0; 8]);
    input.extend([0, 0, 1, 0]);
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &input)
        .as_ref()
        .to_vec()
}

fn seal_with(key: &[u8], header: &str) -> String {
    let aad = encode_base64url(header.as_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut sealed = b"content".to_vec();
    let nonce = Nonce::assume_unique_for_key([1; 12]);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad.as_bytes()), &mut sealed)
        .unwrap();
    let parts = [&[][..], &[1; 12], &sealed, tag.as_ref()].map(encode_base64url);
    format!("{aad}.{}", parts.join("."))
}

fn refused_at_the_header(header: &str) -> Option<Refusal> {
    Encrypted::parse(&seal(header, b"content")).err()
}

#[test]
fn jose_15_passwords() {
    for count in ["2147483647", "1", "1e400"] {
        let header = format!(r#"{{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2s":"AAAA","p2c":{count}}}"#);
        assert!(matches!(
            refused_at_the_header(&header),
            Some(Refusal::AlgorithmUnsupported | Refusal::Json(..))
        ));
    }
}

#[test]
fn jose_16_compressed_content() {
    let header = r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#;
    assert_eq!(refused_at_the_header(header), Some(Refusal::Compressed));
}

fn oaep_group() -> Value {
    let text = include_str!("../vectors/wycheproof/json_web_encryption_test.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let groups = document["testGroups"].as_array().unwrap();
    groups
        .iter()
        .find(|group| group["comment"] == "jwe_rsa_oaep_256")
        .unwrap()
        .clone()
}

/// A wrong key, a wrong tag, a wrong ciphertext, a key of the wrong length: one answer.
#[test]
fn jose_17_every_failure_looks_the_same() {
    assert_eq!(
        refused_at_the_header(r#"{"alg":"RSA1_5","enc":"A256GCM"}"#),
        Some(Refusal::AlgorithmUnsupported)
    );
    let group = oaep_group();
    let key = keys(group["private"].clone(), "RSA-OAEP-256");
    let tests = group["tests"].as_array().unwrap();
    let good = tests.iter().find(|test| test["comment"] == "acceptsA256GCM").unwrap()["jwe"]
        .as_str()
        .unwrap();
    let outcome = |token: &str| Encrypted::parse(token).and_then(|token| token.decrypt(&key)).err();
    assert_eq!(outcome(good), None);
    let parts: Vec<&str> = good.split('.').collect();
    for at in 1..5 {
        let mut octets = decode_base64url(parts[at]).unwrap();
        for change in [0, octets.len() - 1] {
            octets[change] ^= 1;
            let mut changed = parts.clone();
            let text = encode_base64url(&octets);
            changed[at] = &text;
            assert_eq!(outcome(&changed.join(".")), Some(Refusal::Decryption), "part {at}");
        }
        let mut shorter = parts.clone();
        let text = encode_base64url(&octets[1..]);
        shorter[at] = &text;
        assert_eq!(outcome(&shorter.join(".")), Some(Refusal::Decryption), "part {at}");
        let mut empty = parts.clone();
        empty[at] = "";
        assert_eq!(outcome(&empty.join(".")), Some(Refusal::Decryption), "part {at}");
    }
}

/// The key decides what it decrypts.
#[test]
fn a_decryption_key_is_for_one_algorithm() {
    let token = seal(r#"{"alg":"dir","enc":"A256GCM"}"#, b"content");
    let outcome = |keys: &[Arc<dyn Decrypt>]| Encrypted::parse(&token).and_then(|token| token.decrypt(keys)).err();
    assert_eq!(outcome(&shared_key()), None);
    assert_eq!(outcome(&keys(bob(), "ECDH-ES")), Some(Refusal::KeyUnknown));
    let two = [shared_key(), shared_key()].concat();
    assert_eq!(outcome(&two), Some(Refusal::KeyAmbiguous));
    let named = seal(r#"{"alg":"dir","enc":"A256GCM","kid":"a"}"#, b"content");
    let jwk = json!({ "kid": "a", "kty": "OKP", "crv": "X25519", "x": bob_25519()["x"], "d": bob_25519()["d"] });
    let other = Encrypted::parse(&named).and_then(|token| token.decrypt(&keys(jwk, "ECDH-ES")));
    assert_eq!(other.err(), Some(Refusal::AlgorithmNotOfKey));
    assert_eq!(
        verify(&token, &public_set(&[es256()])).err(),
        Some(Refusal::EncryptedUnexpectedly)
    );
}
