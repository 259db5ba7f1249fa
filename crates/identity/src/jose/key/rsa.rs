//! RSA keys (RFC 7518 §6.3). The key does not say which padding and digest it is for; its `alg` does, or configuration.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};

use super::jwk::Jwk;
use super::{KeyRefusal, PublicKey, roca};
use crate::jose::algorithm::RsaAlgorithm;

const MODULUS_BITS_MIN: usize = 2048;
const MODULUS_BITS_MAX: usize = 8192;
const EXPONENT_BYTES_MAX: usize = 4;

/// Reads modulus and exponent, and takes only what can be a sound key.
pub(super) fn read(jwk: &Jwk<'_>, without_alg: RsaAlgorithm) -> Result<PublicKey, KeyRefusal> {
    let algorithm = match jwk.algorithm()? {
        Some(said) => RsaAlgorithm::of(said).ok_or(KeyRefusal::AlgorithmMismatch)?,
        None => without_alg,
    };
    let (n, e) = (jwk.octets("n")?, jwk.octets("e")?);
    check_modulus(&n)?;
    check_exponent(&e)?;
    let key = RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(parameters(algorithm))
        .map_err(|_| KeyRefusal::Member("n"))?;
    Ok(PublicKey {
        algorithm: algorithm.into(),
        key,
    })
}

fn parameters(algorithm: RsaAlgorithm) -> &'static RsaParameters {
    match algorithm {
        RsaAlgorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        RsaAlgorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        RsaAlgorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        RsaAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        RsaAlgorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
    }
}

fn check_modulus(n: &[u8]) -> Result<(), KeyRefusal> {
    let (Some(first), Some(last)) = (n.first(), n.last()) else {
        return Err(KeyRefusal::Member("n"));
    };
    if *first == 0 {
        return Err(KeyRefusal::LeadingZero);
    }
    if n.len() > MODULUS_BITS_MAX / 8 {
        return Err(KeyRefusal::ModulusTooLong);
    }
    let zeros = usize::try_from(first.leading_zeros()).unwrap_or(usize::MAX);
    if (n.len() * 8).saturating_sub(zeros) < MODULUS_BITS_MIN {
        return Err(KeyRefusal::ModulusTooShort);
    }
    if last & 1 == 0 {
        return Err(KeyRefusal::ModulusEven);
    }
    if roca::is_marked(n) {
        return Err(KeyRefusal::Roca);
    }
    Ok(())
}

fn check_exponent(e: &[u8]) -> Result<(), KeyRefusal> {
    match e {
        [] => Err(KeyRefusal::Member("e")),
        [0, ..] => Err(KeyRefusal::LeadingZero),
        [1] => Err(KeyRefusal::Exponent),
        [.., last] if e.len() > EXPONENT_BYTES_MAX || last & 1 == 0 => Err(KeyRefusal::Exponent),
        _ => Ok(()),
    }
}
