//! Hostile upstreams (docs/threats.md, http-8): 502 or 504, and no caller ever gets another's answer.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::gate::Setup;
use crate::http::{THING, THINGS, gate};
use crate::upstream::{Upstream, ok};

#[test]
fn http_8_answers_that_could_be_read_differently_are_502() {
    let start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    for rest in [
        format!("Content-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n{THING}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 17\r\n\r\n11\r\n{THING}\r\n0\r\n\r\n"),
        format!("Content-Length: 17\r\nContent-Length: 18\r\n\r\n{THING}"),
        format!("Content-Length: -17\r\n\r\n{THING}"),
        format!("Transfer-Encoding: gzip\r\n\r\n{THING}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n{THING}"),
        format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{THING}\r\n0\r\n\r\n"),
        format!("X-Total: 1\nX-Evil: 1\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-Total: 1\rX-Evil: 1\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-Total: 1\0\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-Total: 1\r\n folded\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("X-Total : 1\r\nContent-Length: 17\r\n\r\n{THING}"),
        format!("Content-Length: 18\r\n\r\n{THING}"),
        format!("X-Total: {}\r\nContent-Length: 17\r\n\r\n{THING}", "1".repeat(1 << 20)),
        format!("{}Content-Length: 17\r\n\r\n{THING}", "X-A: 1\r\n".repeat(20_000)),
    ] {
        let bytes = format!("{start}{rest}").into_bytes();
        let upstream = Upstream::start(move |_, stream| {
            let _ = stream.write_all(&bytes);
            false
        });
        let answer = gate(&upstream).get("/things");
        let shown = &rest[..rest.len().min(80)];
        assert_eq!(answer.status, 502, "{shown:?} {}", answer.text());
        assert!(answer.code().starts_with("upstream."), "{shown:?} {}", answer.text());
        assert!(!answer.text().contains("hammer"), "{}", answer.text());
    }
    for bytes in [
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        "garbage",
        "",
    ] {
        let upstream = Upstream::start(move |_, stream| {
            let _ = stream.write_all(bytes.as_bytes());
            false
        });
        let answer = gate(&upstream).get("/things");
        assert_eq!(answer.status, 502, "{bytes:?} {}", answer.text());
    }
}

#[test]
fn http_8_an_upstream_that_hangs_is_504() {
    for first in ["", "HTTP/1.1 200 OK\r\nContent-Ty", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let upstream = Upstream::start(move |_, stream| {
            let _ = stream.write_all(first.as_bytes());
            std::thread::sleep(Duration::from_secs(4));
            false
        });
        let gate = Setup::new(THINGS, upstream.address)
            .with("workers: 1")
            .with_api("policy: {timeouts: {first_byte_seconds_max: 0.4}}")
            .start();
        let start = Instant::now();
        gate.get("/things").is_refused_as(first, 504, "upstream.timeout");
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

#[test]
fn http_8_a_body_that_hangs_or_breaks_is_never_taken_for_whole() {
    for (hang, status) in [(true, 504), (false, 502)] {
        let upstream = Upstream::start(move |_, stream| {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"name\"");
            if hang {
                std::thread::sleep(Duration::from_secs(4));
            }
            false
        });
        let gate = Setup::new(THINGS, upstream.address)
            .with_api("policy: {timeouts: {total_seconds_max: 0.5}}")
            .start();
        let answer = gate.get("/things");
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    // A stream whose head is out already can only be cut.
    let upstream = Upstream::start(|_, stream| {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\nhalf");
        false
    });
    let answer = gate(&upstream).get("/files");
    assert!(!answer.complete, "{answer:?}");
}

#[test]
fn http_8_a_flood_of_interim_answers_ends() {
    let upstream = Upstream::start(|_, stream| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if stream
                .write_all(&b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100))
                .is_err()
            {
                return false;
            }
        }
        false
    });
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {timeouts: {first_byte_seconds_max: 1}}")
        .start();
    let (start, before) = (Instant::now(), gate.resident_bytes());
    let answer = gate.get("/things");
    assert!(matches!(answer.status, 502 | 504), "{answer:?}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[test]
fn http_8_what_follows_an_answer_is_nobodys() {
    // Two answers to one request: the second would be the next caller's.
    let poisoned = [
        ok("application/json", r#"{"name":"mine"}"#),
        ok("application/json", r#"{"name":"poison"}"#),
    ]
    .concat();
    let clean = ok("application/json", r#"{"name":"clean"}"#);
    let upstream = Upstream::start(move |request, stream| {
        let bytes = if request.line.contains("/things/evil") {
            &poisoned
        } else {
            &clean
        };
        stream.write_all(bytes).is_ok()
    });
    let gate = gate(&upstream);
    for _ in 0..20 {
        let mine = gate.get("/things/evil");
        assert!(matches!(mine.status, 200 | 502), "{mine:?}");
        let next = gate.get("/things/good");
        assert_eq!((next.status, next.text().as_str()), (200, r#"{"name":"clean"}"#));
    }
}

#[test]
fn http_8_an_answer_nobody_asked_for_is_nobodys() {
    // Sent into an idle connection, after the answer that was due.
    let upstream = Upstream::start(|_, stream| {
        let sent = stream.write_all(&ok("application/json", r#"{"name":"clean"}"#)).is_ok();
        let mut late = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            let _ = late.write_all(&ok("application/json", r#"{"name":"poison"}"#));
        });
        sent
    });
    let gate = gate(&upstream);
    for _ in 0..8 {
        let answer = gate.get("/things");
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"name":"clean"}"#));
        std::thread::sleep(Duration::from_millis(60));
    }
}

#[test]
fn http_8_an_early_answer_leaves_no_rest_behind() {
    // It answers before it has read the body, and goes.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().take(20).map_while(Result::ok) {
            let _ = stream.write_all(&ok("application/json", r#"{"name":"early"}"#));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let gate = Setup::new(THINGS, address).with("workers: 1").start();
    for _ in 0..5 {
        let answer = gate.post("/things", THING);
        assert!(matches!(answer.status, 200 | 502), "{answer:?}");
    }
}

#[test]
fn an_upstream_that_is_not_there_is_502() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gate = Setup::new(THINGS, port).start();
    gate.get("/things").is_refused(502, "upstream.connect");
}
