//! Tokens that only their issuer knows: what it says of them, how long that counts, and what happens when it does not answer.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::http::THING;
use crate::identity_upstream::{events_with, streaming};
use crate::tokens::{CONTRACT, Issuer, get, key_set, with};
use crate::upstream::{Seen, Upstream, answer, ok};

/// What an issuer says of its tokens: whole answers.
pub(crate) type Says = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// An issuer that can be asked. Of a token that nobody put in it says that it is not active.
pub(crate) fn authority(delay: Duration) -> (Upstream, Says) {
    let says = Says::default();
    let known = Arc::clone(&says);
    let server = Upstream::start(move |seen, stream| {
        std::thread::sleep(delay);
        let said = known.lock().unwrap().get(&token_of(seen)).cloned();
        let said = said.unwrap_or_else(|| json_answer(&json!({"active": false})));
        stream.write_all(&said).is_ok()
    });
    (server, says)
}

/// The token of a question.
fn token_of(seen: &Seen) -> String {
    let body = String::from_utf8(seen.body.clone()).unwrap();
    let (token, hint) = body.strip_prefix("token=").unwrap().split_once('&').unwrap();
    assert_eq!(hint, "token_type_hint=access_token");
    token.to_owned()
}

fn json_answer(said: &Value) -> Vec<u8> {
    ok("application/json", &said.to_string())
}

/// What is said of a good token of alice's, with these members in the place of the usual ones.
pub(crate) fn good(more: Value) -> Vec<u8> {
    let mut said = json!({"active": true, "aud": "https://things.example", "sub": "alice", "client_id": "app",
        "scope": "things.read", "token_type": "Bearer"});
    for (name, value) in crate::tokens::object(more) {
        said[name] = value;
    }
    json_answer(&said)
}

pub(crate) fn say(says: &Says, token: &str, said: Vec<u8>) {
    says.lock().unwrap().insert(token.to_owned(), said);
}

/// A gate that asks this issuer.
pub(crate) fn written(upstream: &Upstream, authority: &Upstream, more: &str) -> Directory {
    let directory = Setup::new(CONTRACT, upstream.address)
        .with(&format!(
            "issuers: [{{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], introspection: {{url: 'http://{}/ask', client_id: 'the gate', client_secret_file: secret, dangerous_private_address: true, dangerous_plain_http: true{more}}}}}]",
            authority.address
        ))
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .written();
    directory.write_secret("secret", "s3cr:et\n");
    directory
}

pub(crate) fn gate(upstream: &Upstream, authority: &Upstream, more: &str) -> Gate {
    Gate::start(written(upstream, authority, more))
}

#[test]
fn oauth_19_only_what_its_issuer_calls_good_and_for_here_gets_in() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let elsewhere = Upstream::with_json("{}");
    let gate = gate(&upstream, &authority, "");
    let moved = format!("http://{}/ask", elsewhere.address);
    let moved = answer("307 Temporary Redirect", &[("Location", moved.as_str())], b"");
    let long = format!("{{\"active\":true,\"more\":\"{}\"}}", "x".repeat(70_000));
    for (token, said, status) in [
        ("good", good(json!({})), 200),
        (
            "named",
            good(json!({"iss": "https://id.example", "exp": 4_000_000_000_u64})),
            200,
        ),
        ("other-issuer", good(json!({"iss": "https://evil.example"})), 401),
        ("other-audience", good(json!({"aud": "https://other.example"})), 401),
        ("no-audience", good(json!({"aud": null})), 401),
        ("expired", good(json!({"exp": 1_700_000_000})), 401),
        ("early", good(json!({"nbf": 4_000_000_000_u64})), 401),
        ("refresh", good(json!({"token_use": "refresh_token"})), 401),
        ("proof", good(json!({"token_type": "DPoP"})), 401),
        ("inactive", good(json!({"active": false})), 401),
        ("word", good(json!({"active": "true"})), 503),
        ("number", good(json!({"active": 1})), 503),
        ("error", answer("500 Internal Server Error", &[], b""), 503),
        ("unauthorized", answer("401 Unauthorized", &[], b""), 503),
        ("page", ok("text/html", "{\"active\":true}"), 503),
        ("moved", moved, 503),
        ("long", ok("application/json", &long), 503),
    ] {
        say(&says, token, said);
        let answered = get(&gate, token);
        assert_eq!(answered.status, status, "{token}: {answered:?}");
        let code = match status {
            401 => "authentication.required",
            _ => "authentication.unavailable",
        };
        if status != 200 {
            answered.is_refused_as(token, status, code);
        }
    }
    elsewhere.saw_nothing("redirects");
    assert_eq!(with(&gate, "DELETE", "/things", "good").status, 403, "scopes count");
    let asked = authority.seen();
    // The name and the secret are encoded as in a form before they are joined.
    assert!(asked.iter().all(|seen| seen.line == "POST /ask HTTP/1.1"
        && seen.header("authorization") == Some("Basic dGhlJTIwZ2F0ZTpzM2NyJTNBZXQ=")
        && seen.header("content-type") == Some("application/x-www-form-urlencoded")));
    assert_eq!(upstream.seen().len(), 2);
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
    assert!(gate.metric(&["portcullis_introspections_total", "main", "refused"]) >= 8.0);
    assert!(gate.metric(&["portcullis_introspections_total", "main", "failed"]) >= 7.0);
    gate.logs(&["it cannot be asked about tokens"]);
    let told = gate.log_so_far().join("\n");
    assert!(!told.contains("s3cr"), "{told}");
}

#[test]
fn oauth_19_a_revoked_token_passes_for_a_second_at_most() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let gate = gate(&upstream, &authority, "");
    say(&says, "good", good(json!({})));
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(700) {
        assert_eq!(get(&gate, "good").status, 200);
    }
    assert_eq!(authority.seen().len(), 1, "it is asked once a second");
    let revoked = Instant::now();
    say(&says, "good", json_answer(&json!({"active": false})));
    until("it is refused", || get(&gate, "good").status == 401);
    assert!(
        revoked.elapsed() < Duration::from_millis(1500),
        "{:?}",
        revoked.elapsed()
    );
    let asked = authority.seen().len();
    for _ in 0..20 {
        get(&gate, "good").is_refused(401, "authentication.required");
    }
    assert!(authority.seen().len() <= asked + 2, "nor is it asked each time then");
}

#[test]
fn http_11_a_stream_ends_soon_after_its_token_was_revoked_and_not_while_nobody_answers() {
    let (upstream, (authority, says)) = (Upstream::start(streaming), authority(Duration::ZERO));
    let gate = gate(&upstream, &authority, "");
    let events = |token: &str| events_with(&gate, &[("Authorization", &format!("Bearer {token}"))]);
    for token in ["one", "two"] {
        say(&says, token, good(json!({})));
    }
    std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| events("one")), scope.spawn(|| events("two")));
        std::thread::sleep(Duration::from_secs(1));
        say(&says, "one", json_answer(&json!({"active": false})));
        say(&says, "two", answer("500 Internal Server Error", &[], b""));
        let (whole, seconds) = one.join().unwrap();
        assert!(!whole && seconds < 14.0, "{seconds}");
        assert!(!two.is_finished(), "nothing is known against it");
        assert!(authority.seen().len() <= 2 + 2 * 3, "{}", authority.seen().len());
        say(&says, "two", json_answer(&json!({"active": false})));
        two.join().unwrap();
    });
}

#[test]
fn of_one_token_one_question_is_open_for_all_workers() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::from_millis(300)));
    say(&says, "good", good(json!({})));
    let directory = written(&upstream, &authority, "");
    let configuration = directory.read("gate.yaml");
    directory.write("gate.yaml", &format!("workers: 2\n{configuration}"));
    let gate = Gate::start(directory);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16).map(|_| scope.spawn(|| get(&gate, "good").status)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(authority.seen().len(), 1);
}

/// A gate where an address may fail five times in ten minutes.
fn strict(upstream: &Upstream, authority: &Upstream, more: &str) -> Gate {
    let directory = written(upstream, authority, more);
    let configuration = directory.read("gate.yaml");
    let limit = "failed_authentication_limit: {requests: 5, per: 10m}";
    directory.write("gate.yaml", &format!("{limit}\n{configuration}"));
    Gate::start(directory)
}

#[test]
fn a_neighbour_s_bad_tokens_keep_no_token_out_that_was_good() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let gate = strict(&upstream, &authority, ", answer_seconds_max: 0");
    for token in ["good", "revoked"] {
        say(&says, token, good(json!({})));
        assert_eq!(get(&gate, token).status, 200);
    }
    for number in 0..5 {
        get(&gate, &format!("bad-{number}")).is_refused(401, "authentication.required");
    }
    let asked = authority.seen().len();
    get(&gate, "bad").is_refused(429, "rate.exceeded");
    assert_eq!(authority.seen().len(), asked, "guesses are not asked about any more");
    for _ in 0..10 {
        assert_eq!(get(&gate, "good").status, 200);
    }
    assert_eq!(authority.seen().len(), asked + 10, "none of its answers was remembered");
    say(&says, "revoked", json_answer(&json!({"active": false})));
    get(&gate, "revoked").is_refused(429, "rate.exceeded");
    let asked = authority.seen().len();
    get(&gate, "revoked").is_refused(429, "rate.exceeded");
    assert_eq!(authority.seen().len(), asked, "it was good, and is a guess now");
}

#[test]
fn many_requests_at_once_with_one_good_token_do_not_lock_their_caller_out() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::from_millis(500)));
    let gate = strict(&upstream, &authority, "");
    say(&says, "good", good(json!({})));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..30).map(|_| scope.spawn(|| get(&gate, "good").status)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[test]
fn who_does_not_answer_keeps_nobody_else_waiting_and_lets_nobody_in() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::from_secs(3)));
    let gate = gate(&upstream, &authority, ", questions_max: 2, wait_seconds_max: 0.5");
    for number in 0..6 {
        say(&says, &format!("token-{number}"), good(json!({})));
    }
    std::thread::scope(|scope| {
        for number in 0..6 {
            let gate = &gate;
            scope.spawn(move || {
                get(gate, &format!("token-{number}")).is_refused(503, "authentication.unavailable");
            });
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(300) {
            let began = Instant::now();
            assert_eq!(gate.get("/public").status, 200);
            assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
        }
    });
    assert!(authority.seen().len() <= 2, "{}", authority.seen().len());
    assert!(upstream.seen().iter().all(|seen| seen.line == "GET /public HTTP/1.1"));
    let count = |outcome| gate.metric(&["portcullis_introspections_total", outcome]);
    // A question is given up at about the time when those who wait for it give up.
    until("both questions are given up", || count("failed") > 1.5);
    assert!((3.5..4.5).contains(&count("full")), "{}", count("full"));
}

#[test]
fn oauth_14_a_token_goes_to_nobody_but_the_issuer_that_it_names() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let gate = gate(&upstream, &authority, "");
    let issuer = Issuer::new("one");
    let own = issuer.token();
    say(&says, &own, good(json!({})));
    assert_eq!(
        get(&gate, &own).status,
        200,
        "a JWT of the issuer's is asked about as well"
    );
    let asked = authority.seen().len();
    for other in [
        issuer.token_with("at+jwt", json!({"iss": "https://other.example"})),
        issuer.token_with("at+jwt", json!({"iss": null})),
    ] {
        say(&says, &other, good(json!({})));
        get(&gate, &other).is_refused(401, "authentication.required");
    }
    assert_eq!(authority.seen().len(), asked, "nobody else's token is shown to it");
}

#[test]
fn a_reload_goes_on_counting_and_takes_another_secret() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let gate = gate(&upstream, &authority, ", answer_seconds_max: 0");
    say(&says, "good", good(json!({})));
    assert_eq!(get(&gate, "good").status, 200);
    let applied = || gate.metric(&["portcullis_reloads_total", "applied"]);
    let asked = || gate.metric(&["portcullis_introspections_total", "active"]);
    let before = applied();
    gate.signal("-HUP");
    until("a reload", || applied() > before);
    assert_eq!(get(&gate, "good").status, 200);
    assert!(asked() > 1.5, "{}", asked());
    gate.directory.write("secret", "another");
    until("it is asked with the other secret", || {
        assert_eq!(get(&gate, "good").status, 200);
        let last = authority.seen().pop().unwrap();
        last.header("authorization") == Some("Basic dGhlJTIwZ2F0ZTphbm90aGVy")
    });
}

#[test]
fn what_cannot_be_asked_is_an_error_before_anything_is_served() {
    let (upstream, (authority, _)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let check = |change: (&str, &str), expected: &str| {
        let directory = written(&upstream, &authority, "");
        let configuration = directory.read("gate.yaml");
        assert!(configuration.contains(change.0), "{change:?}");
        directory.write("gate.yaml", &configuration.replace(change.0, change.1));
        directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected} in {told}"
        );
    };
    check((", dangerous_plain_http: true", ""), "is no URL of https");
    check((", dangerous_private_address: true", ""), "is not a public address");
    check(
        ("client_secret_file: secret", "client_secret_file: none"),
        "cannot use the secret",
    );
    check(
        ("introspection: {", "keys: {file: keys.json}, introspection: {"),
        "either `keys` or `introspection`",
    );
    check((", introspection", ", one_time: true, introspection"), "has no keys");
    check((", introspection", ", types: [JWT], introspection"), "has no keys");
    check(
        (
            ", introspection",
            ", decryption: {keys: [{file: secret}]}, introspection",
        ),
        "are not decrypted here",
    );
    check(
        ("client_id: 'the gate'", "client_id: 'the gate', wait_seconds_max: 60"),
        "30 seconds at most",
    );
    let second = "issuers: [{name: other, issuer: 'https://other.example', audiences: [a], introspection: {url: 'https://other.example', client_id: a, client_secret_file: secret}}, {name: main";
    let directory = written(&upstream, &authority, "");
    let configuration = directory.read("gate.yaml").replace("issuers: [{name: main", second);
    directory.write(
        "gate.yaml",
        &configuration.replace("issuers: [main]", "issuers: [main, other]"),
    );
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(told.contains("does not say which of them knows it"), "{told}");
}
