//! Signed requests: the published examples of RFC 9421, and what must not be taken for one.

use std::sync::Arc;

use portcullis_identity::jose::algorithm::RsaAlgorithm;
use portcullis_identity::jose::handle::Mac;
use portcullis_identity::jose::key::{JwkRules, Kid, VerificationKey};
use portcullis_identity::jose::object::Object;
use portcullis_identity::principal::{Scopes, Subject, SubjectKind};
use portcullis_identity::signatures::{
    Demands, Fields, Presented, Refusal, Request, Signer as Caller, Signers, Verified,
};
use portcullis_identity::time::UnixTime;
use portcullis_secrets::{MacKey, SecretBytes, Signer, SigningAlgorithm};
use serde_json::{Value, json};

/// Fields as pairs.
struct Lines(Vec<(String, String)>);

impl Fields for Lines {
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_bytes()).collect()
    }
}

fn lines(pairs: &[(&str, &str)]) -> Lines {
    Lines(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

fn request(fields: &Lines) -> Request<'_> {
    Request {
        method: "POST",
        scheme: "https",
        authority: "example.com",
        path: "/foo",
        query: Some("param=Value&Pet=dog"),
        target: Some("/foo?param=Value&Pet=dog"),
        has_content: true,
        fields,
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

fn subject(name: &str) -> Subject {
    Subject::new("partners".into(), SubjectKind::Client, name)
}

fn public(jwk: Value) -> VerificationKey {
    let rules = JwkRules {
        rsa_without_alg: RsaAlgorithm::Ps512,
    };
    VerificationKey::from_jwk(&object(jwk), &rules).unwrap()
}

fn caller(key: VerificationKey, name: &str) -> Caller {
    Caller::new(key, subject(name), Scopes::default(), false).unwrap()
}

fn mac(secret: &[u8]) -> Arc<MacKey> {
    Arc::new(MacKey::new(&SecretBytes::new(secret.to_vec()), None).unwrap())
}

fn signers(demands: Demands, all: Vec<(&str, Caller)>) -> Signers {
    let mut signers = Signers::new("partners".into(), demands);
    for (keyid, caller) in all {
        signers.insert(Kid::new(keyid).unwrap(), caller).unwrap();
    }
    signers
}

fn verify(signers: &Signers, it: &Request<'_>, now: u64) -> Result<Option<Verified>, Refusal> {
    let presented = Presented::read(it)?.expect("there are signatures");
    signers.verify(&presented, it, UnixTime::from_seconds(now).unwrap())
}

/// RFC 9421, appendix B.2: the request, and when it was signed.
const EXAMPLE: [(&str, &str); 5] = [
    ("host", "example.com"),
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("content-length", "18"),
];
const CREATED: u64 = 1_618_884_473;

/// The keys of appendix B.1. The text of RFC 9421 is under the IETF Trust's provisions; these are its facts.
fn published() -> Vec<(&'static str, Caller)> {
    let pss = json!({"kty": "RSA", "e": "AQAB", "n": "r4tmm3r20Wd_PbqvP1s2-QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct-Lh1GH45x28Rw3Ry53mm-oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL-Wokqltd11nqqzi-bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d-nb4bnNkQVklLQ3fVAvJm-xdDOp9LCNCN48V2pnDOkFV6-U9nV5oyc6XI2w"});
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"});
    let secret = json!({"kty": "oct", "k": "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ"});
    let shared: Arc<dyn Mac> = Arc::new(MacKey::from_jwk(secret.to_string().as_bytes()).unwrap());
    vec![
        ("test-key-rsa-pss", caller(public(pss), "rsa")),
        ("test-key-ed25519", caller(public(ed25519), "ed25519")),
        (
            "test-shared-secret",
            caller(VerificationKey::from_mac(shared), "shared"),
        ),
    ]
}

/// Nothing but a good signature in its time.
fn lenient() -> Demands {
    Demands {
        components: Vec::new(),
        ..Demands::default()
    }
}

/// Appendix B.2.1, B.2.3, B.2.5 and B.2.6.
const PUBLISHED: [(&str, &str, &str); 4] = [
    (
        "rsa",
        "();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    ),
    (
        "rsa",
        "(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-rsa-pss\"",
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    ),
    (
        "shared",
        "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
        "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    ),
    (
        "ed25519",
        "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    ),
];

#[test]
fn the_published_signatures_are_good_and_only_over_what_they_cover() {
    let signers = signers(lenient(), published());
    for (who, input, signature) in PUBLISHED {
        let (input, signature) = (format!("sig={input}"), format!("sig=:{signature}:"));
        let own = [("signature-input", input.as_str()), ("signature", signature.as_str())];
        let fields = lines(&[&EXAMPLE[..], &own].concat());
        let it = request(&fields);
        let verified = verify(&signers, &it, CREATED).unwrap().unwrap();
        assert_eq!(verified.identity.subject().name(), who);
        assert_eq!(verified.digest.is_some(), input.contains("content-digest"));
        assert_eq!(verified.uses.len(), usize::from(input.contains("nonce")));
        for (component, changed) in [
            ("@method", Request { method: "PUT", ..it }),
            ("@path", Request { path: "/bar", ..it }),
            (
                "@query",
                Request {
                    query: Some("param=value&Pet=dog"),
                    ..it
                },
            ),
            (
                "@authority",
                Request {
                    authority: "example.org",
                    ..it
                },
            ),
        ] {
            let covered = input.contains(&format!("\"{component}\""));
            let expected = covered.then_some(Refusal::Signature);
            assert_eq!(
                verify(&signers, &changed, CREATED).err(),
                expected,
                "{component} of {input}"
            );
        }
        for name in ["date", "content-type", "content-length", "content-digest"] {
            let fields = Lines(
                fields
                    .0
                    .iter()
                    .map(|(known, value)| {
                        let changed = if known == name {
                            format!("{value}0")
                        } else {
                            value.clone()
                        };
                        (known.clone(), changed)
                    })
                    .collect(),
            );
            let covered = input.contains(&format!("\"{name}\""));
            let expected = covered.then_some(Refusal::Signature);
            assert_eq!(
                verify(&signers, &request(&fields), CREATED).err(),
                expected,
                "{name} of {input}"
            );
        }
    }
}

/// Signs a request as `components` and `parameters` say.
fn signed(sign: &dyn Fn(&[u8]) -> Vec<u8>, components: &str, parameters: &str, fields: &[(&str, &str)]) -> Lines {
    let base = components.split_whitespace().map(|name| {
        let value = match name.trim_matches('"') {
            "@method" => "POST".to_owned(),
            "@target-uri" => "https://example.com/foo?param=Value&Pet=dog".to_owned(),
            field => fields.iter().find(|(known, _)| *known == field).unwrap().1.to_owned(),
        };
        format!("{name}: {value}\n")
    });
    let base = format!(
        "{}\"@signature-params\": ({components}){parameters}",
        base.collect::<String>()
    );
    let signature = encoded(&sign(base.as_bytes()));
    let own = [
        ("signature-input".to_owned(), format!("sig=({components}){parameters}")),
        ("signature".to_owned(), format!("sig=:{signature}:")),
    ];
    let Lines(others) = lines(fields);
    Lines(own.into_iter().chain(others).collect())
}

/// Padded base64, by way of the only encoder that is at hand.
fn encoded(octets: &[u8]) -> String {
    let text = portcullis_identity::jose::encode_base64url(octets)
        .replace('-', "+")
        .replace('_', "/");
    let padding = (4 - text.len() % 4) % 4;
    text + &"=".repeat(padding)
}

const USUAL: &str = "\"@method\" \"@target-uri\" \"content-digest\"";
const DIGEST: (&str, &str) = EXAMPLE[3];

#[test]
fn every_kind_of_key_signs() {
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Ed25519] {
        let key = Signer::generate(algorithm, None).unwrap();
        let known = caller(public(Value::Object(key.public_jwk())), "acme");
        let signers = signers(Demands::default(), vec![("k", known)]);
        let sign = |message: &[u8]| key.sign(message).unwrap();
        let fields = signed(&sign, USUAL, ";created=100;keyid=\"k\"", &[DIGEST]);
        assert!(
            verify(&signers, &request(&fields), 100).unwrap().is_some(),
            "{algorithm:?}"
        );
    }
    let shared = mac(&[7; 32]);
    let known = caller(VerificationKey::from_mac(shared.clone()), "acme");
    let signers = signers(Demands::default(), vec![("k", known)]);
    let sign = |message: &[u8]| shared.sign(message);
    let fields = signed(&sign, USUAL, ";created=100;keyid=\"k\";alg=\"hmac-sha256\"", &[DIGEST]);
    assert!(verify(&signers, &request(&fields), 100).unwrap().is_some());
}

#[test]
fn ecdsa_on_p384_is_verified() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = &pair.public_key().as_ref()[1..];
    let coordinate = portcullis_identity::jose::encode_base64url;
    let jwk = json!({"kty": "EC", "crv": "P-384", "x": coordinate(&point[..48]), "y": coordinate(&point[48..])});
    let signers = signers(Demands::default(), vec![("k", caller(public(jwk), "acme"))]);
    let sign = |message: &[u8]| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
    let fields = signed(
        &sign,
        USUAL,
        ";created=100;keyid=\"k\";alg=\"ecdsa-p384-sha384\"",
        &[DIGEST],
    );
    assert!(verify(&signers, &request(&fields), 100).unwrap().is_some());
}

#[test]
fn the_key_decides_the_algorithm() {
    let key = Signer::generate(SigningAlgorithm::Ed25519, None).unwrap();
    let jwk = key.public_jwk();
    let known = caller(public(Value::Object(jwk.clone())), "acme");
    let signers = signers(Demands::default(), vec![("k", known)]);
    // The public key, which everybody has, as a shared secret.
    let x = portcullis_identity::jose::decode_base64url(jwk["x"].as_str().unwrap()).unwrap();
    let shared = mac(&x);
    let forge = |message: &[u8]| shared.sign(message);
    for (parameters, expected) in [
        (";created=100;keyid=\"k\"", Refusal::Signature),
        (";created=100;keyid=\"k\";alg=\"ed25519\"", Refusal::Signature),
        (
            ";created=100;keyid=\"k\";alg=\"hmac-sha256\"",
            Refusal::AlgorithmNotOfKey,
        ),
        (";created=100;keyid=\"k\";alg=\"none\"", Refusal::AlgorithmNotOfKey),
    ] {
        let fields = signed(&forge, USUAL, parameters, &[DIGEST]);
        assert_eq!(
            verify(&signers, &request(&fields), 100).err(),
            Some(expected),
            "{parameters}"
        );
    }
    // What the key really signed, under another name.
    let sign = |message: &[u8]| key.sign(message).unwrap();
    for alg in ["ED25519", "ecdsa-p256-sha256", "rsa-v1_5-sha256", ""] {
        let parameters = format!(";created=100;keyid=\"k\";alg=\"{alg}\"");
        let fields = signed(&sign, USUAL, &parameters, &[DIGEST]);
        assert_eq!(
            verify(&signers, &request(&fields), 100).err(),
            Some(Refusal::AlgorithmNotOfKey),
            "{alg}"
        );
    }
}

#[test]
fn keys_for_other_algorithms_sign_nothing() {
    let rsa = |algorithm| {
        let key = Signer::generate(algorithm, None).unwrap();
        public(Value::Object(key.public_jwk()))
    };
    let made = |key, rsa_v1_5| Caller::new(key, subject("acme"), Scopes::default(), rsa_v1_5).is_ok();
    let v1_5 = rsa(SigningAlgorithm::Rs256);
    assert!(!made(v1_5.clone(), false) && made(v1_5, true));
    assert!(
        !made(rsa(SigningAlgorithm::Ps256), true),
        "of PSS only SHA-512 has a name"
    );
}

#[test]
fn of_several_signatures_those_of_known_keys_have_to_be_good_and_one_callers() {
    let (one, two) = (mac(&[1; 32]), mac(&[2; 32]));
    let known = |mac: &Arc<MacKey>, who| caller(VerificationKey::from_mac(mac.clone()), who);
    let all = vec![
        ("one", known(&one, "acme")),
        ("two", known(&two, "acme")),
        ("other", known(&two, "emca")),
    ];
    let signers = signers(Demands::default(), all);
    let by = |mac: &Arc<MacKey>, keyid: &str| {
        let sign = |message: &[u8]| mac.sign(message);
        signed(
            &sign,
            USUAL,
            &format!(";created=100;keyid=\"{keyid}\";nonce=\"{keyid}\""),
            &[DIGEST],
        )
    };
    let both = |first: &Lines, second: &Lines| {
        let Lines(second) = second;
        let renamed = second
            .iter()
            .take(2)
            .map(|(name, value)| (name.clone(), value.replacen("sig=", "two=", 1)));
        Lines(first.0.iter().cloned().chain(renamed).collect())
    };
    let outcome = |fields: &Lines| {
        verify(&signers, &request(fields), 100).map(|verified| verified.map_or(0, |verified| verified.uses.len()))
    };
    let (good, second) = (by(&one, "one"), by(&two, "two"));
    assert_eq!(outcome(&good), Ok(1));
    assert_eq!(outcome(&both(&good, &second)), Ok(2));
    assert_eq!(outcome(&both(&second, &good)), Ok(2));
    assert_eq!(outcome(&both(&good, &by(&two, "somebody"))), Ok(1), "not known here");
    assert_eq!(outcome(&both(&good, &by(&one, "two"))), Err(Refusal::Signature));
    assert_eq!(outcome(&both(&by(&one, "two"), &good)), Err(Refusal::Signature));
    assert_eq!(outcome(&both(&good, &by(&two, "other"))), Err(Refusal::Ambiguous));
    assert_eq!(outcome(&by(&two, "somebody")), Ok(0));
}

#[test]
fn a_tag_says_what_a_signature_is_for() {
    let shared = mac(&[1; 32]);
    let demands = Demands {
        tag: Some("orders".into()),
        ..Demands::default()
    };
    let signers = signers(
        demands,
        vec![("k", caller(VerificationKey::from_mac(shared.clone()), "acme"))],
    );
    let sign = |message: &[u8]| shared.sign(message);
    for (tag, counts) in [(";tag=\"orders\"", true), (";tag=\"Orders\"", false), ("", false)] {
        let fields = signed(&sign, USUAL, &format!(";created=100;keyid=\"k\"{tag}"), &[DIGEST]);
        assert_eq!(
            verify(&signers, &request(&fields), 100).unwrap().is_some(),
            counts,
            "{tag}"
        );
    }
}

#[test]
fn content_that_is_covered_has_to_have_a_digest_that_is_known() {
    let shared = mac(&[1; 32]);
    let signers = signers(
        Demands::default(),
        vec![("k", caller(VerificationKey::from_mac(shared.clone()), "acme"))],
    );
    let sign = |message: &[u8]| shared.sign(message);
    for digest in ["md5=:AAAA:", "sha-512=:AAAA:", "nonsense=", ""] {
        let fields = signed(&sign, USUAL, ";created=100;keyid=\"k\"", &[("content-digest", digest)]);
        assert_eq!(
            verify(&signers, &request(&fields), 100).err(),
            Some(Refusal::DigestUnknown),
            "{digest}"
        );
    }
}

proptest::proptest! {
    /// No single change of what was signed, or of the fields that sign it, passes.
    #[test]
    fn nothing_that_was_changed_is_good(at in 0_usize..4000, bit in 0_u32..7) {
        let shared = mac(&[1; 32]);
        let signers = signers(Demands::default(), vec![("k", caller(VerificationKey::from_mac(shared.clone()), "acme"))]);
        let sign = |message: &[u8]| shared.sign(message);
        let Lines(mut fields) = signed(&sign, USUAL, ";created=100;keyid=\"k\"", &[DIGEST]);
        let total: usize = fields.iter().map(|(_, value)| value.len()).sum();
        let mut at = at % total;
        for (_, value) in &mut fields {
            if at < value.len() {
                let mut octets = std::mem::take(value).into_bytes();
                octets[at] ^= 1 << bit;
                *value = String::from_utf8(octets).unwrap();
                break;
            }
            at -= value.len();
        }
        let fields = Lines(fields);
        let outcome = Presented::read(&request(&fields)).and_then(|presented| {
            signers.verify(&presented.unwrap(), &request(&fields), UnixTime::from_seconds(100).unwrap())
        });
        // Another key's name is nobody's signature.
        proptest::prop_assert!(!matches!(outcome, Ok(Some(_))), "{:?}", fields.0);
    }
}
