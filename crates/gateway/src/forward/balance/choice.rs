//! The choice among endpoints: two at random, by weight, and of those the one with less to do for its weight. Arithmetic
//! only: what is random is an argument.
//!
//! Choosing the least loaded of all makes every worker send to the same one at the same moment; choosing at random lets
//! queues grow. Two at random come close to the best with neither (M. Mitzenmacher, The Power of Two Choices in
//! Randomized Load Balancing, IEEE TPDS 12(10), 2001).

use std::time::Duration;

/// Parts of a weight, so that a slow start can have a share of one.
const PARTS: u64 = 1024;
/// The least share of its weight that an endpoint begins with: one that gets nothing never warms up.
const START_PERCENT: u128 = 10;

/// An endpoint that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its place among the members of its group.
    pub(super) index: usize,
    /// See [`weight`]; never 0.
    pub(super) weight: u64,
    /// Requests it has now, from all workers.
    pub(super) load: u32,
}

/// What an endpoint weighs that has been in service for `up_for`: its whole weight after `slow_start`, before that its
/// share of it.
pub(super) fn weight(configured: u32, up_for: Duration, slow_start: Duration) -> u64 {
    let whole = u64::from(configured.max(1)) * PARTS;
    if up_for >= slow_start {
        return whole;
    }
    let percent = (up_for.as_millis() * 100 / slow_start.as_millis().max(1)).max(START_PERCENT);
    (whole * u64::try_from(percent).unwrap_or(100) / 100).max(1)
}

/// The place in `candidates` of the chosen one; none if there are none.
pub(super) fn choose(candidates: &[Candidate], mut random: impl FnMut() -> u64) -> Option<usize> {
    if candidates.len() < 2 {
        return (!candidates.is_empty()).then_some(0);
    }
    let total: u64 = candidates.iter().map(|candidate| candidate.weight).sum();
    let (one, other) = (
        by_weight(candidates, total, random()),
        by_weight(candidates, total, random()),
    );
    let (first, second) = (candidates.get(one)?, candidates.get(other)?);
    // Loads for their weights, compared without dividing. Where they are equal the first stays, so that idle endpoints are
    // chosen exactly by weight.
    let less = u128::from(second.load) * u128::from(first.weight) < u128::from(first.load) * u128::from(second.weight);
    Some(if less { other } else { one })
}

/// The place that a random number falls on when each candidate is as wide as its weight.
fn by_weight(candidates: &[Candidate], total: u64, random: u64) -> usize {
    let at = (u128::from(random) * u128::from(total)) >> 64;
    let mut end = 0_u128;
    let found = candidates.iter().position(|candidate| {
        end += u128::from(candidate.weight);
        at < end
    });
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forward::balance::pools::Random;

    fn candidates(of: &[(u32, u32)]) -> Vec<Candidate> {
        let candidate = |(index, (configured, load)): (usize, &(u32, u32))| Candidate {
            index,
            weight: weight(*configured, Duration::MAX, Duration::ZERO),
            load: *load,
        };
        of.iter().enumerate().map(candidate).collect()
    }

    #[test]
    fn weights_grow_while_an_endpoint_is_young() {
        let check = |up_seconds: u64, expected: u64| {
            let weight = weight(2, Duration::from_secs(up_seconds), Duration::from_secs(100));
            assert_eq!(weight, expected, "{up_seconds}");
        };
        check(0, 204);
        check(10, 204);
        check(50, 1024);
        check(100, 2048);
        check(1000, 2048);
        assert_eq!(weight(3, Duration::ZERO, Duration::ZERO), 3072);
    }

    #[test]
    fn of_two_the_less_loaded_for_its_weight_is_taken() {
        let check = |of: &[(u32, u32)], randoms: [u64; 2], expected: Option<usize>| {
            let mut randoms = randoms.into_iter();
            assert_eq!(choose(&candidates(of), || randoms.next().unwrap()), expected, "{of:?}");
        };
        let (low, high) = (0, u64::MAX);
        check(&[], [low, high], None);
        check(&[(1, 9)], [low, high], Some(0));
        check(&[(1, 0), (1, 0)], [low, high], Some(0));
        check(&[(1, 0), (1, 0)], [high, low], Some(1));
        check(&[(1, 2), (1, 1)], [low, high], Some(1));
        check(&[(3, 2), (1, 1)], [low, high], Some(0));
        check(&[(3, 4), (1, 1)], [low, high], Some(1));
        // The idle one in the middle was not among the two.
        check(&[(1, 5), (1, 0), (1, 9)], [low, high], Some(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// 20,000 choices among idle endpoints: each one's share is that of its weight, within two percent of all.
        #[test]
        fn weights_are_kept(weights in prop::collection::vec(1..20_u32, 2..6), seed: u64) {
            let candidates = candidates(&weights.iter().map(|weight| (*weight, 0)).collect::<Vec<_>>());
            let random = Random::seeded(seed);
            let mut counts = vec![0_u32; weights.len()];
            for _ in 0..20_000 {
                counts[choose(&candidates, || random.next()).unwrap()] += 1;
            }
            let total: u32 = weights.iter().sum();
            for (weight, count) in weights.iter().zip(counts) {
                let (expected, got) = (f64::from(*weight) / f64::from(total), f64::from(count) / 20_000.0);
                prop_assert!((expected - got).abs() < 0.02, "{weights:?}: {expected} {got}");
            }
        }

        #[test]
        fn busy_endpoints_even_out(weights in prop::collection::vec(1..5_u32, 2..6), seed: u64) {
            let random = Random::seeded(seed);
            let mut of: Vec<_> = weights.iter().map(|weight| (*weight, 0)).collect();
            for _ in 0..2_000 {
                let chosen = choose(&candidates(&of), || random.next()).unwrap();
                of[chosen].1 += 1;
            }
            let loads: Vec<_> = of.iter().map(|(weight, load)| f64::from(*load) / f64::from(*weight)).collect();
            let (least, most) = (loads.iter().copied().fold(f64::MAX, f64::min), loads.iter().copied().fold(0.0, f64::max));
            prop_assert!(most < least * 1.25, "{of:?}");
        }
    }
}
