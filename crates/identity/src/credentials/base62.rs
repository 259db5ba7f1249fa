//! Octets as digits of base 62: a credential is then one word, which a double click selects and no URL has to escape.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digits of a number, the greatest first. `DIGITS` has to be enough for all numbers of so many octets.
pub(super) fn encode<const DIGITS: usize>(octets: &[u8]) -> [u8; DIGITS] {
    let mut values = [0u16; DIGITS];
    for octet in octets {
        let mut carry = u16::from(*octet);
        for value in values.iter_mut().rev() {
            let sum = *value * 256 + carry;
            *value = sum % 62;
            carry = sum / 62;
        }
    }
    values.map(|value| ALPHABET.get(usize::from(value)).copied().unwrap_or(b'0'))
}

/// The octets of a number; `None` for what is no digit, and for a number that has no room.
pub(super) fn decode<const OCTETS: usize>(digits: &[u8]) -> Option<[u8; OCTETS]> {
    let mut octets = [0u8; OCTETS];
    for digit in digits {
        let mut carry = value(*digit)?;
        for octet in octets.iter_mut().rev() {
            let [high, low] = (u16::from(*octet) * 62 + carry).to_be_bytes();
            *octet = low;
            carry = u16::from(high);
        }
        if carry != 0 {
            return None;
        }
    }
    Some(octets)
}

/// Whether all of these are digits.
pub(super) fn is_word(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_alphanumeric)
}

fn value(digit: u8) -> Option<u16> {
    let value = match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'Z' => digit - b'A' + 10,
        b'a'..=b'z' => digit - b'a' + 36,
        _ => return None,
    };
    Some(u16::from(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_their_digits() {
        for (octets, digits) in [
            ([0, 0], *b"000"),
            ([0, 1], *b"001"),
            ([0, 61], *b"00z"),
            ([0, 62], *b"010"),
            ([0xff, 0xff], *b"H31"),
        ] {
            assert_eq!(encode::<3>(&octets), digits);
            assert_eq!(decode::<2>(&digits), Some(octets));
        }
        for bad in [*b"H32", *b"zzz", *b"00-", *b"0_0"] {
            assert_eq!(decode::<2>(&bad), None);
        }
    }

    #[test]
    fn there_are_enough_digits_for_the_greatest() {
        assert_eq!(decode::<32>(&encode::<43>(&[0xff; 32])), Some([0xff; 32]));
        assert_eq!(decode::<8>(&encode::<11>(&[0xff; 8])), Some([0xff; 8]));
        assert_eq!(decode::<4>(&encode::<6>(&[0xff; 4])), Some([0xff; 4]));
        assert_eq!(decode::<32>(&[b'z'; 43]), None);
    }

    proptest! {
        #[test]
        fn every_number_has_one_spelling(octets: [u8; 32], digits in "[0-9A-Za-z]{43}") {
            prop_assert_eq!(decode::<32>(&encode::<43>(&octets)), Some(octets));
            if let Some(octets) = decode::<32>(digits.as_bytes()) {
                prop_assert_eq!(&encode::<43>(&octets)[..], digits.as_bytes());
            }
        }
    }
}
