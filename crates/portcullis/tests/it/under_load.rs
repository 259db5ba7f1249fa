//! Reloads, new certificates and graceful restarts under load: no request fails.
//!
//! Some callers keep their connections as long as they may, others take a new one for each request.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::tls::{self, Authority, Caller, Secure};
use crate::upstream::Upstream;
use crate::wire::{Answer, Client};

/// Callers that ask one request after the other.
struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<(usize, Vec<String>)>>,
}

impl Load {
    fn on(address: SocketAddr) -> Self {
        Self::of(move |stop, keeps| ask(address, stop, keeps))
    }

    /// The same in TLS.
    fn in_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let config = Arc::clone(config);
        Self::of(move |stop, keeps| ask_in_tls(address, &config, stop, keeps))
    }

    fn of(ask: impl Fn(&AtomicBool, bool) -> (usize, Vec<String>) + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let caller = |number: usize| {
            let (stop, ask) = (Arc::clone(&stop), ask.clone());
            std::thread::spawn(move || ask(&stop, number.is_multiple_of(2)))
        };
        let callers = (0..4).map(caller).collect();
        Self { stop, callers }
    }

    /// Ends it; nothing may have failed.
    #[track_caller]
    fn end(self, asked_min: usize) {
        self.stop.store(true, Ordering::Release);
        let (mut asked, mut failed) = (0, Vec::new());
        for caller in self.callers {
            let (count, failures) = caller.join().unwrap();
            asked += count;
            failed.extend(failures);
        }
        println!("{asked} requests, {} failed", failed.len());
        assert!(failed.is_empty(), "{} of {asked}: {:?}", failed.len(), &failed[0]);
        assert!(asked >= asked_min, "{asked}");
    }
}

fn ask(address: SocketAddr, stop: &AtomicBool, keeps: bool) -> (usize, Vec<String>) {
    let (mut asked, mut failed) = (0, Vec::new());
    let mut client = Client::connect(address);
    while !stop.load(Ordering::Acquire) {
        let json = [("Content-Type", "application/json")];
        let answer = client.send("POST", "/things", &json, THING.as_bytes());
        asked += 1;
        let served = (answer.status, answer.text().as_str()) == (200, THING);
        if !served {
            failed.push(format!("{answer:?}"));
        }
        if !served || !keeps || closes(&answer) {
            client = Client::connect(address);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (asked, failed)
}

fn ask_in_tls(address: SocketAddr, config: &Arc<ClientConfig>, stop: &AtomicBool, keeps: bool) -> (usize, Vec<String>) {
    let (mut asked, mut failed) = (0, Vec::new());
    let mut open = None;
    while !stop.load(Ordering::Acquire) {
        asked += 1;
        let answered = match open.take() {
            Some(stream) => Ok(stream),
            None => tls::connect(config, address, "a.example"),
        }
        .and_then(|mut stream| Ok((ask_once(&mut stream)?, stream)));
        match answered {
            Ok((answer, stream)) if answer.starts_with("HTTP/1.1 200 ") => open = Some(stream).filter(|_| keeps),
            Ok((answer, _)) => failed.push(answer),
            Err(error) => failed.push(error.to_string()),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (asked, failed)
}

/// One answer, head and body.
fn ask_once(stream: &mut Secure) -> io::Result<String> {
    stream.write_all(b"GET /things/1 HTTP/1.1\r\nHost: a.example\r\n\r\n")?;
    let mut answer = Vec::new();
    while !answer.ends_with(THING.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn closes(answer: &Answer) -> bool {
    answer.header("connection") == Some("close")
}

fn roomy(upstream: &Upstream) -> Setup {
    Setup::new(THINGS, upstream.address)
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
}

fn reloads(gate: &Gate, outcome: &str) -> f64 {
    gate.metric(&["portcullis_reloads_total", outcome])
}

#[test]
fn a_hundred_reloads_fail_no_request() {
    let upstream = Upstream::with_json(THING);
    let gate = roomy(&upstream).with("workers: 2").start();
    let load = Load::on(gate.address);
    let contract = gate.directory.read("api.yaml");
    for number in 0..100_u32 {
        let before = reloads(&gate, "applied");
        if number.is_multiple_of(2) {
            gate.signal("-HUP");
        } else {
            gate.directory.write("api.yaml", &format!("{contract}# {number}\n"));
        }
        until("a reload", || reloads(&gate, "applied") > before);
    }
    load.end(200);
    assert!(reloads(&gate, "refused") < 1.0);
}

#[test]
fn ten_new_certificates_fail_no_request() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let directory = roomy(&upstream)
        .with("workers: 2")
        .with_api("hosts: [a.example]")
        .listening("{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}}}")
        .written();
    authority.issue(&["a.example"]).write(&directory, "a");
    let gate = Gate::start(directory);
    let config = Caller::new(&authority).config();
    let load = Load::in_tls(gate.address, &config);
    let shown = || {
        let stream = tls::connect(&Caller::new(&authority).config(), gate.address, "a.example").unwrap();
        stream.conn.peer_certificates().unwrap()[0].to_vec()
    };
    for _ in 0..10 {
        let before = shown();
        authority.issue(&["a.example"]).write(&gate.directory, "a");
        gate.signal("-HUP");
        until("another certificate", || shown() != before);
    }
    load.end(100);
}

#[test]
fn ten_graceful_restarts_fail_no_request() {
    let upstream = Upstream::with_json(THING);
    let mut gate = roomy(&upstream).with("workers: 2").start();
    let load = Load::on(gate.address);
    let first = gate.id();
    for _ in 0..10 {
        let before = gate.id();
        gate.restart();
        assert_ne!(gate.id(), before);
        std::thread::sleep(Duration::from_millis(50));
    }
    load.end(100);
    assert_ne!(gate.id(), first);
    until("the processes before have ended", || gate.predecessors() == 0);
    assert_eq!(gate.wait().code(), Some(0));
    gate.signal("-TERM");
    gate.wait_for_all();
}

#[test]
fn any_number_of_workers_takes_over_from_any_other() {
    let upstream = Upstream::with_json(THING);
    let mut gate = roomy(&upstream).with("workers: 2").start();
    let configuration = gate.directory.read("gate.yaml");
    let load = Load::on(gate.address);
    for workers in [1, 4, 3, 1, 2] {
        let changed = configuration.replace("workers: 2", &format!("workers: {workers}"));
        gate.directory.write("gate.yaml", &changed);
        gate.restart();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            assert_eq!(gate.post("/things", THING).status, 200, "{workers} workers");
        }
    }
    load.end(100);
}
