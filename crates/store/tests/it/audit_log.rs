//! The folder of an audit log: what is in it, who may write to it, and that it survives being killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint, KnownLog, Origin};
use portcullis_audit_log::medium::{Medium, Source as _};
use portcullis_audit_log::note::{Algorithm, KeyName, Signer, VerifierKey};
use portcullis_audit_log::verify::{Defect, verify};
use portcullis_audit_log::writer::{Recovery, Signers, Writer};
use portcullis_store::StoreError;
use portcullis_store::audit_log::{LogFiles, LogFolder};

use crate::Directory;

#[path = "../../../audit-log/tests/it/conformance.rs"]
mod conformance;

const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const NOW: u64 = 1_800_000_000;
/// Where the child of a test writes.
const FOLDER: &str = "PORTCULLIS_TEST_LOG";

fn log() -> (KnownLog, Signers) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let key = VerifierKey::new(KeyName::new("gate.example/log").unwrap(), Algorithm::Ed25519, public).unwrap();
    let sign = move |message: &[u8]| Ok(pair.sign(message).as_ref().try_into().unwrap());
    let known = KnownLog::with_key(Origin::new("gate.example/log").unwrap(), key.clone());
    (
        known,
        Signers::new(Signer::new(key, Box::new(sign)), Vec::new()).unwrap(),
    )
}

fn create(path: &Path) -> Writer {
    let (known, signers) = log();
    Writer::create(Box::new(LogFiles::open(path).unwrap()), known, signers, NOW).unwrap()
}

fn open(path: &Path, held: &[Checkpoint]) -> (Writer, Recovery) {
    let (known, signers) = log();
    Writer::open(Box::new(LogFiles::open(path).unwrap()), known, signers, held, NOW).unwrap()
}

fn check_intact(path: &Path, held: &[Checkpoint], entries: u64) {
    let report = verify(&LogFolder::new(path), &log().0, held, THREADS, &mut |_| {}).unwrap();
    assert!(report.is_intact(), "{:?}", report.findings);
    assert_eq!(report.entries + report.unpublished, entries);
}

#[test]
fn a_log_in_files_is_opened_again_and_verifies() {
    let directory = Directory::new();
    let path = directory.0.join("log");
    let mut writer = create(&path);
    let mut held = Vec::new();
    for number in 0..70_000_u32 {
        writer.append(&number.to_be_bytes()).unwrap();
        if number % 7000 == 6999 {
            writer.publish(NOW).unwrap();
            held.push(writer.published().clone());
        } else if number % 1000 == 0 {
            writer.commit().unwrap();
        }
    }
    for number in 0..10_u32 {
        writer.append(&number.to_be_bytes()).unwrap();
    }
    writer.commit().unwrap();
    check_intact(&path, &held, 70_010);
    drop(writer);
    let (mut writer, recovery) = open(&path, &held);
    assert_eq!((writer.size(), recovery.entries, recovery.torn), (70_010, 10, None));
    check_intact(&path, &held, 70_010);
    assert_eq!(writer.compress(0, 66_000).unwrap(), 257);
    assert_eq!(writer.prune(66_000, NOW).unwrap(), 65_536);
    let report = verify(&LogFolder::new(&path), &log().0, &held, THREADS, &mut |_| {}).unwrap();
    assert_eq!(
        (report.findings.len(), report.pruned, report.entries),
        (0, 65_536, 70_010 - 65_536)
    );
    // Nothing is left of what was being written, nor of the partial tiles of earlier checkpoints.
    let names: Vec<String> = LogFolder::new(&path).list("tile/0/").unwrap();
    assert_eq!(
        names.iter().filter(|name| name.ends_with(".p/")).count(),
        1,
        "{names:?}"
    );
    assert!(LogFolder::new(&path).list("journal/").unwrap().is_empty());
    assert!(!path.join(".writing").exists());
    // What somebody else changes in the folder is found.
    std::fs::remove_file(path.join("tile/0/100")).unwrap();
    std::fs::write(path.join("tile/entries/260"), b"\0\x04abcd").unwrap();
    let report = verify(&LogFolder::new(&path), &log().0, &held, THREADS, &mut |_| {}).unwrap();
    assert!(matches!(report.findings[0].defect, Defect::TileGone(_)) && report.findings[0].entries == (25_600..25_856));
    assert!(matches!(report.findings[1].defect, Defect::Changed) && report.findings[1].entries == (66_560..66_561));
}

#[test]
fn one_writes_at_a_time() {
    let directory = Directory::new();
    let path = directory.0.join("log");
    let writer = create(&path);
    assert!(matches!(LogFiles::open(&path), Err(StoreError::Locked)));
    drop(writer);
    assert!(LogFiles::open(&path).is_ok());
    assert!(matches!(
        LogFiles::open(directory.0.join("not/there")),
        Err(StoreError::Io(_))
    ));
}

/// A folder cannot be taken out of a machine here: it is only opened again.
struct Reopened(PathBuf);

impl conformance::Machine for Reopened {
    fn start(&mut self) -> Box<dyn Medium> {
        Box::new(LogFiles::open(&self.0).unwrap())
    }
}

#[test]
fn a_folder_keeps_what_every_medium_promises() {
    let directory = Directory::new();
    conformance::check(&mut Reopened(directory.0.join("log")));
}

#[test]
fn files_are_private_and_inside() {
    let directory = Directory::new();
    let path = directory.0.join("log");
    let mut files = LogFiles::open(&path).unwrap();
    files.write("a/b.p/1", b"1").unwrap();
    files.replace("a/c", b"2").unwrap();
    files.append("a/d", b"3").unwrap();
    // A folder of partial tiles goes with the last of them.
    files.remove("a/b.p/1").unwrap();
    assert!(!path.join("a/b.p").exists());
    for name in ["../x", "/x", "a/../../x"] {
        assert!(
            files.read(name, 5).is_err() && files.write(name, b"x").is_err() && files.remove(name).is_err(),
            "{name}"
        );
    }
    for (name, mode) in [("", 0o750), ("a", 0o750), ("a/c", 0o640), ("a/d", 0o640)] {
        let permissions = std::fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(permissions & !mode, 0, "{name} {permissions:o}");
    }
}

/// A device takes what is written to it, and cannot be synced. Whoever does not sync says that all is well.
#[test]
fn what_cannot_be_synced_is_told() {
    let directory = Directory::new();
    let path = directory.0.join("log");
    let mut files = LogFiles::open(&path).unwrap();
    let device_at = |name: &str| std::os::unix::fs::symlink("/dev/null", path.join(name)).unwrap();
    for name in ["a", "b", ".writing"] {
        device_at(name);
    }
    files.append("a", b"x").unwrap();
    assert!(files.sync("a").is_err());
    assert!(files.sync_all().is_err(), "the file that is appended to");
    files.append("b", b"x").unwrap();
    files.append("other", b"x").unwrap();
    assert!(files.sync_all().is_err(), "a file that was appended to earlier");
    assert!(files.sync_all().is_ok(), "nothing is left of it");
    files.write("written", b"x").unwrap();
    assert!(files.sync_all().is_err(), "a file that was written");
    device_at(".writing");
    assert!(files.replace("replaced", b"x").is_err());
    assert!(
        !path.join("replaced").is_symlink(),
        "it has its name before it is synced"
    );
}

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    let directory = Directory::new();
    let path = directory.0.join("log");
    drop(create(&path));
    let mut held: Vec<Checkpoint> = Vec::new();
    let mut acknowledged = 0;
    for kill in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "audit_log::writes_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("durable ")?.parse::<u64>().ok());
        // It is killed somewhere in what comes after; what it tells until then was told before.
        let mut told = told.skip(kill * 3);
        acknowledged = told.next().unwrap().max(acknowledged);
        child.kill().unwrap();
        acknowledged = told.last().unwrap_or_default().max(acknowledged);
        child.wait().unwrap();
        check_intact_at_least(&path, &held, acknowledged);
        let (writer, _) = open(&path, &held);
        assert!(writer.size() >= acknowledged, "{} of {acknowledged}", writer.size());
        held.push(writer.published().clone());
        check_intact(&path, &held, writer.size());
    }
}

/// Before anybody writes to it again, the journal included.
fn check_intact_at_least(path: &Path, held: &[Checkpoint], entries: u64) {
    let report = verify(&LogFolder::new(path), &log().0, held, THREADS, &mut |_| {}).unwrap();
    assert!(report.is_intact(), "{:?}", report.findings);
    assert!(report.entries + report.unpublished >= entries);
    assert!(path.join(CHECKPOINT).exists());
}

#[test]
#[ignore = "the child of the test above"]
fn writes_until_it_is_killed() {
    let path = std::env::var_os(FOLDER).unwrap();
    let (mut writer, _) = open(Path::new(&path), &[]);
    for number in 0..u64::MAX {
        for _ in 0..number % 40 {
            writer.append(&number.to_be_bytes()).unwrap();
        }
        let durable = writer.commit().unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "durable {durable}").unwrap();
        out.flush().unwrap();
        if number % 5 == 4 {
            writer.publish(NOW).unwrap();
        }
    }
}
