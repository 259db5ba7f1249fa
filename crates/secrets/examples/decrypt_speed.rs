//! What it costs to find out that an encrypted token was made up, by the kind of key that it is for.
//!
//! Usage: `cargo run --release -p portcullis-secrets --example decrypt_speed`

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a tool that measures; nothing of it is in the product"
)]

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_secrets::DecryptionKey;

/// Tokens a key.
const TOKENS: usize = 200;

fn main() {
    for (size, bits) in [(KeySize::Rsa2048, 2048), (KeySize::Rsa4096, 4096)] {
        let key = rsa(size);
        // The first octet keeps it below the modulus.
        let encrypted_key: Vec<u8> = (0..bits / 8).map(|index| u8::from(index > 0) * 7).collect();
        let token = token(r#"{"alg":"RSA-OAEP-256","enc":"A128GCM"}"#, &encrypted_key);
        tell(&format!("RSA-OAEP-256, {bits} bits"), key, &token);
    }
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
    let key = DecryptionKey::from_jwk(jwk.as_bytes(), Some("ECDH-ES")).expect("a key");
    let epk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let header = format!(r#"{{"alg":"ECDH-ES","enc":"A128GCM","epk":{epk}}}"#);
    tell("ECDH-ES, P-256", key, &token(&header, &[]));
}

fn rsa(size: KeySize) -> DecryptionKey {
    let pair = KeyPair::generate(size).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its octets");
    let body = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    DecryptionKey::rsa_from_pem(&pem, None).expect("the key")
}

/// A token of the right form that nobody encrypted.
fn token(header: &str, encrypted_key: &[u8]) -> String {
    let parts = [header.as_bytes(), encrypted_key, &[1; 12], &[2; 300], &[3; 16]];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn tell(name: &str, key: DecryptionKey, token: &str) {
    let keys: [Arc<dyn Decrypt>; 1] = [Arc::new(key)];
    let mut times: Vec<f64> = (0..TOKENS).map(|_| micros(&keys, token)).collect();
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(TOKENS * part / 100).copied().unwrap_or_default();
    println!(
        "{name:<24} us per token: median {:8.1}, least {:8.1}, 99 of 100 below {:8.1}",
        at(50),
        at(0),
        at(99)
    );
}

fn micros(keys: &[Arc<dyn Decrypt>], token: &str) -> f64 {
    let start = Instant::now();
    let encrypted = Encrypted::parse(token).expect("its form is right");
    assert!(encrypted.decrypt(keys).is_err());
    start.elapsed().as_secs_f64() * 1e6
}
