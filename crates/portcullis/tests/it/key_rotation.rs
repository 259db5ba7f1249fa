//! Keys of an issuer that change while tokens come in all the time: no good token is refused, and no retired key is believed.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::gate::{Gate, Setup, until};
use crate::http::THING;
use crate::tokens::{CONTRACT, Issuer, get, key_set};
use crate::upstream::{Upstream, answer, ok};

/// An issuer's endpoint of keys: down while there are none.
struct Endpoint {
    server: Upstream,
    keys: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Endpoint {
    fn new(first: &[&Issuer]) -> Self {
        let (keys, asked) = (
            Arc::new(Mutex::new(Some(key_set(first)))),
            Arc::new(AtomicUsize::new(0)),
        );
        let (served, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let server = Upstream::start(move |_, stream| {
            count.fetch_add(1, Ordering::AcqRel);
            let answer = match &*served.lock().unwrap() {
                Some(keys) => ok("application/json", keys),
                None => answer("503 Service Unavailable", &[], b""),
            };
            stream.write_all(&answer).is_ok()
        });
        Self { server, keys, asked }
    }

    fn publish(&self, issuers: &[&Issuer]) {
        *self.keys.lock().unwrap() = Some(key_set(issuers));
    }

    /// Publishes, and waits until everybody who asks often enough has it.
    fn announce(&self, issuers: &[&Issuer]) {
        self.publish(issuers);
        let before = self.asked.load(Ordering::Acquire);
        // The first of these may have been answered before.
        until("the keys were fetched", || {
            self.asked.load(Ordering::Acquire) >= before + 2
        });
        std::thread::sleep(Duration::from_millis(100));
    }

    fn gate(&self, upstream: &Upstream, times: &str) -> Gate {
        Setup::new(CONTRACT, upstream.address)
            .with("workers: 2")
            .with("arrival_limit: {requests: 1000000, per: 1s}")
            .with("failed_authentication_limit: {requests: 1000000, per: 1s}")
            .with(&format!(
                "issuers: [{{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {{url: 'http://{}/jwks', dangerous_private_address: true{times}}}}}]",
                self.server.address
            ))
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
            .start()
    }
}

/// Callers that present tokens of whoever signs now, new ones and ones that they had before.
struct Load {
    stop: Arc<AtomicBool>,
    signs: Arc<Mutex<Arc<Issuer>>>,
    callers: Vec<JoinHandle<(usize, Vec<String>)>>,
}

impl Load {
    fn on(gate: &Arc<Gate>, first: &Arc<Issuer>) -> Self {
        let (stop, signs) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(Arc::clone(first))),
        );
        let caller = |number: usize| {
            let (gate, stop, signs) = (Arc::clone(gate), Arc::clone(&stop), Arc::clone(&signs));
            std::thread::spawn(move || present(&gate, &stop, &signs, number.is_multiple_of(2)))
        };
        let callers = (0..4).map(caller).collect();
        Self { stop, signs, callers }
    }

    /// From now on somebody else signs.
    fn sign_with(&self, issuer: &Arc<Issuer>) {
        *self.signs.lock().unwrap() = Arc::clone(issuer);
    }

    /// Ends it; nothing may have been refused.
    #[track_caller]
    fn end(self, least: usize) {
        self.stop.store(true, Ordering::Release);
        let (mut presented, mut refused) = (0, Vec::new());
        for caller in self.callers {
            let (count, refusals) = caller.join().unwrap();
            presented += count;
            refused.extend(refusals);
        }
        println!("{presented} good tokens, {} refused", refused.len());
        assert!(refused.is_empty(), "{} of {presented}: {}", refused.len(), refused[0]);
        assert!(presented >= least, "{presented}");
    }
}

fn present(gate: &Gate, stop: &AtomicBool, signs: &Mutex<Arc<Issuer>>, keeps: bool) -> (usize, Vec<String>) {
    let (mut presented, mut refused) = (0, Vec::new());
    let mut kept: Option<(Arc<Issuer>, String)> = None;
    while !stop.load(Ordering::Acquire) {
        let issuer = Arc::clone(&signs.lock().unwrap());
        let known = kept.take().filter(|(signer, _)| keeps && Arc::ptr_eq(signer, &issuer));
        let token = known.map_or_else(|| issuer.token(), |(_, token)| token);
        let answer = get(gate, &token);
        presented += 1;
        if answer.status != 200 {
            refused.push(format!("{answer:?}"));
        }
        kept = Some((issuer, token));
        std::thread::sleep(Duration::from_millis(2));
    }
    (presented, refused)
}

/// How long a retired key may still be believed: what the gate takes to ask again, and some slack for a busy machine.
const GRACE: Duration = Duration::from_secs(2);

#[test]
fn jose_23_keys_roll_and_no_good_token_is_refused_and_no_retired_key_is_believed() {
    let start = Instant::now();
    let [first, second, third] = ["first", "second", "third"].map(|kid| Arc::new(Issuer::new(kid)));
    let (upstream, endpoint) = (Upstream::with_json(THING), Endpoint::new(&[&first]));
    let gate = Arc::new(endpoint.gate(&upstream, ", refresh_seconds: 0.2, stale_seconds_max: 60"));
    until("the keys are there", || get(&gate, &first.token()).status == 200);
    let load = Load::on(&gate, &first);
    let remembered = first.token();
    assert_eq!(get(&gate, &remembered).status, 200);

    endpoint.announce(&[&first, &second]);
    load.sign_with(&second);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(get(&gate, &remembered).status, 200, "the old key still counts");

    endpoint.publish(&[&second]);
    std::thread::sleep(GRACE);
    for _ in 0..100 {
        get(&gate, &first.token()).is_refused(401, "authentication.required");
        get(&gate, &remembered).is_refused(401, "authentication.required");
    }

    // The endpoint is down, and what names keys that nobody knows does not harm those that are known.
    *endpoint.keys.lock().unwrap() = None;
    let down = Instant::now();
    while down.elapsed() < Duration::from_secs(2) {
        assert_eq!(get(&gate, &second.token()).status, 200);
        get(&gate, &first.token()).is_refused(401, "authentication.required");
        get(&gate, &third.token()).is_refused(401, "authentication.required");
    }
    assert!(gate.metric(&["portcullis_issuer_key_fetches_total", "failed"]) >= 1.0);

    endpoint.announce(&[&second, &third]);
    load.sign_with(&third);
    std::thread::sleep(Duration::from_millis(300));
    endpoint.publish(&[&third]);
    std::thread::sleep(GRACE);
    get(&gate, &second.token()).is_refused(401, "authentication.required");
    load.end(300);
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
}

#[test]
fn jose_23_a_key_that_nobody_announced_is_fetched_while_its_tokens_wait() {
    let [first, second] = ["first", "second"].map(|kid| Arc::new(Issuer::new(kid)));
    let (upstream, endpoint) = (Upstream::with_json(THING), Endpoint::new(&[&first]));
    let gate = Arc::new(endpoint.gate(&upstream, ""));
    until("the keys are there", || get(&gate, &first.token()).status == 200);
    let load = Load::on(&gate, &first);
    // Nothing is fetched again so soon after a fetch.
    std::thread::sleep(Duration::from_millis(10_500));
    assert_eq!(endpoint.asked.load(Ordering::Acquire), 1);
    endpoint.publish(&[&first, &second]);
    load.sign_with(&second);
    std::thread::sleep(Duration::from_millis(500));
    // A flood of keys that there are not has them fetched no more.
    let stranger = Issuer::new("stranger");
    for _ in 0..200 {
        get(&gate, &stranger.token()).is_refused(401, "authentication.required");
    }
    assert_eq!(endpoint.asked.load(Ordering::Acquire), 2, "the flood fetched nothing");
    load.end(500);
}
