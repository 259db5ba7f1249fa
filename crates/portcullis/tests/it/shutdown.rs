//! Stopping: requests under way are answered, and the exit code is 0.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::gate::{Setup, until};
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
