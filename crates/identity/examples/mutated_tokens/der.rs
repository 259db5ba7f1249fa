//! As much of DER (ITU-T X.690) as RSA keys need, which come in nothing else; and what ECDSA signatures look like in it.

use portcullis_identity::jose::encode_base64url;
use serde_json::{Value, json};

const INTEGER: u8 = 2;
const SEQUENCE: u8 = 0x30;

/// A private key in PKCS#8, as a JWK (RFC 7518 §6.3).
pub(crate) fn rsa_jwk(pkcs8: &[u8]) -> Value {
    let mut outer = children(pkcs8);
    // Version, algorithm, and the key as octets.
    let key = outer.remove(2);
    let numbers: Vec<String> = children(key)
        .iter()
        .map(|number| encode_base64url(unsigned(number)))
        .collect();
    let [_version, n, e, d, p, q, dp, dq, qi] = numbers.try_into().expect("nine integers");
    json!({ "kty": "RSA", "n": n, "e": e, "d": d, "p": p, "q": q, "dp": dp, "dq": dq, "qi": qi })
}

/// R and S side by side, as the sequence of two integers that X.509 has.
pub(crate) fn ecdsa_signature(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let numbers = [integer(r), integer(s)].concat();
    [&[SEQUENCE], length(numbers.len()).as_slice(), numbers.as_slice()].concat()
}

fn integer(octets: &[u8]) -> Vec<u8> {
    let octets = unsigned(octets);
    let sign: &[u8] = if octets.first().is_some_and(|first| *first > 0x7f) {
        &[0]
    } else {
        &[]
    };
    [&[INTEGER], length(octets.len() + sign.len()).as_slice(), sign, octets].concat()
}

/// X.690 §8.1.3, for up to 65,535 octets.
fn length(octets: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(octets).expect("a short length").to_be_bytes();
    match (high, low) {
        (0, 0..=0x7f) => vec![low],
        (0, _) => vec![0x81, low],
        _ => vec![0x82, high, low],
    }
}

fn unsigned(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    &octets[zeros..]
}

/// The contents of the values in the first value.
fn children(der: &[u8]) -> Vec<&[u8]> {
    let (mut rest, _) = value(der);
    let mut children = Vec::new();
    while !rest.is_empty() {
        let (content, after) = value(rest);
        children.push(content);
        rest = after;
    }
    children
}

/// The content of the first value, and what follows.
fn value(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = match der[1] {
        length @ 0..=0x7f => (usize::from(length), &der[2..]),
        long => {
            let (length, rest) = der[2..].split_at(usize::from(long & 0x7f));
            (
                length
                    .iter()
                    .fold(0, |length, octet| length * 256 + usize::from(*octet)),
                rest,
            )
        }
    };
    rest.split_at(length)
}
