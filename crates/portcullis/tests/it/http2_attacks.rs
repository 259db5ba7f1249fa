//! The attacks of docs/threats.md over HTTP/2: neither version is a way round the other. What frames alone can do is in
//! `http2_frames`.

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use h2::client::SendRequest;
use http::Request;

use crate::gate::{Setup, until};
use crate::http::{THING, THINGS};
use crate::http2::{Answer, get, h2c, over_h2c, send};
use crate::upstream::{Upstream, answer, ok};

/// A request with these fields, and what is answered.
async fn ask(
    requests: &SendRequest<Bytes>,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://localhost{target}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    send(requests, request.body(()).unwrap(), body).await.unwrap()
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str) {
    let told = format!("{} {}", answer.status, answer.body);
    assert_eq!(answer.status.as_u16(), status, "{told}");
    assert!(answer.body.contains(&format!("\"code\":\"{code}\"")), "{told}");
}

#[test]
fn http_3_what_was_judged_is_forwarded_byte_for_byte() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        for target in [
            "/things/1",
            "/things/a%20b",
            "/things/%C3%A9",
            "/things/a:b@c",
            "/things?limit=7&tag=a&tag=b",
            "/things?filter[owner]=x",
            "/things?filter%5Bowner%5D=x",
        ] {
            let answer = ask(&requests, "GET", target, &[], b"").await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.body);
            assert_eq!(upstream.one().line, format!("GET {target} HTTP/1.1"));
        }
    });
}

#[test]
fn http_4_a_header_cannot_override_the_method() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).with_api("policy: {undeclared: {header: allow}}").start();
    over_h2c(gate.address, async |requests| {
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x_http_method_override",
        ] {
            let fields = [(name, "DELETE"), ("x-kept", "1")];
            assert_eq!(ask(&requests, "GET", "/things/1", &fields, b"").await.status, 200);
            let seen = upstream.one();
            assert_eq!(seen.line, "GET /things/1 HTTP/1.1");
            assert_eq!(
                (seen.header("x-kept"), seen.header(name)),
                (Some("1"), None),
                "{seen:?}"
            );
        }
        for method in ["TRACE", "OPTIONS", "PUT", "BREW", "get"] {
            is_refused(&ask(&requests, method, "/things", &[], b"").await, 405, "route.method");
        }
    });
    assert!(upstream.seen().is_empty());
}

#[test]
fn http_6_a_stranger_is_not_believed_about_where_it_comes_from() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).with_api("policy: {undeclared: {header: allow}}").start();
    let claims = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-user", "admin"),
        ("forwarded", "for=6.6.6.6;host=evil.example"),
        ("x-real-ip", "6.6.6.6"),
        ("true-client-ip", "6.6.6.6"),
        ("x-original-url", "/admin"),
        ("x_forwarded_for", "6.6.6.6"),
    ];
    over_h2c(gate.address, async |requests| {
        assert_eq!(ask(&requests, "GET", "/things", &claims, b"").await.status, 200);
    });
    let seen = upstream.one();
    for forged in ["6.6.6.6", "evil", "admin"] {
        assert!(!format!("{seen:?}").contains(forged), "{seen:?}");
    }
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
}

#[test]
fn http_7_fields_of_one_hop_end_before_they_are_used() {
    let hop = [
        ("Content-Type", "application/json"),
        ("Connection", "X-Total"),
        ("X-Total", "3"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
    ];
    let upstream = Upstream::answering(answer("200 OK", &hop, THING.as_bytes()));
    let gate = h2c(&upstream)
        .with_api("policy: {undeclared: {header: allow}, modes: {contract_out: off}}")
        .start();
    over_h2c(gate.address, async |requests| {
        let fields = [
            ("te", "trailers"),
            ("proxy-authorization", "Basic x"),
            ("x-trace", "abc"),
        ];
        let answer = ask(&requests, "GET", "/traced", &fields, b"").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for name in [
            "connection",
            "x-total",
            "keep-alive",
            "proxy-authenticate",
            "transfer-encoding",
        ] {
            assert!(!answer.headers.contains_key(name), "{:?}", answer.headers);
        }
    });
    let seen = upstream.one();
    assert_eq!(
        (seen.header("te"), seen.header("proxy-authorization")),
        (None, None),
        "{seen:?}"
    );
    assert_eq!(seen.header("x-trace"), Some("abc"));
}

#[test]
fn http_8_answers_that_could_be_read_differently_are_502() {
    let start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    for rest in [
        format!("Content-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n{THING}"),
        format!("Content-Length: 17\r\nContent-Length: 18\r\n\r\n{THING}"),
        format!("X-Total: 1\rX-Evil: 1\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-Total: 1\0\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("Content-Length: 18\r\n\r\n{THING}"),
    ] {
        let bytes = format!("{start}{rest}").into_bytes();
        let upstream = Upstream::start(move |_, stream| {
            let _ = stream.write_all(&bytes);
            false
        });
        let gate = h2c(&upstream).start();
        over_h2c(gate.address, async |requests| {
            let answer = ask(&requests, "GET", "/things", &[], b"").await;
            assert_eq!(answer.status, 502, "{rest:?}: {}", answer.body);
            assert!(!answer.body.contains("hammer"), "{}", answer.body);
        });
    }
}

#[test]
fn http_8_an_answer_that_breaks_off_is_never_whole() {
    let upstream = Upstream::start(|request, stream| {
        let (kind, length) = if request.line.contains("/files") {
            ("application/octet-stream", 100)
        } else {
            ("application/json", THING.len())
        };
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\nhalf"
        );
        false
    });
    let gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        assert_eq!(ask(&requests, "GET", "/things", &[], b"").await.status, 502);
        // A stream whose head is out already can only be reset; the others go on.
        let Err(error) = send(&requests, get("/files"), b"").await else {
            panic!("half a file is taken for a whole one");
        };
        assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR), "{error}");
        assert_eq!(ask(&requests, "GET", "/nothing", &[], b"").await.status, 404);
    });
}

#[test]
fn http_8_an_upstream_that_hangs_is_504_and_holds_up_nobody() {
    let upstream = Upstream::start(|request, stream| {
        if request.line.contains("/things/hang") {
            std::thread::sleep(Duration::from_secs(4));
            return false;
        }
        stream.write_all(&ok("application/json", THING)).is_ok()
    });
    let gate = h2c(&upstream)
        .with_api("policy: {timeouts: {first_byte_seconds_max: 1}}")
        .start();
    over_h2c(gate.address, async |requests| {
        let start = Instant::now();
        let hanging = tokio::spawn({
            let requests = requests.clone();
            async move { send(&requests, get("/things/hang"), b"").await.unwrap() }
        });
        for _ in 0..10 {
            assert_eq!(ask(&requests, "GET", "/things/1", &[], b"").await.status, 200);
        }
        assert!(!hanging.is_finished(), "{:?}", start.elapsed());
        is_refused(&hanging.await.unwrap(), 504, "upstream.timeout");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    });
}

#[test]
fn http_8_answers_do_not_mix_between_streams() {
    let upstream = Upstream::start(|request, stream| {
        let id = request.line.split(['/', ' ']).nth(3).unwrap_or_default().to_owned();
        stream
            .write_all(&ok("application/json", &format!("{{\"name\":\"{id}\"}}")))
            .is_ok()
    });
    let gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        let asked: Vec<_> = (0..60)
            .map(|number| {
                let requests = requests.clone();
                tokio::spawn(async move { send(&requests, get(&format!("/things/n{number}")), b"").await.unwrap() })
            })
            .collect();
        for (number, answer) in asked.into_iter().enumerate() {
            assert_eq!(answer.await.unwrap().body, format!("{{\"name\":\"n{number}\"}}"));
        }
    });
}

#[test]
fn http_10_compressed_bodies_are_judged_within_a_budget() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    let good = gzip(THING.as_bytes());
    let before = gate.resident_bytes();
    over_h2c(gate.address, async |requests| {
        let post = async |coding: &str, body: &[u8]| {
            let fields = [("content-type", "application/json"), ("content-encoding", coding)];
            ask(&requests, "POST", "/things", &fields, body).await
        };
        assert_eq!(post("gzip", &good).await.status, 200);
        let seen = upstream.one();
        assert_eq!(
            (seen.body.as_slice(), seen.header("content-encoding")),
            (THING.as_bytes(), None)
        );
        let hidden = gzip(br#"{"name":"hammer","is_admin":true}"#);
        is_refused(&post("gzip", &hidden).await, 400, "contract.body.undeclared");
        is_refused(
            &post("gzip", &gzip(&vec![b' '; 64 << 20])).await,
            413,
            "http.encoding.budget",
        );
        is_refused(&post("gzip, gzip", &gzip(&good)).await, 415, "http.encoding");
        is_refused(&post("zstd", &good).await, 415, "http.encoding");
        is_refused(
            &post("gzip", &good[..good.len() - 6]).await,
            400,
            "http.encoding.broken",
        );
    });
    assert!(upstream.seen().is_empty());
    // The bomb would be 64 MiB; the first requests of a gate take some for themselves.
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes");
}

#[test]
fn http_12_unknown_paths_add_no_labels() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    assert_eq!(gate.get("/nothing").status, 404);
    let counted = ["portcullis_refusals_total", "route.unknown"];
    until("it is counted", || gate.metric(&counted) > 0.0);
    let series = gate.metrics().lines().count();
    over_h2c(gate.address, async |requests| {
        for number in 0..500 {
            let status = ask(&requests, "GET", &format!("/wordpress-{number}/admin"), &[], b"")
                .await
                .status;
            assert!(matches!(status.as_u16(), 404 | 429), "{status}");
        }
    });
    until("all are counted", || {
        gate.metric(&["portcullis_requests_total", "4xx"]) >= 501.0
    });
    let metrics = gate.metrics();
    assert!(metrics.lines().count() <= series + 1, "{metrics}");
    assert!(!metrics.contains("wordpress") && !gate.log_so_far().iter().any(|line| line.contains("wordpress")));
    upstream.saw_nothing("an unknown path");
}

#[test]
fn http_5_heads_are_not_waited_for_and_a_body_over_its_bound_is_413() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .with("connection: {head_seconds_max: 1, idle_seconds_max: 1}")
        .with_api("policy: {body_bytes_max: 1KiB}")
        .start();
    over_h2c(gate.address, async |requests| {
        let large = format!(r#"{{"name":"hammer"{}}}"#, " ".repeat(20_000));
        let fields = [("content-type", "application/json")];
        is_refused(
            &ask(&requests, "POST", "/things", &fields, large.as_bytes()).await,
            413,
            "http.body_too_large",
        );
        // The connection goes on, until it is idle.
        assert_eq!(ask(&requests, "GET", "/things/1", &[], b"").await.status, 200);
        let mut after = requests.clone();
        let start = Instant::now();
        while std::future::poll_fn(|cx| after.poll_ready(cx)).await.is_ok() {
            assert!(start.elapsed() < Duration::from_secs(10), "an idle connection is kept");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    upstream.one();
}
