//! From where users logged in lately: what strangers do elsewhere does not keep them out there.
//!
//! Only a login that succeeded puts anything here, so that there is nothing to fill it with. It is forgotten when the process ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_identity::principal::Subject;
use smallvec::SmallVec;

use crate::limit::key::network;

/// The most networks of one user; the one that was used longest ago goes first.
const NETWORKS_MAX: usize = 8;
/// The most users; beyond it everything is forgotten and begins anew.
const USERS_MAX: usize = 100_000;
/// How long a network stays familiar without a login.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Networks, each with the time of its last login.
type Seen = SmallVec<[(IpAddr, Instant); 1]>;

/// Users, and from where they logged in.
#[derive(Default)]
pub struct Familiar(Mutex<HashMap<Subject, Seen>>);

impl Familiar {
    /// Whether this user logged in from there lately.
    pub(crate) fn knows(&self, user: &Subject, address: IpAddr, now: Instant) -> bool {
        let network = network(address);
        let lately = |(known, at): &(IpAddr, Instant)| *known == network && now.saturating_duration_since(*at) < LIFE;
        self.0.lock().get(user).is_some_and(|seen| seen.iter().any(lately))
    }

    /// This user has just logged in from there.
    pub(crate) fn note(&self, user: &Subject, address: IpAddr, now: Instant) {
        let network = network(address);
        let mut users = self.0.lock();
        if users.len() >= USERS_MAX && !users.contains_key(user) {
            users.clear();
        }
        let seen = users.entry(user.clone()).or_default();
        seen.retain(|(known, _)| *known != network);
        if seen.len() >= NETWORKS_MAX {
            seen.remove(0);
        }
        seen.push((network, now));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::principal::SubjectKind;

    use super::*;

    fn user(name: &str) -> Subject {
        Subject::new("staff".into(), SubjectKind::User, name)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_is_familiar_to_its_user_for_a_while() {
        let (familiar, now) = (Familiar::default(), Instant::now());
        familiar.note(&user("alice"), address("192.0.2.1"), now);
        familiar.note(&user("alice"), address("2001:db8::1"), now);
        let check = |name: &str, from: &str, after: Duration, expected| {
            let known = familiar.knows(&user(name), address(from), now + after);
            assert_eq!(known, expected, "{name} from {from} after {after:?}");
        };
        check("alice", "192.0.2.1", Duration::ZERO, true);
        check("alice", "::ffff:192.0.2.1", Duration::ZERO, true);
        check("alice", "192.0.2.2", Duration::ZERO, false);
        check("alice", "2001:db8::ffff:1", Duration::ZERO, true);
        check("alice", "2001:db8:0:1::1", Duration::ZERO, false);
        check("bob", "192.0.2.1", Duration::ZERO, false);
        check("alice", "192.0.2.1", LIFE - Duration::from_secs(1), true);
        check("alice", "192.0.2.1", LIFE, false);
    }

    #[test]
    fn the_network_used_longest_ago_goes_first() {
        let (familiar, now, alice) = (Familiar::default(), Instant::now(), user("alice"));
        let network = |number: usize| address(&format!("192.0.2.{number}"));
        (0..NETWORKS_MAX).for_each(|number| familiar.note(&alice, network(number), now));
        familiar.note(&alice, network(0), now);
        familiar.note(&alice, network(200), now);
        assert!(familiar.knows(&alice, network(0), now) && familiar.knows(&alice, network(200), now));
        assert!(!familiar.knows(&alice, network(1), now));
    }
}
