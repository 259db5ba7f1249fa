//! Encoded values: UUIDs and base64.

/// `8-4-4-4-12` hexadecimal digits.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The standard alphabet, padded to whole groups of four.
pub(super) fn is_base64(text: &[u8]) -> bool {
    let (digits, padding) = unpadded(text);
    text.len().is_multiple_of(4)
        && padding <= 2
        && digits.iter().all(|byte| is_digit(*byte) || matches!(byte, b'+' | b'/'))
}

/// The alphabet for URLs, padded to whole groups of four or not at all.
pub(super) fn is_base64url(text: &[u8]) -> bool {
    let (digits, padding) = unpadded(text);
    let whole = if padding > 0 {
        padding <= 2 && text.len().is_multiple_of(4)
    } else {
        text.len() % 4 != 1
    };
    whole && digits.iter().all(|byte| is_digit(*byte) || matches!(byte, b'-' | b'_'))
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn unpadded(text: &[u8]) -> (&[u8], usize) {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    (text.get(..text.len() - padding).unwrap_or_default(), padding)
}
