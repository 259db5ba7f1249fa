//! The generic cell rate algorithm (ITU-T I.371, annex A): one number per key, and integers alone.
//!
//! Every quantity is a difference in nanoseconds below 2^53, so that the same arithmetic is exact in a script whose
//! only number is a double (a Valkey script, say). Nothing here reads a clock or keeps state.

use std::num::NonZeroU32;
use std::time::Duration;
use thiserror::Error;

/// The longest tolerance: 2^52 ns, about 52 days. Twice that is still exact in a double.
pub const TOLERANCE_NANOSECONDS_MAX: u64 = 1 << 52;

/// A moment: nanoseconds since an origin that the store and its callers share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

/// So many requests per period, and how many may come at once.
///
/// In any stretch of time `w` at most `burst + w / interval` requests are admitted, where the interval is
/// `per / requests`: a caller who was idle may send the burst and then keep to the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    interval: u64,
    tolerance: u64,
}

/// Why a quota cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuotaError {
    /// The period is zero.
    #[error("the period is zero; give at least one millisecond")]
    NoPeriod,
    /// `burst` requests at this rate take longer than [`TOLERANCE_NANOSECONDS_MAX`].
    #[error("the burst takes more than 52 days to earn back; give a smaller burst or a shorter period")]
    TooLong,
}

/// What the algorithm says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It conforms.
    Admit {
        /// The theoretical arrival time to store.
        arrival: Moment,
    },
    /// It does not; nothing is to be stored.
    Refuse {
        /// How long until a request would conform, at least 1.
        wait_nanoseconds: u64,
    },
}

impl Quota {
    /// `requests` per `per`, at most `burst` at once. The interval is rounded up to a whole nanosecond, so that the rate
    /// is never exceeded by rounding.
    ///
    /// # Errors
    /// The period is zero, or the tolerance would exceed [`TOLERANCE_NANOSECONDS_MAX`].
    pub fn new(requests: NonZeroU32, per: Duration, burst: NonZeroU32) -> Result<Self, QuotaError> {
        if per.is_zero() {
            return Err(QuotaError::NoPeriod);
        }
        let per = u64::try_from(per.as_nanos()).map_err(|_| QuotaError::TooLong)?;
        let interval = per.div_ceil(u64::from(requests.get()));
        let tolerance = interval
            .checked_mul(u64::from(burst.get()))
            .ok_or(QuotaError::TooLong)?;
        if tolerance > TOLERANCE_NANOSECONDS_MAX {
            return Err(QuotaError::TooLong);
        }
        Ok(Self { interval, tolerance })
    }

    /// One in so many milliseconds, at most `burst` at once.
    pub(crate) const fn one_every(milliseconds: u64, burst: u64) -> Self {
        let interval = milliseconds * 1_000_000;
        Self {
            interval,
            tolerance: interval * burst,
        }
    }

    /// What one request costs, in nanoseconds.
    #[must_use]
    pub fn interval_nanoseconds(&self) -> u64 {
        self.interval
    }

    /// How far the theoretical arrival time may run ahead of the clock, in nanoseconds: burst times interval.
    #[must_use]
    pub fn tolerance_nanoseconds(&self) -> u64 {
        self.tolerance
    }

    /// Judges a request at `now` for a key whose stored theoretical arrival time is `stored`; any time not after `now`
    /// is that of an idle key.
    #[must_use]
    pub fn decide(&self, stored: Moment, now: Moment) -> Decision {
        let lead = stored.0.saturating_sub(now.0);
        let after = lead.saturating_add(self.interval);
        if after > self.tolerance {
            return Decision::Refuse {
                wait_nanoseconds: after - self.tolerance,
            };
        }
        match now.0.checked_add(after) {
            Some(arrival) => Decision::Admit {
                arrival: Moment(arrival),
            },
            None => Decision::Refuse {
                wait_nanoseconds: self.interval,
            },
        }
    }
}

/// The theoretical arrival time after one admitted request is taken back: `stored` is the key's time now, `arrival` the
/// one that admitted the request. Only what has not yet drained away comes back, so that a late refund is no credit.
#[must_use]
pub fn refunded(stored: Moment, arrival: Moment, interval_nanoseconds: u64, now: Moment) -> Moment {
    let outstanding = arrival.0.saturating_sub(now.0).min(interval_nanoseconds);
    Moment(stored.0.saturating_sub(outstanding))
}

/// A wait in whole seconds, rounded up, at least 1: what Retry-After may carry (RFC 9110, section 10.2.3).
#[must_use]
pub fn retry_after_seconds(wait_nanoseconds: u64) -> u64 {
    wait_nanoseconds.div_ceil(1_000_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quota(requests: u32, per: Duration, burst: u32) -> Quota {
        Quota::new(requests.try_into().unwrap(), per, burst.try_into().unwrap()).unwrap()
    }

    #[test]
    fn a_burst_then_the_rate() {
        let quota = quota(10, Duration::from_secs(60), 3);
        let (mut stored, start) = (Moment(0), 1_000_000_000_000);
        let mut admitted = |second: u64| match quota.decide(stored, Moment(start + second * 1_000_000_000)) {
            Decision::Admit { arrival } => {
                stored = arrival;
                None
            }
            Decision::Refuse { wait_nanoseconds } => Some(retry_after_seconds(wait_nanoseconds)),
        };
        let seen: Vec<_> = [0, 0, 0, 0, 5, 6, 6, 12, 100, 100, 100, 100]
            .into_iter()
            .map(&mut admitted)
            .collect();
        let expected = [
            None,
            None,
            None,
            Some(6),
            Some(1),
            None,
            Some(6),
            None,
            None,
            None,
            None,
            Some(6),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn quotas_out_of_bounds_are_errors() {
        let one = NonZeroU32::MIN;
        let check = |requests, per, burst, expected| assert_eq!(Quota::new(requests, per, burst).err(), expected);
        check(one, Duration::ZERO, one, Some(QuotaError::NoPeriod));
        check(one, Duration::MAX, one, Some(QuotaError::TooLong));
        check(one, Duration::from_secs(1), NonZeroU32::MAX, Some(QuotaError::TooLong));
        check(NonZeroU32::MAX, Duration::from_nanos(1), NonZeroU32::MAX, None);
        check(one, Duration::from_secs(86_400 * 30), one, None);
    }

    #[test]
    fn waits_round_up_to_at_least_a_second() {
        for (wait, expected) in [
            (0, 1),
            (1, 1),
            (1_000_000_000, 1),
            (1_000_000_001, 2),
            (u64::MAX, 18_446_744_074),
        ] {
            assert_eq!(retry_after_seconds(wait), expected);
        }
    }

    #[test]
    fn a_late_refund_is_no_credit() {
        let check = |stored, arrival, now, expected| {
            assert_eq!(
                refunded(Moment(stored), Moment(arrival), 10, Moment(now)),
                Moment(expected)
            );
        };
        check(110, 110, 100, 100);
        check(110, 110, 104, 104);
        check(130, 110, 112, 130);
        check(130, 120, 112, 122);
        check(0, 110, 100, 0);
    }

    /// The same law as sliding windows: for every admitted request, those from it to now need `burst` plus the time since.
    fn conforms(admitted: &[u64], now: u64, interval: u64, burst: u64) -> bool {
        let count = admitted.len();
        let windows = admitted
            .iter()
            .enumerate()
            .map(|(at, start)| (u128::try_from(count - at).unwrap() + 1, start));
        windows.into_iter().all(|(requests, start)| {
            requests * u128::from(interval) <= u128::from(burst) * u128::from(interval) + u128::from(now - start)
        })
    }

    proptest! {
        #[test]
        fn agrees_with_sliding_windows(
            requests in 1..50_u32, per in 1..10_000_u64, burst in 1..20_u32, start in 0..u64::from(u32::MAX),
            steps in prop::collection::vec(0..5_000_u64, 1..120),
        ) {
            let quota = quota(requests, Duration::from_nanos(per), burst);
            let (mut stored, mut now, mut admitted) = (Moment(0), start, Vec::new());
            for step in steps {
                now += step;
                let expected = conforms(&admitted, now, quota.interval_nanoseconds(), u64::from(burst));
                match quota.decide(stored, Moment(now)) {
                    Decision::Admit { arrival } => {
                        prop_assert!(expected);
                        admitted.push(now);
                        stored = arrival;
                    }
                    Decision::Refuse { wait_nanoseconds: wait } => {
                        prop_assert!(!expected);
                        let earlier = matches!(quota.decide(stored, Moment(now + wait - 1)), Decision::Admit { .. });
                        let then = matches!(quota.decide(stored, Moment(now + wait)), Decision::Admit { .. });
                        prop_assert!(then && !earlier);
                    }
                }
            }
        }

        #[test]
        fn no_input_overflows(stored: u64, arrival: u64, now: u64, requests in 1..=u32::MAX, per in 1..=u64::MAX, burst in 1..=u32::MAX) {
            let made = Quota::new(requests.try_into().unwrap(), Duration::from_nanos(per), burst.try_into().unwrap());
            if let Ok(quota) = made {
                prop_assert!(quota.tolerance_nanoseconds() <= TOLERANCE_NANOSECONDS_MAX);
                if let Decision::Admit { arrival } = quota.decide(Moment(stored), Moment(now)) {
                    prop_assert!(arrival.0 > now && arrival.0 - now <= quota.tolerance_nanoseconds());
                }
                prop_assert!(refunded(Moment(stored), Moment(arrival), quota.interval_nanoseconds(), Moment(now)).0 <= stored);
            }
        }
    }
}
