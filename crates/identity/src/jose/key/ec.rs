//! Keys on the NIST curves (RFC 7518 §6.2): the curve decides the algorithm.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm, ParsedPublicKey,
};

use super::jwk::Jwk;
use super::{KeyRefusal, PublicKey};
use crate::jose::algorithm::SignatureAlgorithm;

/// The first octet of a point that is not compressed (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Reads the point, which has to be on its curve.
pub(super) fn read(jwk: &Jwk<'_>) -> Result<PublicKey, KeyRefusal> {
    let (algorithm, verification, field_bytes): (_, &'static EcdsaVerificationAlgorithm, _) = match jwk.text("crv")? {
        "P-256" => (SignatureAlgorithm::Es256, &ECDSA_P256_SHA256_FIXED, 32),
        "P-384" => (SignatureAlgorithm::Es384, &ECDSA_P384_SHA384_FIXED, 48),
        _ => return Err(KeyRefusal::CurveUnsupported),
    };
    let (x, y) = (jwk.octets("x")?, jwk.octets("y")?);
    if x.len() != field_bytes || y.len() != field_bytes {
        return Err(KeyRefusal::CoordinateLength);
    }
    let point = [&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat();
    Ok(PublicKey {
        algorithm,
        key: ParsedPublicKey::new(verification, point).map_err(|_| KeyRefusal::NotOnCurve)?,
    })
}
