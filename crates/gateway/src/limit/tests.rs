//! The limits as a pipeline takes from them, over the in-process store.

use super::key::{Arrival, Source};
use super::memory::{MemoryStore, WAYS};
use super::*;
use http::HeaderMap;
use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

struct Login<'r> {
    address: &'r str,
    user: &'r str,
    headers: HeaderMap,
}

impl Facts for Login<'_> {
    fn address(&self) -> IpAddr {
        self.address.parse().unwrap()
    }
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
    fn query(&self, _: &str) -> Option<Cow<'_, str>> {
        Some(self.user.into())
    }
}

fn login<'r>(address: &'r str, user: &'r str) -> Login<'r> {
    Login {
        address,
        user,
        headers: HeaderMap::new(),
    }
}

fn limit(name: &str, requests: u32, per: Duration, part: Part, stage: Stage) -> Limit {
    let requests = NonZeroU32::new(requests).unwrap();
    Limit {
        name: name.into(),
        scope: Scope::Api("a".into()),
        parts: vec![part],
        quota: Quota::new(requests, per, requests).unwrap(),
        counts: Counts::All,
        stage,
        mode: Mode::Enforce,
    }
}

fn by_address(name: &str, requests: u32, per: Duration) -> Limit {
    limit(name, requests, per, Part::new(Source::Address), Stage::Target)
}

fn by_user(name: &str, requests: u32, per: Duration) -> Limit {
    limit(
        name,
        requests,
        per,
        Part::new(Source::Query("user".into())),
        Stage::Target,
    )
}

fn limiter(keys_max: usize) -> (Limiter, Instant) {
    let origin = Instant::now();
    (
        Limiter::new(Arc::new(MemoryStore::new(keys_max)), Keyer::new([3; 16]), origin),
        origin,
    )
}

/// The in-process store answers at once; whatever waits fails the test.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waited"),
    }
}

fn take(limits: &Limits, facts: &impl Facts, now: Instant) -> Result<Charges, (String, u64)> {
    match ready(limits.take(Stage::Target, facts, now)) {
        Verdict::Admitted(charges) => Ok(charges),
        Verdict::Exceeded(exceeded) => Err((exceeded.limit.to_string(), exceeded.retry_after_seconds)),
    }
}

#[test]
fn the_longest_wait_is_named_and_nothing_is_charged() {
    let (limiter, start) = limiter(1024);
    let limits = vec![by_address("address", 3, 30 * SECOND), by_user("user", 1, 60 * SECOND)];
    let limits = limiter.compile(limits).unwrap();
    let refused = |address, user, now| take(&limits, &login(address, user), now).err();
    assert_eq!(refused("192.0.2.1", "ann", start), None);
    for _ in 0..5 {
        assert_eq!(refused("192.0.2.1", "ann", start), Some(("user".into(), 60)));
    }
    assert_eq!(refused("192.0.2.1", "bob", start), None);
    assert_eq!(refused("192.0.2.1", "col", start), None);
    assert_eq!(refused("192.0.2.1", "dan", start), Some(("address".into(), 10)));
    assert_eq!(refused("192.0.2.1", "ann", start), Some(("user".into(), 60)));
    assert_eq!(refused("192.0.2.2", "dan", start), None);
    assert_eq!(refused("192.0.2.1", "ann", start + 60 * SECOND), None);
}

#[test]
fn many_addresses_share_one_target() {
    let (limiter, start) = limiter(1024);
    let limits = limiter.compile(vec![by_user("user", 10, 60 * SECOND)]).unwrap();
    let mut admitted = 0;
    for guess in 0..5_000 {
        let address = format!("10.0.{}.{}", guess / 256, guess % 256);
        let user = if guess % 2 == 0 { "ann" } else { " ANN" };
        admitted += u32::from(take(&limits, &login(&address, user), start).is_ok());
    }
    assert_eq!(admitted, 10);
}

#[test]
fn only_failures_stay_charged() {
    let (limiter, start) = limiter(1024);
    let failures = Limit {
        counts: Counts::Failures,
        ..by_user("user", 2, 60 * SECOND)
    };
    let limits = limiter.compile(vec![failures]).unwrap();
    let ann = login("192.0.2.1", "ann");
    let settle =
        |charges, status| ready(limiter.settle(charges, Outcome::of(StatusCode::from_u16(status).unwrap()), start));
    for _ in 0..10 {
        settle(take(&limits, &ann, start).unwrap(), 204);
    }
    let (first, second) = (take(&limits, &ann, start).unwrap(), take(&limits, &ann, start).unwrap());
    assert!(take(&limits, &ann, start).is_err(), "two are on their way");
    settle(first, 302);
    drop(second);
    settle(take(&limits, &ann, start).unwrap(), 500);
    assert_eq!(take(&limits, &ann, start).err(), Some(("user".into(), 30)));
}

#[test]
fn observed_limits_report_and_enforced_ones_refuse() {
    let (limiter, start) = limiter(1024);
    let observed = Limit {
        mode: Mode::Observe,
        ..by_address("observed", 1, SECOND)
    };
    let off = Limit {
        mode: Mode::Off,
        ..by_address("off", 1, SECOND)
    };
    let limits = limiter
        .compile(vec![off, observed, by_address("enforced", 2, SECOND)])
        .unwrap();
    let ann = login("192.0.2.1", "ann");
    assert!(take(&limits, &ann, start).unwrap().would_refuse().is_empty());
    let charges = take(&limits, &ann, start).unwrap();
    assert_eq!(
        charges
            .would_refuse()
            .iter()
            .map(|exceeded| &*exceeded.limit)
            .collect::<Vec<_>>(),
        ["observed"]
    );
    assert_eq!(take(&limits, &ann, start).err(), Some(("enforced".into(), 1)));
}

#[test]
fn a_stage_takes_from_its_own_limits() {
    let (limiter, start) = limiter(1024);
    let early = limit("early", 1, SECOND, Part::new(Source::Address), Stage::Arrival);
    let limits = limiter.compile(vec![early, by_user("late", 1, SECOND)]).unwrap();
    assert!(limits.any(Stage::Arrival) && limits.any(Stage::Target) && !limits.any(Stage::Routed));
    let headers = HeaderMap::new();
    let arrival = Arrival {
        address: "192.0.2.1".parse().unwrap(),
        headers: &headers,
    };
    let mut passed = Vec::new();
    for stage in [Stage::Arrival, Stage::Routed, Stage::Arrival] {
        passed.push(matches!(
            ready(limits.take(stage, &arrival, start)),
            Verdict::Admitted(_)
        ));
    }
    assert_eq!(passed, [true, true, false]);
}

#[test]
fn counters_outlive_a_reload() {
    let (limiter, start) = limiter(1024);
    let compile = |requests| {
        limiter
            .compile(vec![by_address("address", requests, 60 * SECOND)])
            .unwrap()
    };
    let ann = login("192.0.2.1", "ann");
    assert!(take(&compile(1), &ann, start).is_ok());
    assert!(take(&compile(1), &ann, start).is_err());
    assert!(take(&compile(2), &ann, start).is_ok(), "another quota starts afresh");
}

#[test]
fn all_bad_limits_are_reported() {
    let (limiter, _) = limiter(1024);
    let mut early = by_user("early", 1, SECOND);
    early.stage = Stage::Routed;
    let mut nothing = by_address("nothing", 1, SECOND);
    nothing.parts.clear();
    let limits = vec![
        early,
        nothing,
        by_address("fine", 1, SECOND),
        by_address("fine", 2, SECOND),
    ];
    let expected = vec![
        LimitError::TooEarly("early".into()),
        LimitError::NoParts("nothing".into()),
        LimitError::Twice("fine".into()),
    ];
    assert_eq!(limiter.compile(limits).err(), Some(expected));
    let many = (0..=LIMITS_MAX)
        .map(|number| by_address(&number.to_string(), 1, SECOND))
        .collect();
    assert_eq!(
        limiter.compile(many).err(),
        Some(vec![LimitError::TooMany("16".into())])
    );
}

#[test]
fn guesses_from_all_threads_are_counted_once() {
    let (limiter, start) = limiter(1024);
    let limits = limiter
        .compile(vec![
            by_address("address", 100, 600 * SECOND),
            by_user("user", 50, 600 * SECOND),
        ])
        .unwrap();
    let admitted: usize = std::thread::scope(|scope| {
        let guess = || {
            (0..200)
                .filter(|_| take(&limits, &login("192.0.2.1", "ann"), start).is_ok())
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(guess)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 50);
    let others = (0..200)
        .filter(|_| take(&limits, &login("192.0.2.1", "bob"), start).is_ok())
        .count();
    assert_eq!(others, 50, "what the user limit refused was not charged to the address");
}

/// The threat: whoever has many addresses fills the counters, to exhaust memory or to have an exhausted counter forgotten.
#[test]
fn http_5_million_limiter_keys() {
    const KEYS: u32 = 1_000_000;
    const KEYS_MAX: usize = 16 * 1024;
    let store = Arc::new(MemoryStore::new(KEYS_MAX));
    let start = Instant::now();
    let limiter = Limiter::new(store.clone(), Keyer::new([3; 16]), start);
    let limits = limiter.compile(vec![by_address("address", 10, 3600 * SECOND)]).unwrap();
    let attackers = ["192.0.2.1", "198.51.100.7", "2001:db8::1"];
    for attacker in attackers {
        while take(&limits, &login(attacker, ""), start).is_ok() {}
    }
    let headers = HeaderMap::new();
    for number in 0..KEYS {
        let address = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        let facts = Arrival {
            address,
            headers: &headers,
        };
        assert!(take(&limits, &facts, start).is_ok(), "strangers are served");
        if number % 10_000 == 0 {
            for attacker in attackers {
                assert!(
                    take(&limits, &login(attacker, ""), start).is_err(),
                    "forgotten after {number} keys"
                );
            }
        }
    }
    assert_eq!(store.bytes_max(), KEYS_MAX * memory::ENTRY_BYTES);
    assert_eq!(memory::ENTRY_BYTES, 16);
    assert!(store.bytes() <= store.bytes_max());
    let least = u64::from(KEYS) - u64::try_from(KEYS_MAX).unwrap();
    assert!(
        (least..u64::from(KEYS)).contains(&store.evictions()),
        "{}",
        store.evictions()
    );
}

#[test]
fn memory_is_asked_for_when_needed() {
    let store = Arc::new(MemoryStore::new(1_000_000));
    assert_eq!(
        (store.bytes(), store.bytes_max()),
        (0, 1_000_000_usize.div_ceil(64 * WAYS) * 64 * WAYS * 16)
    );
    let start = Instant::now();
    let limits = Limiter::new(store.clone(), Keyer::new([3; 16]), start)
        .compile(vec![by_address("a", 1, SECOND)])
        .unwrap();
    assert!(take(&limits, &login("192.0.2.1", ""), start).is_ok());
    assert_eq!(store.bytes(), store.bytes_max() / memory::SHARDS);
}

#[test]
fn idle_keys_make_room_without_evictions() {
    let store = Arc::new(MemoryStore::new(1));
    let start = Instant::now();
    let limits = Limiter::new(store.clone(), Keyer::new([3; 16]), start)
        .compile(vec![by_address("a", 1, SECOND)])
        .unwrap();
    let headers = HeaderMap::new();
    for number in 0..10_000_u32 {
        let facts = Arrival {
            address: IpAddr::from(number.to_be_bytes()),
            headers: &headers,
        };
        assert!(take(&limits, &facts, start + number * SECOND).is_ok());
    }
    assert_eq!(store.evictions(), 0);
}

/// Prints what a limit costs; run it optimised with `--nocapture` for a number that means something.
#[test]
fn taking_costs_little() {
    const ROUNDS: u32 = 200_000;
    let start = Instant::now();
    let limiter = Limiter::new(Arc::new(MemoryStore::new(100_000)), Keyer::new([3; 16]), start);
    let (address, user) = (
        by_address("address", 1_000_000, SECOND),
        by_user("user", 1_000_000, SECOND),
    );
    let facts = Counted {
        address: IpAddr::from([192, 0, 2, 1]),
        headers: HeaderMap::new(),
    };
    for (name, limits) in [
        ("address", vec![address.clone()]),
        ("address and user", vec![address, user]),
    ] {
        let limits = limiter.compile(limits).unwrap();
        let began = Instant::now();
        let admitted = (0..ROUNDS)
            .filter(|_| take(&limits, std::hint::black_box(&facts), start).is_ok())
            .count();
        println!("{name}: {:?} each", began.elapsed() / ROUNDS);
        assert!(admitted > 0);
    }
}

struct Counted {
    address: IpAddr,
    headers: HeaderMap,
}

impl Facts for Counted {
    fn address(&self) -> IpAddr {
        self.address
    }
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
    fn query(&self, _: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("Ann.Example@example.org"))
    }
}
