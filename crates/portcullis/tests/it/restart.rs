//! The graceful restart: one process hands its sockets to another, and each finishes what it has accepted.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::{Upstream, ok};

fn says(gate: &Gate, words: &[&str]) -> bool {
    gate.log()
        .iter()
        .any(|line| words.iter().all(|word| line.contains(word)))
}

#[test]
fn what_the_old_process_accepted_it_answers() {
    let upstream = Upstream::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(1500));
        stream.write_all(&ok("application/json", THING)).is_ok()
    });
    let mut gate = Setup::new(THINGS, upstream.address).with("workers: 2").start();
    let mut clients: Vec<_> = (0..8).map(|_| gate.client()).collect();
    for client in &mut clients {
        let request = client.request("GET", "/things", &[], b"");
        client.write(&request);
    }
    until("all have arrived", || upstream.seen().len() == clients.len());
    gate.restart();
    // The admin surface is the new process's: it has seen no request.
    assert!(gate.metric(&["portcullis_requests_total"]) < 1.0);
    assert_eq!(gate.predecessors(), 1);
    for client in &mut clients {
        let answer = client.answer(false);
        assert_eq!((answer.status, answer.text().as_str()), (200, THING));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(gate.wait().code(), Some(0));
    gate.logs(&[
        "stopped after handing over",
        "\"connections_finished\":8",
        "\"connections_cut\":0",
    ]);
    assert_eq!(gate.get("/things").status, 200);
}

#[test]
fn an_idle_connection_may_send_one_more_request() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address).start();
    let mut client = gate.client();
    assert_eq!(client.send("GET", "/things", &[], b"").status, 200);
    gate.restart();
    std::thread::sleep(Duration::from_millis(300));
    let answer = client.send("GET", "/things", &[], b"");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(client.is_closed());
    assert_eq!(gate.wait().code(), Some(0));
}

#[test]
fn an_idle_connection_does_not_keep_the_old_process_for_ever() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("connection: {drain_seconds_max: 1}")
        .start();
    let mut client = gate.client();
    gate.restart();
    let start = Instant::now();
    assert_eq!(gate.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    gate.logs(&["stopped after handing over", "\"connections_cut\":0"]);
    assert!(client.is_closed());
}

#[test]
fn a_new_process_that_cannot_serve_changes_nothing() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("process: {pid_file: gate.pid}")
        .start();
    let first = gate.id();
    let configuration = gate.directory.read("gate.yaml");
    gate.directory
        .write("gate.yaml", &configuration.replace("apis:", "listen_too: 1\napis:"));
    gate.signal("-USR2");
    until("it is told", || {
        says(&gate, &["not restarted", "the configuration cannot be used"])
    });
    assert_eq!(gate.get("/things").status, 200);
    assert_eq!(gate.health("/readyz"), 200);
    assert_eq!(gate.directory.read("gate.pid").trim(), first.to_string());
    gate.directory.write("gate.yaml", &configuration);
    gate.restart();
    assert_eq!(gate.wait().code(), Some(0));
    assert_eq!(gate.get("/things").status, 200);
    assert_eq!(gate.directory.read("gate.pid").trim(), gate.id().to_string());
    gate.signal("-TERM");
    gate.wait_for_all();
    assert_eq!(gate.directory.read("gate.pid"), "");
}

#[test]
fn the_old_process_tells_every_problem_of_the_new_one() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address).start();
    let configuration = gate.directory.read("gate.yaml");
    let broken = configuration
        .replace("upstream:", "upstrem:")
        .replace("    contract:", "    contrat:");
    gate.directory.write("gate.yaml", &broken);
    for round in 1..=3 {
        let restarts = |gate: &Gate| {
            let log = gate.log();
            log.iter().filter(|line| line.contains("not restarted")).count()
        };
        gate.signal("-USR2");
        until("it is told", || restarts(&gate) == round);
        let log = gate.log();
        let lines: Vec<Value> = log
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect();
        let end = lines
            .iter()
            .rposition(|line| line["reason"] == "the configuration cannot be used");
        let told = &lines[..end.unwrap()];
        let of_line = |number: u64| told.iter().rev().find(|line| line["line"] == number).unwrap();
        assert_eq!(of_line(5)["message"], "unknown key `contrat`");
        assert_eq!(of_line(6)["message"], "unknown key `upstrem`");
        assert_eq!(of_line(6)["help"], "did you mean `upstream`?");
        assert_eq!(
            (&of_line(6)["level"], &of_line(6)["column"]),
            (&"ERROR".into(), &5.into())
        );
    }
}

#[test]
fn a_new_process_that_is_never_ready_is_ended() {
    let upstream = Upstream::with_json(THING);
    // Started through a link, which then leads to a program that says nothing.
    let directory = Setup::new(THINGS, upstream.address)
        .with("process: {restart_seconds_max: 0.5, dangerous_no_sandbox: true}")
        .written();
    let link = directory.0.join("portcullis");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_portcullis"), &link).unwrap();
    let mut command = std::process::Command::new(&link);
    command.args(["serve", "-c", "gate.yaml"]).current_dir(&directory.0);
    let gate = Gate::start_by(command, directory);
    std::fs::remove_file(&link).unwrap();
    gate.directory.write("portcullis", "#!/bin/sh\nexec sleep 30\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&link, mode).unwrap();
    gate.signal("-USR2");
    until("it is told", || says(&gate, &["not restarted", "not ready in time"]));
    assert_eq!(gate.get("/things").status, 200);
    std::fs::remove_file(&link).unwrap();
    gate.signal("-USR2");
    until("it is told", || says(&gate, &["not restarted", "cannot start"]));
    assert_eq!(gate.get("/things").status, 200);
}

#[test]
fn addresses_come_and_go_with_a_restart() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address).start();
    let configuration = gate.directory.read("gate.yaml");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = free.local_addr().unwrap();
    drop(free);
    let both = configuration.replace(
        "listen: 127.0.0.1:0\n",
        &format!("listen: ['127.0.0.1:0', '{second}']\n"),
    );
    gate.directory.write("gate.yaml", &both);
    gate.restart();
    assert_eq!(gate.get("/things").status, 200);
    let mut there = crate::wire::Client::connect(second);
    assert_eq!(there.send("GET", "/things", &[], b"").status, 200);
    drop(there);
    gate.directory.write("gate.yaml", &configuration);
    gate.restart();
    until("the processes before have ended", || gate.predecessors() == 0);
    assert!(std::net::TcpStream::connect(second).is_err());
    assert_eq!(gate.get("/things").status, 200);
}
