//! PKCS#8 in PEM (RFC 7468 §10): one unencrypted private key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::bytes::SecretBytes;
use crate::load::LoadError;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The longest file that is read, in bytes: a key of 8192 bits has about 6,400.
const PEM_BYTES_MAX: usize = 16 * 1024;

/// The DER of the one key in `pem`; text around it is passed over.
pub(crate) fn read(pem: &str) -> Result<SecretBytes, LoadError> {
    let (_, after) = pem.split_once(BEGIN).ok_or(LoadError::Pem)?;
    let (body, rest) = after.split_once(END).ok_or(LoadError::Pem)?;
    if pem.len() > PEM_BYTES_MAX || rest.contains(BEGIN) {
        return Err(LoadError::Pem);
    }
    let mut text = Zeroizing::new(String::with_capacity(body.len()));
    text.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    let der = STANDARD.decode(text.as_bytes()).map_err(|_| LoadError::Pem)?;
    Ok(SecretBytes::new(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pem: &str, der: Option<&[u8]>) {
        let read = read(pem).ok();
        assert_eq!(read.as_ref().map(SecretBytes::expose), der, "{pem}");
    }

    #[test]
    fn one_private_key() {
        check(
            "-----BEGIN PRIVATE KEY-----\r\nAAEC\nAw==\n-----END PRIVATE KEY-----\n",
            Some(&[0, 1, 2, 3]),
        );
        check("-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n", None);
        check("-----BEGIN PRIVATE KEY-----\nA*EC\n-----END PRIVATE KEY-----\n", None);
        check("-----BEGIN PRIVATE KEY-----\nAAEC\n", None);
        let one = "-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----\n";
        check(&one.repeat(2), None);
        check(&format!("{one}{}", " ".repeat(PEM_BYTES_MAX)), None);
    }
}
