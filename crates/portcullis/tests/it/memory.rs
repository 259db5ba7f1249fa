//! Memory and time under hostile load, in small (full size: bench/hostile/run): the gate stays under a stated bound, and an
//! ordinary caller is served within a stated time.

use std::time::{Duration, Instant};

use crate::gate::{Gate, Setup};
use crate::http::{THING, THINGS};
use crate::upstream::{Upstream, ok};
use crate::wire::Client;

/// What the process may hold, whatever is done to it here.
const RESIDENT_BYTES_MAX: u64 = 96 << 20;
/// How long an ordinary caller may wait meanwhile, on a machine that runs other tests too.
const ORDINARY_TIME_MAX: Duration = Duration::from_secs(2);

#[track_caller]
fn others_are_served(gate: &Gate, what: &str) {
    let start = Instant::now();
    let answer = gate.post("/things", THING);
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert!(start.elapsed() < ORDINARY_TIME_MAX, "{what}: {:?}", start.elapsed());
    let resident = gate.resident_bytes();
    assert!(resident < RESIDENT_BYTES_MAX, "{what}: {resident} bytes");
}

fn roomy(upstream: &Upstream) -> Setup {
    Setup::new(THINGS, upstream.address)
        .with("workers: 2")
        .with("trusted_proxies: [127.0.0.1/32]")
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with("log: {requests: none}")
}

#[test]
fn slow_clients_neither_fill_the_gate_nor_stop_it() {
    let upstream = Upstream::with_json(THING);
    let gate = roomy(&upstream)
        .with("connection: {connections_per_address_max: 400, connections_max: 400}")
        .start();
    let mut clients: Vec<Client> = (0..300).map(|_| gate.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let half = match number % 3 {
            0 => "POST /things HTTP/1.1\r\nHost: ".to_owned(),
            1 => format!(
                "POST /things HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{{",
                gate.address
            ),
            _ => format!("GET /things HTTP/1.1\r\nX-Long: {}", "a".repeat(20_000)),
        };
        client.write(half.as_bytes());
    }
    others_are_served(&gate, "slow clients");
    // Over the bound the next are turned away, and told so or cut.
    let more: Vec<Client> = (0..150).map(|_| gate.client()).collect();
    std::thread::sleep(Duration::from_millis(100));
    assert!(gate.metric(&["portcullis_connections_refused_total"]) >= 50.0);
    drop((clients, more));
    crate::gate::until("there is room again", || gate.get("/things").status == 200);
}

#[test]
fn many_limiter_keys_stay_bounded() {
    let upstream = Upstream::with_json(THING);
    let gate = roomy(&upstream).start();
    let start = Instant::now();
    let mut client = gate.client();
    for number in 0..20_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let headers = [("X-Forwarded-For", format!("11.{a}.{b}.{c}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = client.send("GET", "/nothing", &headers, b"");
        assert_eq!(answer.status, 404);
        if start.elapsed() > Duration::from_secs(8) {
            break;
        }
    }
    others_are_served(&gate, "many keys");
}

#[test]
fn an_endless_body_ends_at_its_bound() {
    let upstream = Upstream::with_json(THING);
    let gate = roomy(&upstream).start();
    let mut clients: Vec<Client> = (0..8).map(|_| gate.client()).collect();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for client in &mut clients {
        let head = format!(
            "POST /things HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            gate.address
        );
        client.write(head.as_bytes());
        for _ in 0..64 {
            client.write(chunk.as_bytes());
        }
    }
    others_are_served(&gate, "endless bodies");
    for client in &mut clients {
        let answer = client.answer(false);
        // The answer can be lost where the gate closes while the client is still writing.
        assert!(matches!(answer.status, 0 | 413), "{answer:?}");
    }
    upstream.one();
}

#[test]
fn json_of_any_depth_is_refused_without_a_stack() {
    let upstream = Upstream::with_json(THING);
    let gate = roomy(&upstream).start();
    let deep = [
        "[".repeat(100_000),
        format!("{}{}", r#"{"part":"#.repeat(100_000), "}".repeat(100_000)),
        format!(
            r#"{{"name":"a","part":{}1{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
    ];
    for body in &deep {
        let answer = gate.post("/things", body);
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    others_are_served(&gate, "deep JSON");
    upstream.one();
    // From the other side too.
    for body in deep {
        let upstream = Upstream::answering(ok("application/json", &body));
        let gate = roomy(&upstream).start();
        assert_eq!(gate.get("/things").status, 502);
    }
}

#[test]
fn a_hanging_upstream_holds_up_only_its_own_callers() {
    let upstream = Upstream::start(|request, stream| {
        use std::io::Write;
        if request.line.contains("/things/hang") {
            std::thread::sleep(Duration::from_secs(6));
            return false;
        }
        stream.write_all(&ok("application/json", THING)).is_ok()
    });
    let gate = roomy(&upstream)
        .with_api("policy: {timeouts: {first_byte_seconds_max: 1.5}, rate_limits: [{name: address, requests: 100000, per: 1s}]}")
        .start();
    let mut clients: Vec<Client> = (0..100).map(|_| gate.client()).collect();
    for client in &mut clients {
        let request = client.request("GET", "/things/hang", &[], b"");
        client.write(&request);
    }
    others_are_served(&gate, "a hanging upstream");
    for client in &mut clients {
        client.answer(false).is_refused(504, "upstream.timeout");
    }
    others_are_served(&gate, "a hanging upstream, after all");
}
