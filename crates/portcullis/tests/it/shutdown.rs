//! Stopping: requests under way are answered, and the exit code is 0.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::gate::{Gate, Setup, run, until};
use crate::http::{THING, THINGS};
use crate::upstream::{Upstream, ok};

#[test]
fn requests_under_way_are_answered() {
    for signal in ["-TERM", "-INT"] {
        let upstream = Upstream::start(|_, stream| {
            std::thread::sleep(Duration::from_millis(800));
            stream.write_all(&ok("application/json", THING)).is_ok()
        });
        let mut gate = Setup::new(THINGS, upstream.address).with("workers: 2").start();
        let mut idle = gate.client();
        let mut clients: Vec<_> = (0..8).map(|_| gate.client()).collect();
        for client in &mut clients {
            let request = client.request(
                "POST",
                "/things",
                &[("Content-Type", "application/json")],
                THING.as_bytes(),
            );
            client.write(&request);
        }
        until("all have arrived", || upstream.seen().len() == clients.len());
        let start = Instant::now();
        gate.signal(signal);
        for client in &mut clients {
            let answer = client.answer(false);
            assert_eq!((answer.status, answer.text().as_str()), (200, THING));
        }
        assert_eq!(gate.wait().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(idle.is_closed());
        assert!(
            std::net::TcpStream::connect(gate.address).is_err(),
            "the port is free again"
        );
    }
}

#[test]
fn what_does_not_end_is_cut_when_the_time_is_over() {
    let upstream = Upstream::start(|_, _| {
        std::thread::sleep(Duration::from_secs(20));
        false
    });
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("connection: {drain_seconds_max: 1}")
        .start();
    let mut client = gate.client();
    let request = client.request("GET", "/things", &[], b"");
    client.write(&request);
    until("it has arrived", || !upstream.seen().is_empty());
    let start = Instant::now();
    gate.signal("-TERM");
    assert_eq!(gate.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_load_balancer_sees_the_gate_go_before_it_does() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("process: {drain_delay_seconds: 2}")
        .start();
    let mut idle = gate.client();
    assert_eq!(idle.send("GET", "/things", &[], b"").header("connection"), None);
    assert_eq!(health(&gate), Some(0));
    gate.signal("-TERM");
    until("it is not ready", || gate.health("/readyz") == 503);
    assert_eq!(health(&gate), Some(1));
    let answer = gate.get("/things");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    let answer = idle.send("GET", "/things", &[], b"");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(gate.metrics().contains("portcullis_requests_total"));
    assert_eq!(gate.wait().code(), Some(0));
    assert_eq!(health(&gate), Some(3));
    let is_last = |line: &String| line.contains("\"stopped\"") && line.contains("\"seconds\":");
    until("the end is told last", || gate.log().last().is_some_and(is_last));
}

/// The exit code of `portcullis health`.
fn health(gate: &Gate) -> Option<i32> {
    let admin = gate.admin.to_string();
    run(&gate.directory.0, &["health", "--admin", &admin]).status.code()
}

#[test]
fn whoever_says_it_twice_does_not_wait() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("process: {drain_delay_seconds: 60}")
        .start();
    gate.signal("-TERM");
    until("it is not ready", || gate.health("/readyz") == 503);
    gate.signal("-TERM");
    assert_eq!(gate.wait().code(), Some(0));
}
