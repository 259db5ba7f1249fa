//! The catalogued attacks on signed tokens, by their ids in docs/threats.md.

use std::collections::BTreeMap;
use std::time::Instant;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::compact::TOKEN_BYTES_MAX;
use portcullis_identity::jose::key::KeyRefusal;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::object::Fault;
use portcullis_identity::jose::proof::Proof;
use portcullis_identity::jose::refusal::{Part, Refusal};
use portcullis_identity::jose::{decode_base64url, encode_base64url};
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::making::{
    accept, claims, claims_with, es256, expected, mac_set, mac_token, now, object, public_set, rs256, signing_input,
    token, verify,
};

const HEADER: &str = r#"{"alg":"ES256","typ":"at+jwt","kid":"es"}"#;

fn good() -> String {
    token(es256(), HEADER, claims().to_string().as_bytes())
}

/// What comes of a well-signed token with this header.
fn with_header(header: &str) -> Option<Refusal> {
    accept(
        &token(es256(), header, claims().to_string().as_bytes()),
        &public_set(&[es256()]),
    )
    .err()
}

/// What comes of a well-signed token with these claims.
fn with_claims(text: &str) -> Option<Refusal> {
    accept(&token(es256(), HEADER, text.as_bytes()), &public_set(&[es256()])).err()
}

fn with_claim(name: &str, value: Value) -> Option<Refusal> {
    with_claims(&Value::from(claims_with(name, value)).to_string())
}

#[test]
fn a_good_token_is_accepted() {
    let keys = public_set(&[es256(), rs256()]);
    let accepted = accept(&good(), &keys).unwrap();
    assert_eq!(accepted.claims().subject(), Some("alice"));
    let signed = rs256().sign_compact("at+jwt", &object(claims())).unwrap();
    assert!(accept(&signed, &keys).is_ok());
}

#[test]
fn jose_1_unsigned() {
    let keys = public_set(&[es256()]);
    for name in ["none", "None", "noNE", "nOnE"] {
        let header = format!(r#"{{"alg":"{name}","typ":"at+jwt","kid":"es"}}"#);
        let input = signing_input(&header, claims().to_string().as_bytes());
        assert_eq!(accept(&format!("{input}."), &keys).err(), Some(Refusal::AlgorithmNone));
    }
    let input = signing_input(HEADER, claims().to_string().as_bytes());
    assert_eq!(accept(&format!("{input}."), &keys).err(), Some(Refusal::Signature));
    assert_eq!(accept(&input, &keys).err(), Some(Refusal::PartCount));
}

/// The public key, in any of its spellings, is no MAC key.
#[test]
fn jose_2_public_key_as_mac_key() {
    let public = |signer: &Signer| Value::from(signer.public_jwk());
    let keys = public_set(&[es256(), rs256()]);
    let octets = |jwk: &Value, name: &str| decode_base64url(jwk[name].as_str().unwrap()).unwrap();
    let (es, rs) = (public(es256()), public(rs256()));
    let point = [vec![4], octets(&es, "x"), octets(&es, "y")].concat();
    let der = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
        .unwrap()
        .as_der()
        .unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref())
    );
    let spellings = [
        point,
        der.as_ref().to_vec(),
        pem.into_bytes(),
        es.to_string().into_bytes(),
        rs.to_string().into_bytes(),
        octets(&rs, "n"),
    ];
    for key in spellings {
        for (kid, refusal) in [
            (r#","kid":"es""#, Refusal::AlgorithmNotOfKey),
            (r#","kid":"rs""#, Refusal::AlgorithmNotOfKey),
            ("", Refusal::KeyUnknown),
        ] {
            let header = format!(r#"{{"alg":"HS256","typ":"at+jwt"{kid}}}"#);
            let forged = mac_token(&key, &header, claims().to_string().as_bytes());
            assert_eq!(accept(&forged, &keys).err(), Some(refusal));
        }
    }
}

#[test]
fn jose_3_key_of_the_attacker_in_the_header() {
    let attacker = Signer::generate(SigningAlgorithm::Es256, None).unwrap();
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "jwk": attacker.public_jwk() }).to_string();
    let forged = token(&attacker, &header, claims().to_string().as_bytes());
    assert_eq!(
        accept(&forged, &public_set(&[es256()])).err(),
        Some(Refusal::KeyEmbedded)
    );
}

/// A proof may have its key in it, and is nothing but a proof.
#[test]
fn jose_3_embedded_key_only_in_a_proof() {
    let caller = Signer::generate(SigningAlgorithm::Es256, None).unwrap();
    let dpop = MediaType::new("dpop+jwt");
    let proof = |jwk: Value, typ: &str| {
        let header = json!({ "alg": "ES256", "typ": typ, "jwk": jwk }).to_string();
        token(&caller, &header, br#"{"htm":"GET"}"#)
    };
    let public = Value::from(caller.public_jwk());
    let good = proof(public.clone(), "dpop+jwt");
    let verified = Proof::verify(&good, &dpop).unwrap();
    assert_eq!(verified.claims()["htm"], "GET");
    assert_eq!(Value::from(verified.jwk().clone()), public);
    assert_eq!(verify(&good, &public_set(&[&caller])).err(), Some(Refusal::KeyEmbedded));
    for (jwk, typ, refusal) in [
        (public.clone(), "at+jwt", Refusal::TypeMismatch),
        (es256().public_jwk().into(), "dpop+jwt", Refusal::Signature),
        (Value::Null, "dpop+jwt", Refusal::HeaderParameter("jwk")),
        (
            json!({ "kty": "oct", "k": encode_base64url(&[7; 32]) }),
            "dpop+jwt",
            Refusal::EmbeddedKeyRefused(KeyRefusal::Symmetric),
        ),
        (rs256().public_jwk().into(), "dpop+jwt", Refusal::AlgorithmNotOfKey),
    ] {
        assert_eq!(Proof::verify(&proof(jwk, typ), &dpop).err(), Some(refusal));
    }
    let mut private = caller.public_jwk();
    private.insert("d".to_owned(), "AQAB".into());
    assert_eq!(
        Proof::verify(&proof(private.into(), "dpop+jwt"), &dpop).err(),
        Some(Refusal::EmbeddedKeyRefused(KeyRefusal::PrivateMember("d")))
    );
}

/// The place of a key is never gone to: a token with one stands or falls by the keys that are known.
#[test]
fn jose_4_place_of_a_key_in_the_header() {
    let attacker = Signer::generate(SigningAlgorithm::Es256, None).unwrap();
    for place in [
        r#""jku":"https://attacker.example/jwks.json""#,
        r#""jku":"http://127.0.0.1/""#,
        r#""x5u":"http://169.254.169.254/latest""#,
        r#""x5c":["MIIB"],"x5t":"AAAA""#,
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"es",{place}}}"#);
        let forged = token(&attacker, &header, claims().to_string().as_bytes());
        assert_eq!(accept(&forged, &public_set(&[es256()])).err(), Some(Refusal::Signature));
        assert_eq!(with_header(&header), None);
    }
}

#[test]
fn jose_5_kid_is_only_a_name() {
    for kid in [
        "' OR 1=1 --",
        "../../../../dev/null",
        "*)(uid=*",
        "es\\u0000",
        "es\\u0000.pem",
        " es",
        "ES",
        "%65s",
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#);
        assert_eq!(with_header(&header), Some(Refusal::KeyUnknown), "{kid}");
    }
    let long = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, "k".repeat(1000));
    assert_eq!(with_header(&long), Some(Refusal::HeaderParameter("kid")));
}

#[test]
fn jose_6_critical_extensions() {
    for (crit, refusal) in [
        (r#"["exp"]"#, Refusal::CritNotUnderstood),
        (r#"["b64"]"#, Refusal::CritInvalid),
        ("[]", Refusal::CritInvalid),
        ("\"exp\"", Refusal::CritInvalid),
        (r#"["exp","exp"]"#, Refusal::CritInvalid),
        (r#"["alg"]"#, Refusal::CritInvalid),
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"es","exp":1,"crit":{crit}}}"#);
        assert_eq!(with_header(&header), Some(refusal), "{crit}");
    }
}

#[test]
fn jose_7_members_that_stand_twice() {
    let twice = |part| Some(Refusal::Json(part, Fault::DuplicateMember));
    assert_eq!(with_header(r#"{"alg":"ES256","alg":"ES256"}"#), twice(Part::Header));
    assert_eq!(
        with_header(r#"{"alg":"ES256","typ":"at+jwt","kid":"es","kid":"es"}"#),
        twice(Part::Header)
    );
    let doubled = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(with_claims(&doubled), twice(Part::Claims));
    let deep = claims()
        .to_string()
        .replacen('{', r#"{"roles":[{"a":1,"\u0061":2}],"#, 1);
    assert_eq!(with_claims(&deep), twice(Part::Claims));
}

#[test]
fn jose_8_dates_of_the_wrong_type() {
    for name in ["exp", "nbf", "iat"] {
        let name: &'static str = name;
        for value in [
            json!("1700000300"),
            json!(true),
            json!([1_700_000_300]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(253_402_300_800_u64),
            json!(1e300),
            json!(u64::MAX),
        ] {
            assert_eq!(
                with_claim(name, value.clone()),
                Some(Refusal::ClaimInvalid(name)),
                "{name} {value}"
            );
        }
        for literal in ["1e400", "-1e400", "Infinity", "NaN"] {
            let text = format!(r#"{{"iss":"https://issuer.example","{name}":{literal}}}"#);
            let malformed = Refusal::Json(Part::Claims, Fault::Malformed);
            assert_eq!(with_claims(&text), Some(malformed), "{name} {literal}");
        }
        let null = format!(r#"{{"iss":"https://issuer.example","{name}":null}}"#);
        assert_eq!(with_claims(&null), Some(Refusal::ClaimInvalid(name)), "{name} null");
    }
}

#[test]
fn jose_9_issuer_and_audience_of_the_wrong_type() {
    let issuer = "https://issuer.example";
    let audience = "https://api.example";
    for (name, value, refusal) in [
        ("iss", json!([issuer]), Refusal::ClaimInvalid("iss")),
        (
            "iss",
            json!([issuer, "https://other.example"]),
            Refusal::ClaimInvalid("iss"),
        ),
        (
            "iss",
            json!("https://issuer.example.attacker.example"),
            Refusal::IssuerMismatch,
        ),
        ("iss", json!("https://issuer.example/"), Refusal::IssuerMismatch),
        ("aud", json!([audience, 1]), Refusal::ClaimInvalid("aud")),
        ("aud", json!([audience, [audience]]), Refusal::ClaimInvalid("aud")),
        ("aud", json!([]), Refusal::ClaimInvalid("aud")),
        ("aud", json!({ "a": audience }), Refusal::ClaimInvalid("aud")),
        (
            "aud",
            json!("https://api.example.attacker.example"),
            Refusal::AudienceMismatch,
        ),
        ("aud", json!("https://api"), Refusal::AudienceMismatch),
        ("aud", json!(["https://other.example"]), Refusal::AudienceMismatch),
        ("aud", json!(""), Refusal::AudienceMismatch),
        ("sub", json!(1), Refusal::ClaimInvalid("sub")),
        ("jti", json!(["a"]), Refusal::ClaimInvalid("jti")),
    ] {
        assert_eq!(with_claim(name, value.clone()), Some(refusal), "{name} {value}");
    }
    assert_eq!(with_claim("aud", json!(["https://other.example", audience])), None);
}

#[test]
fn jose_10_json_serialization() {
    let good = good();
    let keys = public_set(&[es256()]);
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    for other in [
        json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
        json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] }).to_string(),
        format!(r#"{{"{header}.":1,"x":".{payload}.{signature}"}}"#),
        format!("{good}{{}}"),
        format!(" {good}"),
    ] {
        assert_eq!(accept(&other, &keys).err(), Some(Refusal::ForeignCharacter), "{other}");
    }
}

/// The catalogue's r = s = 0, values from the order on, DER, other lengths, and what an attacker can do without the key.
#[test]
fn jose_13_ecdsa_signatures() {
    let keys = public_set(&[es256()]);
    let input = signing_input(HEADER, claims().to_string().as_bytes());
    let good = es256().sign(input.as_bytes()).unwrap();
    let (r, s) = good.split_at(32);
    let with = |signature: &[u8]| accept(&format!("{input}.{}", encode_base64url(signature)), &keys).err();
    assert_eq!(with(&good), None);
    let (zero, one) = ([0; 32], {
        let mut one = [0; 32];
        one[31] = 1;
        one
    });
    for (a, b) in [
        (&zero, &zero),
        (&zero, &one),
        (&one, &zero),
        (&one, &one),
        (&ORDER, &ORDER),
        (&[0xff; 32], &[0xff; 32]),
    ] {
        assert_eq!(with(&[&a[..], &b[..]].concat()), Some(Refusal::Signature));
    }
    for other in [
        [r, &ORDER].concat(),
        [&ORDER, s].concat(),
        [s, r].concat(),
        der(r, s),
        good[..63].to_vec(),
        [&good[..], &[0]].concat(),
        [&[0], &good[..]].concat(),
        [&[0], r, &[0], s].concat(),
        [&good[..], &good[..]].concat(),
    ] {
        assert_eq!(with(&other), Some(Refusal::Signature));
    }
}

/// JWS does not say which of s and n - s is to be used, and issuers use both. So one payload has two good signatures: nothing
/// may take the text of a token for its identity.
#[test]
fn jose_13_high_s_is_as_good() {
    let input = signing_input(HEADER, claims().to_string().as_bytes());
    let good = es256().sign(input.as_bytes()).unwrap();
    let (r, s) = good.split_at(32);
    let other = [r, &subtract(&ORDER, s)].concat();
    assert_ne!(good, other);
    let token = format!("{input}.{}", encode_base64url(&other));
    assert!(accept(&token, &public_set(&[es256()])).is_ok());
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn subtract(from: &[u8], what: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = from
        .iter()
        .zip(what)
        .rev()
        .map(|(a, b)| {
            let digit = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(digit < 0);
            u8::try_from(digit.rem_euclid(256)).unwrap()
        })
        .collect();
    difference.reverse();
    difference
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |octets: &[u8]| {
        let sign = if octets[0] & 0x80 == 0 { &[][..] } else { &[0] };
        let length = u8::try_from(sign.len() + octets.len()).unwrap();
        [&[2, length], sign, octets].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// Whatever is sent, the answer is a refusal at once.
#[test]
fn jose_18_size_dots_and_depth() {
    let keys = public_set(&[es256()]);
    let started = Instant::now();
    let huge = "A".repeat(100 * 1024 * 1024);
    assert_eq!(accept(&huge, &keys).err(), Some(Refusal::TooLong));
    assert_eq!(accept(&".".repeat(1_000_000), &keys).err(), Some(Refusal::TooLong));
    assert!(started.elapsed().as_secs() < 5);
    let padded = format!(
        r#"{{"alg":"ES256","typ":"at+jwt","kid":"es","x":"{}"}}"#,
        "x".repeat(TOKEN_BYTES_MAX)
    );
    assert_eq!(with_header(&padded), Some(Refusal::TooLong));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!(r#"{{"alg":"ES256","x":{}1{}}}"#, open.repeat(1000), close.repeat(1000));
        assert_eq!(with_header(&deep), Some(Refusal::Json(Part::Header, Fault::TooDeep)));
        let deep = format!(r#"{{"x":{}1{}}}"#, open.repeat(1000), close.repeat(1000));
        assert_eq!(with_claims(&deep), Some(Refusal::Json(Part::Claims, Fault::TooDeep)));
    }
}

/// A signature of 64 octets has two bits that no octet uses: one spelling of four is good.
#[test]
fn jose_19_other_spellings_of_a_good_token() {
    let good = good();
    let keys = public_set(&[es256()]);
    let (rest, last) = good.split_at(good.len() - 1);
    let mut accepted = 0;
    for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        accepted += usize::from(accept(&format!("{rest}{c}"), &keys).is_ok());
    }
    assert_eq!(accepted, 1, "{last}");
    for other in [
        format!("{good}="),
        format!("{good}=="),
        format!("{good}\n"),
        format!("{good} "),
        good.replace('-', "+").replace('_', "/") + "+",
        good.replacen('.', " .", 1),
        good.replacen('.', "=.", 1),
    ] {
        assert_eq!(accept(&other, &keys).err(), Some(Refusal::ForeignCharacter), "{other}");
    }
    assert!(accept(&format!("{good}A"), &keys).is_err());
}

#[test]
fn jose_20_unencoded_payload() {
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"es","b64":false}"#;
    assert_eq!(with_header(header), Some(Refusal::PayloadUnencoded));
    let announced = r#"{"alg":"ES256","typ":"at+jwt","kid":"es","b64":false,"crit":["b64"]}"#;
    assert_eq!(with_header(announced), Some(Refusal::CritNotUnderstood));
}

/// Every kind of token of one issuer, at every place that wants one of another kind.
#[test]
fn jose_21_one_kind_of_token_for_another() {
    let kinds: BTreeMap<&str, (&str, &str)> = [
        ("access token", ("at+jwt", "https://api.example")),
        ("id token", ("JWT", "client")),
        ("logout token", ("logout+jwt", "client")),
        ("proof", ("dpop+jwt", "https://api.example")),
        ("request object", ("oauth-authz-req+jwt", "https://issuer.example")),
        (
            "client assertion",
            ("client-authentication+jwt", "https://issuer.example"),
        ),
        ("refresh token", ("rt+jwt", "https://issuer.example")),
        ("introspection", ("token-introspection+jwt", "https://api.example")),
        ("access token of another api", ("at+jwt", "https://other.example")),
    ]
    .into();
    let keys = public_set(&[es256()]);
    for (presented, (typ, audience)) in &kinds {
        let claims = claims_with("aud", json!(audience));
        let token = es256().sign_compact(typ, &claims).unwrap();
        for (wanted, (typ, audience)) in &kinds {
            let expected = Expected::new("https://issuer.example", *audience, MediaType::new(typ));
            let claims = verify(&token, &keys).unwrap().claims().unwrap();
            let is_accepted = expected.accept(claims, now()).is_ok();
            assert_eq!(is_accepted, presented == wanted, "{presented} as {wanted}");
        }
    }
}

#[test]
fn jose_21_types_that_are_missing_or_of_others() {
    assert_eq!(
        with_header(r#"{"alg":"ES256","kid":"es"}"#),
        Some(Refusal::TypeMismatch)
    );
    assert_eq!(
        with_header(r#"{"alg":"ES256","kid":"es","typ":"JWT"}"#),
        Some(Refusal::TypeMismatch)
    );
    assert_eq!(
        with_header(r#"{"alg":"ES256","kid":"es","typ":"application/at+JWT"}"#),
        None
    );
    let untyped = token(es256(), r#"{"alg":"ES256"}"#, claims().to_string().as_bytes());
    let read = verify(&untyped, &public_set(&[es256()])).unwrap().claims().unwrap();
    assert!(expected().dangerous_or_untyped().accept(read, now()).is_ok());
}

/// An old snapshot goes on as it was while the next is there already.
#[test]
fn jose_23_rotation() {
    let next = Signer::generate(SigningAlgorithm::Es256, None).unwrap();
    let old_keys = public_set(&[es256()]);
    let new_keys = public_set(&[&next]);
    assert!(accept(&good(), &old_keys).is_ok());
    assert_eq!(accept(&good(), &new_keys).err(), Some(Refusal::KeyUnknown));
    let renamed = good().replacen(
        &encode_base64url(HEADER.as_bytes()),
        &encode_base64url(br#"{"alg":"ES256","typ":"at+jwt"}"#),
        1,
    );
    assert_eq!(accept(&renamed, &new_keys).err(), Some(Refusal::Signature));
}

/// Every tag but the right one is refused, wherever it differs. That the comparison takes the same time is the library's word;
/// what is tested is that a part of the tag is not enough.
#[test]
fn jose_24_every_octet_of_a_tag_counts() {
    let keys = mac_set(&[7; 32], None);
    let good = mac_token(&[7; 32], r#"{"alg":"HS256"}"#, b"{}");
    let (input, tag) = good.rsplit_once('.').unwrap();
    let tag = decode_base64url(tag).unwrap();
    assert!(verify(&good, &keys).is_ok());
    for at in 0..tag.len() {
        let mut other = tag.clone();
        other[at] ^= 1;
        for wrong in [&other[..], &tag[..at]] {
            let token = format!("{input}.{}", encode_base64url(wrong));
            assert_eq!(verify(&token, &keys).err(), Some(Refusal::Signature), "{at}");
        }
    }
}
