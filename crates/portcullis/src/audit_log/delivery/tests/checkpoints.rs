//! Checkpoints to those who hold them.

use std::process::Command;

use portcullis_audit_log::merkle::check_consistency;
use portcullis_audit_log::note::Note;
use portcullis_audit_log::witness::Request;
use serde_json::Value;

use super::peers::Web;
use super::*;
use crate::config::audit_log::checkpoints::{GitBranch, Witness as Settings};

const WITNESS: &str = "witness.example/w";

fn held_size(log: &Log) -> Option<u64> {
    let note = Note::parse(read(&log.folder().join("held/there.checkpoint")).as_bytes()).ok()?;
    known().verify_checkpoint(&note).ok().map(|checkpoint| checkpoint.size)
}

#[test]
fn a_file_has_the_newest_checkpoint_and_gets_it_back() {
    let mut log = Log::new("file");
    log.grow(10);
    let path = log.directory.join("outside.checkpoint");
    let settings = holding(CheckpointTo::File(placed(path.clone())));
    let delivery = log.deliver(&settings);
    until("the first is there", || read(&path) == log.writer.note().to_string());
    log.grow(10);
    until("the next is there", || read(&path) == log.writer.note().to_string());
    fs::remove_file(&path).unwrap();
    until("it is back", || read(&path) == log.writer.note().to_string());
    assert_eq!(
        log.metric("portcullis_audit_log_checkpoint_age_seconds{place=\"there\"}"),
        Some(0)
    );
    log.grow(10);
    drop(delivery);
    assert_eq!(read(&path), log.writer.note().to_string(), "the last one, at the end");
    let found = held(&settings, &log.folder(), &known()).unwrap();
    assert_eq!(found, [log.writer.published().clone(), log.writer.published().clone()]);
    log.is_whole();
}

#[test]
fn a_file_that_holds_something_else_is_not_passed_over() {
    let mut log = Log::new("foreign");
    log.grow(10);
    let path = log.directory.join("outside.checkpoint");
    let settings = holding(CheckpointTo::File(placed(path.clone())));
    assert_eq!(held(&settings, &log.folder(), &known()), Ok(Vec::new()));
    let checkpoint = log.writer.published();
    let strange = checkpoint
        .signed(&[signer(2, ORIGIN, Algorithm::Ed25519)], NOW)
        .unwrap();
    for text in ["", "x", &strange.to_string()] {
        fs::write(&path, text).unwrap();
        assert!(held(&settings, &log.folder(), &known()).is_err(), "{text}");
    }
    fs::write(&path, log.writer.note().to_string()).unwrap();
    assert_eq!(held(&settings, &log.folder(), &known()), Ok(vec![checkpoint.clone()]));
}

/// A witness (C2SP tlog-witness), which remembers one checkpoint and signs with the key of this seed.
struct Witness {
    seed: u8,
    last: Option<Checkpoint>,
    refused: Vec<u16>,
}

impl Witness {
    fn start(seed: u8) -> (Web, Arc<Mutex<Self>>) {
        let witness = Arc::new(Mutex::new(Self {
            seed,
            last: None,
            refused: Vec::new(),
        }));
        let asked = Arc::clone(&witness);
        let web = Web::answering(move |path, body| {
            assert_eq!(path, "/w/add-checkpoint");
            let mut witness = asked.lock().unwrap();
            let answer = witness.answer(std::str::from_utf8(body).unwrap());
            if answer.0 != 200 {
                witness.refused.push(answer.0);
            }
            answer
        });
        (web, witness)
    }

    fn answer(&mut self, body: &str) -> (u16, Vec<u8>) {
        let Some(request) = Request::parse(body) else {
            return (400, Vec::new());
        };
        let Ok(checkpoint) = known().verify_checkpoint(&request.checkpoint) else {
            return (403, Vec::new());
        };
        let last = self.last.as_ref();
        let (size, root) = last.map_or((0, checkpoint.root), |last| (last.size, last.root));
        if request.old > checkpoint.size {
            return (400, Vec::new());
        }
        if request.old != size || (size == checkpoint.size && root != checkpoint.root) {
            return (409, format!("{size}\n").into_bytes());
        }
        if check_consistency(size, &root, checkpoint.size, &checkpoint.root, &request.proof).is_err() {
            return (422, Vec::new());
        }
        self.last = Some(checkpoint);
        let signer = signer(self.seed, WITNESS, Algorithm::Cosignature);
        let cosignature = signer.signature(request.checkpoint.text(), NOW).unwrap();
        (200, cosignature.to_string().into_bytes())
    }
}

fn asking(web: &Web) -> AuditLogDelivery {
    holding(CheckpointTo::Witness(Settings {
        endpoint: endpoint(&web.url("/w/add-checkpoint")),
        keys: vec![verifier(9, WITNESS, Algorithm::Cosignature)],
    }))
}

#[test]
fn a_witness_signs_what_goes_on_from_what_it_has_signed() {
    let mut log = Log::new("witness");
    let (web, witness) = Witness::start(9);
    log.grow(300);
    let settings = asking(&web);
    let delivery = log.deliver(&settings);
    until("it has signed", || held_size(&log) == Some(300));
    log.grow(700);
    until("it has signed again", || held_size(&log) == Some(1000));
    drop(delivery);
    assert_eq!(
        witness.lock().unwrap().refused,
        Vec::<u16>::new(),
        "it is asked from where it was"
    );
    // Whoever writes the log is given what it has signed, and the held checkpoint has it.
    let (checkpoint, signatures) = log.cosigned.lock().unwrap().last().cloned().unwrap();
    assert_eq!(checkpoint, *log.writer.published());
    log.writer.add_cosignatures(&checkpoint, signatures.clone()).unwrap();
    let note = Note::parse(read(&log.folder().join("held/there.checkpoint")).as_bytes()).unwrap();
    assert_eq!(&note, log.writer.note());
    assert!(note.signatures().contains(&signatures[0]));
    // Another start goes on from there; where that is forgotten, the witness says where it is.
    log.grow(10);
    let delivery = log.deliver(&settings);
    assert_eq!(
        log.metric("portcullis_audit_log_witnessed_size{place=\"there\"}"),
        Some(1000)
    );
    until("it has signed", || held_size(&log) == Some(1010));
    until("it is counted", || {
        log.metric("portcullis_audit_log_witnessed_size{place=\"there\"}") == Some(1010)
    });
    drop(delivery);
    assert_eq!(witness.lock().unwrap().refused, Vec::<u16>::new());
    fs::remove_file(log.folder().join("held/there.checkpoint")).unwrap();
    log.grow(10);
    drop(log.deliver(&settings));
    assert_eq!(held_size(&log), Some(1020));
    assert_eq!(witness.lock().unwrap().refused, [409]);
}

#[test]
fn a_witness_that_has_seen_more_or_another_log_is_told() {
    let mut log = Log::new("contradicted");
    let (web, witness) = Witness::start(9);
    log.grow(100);
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"checkpoint\",to=\"there\"}";
    for (size, refused) in [(200, vec![409]), (50, vec![409, 422])] {
        *witness.lock().unwrap() = Witness {
            seed: 9,
            last: Some(Checkpoint {
                size,
                root: portcullis_audit_log::merkle::leaf_hash(b"another"),
                ..log.writer.published().clone()
            }),
            refused: Vec::new(),
        };
        let before = log.metric(failures).unwrap_or(0);
        let delivery = log.deliver(&asking(&web));
        until("it fails", || log.metric(failures) > Some(before));
        drop(delivery);
        assert!(witness.lock().unwrap().refused.starts_with(&refused), "{size}");
        assert_eq!(held_size(&log), None);
    }
    assert!(log.cosigned.lock().unwrap().is_empty());
}

#[test]
fn what_another_key_has_signed_is_no_cosignature() {
    let mut log = Log::new("unsigned");
    let (web, _witness) = Witness::start(8);
    log.grow(10);
    let delivery = log.deliver(&asking(&web));
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"checkpoint\",to=\"there\"}";
    until("it fails", || log.metric(failures) >= Some(1));
    drop(delivery);
    assert_eq!(held_size(&log), None);
    assert!(log.cosigned.lock().unwrap().is_empty());
}

#[test]
fn a_collector_gets_checkpoints_as_records() {
    let mut log = Log::new("records");
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let told = Arc::clone(&seen);
    let collector = Web::answering(move |_, body| {
        told.lock().unwrap().push(serde_json::from_slice(body).unwrap());
        (200, Vec::new())
    });
    log.grow(10);
    drop(log.deliver(&holding(CheckpointTo::Otlp(endpoint(&collector.url("/v1/logs"))))));
    let seen = seen.lock().unwrap();
    let record = seen[0].pointer("/resourceLogs/0/scopeLogs/0/logRecords/0").unwrap();
    assert_eq!(record["body"]["stringValue"], log.writer.note().to_string());
    assert_eq!(record["eventName"], "portcullis.audit_log.checkpoint");
    assert_eq!(held_size(&log), Some(10));
}

/// What `git` says in a folder.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let settled = [
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@localhost",
        "-c",
        "safe.directory=*",
    ];
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(settled)
        .args(arguments)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_branch_gets_a_commit_for_each_checkpoint() {
    if Command::new("git").arg("--version").output().is_err() {
        println!("SKIPPED: there is no git");
        return;
    }
    let mut log = Log::new("git");
    let remote = log.directory.join("remote.git");
    let there = log.directory.display().to_string();
    git(&log.directory, &["init", "--quiet", "--bare", "remote.git"]);
    let settings = holding(CheckpointTo::Git(GitBranch {
        remote: format!("file://{there}/remote.git"),
        branch: "audit".to_owned(),
        file: "checkpoint".to_owned(),
    }));
    log.grow(10);
    drop(log.deliver(&settings));
    let shown = |file: &str| git(&remote, &["show", &format!("audit:{file}")]);
    assert_eq!(shown("checkpoint"), log.writer.note().to_string());
    assert_eq!(git(&remote, &["rev-list", "--count", "audit"]).trim(), "1");
    // Somebody else pushes there too, before and while it runs.
    let work = log.directory.join("work");
    git(
        &log.directory,
        &["clone", "--quiet", "--branch", "audit", "remote.git", "work"],
    );
    let push = |name: &str| {
        fs::write(work.join(name), name).unwrap();
        git(&work, &["pull", "--quiet", "--rebase"]);
        git(&work, &["add", name]);
        git(&work, &["commit", "--quiet", "-m", name]);
        git(&work, &["push", "--quiet"]);
    };
    push("theirs");
    log.grow(10);
    let delivery = log.deliver(&settings);
    until("the second is there", || held_size(&log) == Some(20));
    push("theirs too");
    log.grow(10);
    until("the third is there", || held_size(&log) == Some(30));
    drop(delivery);
    assert_eq!(shown("checkpoint"), log.writer.note().to_string());
    assert_eq!(
        (shown("theirs"), shown("theirs too")),
        ("theirs".to_owned(), "theirs too".to_owned())
    );
    assert_eq!(git(&remote, &["rev-list", "--count", "audit"]).trim(), "5");
    let message = git(&remote, &["log", "-1", "--format=%an: %s", "audit"]);
    assert_eq!(message.trim(), "Portcullis: gate.example/audit: 30 entries");
    log.is_whole();
    // A remote that is not there is told, and asks nobody.
    fs::remove_dir_all(&remote).unwrap();
    log.grow(10);
    let delivery = log.deliver(&settings);
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"checkpoint\",to=\"there\"}";
    until("it fails", || log.metric(failures) >= Some(1));
    drop(delivery);
    assert_eq!(held_size(&log), Some(30));
}
