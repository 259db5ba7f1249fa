//! CRC-32 as Ethernet and zip have it (ISO-HDLC): told by anybody, so it proves nothing. It tells a scanner of secrets a key
//! from a word that looks like one, and spares a lookup of what was mistyped.

use super::base62;

/// How many digits a checksum has.
pub(super) const DIGITS: usize = 6;

/// The checksum of a text, as digits.
pub(super) fn digits(text: &[u8]) -> [u8; DIGITS] {
    base62::encode(&crc32(text).to_be_bytes())
}

fn crc32(octets: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        let out = 0xEDB8_8320 & (crc & 1).wrapping_neg();
        (crc >> 1) ^ out
    };
    let crc = octets
        .iter()
        .fold(u32::MAX, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), step));
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value that catalogues of checksums publish.
    #[test]
    fn it_is_the_checksum_that_everybody_has() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(&digits(b""), b"000000");
    }
}
