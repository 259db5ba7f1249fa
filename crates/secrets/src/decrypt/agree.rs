//! ECDH-ES (RFC 7518 §4.6) on P-256, P-384 and X25519 (RFC 8037 §3.2).

use aws_lc_rs::agreement::{
    self, Algorithm, ECDH_P256, ECDH_P384, ParsedPublicKey, PrivateKey, UnparsedPublicKey, X25519,
};
use aws_lc_rs::digest;
use portcullis_identity::jose::algorithm::KeyManagement;
use portcullis_identity::jose::jwe::{Agreement, Curve};
use zeroize::Zeroizing;

use super::{ContentKey, Material};
use crate::jwk::Jwk;
use crate::load::LoadError;

/// Reads a private key, which has to be that of its public half.
pub(super) fn read(jwk: &Jwk, algorithm: KeyManagement) -> Result<Material, LoadError> {
    let (curve, public) = match (jwk.text("kty")?, jwk.text("crv")?) {
        ("EC", "P-256") => (Curve::P256, jwk.point()?),
        ("EC", "P-384") => (Curve::P384, jwk.point()?),
        ("OKP", "X25519") => (Curve::X25519, jwk.octets("x")?.to_vec()),
        _ => return Err(LoadError::KeyType),
    };
    let key = PrivateKey::from_private_key(method(curve), &jwk.octets("d")?).map_err(|_| LoadError::Inconsistent)?;
    let own = key.compute_public_key().map_err(|_| LoadError::Inconsistent)?;
    if own.as_ref() != public {
        return Err(LoadError::Inconsistent);
    }
    Ok(Material::Agreement(algorithm, curve, key))
}

/// Reads the DER of a private key on one of the NIST curves.
pub(super) fn from_pkcs8(der: &[u8], algorithm: KeyManagement) -> Result<Material, LoadError> {
    if matches!(algorithm, KeyManagement::Dir | KeyManagement::RsaOaep256) {
        return Err(LoadError::Algorithm);
    }
    [Curve::P256, Curve::P384]
        .into_iter()
        .find_map(|curve| {
            let key = PrivateKey::from_private_key_der(method(curve), der).ok()?;
            Some(Material::Agreement(algorithm, curve, key))
        })
        .ok_or(LoadError::KeyType)
}

/// Agrees on `bytes` octets for `algorithm`, which is the name of the key wrapping or of the content encryption. `None` for
/// points that are not on the key's curve, and for those of small order, with which the secret would be zero.
pub(super) fn agree(
    key: &PrivateKey,
    curve: Curve,
    agreement: &Agreement,
    algorithm: &str,
    bytes: usize,
) -> Option<ContentKey> {
    if agreement.ephemeral.curve != curve {
        return None;
    }
    let peer = UnparsedPublicKey::new(method(curve), &agreement.ephemeral.octets);
    let peer = ParsedPublicKey::try_from(peer).ok()?;
    agreement::agree(key, peer, (), |secret| Ok(derive(secret, algorithm, agreement, bytes))).ok()?
}

/// Concat KDF (NIST SP 800-56A §5.8.1) as RFC 7518 §4.6.2 fills it in. `None` for lengths that do not fit 32 bits.
fn derive(secret: &[u8], algorithm: &str, agreement: &Agreement, bytes: usize) -> Option<ContentKey> {
    let length = |octets: &[u8]| u32::try_from(octets.len()).ok().map(u32::to_be_bytes);
    let bits = u32::try_from(bytes.checked_mul(8)?).ok()?;
    let rounds = u32::try_from(bytes.div_ceil(digest::SHA256_OUTPUT_LEN)).ok()?;
    let mut key = Zeroizing::new(Vec::with_capacity(bytes + digest::SHA256_OUTPUT_LEN));
    for round in 1..=rounds {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&round.to_be_bytes());
        hash.update(secret);
        for field in [algorithm.as_bytes(), &agreement.party_u, &agreement.party_v] {
            hash.update(&length(field)?);
            hash.update(field);
        }
        hash.update(&bits.to_be_bytes());
        key.extend_from_slice(hash.finish().as_ref());
    }
    key.truncate(bytes);
    Some(key)
}

fn method(curve: Curve) -> &'static Algorithm {
    match curve {
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
        Curve::X25519 => &X25519,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::jose::encode_base64url;
    use portcullis_identity::jose::jwe::EphemeralKey;

    use super::*;

    /// RFC 7518 §C: Alice's ephemeral key, Bob's key, what they agree on for A128GCM.
    #[test]
    fn rfc_7518_c() {
        let bob = br#"{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#;
        let alice = br#"{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}"#;
        let bob = read(&Jwk::read(bob).unwrap(), KeyManagement::EcdhEs).unwrap();
        let Material::Agreement(_, curve, key) = bob else {
            panic!("not a key to agree with");
        };
        let agreement = Agreement {
            ephemeral: EphemeralKey {
                curve: Curve::P256,
                octets: Jwk::read(alice).unwrap().point().unwrap(),
            },
            party_u: b"Alice".to_vec(),
            party_v: b"Bob".to_vec(),
        };
        let agreed = agree(&key, curve, &agreement, "A128GCM", 16).unwrap();
        assert_eq!(encode_base64url(&agreed), "VqqN6vgjbSBcIijNcacQGg");
        assert!(agree(&key, Curve::P384, &agreement, "A128GCM", 16).is_none());
    }
}
