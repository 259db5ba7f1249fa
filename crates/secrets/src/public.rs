//! The public halves of keys, as JWKs. Never sees a private one.

use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::object::Object;

/// From an uncompressed point on P-256.
pub(crate) fn p256(point: &[u8]) -> Object {
    let coordinates = point.split_first().map_or(point, |(_, coordinates)| coordinates);
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    members(&[
        ("kty", "EC"),
        ("crv", "P-256"),
        ("x", &encode_base64url(x)),
        ("y", &encode_base64url(y)),
    ])
}

/// From the 32 octets of RFC 8032.
pub(crate) fn ed25519(key: &[u8]) -> Object {
    members(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", &encode_base64url(key))])
}

/// From an `RSAPublicKey` in DER (RFC 8017 §A.1.1): a sequence of modulus and exponent.
pub(crate) fn rsa(der: &[u8]) -> Object {
    let (sequence, _) = value(der).unwrap_or_default();
    let (n, rest) = value(sequence).unwrap_or_default();
    let (e, _) = value(rest).unwrap_or_default();
    members(&[
        ("kty", "RSA"),
        ("n", &encode_base64url(without_sign(n))),
        ("e", &encode_base64url(without_sign(e))),
    ])
}

/// The contents of the first DER value, and what follows it.
fn value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        _ => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = octets.iter().fold(0, |length: usize, octet| {
                length.saturating_mul(256).saturating_add(usize::from(*octet))
            });
            (length, rest)
        }
    };
    rest.split_at_checked(length)
}

/// DER puts a zero octet before a positive integer whose first bit is set.
fn without_sign(integer: &[u8]) -> &[u8] {
    match integer {
        [0, rest @ ..] => rest,
        _ => integer,
    }
}

fn members(pairs: &[(&str, &str)]) -> Object {
    let entry = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
    pairs.iter().map(entry).collect()
}
