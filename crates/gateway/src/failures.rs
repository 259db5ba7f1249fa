//! Failed verifications of credentials, counted. A forged token costs the gate more than forwarding its request does, and a password can be
//! guessed, so both are limited before anything is verified.
//!
//! Of logins three things are counted. An address fails for whatever user; a user fails at an address, which is strict; and a user
//! fails at all strange addresses together, so that many addresses cannot share out the guesses. The last would let strangers keep a
//! user out, so addresses from which the user logged in lately are spared it.

use std::time::Instant;

use crate::limit::gcra::Quota;
use crate::limit::key::{Facts, Part, Scope, Source};
use crate::limit::{Charges, Counts, Exceeded, Limit, LimitError, Limiter, Limits, Mode, Stage, Verdict};

/// How many failures there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Of one address, with whatever credential.
    pub of_address: Quota,
    /// Of logins of one user from one address.
    pub of_user_at_address: Quota,
    /// Of logins of one user from all addresses that are not familiar.
    pub of_user: Quota,
}

/// How many tokens of one address may turn out, after a private RSA key was used for them, to be none. With a key of
/// 4096 bits that is 60 ms of one worker at once, and 6 ms a second after that.
const FAILED_DECRYPTIONS: Quota = Quota::one_every(1000, 10);
/// How many tokens of one subject may be decrypted so and turn out well. One token can be encrypted again and again.
const DECRYPTIONS: Quota = Quota::one_every(100, 60);
/// What may fail from one address in the names of those who proved something from there lately: neighbours hardly keep them out, and
/// nobody has a worker verify for longer than some 10 ms a second.
const FAILURES_IN_KNOWN_NAMES: Quota = Quota::one_every(10, 100);

/// Counts what fails.
pub struct Failures {
    any: Limits,
    decryption: Limits,
    decrypted: Limits,
    in_known_name: Limits,
    familiar_login: Limits,
    strange_login: Limits,
}

impl Failures {
    /// Counts against these quotas.
    ///
    /// # Errors
    /// None that the configuration could cause: the limits have different names and known parts.
    pub fn new(limiter: &Limiter, quotas: Quotas) -> Result<Self, Vec<LimitError>> {
        let of_address = failures("failed-authentication", quotas.of_address, &[Source::Address]);
        let pair = [Source::Principal, Source::Address];
        let of_pair = failures("failed-login-of-user-at-address", quotas.of_user_at_address, &pair);
        let of_user = failures("failed-login-of-user", quotas.of_user, &[Source::Principal]);
        let of_decryption = failures("failed-decryption", FAILED_DECRYPTIONS, &[Source::Address]);
        let in_known_name = "failed-authentication-in-known-name";
        let in_known_name = failures(in_known_name, FAILURES_IN_KNOWN_NAMES, &[Source::Address]);
        let decrypted = Limit {
            counts: Counts::All,
            ..failures("decryptions-of-principal", DECRYPTIONS, &[Source::Principal])
        };
        Ok(Self {
            decryption: limiter.compile(vec![of_address.clone(), of_decryption])?,
            decrypted: limiter.compile(vec![decrypted])?,
            in_known_name: limiter.compile(vec![in_known_name])?,
            any: limiter.compile(vec![of_address.clone()])?,
            familiar_login: limiter.compile(vec![of_address.clone(), of_pair.clone()])?,
            strange_login: limiter.compile(vec![of_address, of_pair, of_user])?,
        })
    }

    /// Charges one failure in advance; it is to be given back if it does not fail.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) async fn begin(&self, facts: &impl Facts, now: Instant) -> Result<Charges, Exceeded> {
        take(&self.any, facts, now).await
    }

    /// The same for what costs a worker the use of a private RSA key.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) async fn begin_decryption(&self, facts: &impl Facts, now: Instant) -> Result<Charges, Exceeded> {
        take(&self.decryption, facts, now).await
    }

    /// The same for what comes in the name of somebody who proved something from there lately.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) async fn begin_in_known_name(&self, facts: &impl Facts, now: Instant) -> Result<Charges, Exceeded> {
        take(&self.in_known_name, facts, now).await
    }

    /// Charges a subject whose token cost a worker the use of a private RSA key.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) async fn decrypted(&self, facts: &impl Facts, now: Instant) -> Result<(), Exceeded> {
        take(&self.decrypted, facts, now).await.map(drop)
    }

    /// The same for a login.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) async fn begin_login(
        &self,
        facts: &impl Facts,
        familiar: bool,
        now: Instant,
    ) -> Result<Charges, Exceeded> {
        let limits = if familiar {
            &self.familiar_login
        } else {
            &self.strange_login
        };
        take(limits, facts, now).await
    }
}

/// A limit for the gate as a whole: a credential is as good at one operation as at another.
fn failures(name: &str, quota: Quota, sources: &[Source]) -> Limit {
    Limit {
        name: name.into(),
        // No name in a configuration has a slash.
        scope: Scope::Shared(format!("gateway/{name}").into()),
        parts: sources.iter().cloned().map(Part::new).collect(),
        quota,
        counts: Counts::Failures,
        stage: Stage::Identified,
        mode: Mode::Enforce,
    }
}

async fn take(limits: &Limits, facts: &impl Facts, now: Instant) -> Result<Charges, Exceeded> {
    match limits.take(Stage::Identified, facts, now).await {
        Verdict::Admitted(charges) => Ok(charges),
        Verdict::Exceeded(exceeded) => Err(exceeded),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::Duration;

    use http::HeaderMap;
    use portcullis_identity::principal::{Subject, SubjectKind};

    use super::*;
    use crate::limit::Outcome;
    use crate::limit::key::Keyer;
    use crate::limit::memory::MemoryStore;

    struct Tried {
        address: IpAddr,
        headers: HeaderMap,
        subject: Subject,
    }

    impl Facts for Tried {
        fn address(&self) -> IpAddr {
            self.address
        }
        fn headers(&self) -> &HeaderMap {
            &self.headers
        }
        fn subject(&self) -> Option<&Subject> {
            Some(&self.subject)
        }
    }

    fn quota(burst: u32) -> Quota {
        let burst = NonZeroU32::new(burst).unwrap();
        Quota::new(burst, Duration::from_secs(3600), burst).unwrap()
    }

    struct Counted {
        limiter: Limiter,
        failures: Failures,
        now: Instant,
    }

    impl Counted {
        fn new(of_address: u32, of_user_at_address: u32, of_user: u32) -> Self {
            let now = Instant::now();
            let limiter = Limiter::new(Arc::new(MemoryStore::new(10_000)), Keyer::new([1; 16]), now);
            let quotas = Quotas {
                of_address: quota(of_address),
                of_user_at_address: quota(of_user_at_address),
                of_user: quota(of_user),
            };
            let failures = Failures::new(&limiter, quotas).unwrap();
            Self { limiter, failures, now }
        }

        /// Whether a login may be tried; it fails or succeeds then. The name of the limit where it may not.
        fn login(&self, user: &str, address: &str, familiar: bool, outcome: Outcome) -> Result<(), Arc<str>> {
            let tried = Tried {
                address: address.parse().unwrap(),
                headers: HeaderMap::new(),
                subject: Subject::new("staff".into(), SubjectKind::User, user),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let charges = self.failures.begin_login(&tried, familiar, self.now).await;
                let charges = charges.map_err(|exceeded| exceeded.limit)?;
                self.limiter.settle(charges, outcome, self.now).await;
                Ok(())
            })
        }

        fn fails(&self, user: &str, address: &str) -> Result<(), Arc<str>> {
            self.login(user, address, false, Outcome::Failure)
        }
    }

    #[test]
    fn successes_use_nothing_up() {
        let counted = Counted::new(3, 3, 3);
        for _ in 0..20 {
            assert_eq!(counted.login("alice", "192.0.2.1", false, Outcome::Success), Ok(()));
        }
    }

    #[test]
    fn strangers_slow_a_user_down_and_do_not_lock_out() {
        let counted = Counted::new(1000, 3, 20);
        for _ in 0..3 {
            assert_eq!(counted.fails("alice", "192.0.2.66"), Ok(()));
        }
        let strict = Err("failed-login-of-user-at-address".into());
        assert_eq!(counted.fails("alice", "192.0.2.66"), strict);
        // One address that fails concerns neither other addresses of the user nor other users.
        assert_eq!(counted.login("alice", "192.0.2.1", false, Outcome::Success), Ok(()));
        assert_eq!(counted.login("bob", "192.0.2.66", false, Outcome::Success), Ok(()));
        // Many share out the guesses, up to what a user may fail in all.
        let through = (0..100).filter(|number| counted.fails("alice", &format!("198.51.100.{number}")).is_ok());
        assert_eq!(through.count(), 17);
        let slow = Err("failed-login-of-user".into());
        assert_eq!(counted.login("alice", "203.0.113.1", false, Outcome::Success), slow);
        assert_eq!(counted.login("alice", "192.0.2.1", true, Outcome::Success), Ok(()));
        // What is familiar is not free.
        for _ in 0..3 {
            assert_eq!(counted.login("alice", "192.0.2.1", true, Outcome::Failure), Ok(()));
        }
        assert_eq!(counted.login("alice", "192.0.2.1", true, Outcome::Success), strict);
    }

    #[test]
    fn known_names_are_no_leave_to_have_everything_verified() {
        let counted = Counted::new(3, 3, 3);
        let fails = |address: &str| {
            let tried = Tried {
                address: address.parse().unwrap(),
                headers: HeaderMap::new(),
                subject: Subject::new("partners".into(), SubjectKind::Client, "acme"),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let begun = counted.failures.begin_in_known_name(&tried, counted.now);
            runtime.block_on(begun).map(drop).map_err(|exceeded| exceeded.limit)
        };
        let through = (0..200).filter(|_| fails("192.0.2.66").is_ok());
        assert_eq!(through.count(), 100);
        assert_eq!(fails("192.0.2.66"), Err("failed-authentication-in-known-name".into()));
        assert_eq!(fails("192.0.2.1"), Ok(()));
    }

    #[test]
    fn one_address_cannot_try_many_users() {
        let counted = Counted::new(10, 3, 20);
        let through = (0..100).filter(|number| counted.fails(&format!("user-{number}"), "192.0.2.66").is_ok());
        assert_eq!(through.count(), 10);
        let limited = Err("failed-authentication".into());
        assert_eq!(counted.login("alice", "192.0.2.66", true, Outcome::Success), limited);
        assert_eq!(counted.login("alice", "192.0.2.1", false, Outcome::Success), Ok(()));
    }
}
