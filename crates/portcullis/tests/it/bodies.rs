//! Compressed bodies (docs/threats.md, http-10): decoded within a budget, or refused.

use std::io::Write;
use std::time::Instant;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::http::{THING, gate};
use crate::upstream::Upstream;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn http_10_compressed_bodies_are_judged_and_forwarded_decoded() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for (coding, body) in [("gzip", gzip(THING.as_bytes())), ("deflate", deflate(THING.as_bytes()))] {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)];
        let answer = gate.client().send("POST", "/things", &headers, &body);
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        let seen = upstream.one();
        assert_eq!(seen.body, THING.as_bytes());
        assert_eq!(seen.header("content-encoding"), None);
        assert_eq!(seen.header("content-length"), Some("17"));
    }
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let hidden = gzip(br#"{"name":"hammer","is_admin":true}"#);
    let answer = gate.client().send("POST", "/things", &headers, &hidden);
    answer.is_refused(400, "contract.body.undeclared");
    assert!(upstream.seen().is_empty());
}

#[test]
fn http_10_bombs_and_unknown_codings_are_refused() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let nested = gzip(&gzip(THING.as_bytes()));
    let (good, before) = (gzip(THING.as_bytes()), gate.resident_bytes());
    let cut = good[..good.len() - 6].to_vec();
    let followed = [good.as_slice(), b"more"].concat();
    let start = Instant::now();
    for (coding, body, status, code) in [
        ("gzip", &bomb, 413, "http.encoding.budget"),
        ("gzip, gzip", &nested, 415, "http.encoding"),
        ("gzip, identity", &good, 415, "http.encoding"),
        ("compress", &good, 415, "http.encoding"),
        ("zstd", &good, 415, "http.encoding"),
        ("gzip\r\nContent-Encoding: gzip", &good, 415, "http.encoding"),
        ("gzip", &nested, 400, "contract.body.syntax"),
        ("gzip", &cut, 400, "http.encoding.broken"),
        ("gzip", &followed, 400, "http.encoding.broken"),
        ("gzip", &THING.as_bytes().to_vec(), 400, "http.encoding.broken"),
    ] {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)];
        let answer = gate.client().send("POST", "/things", &headers, body);
        answer.is_refused_as(coding, status, code);
        upstream.saw_nothing(coding);
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[test]
fn http_10_a_compressed_answer_is_judged_decoded() {
    let answer = |body: Vec<u8>| {
        let head = [
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("ETag", "\"a\""),
        ];
        let upstream = Upstream::answering(crate::upstream::answer("200 OK", &head, &body));
        let gate = gate(&upstream);
        gate.get("/things")
    };
    let stripped = answer(gzip(br#"{"name":"hammer","password_hash":"x"}"#));
    assert_eq!((stripped.status, stripped.text().as_str()), (200, THING));
    assert_eq!(stripped.header("content-encoding"), None);
    assert_eq!(stripped.header("etag"), None);
    answer(gzip(&vec![b' '; 64 << 20])).is_refused(502, "contract.response.encoding");
    answer(b"no gzip at all".to_vec()).is_refused(502, "contract.response.encoding");
}
