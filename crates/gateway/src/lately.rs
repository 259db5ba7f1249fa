//! Who proved something lately, and from where: what comes from there in their name is nobody's guess, so neighbours
//! who present bad credentials do not keep them out.
//!
//! Only what was good puts anything here, so there is nothing to fill it with. It is shared by all workers, outlives
//! reloads, and is forgotten when the process ends.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_identity::principal::Subject;

use crate::halves::Halves;
use crate::keyed::Keyed;
use crate::limit::key::network;

/// How long what was good counts as that.
pub(crate) const LIFE: Duration = Duration::from_secs(3600);
/// How many are remembered at most is twice this, in less than 2 MB.
const HALF_MAX: usize = 16 * 1024;

/// Who proved something lately.
pub struct Lately {
    keyed: Keyed,
    seen: Mutex<Halves<Name, Instant>>,
}

/// Somebody in one network, by a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(u128);

impl Lately {
    /// Nobody yet.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            keyed: Keyed::random()?,
            seen: Mutex::new(Halves::new(HALF_MAX)),
        })
    }

    /// Whoever signs requests with this key of these signers, from there.
    pub(crate) fn signer(&self, authority: &str, keyid: &str, address: IpAddr) -> Name {
        self.name([b"signature", authority.as_bytes(), keyid.as_bytes()], address)
    }

    /// Whoever proves to have the key of this subject's tokens, from there.
    pub(crate) fn prover(&self, subject: &Subject, address: IpAddr) -> Name {
        self.name([b"proof", subject.to_string().as_bytes(), b""], address)
    }

    fn name(&self, [what, whose, which]: [&[u8]; 3], address: IpAddr) -> Name {
        let network = network(address).to_string();
        Name(self.keyed.digest(&[what, whose, which, network.as_bytes()]))
    }

    /// Whether what they presented was good lately.
    pub(crate) fn knows(&self, name: Name, now: Instant) -> bool {
        let seen = self.seen.lock().get(&name);
        seen.is_some_and(|at| now.saturating_duration_since(at) < LIFE)
    }

    /// What they presented is good.
    pub(crate) fn note(&self, name: Name, now: Instant) {
        self.seen.lock().put(name, now);
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::principal::SubjectKind;

    use super::*;

    #[test]
    fn whoever_was_good_is_known_in_their_network_for_a_while() {
        let (lately, now) = (Lately::new().unwrap(), Instant::now());
        let name = |authority: &str, keyid: &str, from: &str| lately.signer(authority, keyid, from.parse().unwrap());
        lately.note(name("partners", "k", "192.0.2.1"), now);
        lately.note(name("partners", "k", "2001:db8::1"), now);
        for (authority, keyid, from, after, expected) in [
            ("partners", "k", "192.0.2.1", Duration::ZERO, true),
            ("partners", "k", "2001:db8::2", Duration::ZERO, true),
            ("partners", "k", "2001:db8:0:1::1", Duration::ZERO, false),
            ("partners", "k", "192.0.2.2", Duration::ZERO, false),
            ("partners", "l", "192.0.2.1", Duration::ZERO, false),
            ("partnersk", "", "192.0.2.1", Duration::ZERO, false),
            ("partners", "k", "192.0.2.1", LIFE - Duration::from_secs(1), true),
            ("partners", "k", "192.0.2.1", LIFE, false),
        ] {
            let known = lately.knows(name(authority, keyid, from), now + after);
            assert_eq!(known, expected, "{authority} {keyid} from {from} after {after:?}");
        }
        let subject = Subject::new("partners".into(), SubjectKind::User, "k");
        assert!(!lately.knows(lately.prover(&subject, "192.0.2.1".parse().unwrap()), now));
    }
}
