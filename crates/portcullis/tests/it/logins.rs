//! Logins through the gate: HTTP Basic where it may be, what strangers learn and what they can keep others from, and credentials
//! that are bad too often.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_identity::authorization::Password;
use portcullis_identity::password::{Costs, Memory, PasswordHash};
use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, program, run, until};
use crate::http::THING;
use crate::timing::{T_MAX, largest_t};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::{Answer, Client};

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{bearer: []}]
paths:
  /login:
    post:
      x-portcullis: {login: true}
      security: [{basic: []}]
      responses: {'200': {$ref: '#/components/responses/things'}}
  /admin:
    post:
      x-portcullis: {login: true}
      security: [{basic: [admin]}, {bearer: [admin]}]
      responses: {'200': {$ref: '#/components/responses/things'}}
  /things:
    get: {responses: {'200': {$ref: '#/components/responses/things'}}}
  /public:
    get: {security: [], responses: {'200': {$ref: '#/components/responses/things'}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes:
    basic: {type: http, scheme: basic}
    bearer: {type: http, scheme: bearer}
";

const CHALLENGE: &str = "Basic realm=\"api\", charset=\"UTF-8\"";

/// Limits on addresses that are in nobody's way.
const ANY_PACE: &str = "policy: {rate_limits: [{name: address, requests: 100000, per: 1s}]}";

fn hash(password: &str) -> String {
    let password = Password::new(password.as_bytes().to_vec());
    let hash = PasswordHash::make(&password, [7; 16], Costs::LEAST, &mut Memory::default());
    hash.unwrap().to_string()
}

/// Users, with what they have as their password.
fn users(lines: &[(&str, &str, &str)]) -> String {
    let line = |(name, password, rest): &(&str, &str, &str)| match *rest {
        "disabled" => format!("{name}:!{}\n", hash(password)),
        scopes => format!("{name}:{}:{scopes}\n", hash(password)),
    };
    lines.iter().map(line).collect()
}

fn staff() -> String {
    users(&[
        ("alice", "correct horse", "admin"),
        ("bob", "bob-loves-trains", ""),
        ("mallory", "let me in again", "disabled"),
        ("zoë", "a:b:пароль", ""),
    ])
}

fn setup(upstream: &Upstream) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with("users: [{name: staff, file: users.txt}]")
        .with_api("security_schemes: {bearer: {issuers: [main]}, basic: {users: staff}}")
}

fn written(setup: &Setup, users: &str, issuer: &Issuer) -> Directory {
    let directory = setup.written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write("users.txt", users);
    directory
}

fn start(setup: &Setup) -> Gate {
    Gate::start(written(setup, &staff(), &Issuer::new("one")))
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn post(client: &mut Client, target: &str, authorization: &str, from: &str) -> Answer {
    let headers = [("Authorization", authorization), ("X-Forwarded-For", from)];
    client.send("POST", target, &headers, b"")
}

fn log_in_from(gate: &Gate, from: &str, name: &str, password: &str) -> Answer {
    post(&mut gate.client(), "/login", &basic(name, password), from)
}

fn log_in(gate: &Gate, name: &str, password: &str) -> Answer {
    log_in_from(gate, "192.0.2.1", name, password)
}

#[track_caller]
fn is_limited(answer: &Answer) {
    answer.is_refused(429, "rate.exceeded");
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
}

#[test]
fn users_log_in_where_it_is_a_login_and_their_passwords_end_there() {
    let upstream = Upstream::with_json(THING);
    let gate = start(&setup(&upstream).with_api(ANY_PACE));
    assert_eq!(log_in(&gate, "alice", "correct horse").status, 200);
    assert_eq!(log_in(&gate, "zoë", "a:b:пароль").status, 200);
    assert_eq!(upstream.seen().len(), 2);
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
    let nothing = gate.client().send("POST", "/login", &[], b"");
    nothing.is_refused(401, "authentication.required");
    assert_eq!(nothing.header("www-authenticate"), Some(CHALLENGE));
    // Scopes are those of the user.
    let admin = |name, password| post(&mut gate.client(), "/admin", &basic(name, password), "192.0.2.1");
    assert_eq!(admin("alice", "correct horse").status, 200);
    admin("bob", "bob-loves-trains").is_refused(403, "authorization.scope");
    let both = admin("bob", "wrong");
    both.is_refused(401, "authentication.required");
    let challenges: Vec<_> = both
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .collect();
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    // A password is no token, nor the other way round.
    let headers = [("Authorization", basic("alice", "correct horse"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let elsewhere = gate.client().send("GET", "/things", &headers, b"");
    elsewhere.is_refused(401, "authentication.required");
    let token = post(&mut gate.client(), "/login", "Bearer YTpi", "192.0.2.1");
    token.is_refused(401, "authentication.required");
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn oauth_28_what_two_decoders_could_read_differently_is_nobodys_password() {
    let upstream = Upstream::with_json(THING);
    let users = users(&[
        ("alice", "correct horse", ""),
        ("a", "b:c", ""),
        ("a%3Ab", "correct horse", ""),
    ]);
    let gate = Gate::start(written(
        &setup(&upstream).with_api(ANY_PACE),
        &users,
        &Issuer::new("one"),
    ));
    let send = |authorization: &[u8]| {
        let head = b"POST /login HTTP/1.1\r\nHost: HOST\r\nAuthorization: ";
        gate.raw(&[&head[..], authorization, b"\r\n\r\n"].concat())
    };
    let encoded = |octets: &[u8]| format!("Basic {}", STANDARD.encode(octets));
    let good = encoded(b"alice:correct horse");
    let bare = good.trim_end_matches('=');
    assert!(good.ends_with('='), "{good}");
    for (what, authorization) in [
        ("no padding", bare.to_owned()),
        ("too much padding", format!("{good}=")),
        ("bits after the end", {
            let mut letters = bare.to_owned();
            let last = letters.pop().unwrap();
            let next = char::from(u8::try_from(last).unwrap() + 1);
            letters.push(next);
            letters + &good[bare.len()..]
        }),
        ("another alphabet", encoded(b"alice:\xfb\xff").replace(['+', '/'], "-")),
        ("a space within", good.replace("Basic YWxp", "Basic YWxp ")),
        ("percent encoding", "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ%3D%3D".to_owned()),
        ("two credentials", format!("{good}, {good}")),
        ("no colon", encoded(b"alice")),
        ("the colon encoded", encoded(b"alice%3Acorrect horse")),
        ("not UTF-8", encoded(b"alice\xff:correct horse")),
        ("overlong UTF-8", encoded(b"\xc1\xa1lice:correct horse")),
        ("a NUL", encoded(b"alice:correct horse\0")),
        ("a NUL before", encoded(b"\0alice:correct horse")),
        ("a line feed", encoded(b"alice:correct horse\n")),
        (
            "a control character of Latin-1",
            encoded("alice:correct horse\u{85}".as_bytes()),
        ),
        ("a long name", encoded(format!("{}:x", "a".repeat(257)).as_bytes())),
        (
            "a long password",
            encoded(format!("alice:{}", "a".repeat(1025)).as_bytes()),
        ),
        ("spaces around the name", encoded(b" alice :correct horse")),
        ("another case", encoded(b"Alice:correct horse")),
        ("nothing", "Basic".to_owned()),
        ("a tab", good.replace(' ', "\t")),
    ] {
        let answer = send(authorization.as_bytes());
        answer.is_refused_as(what, 401, "authentication.required");
        assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE), "{what}");
    }
    upstream.saw_nothing("what cannot be read in one way only");
    // The first colon splits, and nothing is decoded after base64.
    for octets in [&b"a:b:c"[..], b"a%3Ab:correct horse", b"alice:correct horse"] {
        assert_eq!(send(encoded(octets).as_bytes()).status, 200, "{octets:?}");
    }
    assert_eq!(
        send(format!("bASIC   {}", STANDARD.encode("a:b:c")).as_bytes()).status,
        200
    );
}

/// An answer as its bytes say it, without what names the request or the second.
fn told(answer: &Answer) -> (u16, BTreeSet<(String, String)>, String) {
    let mut body = answer.json();
    assert!(body.as_object_mut().unwrap().remove("request_id").is_some());
    let headers = answer.headers.iter().filter(|(name, _)| name != "date");
    (answer.status, headers.cloned().collect(), body.to_string())
}

#[test]
fn nobody_learns_who_is_a_user() {
    let upstream = Upstream::with_json(THING);
    let gate = start(
        &setup(&upstream)
            .with_api(ANY_PACE)
            .with("trusted_proxies: [127.0.0.1/32]"),
    );
    let tried = [
        ("alice", "wrong"),
        ("nobody", "wrong"),
        ("nobody", "correct horse"),
        ("mallory", "let me in again"),
        ("mallory", "wrong"),
        ("", ""),
        ("alice", ""),
    ];
    // Each from an address of its own, and then until it is limited.
    let answers = |(number, (name, password)): (usize, &(&str, &str))| {
        let from = format!("192.0.2.{number}");
        let answers = (0..7).map(|_| told(&log_in_from(&gate, &from, name, password)));
        answers.collect::<Vec<_>>()
    };
    let all: Vec<_> = tried.iter().enumerate().map(answers).collect();
    assert_eq!((all[0][0].0, all[0][5].0), (401, 429));
    for (tried, answers) in tried.iter().zip(&all) {
        for (answer, expected) in answers.iter().zip(&all[0]) {
            // Of a wait only that there is one is the same.
            let without_wait = |(status, headers, body): &(u16, BTreeSet<(String, String)>, String)| {
                let headers: Vec<_> = headers
                    .iter()
                    .filter(|(name, _)| name != "retry-after")
                    .cloned()
                    .collect();
                (*status, headers, body.clone())
            };
            assert_eq!(without_wait(answer), without_wait(expected), "{tried:?}");
        }
    }
    upstream.saw_nothing("bad passwords");
    gate.logs_place("login-failed");
    let log = gate.log_so_far();
    let lines = gate.log_of_requests();
    let why: BTreeSet<_> = lines
        .iter()
        .filter(|line| line["status"] == 401)
        .filter_map(|line| line["place"].as_str())
        .collect();
    assert_eq!(why, BTreeSet::from(["login-failed"]));
    assert!(!log.concat().contains("let me in again"));
}

/// The largest Welch's t between failed logins of a known user and those of an unknown or of a disabled one.
fn timed(tries: usize) -> f64 {
    let upstream = Upstream::with_json(THING);
    let endless = "{requests: 1000000, per: 1s}";
    let limits = format!(
        "failed_authentication_limit: {endless}\nlogins: {{failures_of_user_at_address: {endless}, failures_of_user: {endless}}}"
    );
    let gate = start(&setup(&upstream).with_api(ANY_PACE).with(&limits).with("workers: 1"));
    let mut client = gate.client();
    let tried = [
        ("alice", "wrong password"),
        ("nobd1", "wrong password"),
        ("mallory", "let me in again"),
    ]
    .map(|(name, password)| basic(name, password));
    let mut log_in = |kind: usize| {
        let answer = post(&mut client, "/login", &tried[kind], "192.0.2.1");
        assert_eq!(answer.status, 401);
    };
    // The memory of the thread is there from then on.
    (0..5).for_each(|_| log_in(0));
    largest_t(&["a known user", "an unknown one", "a disabled one"], tries, log_in)
}

#[test]
fn the_time_of_an_answer_tells_nothing_of_who_is_a_user() {
    // 510 logins.
    let t = timed(170);
    assert!(t < T_MAX, "{t}");
}

/// `bench/README.md` says when and how.
#[test]
#[ignore = "takes a quarter of an hour"]
fn the_time_of_ten_thousand_answers_tells_nothing_of_who_is_a_user() {
    let t = timed(10_000);
    assert!(t < T_MAX, "{t}");
}

#[test]
fn a_stranger_cannot_lock_a_user_out() {
    let upstream = Upstream::with_json(THING);
    let gate = start(
        &setup(&upstream)
            .with_api(ANY_PACE)
            .with("trusted_proxies: [127.0.0.1/32]")
            .with("logins: {failures_of_user_at_address: {requests: 3, per: 1h}, failures_of_user: {requests: 10, per: 1h}}"),
    );
    let good = |from: &str| log_in_from(&gate, from, "alice", "correct horse");
    let bad = |from: &str| log_in_from(&gate, from, "alice", "wrong");
    assert_eq!(good("192.0.2.1").status, 200);
    for _ in 0..3 {
        bad("198.51.100.1").is_refused(401, "authentication.required");
    }
    // The address that fails is refused, whether the password is right or not, and nobody else.
    is_limited(&bad("198.51.100.1"));
    is_limited(&good("198.51.100.1"));
    assert_eq!(good("192.0.2.1").status, 200);
    assert_eq!(good("203.0.113.1").status, 200);
    assert_eq!(
        log_in_from(&gate, "198.51.100.1", "bob", "bob-loves-trains").status,
        200
    );
    // Many addresses together slow her down where she never was, and only there.
    let statuses: Vec<u16> = (0..12)
        .map(|number| bad(&format!("198.18.0.{number}")).status)
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        7,
        "{statuses:?}"
    );
    is_limited(&good("203.0.113.2"));
    assert_eq!(good("192.0.2.1").status, 200);
    assert_eq!(good("203.0.113.1").status, 200);
    // A name that nobody has is limited all the same.
    let nobody: Vec<u16> = (0..12)
        .map(|number| log_in_from(&gate, &format!("198.19.0.{number}"), "nobody", "wrong").status)
        .collect();
    assert_eq!(nobody.iter().filter(|status| **status == 401).count(), 10, "{nobody:?}");
}

#[test]
fn guesses_that_are_sent_at_once_do_not_get_past_the_limit() {
    let upstream = Upstream::with_json(THING);
    let gate = start(&setup(&upstream).with_api(ANY_PACE).with("logins: {waiting_max: 100}"));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| log_in(&gate, "alice", "wrong").status))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        15,
        "{statuses:?}"
    );
}

#[test]
fn a_crowd_of_logins_waits_in_a_bounded_queue_and_is_in_nobodys_way() {
    let upstream = Upstream::with_json(THING);
    let gate = start(
        &setup(&upstream)
            .with_api(ANY_PACE)
            .with("trusted_proxies: [127.0.0.1/32]")
            .with("logins: {threads: 1, waiting_max: 4}"),
    );
    let before = gate.resident_bytes();
    std::thread::scope(|scope| {
        let logins: Vec<_> = (0..60)
            .map(|number| {
                let gate = &gate;
                let log_in = move || {
                    let answer = log_in_from(gate, &format!("198.18.1.{number}"), "alice", "correct horse");
                    if answer.status != 200 {
                        answer.is_refused(503, "gateway.busy");
                        assert_eq!(answer.header("retry-after"), Some("1"));
                    }
                    answer.status
                };
                scope.spawn(log_in)
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let start = Instant::now();
            assert_eq!(gate.get("/public").status, 200);
            slowest = slowest.max(start.elapsed());
        }
        let statuses: Vec<u16> = logins.into_iter().map(|login| login.join().unwrap()).collect();
        let admitted = statuses.iter().filter(|status| **status == 200).count();
        assert!((5..60).contains(&admitted), "{admitted} of 60");
        assert!(slowest < Duration::from_secs(1), "others waited {slowest:?}");
    });
    // One verification's memory, however many ask for one.
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 96 << 20, "{} MiB", grown >> 20);
    assert_eq!(log_in(&gate, "alice", "correct horse").status, 200);
}

#[test]
fn a_flood_of_forged_tokens_is_refused_before_it_costs_anything() {
    let upstream = Upstream::with_json(THING);
    let (issuer, forger) = (Issuer::new("one"), Issuer::new("one"));
    let setup = setup(&upstream)
        .with("trusted_proxies: [127.0.0.1/32]")
        .with("workers: 1")
        .with("failed_authentication_limit: {requests: 5, per: 10m}");
    let gate = Gate::start(written(&setup, &staff(), &issuer));
    let get = |from: &str, token: &str| {
        let headers = [
            ("Authorization", format!("Bearer {token}")),
            ("X-Forwarded-For", from.to_owned()),
        ];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        gate.client().send("GET", "/things", &headers, b"")
    };
    let (cached, fresh) = (issuer.token(), issuer.token_with("at+jwt", json!({"sub": "bob"})));
    // Good ones are charged for nothing, however many.
    for number in 0..20 {
        let token = issuer.token_with("at+jwt", json!({"sub": format!("user-{number}")}));
        assert_eq!(get("192.0.2.1", &token).status, 200);
    }
    assert_eq!(get("192.0.2.1", &cached).status, 200);
    for _ in 0..5 {
        get("192.0.2.1", &forger.token()).is_refused(401, "authentication.required");
    }
    for _ in 0..10 {
        is_limited(&get("192.0.2.1", &forger.token()));
    }
    assert_eq!(get("192.0.2.1", &cached).status, 200);
    // Nothing that is new is looked at from there, nor passwords; from elsewhere it is.
    is_limited(&get("192.0.2.1", &fresh));
    is_limited(&log_in(&gate, "alice", "correct horse"));
    assert_eq!(get("192.0.2.2", &fresh).status, 200);
    assert_eq!(log_in_from(&gate, "192.0.2.2", "alice", "correct horse").status, 200);
    let limited = |line: &serde_json::Value| line["limit"] == "failed-authentication";
    until("it is logged", || gate.log_of_requests().iter().any(limited));
}

#[test]
fn users_are_read_again_when_their_file_changes() {
    let upstream = Upstream::with_json(THING);
    let gate = start(
        &setup(&upstream)
            .with_api(ANY_PACE)
            .with("logins: {failures_of_user_at_address: {requests: 100000, per: 1s}}"),
    );
    assert_eq!(log_in(&gate, "alice", "correct horse").status, 200);
    let without = users(&[("alice", "correct horse", "disabled"), ("carol", "carol at sea", "")]);
    gate.directory.write("users.txt", &without);
    until("alice is disabled", || {
        log_in(&gate, "alice", "correct horse").status == 401
    });
    assert_eq!(log_in(&gate, "carol", "carol at sea").status, 200);
    gate.directory.write("users.txt", "alice:secret\n");
    until("a broken file is told", || {
        gate.log()
            .iter()
            .any(|line| line.contains("the hash is not of the form"))
    });
    assert_eq!(
        log_in(&gate, "carol", "carol at sea").status,
        200,
        "what was in force stays"
    );
    assert_eq!(log_in(&gate, "alice", "correct horse").status, 401);
}

#[test]
fn what_would_take_passwords_elsewhere_is_an_error_before_anything_is_served() {
    let upstream = Upstream::with_json(THING);
    let check = |setup: Setup, users: &str, expected: &str| {
        let directory = written(&setup, users, &Issuer::new("one"));
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected} in {told}"
        );
        told
    };
    let all = CONTRACT.replace("security: [{bearer: []}]", "security: [{basic: []}]");
    let everywhere = Setup::new(&all, upstream.address)
        .with("users: [{name: staff, file: users.txt}]")
        .with_api("security_schemes: {basic: {users: staff}}");
    let told = check(
        everywhere,
        &staff(),
        "`GET /things` takes passwords and is not marked as a login",
    );
    assert!(told.contains("x-portcullis: {login: true}"), "{told}");
    let named = |schemes: &str, more: &str| {
        Setup::new(CONTRACT, upstream.address)
            .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
            .with(more)
            .with_api(&format!("security_schemes: {{bearer: {{issuers: [main]}}, basic: {schemes}}}"))
    };
    let users = "users: [{name: staff, file: users.txt}]";
    check(named("{users: stuff}", users), &staff(), "no users are called `stuff`");
    check(
        named("{users: staff, dangerous_unverified: true}", users),
        &staff(),
        "needs one of",
    );
    check(named("{issuers: [main]}", users), &staff(), "does not verify passwords");
    check(
        named("{users: main}", "users: [{name: main, file: users.txt}]"),
        &staff(),
        "the name (issuers, users, signers and client_certificates share them) `main` stands twice",
    );
    check(
        named("{users: staff}", "users: [{name: staff, file: none.txt}]"),
        &staff(),
        "cannot read the users",
    );
    check(setup(&upstream), "alice:hunter2", "the hash is not of the form");
    let weak = staff().replace("m=19456", "m=1024");
    let told = check(setup(&upstream), &weak, "cheap to guess");
    assert!(told.contains("users.txt:1"), "{told}");
    assert!(!told.contains("$argon2id$v=19$m=1024"), "{told}");
}

#[test]
fn coverage_tells_how_often_logins_may_fail() {
    let upstream = Upstream::with_json(THING);
    let directory = written(
        &setup(&upstream).with("logins: {failures_of_user: {requests: 7, per: 1h}}"),
        &staff(),
        &Issuer::new("one"),
    );
    let output = run(&directory.0, &["coverage", "-c", "gate.yaml", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = |operation: &str| {
        let operations = told["apis"][0]["operations"].as_array().unwrap();
        let of = operations.iter().find(|one| one["path"] == operation).unwrap();
        let checks = of["checks"].as_array().unwrap().iter();
        checks
            .filter(|row| row["subject"] == "failed logins")
            .cloned()
            .collect::<Vec<_>>()
    };
    let [row] = rows("/login").try_into().unwrap();
    let why = row["reason"].as_str().unwrap();
    assert!(
        why.starts_with("10 in 3600 s, burst 5, by user and address; 7 in 3600 s, burst 7"),
        "{why}"
    );
    assert_eq!(rows("/things"), Vec::<Value>::new());
}

#[test]
fn a_password_is_hashed_for_the_file() {
    let upstream = Upstream::with_json(THING);
    let directory = Directory::new();
    let hash = |arguments: &[&str], typed: &str| {
        let mut child = program(&directory.0, &[&["user", "hash"], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(typed.is_empty() || !told.contains(typed.trim()), "{told}");
        (output.status.code(), told, String::from_utf8(output.stderr).unwrap())
    };
    let (code, line, _) = hash(&["dave"], "open sesame please\n");
    assert!(
        code == Some(0) && line.starts_with("dave:$argon2id$v=19$m=19456,t=2,p=1$"),
        "{line}"
    );
    let (_, again, _) = hash(&["dave"], "open sesame please\n");
    assert_ne!(line, again, "a salt is used once");
    let (_, alone, _) = hash(&[], "open sesame please\n");
    assert!(alone.starts_with("$argon2id$"), "{alone}");
    let (_, json, _) = hash(&["erin", "--json"], "open sesame please");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["line"], format!("erin:{}", json["hash"].as_str().unwrap()));
    for (arguments, typed, expected) in [
        (&["dave"][..], "short\n", "less than 8 characters"),
        (&["dave"], "", "less than 8 characters"),
        (&["dave"], "with a\ttab inside\n", "control character"),
        (&["da:ve"], "open sesame please\n", "no name of a user"),
    ] {
        let (code, _, told) = hash(arguments, typed);
        assert!(code == Some(2) && told.contains(expected), "{expected} in {told}");
    }
    let users = line + json["line"].as_str().unwrap();
    let gate = Gate::start(written(&setup(&upstream), &users, &Issuer::new("one")));
    assert_eq!(log_in(&gate, "dave", "open sesame please").status, 200);
    assert_eq!(log_in(&gate, "erin", "open sesame please").status, 200);
    assert_eq!(log_in(&gate, "erin", "open sesame").status, 401);
}
