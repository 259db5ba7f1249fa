//! Which endpoint of several does worse than the others. Arithmetic only.

use std::time::Duration;

use super::window::Tally;

/// How endpoints are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlierSettings {
    /// How often, and over which time.
    pub interval: Duration,
    /// How many percentage points more failures than the others together make an outlier.
    pub points: u32,
    /// The least requests in an interval, of an endpoint and of the others together, that are judged.
    pub requests_min: u32,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            points: 30,
            requests_min: 20,
        }
    }
}

/// The one that fails most beyond the others, if it does so by enough points. Comparing with the others rather than with a
/// fixed rate keeps all in service when what they all depend on fails.
pub(super) fn worst(tallies: &[Tally], settings: OutlierSettings) -> Option<usize> {
    let all = tallies.iter().fold(Tally::default(), |sum, tally| Tally {
        requests: sum.requests + tally.requests,
        failures: sum.failures + tally.failures,
    });
    let least = u64::from(settings.requests_min.max(1));
    let excess = |tally: &Tally| {
        let others = Tally {
            requests: all.requests - tally.requests,
            failures: all.failures - tally.failures,
        };
        let judged = tally.requests >= least && others.requests >= least;
        let points = failure_points(*tally).saturating_sub(failure_points(others));
        (judged && points >= u64::from(settings.points) * 10).then_some(points)
    };
    let excesses = tallies
        .iter()
        .enumerate()
        .filter_map(|(index, tally)| Some((excess(tally)?, index)));
    excesses.max_by_key(|(points, _)| *points).map(|(_, index)| index)
}

/// Failures in a thousand.
fn failure_points(tally: Tally) -> u64 {
    (tally.failures * 1000).checked_div(tally.requests).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_found() {
        let check = |tallies: &[(u64, u64)], expected: Option<usize>| {
            let tallies: Vec<_> = tallies
                .iter()
                .map(|(requests, failures)| Tally {
                    requests: *requests,
                    failures: *failures,
                })
                .collect();
            assert_eq!(worst(&tallies, OutlierSettings::default()), expected, "{tallies:?}");
        };
        check(&[], None);
        check(&[(100, 100)], None);
        check(&[(100, 0), (100, 0)], None);
        check(&[(100, 0), (100, 29)], None);
        check(&[(100, 0), (100, 30)], Some(1));
        check(&[(100, 40), (100, 90), (100, 10)], Some(1));
        // All fail alike: that is no outlier.
        check(&[(100, 90), (100, 95)], None);
        // Too little is known of it, or of the others.
        check(&[(100, 0), (19, 19)], None);
        check(&[(19, 0), (100, 100)], None);
    }
}
