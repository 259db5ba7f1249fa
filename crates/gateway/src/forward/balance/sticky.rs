//! Which endpoint a value of the request belongs to, by rendezvous hashing with weights: every gate that knows the same
//! endpoints says the same, without remembering anything, and the loss of one endpoint moves only its own share.
//!
//! What a request asks for is read when its operation is known, before undeclared fields are left out.

use std::hash::Hasher;

use http::header::{self, HeaderMap, HeaderName};
use siphasher::sip::SipHasher13;

/// The name of a field or of a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A header field.
    Header(HeaderName),
    /// A cookie.
    Cookie(Box<str>),
}

/// Which endpoint a request asks for, where its API listens to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The hash of the value that it sticks by.
    pub(super) sticky: Option<u64>,
    /// Whether it names the canary.
    pub(super) canary: bool,
}

impl Named {
    /// Its first value that is not empty.
    pub(super) fn value<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        let value = match self {
            Self::Header(name) => headers.get(name)?.as_bytes(),
            Self::Cookie(name) => headers
                .get_all(header::COOKIE)
                .iter()
                .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
                .find_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))?,
        };
        (!value.is_empty()).then_some(value)
    }
}

/// The same in every gate, so without a secret key: who chooses the value may choose the endpoint, which is what sticking by
/// a value means.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

/// How much a value wants an endpoint; the largest wins. `seed` is the hash of the endpoint's name.
///
/// With `-weight / ln(u)` for a random u between 0 and 1 each endpoint is the largest as often as its weight says (C. Schindelhauer
/// and G. Schomaker, Weighted Distributed Hash Tables, SPAA 2005).
pub(super) fn score(value: u64, seed: u64, weight: u32) -> f64 {
    // 52 bits and a half: as much as a float holds, and never 0 or 1.
    let bits = mixed(value ^ mixed(seed)) >> 12;
    let high = f64::from(u32::try_from(bits >> 26).unwrap_or(u32::MAX));
    let low = f64::from(u32::try_from(bits & ((1 << 26) - 1)).unwrap_or(u32::MAX));
    let uniform = (high * f64::from(1 << 26) + low + 0.5) / (f64::from(1 << 26) * f64::from(1 << 26));
    -f64::from(weight.max(1)) / uniform.ln()
}

/// The finalizer of SplitMix64: every bit of the input moves half of those of the output.
pub(super) fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert("x-user", "ann".parse().unwrap());
        headers.insert("x-empty", "".parse().unwrap());
        headers.append("cookie", "a=1; sid=abc".parse().unwrap());
        headers.append("cookie", "other=2;asid=9; empty=".parse().unwrap());
        let check = |named: Named, expected: Option<&str>| {
            assert_eq!(named.value(&headers), expected.map(str::as_bytes), "{named:?}");
        };
        let field = |name| Named::Header(HeaderName::from_static(name));
        let cookie = |name: &str| Named::Cookie(name.into());
        check(field("x-user"), Some("ann"));
        check(field("x-other"), None);
        check(field("x-empty"), None);
        check(cookie("sid"), Some("abc"));
        check(cookie("other"), Some("2"));
        check(cookie("id"), None);
        check(cookie("empty"), None);
    }

    fn home(value: u64, endpoints: &[(u64, u32)]) -> u64 {
        let scores = endpoints
            .iter()
            .map(|(name, weight)| (score(value, hash(&name.to_le_bytes()), *weight), *name));
        scores.max_by(|one, other| one.0.total_cmp(&other.0)).unwrap().1
    }

    #[test]
    fn shares_are_those_of_the_weights() {
        let endpoints = [(1, 1), (2, 2), (3, 5)];
        let mut counts = [0_u32; 3];
        for value in 0..40_000_u32 {
            let home = home(hash(&value.to_le_bytes()), &endpoints);
            counts[usize::try_from(home).unwrap() - 1] += 1;
        }
        for ((_, weight), count) in endpoints.iter().zip(counts) {
            let (expected, got) = (f64::from(*weight) / 8.0, f64::from(count) / 40_000.0);
            assert!((expected - got).abs() < 0.01, "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn the_loss_of_one_moves_only_its_own_share(
            value: u64, weights in prop::collection::vec(1..10_u32, 2..8), lost: prop::sample::Index,
        ) {
            let all: Vec<_> = (0..).zip(weights).collect();
            let gone = lost.index(all.len());
            let before = home(value, &all);
            let rest: Vec<_> = all.iter().copied().filter(|(name, _)| *name != u64::try_from(gone).unwrap()).collect();
            if before != u64::try_from(gone).unwrap() {
                prop_assert_eq!(home(value, &rest), before);
            }
        }
    }
}
