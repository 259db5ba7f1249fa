//! The id of one request: it stands in the problem response, in the logs and in the headers to the upstream.
//!
//! It says nothing about the request and grants nothing; it only has to be different every time.

use std::fmt;
use std::io;

/// 128 random bits, shown as 26 characters of Crockford's base 32 in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RequestId {
    /// The id with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(&self) -> u128 {
        self.0
    }

    /// The id of these 26 characters, if they are one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte));
        let add = |bits: u128, digit: Option<usize>| bits.checked_mul(32)?.checked_add(u128::try_from(digit?).ok()?);
        (text.len() == 26).then_some(())?;
        digits.into_iter().try_fold(0, add).map(Self)
    }

    /// The 26 characters, most significant first.
    #[must_use]
    pub fn characters(&self) -> [u8; 26] {
        let mut bits = self.0;
        let mut characters = [b'0'; 26];
        for character in characters.iter_mut().rev() {
            let low = usize::try_from(bits & 31).unwrap_or(0);
            *character = DIGITS.get(low).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        characters
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(std::str::from_utf8(&self.characters()).unwrap_or_default())
    }
}

/// Makes ids without a system call each: xoshiro256++, one per worker, seeded by the operating system. The ids can be foreseen by
/// one who has seen several, which is why nothing may ever depend on their being secret.
#[derive(Debug)]
pub(crate) struct RequestIds {
    state: [u64; 4],
}

impl RequestIds {
    /// A generator with a fresh seed; an error when the operating system has no randomness.
    pub(crate) fn seeded() -> io::Result<Self> {
        let mut state = [0; 4];
        for word in &mut state {
            *word = getrandom::u64()
                .map_err(|error| io::Error::other(format!("no randomness for request ids: {error}")))?;
        }
        // An all-zero state would stay so for ever.
        state[0] |= 1;
        Ok(Self { state })
    }

    /// The next id.
    pub(crate) fn next(&mut self) -> RequestId {
        let high = u128::from(self.word());
        RequestId(high << 64 | u128::from(self.word()))
    }

    fn word(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let word = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        word
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        let mut ids = RequestIds { state: [1, 2, 3, 4] };
        let words: Vec<u64> = std::iter::repeat_with(|| ids.word()).take(4).collect();
        assert_eq!(
            words,
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]
        );
    }

    #[test]
    fn ids_differ_and_are_26_characters() {
        let mut ids = RequestIds::seeded().unwrap();
        let many: HashSet<String> = std::iter::repeat_with(|| ids.next().to_string()).take(10_000).collect();
        assert_eq!(many.len(), 10_000);
        assert!(many.iter().all(|id| id.len() == 26));
        assert_eq!(
            RequestId::from_bits(u128::MAX).to_string(),
            "7zzzzzzzzzzzzzzzzzzzzzzzzz"
        );
    }

    #[test]
    fn an_id_is_read_as_it_was_written() {
        for id in [0, 1, 31, 32, u128::MAX].map(RequestId::from_bits) {
            assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        }
        for none in ["", "0", "80000000000000000000000000", "i0000000000000000000000000"] {
            assert_eq!(RequestId::parse(none), None, "{none}");
        }
    }
}
