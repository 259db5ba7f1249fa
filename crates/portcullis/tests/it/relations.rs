//! Who stands in which relation to what: written by commands, learnt from answers, followed by a gate that serves.

use std::io::{BufRead as _, BufReader, Write};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::identity_upstream::{events_at, streaming};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Seen, Upstream, answer, ok};
use crate::wire::{Answer, Client};

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /accounts:
    post:
      operationId: openAccount
      x-portcullis: {relations: {creates: {type: account, answer: /id, caller: owner}}}
      responses:
        '201': {$ref: '#/components/responses/any'}
        '202': {$ref: '#/components/responses/any'}
        '409': {$ref: '#/components/responses/any'}
  /accounts/{account}:
    parameters: [{name: account, in: path, required: true, schema: {type: string}}]
    x-portcullis: {resources: [{type: Account, path: account}]}
    get: {operationId: readAccount, responses: {'200': {$ref: '#/components/responses/any'}}}
    delete:
      operationId: closeAccount
      x-portcullis: {relations: {deletes: {type: account, path: account}}}
      responses: {'204': {description: gone}, '404': {$ref: '#/components/responses/any'}}
  /accounts/{account}/cards:
    post:
      operationId: orderCard
      parameters: [{name: account, in: path, required: true, schema: {type: string}}]
      x-portcullis:
        resources: [{type: Account, path: account}]
        relations: {creates: {type: card, location: true, caller: holder, parent: {relation: account, type: account, path: account}}}
      responses: {'201': {description: ordered, headers: {Location: {schema: {type: string}}}}}
  /cards/{card}:
    put:
      operationId: nameCard
      parameters: [{name: card, in: path, required: true, schema: {type: string}}]
      x-portcullis:
        resources: [{type: Card, path: card}]
        relations: {creates: {type: card, path: card, caller: holder}}
      responses: {'200': {$ref: '#/components/responses/any'}, '201': {$ref: '#/components/responses/any'}}
    get:
      operationId: readCard
      parameters: [{name: card, in: path, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Card, path: card}]}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /events:
    get:
      operationId: watchAccount
      parameters: [{name: account, in: query, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, query: account}]}
      responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, properties: {id: {type: [string, integer, 'null']}}}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const MODEL: &str = "\
types:
  user:
  group: {relations: {member: [user, 'group#member']}}
  account:
    relations:
      owner: [user, 'group#member']
      reader: {any_of: [[user, 'group#member'], owner]}
  card:
    relations:
      account: [account]
      holder: [user]
      reader: {any_of: [holder, {from: account, relation: owner}]}
";
const GRANTS: &str = "\
subjects: {User: user}
grants:
  - {actions: [readAccount, watchAccount], resource: Account, type: account, relation: reader}
  - {actions: [closeAccount, orderCard], resource: Account, type: account, relation: owner}
  - {actions: [readCard, nameCard], resource: Card, type: card, relation: reader}
";
/// Everybody may open accounts: relations are between callers and what there is.
const POLICY: &str = "permit (principal is User, action == Action::\"openAccount\", resource is Api);";
const RELATIONS: &str = "relations: {store: relations.db, model: model.yaml}";

struct Bank {
    gate: Gate,
    issuer: Issuer,
}

fn written(upstream: &Upstream, tuples: &[&str]) -> (Directory, Issuer) {
    let issuer = Issuer::new("one");
    let directory = Setup::new(CONTRACT, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with(RELATIONS)
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api("authorization: {policies: [bank.cedar], relations: grants.yaml}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    directory.write("bank.cedar", POLICY);
    directory.write("model.yaml", MODEL);
    directory.write("grants.yaml", GRANTS);
    assert_eq!(relation(&directory, &["init"]).status.code(), Some(0));
    if !tuples.is_empty() {
        write(&directory, tuples);
    }
    (directory, issuer)
}

/// Runs the command.
fn relation(directory: &Directory, arguments: &[&str]) -> Output {
    let arguments = [&["relation"], arguments, &["-c", "gate.yaml"]].concat();
    run(&directory.0, &arguments)
}

#[track_caller]
fn write(directory: &Directory, tuples: &[&str]) {
    let output = relation(directory, &[&["write"], tuples].concat());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

fn told(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

impl Bank {
    fn start(upstream: &Upstream, tuples: &[&str]) -> Self {
        let (directory, issuer) = written(upstream, tuples);
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    fn token(&self, who: &str) -> String {
        format!("Bearer {}", self.issuer.token_with("at+jwt", json!({ "sub": who })))
    }

    fn send(&self, who: &str, method: &str, target: &str) -> Answer {
        let token = self.token(who);
        self.gate
            .client()
            .send(method, target, &[("Authorization", &token)], b"")
    }

    fn status(&self, who: &str, target: &str) -> u16 {
        self.send(who, "GET", target).status
    }
}

/// Opens accounts with numbers from 7 on, orders cards, closes what is there.
fn bank(seen: &Seen, stream: &mut std::net::TcpStream) -> bool {
    let answered = match seen.line.split(' ').next().unwrap() {
        "POST" if seen.line.contains("/cards") => answer("201 Created", &[("Location", "/cards/c%2D1?x=/y")], b""),
        "POST" => answer("201 Created", &[("Content-Type", "application/json")], br#"{"id":7}"#),
        "DELETE" if seen.line.contains("/unknown") => {
            answer("404 Not Found", &[("Content-Type", "application/json")], b"{}")
        }
        "DELETE" => answer("204 No Content", &[], b""),
        "PUT" if seen.line.contains("/new") => answer("201 Created", &[("Content-Type", "application/json")], b"{}"),
        _ => ok("application/json", "{}"),
    };
    stream.write_all(&answered).is_ok()
}

#[test]
fn d4_whoever_creates_something_may_read_it_at_once_and_others_may_not() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:unknown#owner@user:ada"]);
    assert_eq!(bank.status("ada", "/accounts/7"), 403, "it is not there yet");
    assert_eq!(bank.send("ada", "POST", "/accounts").status, 201);
    // Whichever worker gets them: connections go to all.
    for _ in 0..20 {
        assert_eq!(bank.status("ada", "/accounts/7"), 200);
        assert_eq!(bank.status("eve", "/accounts/7"), 403);
    }
    // A card is learnt from `Location`, with the account that it belongs to.
    let refused = bank.send("eve", "POST", "/accounts/7/cards");
    refused.is_refused(403, "authorization.denied");
    assert_eq!(bank.send("ada", "POST", "/accounts/7/cards").status, 201);
    assert_eq!(
        (bank.status("ada", "/cards/c-1"), bank.status("eve", "/cards/c-1")),
        (200, 403)
    );
    write(&bank.gate.directory, &["account:7#owner@user:bob"]);
    until("whoever owns the account reads its cards", || {
        bank.status("bob", "/cards/c-1") == 200
    });
    // What cannot be deleted stays, what is deleted is related to nobody.
    assert_eq!(bank.send("ada", "DELETE", "/accounts/unknown").status, 404);
    assert_eq!(bank.status("ada", "/accounts/unknown"), 200);
    assert_eq!(bank.send("ada", "DELETE", "/accounts/7").status, 204);
    assert_eq!(
        (bank.status("ada", "/accounts/7"), bank.status("bob", "/accounts/7")),
        (403, 403)
    );
    assert_eq!(
        (bank.status("ada", "/cards/c-1"), bank.status("bob", "/cards/c-1")),
        (200, 403)
    );
    assert!(bank.gate.metric(&["portcullis_relations_learnt_total", "done"]) >= 3.0);
    assert!(bank.gate.metric(&["portcullis_relation_tuples"]) >= 2.0);
    assert!(bank.gate.metric(&["portcullis_relations_age_seconds"]) <= 1.0);
    let listed = relation(&bank.gate.directory, &["list", "card:c-1", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["tuples"][0]["origin"], "learnt");
    assert_eq!(listed["complete"], true);
}

#[test]
fn d4_whoever_changes_something_does_not_own_it_by_that() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(
        &upstream,
        &[
            "card:old#account@account:1",
            "card:new#account@account:1",
            "account:1#owner@user:ada",
        ],
    );
    for (card, holds) in [("old", 1), ("new", 0)] {
        let target = format!("/cards/{card}");
        assert!(matches!(bank.send("ada", "PUT", &target).status, 200 | 201));
        let checked = relation(
            &bank.gate.directory,
            &["check", &format!("card:{card}#holder@user:ada")],
        );
        assert_eq!(checked.status.code(), Some(holds), "{card}");
    }
}

#[test]
fn d4_members_of_groups_of_groups_are_related() {
    let upstream = Upstream::start(bank);
    let tuples = [
        "account:1#reader@group:auditors#member",
        "group:auditors#member@group:partners#member",
        "group:partners#member@user:jean",
    ];
    let bank = Bank::start(&upstream, &tuples);
    assert_eq!(
        (bank.status("jean", "/accounts/1"), bank.status("eve", "/accounts/1")),
        (200, 403)
    );
    let closes = bank.send("jean", "DELETE", "/accounts/1");
    closes.is_refused(403, "authorization.denied");
    let revoked = relation(&bank.gate.directory, &["delete", tuples[1]]);
    assert_eq!(revoked.status.code(), Some(0), "{}", told(&revoked));
    until("it is revoked", || bank.status("jean", "/accounts/1") == 403);
}

#[test]
fn d4_a_relation_that_another_process_revokes_permits_nothing_a_second_later() {
    const ASKED_AFTER: usize = 10_000;
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean"]);
    let (token, address) = (bank.token("jean"), bank.gate.address);
    let (revoked, stop) = (std::sync::Mutex::new(None::<Instant>), AtomicBool::new(false));
    let (permitted, asked, late) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::Acquire) {
                    let begun = Instant::now();
                    let status = client
                        .send("GET", "/accounts/1", &[("Authorization", &token)], b"")
                        .status;
                    assert!(matches!(status, 200 | 403), "{status}");
                    let permits = usize::from(status == 200);
                    permitted.fetch_add(permits, Ordering::AcqRel);
                    let revoked = *revoked.lock().unwrap();
                    if revoked.is_some_and(|revoked| begun.duration_since(revoked) >= Duration::from_secs(1)) {
                        asked.fetch_add(1, Ordering::AcqRel);
                        late.fetch_add(permits, Ordering::AcqRel);
                    }
                }
            });
        }
        until("it is permitted", || permitted.load(Ordering::Acquire) > 1000);
        let output = relation(&bank.gate.directory, &["delete", "account:1#owner@user:jean"]);
        *revoked.lock().unwrap() = Some(Instant::now());
        let start = Instant::now();
        while asked.load(Ordering::Acquire) < ASKED_AFTER && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Release);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    });
    let (asked, late) = (asked.into_inner(), late.into_inner());
    assert!(asked >= ASKED_AFTER, "{asked}");
    assert_eq!(late, 0, "of {asked}");
}

#[test]
fn d4_a_store_that_cannot_be_read_permits_nothing_and_is_told() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean"]);
    let directory = &bank.gate.directory;
    let [store, away] = ["relations.db", "away.db"].map(|name| directory.0.join(name));
    type Harm<'h> = (&'h str, &'h dyn Fn(), &'h str);
    let harms: [Harm<'_>; 3] = [
        ("removed", &|| (), "no such file"),
        (
            "replaced",
            &|| drop(directory.write_secret("relations.db", "not a database, and long enough to be read as one")),
            "no store of portcullis",
        ),
        (
            "exposed",
            &|| {
                directory.write_secret("relations.db", "");
                directory.permit("relations.db", 0o644);
            },
            "everybody on this machine",
        ),
    ];
    for (name, harm, words) in harms {
        assert_eq!(bank.status("jean", "/accounts/1"), 200, "{name}");
        let untold = || {
            let lines = bank.gate.log_of_requests();
            let untold = |line: &&Value| line["place"] == "relations cannot tell";
            lines.iter().filter(untold).count()
        };
        let before = untold();
        std::fs::rename(&store, &away).unwrap();
        harm();
        let harmed = Instant::now();
        until("nothing is permitted", || bank.status("jean", "/accounts/1") == 403);
        assert!(harmed.elapsed() < Duration::from_secs(3), "{name}");
        bank.gate.logs(&["the store of relations cannot be read", words]);
        bank.gate.logs(&["nothing is permitted by relations", "too old"]);
        until("the request is logged", || untold() > before);
        // What could not be learnt from is not done.
        let before = upstream.seen().len();
        bank.send("jean", "POST", "/accounts")
            .is_refused(503, "authorization.unavailable");
        assert_eq!(upstream.seen().len(), before, "{name}");
        std::fs::rename(&away, &store).unwrap();
        until("it is permitted again", || bank.status("jean", "/accounts/1") == 200);
    }
    let told = |words: &str| bank.gate.log().iter().filter(|line| line.contains(words)).count();
    assert_eq!(told("the store of relations cannot be read"), 3, "once each");
}

#[test]
fn d4_what_was_done_and_cannot_be_learnt_is_an_error_and_told() {
    let upstream = Upstream::start(|seen, stream| {
        let answered = match seen.line.contains("/cards") {
            true => answer("201 Created", &[], b""),
            false => answer(
                "201 Created",
                &[("Content-Type", "application/json")],
                br#"{"id":null}"#,
            ),
        };
        stream.write_all(&answered).is_ok()
    });
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean"]);
    bank.send("jean", "POST", "/accounts")
        .is_refused(500, "authorization.not_learnt");
    bank.gate.logs(&[
        "is not learnt",
        "account:?#owner@user:jean",
        "does not say of which object",
    ]);
    bank.send("jean", "POST", "/accounts/1/cards")
        .is_refused(500, "authorization.not_learnt");
    bank.gate.logs(&["is not learnt", "card:?#holder@user:jean"]);
    assert_eq!(bank.gate.metric(&["portcullis_relations_learnt_total", "failed"]), 2.0);
    // Somebody whom no tuple can name owns nothing, so nothing is done for them.
    let before = upstream.seen().len();
    bank.send("two words", "POST", "/accounts")
        .is_refused(403, "authorization.denied");
    assert_eq!(upstream.seen().len(), before);
}

#[test]
fn d4_what_cannot_be_written_down_is_told_with_the_tuple() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean"]);
    let directory = &bank.gate.directory;
    let [store, away] = ["relations.db", "away.db"].map(|name| directory.0.join(name));
    std::fs::rename(&store, &away).unwrap();
    // What was read of it counts a second longer, so that this one is sent on.
    bank.send("jean", "POST", "/accounts")
        .is_refused(500, "authorization.not_learnt");
    bank.gate
        .logs(&["is not written down", "account:7#owner@user:jean", "no such file"]);
    std::fs::rename(&away, &store).unwrap();
    until("it is learnt again", || {
        bank.send("jean", "POST", "/accounts").status == 201
    });
    assert_eq!(bank.status("jean", "/accounts/7"), 200);
}

/// Another process that holds the store until it is dropped; none where there is no Python.
struct Holder(std::process::Child);

impl Holder {
    /// Runs Python in the directory of a gate, until it says that it holds the store.
    fn start(directory: &Directory, script: &str) -> Option<Self> {
        let script = format!("import sys\n{script}\nprint('held', flush=True)\nsys.stdin.read()");
        let mut command = Command::new("python3");
        command.args(["-c", &script]).current_dir(&directory.0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            println!("NOT TESTED: there is no Python to hold a store");
            return None;
        };
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "held\n");
        Some(Self(child))
    }

    /// Lets nobody write.
    fn of_writers(directory: &Directory) -> Option<Self> {
        let begin = "import sqlite3\nstore = sqlite3.connect('relations.db', isolation_level=None)\nstore.execute('BEGIN IMMEDIATE')";
        Self::start(directory, begin)
    }

    /// Lets nobody read either: takes the locks of <https://www.sqlite.org/walformat.html#wal_locks>.
    fn of_all(directory: &Directory) -> Option<Self> {
        let lock = "import fcntl\nindex = open('relations.db-shm', 'r+b')\nfcntl.lockf(index, fcntl.LOCK_EX, 8, 120)";
        Self::start(directory, lock)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn d4_a_store_that_another_process_locks_permits_nothing_and_holds_nothing_up() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean"]);
    assert_eq!(bank.status("jean", "/accounts/1"), 200);
    let Some(holder) = Holder::of_all(&bank.gate.directory) else {
        return;
    };
    let locked = Instant::now();
    until("nothing is permitted", || bank.status("jean", "/accounts/1") == 403);
    assert!(locked.elapsed() < Duration::from_secs(3), "{:?}", locked.elapsed());
    bank.gate.logs(&["nothing is permitted by relations", "too old"]);
    let before = upstream.seen().len();
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(bank.status("jean", "/accounts/1"), 403);
        bank.send("jean", "POST", "/accounts")
            .is_refused(503, "authorization.unavailable");
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
    assert_eq!(upstream.seen().len(), before);
    drop(holder);
    until("it is permitted again", || bank.status("jean", "/accounts/1") == 200);
    until("it is learnt again", || {
        bank.send("jean", "POST", "/accounts").status == 201
    });
}

#[test]
fn d4_what_is_deleted_is_nobodys_also_where_that_cannot_be_written_down() {
    let upstream = Upstream::start(bank);
    let tuples = [
        "account:1#owner@user:jean",
        "account:7#owner@user:jean",
        "card:a#account@account:7",
    ];
    let bank = Bank::start(&upstream, &tuples);
    let directory = &bank.gate.directory;
    let is_kept = || {
        let checked = relation(directory, &["check", "account:7#owner@user:jean"]);
        checked.status.code() == Some(0)
    };
    let may = || ["/accounts/1", "/accounts/7", "/cards/a"].map(|target| bank.status("jean", target) == 200);
    let owed = || bank.gate.metric(&["portcullis_relations_owed"]);
    assert_eq!((may(), owed()), ([true; 3], 0.0));
    let Some(holder) = Holder::of_writers(directory) else {
        return;
    };
    bank.send("jean", "DELETE", "/accounts/7")
        .is_refused(500, "authorization.not_learnt");
    assert_eq!((may(), owed()), ([true, false, false], 1.0));
    bank.gate.logs(&["deleted is not written down", "account:7", "locked"]);
    // Nothing more is done that would have to be written down.
    let before = upstream.seen().len();
    for (method, target) in [("POST", "/accounts"), ("DELETE", "/accounts/1")] {
        bank.send("jean", method, target)
            .is_refused(503, "authorization.unavailable");
    }
    assert_eq!(upstream.seen().len(), before);
    // Also where everything is read anew, under another model.
    let applied = || bank.gate.metric(&["portcullis_reloads_total", "applied"]);
    let reloads = applied();
    directory.write(
        "model.yaml",
        &MODEL.replace("holder: [user]", "holder: [user, 'group#member']"),
    );
    until("the new model is in force", || applied() > reloads);
    assert_eq!((may(), owed()), ([true, false, false], 1.0));
    assert!(is_kept(), "the store has it meanwhile");
    drop(holder);
    until("it is written down", || {
        assert_eq!(may(), [true, false, false]);
        !is_kept()
    });
    until("nothing is owed", || owed() == 0.0);
    bank.gate.logs(&["what was deleted is written down now"]);
    // Another account of that number is its owner's, and nobody else's.
    until("it is learnt again", || {
        bank.send("eve", "POST", "/accounts").status == 201
    });
    assert_eq!(may(), [true, false, false]);
    assert_eq!(bank.status("eve", "/accounts/7"), 200);
}

#[test]
fn d4_what_is_deleted_is_nobodys_also_where_nobody_knows_whether_that_is_written_down() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean", "account:2#owner@user:jean"]);
    let Some(holder) = Holder::of_writers(&bank.gate.directory) else {
        return;
    };
    std::thread::scope(|scope| {
        // One is tried for 2 s before it fails; what comes meanwhile waits that long before it is tried, which is longer than its caller does.
        let first = scope.spawn(|| bank.send("jean", "DELETE", "/accounts/1"));
        until("the first waits for the store", || {
            upstream.seen().iter().any(|seen| seen.line.starts_with("DELETE"))
        });
        let second = bank.send("jean", "DELETE", "/accounts/2");
        second.is_refused(500, "authorization.not_learnt");
        assert_eq!(bank.status("jean", "/accounts/2"), 403);
        bank.send("jean", "POST", "/accounts")
            .is_refused(503, "authorization.unavailable");
        first.join().unwrap().is_refused(500, "authorization.not_learnt");
    });
    drop(holder);
    until("it is written down", || {
        ["1", "2"].iter().all(|number| {
            let asked = format!("account:{number}#owner@user:jean");
            relation(&bank.gate.directory, &["check", &asked]).status.code() == Some(1)
        })
    });
}

#[test]
fn d4_what_is_deleted_is_not_forgotten_where_that_is_only_observed() {
    let upstream = Upstream::start(bank);
    let tuples = ["account:1#owner@user:jean", "account:2#owner@user:jean"];
    let (directory, issuer) = written(&upstream, &tuples);
    let configuration = std::fs::read_to_string(directory.0.join("gate.yaml")).unwrap();
    let observed = configuration.replace(
        "policy: {rate_limits",
        "policy: {modes: {authorization: observe}, rate_limits",
    );
    assert_ne!(configuration, observed);
    directory.write("gate.yaml", &observed);
    let gate = Gate::start(directory);
    let bank = Bank { gate, issuer };
    let Some(holder) = Holder::of_writers(&bank.gate.directory) else {
        return;
    };
    // The second when it is known already that nothing can be written.
    for target in ["/accounts/1", "/accounts/2"] {
        assert_eq!(bank.send("jean", "DELETE", target).status, 204);
    }
    until("both are owed", || {
        bank.gate.metric(&["portcullis_relations_owed"]) == 2.0
    });
    drop(holder);
    until("both are written down", || {
        ["1", "2"].iter().all(|number| {
            let asked = format!("account:{number}#owner@user:jean");
            relation(&bank.gate.directory, &["check", &asked]).status.code() == Some(1)
        })
    });
}

#[test]
fn d4_an_answer_that_nobody_saw_is_told() {
    let upstream = Upstream::start(|_, stream| {
        // Created, perhaps; the answer is not what the contract says.
        stream
            .write_all(&answer("201 Created", &[("Content-Type", "text/html")], b"<p>done</p>"))
            .is_ok()
    });
    let bank = Bank::start(&upstream, &[]);
    assert_eq!(bank.send("jean", "POST", "/accounts").status, 502);
    bank.gate.logs(&[
        "is not learnt",
        "account:?#owner@user:jean",
        "no answer that could be relied upon",
    ]);
    until("it is counted", || {
        bank.gate.metric(&["portcullis_relations_learnt_total", "unknown"]) == 1.0
    });
}

#[test]
fn d4_a_model_or_grants_that_cannot_be_used_leave_the_old_ones_in_force() {
    let upstream = Upstream::start(bank);
    let bank = Bank::start(&upstream, &["account:1#owner@user:jean", "account:2#reader@user:eve"]);
    let directory = &bank.gate.directory;
    let wrong = MODEL.replace("owner]}", "ovner]}");
    directory.write("model.yaml", &wrong);
    bank.gate.logs(&["model.yaml", "has no relation `ovner`"]);
    assert_eq!(
        (bank.status("jean", "/accounts/1"), bank.status("eve", "/accounts/1")),
        (200, 403)
    );
    directory.write("model.yaml", MODEL);
    directory.write("grants.yaml", &GRANTS.replace("relation: owner", "relation: ovner"));
    bank.gate
        .logs(&["grants.yaml", "grant 2: `account` has no relation `ovner`"]);
    assert_eq!(
        (bank.status("jean", "/accounts/1"), bank.status("eve", "/accounts/1")),
        (200, 403)
    );
    // What is right counts: readers of an account may close it.
    let closed = || bank.send("eve", "DELETE", "/accounts/2").status;
    assert_eq!(closed(), 403);
    directory.write("grants.yaml", &GRANTS.replace("relation: owner", "relation: reader"));
    until("the new grants count", || closed() == 204);
    // A model by which only owners read, with all tuples of the store.
    write(directory, &["account:2#reader@user:eve"]);
    until("it is followed", || bank.status("eve", "/accounts/2") == 200);
    directory.write(
        "model.yaml",
        &MODEL.replace(
            "{any_of: [[user, 'group#member'], owner]}",
            "{all_of: [[user, 'group#member'], owner]}",
        ),
    );
    until("the new model counts", || bank.status("eve", "/accounts/2") == 403);
    write(directory, &["account:2#owner@user:eve"]);
    until("it is followed", || bank.status("eve", "/accounts/2") == 200);
}

#[test]
fn d4_what_takes_a_relation_away_is_told() {
    let taking = MODEL.replace(
        "reader: {any_of: [[user, 'group#member'], owner]}",
        "blocked: [user, 'group#member']\n      reader: {of: owner, but_not: blocked}",
    );
    let upstream = Upstream::start(bank);
    let (directory, _) = written(&upstream, &[]);
    directory.write("model.yaml", &taking);
    write(
        &directory,
        &[
            "account:1#owner@user:jean",
            "account:1#blocked@group:thieves#member",
            "group:thieves#member@user:jean",
        ],
    );
    let explained = relation(&directory, &["explain", "account:1#reader@user:jean"]);
    assert_eq!(explained.status.code(), Some(1));
    assert_eq!(
        told(&explained),
        "no: tuples give it, and others take it away\naccount:1#reader is taken away by account:1#blocked\naccount:1#blocked by \
         account:1#blocked@group:thieves#member and group:thieves#member\ngroup:thieves#member by group:thieves#member@user:jean\n"
    );
    let asked = [
        "--subject",
        "User::jean",
        "--action",
        "readAccount",
        "--resource",
        "Account::1",
    ];
    let explained = run(
        &directory.0,
        &[&["policy", "explain", "-c", "gate.yaml"], &asked[..]].concat(),
    );
    let explained = told(&explained);
    assert!(
        explained.contains("no   account:1#reader is taken away by account:1#blocked\n")
            && !explained.contains("missing"),
        "{explained}"
    );
}

#[test]
fn d4_tuples_that_a_model_does_not_allow_and_that_may_take_away_deny() {
    let taking = MODEL.replace(
        "reader: {any_of: [[user, 'group#member'], owner]}",
        "blocked: [user, 'group#member']\n      reader: {of: owner, but_not: blocked}",
    );
    let upstream = Upstream::start(bank);
    let (directory, issuer) = written(&upstream, &[]);
    directory.write("model.yaml", &taking);
    write(
        &directory,
        &[
            "account:1#owner@user:jean",
            "account:1#blocked@group:thieves#member",
            "group:thieves#member@user:jean",
        ],
    );
    // Somebody else's model has groups of clients too.
    let narrow = taking.replace("blocked: [user, 'group#member']", "blocked: [user]");
    directory.write("model.yaml", &narrow);
    let output = run(&directory.0, &["serve", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("does not allow 1 of the tuples"),
        "{}",
        told(&output)
    );
    let unfit = relation(&directory, &["list", "--unfit"]);
    assert_eq!(told(&unfit), "account:1#blocked@group:thieves#member\n");
    let checked = relation(&directory, &["check", "account:1#reader@user:jean"]);
    assert_eq!(checked.status.code(), Some(2), "{}", told(&checked));
    let deleted = relation(&directory, &["delete", "account:1#blocked@group:thieves#member"]);
    assert_eq!(deleted.status.code(), Some(0));
    let bank = Bank {
        gate: Gate::start(directory),
        issuer,
    };
    let directory = &bank.gate.directory;
    assert_eq!(bank.status("jean", "/accounts/1"), 200);
    // Written under another model while this one serves.
    directory.write("other.yaml", &taking);
    directory.write(
        "other-gate.yaml",
        "relations: {store: relations.db, model: other.yaml}\n",
    );
    let arguments = [
        "relation",
        "write",
        "account:1#blocked@group:thieves#member",
        "-c",
        "other-gate.yaml",
    ];
    let output = run(&directory.0, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    until("nothing is permitted", || bank.status("jean", "/accounts/1") == 403);
    bank.gate.logs(&["the model does not allow some tuples"]);
    // With the model that allows it, what it takes away is taken away; without it, everything is as before.
    directory.write("model.yaml", &taking);
    bank.gate.logs(&["nothing is permitted by relations"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(bank.status("jean", "/accounts/1"), 403);
    let output = relation(directory, &["delete", "--object", "group:thieves"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    until("it is permitted again", || bank.status("jean", "/accounts/1") == 200);
}

#[test]
fn http_11_a_stream_ends_soon_after_a_relation_permits_it_no_more() {
    let upstream = Upstream::start(streaming);
    let bank = Bank::start(&upstream, &["account:1#reader@user:jean", "account:2#reader@user:jean"]);
    let token = bank.token("jean");
    let watch = |account: &str| {
        events_at(
            &bank.gate,
            &format!("/events?account={account}"),
            &[("Authorization", &token)],
        )
    };
    std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| watch("1")), scope.spawn(|| watch("2")));
        std::thread::sleep(Duration::from_millis(500));
        let output = relation(&bank.gate.directory, &["delete", "account:1#reader@user:jean"]);
        assert_eq!(output.status.code(), Some(0));
        let (whole, seconds) = one.join().unwrap();
        assert!(!whole && seconds < 9.0, "{seconds}");
        assert!(!two.is_finished(), "another account is still related");
        relation(&bank.gate.directory, &["delete", "--object", "account:2"]);
        two.join().unwrap();
    });
}

#[track_caller]
fn is_an_error(change: impl Fn(&Directory), expected: &[&str]) {
    let upstream = Upstream::with_json("{}");
    let (directory, _) = written(&upstream, &[]);
    change(&directory);
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in expected {
        assert!(told.contains(words), "{words}: {told}");
    }
}

/// What `check` says of the files where one text in one of them is another.
#[track_caller]
fn each_is_an_error(changes: &[(&str, &str, &str, &[&str])]) {
    for (file, from, to, expected) in changes {
        let change = |directory: &Directory| {
            let text = directory.read(file);
            assert!(text.contains(from), "{from}");
            directory.write(file, &text.replacen(from, to, 1));
        };
        is_an_error(change, expected);
    }
}

#[test]
fn d4_models_and_grants_that_are_wrong_are_told_with_their_places() {
    each_is_an_error(&[
        (
            "gate.yaml",
            RELATIONS,
            "",
            &["it is not said where they are kept", "gate.yaml:"],
        ),
        (
            "gate.yaml",
            "model.yaml",
            "none.yaml",
            &["cannot read `none.yaml`", "gate.yaml:"],
        ),
        (
            "gate.yaml",
            "grants.yaml",
            "none.yaml",
            &["cannot read `none.yaml`", "gate.yaml:"],
        ),
        (
            "gate.yaml",
            "store: relations.db",
            "store: none.db",
            &["none.db", "portcullis relation init"],
        ),
        (
            "model.yaml",
            "holder, {from",
            "holdr, {from",
            &["model.yaml:12", "no relation `holdr`"],
        ),
        (
            "model.yaml",
            "any_of: [holder",
            "anyof: [holder",
            &["model.yaml:12", "anyof"],
        ),
        (
            "grants.yaml",
            "User: user",
            "User: person",
            &["grants.yaml:1", "no type `person`"],
        ),
        (
            "grants.yaml",
            "relation: owner",
            "relation: ovner",
            &["grants.yaml:4", "no relation `ovner`"],
        ),
        (
            "grants.yaml",
            "readCard",
            "readCards",
            &["grants.yaml:5", "`readCards`, which is no operation"],
        ),
    ]);
}

#[test]
fn d4_grants_of_types_that_nothing_is_of_are_told() {
    each_is_an_error(&[
        (
            "grants.yaml",
            "User: user",
            "Usr: user",
            &["grants.yaml:1:12", "no caller is a `Usr`", "did you mean `User`?"],
        ),
        (
            "grants.yaml",
            "resource: Account,",
            "resource: Acount,",
            &[
                "grants.yaml:3:54",
                "no request names a `Acount`",
                "did you mean `Account`?",
            ],
        ),
        (
            "grants.yaml",
            "[readAccount, watchAccount]",
            "[readAccount, openAccount]",
            &[
                "grants.yaml:3:53",
                "`openAccount` is never asked about a resource of type `Account`",
            ],
        ),
        (
            "grants.yaml",
            "actions: [readCard, nameCard], resource: Card",
            "actions: [openAccount], resource: Api",
            &["grants.yaml:5:", "never on the `Api`"],
        ),
    ]);
}

#[test]
fn d4_what_cannot_be_learnt_is_told_with_its_place() {
    const CREATES: &str = "answer: /id, caller: owner}";
    const BOTH: &str = "answer: /id, caller: owner}, deletes: {type: account, path: account}";
    const DELETES: &str = "deletes: {type: account, path: account}";
    const ELSEWHERE: &str = "deletes: {type: account, path: acount}";
    const PARENT: &str = "relation: account, type: account";
    each_is_an_error(&[
        (
            "gate.yaml",
            ", relations: grants.yaml",
            "",
            &["no relations of a `account` are kept", "api.yaml:8"],
        ),
        (
            "api.yaml",
            "caller: owner",
            "caller: buyer",
            &["api.yaml:8", "`account` has no relation `buyer`"],
        ),
        (
            "api.yaml",
            "caller: owner",
            "caller: reader, location: true",
            &["api.yaml:8", "stands in one place"],
        ),
        (
            "api.yaml",
            "answer: /id",
            "answer: /number",
            &["api.yaml:8", "no successful JSON answer with /number"],
        ),
        ("api.yaml", CREATES, BOTH, &["api.yaml:8", "either creates or deletes"]),
        (
            "api.yaml",
            DELETES,
            ELSEWHERE,
            &["api.yaml:19", "no path parameter `acount`"],
        ),
        (
            "api.yaml",
            PARENT,
            "relation: holder, type: account",
            &["api.yaml:27", "takes no subject like"],
        ),
    ]);
}

#[test]
fn the_command_writes_all_or_nothing_and_says_what_is_so() {
    let upstream = Upstream::with_json("{}");
    let (directory, _) = written(&upstream, &[]);
    let ends = |arguments: &[&str], code: i32, words: &str| {
        let output = relation(&directory, arguments);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    };
    let (owner, member) = ("account:1#owner@group:board#member", "group:board#member@user:jean");
    ends(&["init"], 0, "is there already");
    ends(&["write", owner, member], 0, "2 added, 0 removed");
    ends(&["write", owner, "account:2#owner@user:eve"], 0, "1 added, 0 removed");
    ends(
        &["write", "account:3#owner@user:eve", "account:3#buyer@user:eve"],
        2,
        "`account` has no relation `buyer`",
    );
    ends(&["list", "account:3"], 0, "");
    ends(
        &[
            "write",
            "account:3#owner@user:eve",
            "--if-present",
            "account:9#owner@user:eve",
        ],
        1,
        "has to be there",
    );
    ends(
        &["write", "account:3#owner@user:eve", "--if-absent", owner],
        1,
        "must not be there",
    );
    ends(
        &["write", "account:3#owner@user:eve", "--if-present", owner],
        0,
        "1 added",
    );
    ends(&["check", "account:1#reader@user:jean"], 0, "yes");
    ends(&["check", "account:1#reader@user:eve"], 1, "no");
    ends(&["check", "account:1#reader@user:*"], 2, "is not one subject");
    ends(&["check", "account:1#raeder@user:jean"], 2, "has no relation `raeder`");
    ends(&["explain", "account:1#reader@user:jean"], 0, owner);
    ends(&["explain", "account:1#reader@user:eve"], 1, "no: no tuples give it");
    ends(&["objects", "account#reader@user:eve"], 0, "account:2\naccount:3\n");
    ends(
        &["objects", "account#reader@user:eve", "--limit", "1"],
        1,
        "there are more",
    );
    ends(&["subjects", "account:1#reader@user"], 0, "user:jean\n");
    ends(&["subjects", "account:1"], 2, "is no tuple without an id");
    ends(&["list", "account:1"], 0, owner);
    ends(&["delete", "--object", "group:board"], 0, "0 added, 2 removed");
    ends(&["check", "account:1#reader@user:jean"], 1, "no");
    // Whatever is wrong elsewhere in the configuration.
    let broken = directory.read("gate.yaml").replace("upstream: ", "upstraem: ");
    directory.write("gate.yaml", &broken);
    ends(&["delete", "account:2#owner@user:eve", "--json"], 0, "\"removed\": 1");
}

#[test]
fn many_tuples_come_from_a_file_line_by_line() {
    let upstream = Upstream::with_json("{}");
    let (directory, _) = written(&upstream, &[]);
    let line = |number: usize| {
        format!(
            "{{\"user\":\"user:u{}\",\"relation\":\"owner\",\"object\":\"account:{number}\"}}\n",
            number % 7
        )
    };
    let many: String = (0..2500).map(line).collect();
    directory.write("many.jsonl", &many);
    let output = relation(
        &directory,
        &["write", "--file", "many.jsonl", "--batch", "999", "--json"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["added"], &report["asked"]),
        (&json!(2500), &json!(2500)),
        "{}",
        told(&output)
    );
    let listed = relation(&directory, &["objects", "account#owner@user:u3", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(
        (listed["objects"].as_array().unwrap().len(), &listed["complete"]),
        (357, &json!(true))
    );
    // Of a file with wrong lines nothing is written.
    directory.write(
        "wrong.jsonl",
        &format!(
            "{}\n{{\"object\":\"account:x\"}}\n{}",
            line(5000),
            line(5001).replace("owner", "buyer")
        ),
    );
    let output = relation(&directory, &["write", "--file", "wrong.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    for words in [
        "wrong.jsonl:3: missing field",
        "wrong.jsonl:4: `account:5001#buyer@user:u3`",
    ] {
        assert!(told(&output).contains(words), "{}", told(&output));
    }
    assert_eq!(
        relation(&directory, &["check", "account:5000#owner@user:u2"])
            .status
            .code(),
        Some(1)
    );
    let output = relation(&directory, &["delete", "--file", "many.jsonl"]);
    assert!(told(&output).contains("2500 removed"), "{}", told(&output));
}

#[test]
fn cases_of_policies_know_what_is_related() {
    let upstream = Upstream::with_json("{}");
    let (directory, _) = written(&upstream, &["account:1#owner@user:jean"]);
    let case = |who: &str, decision: bool| {
        json!({
            "name": format!("{who} reads"),
            "evaluation": {
                "subject": {"type": "User", "id": who},
                "action": {"name": "readAccount"},
                "resource": {"type": "Account", "id": "1"},
            },
            "decision": decision,
        })
    };
    directory.write(
        "cases.json",
        &json!([case("jean", true), case("eve", false)]).to_string(),
    );
    let output = run(&directory.0, &["policy", "test", "cases.json", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("card#reader"), "{}", told(&output));
    let coverage = run(&directory.0, &["coverage", "-c", "gate.yaml"]);
    assert!(
        told(&coverage).contains("policies and relations decide on the"),
        "{}",
        told(&coverage)
    );
}
