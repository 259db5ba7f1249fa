//! Decrypting the content with the content's key (RFC 7518 §5). The tag is checked before anything is done with the plaintext.

use aws_lc_rs::aead::{self, AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use portcullis_identity::jose::algorithm::ContentEncryption;
use portcullis_identity::jose::handle::Failed;
use portcullis_identity::jose::jwe::Sealed;

/// The length of both halves of a key for A256CBC-HS512, and of its tag, in bytes.
const HALF_BYTES: usize = 32;

/// The plaintext, if the tag is right.
pub(super) fn open(sealed: &Sealed<'_>, key: &[u8]) -> Result<Vec<u8>, Failed> {
    match sealed.encryption {
        ContentEncryption::A128Gcm => open_gcm(&AES_128_GCM, sealed, key),
        ContentEncryption::A256Gcm => open_gcm(&AES_256_GCM, sealed, key),
        ContentEncryption::A256CbcHs512 => open_cbc(sealed, key),
    }
}

/// RFC 7518 §5.3.
fn open_gcm(algorithm: &'static aead::Algorithm, sealed: &Sealed<'_>, key: &[u8]) -> Result<Vec<u8>, Failed> {
    let key = UnboundKey::new(algorithm, key).map_err(|_| Failed)?;
    let nonce = Nonce::try_assume_unique_for_key(&sealed.iv).map_err(|_| Failed)?;
    let mut plaintext = vec![0; sealed.ciphertext.len()];
    LessSafeKey::new(key)
        .open_separate_gather(
            nonce,
            Aad::from(sealed.aad.as_bytes()),
            &sealed.ciphertext,
            &sealed.tag,
            &mut plaintext,
        )
        .map_err(|_| Failed)?;
    Ok(plaintext)
}

/// RFC 7518 §5.2.2.2. The padding is looked at only after the tag was right, so that there is nothing to learn from it.
fn open_cbc(sealed: &Sealed<'_>, key: &[u8]) -> Result<Vec<u8>, Failed> {
    let (mac_key, encryption_key) = key.split_at_checked(HALF_BYTES).ok_or(Failed)?;
    check_tag(sealed, mac_key)?;
    let iv: [u8; 16] = sealed.iv.as_slice().try_into().map_err(|_| Failed)?;
    let key = UnboundCipherKey::new(&AES_256, encryption_key).map_err(|_| Failed)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| Failed)?;
    let mut buffer = sealed.ciphertext.clone();
    let plaintext = key
        .decrypt(&mut buffer, DecryptionContext::Iv128(iv.into()))
        .map_err(|_| Failed)?;
    Ok(plaintext.to_vec())
}

/// The first half of HMAC-SHA-512 over header, vector, ciphertext, and the header's length in bits.
fn check_tag(sealed: &Sealed<'_>, mac_key: &[u8]) -> Result<(), Failed> {
    let aad_bits = u64::try_from(sealed.aad.len()).map_err(|_| Failed)?.saturating_mul(8);
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, mac_key));
    mac.update(sealed.aad.as_bytes());
    mac.update(&sealed.iv);
    mac.update(&sealed.ciphertext);
    mac.update(&aad_bits.to_be_bytes());
    let tag = mac.sign();
    let tag = tag.as_ref().get(..HALF_BYTES).ok_or(Failed)?;
    verify_slices_are_equal(tag, &sealed.tag).map_err(|_| Failed)
}
