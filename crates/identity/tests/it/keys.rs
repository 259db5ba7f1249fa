//! Which keys are taken, and which are not.

use portcullis_identity::jose::algorithm::{RsaAlgorithm, SignatureAlgorithm};
use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::key::{JwkRules, KeyRefusal, Kid, VerificationKey};
use portcullis_identity::jose::key_set::{KEYS_MAX, KeySet, KeySetRefusal, SET_BYTES_MAX};
use portcullis_identity::jose::refusal::Refusal;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::making::{es256, mac, object, public_set, rs256, token, verify};

/// The refusal of a key that is changed in some members; `null` takes one out.
fn refusal(key: &Value, changes: Value) -> Option<KeyRefusal> {
    let mut key = object(key.clone());
    for (name, value) in object(changes) {
        if value.is_null() {
            key.remove(&name);
        } else {
            key.insert(name, value);
        }
    }
    VerificationKey::from_jwk(&key, &JwkRules::default()).err()
}

fn ec() -> Value {
    es256().public_jwk().into()
}

fn rsa() -> Value {
    rs256().public_jwk().into()
}

fn ed25519() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

#[test]
fn jose_22_weak_rsa_keys() {
    let modulus = |bytes: usize, first: u8, last: u8| {
        let mut n = vec![0x55; bytes];
        (n[0], n[bytes - 1]) = (first, last);
        json!({ "n": encode_base64url(&n) })
    };
    let exponent = |octets: &[u8]| json!({ "e": encode_base64url(octets) });
    let key = rsa();
    for (changes, expected) in [
        (json!({}), None),
        (modulus(128, 0xff, 1), Some(KeyRefusal::ModulusTooShort)),
        (modulus(256, 0x7f, 1), Some(KeyRefusal::ModulusTooShort)),
        (modulus(256, 0x80, 1), None),
        (modulus(1024, 0xff, 1), None),
        (modulus(1025, 0x01, 1), Some(KeyRefusal::ModulusTooLong)),
        (modulus(256, 0xff, 2), Some(KeyRefusal::ModulusEven)),
        (modulus(257, 0x00, 1), Some(KeyRefusal::LeadingZero)),
        (json!({ "n": "" }), Some(KeyRefusal::Member("n"))),
        (exponent(&[1]), Some(KeyRefusal::Exponent)),
        (exponent(&[2]), Some(KeyRefusal::Exponent)),
        (exponent(&[3]), None),
        (exponent(&[1, 0, 0]), Some(KeyRefusal::Exponent)),
        (exponent(&[1, 0, 0, 0, 1]), Some(KeyRefusal::Exponent)),
        (exponent(&[0, 1, 0, 1]), Some(KeyRefusal::LeadingZero)),
        (exponent(&[]), Some(KeyRefusal::Member("e"))),
    ] {
        assert_eq!(refusal(&key, changes.clone()), expected, "{changes}");
    }
}

/// The modulus is Wycheproof's.
#[test]
fn jose_22_roca() {
    let text = include_str!("../vectors/wycheproof/json_web_key_test.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let groups = document["testGroups"].as_array().unwrap();
    let group = groups
        .iter()
        .find(|group| group["comment"] == "jws_rsa_roca_key")
        .unwrap();
    assert_eq!(refusal(&group["public"]["keys"][0], json!({})), Some(KeyRefusal::Roca));
}

#[test]
fn jose_14_points_off_the_curve() {
    let x = ec()["x"].clone();
    for (changes, expected) in [
        (json!({}), None),
        (json!({ "y": x }), Some(KeyRefusal::NotOnCurve)),
        (
            json!({ "x": encode_base64url(&[0; 32]), "y": encode_base64url(&[0; 32]) }),
            Some(KeyRefusal::NotOnCurve),
        ),
        (
            json!({ "x": encode_base64url(&[0xff; 32]) }),
            Some(KeyRefusal::NotOnCurve),
        ),
        (
            json!({ "x": encode_base64url(&[1; 31]) }),
            Some(KeyRefusal::CoordinateLength),
        ),
        (
            json!({ "x": encode_base64url(&[1; 33]) }),
            Some(KeyRefusal::CoordinateLength),
        ),
        (
            json!({ "crv": "P-384", "alg": null }),
            Some(KeyRefusal::CoordinateLength),
        ),
        (json!({ "crv": "secp256k1" }), Some(KeyRefusal::CurveUnsupported)),
    ] {
        assert_eq!(refusal(&ec(), changes.clone()), expected, "{changes}");
    }
}

#[test]
fn jose_14_small_order_ed25519() {
    let last = |first: u8, middle: u8, last: u8| {
        let mut key = [middle; 32];
        (key[0], key[31]) = (first, last);
        json!({ "x": encode_base64url(&key) })
    };
    assert_eq!(refusal(&ed25519(), json!({})), None);
    for changes in [
        last(0, 0, 0),
        last(0, 0, 0x80),
        last(1, 0, 0),
        last(1, 0, 0x80),
        last(0xec, 0xff, 0x7f),
        last(0xec, 0xff, 0xff),
        last(0xed, 0xff, 0x7f),
        last(0xee, 0xff, 0xff),
        json!({ "x": "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU" }),
        json!({ "x": "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o" }),
    ] {
        assert_eq!(
            refusal(&ed25519(), changes.clone()),
            Some(KeyRefusal::SmallOrder),
            "{changes}"
        );
    }
    assert_eq!(
        refusal(&ed25519(), json!({ "x": encode_base64url(&[7; 31]) })),
        Some(KeyRefusal::CoordinateLength)
    );
}

#[test]
fn jose_22_use_and_algorithm_that_do_not_go_with_the_key() {
    for (key, changes, expected) in [
        (ec(), json!({ "use": "enc" }), KeyRefusal::NotForSignatures),
        (ec(), json!({ "use": 1 }), KeyRefusal::Member("use")),
        (ec(), json!({ "key_ops": ["encrypt"] }), KeyRefusal::NotForVerifying),
        (ec(), json!({ "key_ops": [] }), KeyRefusal::NotForVerifying),
        (
            ec(),
            json!({ "key_ops": ["verify", "verify"] }),
            KeyRefusal::NotForVerifying,
        ),
        (
            ec(),
            json!({ "key_ops": ["sign", "verify"] }),
            KeyRefusal::NotForVerifying,
        ),
        (ec(), json!({ "key_ops": "verify" }), KeyRefusal::Member("key_ops")),
        (ec(), json!({ "alg": "ES384" }), KeyRefusal::AlgorithmMismatch),
        (ec(), json!({ "alg": "RS256" }), KeyRefusal::AlgorithmMismatch),
        (ec(), json!({ "alg": "HS256" }), KeyRefusal::AlgorithmMismatch),
        (ec(), json!({ "alg": "ES521" }), KeyRefusal::AlgorithmUnsupported),
        (ec(), json!({ "alg": "none" }), KeyRefusal::AlgorithmUnsupported),
        (ec(), json!({ "alg": "ECDH-ES" }), KeyRefusal::AlgorithmUnsupported),
        (ec(), json!({ "kty": "RSA" }), KeyRefusal::AlgorithmMismatch),
        (ec(), json!({ "kty": null }), KeyRefusal::Member("kty")),
        (ec(), json!({ "kty": "ec" }), KeyRefusal::KeyTypeUnsupported),
        (ec(), json!({ "kid": "" }), KeyRefusal::Member("kid")),
        (ec(), json!({ "x": "AB" }), KeyRefusal::Member("x")),
        (rsa(), json!({ "alg": "ES256" }), KeyRefusal::AlgorithmMismatch),
        (rsa(), json!({ "alg": "HS256" }), KeyRefusal::AlgorithmMismatch),
        (rsa(), json!({ "alg": "PS384" }), KeyRefusal::AlgorithmUnsupported),
        (ed25519(), json!({ "alg": "ES256" }), KeyRefusal::AlgorithmMismatch),
        (ed25519(), json!({ "crv": "X25519" }), KeyRefusal::CurveUnsupported),
        (ed25519(), json!({ "crv": "Ed448" }), KeyRefusal::CurveUnsupported),
    ] {
        assert_eq!(refusal(&key, changes.clone()), Some(expected), "{changes}");
    }
    assert_eq!(refusal(&ec(), json!({ "key_ops": ["verify"] })), None);
}

#[test]
fn jose_22_secrets_among_public_keys() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        assert_eq!(
            refusal(&rsa(), json!({ name: "AQAB" })),
            Some(KeyRefusal::PrivateMember(name))
        );
    }
    let oct = json!({ "kty": "oct", "k": encode_base64url(&[7; 32]), "alg": "HS256" });
    assert_eq!(refusal(&oct, json!({})), Some(KeyRefusal::Symmetric));
    assert_eq!(refusal(&oct, json!({ "kty": "EC" })), Some(KeyRefusal::Symmetric));
    assert_eq!(refusal(&oct, json!({ "k": null })), Some(KeyRefusal::Symmetric));
    for secret in [oct, json!({ "kty": "EC", "d": "AQAB" })] {
        let set = json!({ "keys": [ec(), secret] });
        let refusal = read(&set).err();
        assert!(matches!(refusal, Some(KeySetRefusal::ExposedSecret(key)) if key.position == 1));
    }
}

fn read(set: &Value) -> Result<KeySet, KeySetRefusal> {
    KeySet::from_jwks(set.to_string().as_bytes(), &JwkRules::default()).map(|(keys, _)| keys)
}

#[test]
fn jose_23_two_keys_of_one_name() {
    let other = Signer::generate(SigningAlgorithm::Es256, Kid::new("es")).unwrap();
    let set = json!({ "keys": [ec(), other.public_jwk()] });
    assert_eq!(
        read(&set).err(),
        Some(KeySetRefusal::DuplicateKid(Kid::new("es").unwrap()))
    );
    let macs = KeySet::from_macs([mac(&[1; 32], Some("a")), mac(&[2; 32], Some("a"))]);
    assert_eq!(macs.err(), Some(KeySetRefusal::DuplicateKid(Kid::new("a").unwrap())));
}

#[test]
fn jose_23_sets_are_bounded_and_strict() {
    let many = vec![ed25519(); KEYS_MAX + 1];
    assert_eq!(read(&json!({ "keys": many })).err(), Some(KeySetRefusal::TooManyKeys));
    let long = format!("{{\"keys\":[],\"a\":\"{}\"}}", "x".repeat(SET_BYTES_MAX));
    let refusal = |text: &str| KeySet::from_jwks(text.as_bytes(), &JwkRules::default()).err();
    assert_eq!(refusal(&long), Some(KeySetRefusal::TooLong));
    assert_eq!(refusal("{}"), Some(KeySetRefusal::NoKeys));
    assert_eq!(refusal(r#"{"keys":{}}"#), Some(KeySetRefusal::NoKeys));
    assert_eq!(refusal(r#"{"keys":[1]}"#), Some(KeySetRefusal::NoKeys));
    assert_eq!(refusal(r#"{"keys":[]}"#), Some(KeySetRefusal::NoUsableKey(vec![])));
    assert!(matches!(
        refusal(r#"{"keys":[],"keys":[]}"#),
        Some(KeySetRefusal::Json(_))
    ));
}

/// A key that is not used says why, and does not stop the others.
#[test]
fn keys_that_are_left_out_are_told() {
    let weak = json!({ "kty": "RSA", "n": encode_base64url(&[0xff; 128]), "e": "AQAB" });
    let set = json!({ "keys": [weak, ec()] });
    let (keys, left_out) = KeySet::from_jwks(set.to_string().as_bytes(), &JwkRules::default()).unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].to_string(), "key 0: the modulus has less than 2048 bits");
    let refusal = read(&json!({ "keys": [weak] })).err().unwrap();
    assert_eq!(
        refusal.to_string(),
        "the key set has no key to verify with: key 0: the modulus has less than 2048 bits"
    );
}

/// A key is found by exactly its name; without a name only when there is no choice.
#[test]
fn jose_23_one_key_is_tried_at_most() {
    let unnamed = Signer::generate(SigningAlgorithm::Es256, None).unwrap();
    let (es, rs) = (Kid::new("es").unwrap(), Kid::new("rs").unwrap());
    let find = |keys: &KeySet, kid: Option<&Kid>, algorithm| keys.find(kid, algorithm).map(|_| ()).err();
    let both = public_set(&[es256(), rs256()]);
    assert_eq!(find(&both, Some(&es), SignatureAlgorithm::Es256), None);
    assert_eq!(find(&both, Some(&rs), SignatureAlgorithm::Rs256), None);
    assert_eq!(find(&both, None, SignatureAlgorithm::Es256), None);
    assert_eq!(find(&both, None, SignatureAlgorithm::Ps256), Some(Refusal::KeyUnknown));
    assert_eq!(
        find(&both, Some(&es), SignatureAlgorithm::Rs256),
        Some(Refusal::AlgorithmNotOfKey)
    );
    assert_eq!(
        find(&both, Kid::new("ES").as_ref(), SignatureAlgorithm::Es256),
        Some(Refusal::KeyUnknown)
    );
    let two = public_set(&[es256(), &unnamed]);
    assert_eq!(find(&two, None, SignatureAlgorithm::Es256), Some(Refusal::KeyAmbiguous));
    assert_eq!(find(&two, Some(&es), SignatureAlgorithm::Es256), None);
    let only_unnamed = public_set(&[&unnamed]);
    assert_eq!(
        find(&only_unnamed, Some(&es), SignatureAlgorithm::Es256),
        Some(Refusal::KeyUnknown)
    );
}

/// An RSA key without `alg` is for one algorithm, which configuration says.
#[test]
fn an_rsa_key_without_alg_is_for_one_algorithm() {
    let rs = Signer::generate(SigningAlgorithm::Rs256, None).unwrap();
    let mut jwk = rs.public_jwk();
    jwk.remove("alg");
    let with = |rsa_without_alg| {
        let set = json!({ "keys": [jwk] }).to_string();
        KeySet::from_jwks(set.as_bytes(), &JwkRules { rsa_without_alg })
            .unwrap()
            .0
    };
    let token = token(&rs, r#"{"alg":"RS256"}"#, b"{}");
    assert!(verify(&token, &with(RsaAlgorithm::Rs256)).is_ok());
    for other in [RsaAlgorithm::Rs384, RsaAlgorithm::Rs512, RsaAlgorithm::Ps256] {
        assert_eq!(verify(&token, &with(other)).err(), Some(Refusal::KeyUnknown));
    }
}
