//! Attacks on the front end (docs/threats.md, http): what is ambiguous, forged or undeclared ends at the gate.

use std::time::{Duration, Instant};

use crate::gate::{Gate, Setup};
use crate::upstream::Upstream;

pub(crate) const THINGS: &str = include_str!("things.yaml");
pub(crate) const THING: &str = r#"{"name":"hammer"}"#;

pub(crate) fn gate(upstream: &Upstream) -> Gate {
    Setup::new(THINGS, upstream.address).with("workers: 1").start()
}

#[test]
fn http_1_what_two_parsers_could_read_differently_is_refused() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let start = "POST /things HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n";
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for rest in [
        format!("Content-Length: 4\r\n{chunked}0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Content-Length: 17\r\nContent-Length: 18\r\n\r\n{THING}{smuggled}"),
        format!("Content-Length: 17\r\nContent-Length: 17\r\n\r\n{THING}{smuggled}"),
        format!("Content-Length: 17, 17\r\n\r\n{THING}"),
        format!("Content-Length: +17\r\n\r\n{THING}"),
        format!("Content-Length: 0x11\r\n\r\n{THING}"),
        format!("Content-Length: 99999999999999999999999\r\n\r\n{THING}"),
        format!("Content-Length : 17\r\n\r\n{THING}"),
        format!("Content-Length: -1\r\n\r\n{THING}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("X-A: a\r\n folded\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("{chunked}Z\r\nabc\r\n0\r\n\r\n"),
        format!("{chunked}0x11\r\n{THING}\r\n0\r\n\r\n"),
        format!("{chunked}11\n{THING}\r\n0\r\n\r\n"),
        format!("{chunked}-11\r\n{THING}\r\n0\r\n\r\n"),
        format!("{chunked}11\r\n{THING}XX0\r\n\r\n"),
        format!("{chunked}ffffffffffffffffff\r\n{THING}\r\n0\r\n\r\n"),
        format!("Content-Length: 17\n\n{THING}"),
        format!("X-A: a\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-A: a\rb\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-A: a\0b\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X A: a\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!(": a\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("Host: other.example\r\nContent-Length: 17\r\n\r\n{THING}"),
    ] {
        let mut client = gate.client();
        let answer = client.raw(format!("{start}{rest}").as_bytes());
        answer.is_refused_as(&rest, 400, "http.malformed");
        assert_eq!(answer.header("connection"), Some("close"), "{rest:?}");
        assert!(client.is_closed(), "{rest:?}");
        upstream.saw_nothing(&rest);
    }
    gate.post("/things", THING);
    assert_eq!(upstream.one().body, THING.as_bytes());
}

#[test]
fn http_1_request_lines_that_are_none_are_refused() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for line in [
        "GET /things HTTP/1.1\nHost: HOST\n\n",
        "GET  /things HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET\t/things HTTP/1.1\r\nHost: HOST\r\n\r\n",
        " GET /things HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET /things HTTP/1.1 \r\nHost: HOST\r\n\r\n",
        "GET /things\r\nHost: HOST\r\n\r\n",
        "GET /things HTTP/1.1 HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET things HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "G(T /things HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET /things HTTP/1.1\r\n\r\n",
        "PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\nGET /things HTTP/1.1\r\nHost: HOST\r\n\r\n",
    ] {
        let mut client = gate.client();
        client.raw(line.as_bytes()).is_refused_as(line, 400, "http.malformed");
        assert!(client.is_closed(), "{line:?}");
        upstream.saw_nothing(line);
    }
    let answer = gate.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(matches!(answer.status, 400 | 505), "{answer:?}");
    upstream.saw_nothing("HTTP/2");
}

#[test]
fn http_3_paths_that_could_be_read_differently_are_refused() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for path in [
        "/things/..",
        "/things/../things",
        "/things/./1",
        "/things/%2e%2e/things",
        "/things/%2E./things",
        "/things/a%2fb",
        "/things/a%2Fb",
        "/things/a%5cb",
        "/things/a\\b",
        "//things",
        "/things//1",
        "/things/1;x=y",
        "/things/%00",
        "/things/%c0%ae%c0%ae",
        "/things/%c0%af",
        "/things/%252e%252e",
        "/things/%252f",
        "/things/%",
        "/things/%zz",
        "/things/%u002e",
        "/things/1#fragment",
        "/things.",
        "/%74hings",
    ] {
        let answer = gate.get(path);
        assert!(
            answer.status == 400 && ["http.path", "http.malformed"].contains(&answer.code().as_str()),
            "{path} {} {}",
            answer.status,
            answer.text()
        );
        upstream.saw_nothing(path);
    }
    // These are plain, and none of the contract's.
    for path in ["/things/", "/things/1/", "/things;x=y/1", "/Things", "/"] {
        gate.get(path).is_refused_as(path, 404, "route.unknown");
        upstream.saw_nothing(path);
    }
}

#[test]
fn http_3_what_was_judged_is_forwarded_byte_for_byte() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for target in [
        "/things/1",
        "/things/a%20b",
        "/things/%C3%A9",
        "/things/a:b@c",
        "/things?limit=7&tag=a&tag=b",
        "/things?filter[owner]=x",
        "/things?filter%5Bowner%5D=x",
    ] {
        assert_eq!(gate.get(target).status, 200, "{target}");
        assert_eq!(upstream.one().line, format!("GET {target} HTTP/1.1"));
    }
}

#[test]
fn http_4_only_declared_methods_pass() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for method in [
        "TRACE", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "CONNECT", "BREW", "get", "PROPFIND",
    ] {
        let answer = gate.client().send(method, "/things", &[], b"");
        if method == "HEAD" {
            assert_eq!(answer.status, 405);
        } else {
            let refused = matches!(answer.code().as_str(), "route.method" | "http.malformed");
            assert!(refused && matches!(answer.status, 400 | 405), "{method} {answer:?}");
        }
        if answer.status == 405 {
            assert_eq!(answer.header("allow"), Some("GET, POST"), "{method}");
        }
        upstream.saw_nothing(method);
    }
    for target in ["HOST", "upstream.example:443"] {
        let answer = gate.raw(format!("CONNECT {target} HTTP/1.1\r\nHost: HOST\r\n\r\n").as_bytes());
        assert!(matches!(answer.status, 400 | 404 | 405 | 421), "{answer:?}");
    }
    let answer = gate.raw(b"OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n");
    assert!(matches!(answer.status, 400 | 404 | 405), "{answer:?}");
    upstream.saw_nothing("CONNECT");
}

#[test]
fn http_4_a_header_cannot_override_the_method() {
    let upstream = Upstream::with_json(THING);
    // Even where undeclared headers may pass.
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {undeclared: {header: allow}}")
        .start();
    let names = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
    ];
    for name in names {
        let answer = gate
            .client()
            .send("GET", "/things/1", &[(name, "DELETE"), ("X-Kept", "1")], b"");
        assert_eq!(answer.status, 200, "{name}");
        let seen = upstream.one();
        assert_eq!(seen.line, "GET /things/1 HTTP/1.1");
        assert_eq!(seen.header("x-kept"), Some("1"), "{seen:?}");
        assert_eq!(seen.header(&name.to_ascii_lowercase()), None, "{seen:?}");
    }
}

#[test]
fn http_5_slow_heads_and_bodies_end_and_others_are_served() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("workers: 1")
        .with("connection: {head_seconds_max: 0.6, body_seconds_max: 0.6, headers_max: 20, head_bytes_max: 4KiB}")
        .start();
    let start = Instant::now();
    let mut slow_heads: Vec<_> = (0..20).map(|_| gate.client()).collect();
    let mut slow_bodies: Vec<_> = (0..20).map(|_| gate.client()).collect();
    for client in &mut slow_heads {
        client.write(b"GET /things HTTP/1.1\r\nHost:");
    }
    for client in &mut slow_bodies {
        let head = client.request(
            "POST",
            "/things",
            &[("Content-Type", "application/json")],
            THING.as_bytes(),
        );
        client.write(&head[..head.len() - 4]);
    }
    assert_eq!(gate.get("/things").status, 200);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    for client in slow_heads.iter_mut().chain(&mut slow_bodies) {
        client.answer(false).is_refused(408, "http.timeout");
        assert!(client.is_closed());
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let many = "X-A: a\r\n".repeat(30);
    let large = format!("X-A: {}\r\n", "a".repeat(5000));
    for headers in [many, large] {
        let answer = gate.raw(format!("GET /things HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n").as_bytes());
        answer.is_refused(431, "http.head_too_large");
    }
    let target = "/things/".to_owned() + &"a".repeat(9000);
    gate.get(&target).is_refused(414, "http.uri_too_long");
    upstream.one();
}

#[test]
fn http_5_an_old_connection_takes_no_further_request() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("connection: {age_seconds_max: 0.3}")
        .start();
    let mut client = gate.client();
    assert_eq!(client.send("GET", "/things", &[], b"").status, 200);
    let start = Instant::now();
    assert!(client.is_closed());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(gate.get("/things").status, 200);
}

#[test]
fn http_6_a_stranger_is_not_believed_about_where_it_comes_from() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("log: {requests: all}")
        .with_api("policy: {undeclared: {header: allow}}")
        .start();
    let claims = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-User", "admin"),
        ("Forwarded", "for=6.6.6.6;host=evil.example"),
        ("X-Real-IP", "6.6.6.6"),
        ("X-Client-IP", "6.6.6.6"),
        ("True-Client-IP", "6.6.6.6"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("X_Forwarded_For", "6.6.6.6"),
    ];
    assert_eq!(gate.client().send("GET", "/things", &claims, b"").status, 200);
    let seen = upstream.one();
    assert!(!format!("{seen:?}").contains("6.6.6.6"), "{seen:?}");
    assert!(!format!("{seen:?}").contains("evil"), "{seen:?}");
    assert!(!format!("{seen:?}").contains("admin"), "{seen:?}");
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    crate::gate::until("the request is logged", || !gate.log_of_requests().is_empty());
    assert_eq!(gate.log_of_requests()[0]["client"], "127.0.0.1");
}

#[test]
fn http_6_a_trusted_proxy_is_believed_and_read_from_the_right() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("log: {requests: all}")
        .with("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]")
        .start();
    for (claimed, expected) in [
        ("9.9.9.9", "9.9.9.9"),
        ("6.6.6.6, 9.9.9.9", "9.9.9.9"),
        ("6.6.6.6, 9.9.9.9, 10.1.2.3", "9.9.9.9"),
    ] {
        let before = gate.log_of_requests().len();
        let answer = gate
            .client()
            .send("GET", "/things", &[("X-Forwarded-For", claimed)], b"");
        assert_eq!(answer.status, 200, "{claimed}");
        let seen = upstream.one();
        assert!(
            seen.header("x-forwarded-for").unwrap().starts_with(expected),
            "{seen:?}"
        );
        assert!(!seen.header("x-forwarded-for").unwrap().contains("6.6.6.6"), "{seen:?}");
        crate::gate::until("the request is logged", || gate.log_of_requests().len() > before);
        assert_eq!(gate.log_of_requests()[before]["client"], expected, "{claimed}");
    }
}

#[test]
fn http_6_of_two_headers_only_the_one_that_proxies_write_is_read() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("log: {requests: all}")
        .with("trusted_proxies: [127.0.0.0/8]")
        .with("trusted_header: forwarded")
        .start();
    let claims = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6, for=9.9.9.9;proto=https"),
    ];
    assert_eq!(gate.client().send("GET", "/things", &claims, b"").status, 200);
    let seen = upstream.one();
    assert!(!format!("{seen:?}").contains("6.6.6.6"), "{seen:?}");
    assert!(
        seen.header("x-forwarded-for").unwrap().starts_with("9.9.9.9"),
        "{seen:?}"
    );
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    crate::gate::until("the request is logged", || !gate.log_of_requests().is_empty());
    assert_eq!(gate.log_of_requests()[0]["client"], "9.9.9.9");
}

#[test]
fn http_7_fields_of_one_hop_end_before_they_are_used() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {undeclared: {header: allow}}")
        .start();
    // A required header that is declared to be of this hop is missing.
    let abuse = [("Connection", "keep-alive, X-Trace"), ("X-Trace", "abc")];
    gate.client()
        .send("GET", "/traced", &abuse, b"")
        .is_refused(400, "contract.header.required");
    upstream.saw_nothing("a request without its required header");
    let hop = [
        ("Connection", "X-Mine"),
        ("X-Mine", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("X-Trace", "abc"),
    ];
    assert_eq!(gate.client().send("GET", "/traced", &hop, b"").status, 200);
    let seen = upstream.one();
    for (name, _) in &hop[..7] {
        let value = seen.header(&name.to_ascii_lowercase());
        assert!(
            value.is_none() || (*name == "Connection" && value == Some("keep-alive")),
            "{seen:?}"
        );
    }
    assert_eq!(seen.header("x-trace"), Some("abc"));
}

#[test]
fn http_7_fields_of_one_hop_end_in_answers_too() {
    let head = [
        ("Content-Type", "application/json"),
        ("Connection", "X-Total"),
        ("X-Total", "3"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
    ];
    let upstream = Upstream::answering(crate::upstream::answer("200 OK", &head, THING.as_bytes()));
    // Even where undeclared fields of an answer pass.
    let open = Setup::new(THINGS, upstream.address).with_api("policy: {modes: {contract_out: off}}");
    for gate in [gate(&upstream), open.start()] {
        let answer = gate.get("/things");
        assert_eq!(answer.status, 200);
        for name in ["x-total", "keep-alive", "proxy-authenticate"] {
            assert_eq!(answer.header(name), None);
        }
    }
}

#[test]
fn http_12_unknown_paths_add_no_labels_and_few_lines() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    gate.get("/nothing").is_refused(404, "route.unknown");
    crate::gate::until("it is counted", || {
        gate.metric(&["portcullis_refusals_total", "route.unknown"]) > 0.0
    });
    let series = gate.metrics().lines().count();
    let start = Instant::now();
    let mut client = gate.client();
    for number in 0..900 {
        let answer = client.send("GET", &format!("/wordpress-{number}/admin"), &[], b"");
        assert!(matches!(answer.status, 404 | 429), "{answer:?}");
    }
    let seconds = start.elapsed().as_secs() + 2;
    crate::gate::until("all are counted", || {
        gate.metric(&["portcullis_requests_total", "4xx"]) >= 901.0
    });
    let metrics = gate.metrics();
    assert!(metrics.lines().count() <= series + 1, "{metrics}");
    assert!(!metrics.contains("wordpress"));
    let lines = gate.log_so_far();
    assert!(!lines.iter().any(|line| line.contains("wordpress")));
    assert!(
        u64::try_from(lines.len()).unwrap() <= 110 * seconds,
        "{} lines in {seconds} s",
        lines.len()
    );
    upstream.saw_nothing("an unknown path");
}
