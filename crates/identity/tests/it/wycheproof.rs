//! The four JOSE files of Wycheproof, every case of them.
//!
//! A case that is valid is accepted, and one that is invalid is refused. Where that is not so, `wycheproof_policy.txt` says why,
//! with the refusal; a line that no case needs fails the test too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_identity::jose::handle::{Decrypt, Mac};
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::KeySet;
use portcullis_secrets::{DecryptionKey, MacKey};
use serde_json::{Value, json};

use crate::making::verify;

const FILES: &[(&str, &str, usize)] = &[
    (
        "signature",
        include_str!("../vectors/wycheproof/json_web_signature_test.json"),
        401,
    ),
    (
        "encryption",
        include_str!("../vectors/wycheproof/json_web_encryption_test.json"),
        139,
    ),
    ("key", include_str!("../vectors/wycheproof/json_web_key_test.json"), 26),
    (
        "crypto",
        include_str!("../vectors/wycheproof/json_web_crypto_test.json"),
        83,
    ),
];

const POLICY: &str = include_str!("wycheproof_policy.txt");

/// File and number of a case.
type Id = (String, u64);

struct Case {
    id: Id,
    token: String,
    is_valid: bool,
    outcome: Result<(), String>,
}

#[test]
fn every_case_is_decided_as_wycheproof_or_the_policy_says() {
    let mut policy = policy();
    let (mut total, mut unexplained) = (0, Vec::new());
    for (file, text, count) in FILES {
        let cases = cases(file, text);
        assert_eq!(cases.len(), *count, "{file}");
        total += cases.len();
        let valid: BTreeMap<u64, String> = cases
            .iter()
            .filter(|case| case.is_valid)
            .map(|case| (case.id.1, case.token.clone()))
            .collect();
        for Case {
            id,
            token,
            is_valid,
            outcome,
        } in cases
        {
            let explained = match (&outcome, policy.remove(&id)) {
                (Ok(()), None) => is_valid,
                (Err(_), None) => !is_valid,
                // Nothing invalid is ever accepted, unless the very same text is a valid case.
                (Ok(()), Some(said)) => {
                    let other = said.strip_prefix("same-as-").and_then(|other| other.parse().ok());
                    !is_valid && other.and_then(|other: u64| valid.get(&other)) == Some(&token)
                }
                (Err(refusal), Some(said)) => is_valid && *refusal == said,
            };
            if !explained {
                unexplained.push((id, is_valid, outcome));
            }
        }
    }
    assert_eq!(total, 649);
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert!(policy.is_empty(), "lines that no case needs: {policy:?}");
}

/// Case to refusal, from lines of `file numbers refusal: why`.
fn policy() -> BTreeMap<Id, String> {
    let mut policy = BTreeMap::new();
    let lines = POLICY.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (what, why) = line.split_once(": ").expect("a reason");
        assert!(!why.is_empty());
        let [file, numbers, refusal] = what.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("`{line}`");
        };
        for number in numbers.split(',').flat_map(range) {
            let id = (file.to_owned(), number);
            assert_eq!(policy.insert(id, refusal.to_owned()), None, "{number} stands twice");
        }
    }
    policy
}

fn range(numbers: &str) -> std::ops::RangeInclusive<u64> {
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    first.parse().unwrap()..=last.parse().unwrap()
}

fn cases(file: &str, text: &str) -> Vec<Case> {
    let document: Value = serde_json::from_str(text).unwrap();
    let mut cases = Vec::new();
    for group in document["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let is_valid = match test["result"].as_str() {
                Some("valid") => true,
                Some("invalid") => false,
                other => panic!("{other:?}"),
            };
            cases.push(Case {
                id: (file.to_owned(), test["tcId"].as_u64().unwrap()),
                token: token(test.get("jws").unwrap_or(&test["jwe"])),
                is_valid,
                outcome: run(group, test),
            });
        }
    }
    let numbers: BTreeSet<u64> = cases.iter().map(|case| case.id.1).collect();
    assert_eq!(numbers.len(), cases.len());
    cases
}

fn run(group: &Value, test: &Value) -> Result<(), String> {
    if let Some(jws) = test.get("jws") {
        let key = group.get("public").unwrap_or(&group["private"]);
        verify(&token(jws), &key_set(key)?)
            .map(|_| ())
            .map_err(|refusal| refusal.code().to_owned())
    } else {
        let plaintext = decrypt(&token(&test["jwe"]), &group["private"])?;
        if let Some(expected) = test["pt"].as_str().filter(|_| test["result"] == "valid") {
            assert_eq!(hex(&plaintext), expected, "{}", test["tcId"]);
        }
        Ok(())
    }
}

/// A token is a string, or an object in a JSON serialization.
fn token(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

/// A set of symmetric keys when there is no other in it, else one of public keys.
fn key_set(key: &Value) -> Result<KeySet, String> {
    let set = match key.get("keys") {
        Some(_) => key.clone(),
        None => json!({ "keys": [key] }),
    };
    let keys = set["keys"].as_array().unwrap();
    if keys.iter().all(|key| key["kty"] == "oct") {
        let macs: Result<Vec<Arc<dyn Mac>>, _> = keys
            .iter()
            .map(|key| MacKey::from_jwk(key.to_string().as_bytes()).map(|key| Arc::new(key) as _))
            .collect();
        let macs = macs.map_err(|error| kebab("key", error))?;
        return KeySet::from_macs(macs).map_err(|error| kebab("keys", error));
    }
    let (keys, _) =
        KeySet::from_jwks(set.to_string().as_bytes(), &JwkRules::default()).map_err(|error| match error {
            portcullis_identity::jose::key_set::KeySetRefusal::NoUsableKey(left_out) => {
                kebab("key", left_out[0].refusal)
            }
            other => kebab("keys", other),
        })?;
    Ok(keys)
}

fn decrypt(token: &str, key: &Value) -> Result<Vec<u8>, String> {
    let key = DecryptionKey::from_jwk(key.to_string().as_bytes(), None).map_err(|error| kebab("key", error))?;
    let keys: [Arc<dyn Decrypt>; 1] = [Arc::new(key)];
    let decrypted = Encrypted::parse(token).and_then(|token| token.decrypt(&keys));
    decrypted
        .map(|decrypted| decrypted.plaintext().to_vec())
        .map_err(|refusal| refusal.code().to_owned())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// `key` and `AlgorithmUnsupported` become `key-algorithm-unsupported`.
fn kebab(what: &str, refusal: impl std::fmt::Debug) -> String {
    let mut text = what.to_owned();
    for c in format!("{refusal:?}").chars() {
        if c.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
