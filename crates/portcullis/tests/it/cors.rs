//! Pages of other origins (docs/cors.md): who may read, who may send, and that nothing a page says is repeated.

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::{Upstream, answer};
use crate::wire::Answer;

const APP: &str = "https://app.example:8443";
const RULES: &str = "policy: {cors: {origins: ['https://app.example:8443', 'https://two.example']}}";

/// Origins that look like one that is let in, or are made to be.
const FOREIGN: [&str; 16] = [
    "https://app.example",
    "http://app.example:8443",
    "https://app.example:8443.evil.example",
    "https://app.example:84430",
    "https://evil.example",
    "https://evilapp.example:8443",
    "https://app.example.evil.example:8443",
    "https://sub.app.example:8443",
    "https://app.example:8443/",
    "https://APP.example:8443",
    "https://app.example:8443, https://evil.example",
    "https://user@app.example:8443",
    "app.example:8443",
    "*",
    "null",
    "https://",
];

fn gate(upstream: &Upstream, api: &str) -> Gate {
    Setup::new(THINGS, upstream.address).with_api(api).start()
}

fn send(gate: &Gate, method: &str, target: &str, origin: &str) -> Answer {
    let body = if method == "POST" { THING } else { "" };
    let headers = [("Origin", origin), ("Content-Type", "application/json")];
    let headers = if body.is_empty() { &headers[..1] } else { &headers[..] };
    gate.client().send(method, target, headers, body.as_bytes())
}

fn preflight(gate: &Gate, target: &str, origin: &str, method: &str, fields: &str) -> Answer {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", fields),
    ];
    gate.client().send("OPTIONS", target, &headers, b"")
}

/// What an answer says of origins.
fn said(answer: &Answer) -> Vec<(String, String)> {
    let of_origins = |(name, _): &&(String, String)| name.starts_with("access-control-");
    answer.headers.iter().filter(of_origins).cloned().collect()
}

#[track_caller]
fn varies(answer: &Answer, by: &str) {
    let named = answer.headers.iter().filter(|(name, _)| name == "vary");
    assert!(named.clone().any(|(_, value)| value == by), "{answer:?}");
}

#[test]
fn http_9_only_exact_origins_may_read() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream, RULES);
    for origin in [APP, "https://two.example"] {
        let answer = send(&gate, "GET", "/things", origin);
        assert_eq!(answer.status, 200);
        let expected = [
            ("access-control-allow-origin".to_owned(), origin.to_owned()),
            ("access-control-expose-headers".to_owned(), "retry-after".to_owned()),
        ];
        assert_eq!(said(&answer), expected);
        varies(&answer, "Origin");
        assert_eq!(send(&gate, "POST", "/things", origin).status, 200);
    }
    for origin in FOREIGN {
        let answer = send(&gate, "GET", "/things", origin);
        assert_eq!((answer.status, said(&answer)), (200, vec![]), "{origin}");
        varies(&answer, "Origin");
    }
    // Without an origin there is nothing to say, but caches are told all the same.
    let answer = gate.get("/things");
    assert_eq!((answer.status, said(&answer)), (200, vec![]));
    varies(&answer, "Origin");
}

#[test]
fn http_9_other_pages_change_nothing() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream, RULES);
    for origin in FOREIGN {
        for (method, target) in [("POST", "/things"), ("DELETE", "/things/1")] {
            let answer = send(&gate, method, target, origin);
            answer.is_refused_as(origin, 403, "cors.origin");
            assert_eq!(said(&answer), vec![], "{origin}");
            varies(&answer, "Origin");
        }
    }
    let twice = [
        ("Origin", APP),
        ("Origin", "https://evil.example"),
        ("Content-Type", "application/json"),
    ];
    let answer = gate.client().send("POST", "/things", &twice, THING.as_bytes());
    answer.is_refused_as("two origins", 403, "cors.origin");
    // A socket that is opened by a page can be read by it, whatever the answer says.
    let socket = [
        ("Origin", "https://evil.example"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    gate.client()
        .send("GET", "/things", &socket, b"")
        .is_refused(403, "cors.origin");
    upstream.saw_nothing("a page of another origin");
    // A page of our own says where it is from too.
    let own = format!("http://{}", gate.address);
    assert_eq!(send(&gate, "POST", "/things", &own).status, 200);
    let secure = format!("https://{}", gate.address);
    send(&gate, "POST", "/things", &secure).is_refused(403, "cors.origin");
}

#[test]
fn http_9_preflights_are_answered_from_the_contract_and_repeat_nothing() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream, RULES);
    let check = |target: &str, method: &str, methods: &str, fields: Option<&str>| {
        let answer = preflight(&gate, target, APP, method, "x-evil, content-type, authorization");
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{method} {target}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some(methods),
            "{method} {target}"
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            fields,
            "{method} {target}"
        );
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        varies(
            &answer,
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        );
    };
    check("/things", "GET", "GET, POST", Some("x-trace"));
    check("/things", "POST", "GET, POST", Some("content-type"));
    check("/things", "PATCH", "GET, POST", None);
    check("/things/1", "DELETE", "GET, DELETE", Some(""));
    for origin in FOREIGN {
        let answer = preflight(&gate, "/things", origin, "POST", "content-type");
        answer.is_refused_as(origin, 403, "cors.origin");
        assert_eq!(said(&answer), vec![], "{origin}");
        varies(
            &answer,
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        );
    }
    // Unknown paths stay unknown, and the page may know.
    let answer = preflight(&gate, "/nothing", APP, "GET", "");
    answer.is_refused(404, "route.unknown");
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    // What is no preflight is a request like any other.
    send(&gate, "OPTIONS", "/things", APP).is_refused(405, "route.method");
    upstream.saw_nothing("a preflight");
}

#[test]
fn http_9_what_the_upstream_says_of_origins_does_not_count() {
    let head = [
        ("Content-Type", "application/json"),
        ("Vary", "Accept"),
        ("Access-Control-Allow-Origin", "https://evil.example"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Private-Network", "true"),
    ];
    let upstream = Upstream::answering(answer("200 OK", &head, THING.as_bytes()));
    // Even where undeclared fields of an answer pass.
    let gate = gate(
        &upstream,
        "policy: {modes: {contract_out: off}, cors: {origins: ['https://app.example:8443']}}",
    );
    let answer = send(&gate, "GET", "/things", "https://evil.example");
    assert_eq!((answer.status, said(&answer)), (200, vec![]));
    varies(&answer, "Accept");
    varies(&answer, "Origin");
    let answer = send(&gate, "GET", "/things", APP);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(said(&answer).len(), 2, "{answer:?}");
}

#[test]
fn http_9_refusals_can_be_read_by_the_page_that_gets_them() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("arrival_limit: {requests: 3, per: 10m}")
        .with_api("policy: {cors: {origins: ['https://app.example:8443'], expose_headers: [X-Total]}}")
        .start();
    let answer = send(&gate, "GET", "/things?odd=1", APP);
    answer.is_refused(400, "contract.query.undeclared");
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    // Preflights count as well.
    assert_eq!(preflight(&gate, "/things", APP, "POST", "").status, 204);
    assert_eq!(preflight(&gate, "/things", APP, "POST", "").status, 204);
    for answer in [
        preflight(&gate, "/things", APP, "POST", ""),
        send(&gate, "GET", "/things", APP),
    ] {
        answer.is_refused(429, "rate.exceeded");
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert!(answer.header("retry-after").is_some());
    }
    let answer = send(&gate, "GET", "/things", APP);
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("retry-after, x-total")
    );
}

#[test]
fn http_9_credentials_are_for_named_origins_only() {
    let upstream = Upstream::with_json(THING);
    let named = gate(
        &upstream,
        "policy: {cors: {origins: ['https://app.example:8443'], credentials: true, max_age_seconds: 5}}",
    );
    let answer = preflight(&named, "/things", APP, "POST", "");
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-max-age"), Some("5"));
    let answer = send(&named, "GET", "/things", APP);
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(said(&send(&named, "GET", "/things", "https://evil.example")), vec![]);
    let any = gate(&upstream, "policy: {cors: {dangerous_any_origin: true}}");
    for origin in ["https://evil.example", "null"] {
        let answer = send(&any, "POST", "/things", origin);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let null = gate(&upstream, "policy: {cors: {dangerous_null_origin: true}}");
    assert_eq!(
        send(&null, "GET", "/things", "null").header("access-control-allow-origin"),
        Some("null")
    );
    assert_eq!(said(&send(&null, "GET", "/things", APP)), vec![]);
}

#[test]
fn an_operation_narrows_the_origins_of_its_api() {
    let upstream = Upstream::with_json(THING);
    let narrow = "operationId: makeThing\n      x-portcullis: {cors: {origins: ['https://two.example', 'https://three.example']}}\n";
    let contract = THINGS.replace("operationId: makeThing\n", narrow);
    let gate = Setup::new(&contract, upstream.address).with_api(RULES).start();
    assert_eq!(
        send(&gate, "GET", "/things", APP).header("access-control-allow-origin"),
        Some(APP)
    );
    send(&gate, "POST", "/things", APP).is_refused(403, "cors.origin");
    send(&gate, "POST", "/things", "https://three.example").is_refused(403, "cors.origin");
    assert_eq!(send(&gate, "POST", "/things", "https://two.example").status, 200);
    let answer = preflight(&gate, "/things", APP, "GET", "");
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
    preflight(&gate, "/things", APP, "POST", "").is_refused(403, "cors.origin");
}

#[test]
fn http_9_of_two_apis_on_a_host_the_one_that_serves_has_the_word() {
    const TWO: &str = "https://two.example";
    const READ_ONLY: &str = "openapi: 3.1.0\ninfo: {title: Read, version: '1'}\npaths:\n  /things:\n    get:\n      operationId: read\n      responses: {'200': {description: Read, content: {application/json: {}}}}\n";
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(READ_ONLY, upstream.address)
        .with_api("policy: {cors: {origins: ['https://app.example:8443']}}")
        .written();
    directory.write("other.yaml", THINGS);
    let first = directory.read("gate.yaml");
    let other = format!(
        "{first}  - name: other\n    contract: other.yaml\n    upstream: 'http://{}'\n    policy: {{cors: {{origins: ['{TWO}']}}}}\n",
        upstream.address
    );
    directory.write("gate.yaml", &other);
    let gate = Gate::start(directory);
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    for (method, target, right, wrong) in [
        ("GET", "/things", APP, TWO),
        // Both know the path, and only the second the method.
        ("POST", "/things", TWO, APP),
        ("GET", "/things/1", TWO, APP),
        // Nobody knows the method: the first that knows the path speaks.
        ("PATCH", "/things", APP, TWO),
    ] {
        let answer = send(&gate, method, target, right);
        assert_eq!(allowed(&answer).as_deref(), Some(right), "{method} {target}");
        assert_eq!(allowed(&send(&gate, method, target, wrong)), None, "{method} {target}");
        let asked = preflight(&gate, target, right, method, "content-type");
        assert_eq!(allowed(&asked).as_deref(), Some(right), "{method} {target}");
        preflight(&gate, target, wrong, method, "content-type").is_refused_as(method, 403, "cors.origin");
    }
    assert_eq!(send(&gate, "POST", "/things", TWO).status, 200);
    send(&gate, "POST", "/things", APP).is_refused(403, "cors.origin");
}

#[test]
fn a_declared_options_is_an_operation_unless_it_is_a_preflight() {
    let upstream = Upstream::with_json(THING);
    let options = "    options:\n      operationId: options\n      responses: {'200': {description: Ours, content: {application/json: {}}}}\n";
    let contract = THINGS.replacen("  /things:\n", &format!("  /things:\n{options}"), 1);
    let gate = Setup::new(&contract, upstream.address).with_api(RULES).start();
    assert_eq!(send(&gate, "OPTIONS", "/things", APP).status, 200);
    upstream.one();
    assert_eq!(preflight(&gate, "/things", APP, "POST", "").status, 204);
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn other_pages_are_counted_in_observe_mode_and_nothing_changes_without_rules() {
    let upstream = Upstream::with_json(THING);
    let observing = gate(
        &upstream,
        "policy: {modes: {cors: observe}, cors: {origins: ['https://app.example:8443']}}",
    );
    let answer = send(&observing, "POST", "/things", "https://evil.example");
    assert_eq!((answer.status, said(&answer)), (200, vec![]));
    let answer = preflight(&observing, "/things", "https://evil.example", "POST", "");
    assert_eq!((answer.status, said(&answer)), (204, vec![]));
    until("both are counted", || {
        observing.metric(&["portcullis_would_refuse_total", "cors.origin"]) >= 2.0
    });
    let without = gate(&upstream, "policy: {}");
    let answer = preflight(&without, "/things", APP, "POST", "");
    answer.is_refused(405, "route.method");
    assert_eq!(said(&answer), vec![]);
    let answer = send(&without, "POST", "/things", APP);
    assert_eq!((answer.status, said(&answer)), (200, vec![]));
    assert_eq!(answer.header("vary"), None);
}

#[test]
fn lists_and_listeners_hold_for_preflights() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(
        &upstream,
        "policy: {addresses: {deny: [127.0.0.0/8]}, cors: {origins: ['https://app.example:8443']}}",
    );
    let answer = preflight(&gate, "/things", APP, "POST", "");
    answer.is_refused(403, "address.denied");
    assert_eq!(answer.header("access-control-allow-methods"), None);
}
