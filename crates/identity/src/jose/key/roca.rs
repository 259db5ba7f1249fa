//! The mark of weak RSA keys, CVE-2017-15361: Nemec et al., "The Return of Coppersmith's Attack", §4.
//!
//! The broken generator makes primes that are, modulo many small primes, powers of 65537; so is their product. By chance a
//! modulus is so for all of them once in 2^27, so that a good key is next to never refused.

/// The odd primes that divide the generator's parameter M for keys of every length.
const PRIMES: &[u32] = &[
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const GENERATOR: u32 = 65537;

/// Whether a big-endian modulus bears the mark.
pub(super) fn is_marked(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power_of_generator(remainder(modulus, *prime), *prime))
}

/// Without overflow: the remainder is less than 2^8, so that it and the next octet stay below 2^16.
fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus
        .iter()
        .fold(0, |remainder, octet| (remainder * 256 + u32::from(*octet)) % prime)
}

fn is_power_of_generator(value: u32, prime: u32) -> bool {
    let powers = std::iter::successors(Some(1), |power| Some(power * (GENERATOR % prime) % prime));
    // The powers repeat after at most prime - 1 of them.
    powers.zip(1..prime).any(|(power, _)| power == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_told_from_others() {
        // Modulo 11, 65537 is 10, whose powers are 1 and 10.
        assert!(is_power_of_generator(1, 11));
        assert!(is_power_of_generator(10, 11));
        assert!((2..10).all(|value| !is_power_of_generator(value, 11)));
    }

    #[test]
    fn remainders_are_those_of_long_division() {
        assert_eq!(remainder(&[1, 0, 0], 167), 65536 % 167);
        assert_eq!(remainder(&[0xff; 300], 3), 0);
    }
}
