//! Requests beyond a rate limit, by the limit's name: which of several refused.

use std::collections::BTreeMap;
use std::fmt;

use parking_lot::Mutex;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::expose::{Label, counter};
use super::{OTHER, label};

/// The most names of one operation; requests beyond any further limit are counted as [`OTHER`]. More than an operation has limits at
/// once, so that a reload may rename them.
const NAMES_MAX: usize = 64;

/// What one worker counts of one operation. Nobody but that worker writes, and it waits for nobody but a scrape.
#[derive(Default)]
pub(super) struct Limited(Mutex<Sums>);

/// Requests by the name of the limit that they were beyond.
pub(super) type Sums = BTreeMap<Box<str>, Beyond>;

/// What became of requests beyond a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beyond {
    refused: u64,
    observed: u64,
}

impl Limited {
    pub(super) fn count(&self, limit: &str, observed: bool) {
        let mut sums = self.0.lock();
        let name = match sums.len() < NAMES_MAX || sums.contains_key(limit) {
            true => label(limit),
            false => OTHER.into(),
        };
        let beyond = sums.entry(name).or_default();
        let sum = if observed {
            &mut beyond.observed
        } else {
            &mut beyond.refused
        };
        *sum = sum.wrapping_add(1);
    }

    pub(super) fn add_to(&self, sums: &mut Sums) {
        for (name, beyond) in &*self.0.lock() {
            let sum = sums.entry(name.clone()).or_default();
            sum.refused = sum.refused.wrapping_add(beyond.refused);
            sum.observed = sum.observed.wrapping_add(beyond.observed);
        }
    }
}

/// Writes the sums of each operation.
pub(super) fn expose<'t>(
    encoder: &mut DescriptorEncoder<'_>,
    totals: impl Iterator<Item = ([Label<'t>; 2], &'t Sums)>,
) -> fmt::Result {
    let help = "Requests beyond a rate limit, by the limit and what became of them.";
    let mut family = encoder.encode_descriptor("portcullis_limited", help, None, MetricType::Counter)?;
    for ([api, operation], sums) in totals {
        for (name, beyond) in sums {
            let verdicts = [("refused", beyond.refused), ("observed", beyond.observed)];
            for (verdict, count) in verdicts.into_iter().filter(|(_, count)| *count > 0) {
                counter(
                    &mut family,
                    &[api, operation, ("limit", name), ("verdict", verdict)],
                    count,
                )?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let limited = Limited::default();
        for number in 0..NAMES_MAX + 3 {
            limited.count(&format!("limit-{number:02}"), false);
        }
        limited.count("limit-01", true);
        let mut sums = Sums::new();
        limited.add_to(&mut sums);
        assert_eq!(sums.len(), NAMES_MAX + 1);
        let beyond = |refused, observed| Some(Beyond { refused, observed });
        assert_eq!(sums.get("limit-01").copied(), beyond(1, 1));
        assert_eq!(sums.get(OTHER).copied(), beyond(3, 0));
    }
}
