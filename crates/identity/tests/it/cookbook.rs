//! The examples of RFC 7520, RFC 7797 and RFC 8037, as ietf-jose/cookbook has them: each passes, or is named here with the reason.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_identity::jose::key::{JwkRules, KeyRefusal, VerificationKey};
use portcullis_identity::jose::key_set::KeySet;
use portcullis_secrets::{DecryptionKey, LoadError, MacKey};
use serde_json::{Value, json};

use crate::making::{object, read_set, verify};

/// What each file comes to.
enum Outcome {
    Verifies,
    Decrypts,
    /// Its compact serialization is refused.
    Refused(Refusal),
    /// It has only a JSON serialization, which is refused.
    JsonOnly,
    /// A key.
    Key(fn(&Value)),
    /// Signed and then encrypted.
    Nested,
}

use Outcome::{Decrypts, JsonOnly, Key, Nested, Refused, Verifies};
use Refusal::{AlgorithmUnsupported, EncryptionUnsupported, ForeignCharacter, Signature};

const FILES: &[(&str, Outcome)] = &[
    ("6.nesting_signatures_and_encryption", Nested),
    ("curve25519-ecdh-es", Decrypts),
    ("curve25519-jws", Verifies),
    // RSA1_5.
    (
        "jwe-5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2",
        Refused(AlgorithmUnsupported),
    ),
    ("jwe-5_10.including_additional_authentication_data", JsonOnly),
    ("jwe-5_11.protecting_specific_header_fields", JsonOnly),
    ("jwe-5_12.protecting_content_only", JsonOnly),
    ("jwe-5_13.encrypting_to_multiple_recipients", JsonOnly),
    // RSA-OAEP with SHA-1.
    (
        "jwe-5_2.key_encryption_using_rsa-oaep_with_aes-gcm",
        Refused(AlgorithmUnsupported),
    ),
    // PBES2, whose cost the sender chooses.
    (
        "jwe-5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2",
        Refused(AlgorithmUnsupported),
    ),
    (
        "jwe-5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm",
        Decrypts,
    ),
    // A128CBC-HS256.
    (
        "jwe-5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2",
        Refused(EncryptionUnsupported),
    ),
    ("jwe-5_6.direct_encryption_using_aes-gcm", Decrypts),
    // A256GCMKW: of shared keys only the direct use is supported.
    (
        "jwe-5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2",
        Refused(AlgorithmUnsupported),
    ),
    // A128KW, for the same reason.
    (
        "jwe-5_8.key_wrap_using_aes-keywrap_with_aes-gcm",
        Refused(AlgorithmUnsupported),
    ),
    // A128KW and compression.
    ("jwe-5_9.compressed_content", Refused(AlgorithmUnsupported)),
    ("jwk-3_1.ec_public_key", Key(p521_is_not_supported)),
    ("jwk-3_2.ec_private_key", Key(private_is_refused)),
    ("jwk-3_3.rsa_public_key", Key(is_taken)),
    ("jwk-3_4.rsa_private_key", Key(private_is_refused)),
    ("jwk-3_5.symmetric_key_mac_computation", Key(is_taken_as_mac)),
    ("jwk-3_6.symmetric_key_encryption", Key(is_taken_as_shared)),
    ("jws-4_1.rsa_v15_signature", Verifies),
    // PS384.
    ("jws-4_2.rsa-pss_signature", Refused(AlgorithmUnsupported)),
    // ES512.
    ("jws-4_3.ecdsa_signature", Refused(AlgorithmUnsupported)),
    ("jws-4_4.hmac-sha2_integrity_protection", Verifies),
    // The payload that is signed is not in the token.
    ("jws-4_5.signature_with_detached_content", Refused(Signature)),
    ("jws-4_6.protecting_specific_header_fields", JsonOnly),
    ("jws-4_7.protecting_content_only", JsonOnly),
    ("jws-4_8.multiple_signatures", JsonOnly),
    ("rfc7797-4.2.hmac-sha2_b64_false", JsonOnly),
    // The payload is not base64url.
    ("rfc7797-hmac-sha2_b64_false", Refused(ForeignCharacter)),
];

#[test]
fn every_file_comes_to_what_is_said_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/jose-cookbook");
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let present: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(present, listed);
    for (name, outcome) in FILES {
        let text = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        check(name, outcome, &serde_json::from_slice(&text).unwrap());
    }
}

fn check(name: &str, outcome: &Outcome, file: &Value) {
    let compact = file["output"]["compact"].as_str();
    match outcome {
        Verifies => {
            let verified = verify(compact.unwrap(), &keys(file)).unwrap();
            assert_eq!(
                verified.payload(),
                file["input"]["payload"].as_str().unwrap().as_bytes(),
                "{name}"
            );
        }
        Decrypts => {
            let plaintext = decrypt(compact.unwrap(), &file["input"]).unwrap();
            assert_eq!(
                plaintext,
                file["input"]["plaintext"].as_str().unwrap().as_bytes(),
                "{name}"
            );
        }
        Refused(refusal) => {
            let got = if name.starts_with("jwe") {
                Encrypted::parse(compact.unwrap()).err()
            } else {
                verify(compact.unwrap(), &keys(file)).err()
            };
            assert_eq!(got.as_ref(), Some(refusal), "{name}");
        }
        JsonOnly => {
            assert_eq!(compact, None, "{name}");
            for form in ["json", "json_flat"].iter().filter_map(|form| file["output"].get(form)) {
                let refusal = verify(&form.to_string(), &keys(&json!({ "input": { "key": null } }))).err();
                assert_eq!(refusal, Some(ForeignCharacter), "{name}");
            }
        }
        Key(check) => check(file),
        Nested => check_nested(file),
    }
}

/// The key of an example, without its private half; some key where the example has none that is supported.
fn keys(file: &Value) -> KeySet {
    let mut key = file["input"]["key"].clone();
    match key["kty"].as_str() {
        Some("oct") => {
            let mac = MacKey::from_jwk(key.to_string().as_bytes()).unwrap();
            KeySet::from_macs([Arc::new(mac) as _]).unwrap()
        }
        Some("RSA" | "OKP") => {
            let members = key.as_object_mut().unwrap();
            members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
            read_set(&json!({ "keys": [key] }))
        }
        _ => crate::making::mac_set(&[7; 32], None),
    }
}

fn decrypt(token: &str, input: &Value) -> Result<Vec<u8>, Refusal> {
    let alg = match input["alg"].as_str() {
        Some("dir") => &input["enc"],
        _ => &input["alg"],
    };
    let key = DecryptionKey::from_jwk(input["key"].to_string().as_bytes(), alg.as_str()).unwrap();
    let keys: [Arc<dyn Decrypt>; 1] = [Arc::new(key)];
    Ok(Encrypted::parse(token)?.decrypt(&keys)?.plaintext().to_vec())
}

/// The inner token verifies; the outer one is RSA-OAEP with SHA-1.
fn check_nested(file: &Value) {
    let mut key = file["sign"]["input"]["key"].clone();
    key["alg"] = "PS256".into();
    let keys = keys(&json!({ "input": { "key": key } }));
    let token = file["encrypt"]["input"]["plaintext"].as_str().unwrap();
    let refusal = verify(token, &keys).unwrap().claims().unwrap();
    assert_eq!(refusal.issuer(), Some("hobbiton.example"));
    let outer = file["encrypt"]["output"]["compact"].as_str().unwrap();
    assert_eq!(Encrypted::parse(outer).err(), Some(AlgorithmUnsupported));
}

fn public_key(jwk: &Value) -> Result<VerificationKey, KeyRefusal> {
    VerificationKey::from_jwk(&object(jwk.clone()), &JwkRules::default())
}

fn is_taken(jwk: &Value) {
    assert!(public_key(jwk).is_ok());
}

fn p521_is_not_supported(jwk: &Value) {
    assert_eq!(public_key(jwk).err(), Some(KeyRefusal::CurveUnsupported));
}

fn private_is_refused(jwk: &Value) {
    assert_eq!(public_key(jwk).err(), Some(KeyRefusal::PrivateMember("d")));
}

fn is_taken_as_mac(jwk: &Value) {
    assert_eq!(public_key(jwk).err(), Some(KeyRefusal::Symmetric));
    assert!(MacKey::from_jwk(jwk.to_string().as_bytes()).is_ok());
}

fn is_taken_as_shared(jwk: &Value) {
    let octets = jwk.to_string();
    assert!(DecryptionKey::from_jwk(octets.as_bytes(), None).is_ok());
    assert_eq!(MacKey::from_jwk(octets.as_bytes()).err(), Some(LoadError::Algorithm));
}
