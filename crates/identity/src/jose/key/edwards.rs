//! Whether 32 octets are a point of edwards25519 (RFC 8032 §5.1.3): the library that verifies finds out only when it is asked for
//! a signature, and says no to every one then.
//!
//! Only public keys come here, so nothing has to take the same time for every value.

/// 51 bits.
const MASK: u128 = (1 << 51) - 1;

/// A number below 2^255, in five digits of 51 bits, the lowest first; as a number modulo p = 2^255 - 19.
type Number = [u128; 5];

/// p - 1.
const MINUS_ONE: Number = [MASK - 19, MASK, MASK, MASK, MASK];
const ONE: Number = [1, 0, 0, 0, 0];
/// -121665/121666, which RFC 8032 §5.1 calls d.
const D: Number = [
    0x0003_4dca_1359_78a3,
    0x0001_a828_3b15_6ebd,
    0x0005_e7a2_6001_c029,
    0x0007_39c6_63a0_3cbb,
    0x0005_2036_cee2_b6ff,
];

/// Whether this is the encoding of a point: its y is below p, and x² = (y² - 1) / (d y² + 1) has a root.
pub(super) fn is_point(encoded: [u8; 32]) -> bool {
    let y = number(encoded);
    if is_beyond(y) {
        return false;
    }
    let squared = product(y, y);
    // A quotient is a square where the product is one.
    let (above, below) = (sum(squared, MINUS_ONE), sum(product(D, squared), ONE));
    is_square(product(above, below))
}

/// The y of an encoded point: little-endian, without the highest bit, which is the sign of x.
fn number(encoded: [u8; 32]) -> Number {
    let half = |octets: &[u8]| {
        octets
            .iter()
            .rev()
            .fold(0, |number: u128, octet| (number << 8) | u128::from(*octet))
    };
    let (low, high) = encoded.split_at(16);
    let (low, high) = (half(low), half(high) & (u128::MAX >> 1));
    [
        low & MASK,
        (low >> 51) & MASK,
        ((low >> 102) | (high << 26)) & MASK,
        (high >> 25) & MASK,
        (high >> 76) & MASK,
    ]
}

/// Whether a number is p or above, another spelling of a smaller one.
fn is_beyond([lowest, rest @ ..]: Number) -> bool {
    lowest >= MASK - 18 && rest == [MASK; 4]
}

fn sum([a0, a1, a2, a3, a4]: Number, [b0, b1, b2, b3, b4]: Number) -> Number {
    carried([a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4])
}

/// Digits beyond the fifth count 19 times at the beginning, since 2^255 is 19.
fn product([a0, a1, a2, a3, a4]: Number, [b0, b1, b2, b3, b4]: Number) -> Number {
    carried([
        a0 * b0 + 19 * (a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1),
        a0 * b1 + a1 * b0 + 19 * (a2 * b4 + a3 * b3 + a4 * b2),
        a0 * b2 + a1 * b1 + a2 * b0 + 19 * (a3 * b4 + a4 * b3),
        a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + 19 * (a4 * b4),
        a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
    ])
}

/// The same number with every digit below 2^51.
fn carried(mut number: Number) -> Number {
    while number.iter().any(|digit| *digit > MASK) {
        let mut carry = 0;
        for digit in &mut number {
            let whole = *digit + carry;
            (*digit, carry) = (whole & MASK, whole >> 51);
        }
        let [lowest, ..] = &mut number;
        *lowest += 19 * carry;
    }
    number
}

/// Euler's criterion: of what has no root, the power (p - 1) / 2 is -1.
fn is_square(number: Number) -> bool {
    // The exponent is 2^254 - 10: ones, but for two digits.
    let power = (0..254).rev().fold(ONE, |power, digit| {
        let squared = product(power, power);
        match digit {
            0 | 3 => squared,
            _ => product(squared, number),
        }
    });
    power != MINUS_ONE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(lowest: u8) -> [u8; 32] {
        let mut octets = [0; 32];
        octets[0] = lowest;
        octets
    }

    #[test]
    fn jose_14_small_numbers_that_are_points_and_that_are_not() {
        let points: Vec<u8> = (0..20).filter(|y| is_point(encoded(*y))).collect();
        assert_eq!(points, [0, 1, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 19]);
    }

    #[test]
    fn jose_14_other_spellings_are_no_points() {
        // p + 3, p + 4 and so on, up to 2^255 - 1.
        for lowest in 0xed..=0xff {
            let mut octets = [0xff; 32];
            (octets[0], octets[31]) = (lowest, 0x7f);
            assert!(!is_point(octets), "{lowest:x}");
        }
    }

    /// The public key of RFC 8032 §7.1, test 1, with either sign of x.
    #[test]
    fn a_key_is_a_point() {
        let mut key = [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
            0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ];
        assert!(is_point(key));
        key[31] |= 0x80;
        assert!(is_point(key));
    }
}
