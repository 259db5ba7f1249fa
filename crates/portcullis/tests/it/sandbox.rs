//! The sandbox: what a gate may touch once it serves.

use std::fs;

use crate::gate::{Directory, Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

fn says(gate: &Gate, words: &[&str]) -> bool {
    gate.log()
        .iter()
        .any(|line| words.iter().all(|word| line.contains(word)))
}

/// Where the kernel cannot, there is a warning to be seen, and nothing else to test.
fn confined(gate: &Gate) -> bool {
    let warned = says(gate, &["no sandbox", "Landlock"]);
    assert!(warned || says(gate, &["sandbox laid"]), "{:#?}", gate.log());
    if warned {
        println!("NOT TESTED: this kernel has no Landlock");
    }
    !warned
}

/// Names a contract in another directory.
fn move_contract(gate: &Gate, to: &Directory) {
    to.write("api.yaml", THINGS);
    let configuration = gate.directory.read("gate.yaml");
    let elsewhere = to.0.join("api.yaml");
    let moved = configuration.replace("contract: api.yaml", &format!("contract: {}", elsewhere.display()));
    gate.directory.write("gate.yaml", &moved);
}

#[test]
fn a_contract_outside_is_not_read_before_the_gate_was_stopped_and_started() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address).start();
    if !confined(&gate) {
        return;
    }
    let other = Directory::new();
    move_contract(&gate, &other);
    until("the reload is refused", || {
        says(&gate, &["not reloaded", "restart needed", "api.yaml"])
    });
    assert_eq!(gate.get("/things").status, 200);
    gate.signal("-USR2");
    until("the restart is refused", || {
        says(&gate, &["not restarted", "restart needed", "api.yaml"])
    });
    assert_eq!(gate.get("/things").status, 200);
    gate.signal("-TERM");
    gate.wait();
    let directory = std::mem::replace(&mut gate.directory, Directory::new());
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/things").status, 200);
}

#[test]
fn a_contract_beside_the_others_is_read_and_stays_readable_across_restarts() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("process: {sandbox: preferred}")
        .with("observe: {file: seen.jsonl}")
        .start();
    confined(&gate);
    for number in 0..3 {
        let contract = THINGS.replace("/traced:", &format!("/traced{number}:"));
        gate.directory.write("next.yaml", &contract);
        let replaced = gate.directory.0.join("api.yaml");
        fs::rename(gate.directory.0.join("next.yaml"), replaced).unwrap();
        until("it is in force", || gate.get(&format!("/traced{number}")).status == 400);
        gate.restart();
    }
}

#[test]
fn beside_the_files_that_are_written_nothing_is_made_or_removed() {
    let upstream = Upstream::with_json(THING);
    let mut gate = Setup::new(THINGS, upstream.address)
        .with("observe: {file: seen.jsonl}")
        .with("process: {pid_file: gate.pid}")
        .with_api("policy: {modes: {contract_in: observe}}")
        .start();
    if !confined(&gate) {
        return;
    }
    let ask = |gate: &Gate| assert_eq!(gate.get("/things?limit=none").status, 200);
    ask(&gate);
    until("it is recorded", || gate.directory.read("seen.jsonl").contains("limit"));
    // What was recorded can be taken away at any time, also after a restart.
    gate.restart();
    gate.directory.write("seen.jsonl", "");
    ask(&gate);
    until("it is recorded again", || {
        gate.directory.read("seen.jsonl").contains("limit")
    });
    let id = gate.id().to_string();
    until("its id is written", || gate.directory.read("gate.pid").trim() == id);
    fs::remove_file(gate.directory.0.join("seen.jsonl")).unwrap();
    ask(&gate);
    until("it is told", || says(&gate, &["cannot be written", "was removed"]));
    gate.signal("-TERM");
    gate.wait_for_all();
    assert!(!gate.directory.0.join("seen.jsonl").exists());
    assert_eq!(gate.directory.read("gate.pid"), "", "it cannot be removed");
}

#[test]
fn every_thread_is_confined() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address).with("workers: 2").start();
    if !confined(&gate) {
        return;
    }
    let threads: Vec<_> = fs::read_dir(format!("/proc/{}/task", gate.id())).unwrap().collect();
    assert!(
        threads.len() >= 4,
        "workers, the admin surface, and the one that waits for signals"
    );
    for thread in threads {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        // Landlock itself does not show; it takes this, which is set for the same threads.
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    }
}

#[test]
fn it_can_be_left_out_aloud() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("process: {dangerous_no_sandbox: true}")
        .start();
    assert!(says(&gate, &["\"level\":\"WARN\"", "no sandbox"]));
    let other = Directory::new();
    move_contract(&gate, &other);
    until("it is in force", || says(&gate, &["\"reloaded\""]));
    assert_eq!(gate.get("/things").status, 200);
}
