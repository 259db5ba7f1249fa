//! TLS handshakes that fail are told of in the log: by whom, and why.

use std::io::Write;
use std::net::TcpStream;

use serde_json::Value;

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::tls::{Authority, Caller, connect};
use crate::upstream::Upstream;

/// Neither TLS nor HTTP.
const NOISE: [u8; 32] = [0; 32];

fn gate(authority: &Authority, upstream: &Upstream) -> Gate {
    let tls = "{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}}}";
    let directory = Setup::new(THINGS, upstream.address).listening(tls).written();
    authority.issue(&["a.example"]).write(&directory, "a");
    Gate::start(directory)
}

fn reasons(log: &[String]) -> Vec<String> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let failed = lines.filter(|line| line["message"] == "a TLS handshake failed" && line["client"] == "127.0.0.1");
    failed.map(|line| line["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn failures_are_told_with_their_reason() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let gate = gate(&authority, &upstream);
    // A probe that only connects is counted and not told.
    drop(TcpStream::connect(gate.address).unwrap());
    let mut noise = TcpStream::connect(gate.address).unwrap();
    noise.write_all(&NOISE).unwrap();
    assert!(connect(&Caller::new(&authority).config(), gate.address, "b.example").is_err());
    assert!(connect(&Caller::new(&Authority::new()).config(), gate.address, "a.example").is_err());
    until("all are counted", || {
        gate.metric(&["portcullis_tls_handshake_failures_total"]) >= 4.0
    });
    let told = reasons(&gate.log_so_far());
    assert_eq!(told.len(), 3, "{told:?}");
    for expected in [
        "the client does not speak TLS",
        "no certificate is for the host that the client names",
        "the client refuses: ",
    ] {
        assert!(
            told.iter().any(|reason| reason.starts_with(expected)),
            "{expected} in {told:?}"
        );
    }
}

#[test]
fn a_flood_of_failures_is_no_flood_of_lines() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let gate = gate(&authority, &upstream);
    for _ in 0..100 {
        let mut noise = TcpStream::connect(gate.address).unwrap();
        noise.write_all(&NOISE).unwrap();
    }
    until("all are counted", || {
        gate.metric(&["portcullis_tls_handshake_failures_total"]) >= 100.0
    });
    let told = reasons(&gate.log_so_far()).len();
    assert!((1..80).contains(&told), "{told} lines");
}
