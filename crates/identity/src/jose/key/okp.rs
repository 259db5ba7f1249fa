//! Ed25519 keys (RFC 8037 §2). Ed448 is not supported, and X25519 signs nothing.

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

use super::jwk::Jwk;
use super::{KeyRefusal, PublicKey, edwards};
use crate::jose::algorithm::SignatureAlgorithm;

const KEY_BYTES: usize = 32;

/// The y coordinates of the points of order 1, 2, 4 and 8, in every spelling that fits 255 bits, little-endian. The sign of x
/// is left out: each stands for both points.
const SMALL_ORDER: [[u8; KEY_BYTES]; 7] = [
    // 0: order 4.
    edge(0x00, 0x00, 0x00),
    // 1: the neutral element.
    edge(0x01, 0x00, 0x00),
    // p - 1: order 2.
    edge(0xec, 0xff, 0x7f),
    // p, another spelling of 0.
    edge(0xed, 0xff, 0x7f),
    // p + 1, another spelling of 1.
    edge(0xee, 0xff, 0x7f),
    // Order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    // Order 8, the other one.
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Reads the key.
pub(super) fn read(jwk: &Jwk<'_>) -> Result<PublicKey, KeyRefusal> {
    if jwk.text("crv")? != "Ed25519" {
        return Err(KeyRefusal::CurveUnsupported);
    }
    let x: [u8; KEY_BYTES] = jwk.octets("x")?.try_into().map_err(|_| KeyRefusal::CoordinateLength)?;
    if is_small_order(x) {
        return Err(KeyRefusal::SmallOrder);
    }
    if !edwards::is_point(x) {
        return Err(KeyRefusal::NotOnCurve);
    }
    Ok(PublicKey {
        algorithm: SignatureAlgorithm::Ed25519,
        key: ParsedPublicKey::new(&ED25519, x).map_err(|_| KeyRefusal::NotOnCurve)?,
    })
}

fn is_small_order(x: [u8; KEY_BYTES]) -> bool {
    let [rest @ .., last] = x;
    SMALL_ORDER
        .iter()
        .any(|[small @ .., top]| rest == *small && last & 0x7f == *top)
}

/// A number of which all octets but the first and the last are the same.
const fn edge(first: u8, middle: u8, last: u8) -> [u8; KEY_BYTES] {
    let m = middle;
    [
        first, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, last,
    ]
}
