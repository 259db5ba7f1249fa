//! Rate limits through the gate: by address, by what a request aims at, over hosts, and failures alone.

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::http::{THING, THINGS};
use crate::natter_api;
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Answer;

#[track_caller]
fn is_exceeded(answer: &Answer) {
    answer.is_refused(429, "rate.exceeded");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
}

#[test]
fn an_address_over_its_limit_is_told_when_to_come_back() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("trusted_proxies: [127.0.0.1/32]")
        .with_api("policy: {rate_limits: [{name: few, requests: 3, per: 10m}]}")
        .start();
    let from = |address: &str| {
        gate.client()
            .send("GET", "/things", &[("X-Forwarded-For", address)], b"")
    };
    for _ in 0..3 {
        assert_eq!(from("9.9.9.9").status, 200);
    }
    is_exceeded(&from("9.9.9.9"));
    assert_eq!(from("8.8.8.8").status, 200);
    assert_eq!(upstream.seen().len(), 4);
    // Another operation counts by itself; a whole IPv6 network is one caller.
    assert_eq!(
        gate.client()
            .send("GET", "/things/1", &[("X-Forwarded-For", "9.9.9.9")], b"")
            .status,
        200
    );
    for host in ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"] {
        assert_eq!(from(host).status, 200);
    }
    is_exceeded(&from("2001:db8::4"));
    assert_eq!(from("2001:db8:0:1::4").status, 200);
}

#[test]
fn unknown_paths_count_on_arrival() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("arrival_limit: {requests: 5, per: 10m}")
        .start();
    for _ in 0..5 {
        assert_eq!(gate.get("/nothing").status, 404);
    }
    is_exceeded(&gate.get("/nothing"));
    is_exceeded(&gate.get("/things"));
    upstream.saw_nothing("a flood");
}

#[test]
fn guessing_one_users_password_from_many_addresses_ends() {
    let natter = natter_api::start();
    let gate = Setup::new(natter::CONTRACT, natter.address)
        .with_api("dangerous_unverified_schemes: true")
        .with("trusted_proxies: [127.0.0.1/32]")
        .start();
    let log_in = |address: &str, name: &str, password: &str| {
        let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", address)];
        let body = format!(r#"{{"username":"{name}","password":"{password}"}}"#);
        gate.client().send("POST", "/sessions", &headers, body.as_bytes())
    };
    // A success does not use the limit up.
    for number in 0..7 {
        let answer = log_in(&format!("9.0.1.{number}"), "alice", "correct horse battery");
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    for number in 0..5 {
        assert_eq!(log_in(&format!("9.0.2.{number}"), "alice", "guess").status, 401);
    }
    is_exceeded(&log_in("9.0.3.1", "alice", "guess"));
    is_exceeded(&log_in("9.0.3.2", "alice", "correct horse battery"));
    assert_eq!(log_in("9.0.3.1", "bob", "bob-loves-trains").status, 201);
}

#[test]
fn authentication_endpoints_are_limited_by_themselves() {
    let natter = natter_api::start();
    let gate = Setup::new(natter::CONTRACT, natter.address)
        .with_api("dangerous_unverified_schemes: true")
        .start();
    let answers: Vec<_> = (0..12)
        .map(|number| gate.post("/shares/open", &format!(r#"{{"token":"share-{}"}}"#, 1000 + number)))
        .collect();
    assert!(answers[0].status < 429, "{:?}", answers[0]);
    is_exceeded(&answers[11]);
}

#[test]
fn a_shared_limit_counts_over_hosts() {
    let upstream = Upstream::with_json(THING);
    let api = |name: &str| {
        format!(
            "  - {{name: {name}, contract: api.yaml, upstream: 'http://{}', hosts: [{name}.example], policy: {{rate_limits: [{{name: few, requests: 4, per: 10m, shared: both}}]}}}}\n",
            upstream.address
        )
    };
    let directory = Directory::new();
    directory.write("api.yaml", THINGS);
    let configuration = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: '127.0.0.1:0'}}\napis:\n{}{}",
        api("old"),
        api("new")
    );
    directory.write("gate.yaml", &configuration);
    let gate = Gate::start(directory);
    let at = |host: &str| gate.client().host(host).send("GET", "/things", &[], b"");
    for host in ["old.example", "new.example", "old.example", "new.example"] {
        assert_eq!(at(host).status, 200, "{host}");
    }
    is_exceeded(&at("old.example"));
    is_exceeded(&at("new.example"));
    at("third.example").is_refused(421, "http.host");
}

#[test]
fn a_limit_in_observe_mode_counts_and_lets_pass() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {rate_limits: [{name: few, requests: 2, per: 10m, mode: observe}]}")
        .start();
    for _ in 0..4 {
        assert_eq!(gate.get("/things").status, 200);
    }
    crate::gate::until("two would have been refused", || {
        gate.metric(&["portcullis_would_refuse_total", "rate.exceeded"]) >= 2.0
    });
}

#[test]
fn the_limit_that_refuses_is_named() {
    let upstream = Upstream::with_json(THING);
    let limits = [
        "{name: few, requests: 2, per: 10m}",
        "{name: many, requests: 90, per: 10m}",
        "{name: seen, requests: 1, per: 10m, mode: observe}",
    ];
    let gate = Setup::new(THINGS, upstream.address)
        .with_api(&format!("policy: {{rate_limits: [{}]}}", limits.join(", ")))
        .start();
    for _ in 0..2 {
        assert_eq!(gate.get("/things").status, 200);
    }
    let answer = gate.get("/things");
    is_exceeded(&answer);
    assert!(!answer.text().contains("few"), "{}", answer.text());
    until("it is logged", || {
        let lines = gate.log_of_requests();
        lines
            .iter()
            .any(|line| line["code"] == "rate.exceeded" && line["limit"] == "few")
    });
    let of = |limit: &str, verdict: &str| gate.metric(&["portcullis_limited_total{api=\"api\"", limit, verdict]);
    assert_eq!(of("limit=\"few\"", "refused"), 1.0);
    assert_eq!(of("limit=\"many\"", "refused"), 0.0);
    assert_eq!(of("limit=\"seen\"", "observed"), 1.0);
}

const CALLERS: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{bearer: []}]
paths:
  /things:
    get: {responses: {'200': {$ref: '#/components/responses/things'}}}
  /things/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {$ref: '#/components/responses/things'}}
  /open:
    get: {security: [{}, {bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";

/// A gate whose operations may be called three times for each value of this key, by tokens of this issuer.
struct Callers {
    gate: Gate,
    issuer: Issuer,
}

impl Callers {
    fn limited_by(upstream: &Upstream, key: &str) -> Self {
        let issuer = Issuer::new("one");
        let directory = Setup::new(CALLERS, upstream.address)
            .with("trusted_proxies: [127.0.0.1/32]")
            .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api(&format!("policy: {{rate_limits: [{{name: few, key: {key}, requests: 3, per: 10m}}]}}"))
            .written();
        directory.write("keys.json", &key_set(&[&issuer]));
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    /// How many of five requests pass.
    fn passing(&self, target: &str, from: &str, claims: Option<Value>) -> usize {
        let token = claims.map(|claims| format!("Bearer {}", self.issuer.token_with("at+jwt", claims)));
        let mut headers = vec![("X-Forwarded-For", from)];
        headers.extend(token.iter().map(|token| ("Authorization", token.as_str())));
        let statuses = (0..5).map(|_| self.gate.client().send("GET", target, &headers, b"").status);
        statuses.filter(|status| *status == 200).count()
    }

    fn of(&self, target: &str, from: &str, claims: Value) -> usize {
        self.passing(target, from, Some(claims))
    }
}

#[test]
fn a_caller_is_counted_wherever_they_call_from() {
    let upstream = Upstream::with_json(THING);
    let callers = Callers::limited_by(&upstream, "[principal]");
    assert_eq!(callers.of("/things", "9.0.0.1", json!({"sub": "alice"})), 3);
    // Another address, client or token is no other caller.
    assert_eq!(
        callers.of(
            "/things",
            "9.0.0.2",
            json!({"sub": "alice", "client_id": "other", "jti": "2"})
        ),
        0
    );
    assert_eq!(callers.of("/things", "9.0.0.1", json!({"sub": "bob"})), 3);
    // A client that is called like a user is another one; an operation counts by itself.
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "alice", "client_id": "alice"})),
        3
    );
    assert_eq!(callers.of("/open", "9.0.0.1", json!({"sub": "alice"})), 3);
    // Who proved nothing counts by address: nobody uses up the limit of all.
    assert_eq!(callers.passing("/open", "9.0.0.1", None), 3);
    assert_eq!(callers.passing("/open", "9.0.0.1", None), 0);
    assert_eq!(callers.passing("/open", "9.0.0.2", None), 3);
}

#[test]
fn clients_and_claims_are_counted_over_their_users() {
    let upstream = Upstream::with_json(THING);
    let callers = Callers::limited_by(&upstream, "[client]");
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "alice", "client_id": "app"})),
        3
    );
    assert_eq!(
        callers.of("/things", "9.0.0.2", json!({"sub": "bob", "client_id": "app"})),
        0
    );
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "alice", "client_id": "tool"})),
        3
    );
    // Without a client, who calls.
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "alice", "client_id": null})),
        3
    );
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "bob", "client_id": null})),
        3
    );
    let callers = Callers::limited_by(&upstream, "[{claim: tenant}]");
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "alice", "tenant": "acme"})),
        3
    );
    assert_eq!(
        callers.of("/things", "9.0.0.2", json!({"sub": "bob", "tenant": "acme"})),
        0
    );
    assert_eq!(
        callers.of("/things", "9.0.0.1", json!({"sub": "alice", "tenant": "other"})),
        3
    );
    assert_eq!(
        callers.of(
            "/things",
            "9.0.0.1",
            json!({"sub": "alice", "tenant": ["acme", "other"]})
        ),
        3
    );
    assert_eq!(callers.of("/things", "9.0.0.1", json!({"sub": "alice"})), 3);
    assert_eq!(callers.of("/things", "9.0.0.1", json!({"sub": "bob"})), 3);
}

#[test]
fn parts_of_callers_and_of_requests_make_one_key() {
    let upstream = Upstream::with_json(THING);
    let callers = Callers::limited_by(&upstream, "[principal, address]");
    assert_eq!(callers.of("/things", "9.0.0.1", json!({"sub": "alice"})), 3);
    assert_eq!(callers.of("/things", "9.0.0.2", json!({"sub": "alice"})), 3);
    assert_eq!(callers.of("/things", "9.0.0.2", json!({"sub": "bob"})), 3);
    assert_eq!(callers.of("/things", "9.0.0.2", json!({"sub": "bob"})), 0);
    // Over the operations together, where it is shared.
    let shared = "[principal], shared: callers";
    let callers = Callers::limited_by(&upstream, shared);
    assert_eq!(callers.of("/things", "9.0.0.1", json!({"sub": "alice"})), 3);
    assert_eq!(callers.of("/open", "9.0.0.1", json!({"sub": "alice"})), 0);
}

#[test]
fn a_caller_and_what_they_aim_at_make_one_key() {
    let upstream = Upstream::with_json(THING);
    let issuer = Issuer::new("one");
    let contract = CALLERS.replace(
        "  /things/{id}:\n    get:\n",
        "  /things/{id}:\n    get:\n      x-portcullis: {rate_limits: [{name: few, key: [principal, {path: id}], requests: 3, per: 10m}]}\n",
    );
    let directory = Setup::new(&contract, upstream.address)
        .with("trusted_proxies: [127.0.0.1/32]")
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let callers = Callers {
        gate: Gate::start(directory),
        issuer,
    };
    assert_eq!(callers.of("/things/1", "9.0.0.1", json!({"sub": "alice"})), 3);
    assert_eq!(callers.of("/things/1", "9.0.0.2", json!({"sub": "alice"})), 0);
    assert_eq!(callers.of("/things/2", "9.0.0.1", json!({"sub": "alice"})), 3);
    assert_eq!(callers.of("/things/1", "9.0.0.1", json!({"sub": "bob"})), 3);
}

#[test]
fn header_fields_count_as_they_came() {
    let upstream = Upstream::with_json(THING);
    // Not declared, so it is taken out before the path is known to conform.
    let contract = THINGS.replace(
        "  /things/{id}:\n    get:\n",
        "  /things/{id}:\n    get:\n      x-portcullis: {rate_limits: [{name: few, key: [{header: X-Tenant}, {path: id}], requests: 3, per: 10m}]}\n",
    );
    assert_ne!(contract, THINGS);
    let gate = Setup::new(&contract, upstream.address).start();
    let passing = |tenant: &str| {
        let statuses = (0..5).map(|_| {
            let answer = gate.client().send("GET", "/things/7", &[("X-Tenant", tenant)], b"");
            answer.status
        });
        statuses.filter(|status| *status == 200).count()
    };
    assert_eq!(passing("one"), 3);
    assert_eq!(passing("other"), 3);
    assert_eq!(passing("one"), 0);
    assert!(
        upstream
            .seen()
            .iter()
            .all(|request| request.header("x-tenant").is_none())
    );
}

#[test]
fn a_credential_for_the_gate_is_nothing_to_count_by() {
    let upstream = Upstream::with_json(THING);
    let check = |header: &str, schemes: &str| {
        let key = format!("[address, {{header: {header}}}]");
        let directory = Setup::new(CALLERS, upstream.address)
            .with_api(schemes)
            .with_api(&format!("policy: {{rate_limits: [{{name: few, key: {key}, requests: 3, per: 10m}}]}}"))
            .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
            .written();
        directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (verified, forwarded) = (
        "security_schemes: {bearer: {issuers: [main]}}",
        "security_schemes: {bearer: {dangerous_unverified: true}}",
    );
    let (good, told) = check("authorization", verified);
    assert!(!good);
    assert!(
        told.contains("the rate limit `few` of `GET /things` counts by a header field that carries credentials"),
        "{told}"
    );
    assert!(told.contains("count by `api_key` or `principal`"), "{told}");
    for (header, schemes) in [("X-Tenant", verified), ("Authorization", forwarded)] {
        let (good, told) = check(header, schemes);
        assert!(good, "{header}: {told}");
    }
}
