//! What verifying a token costs beside the signature alone: the same signature, checked by aws-lc-rs and nothing else.
//!
//! Usage: `cargo run --release -p portcullis-identity --example verify_speed`

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a tool that measures; nothing of it is in the product"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::decode_base64url;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key::{JwkRules, Kid};
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::object::Object;
use portcullis_identity::time::UnixTime;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

/// Rounds of either kind in turn, so that both see the same machine.
const ROUNDS: usize = 400;

/// Verifications a round.
const TURNS: usize = 20;

fn main() {
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("key")).expect("a key");
    let token = signer.sign_compact("at+jwt", &claims()).expect("a token");
    let jwk = signer.public_jwk();
    let alone = alone(&jwk, &token);
    let verified = verified(&jwk, &token);
    let accepted = accepted(&jwk, &token);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let round = [round(&alone), round(&verified), round(&accepted)];
        times.iter_mut().zip(round).for_each(|(times, time)| times.push(time));
    }
    let [alone, verified, accepted] = times.map(figures);
    println!(
        "us per ES256 token of {} B: least [median] of {ROUNDS} rounds; ratio",
        token.len()
    );
    for (name, (least, median)) in [
        ("aws-lc-rs alone", alone),
        ("verified", verified),
        ("accepted", accepted),
    ] {
        let (to_least, to_median) = (least / alone.0, median / alone.1);
        println!("{name:<16} {least:8.2} [{median:8.2}] {to_least:8.3} [{to_median:8.3}]");
    }
}

fn claims() -> Object {
    let claims = json!({
        "iss": "https://issuer.example", "aud": ["https://api.example"], "sub": "alice", "client_id": "app",
        "exp": 2_000_000_300_u64, "iat": 2_000_000_000_u64, "jti": "6c1e0d3e-2f4b-4f2d-9d53-0e9a4b1c7a10",
        "scope": "orders:read orders:write", "roles": ["reader", "writer"],
    });
    match claims {
        Value::Object(claims) => claims,
        _ => Object::new(),
    }
}

/// The signature, with the key prepared and everything decoded before.
fn alone(jwk: &Object, token: &str) -> impl Fn() + use<> {
    let octets = |text: &str| decode_base64url(text).expect("base64url");
    let member = |name: &str| octets(jwk.get(name).and_then(Value::as_str).expect("a coordinate"));
    let point = [vec![4], member("x"), member("y")].concat();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).expect("a key");
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    let (input, signature) = (input.to_owned(), octets(signature));
    move || {
        key.verify_sig(black_box(input.as_bytes()), &signature)
            .expect("a good signature")
    }
}

/// From the text to a payload that is believed.
fn verified(jwk: &Object, token: &str) -> impl Fn() + use<> {
    let (keys, token) = (key_set(jwk), token.to_owned());
    move || {
        let verified = Unverified::parse(black_box(&token)).and_then(|token| token.verify(&keys));
        black_box(verified.expect("a good token"));
    }
}

/// From the text to claims that are accepted.
fn accepted(jwk: &Object, token: &str) -> impl Fn() + use<> {
    let keys = key_set(jwk);
    let expected = Expected::new(
        "https://issuer.example",
        "https://api.example",
        MediaType::new("at+jwt"),
    );
    let now = UnixTime::from_seconds(2_000_000_100).expect("a time");
    let token = token.to_owned();
    move || {
        let verified = Unverified::parse(black_box(&token)).and_then(|token| token.verify(&keys));
        let claims = verified.and_then(|verified| verified.claims());
        let accepted = claims.and_then(|claims| expected.accept(claims, now));
        black_box(accepted.expect("a good token"));
    }
}

fn key_set(jwk: &Object) -> KeySet {
    let set = json!({ "keys": [jwk] }).to_string();
    KeySet::from_jwks(set.as_bytes(), &JwkRules::default())
        .expect("a key set")
        .0
}

/// Microseconds a turn.
fn round(verify: &impl Fn()) -> f64 {
    let started = Instant::now();
    (0..TURNS).for_each(|_| verify());
    started.elapsed().as_secs_f64() * 1e6 / TURNS as f64
}

/// The least and the median.
fn figures(mut rounds: Vec<f64>) -> (f64, f64) {
    rounds.sort_by(f64::total_cmp);
    let least = rounds.first().copied().unwrap_or_default();
    (least, rounds.get(ROUNDS / 2).copied().unwrap_or_default())
}
