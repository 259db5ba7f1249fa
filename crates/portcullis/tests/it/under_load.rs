//! Reloads, new certificates, graceful restarts and upstreams that move, under load: no request fails.
//!
//! Some callers keep their connections as long as they may, others take a new one for each request.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::gate::{Directory, Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::tls::{self, Authority, Caller, Secure};
use crate::upstream::{Upstream, ok};
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

/// Enters a user namespace and a mount namespace of its own, which needs no privileges where the system allows it.
const NAMESPACES: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// Whether there may be such namespaces; said aloud where not.
fn namespaces() -> bool {
    let entered = Command::new("unshare").args(NAMESPACES).arg("true").status();
    let may = entered.is_ok_and(|status| status.success());
    if !may {
        println!("NOT TESTED: a name that moves needs `unshare {}`", NAMESPACES.join(" "));
    }
    may
}

/// Starts a gate for which the file `hosts` of its directory is `/etc/hosts`: the resolver of the system reads it at every
/// look-up.
fn start_with_hosts(directory: Directory) -> Gate {
    let mut command = Command::new("unshare");
    command
        .args(NAMESPACES)
        .args(["sh", "-c", "mount --bind hosts /etc/hosts && exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "-c", "gate.yaml"])
        .current_dir(&directory.0)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Gate::start_by(command, directory)
}

/// Lets the name lead to this upstream alone. Written over what was there, so that no reader finds the file empty.
fn lead_to(upstream: &Upstream, directory: &Directory) {
    let path = directory.0.join("hosts");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .unwrap();
    let line = format!("{} moved.test\n", upstream.address.ip());
    file.write_all(line.as_bytes()).unwrap();
}

/// Upstreams at addresses of this machine, all with the same port.
fn homes() -> [Upstream; 4] {
    let bytes = ok("application/json", THING);
    let mut port = 0;
    [2, 3, 4, 5].map(|last| {
        let bytes = bytes.clone();
        let upstream = Upstream::at(SocketAddr::from(([127, 0, 0, last], port)), move |_, stream| {
            stream.write_all(&bytes).is_ok()
        });
        port = upstream.address.port();
        upstream
    })
}

/// Moves an upstream's name on, and ends what is at the old address as soon as nobody uses it.
fn move_under_load(settings: &str) {
    if !namespaces() {
        return;
    }
    let [mut home, others @ ..] = homes();
    let url = format!("http://moved.test:{}", home.address.port());
    let directory = roomy(&home)
        .upstream(&format!("{{url: '{url}', resolve_seconds_max: 1{settings}}}"))
        .with("workers: 2")
        .written();
    lead_to(&home, &directory);
    let gate = start_with_hosts(directory);
    let load = Load::on(gate.address);
    until("requests arrive", || home.seen().len() > 50);
    for next in others {
        lead_to(&next, &gate.directory);
        until("requests arrive at the new address", || next.seen().len() > 50);
        until("nobody is left at the old address", || home.open() == 0);
        // The one before ends here: who would still connect there would be refused.
        home = next;
    }
    until("requests go on", || home.seen().len() > 200);
    load.end(100);
}

#[test]
fn an_upstream_moves_three_times_and_no_request_fails() {
    move_under_load("");
}

#[test]
fn endpoints_that_are_the_addresses_of_a_name_move_three_times_and_no_request_fails() {
    move_under_load(", resolve: each");
}
