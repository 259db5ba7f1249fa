use super::*;
use crate::config;

const GATE: &str = "\
listen: 127.0.0.1:0
apis:
  - {contract: examples/natter/natter.openapi.yaml, name: natter, upstream: 'http://127.0.0.1:9000', dangerous_unverified_schemes: true}
";

/// What is told of a saved file, by Natter's contract.
fn told(name: &str, bytes: &str) -> Result<String, String> {
    told_by(GATE, name, bytes)
}

/// What is told of a saved file, by this configuration.
fn told_by(gate: &str, name: &str, bytes: &str) -> Result<String, String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let (configuration, _) = config::read(&format!("{root}gate.yaml"), gate.as_bytes())
        .usable()
        .unwrap();
    let apis = contracts::load_all(&configuration, "gate.yaml").unwrap();
    let looked = assemble::look(&configuration).unwrap();
    let mut judge = Judge::new(&configuration, &looked, apis).unwrap();
    let judged = of_file(name, bytes.as_bytes(), &mut judge)?;
    let told = anstream::adapter::strip_str(&tell::text(&judged)).to_string();
    Ok(told.replace(root, ""))
}

#[test]
fn every_violation_is_told() {
    let body = r#"{"username": "jane", "is_admin": true, "password": 7, "id": 3, "role": "x"}"#;
    let mut saved = format!(
        "POST /users?debug=1&token=x HTTP/1.1\nHost: localhost\nContent-Type: application/json\nX-Debug: 1\n\
         Cookie: a=b\nContent-Length: {}\n\n{body}\n\n",
        body.len()
    );
    let body = body.replace("7", r#""correct horse battery staple""#);
    saved += &format!(
        "POST /users HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: {}\n\n{body}\n\n",
        body.len()
    );
    saved += "\
GET /users?limit=5 HTTP/1.1
Host: localhost
X-Debug: 1
Cookie: a=b

DELETE /users HTTP/1.1
Host: localhost

GET /spaces/../users HTTP/1.1
Host: localhost

GET / HTTP/1.1
Host: elsewhere.example

GET / HTTP/1.1
Host : localhost

";
    insta::assert_snapshot!("raw", told("saved.http", &saved).unwrap());
}

#[test]
fn answers_of_archives_are_judged() {
    let archive = r#"{"log": {"entries": [
      {"request": {"method": "GET", "url": "http://localhost/users/1", "headers": []},
       "response": {"status": 200, "headers": [
           {"name": "content-type", "value": "application/json"}, {"name": "x-served-by", "value": "a"}],
         "content": {"text": "{\"id\": 1, \"username\": \"jane\", \"password_hash\": \"x\"}"}}},
      {"request": {"method": "GET", "url": "http://localhost/users/1", "headers": []},
       "response": {"status": 200, "headers": [{"name": "content-type", "value": "text/html"}],
         "content": {"text": "PGI+", "encoding": "base64"}}},
      {"request": {"method": "GET", "url": "http://localhost/users", "headers": []},
       "response": {"status": 0, "headers": [], "content": {}}}]}}"#;
    insta::assert_snapshot!("archive", told("saved.har", archive).unwrap());
}

#[test]
fn what_is_served_is_told_to_whoever_goes_astray() {
    let gate = GATE.replace(
        "name: natter",
        "name: natter, base_path: [/v1, /api/v1], hosts: [a.example, b.example]",
    );
    let check = |request: &str, expected: &str| {
        let told = told_by(&gate, "saved.http", request).unwrap();
        let line = told.lines().nth(2).unwrap_or_default().trim();
        assert_eq!(line, expected, "{told}");
    };
    check(
        "GET /v1/users HTTP/1.1\nHost: c.example\n\n",
        "http.host: `c.example` is not among the hosts that are served: `a.example`, `b.example`",
    );
    check(
        "GET /users HTTP/1.1\nHost: a.example\n\n",
        "route.unknown: no path of a contract fits `/users`: `natter` has those below `/api/v1` and `/v1`; did you mean \
         `/api/v1/users`?",
    );
    check(
        "GET /v1/nothing HTTP/1.1\nHost: a.example\n\n",
        "route.unknown: no path of a contract fits `/v1/nothing`: `natter` has those below `/api/v1` and `/v1`",
    );
}

#[test]
fn an_error_of_the_upstream_is_told_as_the_gate_tells_it() {
    let archive = r#"{"log": {"entries": [
      {"request": {"method": "GET", "url": "http://localhost/users/1", "headers": []},
       "response": {"status": 404, "headers": [{"name": "content-type", "value": "text/html"}],
         "content": {"text": "<b>no</b>"}}},
      {"request": {"method": "GET", "url": "http://localhost/users/1", "headers": []},
       "response": {"status": 500, "headers": [{"name": "content-type", "value": "text/html"}],
         "content": {"text": "<b>no</b>"}}}]}}"#;
    let told = told("saved.har", archive).unwrap();
    assert!(
        told.contains("answer 404 refused: 404 upstream.status\n    contract.response."),
        "{told}"
    );
    assert!(
        told.contains("answer 500 refused: 502 upstream.error\n    contract.response."),
        "{told}"
    );
}

#[test]
fn what_cannot_be_used() {
    for (bytes, expected) in [
        ("hello", "line 1: neither an HTTP/1.1 request"),
        ("{\"log\": 1}", "this is no HAR file"),
        (
            "POST / HTTP/1.1\nContent-Length: 3\nHost: a\n\n{}",
            "line 1: the body ends after 2 bytes of the 3",
        ),
    ] {
        let error = told("saved", bytes).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn observing_is_tried_as_the_gate_observes() {
    let observing = GATE.replace(
        "dangerous_unverified_schemes: true",
        "dangerous_unverified_schemes: true, policy: {modes: {contract_in: observe}}",
    );
    let told = |gate: &str, coding: &str| {
        let body = "{}";
        let head = format!(
            "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\n"
        );
        told_by(gate, "users.http", &(head + body)).unwrap()
    };
    for (coding, code) in [("zstd", "http.encoding"), ("gzip", "http.encoding.broken")] {
        let enforced = told(GATE, coding);
        assert!(enforced.contains(code), "{enforced}");
        let observed = told(&observing, coding);
        assert!(
            !observed.contains("http.encoding") && observed.contains("refused: 0"),
            "{observed}"
        );
    }
}
