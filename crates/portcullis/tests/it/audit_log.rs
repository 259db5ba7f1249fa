//! The audit log of a gate that serves: what stands in it, when it is durable, and what happens where it cannot be written.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint, KnownLog, LogKey, Origin};
use portcullis_audit_log::entry::Erasable;
use portcullis_audit_log::note::{Algorithm, KeyName, Note, Signer, VerifierKey};
use portcullis_audit_log::tiles::{Kind, TileName, compressed, read_bundle, split};
use portcullis_audit_log::verify::verify;
use portcullis_audit_log::writer::{Signers, Writer};
use portcullis_store::audit_log::{LogFiles, LogFolder};
use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, until};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Upstream, ok};

const NAME: &str = "gate.example/audit";
const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /accounts/{id}:
    get:
      operationId: getAccount
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: string}}
        - {name: pin, in: query, schema: {type: string, format: password}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /people/{name}:
    get:
      operationId: getPerson
      parameters: [{name: name, in: path, required: true, schema: {type: string, x-portcullis: {sensitivity: personal}}}]
      responses: {'200': {$ref: '#/components/responses/any'}}
  /payments:
    post:
      operationId: pay
      x-portcullis: {audit_log: {durability: before_forward, fields: {amount: {body: /amount, as: clear}, to: {body: /to, as: hashed}}}}
      requestBody:
        content:
          application/json: {schema: {type: object, properties: {amount: {type: integer}, to: {type: string}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /orders:
    post:
      operationId: order
      x-portcullis: {audit_log: {durability: before_forward, fields: {items: {body: '/items/*', as: clear}}}}
      requestBody:
        content: {application/json: {schema: {type: object, properties: {items: {type: array, items: {type: string}}}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /events:
    get:
      operationId: watch
      responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}
  /open:
    get:
      operationId: open
      security: []
      x-portcullis: {audit_log: {on_failure: continue}}
      responses: {'200': {$ref: '#/components/responses/any'}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()
}

fn verifier() -> VerifierKey {
    let public = pair().public_key().as_ref().try_into().unwrap();
    VerifierKey::new(KeyName::new(NAME).unwrap(), Algorithm::Ed25519, public).unwrap()
}

pub(crate) fn known() -> KnownLog {
    KnownLog::with_key(Origin::new(NAME).unwrap(), verifier())
}

/// Makes a log, and the files of its keys.
pub(crate) fn make(directory: &Directory) -> PathBuf {
    make_with(directory, 0, &[])
}

/// The same, with so many entries in it.
fn make_with(directory: &Directory, entries: usize, entry: &[u8]) -> PathBuf {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([9; 32]);
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    );
    directory.write_secret("log.pem", &pem);
    directory.write_secret("hash.key", &STANDARD.encode([3; 32]));
    let folder = directory.0.join("log");
    let sign = move |message: &[u8]| Ok(pair().sign(message).as_ref().try_into().unwrap());
    let signers = Signers::new(Signer::new(verifier(), Box::new(sign)), Vec::new()).unwrap();
    let files = Box::new(LogFiles::open(&folder).unwrap());
    let mut writer = Writer::create(files, known(), signers, 1_800_000_000).unwrap();
    for number in 0..entries {
        writer.append(entry).unwrap();
        if number % 10_000 == 0 {
            writer.commit().unwrap();
        }
    }
    writer.publish(1_800_000_000).unwrap();
    fs::write(folder.join("keys"), format!("0 - {}\n", verifier())).unwrap();
    folder
}

fn setup(upstream: &Upstream, more: &str) -> Setup {
    // The contract asks for a value that is hashed.
    let more = match (more.contains("hash_key"), more.contains("redaction: {")) {
        (true, _) => more.to_owned(),
        (false, true) => more.replace("redaction: {", "redaction: {hash_key: hash.key, "),
        (false, false) => format!("{more}, redaction: {{hash_key: hash.key}}"),
    };
    Setup::new(CONTRACT, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with("workers: 2")
        .with(&format!(
            "audit_log: {{path: log, name: {NAME}, keys: [log.pem], checkpoint_seconds: 0.05, commit_seconds: 0.01{more}}}"
        ))
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        // A gate that is killed again and again is asked as fast as it can be.
        .with_api("policy: {modes: {rate_limits: off}}")
}

struct Bank {
    gate: Gate,
    issuer: Issuer,
    log: PathBuf,
}

impl Bank {
    fn start(upstream: &Upstream, more: &str) -> Self {
        let issuer = Issuer::new("one");
        let directory = setup(upstream, more).written();
        directory.write("keys.json", &key_set(&[&issuer]));
        let log = make(&directory);
        let gate = Gate::start(directory);
        Self { gate, issuer, log }
    }

    fn send(&self, method: &str, target: &str, body: &str) -> crate::wire::Answer {
        let bearer = format!(
            "Bearer {}",
            self.issuer
                .token_with("at+jwt", json!({"sub": "alice", "client_id": "web"}))
        );
        let mut fields = vec![("Authorization", bearer.as_str())];
        if !body.is_empty() {
            fields.push(("Content-Type", "application/json"));
        }
        self.gate.client().send(method, target, &fields, body.as_bytes())
    }

    /// The one entry of its kind about a target.
    #[track_caller]
    fn entry(&self, event: &str, path: &str) -> Value {
        let mut found = Vec::new();
        until("the entry is published", || {
            let of = |entry: &Value| {
                entry["metadata"]["event_code"] == event && entry["http_request"]["url"]["path"] == path
            };
            found = entries(&self.log).into_iter().filter(of).collect();
            !found.is_empty()
        });
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }
}

/// Every entry that stands under the last checkpoint.
pub(crate) fn entries(log: &Path) -> Vec<Value> {
    let folder = LogFolder::new(log);
    let size = checkpoint(log).size;
    let mut found = Vec::new();
    for number in 0..size.div_ceil(256) {
        let name = TileName::within(Kind::Entries, number, size).unwrap();
        let stored = read_bundle(&folder, &name).unwrap();
        let (octets, whole) = split(stored.bundle().unwrap());
        assert!(whole.is_ok());
        found.extend(
            octets
                .iter()
                .map(|octets| serde_json::from_slice::<Value>(octets).unwrap()),
        );
    }
    found
}

pub(crate) fn checkpoint(log: &Path) -> Checkpoint {
    let octets = fs::read(log.join(CHECKPOINT)).unwrap();
    known().verify_checkpoint(&Note::parse(&octets).unwrap()).unwrap()
}

#[track_caller]
pub(crate) fn verifies(log: &Path, held: &[Checkpoint]) {
    let report = verify(&LogFolder::new(log), &known(), held, NonZeroUsize::MIN, &mut |_| ()).unwrap();
    assert!(report.is_intact(), "{report:?}");
}

fn everything_below(folder: &Path, found: &mut Vec<u8>) {
    for file in fs::read_dir(folder).unwrap().flatten() {
        if file.path().is_dir() {
            everything_below(&file.path(), found);
        } else {
            found.extend(fs::read(file.path()).unwrap_or_default());
        }
    }
}

fn contains(found: &[u8], what: &str) -> bool {
    found.windows(what.len()).any(|window| window == what.as_bytes())
}

#[test]
fn a_request_is_one_entry_with_who_what_where_and_what_became_of_it() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(&upstream, ", instance: gate-7, redaction: {hash_key: hash.key}");
    assert_eq!(bank.send("GET", "/accounts/7?page=2", "").status, 200);
    let entry = bank.entry("request", "/accounts/7");
    assert_eq!(entry["class_uid"], 6003);
    assert_eq!(entry["activity_id"], 2);
    assert_eq!(
        entry["api"],
        json!({"operation": "getAccount", "service": {"name": "api"}})
    );
    let user = &entry["actor"]["user"];
    assert_eq!(
        (&user["uid"], &user["type"], &user["domain"]),
        (&json!("alice"), &json!("user"), &json!("main"))
    );
    assert!(user["credential_uid"].as_str().unwrap().starts_with("hmac-sha256:"));
    assert_eq!(entry["actor"]["app_uid"], "web");
    assert_eq!(entry["src_endpoint"]["ip"], "127.0.0.1");
    assert_eq!(entry["dst_endpoint"]["instance_uid"], "gate-7");
    assert_eq!(entry["http_request"]["url"]["query_string"], "page=2");
    assert_eq!((&entry["action_id"], &entry["status_id"]), (&json!(1), &json!(1)));
    assert_eq!(entry["http_response"], json!({"code": 200, "length": 2}));
    // A refusal leads to its entry by its id.
    let refused = bank.gate.get("/accounts/8");
    refused.is_refused(401, "authentication.required");
    let entry = bank.entry("request", "/accounts/8");
    assert_eq!(entry["metadata"]["correlation_uid"], refused.json()["request_id"]);
    assert_eq!(
        (&entry["action_id"], &entry["status_code"]),
        (&json!(2), &json!("authentication.required"))
    );
    assert_eq!(entry["unmapped"]["control"], "authentication");
    assert_eq!(entry.get("actor"), None);
    // What comes no further than to the router is there too, and so is what the gate did.
    bank.gate.get("/nothing").is_refused(404, "route.unknown");
    until("the early refusal is published", || {
        entries(&bank.log)
            .iter()
            .any(|entry| entry["status_code"] == "route.unknown")
    });
    bank.gate.signal("-HUP");
    bank.gate.logs(&["reloaded"]);
    bank.gate.signal("-TERM");
    bank.gate.wait();
    let all = entries(&bank.log);
    let said: Vec<&str> = all.iter().filter_map(|entry| entry["comment"].as_str()).collect();
    assert_eq!(said, ["started", "reloaded", "ended"]);
    verifies(&bank.log, &[checkpoint(&bank.log)]);
}

#[test]
fn what_is_secret_or_personal_or_looks_like_it_never_stands_in_clear() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(
        &upstream,
        ", redaction: {hash_key: hash.key, principals: hashed, addresses: masked}",
    );
    let card = "4111111111111111";
    assert_eq!(
        bank.send("GET", &format!("/accounts/{card}?pin=geheim77"), "").status,
        200
    );
    assert_eq!(bank.send("GET", "/people/Erika%20Musterfrau", "").status, 200);
    assert_eq!(
        bank.send("POST", "/payments", r#"{"amount":5,"to":"DE-Konto-99"}"#)
            .status,
        200
    );
    assert_eq!(bank.send("GET", "/accounts/1?other=heimlich88", "").status, 400);
    let paid = bank.entry("request", "/payments");
    assert_eq!(paid["unmapped"]["fields"][0], json!(["amount", "5"]));
    assert!(
        paid["unmapped"]["fields"][1][1]
            .as_str()
            .unwrap()
            .starts_with("hmac-sha256:")
    );
    let opened = bank.entry("opened", "/payments");
    assert_eq!(
        opened["metadata"]["correlation_uid"],
        paid["metadata"]["correlation_uid"]
    );
    assert_eq!(paid["src_endpoint"]["ip"], "masked:sensitive");
    bank.gate.signal("-TERM");
    bank.gate.wait();
    let mut found = Vec::new();
    everything_below(&bank.log, &mut found);
    found.extend(bank.gate.log().join("\n").into_bytes());
    for secret in [
        card,
        "geheim77",
        "Erika",
        "Musterfrau",
        "DE-Konto-99",
        "heimlich88",
        "alice",
    ] {
        assert!(!contains(&found, secret), "{secret}");
    }
    assert!(contains(&found, "pin=masked:sensitive") && contains(&found, "other=masked:sensitive"));
}

#[test]
fn values_that_can_be_erased_lie_beside_the_log_and_are_gone_without_a_trace_in_it() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(&upstream, ", redaction: {principals: erasable}");
    assert_eq!(bank.send("GET", "/accounts/7", "").status, 200);
    let entry = bank.entry("request", "/accounts/7");
    let uid = entry["actor"]["user"]["uid"].as_str().unwrap();
    let commitment = uid.strip_prefix("committed:").unwrap();
    bank.gate.signal("-TERM");
    bank.gate.wait();
    let beside = bank.log.join("erasable/00000000000000000000.jsonl");
    let text = fs::read_to_string(&beside).unwrap();
    let kept: Erasable<'_> = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(kept.holds() && kept.value == "alice" && kept.commitment == commitment);
    fs::remove_file(&beside).unwrap();
    let mut found = Vec::new();
    everything_below(&bank.log, &mut found);
    assert!(!contains(&found, "alice"));
    verifies(&bank.log, &[]);
}

#[test]
fn nothing_is_forwarded_that_is_not_in_the_log_where_that_is_asked_for() {
    let upstream = Upstream::start(|_, stream| {
        use std::io::Write as _;
        stream.write_all(&ok("application/json", "{}")).is_ok()
    });
    let bank = Bank::start(&upstream, ", defaults: {durability: before_response}");
    for number in 0..20 {
        let answer = bank.send("POST", "/payments", &format!(r#"{{"amount":{number}}}"#));
        assert_eq!(answer.status, 200);
        assert_eq!(bank.send("GET", &format!("/accounts/{number}"), "").status, 200);
    }
    // Killed, so nothing is written that was not.
    bank.gate.signal("-KILL");
    let Bank { mut gate, issuer, log } = bank;
    gate.wait();
    let directory = std::mem::replace(&mut gate.directory, Directory::new());
    drop(gate);
    let mut gate = Gate::start(directory);
    until("what was open is said to be abandoned, or was closed", || {
        let all = entries(&log);
        let of = |event: &str| {
            let events = all.iter().filter(move |entry| entry["metadata"]["event_code"] == event);
            events
                .map(|entry| entry["metadata"]["correlation_uid"].to_string())
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (opened, mut ended) = (of("opened"), of("request"));
        ended.extend(of("abandoned"));
        opened.len() == 40 && opened.is_subset(&ended)
    });
    // Whatever the upstream saw is in the log.
    let all = entries(&log);
    let paths: Vec<&str> = all
        .iter()
        .filter_map(|entry| entry["http_request"]["url"]["path"].as_str())
        .collect();
    let seen = upstream.seen();
    assert_eq!(seen.len(), 40);
    for seen in seen {
        let target = seen.line.split(' ').nth(1).unwrap();
        assert!(paths.contains(&target), "{target}");
    }
    drop(issuer);
    gate.signal("-TERM");
    gate.wait();
    verifies(&log, &[]);
}

#[test]
fn where_the_log_cannot_be_written_requests_are_refused_or_go_on_as_the_operation_says() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(&upstream, "");
    assert_eq!(bank.send("GET", "/accounts/7", "").status, 200);
    bank.entry("request", "/accounts/7");
    // A folder that is a file cannot be written, whoever the test runs as.
    let away = bank.log.with_extension("away");
    fs::rename(bank.log.join("journal"), &away).unwrap();
    fs::write(bank.log.join("journal"), "").unwrap();
    until("requests are refused", || {
        let answer = bank.send("GET", "/accounts/8", "");
        answer.status == 503 && answer.code() == "audit-log.unavailable"
    });
    let before = upstream.seen().len();
    bank.send("POST", "/payments", "{}")
        .is_refused(503, "audit-log.unavailable");
    assert_eq!(upstream.seen().len(), before);
    assert_eq!(bank.gate.get("/open").status, 200);
    bank.gate.logs(&["the audit log cannot be written"]);
    assert!((bank.gate.metric(&["portcullis_audit_log_failing"]) - 1.0).abs() < 0.1);
    // It goes on by itself, and nothing that was let through is missing.
    fs::remove_file(bank.log.join("journal")).unwrap();
    fs::rename(&away, bank.log.join("journal")).unwrap();
    until("requests pass again", || {
        bank.send("GET", "/accounts/again", "").status == 200
    });
    bank.gate.logs(&["the audit log can be written again"]);
    assert_eq!(bank.send("GET", "/accounts/9", "").status, 200);
    bank.entry("request", "/accounts/9");
    bank.entry("request", "/open");
    bank.gate.signal("-TERM");
    bank.gate.wait();
    verifies(&bank.log, &[]);
}

#[test]
fn a_flood_is_counted_and_not_logged_one_by_one() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(&upstream, ", refusals_per_minute_max: 10");
    for _ in 0..100 {
        bank.gate.get("/nothing").is_refused(404, "route.unknown");
    }
    bank.gate.signal("-TERM");
    bank.gate.wait();
    let all = entries(&bank.log);
    let single = all
        .iter()
        .filter(|entry| entry["status_code"] == "route.unknown")
        .count();
    assert!((1..=10).contains(&single), "{single}");
    let counts = all.iter().filter(|entry| entry["metadata"]["event_code"] == "refusals");
    let counted: u64 = counts.map(|entry| entry["count"].as_u64().unwrap()).sum();
    assert_eq!(single as u64 + counted, 100);
}

#[test]
fn a_gate_that_takes_over_has_the_log_and_nothing_is_lost() {
    let upstream = Upstream::start(|seen, stream| {
        use std::io::Write as _;
        if seen.line.contains("slow") {
            std::thread::sleep(Duration::from_millis(1500));
        }
        stream.write_all(&ok("application/json", "{}")).is_ok()
    });
    let mut bank = Bank::start(&upstream, ", defaults: {durability: before_forward}");
    assert_eq!(bank.send("GET", "/accounts/before", "").status, 200);
    let slow = std::thread::scope(|scope| {
        let slow = scope.spawn(|| bank.send("GET", "/accounts/slow", "").status);
        until("the slow one is under way", || upstream.seen().len() > 1);
        // The guard is borrowed: the signal is the one of `restart`.
        bank.gate.signal("-USR2");
        slow.join().unwrap()
    });
    assert_eq!(slow, 200);
    bank.gate.logs(&["handed over"]);
    until("the one that took over writes", || {
        bank.send("GET", "/accounts/after", "").status == 200
    });
    for path in ["/accounts/before", "/accounts/slow", "/accounts/after"] {
        until("the entry is there", || {
            entries(&bank.log).iter().any(|entry| {
                entry["metadata"]["event_code"] == "request" && entry["http_request"]["url"]["path"] == path
            })
        });
    }
    let all = entries(&bank.log);
    assert!(
        all.iter().all(|entry| entry["metadata"]["event_code"] != "abandoned"),
        "{all:#?}"
    );
    bank.gate.wait();
    // The guard does not know the one that took over.
    let lines = bank.gate.log();
    let mut said = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let successor = said.find_map(|line| line["successor"].as_u64()).unwrap();
    assert!(crate::gate::signal("-TERM", u32::try_from(successor).unwrap()));
    until("it has ended", || {
        !Path::new(&format!("/proc/{successor}/fd/0")).exists()
    });
}

#[test]
fn a_gate_does_not_start_on_a_log_that_is_not_there_or_was_changed() {
    let upstream = Upstream::with_json("{}");
    let start = |prepare: &dyn Fn(&Path)| {
        let issuer = Issuer::new("one");
        let directory = setup(&upstream, "").written();
        directory.write("keys.json", &key_set(&[&issuer]));
        prepare(&make(&directory));
        let output = crate::gate::run(&directory.0, &["serve", "-c", "gate.yaml"]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let gone = start(&|log| fs::remove_dir_all(log).unwrap());
    assert!(gone.contains("portcullis log init"), "{gone}");
    let changed = start(&|log| {
        let text = fs::read_to_string(log.join(CHECKPOINT)).unwrap();
        fs::write(log.join(CHECKPOINT), text.replacen("\n0\n", "\n1\n", 1)).unwrap();
    });
    assert!(changed.contains("cannot be opened"), "{changed}");
}

/// How often a gate is killed in either mode: `PORTCULLIS_KILLS` says it.
fn kills() -> u64 {
    let said = std::env::var("PORTCULLIS_KILLS").ok();
    said.map_or(10, |said| said.parse().unwrap())
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_gate_is_killed_again_and_again() {
    let upstream = Upstream::with_json("{}");
    for durability in ["before_forward", "before_response"] {
        let Bank { gate, issuer, log } = Bank::start(&upstream, &format!(", defaults: {{durability: {durability}}}"));
        let bearer = format!("Bearer {}", issuer.token_with("at+jwt", json!({"sub": "alice"})));
        let mut running = Some(gate);
        let mut acknowledged = Vec::new();
        for round in 0..kills() {
            let mut gate = running.take().unwrap();
            let mut client = gate.client();
            let killed = std::thread::scope(|scope| {
                let id = gate.id();
                let killer = scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(40 + 17 * (round % 10)));
                    crate::gate::signal("-KILL", id)
                });
                for number in 0.. {
                    let path = format!("/accounts/{round}-{number}");
                    let wire = client.request("GET", &path, &[("Authorization", &bearer)], b"");
                    client.write(&wire);
                    match client.head() {
                        Some(answer) if answer.status == 200 => acknowledged.push(path),
                        Some(answer) => panic!("{}", answer.status),
                        None => break,
                    }
                    let _body = client.take(2);
                }
                killer.join().unwrap()
            });
            assert!(killed);
            gate.wait();
            let directory = std::mem::replace(&mut gate.directory, Directory::new());
            drop(gate);
            running = Some(Gate::start(directory));
            verifies(&log, &[checkpoint(&log)]);
        }
        let mut gate = running.take().unwrap();
        assert!(acknowledged.len() > 20, "{}", acknowledged.len());
        gate.signal("-TERM");
        gate.wait();
        let all = entries(&log);
        let logged: std::collections::BTreeSet<&str> = all
            .iter()
            .filter_map(|entry| entry["http_request"]["url"]["path"].as_str())
            .collect();
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|path| !logged.contains(path.as_str()))
            .collect();
        assert!(lost.is_empty(), "{durability}: {lost:?} of {}", acknowledged.len());
        verifies(&log, &[]);
    }
}

#[test]
fn what_is_too_old_is_pruned_and_what_is_old_compressed_and_all_of_it_is_proved_as_before() {
    let upstream = Upstream::with_json("{}");
    let issuer = Issuer::new("one");
    let directory = setup(&upstream, ", retention: {compress_after_days: 1}").written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let old = br#"{"class_uid":6003,"activity_id":2,"time":1700000000000,"metadata":{"event_code":"request"}}"#;
    let log = make_with(&directory, 3 * 65_536 + 10, old);
    let before = checkpoint(&log);
    let mut gate = Gate::start(directory);
    let compressed = |bundle| log.join(compressed(&TileName::full(Kind::Entries, bundle))).exists();
    // The last whole step is left: nobody knows how old the next one will be.
    until("what is old is compressed", || compressed(511));
    assert!(compressed(0) && !compressed(512));
    gate.signal("-TERM");
    gate.wait();
    verifies(&log, std::slice::from_ref(&before));
    let directory = std::mem::replace(&mut gate.directory, Directory::new());
    let written = directory
        .read("gate.yaml")
        .replace("compress_after_days: 1", "days: 30");
    directory.write("gate.yaml", &written);
    let mut gate = Gate::start(directory);
    gate.logs(&["were pruned, as its retention says"]);
    until("the checkpoint says so", || {
        checkpoint(&log).minimum_index == 2 * 65_536
    });
    gate.signal("-TERM");
    gate.wait();
    assert!(!compressed(0) && !compressed(511));
    verifies(&log, &[before]);
}

#[test]
fn what_goes_on_is_in_the_log_from_its_beginning_and_ends_as_it_ended() {
    let upstream = Upstream::start(|_, stream| {
        use std::io::Write as _;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
        stream.write_all(head.as_bytes()).unwrap();
        while stream.write_all(b"data: 2\n\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    });
    let bank = Bank::start(&upstream, "");
    let bearer = format!("Bearer {}", bank.issuer.token_with("at+jwt", json!({"sub": "alice"})));
    let mut client = bank.gate.client();
    let wire = client.request("GET", "/events", &[("Authorization", &bearer)], b"");
    client.write(&wire);
    assert_eq!(client.head().unwrap().status, 200);
    let opened = bank.entry("opened", "/events");
    assert_eq!(opened["http_response"]["code"], 200);
    assert_eq!(opened.get("duration"), None);
    drop(client);
    let ended = bank.entry("request", "/events");
    assert_eq!(
        (&ended["status_code"], &ended["status_id"]),
        (&json!("client_gone"), &json!(2))
    );
    assert_eq!(
        ended["metadata"]["correlation_uid"],
        opened["metadata"]["correlation_uid"]
    );
}

#[test]
fn keys_are_replaced_and_every_entry_counts_by_the_key_of_its_time() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(&upstream, "");
    assert_eq!(bank.send("GET", "/accounts/1", "").status, 200);
    bank.entry("request", "/accounts/1");
    bank.gate.signal("-TERM");
    bank.gate.wait();
    let before = checkpoint(&bank.log);
    let directory = std::mem::replace(&mut bank.gate.directory, Directory::new());
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([8; 32]);
    let pem = STANDARD.encode(der);
    directory.write_secret(
        "new.pem",
        &format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"),
    );
    let written = directory.read("gate.yaml");
    let with = |keys: &str| written.replace("keys: [log.pem]", &format!("keys: [{keys}]"));
    // Nobody opens a log by a key that has signed nothing of it.
    directory.write("gate.yaml", &with("new.pem"));
    let output = crate::gate::run(&directory.0, &["serve", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    directory.write("gate.yaml", &with("log.pem, new.pem"));
    let mut between = Gate::start(directory);
    between.signal("-TERM");
    between.wait();
    let directory = std::mem::replace(&mut between.directory, Directory::new());
    directory.write("gate.yaml", &with("new.pem"));
    let before_last = checkpoint(&bank.log);
    bank.gate = Gate::start(directory);
    assert_eq!(bank.send("GET", "/accounts/2", "").status, 200);
    bank.gate.signal("-TERM");
    bank.gate.wait();
    // What lies with the log says from when to when each counts; with the old key alone the log is not known any more.
    let keys = fs::read_to_string(bank.log.join("keys")).unwrap();
    let lines: Vec<&str> = keys.lines().collect();
    assert_eq!(lines.len(), 2, "{keys}");
    assert!(
        lines[0].starts_with(&format!("0 {} ", before_last.size))
            && lines[1].starts_with(&format!("{} - ", before.size)),
        "{keys}"
    );
    let mut known = known();
    known.keys[0].last = Some(before_last.size);
    known.keys.push(LogKey {
        key: lines[1].rsplit(' ').next().unwrap().parse().unwrap(),
        first: before.size,
        last: None,
    });
    let intact = |known: &KnownLog| {
        let report = verify(&LogFolder::new(&bank.log), known, &[], NonZeroUsize::MIN, &mut |_| ()).unwrap();
        report.is_intact()
    };
    assert!(intact(&known));
    assert!(!intact(&self::known()));
}

#[test]
fn nobody_hides_from_the_log_by_sending_more_than_an_entry_has_room_for() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, "");
    let items = vec!["\\u0001".repeat(1024); 90];
    let body = format!(r#"{{"items":["{}"]}}"#, items.join("\",\""));
    assert_eq!(bank.send("POST", "/orders", &body).status, 200);
    let opened = bank.entry("opened", "/orders");
    let ended = bank.entry("request", "/orders");
    assert_eq!(
        opened["metadata"]["correlation_uid"],
        ended["metadata"]["correlation_uid"]
    );
    assert!(
        opened["unmapped"]["fields"].to_string().contains("too long"),
        "{opened}"
    );
    assert!(
        entries(&bank.log)
            .iter()
            .all(|entry| entry["metadata"]["event_code"] != "lost")
    );
}

#[test]
fn what_strangers_leave_in_the_inbox_neither_stops_the_log_nor_says_what_they_want() {
    use std::os::unix::net::UnixListener;
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, ", defaults: {durability: before_forward}");
    assert_eq!(bank.send("GET", "/accounts/1", "").status, 200);
    let inbox = bank.log.join("inbox");
    fs::create_dir_all(&inbox).unwrap();
    let fifo = |name: &str| {
        let made = std::process::Command::new("mkfifo").arg(inbox.join(name)).status();
        assert!(made.unwrap().success());
    };
    fifo("a.alive");
    fifo("a.json");
    let _socket = UnixListener::bind(inbox.join("b.json")).unwrap();
    fs::create_dir(inbox.join("c.json")).unwrap();
    fs::write(inbox.join("d.json"), "no entry").unwrap();
    let entry =
        br#"{"class_uid":3004,"activity_id":2,"time":1,"metadata":{"event_code":"administration"},"comment":"looked"}"#;
    fs::write(inbox.join("e.json"), entry).unwrap();
    until("what is an entry is taken in", || {
        entries(&bank.log).iter().any(|entry| entry["comment"] == "looked")
    });
    assert_eq!(bank.send("GET", "/accounts/2", "").status, 200);
    bank.entry("request", "/accounts/2");
    until("what is none is kept for whoever can read it", || {
        inbox.join("d.damaged").exists()
    });
}

#[test]
fn a_line_that_was_torn_beside_the_log_takes_no_other_with_it() {
    let upstream = Upstream::with_json("{}");
    let mut bank = Bank::start(&upstream, ", redaction: {principals: erasable}");
    assert_eq!(bank.send("GET", "/accounts/1", "").status, 200);
    bank.entry("request", "/accounts/1");
    bank.gate.signal("-TERM");
    bank.gate.wait();
    let beside = bank.log.join("erasable/00000000000000000000.jsonl");
    let whole = fs::read_to_string(&beside).unwrap();
    fs::write(&beside, format!("{whole}{{\"commitment\":\"to")).unwrap();
    let directory = std::mem::replace(&mut bank.gate.directory, Directory::new());
    bank.gate = Gate::start(directory);
    assert_eq!(bank.send("GET", "/accounts/2", "").status, 200);
    let entry = bank.entry("request", "/accounts/2");
    let uid = entry["actor"]["user"]["uid"].as_str().unwrap().to_owned();
    let lines = fs::read_to_string(&beside).unwrap();
    let kept = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Erasable<'_>>(line).ok());
    assert!(
        kept.into_iter()
            .any(|kept| uid == format!("committed:{}", kept.commitment) && kept.holds())
    );
}

#[test]
fn decisions_of_the_log_are_made_again_and_explained() {
    let upstream = Upstream::with_json("{}");
    let issuer = Issuer::new("one");
    let directory = setup(&upstream, ", redaction: {decisions: whole}")
        .with_api("authorization: {policies: [bank.cedar]}")
        .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let permits = r#"@id("alice") permit (principal == User::"alice", action == Action::"getAccount", resource);"#;
    directory.write("bank.cedar", permits);
    // What is not made yet is no error, and told.
    let checked = crate::gate::run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(told.contains("portcullis log init"), "{told}");
    let log = make(&directory);
    let bank = Bank {
        gate: Gate::start(directory),
        issuer,
        log,
    };
    assert_eq!(bank.send("GET", "/accounts/7", "").status, 200);
    assert_eq!(bank.send("POST", "/payments", "{}").status, 403);
    let entry = bank.entry("request", "/accounts/7");
    assert_eq!(entry["unmapped"]["determining"], json!(["cedar:alice"]));
    bank.entry("request", "/payments");
    let directory = &bank.gate.directory;
    let replay = |changed: u64| {
        let output = crate::gate::run(&directory.0, &["policy", "replay", "log", "-c", "gate.yaml", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&report["replayed"], &report["changed"]),
            (&json!(2), &json!(changed)),
            "{report}"
        );
    };
    replay(0);
    directory.write("bank.cedar", &permits.replace("alice\", action", "bob\", action"));
    replay(1);
    let index = entries(&bank.log)
        .iter()
        .position(|entry| entry["http_request"]["url"]["path"] == "/accounts/7")
        .unwrap();
    let line = index.to_string();
    let explained = crate::gate::run(
        &directory.0,
        &["policy", "explain", "log", "--line", &line, "-c", "gate.yaml"],
    );
    let told = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(explained.status.success() && told.contains("alice"), "{told}");
}
