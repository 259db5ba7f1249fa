//! base64url without padding (RFC 7515 §2), of which every octet string has exactly one spelling.
//!
//! Padding, other alphabets and bits that no octet uses are refused: else one signature would fit many texts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The only spelling of `octets`.
pub fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// `None` unless `text` is the only spelling of some octets.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whether [`decode`] reads this text, which is known to be of base64url's characters alone: told by its length and its last
/// character.
pub(super) fn is_canonical(text: &str) -> bool {
    let unused_bits = match text.len() % 4 {
        0 => return true,
        2 => 0b1111,
        3 => 0b0011,
        _ => return false,
    };
    text.bytes()
        .next_back()
        .is_some_and(|last| value(last) & unused_bits == 0)
}

/// The six bits of a character (RFC 4648 §5).
fn value(character: u8) -> u8 {
    match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' => 62,
        _ => 63,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_check_agrees_with_the_decoder(text in "[A-Da-z0-9_-]{0,9}") {
            prop_assert_eq!(is_canonical(&text), decode(&text).is_some());
        }

        #[test]
        fn every_text_that_is_read_is_the_only_spelling(text in "[A-Za-z0-9_-]{0,12}") {
            if let Some(octets) = decode(&text) {
                prop_assert_eq!(encode(&octets), text);
            }
        }
    }
}
