//! Several endpoints behind one API: shares, failures, retries, circuits, canaries and mirrors, through the real program.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::{Upstream, answer, ok};
use crate::wire::{Answer, Client};

/// A gate in front of this upstream, whose rate limits are out of the way.
fn setup(upstream: &str) -> Setup {
    Setup::new(THINGS, SocketAddr::from(([127, 0, 0, 1], 1)))
        .upstream(upstream)
        .with("workers: 2")
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
}

/// An endpoint that answers everything with its name.
fn named(name: &str) -> Upstream {
    Upstream::with_json(&format!(r#"{{"name":"{name}"}}"#))
}

fn urls(upstreams: &[&Upstream]) -> String {
    let urls = upstreams
        .iter()
        .map(|upstream| format!("'http://{}'", upstream.address));
    urls.collect::<Vec<_>>().join(", ")
}

/// Which endpoint answered.
#[track_caller]
fn who(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["name"].as_str().unwrap().to_owned()
}

/// How often each endpoint answered one of so many requests with these headers.
fn counts(gate: &Gate, requests: usize, headers: &[(&str, &str)]) -> BTreeMap<String, usize> {
    let (mut client, mut counts) = (gate.client(), BTreeMap::new());
    for _ in 0..requests {
        *counts
            .entry(who(&client.send("GET", "/things", headers, b"")))
            .or_default() += 1;
    }
    counts
}

/// An endpoint that can be killed, with all its connections, and come back at the same address.
struct Mortal {
    name: String,
    address: SocketAddr,
    life: Option<Life>,
    met: Arc<AtomicUsize>,
}

struct Life {
    ended: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Mortal {
    fn new(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut mortal = Self {
            name: name.to_owned(),
            address: listener.local_addr().unwrap(),
            life: None,
            met: Arc::default(),
        };
        mortal.live(listener);
        mortal
    }

    fn live(&mut self, listener: TcpListener) {
        let (ended, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        self.life = Some(Life {
            ended: Arc::clone(&ended),
            open: Arc::clone(&open),
        });
        let (met, bytes) = (
            Arc::clone(&self.met),
            ok("application/json", &format!(r#"{{"name":"{}"}}"#, self.name)),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                open.lock().unwrap().push(stream.try_clone().unwrap());
                let (met, bytes) = (Arc::clone(&met), bytes.clone());
                std::thread::spawn(move || {
                    crate::upstream::each(&stream, &mut |_, writer| {
                        met.fetch_add(1, Ordering::AcqRel);
                        writer.write_all(&bytes).is_ok()
                    });
                });
            }
        });
    }

    fn kill(&mut self) {
        let Life { ended, open } = self.life.take().unwrap();
        ended.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        for stream in open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        until("the address is free", || TcpStream::connect(self.address).is_err());
    }

    fn revive(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.live(listener);
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if self.life.is_some() {
            self.kill();
        }
    }
}

#[test]
fn endpoints_killed_and_returned_under_load_fail_no_idempotent_request() {
    let mut endpoints: Vec<_> = ["a", "b", "c"].map(Mortal::new).into();
    let urls: Vec<_> = endpoints
        .iter()
        .map(|endpoint| format!("'http://{}'", endpoint.address))
        .collect();
    let health = "health: {failures_max: 2, ejection_seconds: 0.2, ejection_seconds_max: 0.4}";
    let gate = setup(&format!("{{endpoints: [{}], {health}}}", urls.join(", "))).start();
    let (stop, address) = (Arc::new(AtomicBool::new(false)), gate.address);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || keep_asking(address, &stop))
        })
        .collect();
    for round in 0..6 {
        let endpoint = &mut endpoints[round % 3];
        std::thread::sleep(Duration::from_millis(200));
        endpoint.kill();
        std::thread::sleep(Duration::from_millis(300));
        endpoint.revive();
        let before = endpoint.met.load(Ordering::Acquire);
        until("it gets requests again", || {
            endpoint.met.load(Ordering::Acquire) > before + 20
        });
    }
    stop.store(true, Ordering::Release);
    let (mut asked, mut failed) = (0, Vec::new());
    for client in clients {
        let (count, failures) = client.join().unwrap();
        asked += count;
        failed.extend(failures);
    }
    assert!(failed.is_empty(), "{} of {asked}: {:?}", failed.len(), &failed[0]);
    assert!(asked > 1000, "{asked}");
    assert!(gate.metric(&["portcullis_endpoint_ejections_total"]) >= 1.0);
    assert!(gate.metric(&["portcullis_endpoint_retries_total"]) >= 1.0);
}

fn keep_asking(address: SocketAddr, stop: &AtomicBool) -> (usize, Vec<String>) {
    let (mut asked, mut failed) = (0, Vec::new());
    let mut client = Client::connect(address);
    while !stop.load(Ordering::Acquire) {
        let answer = client.send("GET", "/things", &[], b"");
        asked += 1;
        if answer.status != 200 {
            failed.push(format!("{answer:?}"));
            client = Client::connect(address);
        }
    }
    (asked, failed)
}

#[test]
fn shares_are_those_of_the_weights() {
    let (heavy, light) = (named("heavy"), named("light"));
    let gate = setup(&format!(
        "{{endpoints: [{{url: 'http://{}', weight: 3}}, 'http://{}']}}",
        heavy.address, light.address
    ))
    .start();
    let counts = counts(&gate, 400, &[]);
    assert!((260..=340).contains(&counts["heavy"]), "{counts:?}");
}

#[test]
fn requests_stick_by_a_value_and_only_those_of_a_lost_endpoint_move() {
    let mut endpoints: Vec<_> = ["a", "b", "c"].map(Mortal::new).into();
    let urls: Vec<_> = endpoints
        .iter()
        .map(|endpoint| format!("'http://{}'", endpoint.address))
        .collect();
    // Neither is declared by the contract, so neither reaches the endpoints.
    for (sticky, name) in [("{header: X-User}", "X-User"), ("{cookie: sid}", "Cookie")] {
        let health = "health: {failures_max: 1, ejection_seconds: 60}";
        let gate = setup(&format!(
            "{{endpoints: [{}], sticky: {sticky}, {health}}}",
            urls.join(", ")
        ))
        .start();
        let value = |number: usize| match name {
            "Cookie" => format!("a=b; sid=user-{number}"),
            _ => format!("user-{number}"),
        };
        let home = |number: usize| {
            let counts = counts(&gate, 5, &[(name, &value(number))]);
            assert_eq!(counts.len(), 1, "{counts:?}");
            counts.into_keys().next().unwrap()
        };
        let homes: Vec<_> = (0..30).map(home).collect();
        for known in ["a", "b", "c"] {
            assert!(homes.iter().any(|home| home == known), "{homes:?}");
        }
        endpoints[1].kill();
        for (number, before) in homes.iter().enumerate() {
            let after = home(number);
            assert!(after != "b" && (before == "b" || after == *before), "{before} {after}");
        }
        endpoints[1].revive();
    }
}

#[test]
fn a_canary_gets_its_share_and_who_names_it() {
    let (stable, canary) = (named("stable"), named("canary"));
    let gate = setup(&format!(
        "{{url: 'http://{}', canary: {{endpoints: ['http://{}'], percent: 10, header: {{name: X-Canary, value: 'yes'}}}}}}",
        stable.address, canary.address
    ))
    .start();
    let drawn = counts(&gate, 600, &[]);
    assert!((25..=100).contains(&drawn["canary"]), "{drawn:?}");
    assert_eq!(counts(&gate, 20, &[("X-Canary", "yes")])["canary"], 20);
    let others = counts(&gate, 60, &[("X-Canary", "no")]);
    assert!(others["stable"] > 30, "{others:?}");
    drop(canary);
}

#[test]
fn where_the_canary_is_dead_the_others_step_in() {
    let (stable, mut canary) = (named("stable"), Mortal::new("canary"));
    let gate = setup(&format!(
        "{{url: 'http://{}', canary: {{endpoints: ['http://{}'], percent: 100}}}}",
        stable.address, canary.address
    ))
    .start();
    assert_eq!(counts(&gate, 5, &[])["canary"], 5);
    canary.kill();
    assert_eq!(counts(&gate, 10, &[])["stable"], 10);
}

#[test]
fn a_mirror_gets_copies_of_what_is_safe_and_never_slows() {
    let (main, mirror) = (named("main"), named("mirror"));
    let written = |more: &str| {
        format!(
            "{{url: 'http://{}', mirror: {{url: 'http://{}'{more}}}}}",
            main.address, mirror.address
        )
    };
    let gate = setup(&written("")).start();
    assert_eq!(counts(&gate, 20, &[])["main"], 20);
    until("the copies are there", || mirror.seen().len() == 20);
    assert_eq!(mirror.seen()[0].line, "GET /things HTTP/1.1");
    assert_eq!(
        mirror.seen()[0].header("host"),
        Some(mirror.address.to_string().as_str())
    );
    assert_eq!(gate.post("/things", THING).status, 200);
    drop(gate);
    assert_eq!(mirror.seen().len(), 20, "a POST is not copied");
    let gate = setup(&written(", dangerous_unsafe_methods: true")).start();
    assert_eq!(gate.post("/things", THING).status, 200);
    until("the copy is there", || mirror.seen().len() == 21);
    assert_eq!(mirror.seen()[20].body, THING.as_bytes());
    // One that never answers holds a few copies, and no request.
    let stuck = Upstream::start(|_, _| {
        std::thread::sleep(Duration::from_secs(30));
        false
    });
    let gate = setup(&format!(
        "{{url: 'http://{}', mirror: {{url: 'http://{}', copies_max: 3}}}}",
        main.address, stuck.address
    ))
    .start();
    let start = Instant::now();
    assert_eq!(counts(&gate, 50, &[])["main"], 50);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    until("what has no room is told", || {
        gate.metric(&["portcullis_mirrored_total", "left_out"]) >= 47.0
    });
    assert!(gate.metric(&["portcullis_mirrored_total", "sent"]) <= 3.0);
}

/// An endpoint that answers 503 as long as it is told to, and then as `named` does.
fn busy(name: &str) -> (Upstream, Arc<AtomicBool>) {
    let busy = Arc::new(AtomicBool::new(true));
    let (told, good) = (
        Arc::clone(&busy),
        ok("application/json", &format!(r#"{{"name":"{name}"}}"#)),
    );
    let upstream = Upstream::start(move |_, stream| {
        let bytes = match told.load(Ordering::Acquire) {
            true => answer("503 Service Unavailable", &[], b""),
            false => good.clone(),
        };
        stream.write_all(&bytes).is_ok()
    });
    (upstream, busy)
}

#[test]
fn what_may_be_repeated_goes_to_another_endpoint_after_503() {
    let ((bad, _), good) = (busy("bad"), named("good"));
    let health = "health: {failures_max: 10000, outlier: {percent: 100, requests_min: 100000}}";
    let upstream = format!(
        "{{endpoints: [{}], retries: {{statuses: [503], budget_percent: 100, budget_burst: 1000}}, {health}}}",
        urls(&[&bad, &good])
    );
    let gate = setup(&upstream).start();
    assert_eq!(counts(&gate, 50, &[])["good"], 50);
    assert!(bad.seen().len() > 5, "{}", bad.seen().len());
    // A POST is answered by whoever got it.
    let posts: Vec<_> = (0..30).map(|_| gate.post("/things", THING).status).collect();
    assert!(posts.contains(&502) && posts.contains(&200), "{posts:?}");
    let marked = THINGS.replace(
        "operationId: makeThing",
        "operationId: makeThing\n      x-portcullis: {retry: always}",
    );
    assert_ne!(marked, THINGS);
    gate.directory.write("api.yaml", &marked);
    until("the mark is in force", || {
        (0..20).all(|_| gate.post("/things", THING).status == 200)
    });
}

#[test]
fn a_request_that_no_endpoint_has_seen_is_sent_to_another_whatever_its_method() {
    let (mut dead, alive) = (Mortal::new("dead"), named("alive"));
    dead.kill();
    let gate = setup(&format!(
        "{{endpoints: ['http://{}', 'http://{}']}}",
        dead.address, alive.address
    ))
    .start();
    for _ in 0..30 {
        assert_eq!(gate.post("/things", THING).status, 200);
    }
    assert!(gate.metric(&["portcullis_endpoint_failures_total", "connect"]) >= 1.0);
}

#[test]
fn what_may_never_be_repeated_is_not_sent_again_on_a_fresh_connection_either() {
    let check = |settings: &str, retry: &str, status: u16, sent: usize| {
        // Answers the first request of each connection, and reads the second and goes.
        let known = Mutex::new(HashSet::new());
        let upstream = Upstream::start(move |_, stream| {
            let is_first = known.lock().unwrap().insert(stream.peer_addr().unwrap());
            is_first && stream.write_all(&ok("application/json", THING)).is_ok()
        });
        let gate = Setup::new(THINGS, upstream.address)
            .upstream(&format!("{{url: 'http://{}'{settings}}}", upstream.address))
            .with("workers: 1")
            .with_api(&format!("policy: {{retry: {retry}}}"))
            .start();
        assert_eq!(gate.get("/things").status, 200);
        assert_eq!(gate.get("/things").status, status, "{settings} {retry}");
        assert_eq!(upstream.seen().len(), sent, "{settings} {retry}");
    };
    for settings in ["", ", breaker: {requests_min: 100}"] {
        check(settings, "idempotent", 200, 3);
        check(settings, "never", 502, 2);
    }
}

#[test]
fn retries_stay_within_their_budget_in_an_outage() {
    let broken = || Upstream::start(|_, _| false);
    let (one, other) = (broken(), broken());
    let upstream = format!(
        "{{endpoints: [{}], retries: {{retries_max: 3, budget_percent: 20, budget_burst: 5, pause_seconds_max: 0.001}}}}",
        urls(&[&one, &other])
    );
    let gate = setup(&upstream).start();
    for _ in 0..100 {
        gate.get("/things").is_refused(502, "upstream.error");
    }
    let attempts = one.seen().len() + other.seen().len();
    assert!((101..=100 + 20 + 5).contains(&attempts), "{attempts}");
    assert!(gate.metric(&["portcullis_retries_denied_total"]) >= 1.0);
}

#[test]
fn an_open_circuit_refuses_at_once_and_closes_when_the_endpoint_answers_again() {
    let (bad, is_bad) = busy("bad");
    let gate = setup(&format!(
        "{{url: 'http://{}', breaker: {{requests_min: 5, open_seconds: 1.5, trials: 2}}}}",
        bad.address
    ))
    .start();
    for _ in 0..5 {
        gate.get("/things").is_refused(502, "upstream.error");
    }
    let refused = gate.get("/things");
    refused.is_refused(503, "upstream.circuit_open");
    assert!(matches!(refused.header("retry-after"), Some("1" | "2")), "{refused:?}");
    assert_eq!(bad.seen().len(), 5, "nothing is sent there");
    assert_eq!(gate.metric(&["portcullis_endpoint_circuit", "open"]), 1.0);
    is_bad.store(false, Ordering::Release);
    until("it closes", || gate.get("/things").status == 200);
    for _ in 0..10 {
        assert_eq!(gate.get("/things").status, 200);
    }
    assert_eq!(gate.metric(&["portcullis_endpoint_circuit", "closed"]), 1.0);
}

/// Uploads bytes without a schema, one at a time, until it is answered.
pub(crate) fn upload_slowly(gate: &Gate, target: &str) -> Answer {
    let mut client = gate.client();
    let head = "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write(format!("POST {target} HTTP/1.1\r\nHost: {}\r\n{head}", gate.address).as_bytes());
    let pace = Some(Duration::from_millis(100));
    client.stream.set_read_timeout(pace).unwrap();
    let answered = (0..100).any(|_| {
        client.write(b"1\r\n-\r\n");
        client.stream.peek(&mut [0]).is_ok()
    });
    assert!(answered, "ten seconds were too few");
    client.answer(false)
}

/// That nothing speaks against the endpoint.
#[track_caller]
pub(crate) fn nobody_is_blamed(gate: &Gate) {
    assert_eq!(gate.metric(&["portcullis_endpoint_failures_total"]), 0.0);
    assert_eq!(gate.metric(&["portcullis_endpoint_ejections_total"]), 0.0);
    assert_eq!(gate.metric(&["portcullis_endpoint_circuit", "open"]), 0.0);
}

/// What makes a single failure of an endpoint count for all that it can.
pub(crate) const TOUCHY: &str = "breaker: {requests_min: 1}, health: {failures_max: 1}";

#[test]
fn http_5_a_caller_that_uploads_slowly_is_not_its_endpoints_fault() {
    let contract = THINGS.replace(
        "text/plain: {schema: {type: string, maxLength: 100}}",
        "application/octet-stream: {}",
    );
    assert_ne!(contract, THINGS);
    for settings in [String::new(), format!(", {TOUCHY}")] {
        let upstream = Upstream::with_json(THING);
        let gate = Setup::new(&contract, upstream.address)
            .upstream(&format!("{{url: 'http://{}'{settings}}}", upstream.address))
            .with_api("policy: {timeouts: {total_seconds_max: 0.5}}")
            .start();
        for _ in 0..2 {
            upload_slowly(&gate, "/things").is_refused_as(&settings, 408, "http.timeout");
        }
        nobody_is_blamed(&gate);
        assert_eq!(gate.get("/things").status, 200, "{settings}");
    }
}

#[test]
fn an_endpoint_gets_no_more_at_once_than_it_may() {
    let slow = Upstream::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(400));
        stream.write_all(&ok("application/json", THING)).is_ok()
    });
    let gate = setup(&format!("{{url: 'http://{}', requests_max: 2}}", slow.address)).start();
    let address = gate.address;
    let asking: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(move || Client::connect(address).send("GET", "/things", &[], b"")))
        .collect();
    let mut statuses = Vec::new();
    for answer in asking.into_iter().map(|asking| asking.join().unwrap()) {
        if answer.status != 200 {
            answer.is_refused(503, "upstream.overloaded");
        }
        statuses.push(answer.status);
    }
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    assert_eq!(gate.get("/things").status, 200, "the places are given back");
}

/// An endpoint whose health is as told.
fn ailing(name: &str) -> (Upstream, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let (told, good) = (
        Arc::clone(&well),
        ok("application/json", &format!(r#"{{"name":"{name}"}}"#)),
    );
    let upstream = Upstream::start(move |seen, stream| {
        let bytes = match seen.line.starts_with("GET /healthz ") && !told.load(Ordering::Acquire) {
            true => answer("500 Internal Server Error", &[], b""),
            false => good.clone(),
        };
        stream.write_all(&bytes).is_ok()
    });
    (upstream, well)
}

#[test]
fn an_endpoint_that_says_it_is_ill_gets_nothing_until_it_is_well() {
    let ((one, one_is_well), (other, other_is_well)) = (ailing("one"), ailing("other"));
    let health = "health: {path: /healthz, interval_seconds: 0.05, up_after: 2, down_after: 2}";
    let gate = setup(&format!("{{endpoints: [{}], {health}}}", urls(&[&one, &other]))).start();
    let is_down = |count: f64| gate.metric(&["portcullis_endpoint_service", "down"]) >= count;
    assert_eq!(counts(&gate, 50, &[]).len(), 2);
    one_is_well.store(false, Ordering::Release);
    until("one is down", || is_down(1.0));
    assert_eq!(counts(&gate, 50, &[])["other"], 50);
    assert_eq!(gate.admin("/readyz").text(), "ok\n");
    // Where all are down all are tried, and operators are told.
    other_is_well.store(false, Ordering::Release);
    until("both are down", || is_down(2.0));
    assert_eq!(counts(&gate, 50, &[]).len(), 2);
    let told = gate.admin("/readyz");
    assert_eq!(
        (told.status, told.text().as_str()),
        (200, "ok\nno endpoint of `api` is in service\n")
    );
    one_is_well.store(true, Ordering::Release);
    until("one is back", || counts(&gate, 20, &[]).get("one") == Some(&20));
}

#[test]
fn the_log_tells_why_an_endpoint_is_left_out_and_when_it_is_tried_again() {
    let (mut dead, alive) = (Mortal::new("dead"), named("alive"));
    dead.kill();
    let health = "health: {failures_max: 1, ejection_seconds: 0.3, ejection_seconds_max: 0.3}";
    let upstream = format!(
        "{{endpoints: ['http://{}', 'http://{}'], {health}}}",
        dead.address, alive.address
    );
    let gate = setup(&upstream).start();
    let told = |message: &str, key: &str, value: &str| {
        let log = gate.log();
        let mut lines = log
            .iter()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let dead = dead.address.to_string();
        lines.any(|line| line["message"] == message && line[key] == value && line["endpoint"] == dead)
    };
    until("it is left out", || {
        counts(&gate, 5, &[]);
        told("the endpoint is left out", "cause", "connect")
    });
    // Nobody sends anything meanwhile.
    until("it is tried again", || {
        told("the endpoint is tried again", "api", "api")
    });
}

#[test]
fn what_is_known_of_an_endpoint_outlives_a_reload() {
    let (mut dead, alive) = (Mortal::new("dead"), named("alive"));
    dead.kill();
    let health = "health: {failures_max: 1, ejection_seconds: 60}";
    let upstream = format!(
        "{{endpoints: ['http://{}', 'http://{}'], {health}}}",
        dead.address, alive.address
    );
    let gate = setup(&upstream).start();
    let is_out = || gate.metric(&["portcullis_endpoint_service", "ejected"]) >= 1.0;
    until("it is left out", || {
        counts(&gate, 5, &[]);
        is_out()
    });
    // Another endpoint comes, and the weight of one changes.
    let (third, before) = (named("third"), gate.directory.read("gate.yaml"));
    let more = format!(
        "{{url: 'http://{}', weight: 2}}, 'http://{}'",
        alive.address, third.address
    );
    let after = before.replace(&format!("'http://{}'", alive.address), &more);
    assert_ne!(before, after);
    gate.directory.write("gate.yaml", &after);
    until("the third is met", || counts(&gate, 20, &[]).contains_key("third"));
    assert!(is_out());
    assert_eq!(gate.metric(&["portcullis_endpoint_ejections_total"]), 1.0);
}

#[test]
fn each_address_of_a_name_may_be_an_endpoint() {
    let upstream = named("local");
    let url = format!("http://localhost:{}", upstream.address.port());
    let gate = setup(&format!("{{url: '{url}', resolve: each, resolve_seconds_max: 1}}")).start();
    let label = format!("localhost:{}/127.0.0.1", upstream.address.port());
    until("the name is looked up", || gate.metrics().contains(&label));
    assert_eq!(counts(&gate, 20, &[])["local"], 20);
    assert_eq!(
        upstream.seen()[0].header("host"),
        Some(url.trim_start_matches("http://"))
    );
}
