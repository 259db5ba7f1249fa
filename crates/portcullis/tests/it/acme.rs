//! Certificates that are ordered, as a gate finds them when it starts. (Orders from a real authority: scripts/clients/acme.)

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use crate::gate::{Directory, Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::tls::{Authority, Caller, connect};
use crate::upstream::Upstream;

/// A gate with an address in the clear, and one whose certificate is ordered where nobody answers; and that address.
fn start(upstream: &Upstream, keep: impl Fn(&Directory)) -> (Gate, SocketAddr) {
    let acme =
        "{directory: 'https://127.0.0.1:9/', hosts: [a.example], storage: acme, terms_agreed: true, root: root.pem}";
    let ordered = format!("{{address: '127.0.0.2:0', name: ordered, tls: {{acme: {acme}}}}}");
    let directory = Setup::new(THINGS, upstream.address)
        .with_api("dangerous_any_host: true")
        .listening(&format!("['127.0.0.1:0', {ordered}]"))
        .written();
    directory.write("root.pem", &Authority::new().pem());
    keep(&directory);
    let gate = Gate::start(directory);
    let lines = gate.log();
    let mut lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let listening = lines.find(|line| line["listener"] == "ordered").unwrap();
    let address = listening["address"].as_str().unwrap().parse().unwrap();
    (gate, address)
}

fn says(gate: &Gate, words: &str) -> bool {
    gate.log().iter().any(|line| line.contains(words))
}

#[test]
fn a_key_of_another_certificate_is_told_and_the_gate_starts_without() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let (old, new) = (authority.issue(&["a.example"]), authority.issue(&["a.example"]));
    for (certificate, key) in [
        (old.chain.clone(), Some(&new.key)),
        (old.chain.clone(), None),
        (format!("{}{}", new.key, old.chain), None),
        ("nothing".to_owned(), None),
    ] {
        let (gate, ordered) = start(&upstream, |directory| {
            directory.write("acme/a.example.pem", &certificate);
            if let Some(key) = key {
                directory.write("acme/a.example.key", key);
            }
        });
        assert!(says(&gate, "ordered anew"), "{:#?}", gate.log());
        assert_eq!(gate.get("/things").status, 200, "what needs no certificate is served");
        assert!(connect(&Caller::new(&authority).config(), ordered, "a.example").is_err());
        until("an order was tried", || says(&gate, "no certificate was ordered"));
    }
}

#[test]
fn what_is_in_force_outlives_what_was_kept() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let kept = authority.issue(&["a.example"]);
    let (gate, ordered) = start(&upstream, |directory| {
        directory.write("acme/a.example.pem", &format!("{}{}", kept.key, kept.chain));
    });
    let serves = || connect(&Caller::new(&authority).config(), ordered, "a.example").is_ok();
    assert!(serves());
    for is_there in [true, false] {
        let file = gate.directory.write("acme/a.example.pem", "nothing");
        if !is_there {
            fs::remove_file(file).unwrap();
        }
        let applied = gate.metric(&["portcullis_reloads_total", "applied"]);
        gate.signal("-HUP");
        until("a reload", || {
            gate.metric(&["portcullis_reloads_total", "applied"]) > applied
        });
        assert!(serves(), "{is_there}");
    }
    until("it is told", || says(&gate, "ordered anew"));
    assert!(!says(&gate, "a certificate was ordered"), "{:#?}", gate.log());
}
