//! Refusals before a request is recorded: floods, garbage, what has no operation. Each is logged up to a bound for its control and
//! address and minute; what is beyond is counted, and told together.
//!
//! Addresses of version 6 count by their /64, which is what one subscriber has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use portcullis_audit_log::entry::{Endpoint, Entry, Event, Text, Unmapped};

/// How many pairs of control and address are counted one by one; all others are together.
const PAIRS_MAX: usize = 4096;
const MINUTE_MILLISECONDS: u64 = 60_000;

/// Such refusals of one worker.
pub(crate) struct Early {
    per_minute_max: u32,
    counted: Mutex<HashMap<Key, Count>>,
}

/// What refusals are counted by: the control, and the address if those are not too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    control: &'static str,
    address: Option<IpAddr>,
}

#[derive(Debug)]
struct Count {
    /// When the minute began, in milliseconds since 1970.
    began: u64,
    logged: u32,
    /// Those that were not logged one by one.
    more: u64,
    first: u64,
    last: u64,
}

impl Early {
    pub(super) fn new(per_minute_max: u32) -> Self {
        Self {
            per_minute_max,
            counted: Mutex::default(),
        }
    }

    /// Whether one more is logged for itself. Where a minute is over, what was counted in it comes with that.
    pub(crate) fn admit(&self, control: &'static str, address: IpAddr, now: u64) -> (bool, Option<Entry<'static>>) {
        let mut counted = self.counted.lock();
        let mut key = Key {
            control,
            address: Some(network(address)),
        };
        if !counted.contains_key(&key) && counted.len() >= PAIRS_MAX {
            key.address = None;
        }
        let fresh = || Count {
            began: now,
            logged: 0,
            more: 0,
            first: now,
            last: now,
        };
        let count = counted.entry(key).or_insert_with(fresh);
        let mut over = None;
        if is_over(count, now) {
            over = std::mem::replace(count, fresh()).entry(key);
        }
        if count.logged < self.per_minute_max {
            count.logged += 1;
            return (true, over);
        }
        if count.more == 0 {
            count.first = now;
        }
        count.more += 1;
        count.last = now;
        (false, over)
    }

    /// What was counted in minutes that are over.
    pub(super) fn over(&self, now: u64) -> Vec<Entry<'static>> {
        let mut entries = Vec::new();
        self.counted.lock().retain(|key, count| {
            let over = is_over(count, now);
            if over {
                entries.extend(count.entry(*key));
            }
            !over
        });
        entries
    }
}

/// Also where the clock went back.
fn is_over(count: &Count, now: u64) -> bool {
    now < count.began || now - count.began >= MINUTE_MILLISECONDS
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

impl Count {
    /// None where nothing was kept from being logged for itself.
    fn entry(&self, key: Key) -> Option<Entry<'static>> {
        let endpoint = |address: IpAddr| Endpoint {
            ip: Some(Text::Owned(address.to_string())),
            ..Endpoint::default()
        };
        (self.more > 0).then(|| Entry {
            action_id: Some(2),
            status_id: Some(2),
            src_endpoint: key.address.map(endpoint),
            count: Some(self.more),
            start_time: Some(self.first),
            end_time: Some(self.last),
            unmapped: Some(Unmapped {
                control: Some(key.control.into()),
                ..Unmapped::default()
            }),
            ..Entry::new(Event::Refusals, self.last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn beyond_the_bound_refusals_are_counted_and_told_when_the_minute_is_over() {
        let early = Early::new(3);
        let logged = (0..10)
            .filter(|second| early.admit("rate", HERE, second * 1000).0)
            .count();
        assert_eq!(logged, 3);
        // Another control and another address have bounds of their own.
        assert!(early.admit("route", HERE, 10_000).0);
        assert!(early.admit("rate", "192.0.2.2".parse().unwrap(), 10_000).0);
        assert!(early.over(59_999).is_empty());
        let told = early.over(60_000);
        assert_eq!(told.len(), 1);
        let entry = &told[0];
        assert_eq!(
            (entry.count, entry.start_time, entry.end_time),
            (Some(7), Some(3000), Some(9000))
        );
        assert_eq!(entry.src_endpoint.as_ref().unwrap().ip.as_deref(), Some("192.0.2.1"));
        assert!(early.admit("rate", HERE, 60_001).0);
    }

    #[test]
    fn a_minute_that_is_over_is_told_with_the_next_refusal_and_after_a_clock_went_back() {
        let early = Early::new(1);
        assert!(early.admit("rate", HERE, 100_000).0);
        assert!(!early.admit("rate", HERE, 100_001).0);
        let (logged, over) = early.admit("rate", HERE, 160_000);
        assert!(logged);
        assert_eq!(over.unwrap().count, Some(1));
        assert!(early.admit("rate", HERE, 5).0);
    }

    #[test]
    fn addresses_without_end_are_counted_together() {
        let early = Early::new(1);
        for number in 0..u32::try_from(PAIRS_MAX).unwrap() + 10 {
            let address = IpAddr::V4(number.into());
            early.admit("rate", address, 1);
        }
        assert_eq!(early.counted.lock().len(), PAIRS_MAX + 1);
        let told = early.over(70_000);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].count, &told[0].src_endpoint), (Some(9), &None));
    }

    #[test]
    fn neighbours_of_version_6_are_one() {
        let early = Early::new(1);
        assert!(early.admit("rate", "2001:db8::1".parse().unwrap(), 1).0);
        assert!(!early.admit("rate", "2001:db8::2".parse().unwrap(), 1).0);
        assert!(early.admit("rate", "2001:db8:0:1::2".parse().unwrap(), 1).0);
    }
}
