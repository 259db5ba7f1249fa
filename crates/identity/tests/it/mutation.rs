//! Tokens changed at random: nothing panics, and nothing but a token that was issued is accepted.

use std::sync::{Arc, OnceLock};

use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::object;
use portcullis_identity::jose::proof::Proof;
use portcullis_secrets::{DecryptionKey, MacKey, Signer};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::making::{accept, claims, es256, expected, mac_set, mac_token, now, object, public_set, rs256, verify};

fn tokens() -> &'static [String] {
    static TOKENS: OnceLock<Vec<String>> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let signed = |signer: &Signer| signer.sign_compact("at+jwt", &object(claims())).unwrap();
        vec![signed(es256()), signed(rs256())]
    })
}

fn keys() -> &'static KeySet {
    static KEYS: OnceLock<KeySet> = OnceLock::new();
    KEYS.get_or_init(|| public_set(&[es256(), rs256()]))
}

/// What is done to a token.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, char),
    Insert(Index, char),
    Remove(Index),
    Swap(Index, Index),
    Cut(Index),
    /// A part of another token in place of the same part.
    Graft(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let character =
        proptest::char::ranges(vec!['A'..='Z', 'a'..='z', '0'..='9', '-'..='.', '_'..='_', '='..='='].into());
    prop_oneof![
        (any::<Index>(), character.clone()).prop_map(|(at, c)| Change::Put(at, c)),
        (any::<Index>(), character).prop_map(|(at, c)| Change::Insert(at, c)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Change::Swap(a, b)),
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Graft),
    ]
}

fn apply(token: &mut String, change: &Change, other: &str) {
    if token.is_empty() {
        return;
    }
    let length = token.len();
    match change {
        Change::Put(at, c) => token.replace_range(at.index(length)..=at.index(length), &c.to_string()),
        Change::Insert(at, c) => token.insert(at.index(length), *c),
        Change::Remove(at) => drop(token.remove(at.index(length))),
        Change::Swap(a, b) => {
            let mut octets = token.clone().into_bytes();
            octets.swap(a.index(length), b.index(length));
            *token = String::from_utf8(octets).unwrap();
        }
        Change::Cut(at) => token.truncate(at.index(length)),
        Change::Graft(part) => {
            let mut parts: Vec<&str> = token.split('.').collect();
            let at = part.index(parts.len());
            parts[at] = other.split('.').nth(at).unwrap_or_default();
            *token = parts.join(".");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_changed_token_is_never_accepted(which in 0..2_usize, changes in prop::collection::vec(change(), 1..4)) {
        let mut token = tokens()[which].clone();
        for change in &changes {
            apply(&mut token, change, &tokens()[1 - which]);
        }
        prop_assert_eq!(accept(&token, keys()).is_ok(), tokens().contains(&token), "{}", token);
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", compact in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){2,4}") {
        for token in [&text, &compact] {
            prop_assert!(accept(token, keys()).is_err());
            prop_assert!(Proof::verify(token, &MediaType::new("dpop+jwt")).is_err());
            prop_assert!(Encrypted::parse(token).and_then(|token| token.decrypt(&[])).is_err());
            if let Ok(unverified) = Unverified::parse(token) {
                let _ = unverified.claimed_issuer();
            }
        }
    }

    /// Headers and claims of any shape, well signed: what is accepted is what was expected.
    #[test]
    fn no_json_panics(header in json_object(), payload in json_object()) {
        let mut header = header;
        header.insert("alg".to_owned(), "HS256".into());
        let token = mac_token(&[7; 32], &serde_json::to_string(&header).unwrap(), &serde_json::to_vec(&payload).unwrap());
        if let Ok(claims) = verify(&token, &mac_set(&[7; 32], None)).and_then(|verified| verified.claims())
            && let Ok(accepted) = expected().accept(claims, now())
        {
            prop_assert_eq!(accepted.claims().issuer(), Some("https://issuer.example"));
        }
    }

    #[test]
    fn no_octets_panic_as_keys(octets in prop::collection::vec(any::<u8>(), 0..200), jwk in json_object()) {
        let set = json!({ "keys": [jwk] }).to_string();
        let jwk = serde_json::to_vec(&jwk).unwrap();
        for octets in [&octets, &jwk] {
            let _ = object::read(octets);
            let _ = MacKey::from_jwk(octets);
            let _ = Signer::from_jwk(octets);
            let _ = DecryptionKey::from_jwk(octets, Some("ECDH-ES"));
            let _ = KeySet::from_jwks(octets, &JwkRules::default());
        }
        let _ = KeySet::from_jwks(set.as_bytes(), &JwkRules::default());
    }

    #[test]
    fn no_encrypted_token_panics(header in json_object(), parts in "(\\.[A-Za-z0-9_-]{0,40}){4}", enc in 0..3_usize) {
        let mut header = header;
        header.insert("enc".to_owned(), ["A128GCM", "A256GCM", "A256CBC-HS512"][enc].into());
        header.insert("alg".to_owned(), "dir".into());
        let jwk = json!({ "kty": "oct", "k": portcullis_identity::jose::encode_base64url(&[3; 64]) }).to_string();
        let keys: [Arc<dyn Decrypt>; 1] = [Arc::new(DecryptionKey::from_jwk(jwk.as_bytes(), Some("A256CBC-HS512")).unwrap())];
        let header = portcullis_identity::jose::encode_base64url(&serde_json::to_vec(&header).unwrap());
        let token = header + &parts;
        prop_assert!(Encrypted::parse(&token).and_then(|token| token.decrypt(&keys)).is_err());
    }
}

/// Objects whose members have the names that matter, and any values.
fn json_object() -> impl Strategy<Value = object::Object> {
    let name = prop::sample::select(vec![
        "alg", "kid", "typ", "cty", "crit", "jwk", "b64", "zip", "epk", "apu", "iss", "sub", "aud", "exp", "nbf",
        "iat", "jti", "kty", "crv", "x", "y", "n", "e", "d", "k", "use", "key_ops", "keys", "other",
    ]);
    let text = prop::sample::select(vec![
        "",
        "ES256",
        "at+jwt",
        "JWT",
        "RSA",
        "EC",
        "OKP",
        "oct",
        "P-256",
        "Ed25519",
        "AQAB",
        "https://issuer.example",
        "https://api.example",
        "sig",
        "\u{0}",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (1_600_000_000..1_800_000_000_u64).prop_map(Into::into),
        any::<f64>().prop_map(|number| json!(number)),
        text.prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<object::Object>().into()),
        ]
    });
    prop::collection::btree_map(name, value, 0..8).prop_map(|members| {
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}
