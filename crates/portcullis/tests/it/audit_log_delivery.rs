//! What a gate did, carried elsewhere from inside its sandbox: to files, and to a Git repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_audit_log::note::Note;
use serde_json::Value;

use crate::audit_log::{checkpoint, known, make, verifies};
use crate::gate::{Directory, Gate, Setup, run, until};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

/// Settings for a gate that sends its entries to a file, and its checkpoints to `places`.
fn setup(upstream: &Upstream, places: &str) -> Setup {
    Setup::new(THINGS, upstream.address).with("workers: 1").with(&format!(
        "audit_log: {{path: log, name: gate.example/audit, keys: [log.pem], checkpoint_seconds: 0.05, commit_seconds: 0.01, \
         exports: [{{name: archive, file: {{path: out/audit.jsonl}}}}], checkpoints: {{seconds: 0.1, places: [{places}]}}}}"
    ))
}

fn start(setup: &Setup) -> Gate {
    let directory = setup.written();
    make(&directory);
    fs::create_dir_all(directory.0.join("out")).unwrap();
    fs::create_dir_all(directory.0.join("held")).unwrap();
    Gate::start(directory)
}

fn indices(directory: &Directory) -> Vec<u64> {
    let lines = directory.read("out/audit.jsonl");
    let index = |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
    lines.lines().map(index).collect()
}

fn held_size(note: &str) -> u64 {
    let note = Note::parse(note.as_bytes()).unwrap();
    known().verify_checkpoint(&note).unwrap().size
}

#[test]
fn what_a_gate_did_is_elsewhere_when_it_has_ended() {
    let upstream = Upstream::with_json(THING);
    let mut gate = start(&setup(&upstream, "{name: disk, file: held/checkpoint}"));
    for _ in 0..20 {
        gate.get("/things");
    }
    // The next process goes on where this one was.
    gate.restart();
    until("the process before has ended", || gate.predecessors() == 0);
    for _ in 0..20 {
        gate.get("/things");
    }
    gate.signal("-TERM");
    gate.wait_for_all();
    let log = gate.directory.0.join("log");
    let size = checkpoint(&log).size;
    assert!(size >= 40, "{size}");
    let mut sent = indices(&gate.directory);
    sent.dedup();
    assert!(sent.into_iter().eq(0..size));
    assert_eq!(
        gate.directory.read("held/checkpoint"),
        gate.directory.read("log/checkpoint")
    );
    verifies(&log, &[]);
}

#[test]
fn a_log_that_was_rolled_back_is_not_opened() {
    let upstream = Upstream::with_json(THING);
    let setup = setup(&upstream, "{name: disk, file: held/checkpoint}");
    let mut gate = start(&setup);
    gate.get("/things");
    let size = || held_size(&gate.directory.read("held/checkpoint"));
    until("a checkpoint is held", || {
        gate.directory.0.join("held/checkpoint").exists() && size() >= 2
    });
    gate.signal("-TERM");
    gate.wait();
    let (log, held) = (gate.directory.0.join("log"), gate.directory.read("held/checkpoint"));
    // The same key, and another history that says the same of itself.
    fs::rename(&log, gate.directory.0.join("before")).unwrap();
    make(&gate.directory);
    let output = run(&gate.directory.0, &["serve", "-c", "gate.yaml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("the audit log in "), "{told}");
    // With what was there before it starts again.
    fs::remove_dir_all(&log).unwrap();
    fs::rename(gate.directory.0.join("before"), &log).unwrap();
    assert_eq!(gate.directory.read("held/checkpoint"), held);
    let directory = Directory::new();
    copy(&gate.directory.0, &directory.0);
    let gate = Gate::start(directory);
    gate.get("/things");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to)
        .status()
        .unwrap();
    assert!(copied.success());
}

#[test]
fn a_repository_gets_checkpoints_out_of_the_sandbox() {
    let git = |folder: &Path, arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
        output.map(|output| String::from_utf8(output.stdout).unwrap())
    };
    if git(Path::new("."), &["--version"]).is_err() {
        println!("SKIPPED: there is no git");
        return;
    }
    let upstream = Upstream::with_json(THING);
    let remote = Directory::new();
    git(&remote.0, &["init", "--quiet", "--bare", "."]).unwrap();
    let place = format!("{{name: repository, git: {{remote: 'file://{}'}}}}", remote.0.display());
    let mut gate = start(&setup(&upstream, &place));
    gate.get("/things");
    let shown = || git(&remote.0, &["show", "main:checkpoint"]).unwrap();
    until("a checkpoint is there", || !shown().is_empty());
    gate.get("/things");
    gate.signal("-TERM");
    gate.wait();
    assert_eq!(held_size(&shown()), checkpoint(&gate.directory.0.join("log")).size);
}
