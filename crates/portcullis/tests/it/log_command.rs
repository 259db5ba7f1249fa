//! `portcullis log`: what is in a log is found, shown, proved and erased; whatever was done to it is found; and who looks at it leaves an
//! entry in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use portcullis_audit_log::checkpoint::{KnownLog, LogKey, Origin};
use portcullis_audit_log::entry::{
    Actor, Api, Entity, Entry, Erasable, Event, HttpResponse, Protected, SALT_BYTES, Service, User,
};
use portcullis_audit_log::note::{Algorithm, KeyName, Signer, VerifierKey};
use portcullis_audit_log::tiles::{push_entry, split};
use portcullis_audit_log::writer::{Signers, Writer};
use portcullis_secrets::SigningAlgorithm;
use portcullis_store::audit_log::LogFiles;
use serde_json::Value;

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

const NAME: &str = "gate.example/audit";
const SETTING: &str = "audit_log: {path: log, name: gate.example/audit, keys: [log.pem]}\n";
/// A moment: milliseconds since 1970, 2025-01-01.
const THEN: u64 = 1_735_689_600_000;
const ENTRIES: usize = 600;

/// A folder with a log that `portcullis log init` made, and its public key.
struct Log {
    directory: Directory,
    key: String,
}

impl Log {
    fn new(setting: &str) -> Self {
        let directory = Directory::new();
        directory.write("gate.yaml", setting);
        let made = run(&directory.0, &["log", "init", "-c", "gate.yaml"]);
        assert_eq!(made.status.code(), Some(0), "{}", told(&made));
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        Self { directory, key }
    }

    /// With entries, published after 300 and after 600 of them, and ten more in the journal alone. The checkpoints are kept elsewhere.
    fn filled() -> Self {
        let log = Self::new(SETTING);
        log.fill(entry);
        log
    }

    fn fill(&self, entry: impl Fn(usize) -> Vec<u8>) {
        let mut writer = self.writer();
        for number in 0..ENTRIES + 10 {
            writer.append(&entry(number)).unwrap();
            if number + 1 == 300 || number + 1 == ENTRIES {
                writer.publish(THEN / 1000).unwrap();
                let held = writer.note().to_string();
                self.directory.write(&format!("held-{}", number + 1), &held);
            }
        }
        writer.commit().unwrap();
    }

    fn writer(&self) -> Writer {
        let (known, signers) = keys(&self.directory.read("log.pem"));
        let files = LogFiles::open(self.directory.0.join("log")).unwrap();
        Writer::open(Box::new(files), known, signers, &[], THEN / 1000)
            .unwrap()
            .0
    }

    /// `portcullis log` with these arguments, which has to end so.
    #[track_caller]
    fn check(&self, arguments: &str, code: i32) -> Output {
        let arguments = format!("log {arguments} -c gate.yaml");
        let output = run(&self.directory.0, &arguments.split_whitespace().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(code), "`{arguments}`: {}", told(&output));
        output
    }

    /// The indices of what a query finds.
    #[track_caller]
    fn found(&self, query: &str) -> Vec<u64> {
        let output = self.check(&format!("query --json {query}"), 0);
        lines(&output)
            .iter()
            .map(|line| line["index"].as_u64().unwrap())
            .collect()
    }

    /// What was left in the inbox, in no order.
    fn recorded(&self) -> Vec<String> {
        let files = fs::read_dir(self.directory.0.join("log/inbox")).unwrap();
        let read = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        read.collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.0.join("log").join(name)
    }
}

fn keys(pem: &str) -> (KnownLog, Signers) {
    let private = portcullis_secrets::Signer::from_pem(pem, SigningAlgorithm::Ed25519, None).unwrap();
    let public = private.public_key().unwrap().try_into().unwrap();
    let key = VerifierKey::new(KeyName::new(NAME).unwrap(), Algorithm::Ed25519, public).unwrap();
    let known = KnownLog {
        origin: Origin::new(NAME).unwrap(),
        keys: vec![LogKey {
            key: key.clone(),
            first: 0,
            last: None,
        }],
    };
    let sign = move |message: &[u8]| Ok(private.sign(message).unwrap().try_into().unwrap());
    (
        known,
        Signers::new(Signer::new(key, Box::new(sign)), Vec::new()).unwrap(),
    )
}

fn told(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()]
        .map(String::from_utf8_lossy)
        .concat()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every second entry is of alice, every seventh is denied, and each comes a second after the one before.
fn request(number: usize) -> Entry<'static> {
    let denied = number.is_multiple_of(7);
    let mut entry = Entry::new(Event::Request, THEN + number as u64 * 1000);
    entry.metadata.correlation_uid = Some(format!("{number:026}").into());
    entry.actor = Some(Actor {
        user: Some(User {
            uid: ["alice", "bob"][number % 2].into(),
            kind: Some("user".into()),
            domain: Some("main".into()),
            credential_uid: None,
        }),
        app_uid: None,
    });
    entry.api = Some(Api {
        operation: "getAccount".into(),
        service: Service { name: "bank".into() },
    });
    entry.action_id = Some(if denied { 2 } else { 1 });
    entry.status_id = Some(if denied { 2 } else { 1 });
    entry.status_code = denied.then(|| "authorization.denied".into());
    let code = if denied { 403 } else { 200 };
    entry.http_response = Some(HttpResponse { code, length: 7 });
    entry
}

fn entry(number: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    request(number).write(&mut octets);
    octets
}

#[test]
fn a_log_is_made_once_with_keys_of_its_own() {
    let log = Log::new(SETTING);
    assert!(log.key.starts_with("gate.example/audit+"), "{}", log.key);
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(log.directory.0.join(name)).unwrap().permissions().mode() & 0o7777
    };
    assert_eq!(mode("log.pem"), 0o600);
    assert_eq!(mode("log/erasable"), 0o700);
    assert_eq!(mode("log/inbox"), 0o3770);
    let before = [log.directory.read("log.pem"), log.directory.read("log/checkpoint")];
    let again = log.check("init", 2);
    assert!(told(&again).contains("there is one already"), "{}", told(&again));
    assert_eq!(
        before,
        [log.directory.read("log.pem"), log.directory.read("log/checkpoint")]
    );
    assert!(log.directory.read("log/keys").contains(&log.key));
    let verified = log.check("verify", 0);
    assert!(
        told(&verified).contains("held against no checkpoint"),
        "{}",
        told(&verified)
    );
}

#[test]
fn entries_are_found_by_what_they_have() {
    let log = Log::filled();
    let all = 0..(ENTRIES as u64 + 10);
    let alice: Vec<u64> = all.clone().filter(|number| number % 2 == 0).collect();
    assert_eq!(log.found("--principal alice --limit 1000"), alice);
    assert_eq!(log.found("--principal alice --limit 3"), alice[alice.len() - 3..]);
    assert_eq!(log.found("--principal alice --limit 2 --after 10"), [12, 14]);
    let denied: Vec<u64> = all.filter(|number| number % 14 == 0).collect();
    assert_eq!(log.found("--principal alice --outcome denied --limit 1000"), denied);
    assert_eq!(
        log.found("--principal alice --outcome 403 --operation bank/getAccount --limit 1000"),
        denied
    );
    assert_eq!(log.found("--outcome authorization.denied --api other"), [0; 0]);
    assert_eq!(log.found(&format!("--id {:026}", 605)), [605]);
    assert_eq!(log.found("--since 2025-01-01T00:10:05Z"), [605, 606, 607, 608, 609]);
    assert_eq!(
        log.found("--since 2025-01-01T00:00:03Z --until 2025-01-01T00:00:05Z"),
        [3, 4]
    );
    assert_eq!(log.found("--event administration"), [0; 0]);
    let table = told(&log.check("query --principal bob --limit 1", 0));
    assert!(table.contains("#609"), "{table}");
    assert!(table.contains("there are earlier ones"), "{table}");
    let events = lines(&log.check("query --ocsf --limit 1", 0));
    assert_eq!(events[0]["type_uid"], 600_399);
}

#[test]
fn who_looks_leaves_an_entry_or_sees_nothing() {
    let log = Log::filled();
    log.check("query --principal alice --id 4111111111111111", 0);
    let recorded = log.recorded();
    let [line] = recorded.as_slice() else {
        panic!("{recorded:?}")
    };
    let left = Entry::read(line.trim_end().as_bytes()).unwrap();
    assert_eq!(left.metadata.event_code, Event::Administration);
    assert_eq!(left.actor.unwrap().user.unwrap().kind.as_deref(), Some("os-user"));
    assert_eq!(
        left.entity,
        Some(Entity {
            kind: "audit-log".into(),
            name: Some(NAME.into())
        })
    );
    // An entry names no principal where the log itself does not, and never what looks like a card.
    assert_eq!(left.comment.as_deref(), Some("query --principal alice --id [card]"));
    for verb in [
        "tail",
        "show 1",
        "prove 1",
        "verify",
        "export",
        "prove --from 3",
        "index",
    ] {
        let before = log.recorded().len();
        log.check(verb, 0);
        assert_eq!(log.recorded().len(), before + 1, "{verb}");
    }
    fs::remove_dir_all(log.path("inbox")).unwrap();
    fs::write(log.path("inbox"), "").unwrap();
    for verb in [
        "query",
        "tail",
        "show 1 --prove",
        "prove 1",
        "verify",
        "export",
        "prove --from 3",
    ] {
        let output = log.check(verb, 2);
        assert!(output.stdout.is_empty(), "{verb}: {}", told(&output));
        assert!(told(&output).contains("nothing is shown"), "{verb}: {}", told(&output));
    }
    let copied = run(&log.directory.0, &["log", "query", "--log", "log", "--unrecorded"]);
    assert_eq!(copied.status.code(), Some(0));
    assert!(told(&copied).contains("is not recorded"), "{}", told(&copied));
}

#[test]
fn readers_are_those_that_the_configuration_names() {
    let log = Log::filled();
    let with = |user: &str, may: &str| {
        let readers = format!("keys: [log.pem], readers: [{{user: '{user}', may: [{may}]}}]");
        log.directory
            .write("gate.yaml", &SETTING.replace("keys: [log.pem]", &readers));
    };
    let own = std::process::Command::new("id").arg("-un").output().unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    with("somebody", "read, export, erase");
    for verb in ["query", "show 1", "export", "erase --id x --reason y"] {
        assert!(told(&log.check(verb, 2)).contains("may not do this"), "{verb}");
    }
    with(own.trim(), "read");
    log.check("query", 0);
    log.check("export", 2);
    log.check("erase --id x --reason y", 2);
}

#[test]
fn an_entry_is_shown_with_its_meaning_and_its_proof() {
    let log = Log::filled();
    let held = "--held held-300 --held held-600";
    let shown = told(&log.check(&format!("show {:026} --prove {held} --key {}", 7, log.key), 0));
    for expected in [
        "entry 7",
        "bob (user of main)",
        "bank/getAccount",
        "denied authorization.denied 403",
        "no role, policy, relation or decision point permits it",
        "it is in the log, under the checkpoint of 300 entries",
        "the log goes on from the checkpoints that are held elsewhere",
        "c2sp.org/tlog-proof@v1",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    let beside = told(&log.check("show #450 --prove", 0));
    assert!(beside.contains("by the keys that lie beside the log"), "{beside}");
    let json = &lines(&log.check("show 7 --prove --json", 0))[0];
    assert_eq!(
        (&json["proof"]["proved"], &json["proof"]["size"]),
        (&true.into(), &600.into())
    );
    let unpublished = told(&log.check("show 605 --prove", 0));
    assert!(unpublished.contains("no checkpoint covers it"), "{unpublished}");
    assert!(told(&log.check("show 610", 1)).contains("no entry is #610"));
    assert!(told(&log.check("show nothing", 1)).contains("no entry is nothing"));
}

#[test]
fn a_proof_is_checked_without_the_log() {
    let log = Log::filled();
    log.check("prove 7 -o proof", 0);
    assert!(told(&log.check("prove 605", 2)).contains("no checkpoint covers it"));
    let alone = Directory::new();
    let check = |proof: &str, key: &str, code: i32| {
        alone.write("proof", proof);
        let output = run(&alone.0, &["log", "prove", "--check", "proof", "--key", key]);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        told(&output)
    };
    let proof = log.directory.read("proof");
    assert!(check(&proof, &log.key, 0).contains("it is entry 7 of `gate.example/audit`"));
    check(&proof.replace("index 7", "index 8"), &log.key, 1);
    let extra = proof.lines().nth(1).unwrap().to_owned();
    log.check("prove 8 -o other", 0);
    let other = log.directory.read("other");
    let other_extra = other.lines().nth(1).unwrap();
    check(&proof.replace(&extra, other_extra), &log.key, 1);
    check(&proof, &Log::new(SETTING).key, 1);
    check("no proof", &log.key, 2);
    let consistency = told(&log.check("prove --from 300", 0));
    assert!(consistency.starts_with("old 300\n"), "{consistency}");
    log.check("prove --from 700", 2);
}

/// The entries of a bundle, changed.
fn rebundled(log: &Log, name: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let path = log.path(name);
    let bundle = fs::read(&path).unwrap();
    let mut entries: Vec<Vec<u8>> = split(&bundle).0.into_iter().map(<[u8]>::to_vec).collect();
    change(&mut entries);
    let mut changed = Vec::new();
    for entry in entries {
        assert!(push_entry(&mut changed, &entry));
    }
    fs::write(path, changed).unwrap();
}

/// What `verify` says of a log that somebody did something to.
#[track_caller]
fn check_tampering(tamper: impl FnOnce(&Log), expected: &str) {
    let log = Log::filled();
    let verify = format!("verify --held held-300 --held held-600 --key {}", log.key);
    let intact = told(&log.check(&verify, 0));
    assert!(
        intact.contains("intact") && intact.contains("held against 2 checkpoints"),
        "{intact}"
    );
    tamper(&log);
    let found = told(&log.check(&verify, 1));
    assert!(
        found.contains("not intact") && found.contains(expected),
        "{expected} in {found}"
    );
    let json: Value = serde_json::from_slice(&log.check(&format!("{verify} --json"), 1).stdout).unwrap();
    assert_eq!(json["intact"], false);
}

const FIRST: &str = "tile/entries/000";

#[test]
fn an_edited_entry_is_found() {
    let edit = |log: &Log| rebundled(log, FIRST, |entries| entries[100] = entry(7));
    check_tampering(edit, "entry 100: it is not what was logged");
}

#[test]
fn a_deleted_entry_is_found() {
    let delete = |log: &Log| rebundled(log, FIRST, |entries| drop(entries.remove(100)));
    check_tampering(delete, "entry 100: it was taken out");
}

#[test]
fn reordered_entries_are_found() {
    let reorder = |log: &Log| rebundled(log, FIRST, |entries| entries.swap(100, 101));
    check_tampering(reorder, "entry 100: it is another one, which was logged elsewhere");
}

#[test]
fn an_inserted_entry_is_found() {
    let insert = |log: &Log| rebundled(log, FIRST, |entries| entries.insert(100, entry(7000)));
    check_tampering(insert, "entry 100: something was put in here that was not logged");
}

#[test]
fn a_truncated_log_is_found() {
    let truncate = |log: &Log| fs::remove_file(log.path("tile/entries/002.p/88")).unwrap();
    check_tampering(truncate, "entries 512 to 599: they are gone");
}

/// The files of a folder, by their names in it.
fn files(folder: &std::path::Path, within: &str, all: &mut BTreeMap<String, Vec<u8>>) {
    for file in fs::read_dir(folder.join(within)).unwrap() {
        let file = file.unwrap();
        let name = format!("{within}{}", file.file_name().to_str().unwrap());
        if file.file_type().unwrap().is_dir() {
            files(folder, &format!("{name}/"), all);
        } else {
            all.insert(name, fs::read(file.path()).unwrap());
        }
    }
}

#[test]
fn a_log_that_was_rolled_back_is_found() {
    let log = Log::new(SETTING);
    let mut writer = log.writer();
    let mut before = BTreeMap::new();
    for number in 0..ENTRIES {
        writer.append(&entry(number)).unwrap();
        if number + 1 == 300 {
            writer.publish(THEN / 1000).unwrap();
            files(&log.path(""), "", &mut before);
        }
    }
    writer.publish(THEN / 1000).unwrap();
    log.directory.write("held-600", &writer.note().to_string());
    drop(writer);
    let verify = format!("verify --held held-600 --key {}", log.key);
    log.check(&verify, 0);
    for folder in ["tile", "journal"] {
        fs::remove_dir_all(log.path(folder)).unwrap();
    }
    for (name, content) in before {
        log.directory.write(&format!("log/{name}"), "");
        fs::write(log.path(&name), content).unwrap();
    }
    let found = told(&log.check(&verify, 1));
    assert!(found.contains("entries 300 to 599: the log had them"), "{found}");
    // Without the checkpoint from elsewhere nobody could know.
    assert!(told(&log.check("verify", 0)).contains("held against no checkpoint"));
    let shown = told(&log.check("show 7 --prove --held held-600", 1));
    assert!(shown.contains("the log had 600 entries once, and has 300"), "{shown}");
}

#[test]
fn swapped_keys_are_found() {
    let swap = |log: &Log| {
        // Everything is made anew, with another key, and that is put beside it.
        let other = Log::filled();
        fs::remove_dir_all(log.path("")).unwrap();
        fs::rename(other.path(""), log.path("")).unwrap();
    };
    check_tampering(swap, "the checkpoint does not count");
}

#[test]
fn a_log_that_was_made_anew_with_its_key_is_found_between_two_checkpoints() {
    let log = Log::filled();
    fs::remove_dir_all(log.path("")).unwrap();
    let held = [300, 600].map(|size| log.directory.read(&format!("held-{size}")));
    log.check("init", 0);
    log.fill(|number| entry(if number == 400 { 7 } else { number }));
    for (size, held) in [300, 600].into_iter().zip(held) {
        log.directory.write(&format!("held-{size}"), &held);
    }
    let found = told(&log.check("verify --held held-300 --held held-600", 1));
    assert!(found.contains("entries 300 to 599: the log was made anew"), "{found}");
}

#[test]
fn what_is_erased_is_found_no_more_and_the_log_stays_as_it_is() {
    let log = Log::new(&SETTING.replace("keys: [log.pem]", "keys: [log.pem], redaction: {principals: erasable}"));
    let erasable = |number: usize| {
        let name = ["alice", "bob"][number % 2];
        Erasable::new(name, &[u8::try_from(number % 251).unwrap(); SALT_BYTES])
    };
    log.fill(|number| {
        let mut entry = request(number);
        let erasable = erasable(number);
        if let Some(user) = entry.actor.as_mut().and_then(|actor| actor.user.as_mut()) {
            user.uid = Protected::Committed(erasable.commitment)
                .into_text()
                .into_owned()
                .into();
        }
        let mut octets = Vec::new();
        entry.write(&mut octets);
        octets
    });
    let values: String = (0..ENTRIES + 10)
        .map(|number| serde_json::to_string(&erasable(number)).unwrap() + "\n")
        .collect();
    let file = log.directory.write("log/erasable/00000000000000000000.jsonl", &values);
    assert_eq!(log.found("--principal alice --limit 1000").len(), 305);
    assert!(told(&log.check("show 8", 0)).contains("alice (user of main)"));
    let output = log.check("erase --principal alice --reason moved", 0);
    let left = fs::read_to_string(file).unwrap();
    assert!(!left.contains("alice") && left.contains("bob"), "{}", told(&output));
    assert_eq!(log.found("--principal alice"), [0; 0]);
    assert_eq!(log.found("--principal bob --limit 1000").len(), 305);
    assert!(told(&log.check("show 8 --prove", 0)).contains("(erased)"));
    log.check(&format!("verify --held held-600 --key {}", log.key), 0);
    let recorded = log.recorded().concat();
    assert!(
        recorded.contains("erase: moved") && recorded.contains("erased"),
        "{recorded}"
    );
    assert!(!recorded.contains("alice"), "what was erased stands in no entry");
    assert!(told(&log.check("erase --principal alice --reason again", 0)).contains("0 values"));
}

#[test]
fn entries_are_written_out_in_order() {
    let log = Log::filled();
    let exported = lines(&log.check("export", 0));
    assert_eq!(exported.len(), ENTRIES + 10);
    let first: Value = serde_json::from_slice(&entry(0)).unwrap();
    assert_eq!((&exported[0]["index"], &exported[0]["entry"]), (&0.into(), &first));
    log.check("export --from 605 --format ocsf -o events.jsonl", 0);
    let events = log.directory.read("events.jsonl");
    assert_eq!(events.lines().count(), 5);
    assert!(events.contains("\"log_name\":\"gate.example/audit\""), "{events}");
    let since = lines(&log.check("export --since 2025-01-01T00:10:05Z", 0));
    assert_eq!(since.len(), 5);
    let last = lines(&log.check("tail -n 2 --json", 0));
    assert_eq!([&last[0]["index"], &last[1]["index"]], [608, 609]);
}

#[test]
fn a_gate_that_writes_takes_in_what_readers_leave_and_erases_for_them() {
    let upstream = Upstream::with_json(THING);
    let setup = Setup::new(THINGS, upstream.address).with(
        "audit_log: {path: log, name: gate.example/audit, keys: [log.pem], checkpoint_seconds: 0.2, redaction: {addresses: erasable}}",
    );
    let directory = setup.written();
    let made = run(&directory.0, &["log", "init", "-c", "gate.yaml"]);
    assert_eq!(made.status.code(), Some(0), "{}", told(&made));
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/things").status, 200);
    let found = |query: &str| {
        let arguments = format!("log query --json -c gate.yaml {query}");
        let output = run(&gate.directory.0, &arguments.split_whitespace().collect::<Vec<_>>());
        lines(&output)
    };
    until("the request is in the log", || !found("--outcome 200").is_empty());
    until("that it was looked for is in the log", || {
        let entries = found("--event administration");
        entries
            .iter()
            .any(|line| line["entry"]["comment"] == "query --outcome 200")
    });
    let entry = &found("--outcome 200")[0];
    assert!(entry["values"].to_string().contains("127.0.0.1"), "{entry}");
    let id = entry["entry"]["metadata"]["correlation_uid"].as_str().unwrap();
    let arguments = ["log", "erase", "-c", "gate.yaml", "--id", id, "--reason", "asked"];
    let erased = run(&gate.directory.0, &arguments);
    assert_eq!(erased.status.code(), Some(0), "{}", told(&erased));
    assert!(found("--outcome 200")[0].get("values").is_none());
    until("that it was erased is in the log", || {
        let entries = found("--event administration");
        entries.iter().any(|line| line["entry"]["comment"] == "erase: asked")
    });
}
