//! Forms, multipart bodies and XML through the gate (docs/threats.md, schema-6): judged, or visibly not.

use serde_json::Value;

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::upstream::{Upstream, answer};
use crate::wire::Answer;

const FORMS: &str = include_str!("forms.yaml");
const URLENCODED: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const MULTIPART: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=xYz");
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR \r\n- and more";

fn upstream() -> Upstream {
    Upstream::answering(answer("204 No Content", &[], b""))
}

fn gate(upstream: &Upstream) -> Gate {
    Setup::new(FORMS, upstream.address).with("workers: 1").start()
}

fn send(gate: &Gate, (method, target): (&str, &str), content_type: (&str, &str), body: &[u8]) -> Answer {
    gate.client().send(method, target, &[content_type], body)
}

/// A multipart body; each part is what follows `form-data; `, and its bytes.
fn parts(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, data) in parts {
        body.extend(format!("--xYz\r\nContent-Disposition: form-data; {head}\r\n\r\n").into_bytes());
        body.extend(*data);
        body.extend(b"\r\n");
    }
    body.extend(b"--xYz--\r\n");
    body
}

const PROFILE: (&str, &str) = ("PUT", "/profile");

#[test]
fn forms_are_judged_and_forwarded_as_they_came() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let form = b"keep=true&us%65r=a+b%26&age=7";
    assert_eq!(send(&gate, ("POST", "/token"), URLENCODED, form).status, 204);
    assert_eq!(upstream.one().body, form);
    let body = parts(&[
        ("name=\"name\"", b"ann"),
        ("name=\"age\"", b"7"),
        ("name=\"meta\"\r\nContent-Type: application/json", b"{\"n\": 1}"),
        ("name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png", PNG),
    ]);
    let answer = send(&gate, PROFILE, MULTIPART, &body);
    assert_eq!(answer.status, 204, "{}", answer.text());
    let seen = upstream.one();
    assert_eq!(
        (
            seen.body,
            seen.headers.iter().any(|(name, _)| name == "transfer-encoding")
        ),
        (body, false)
    );
    // Everything of it was judged.
    assert!(gate.metric(&["portcullis_bodies_not_judged_total"]) == 0.0);
}

#[test]
fn schema_6_no_form_passes_unjudged() {
    let upstream = upstream();
    let gate = gate(&upstream);
    for (form, code) in [
        ("age=1", "contract.body.required"),
        ("user=ann&age=x", "contract.body.type"),
        ("user=ann&is_admin=true", "contract.body.undeclared"),
        ("user=ann&user=bob", "contract.body.duplicate"),
        ("user=ann;age=1", "contract.body.syntax"),
        ("user=%ff", "contract.body.encoding"),
        ("user=ann&&", "contract.body.syntax"),
        (r#"{"user":"ann"}"#, "contract.body.undeclared"),
        ("user=averyveryverylongname", "contract.body.length"),
    ] {
        let answer = send(&gate, ("POST", "/login"), URLENCODED, form.as_bytes());
        answer.is_refused_as(form, 400, code);
        upstream.saw_nothing(form);
    }
    let form = b"user=ann";
    for content_type in [
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=utf-8; charset=utf-7",
        "application/x-www-form-urlencoded, application/json",
        "multipart/form-data; boundary=xYz",
        "application/json",
        "text/plain",
    ] {
        let answer = send(&gate, ("POST", "/login"), ("Content-Type", content_type), form);
        answer.is_refused_as(content_type, 415, "contract.body.media_type");
        upstream.saw_nothing(content_type);
    }
}

#[test]
fn schema_6_odd_boundaries_are_refused() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let body = parts(&[("name=name", b"ann")]);
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"xYz\\\"\"",
        "multipart/form-data; boundary=xYz; boundary=abc",
        "multipart/form-data; boundary=x{Y}z",
        "multipart/form-data; boundary=\"xYz \"",
        &format!("multipart/form-data; boundary={}", "x".repeat(71)),
        "multipart/mixed; boundary=xYz",
        "application/x-www-form-urlencoded; boundary=xYz",
    ] {
        let answer = send(&gate, PROFILE, ("Content-Type", content_type), &body);
        answer.is_refused_as(content_type, 415, "contract.body.media_type");
        upstream.saw_nothing(content_type);
    }
}

/// That each of these bodies is refused so, and not forwarded.
#[track_caller]
fn are_refused(bodies: &[(&str, Vec<u8>, u16, &str)]) {
    let upstream = upstream();
    let gate = gate(&upstream);
    for (what, body, status, code) in bodies {
        let answer = send(&gate, PROFILE, MULTIPART, body);
        answer.is_refused_as(what, *status, code);
        assert!(!answer.text().contains("is_admin"), "{}", answer.text());
        upstream.saw_nothing(what);
    }
}

#[test]
fn schema_6_parts_that_readers_find_differently_are_refused() {
    let body = parts(&[("name=name", b"ann")]);
    let twice = [body.as_slice(), &body].concat();
    let bare = String::from_utf8(body.clone())
        .unwrap()
        .replace("\r\n", "\n")
        .into_bytes();
    let hidden = parts(&[(
        "name=name",
        b"a\n--xYz\nContent-Disposition: form-data; name=is_admin\n\ntrue",
    )]);
    are_refused(&[
        (
            "nothing behind the header",
            b"--xYz".to_vec(),
            400,
            "contract.body.syntax",
        ),
        ("two bodies", twice, 400, "contract.body.syntax"),
        ("bare line feeds", bare, 400, "contract.body.syntax"),
        ("a hidden part", hidden, 400, "contract.body.syntax"),
        ("no name", parts(&[("filename=a", b"x")]), 400, "contract.body.syntax"),
        (
            "two names",
            parts(&[("name=name; name=age", b"x")]),
            400,
            "contract.body.syntax",
        ),
        (
            "a second spelling",
            parts(&[("name=photo; filename*=utf-8''a", b"x")]),
            400,
            "contract.body.syntax",
        ),
        (
            "a path",
            parts(&[("name=photo; filename=\"../a\"", b"x")]),
            400,
            "contract.body.syntax",
        ),
        (
            "a coding",
            parts(&[("name=name\r\nContent-Transfer-Encoding: base64", b"YQ==")]),
            400,
            "contract.body.syntax",
        ),
    ]);
}

#[test]
fn schema_6_parts_that_are_not_what_they_say_are_refused() {
    are_refused(&[
        (
            "twice",
            parts(&[("name=name", b"a"), ("name=name", b"b")]),
            400,
            "contract.body.duplicate",
        ),
        (
            "undeclared",
            parts(&[("name=name", b"a"), ("name=is_admin", b"true")]),
            400,
            "contract.body.undeclared",
        ),
        ("missing", parts(&[("name=age", b"1")]), 400, "contract.body.required"),
        (
            "not JSON",
            parts(&[("name=name", b"a"), ("name=meta", b"{}},{")]),
            400,
            "contract.body.syntax",
        ),
        (
            "undeclared inside",
            parts(&[("name=name", b"a"), ("name=meta", b"{\"m\":1}")]),
            400,
            "contract.body.undeclared",
        ),
        (
            "a script as a picture",
            parts(&[
                ("name=name", b"a"),
                ("name=photo; filename=a.png\r\nContent-Type: image/png", b"<?php ?>"),
            ]),
            415,
            "contract.body.media_type",
        ),
        (
            "another type",
            parts(&[
                ("name=name", b"a"),
                ("name=photo; filename=a\r\nContent-Type: text/html", b"<p>"),
            ]),
            415,
            "contract.body.media_type",
        ),
        (
            "too long",
            parts(&[
                ("name=name", b"a"),
                (
                    "name=photo; filename=a\r\nContent-Type: image/png",
                    &[PNG, &[0; 4096]].concat(),
                ),
            ]),
            400,
            "contract.body.length",
        ),
    ]);
}

#[test]
fn undeclared_fields_are_left_out_where_the_operator_says_so() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let form = b"x=1&user=an%6e&debug=1&age=7";
    assert_eq!(send(&gate, ("POST", "/token"), URLENCODED, form).status, 204);
    let seen = upstream.one();
    assert_eq!(seen.body, b"user=an%6e&age=7");
    assert_eq!(seen.header("content-length"), Some("16"));
    let body = parts(&[
        ("name=x; filename=y", b"1"),
        ("name=user", b"ann"),
        ("name=debug", b"1"),
    ]);
    assert_eq!(send(&gate, ("POST", "/token"), MULTIPART, &body).status, 204);
    assert_eq!(upstream.one().body, parts(&[("name=user", b"ann")]));
}

#[test]
fn a_login_form_counts_by_its_user() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let log_in = |form: &str| send(&gate, ("POST", "/login"), URLENCODED, form.as_bytes());
    assert_eq!(log_in("user=ann").status, 204);
    assert_eq!(log_in("age=1&us%65r=a%6en").status, 204);
    log_in("user=ann&age=2").is_refused(429, "rate.exceeded");
    assert_eq!(log_in("user=bob").status, 204);
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn observing_tells_of_forms_and_changes_nothing() {
    let upstream = upstream();
    let gate = gate(&upstream);
    for form in ["user=ann&is_admin=1", "user=ann;age=1", "user=ann&age=x"] {
        assert_eq!(
            send(&gate, ("POST", "/seen"), URLENCODED, form.as_bytes()).status,
            204,
            "{form}"
        );
        assert_eq!(upstream.one().body, form.as_bytes());
    }
    for code in ["contract.body.undeclared", "contract.body.syntax", "contract.body.type"] {
        until(code, || {
            gate.metric(&["portcullis_would_refuse_total", "seen", code]) == 1.0
        });
    }
}

const UPLOAD: (&str, &str) = ("POST", "/upload");

/// A body whose middle is a file of so many bytes.
fn large(before: &[(&str, &[u8])], bytes: usize, after: &[(&str, &[u8])]) -> Vec<u8> {
    let file = vec![b'-'; bytes];
    parts(&[before, &[("name=file; filename=a", file.as_slice())], after].concat())
}

#[test]
fn large_files_are_streamed_behind_what_is_judged() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let before = gate.resident_bytes();
    let name: (&str, &[u8]) = ("name=name", b"ann");
    let body = large(
        &[name],
        32 << 20,
        &[("name=note", b"short"), ("name=file; filename=b", b"small")],
    );
    let answer = send(&gate, UPLOAD, MULTIPART, &body);
    assert_eq!(answer.status, 204, "{}", answer.text());
    let seen = upstream.one();
    assert!(seen.body == body, "{} bytes of {}", seen.body.len(), body.len());
    assert_eq!(seen.header("content-length"), Some(body.len().to_string().as_str()));
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
    // In chunks, it goes on in chunks.
    let mut client = gate.client();
    let head = "Content-Type: multipart/form-data; boundary=xYz\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write(format!("POST /upload HTTP/1.1\r\nHost: {}\r\n{head}", gate.address).as_bytes());
    for piece in body.chunks(100_000) {
        client.write(format!("{:x}\r\n", piece.len()).as_bytes());
        client.write(piece);
        client.write(b"\r\n");
    }
    client.write(b"0\r\n\r\n");
    assert_eq!(client.answer(false).status, 204);
    let seen = upstream.one();
    assert!(seen.body == body && seen.header("content-length").is_none());
    // A small one is held whole, so that a field can come last, and be left out.
    let small = large(&[], 100, &[name, ("name=debug", b"1")]);
    assert_eq!(send(&gate, UPLOAD, MULTIPART, &small).status, 204);
    assert_eq!(upstream.one().body, large(&[], 100, &[name]));
}

#[test]
fn schema_6_an_upload_is_never_forwarded_before_it_is_judged() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let name: (&str, &[u8]) = ("name=name", b"ann");
    let many = 1 << 20;
    for (what, body, status, code) in [
        (
            "a field that does not conform",
            large(&[("name=name", &[b'a'; 21])], many, &[]),
            400,
            "contract.body.length",
        ),
        (
            "a field behind the file",
            large(&[], many, &[name]),
            413,
            "http.body_too_large",
        ),
        (
            "a field that nobody declared",
            large(&[name, ("name=debug", b"1")], many, &[]),
            400,
            "contract.body.undeclared",
        ),
        (
            "not a part",
            [b"--xYz\r\n".as_slice(), &vec![b'a'; many]].concat(),
            400,
            "contract.body.syntax",
        ),
        (
            "too much of a field",
            parts(&[("name=name", &vec![b'a'; many])]),
            413,
            "http.body_too_large",
        ),
        (
            "more than files may have",
            large(&[name], 41 << 20, &[]),
            413,
            "http.body_too_large",
        ),
    ] {
        let answer = send(&gate, UPLOAD, MULTIPART, &body);
        answer.is_refused_as(what, status, code);
        upstream.saw_nothing(what);
    }
}

#[test]
fn schema_6_an_upload_that_goes_wrong_is_never_whole() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let name: (&str, &[u8]) = ("name=name", b"ann");
    let many = 1 << 20;
    let whole = large(&[name], many, &[]);
    let cut = whole[..whole.len() - 9].to_vec();
    for (what, body, code) in [
        (
            "a field that does not conform",
            large(&[name], many, &[("name=note", &[b'a'; 21])]),
            "contract.body.length",
        ),
        (
            "a field that nobody declared",
            large(&[name], many, &[("name=is_admin", b"1")]),
            "contract.body.undeclared",
        ),
        (
            "a field that is there twice",
            large(&[name], many, &[name]),
            "contract.body.duplicate",
        ),
        ("no end", cut, "contract.body.syntax"),
        (
            "more than the end",
            [whole.as_slice(), b"more"].concat(),
            "contract.body.syntax",
        ),
        (
            "a hidden part",
            large(
                &[name, ("name=file; filename=b", b"1")],
                many,
                &[("name=file; filename=c", b"\n--xYz\n")],
            ),
            "contract.body.syntax",
        ),
    ] {
        let answer = send(&gate, UPLOAD, MULTIPART, &body);
        answer.is_refused_as(what, 400, code);
        // A request is seen when all of it has come.
        assert!(upstream.seen().is_empty(), "{what}");
    }
    assert_eq!(send(&gate, UPLOAD, MULTIPART, &whole).status, 204);
}

#[test]
fn http_5_what_an_upload_holds_is_counted_as_long_as_it_is_held() {
    const HELD: usize = 60_000;
    let upstream = upstream();
    let contract = FORMS.replace(
        "note: {type: string, maxLength: 20}",
        "note: {type: string, maxLength: 60000}",
    );
    // Half of it is for requests: room for eight such notes.
    let gate = Setup::new(&contract, upstream.address)
        .with("workers: 1")
        .with("connection: {held_bytes_max: 1MiB}")
        .start();
    let note = vec![b'n'; HELD];
    let body = large(&[("name=name", b"ann"), ("name=note", &note)], 200_000, &[]);
    let request = gate.client().request("POST", "/upload", &[MULTIPART], &body);
    let (begun, rest) = request.split_at(HELD + 20_000);
    let more = &rest[..100];
    let mut uploads = Vec::new();
    let refused = (0..12).find_map(|_| {
        let mut client = gate.client();
        client.write(begun);
        let is_refused = || gate.metric(&["portcullis_refusals_total", "gateway.busy"]) > 0.0;
        let under_way = || gate.metric(&["portcullis_upstream_connections_open"]);
        let before = f64::from(u32::try_from(uploads.len()).unwrap());
        until("the file is on its way, or has no room", || {
            under_way() > before || is_refused()
        });
        if is_refused() {
            return Some(client);
        }
        // Now little but the note is held.
        client.write(more);
        uploads.push(client);
        None
    });
    assert!((4..=8).contains(&uploads.len()), "{}", uploads.len());
    refused.unwrap().answer(false).is_refused(503, "gateway.busy");
    drop(uploads);
    until("the room is given back", || {
        send(&gate, UPLOAD, MULTIPART, &body).status == 204
    });
}

#[test]
fn observing_lets_uploads_pass_within_their_bound() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let watched = ("POST", "/watched");
    assert_eq!(send(&gate, watched, MULTIPART, &large(&[], 100, &[])).status, 204);
    let body = large(&[], 1 << 20, &[]);
    assert_eq!(send(&gate, watched, MULTIPART, &body).status, 204);
    assert!(upstream.seen().iter().any(|seen| seen.body == body));
    send(&gate, watched, MULTIPART, &large(&[], 3 << 20, &[])).is_refused(413, "http.body_too_large");
    let counted = [
        ("contract.body.required", "portcullis_would_refuse_total"),
        ("too_large", "not_judged_total"),
    ];
    for (label, name) in counted {
        until(label, || gate.metric(&[name, "watched", label]) == 1.0);
    }
}

#[test]
fn files_of_unknown_types_are_counted() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let body = parts(&[("name=name", b"ann"), ("name=other; filename=a", &[0, 1, 2, 255])]);
    assert_eq!(send(&gate, PROFILE, MULTIPART, &body).status, 204);
    assert_eq!(upstream.one().body, body);
    until("it is counted", || {
        gate.metric(&["portcullis_bodies_not_judged_total", "setProfile", "request", "file"]) == 1.0
    });
}

#[test]
fn schema_6_xml_is_well_formed_and_declares_nothing() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let xml = ("Content-Type", "application/xml; charset=utf-8");
    let good = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a b='c'>d</a>";
    assert_eq!(send(&gate, ("POST", "/feed"), xml, good.as_bytes()).status, 204);
    assert_eq!(upstream.one().body, good.as_bytes());
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    for (body, code) in [
        (
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
            "contract.body.forbidden",
        ),
        (
            "<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]><a>&d;</a>",
            "contract.body.forbidden",
        ),
        ("<a>&b;</a>", "contract.body.syntax"),
        ("<a>", "contract.body.syntax"),
        ("{\"a\":1}", "contract.body.syntax"),
        (&deep, "contract.body.depth"),
    ] {
        let answer = send(&gate, ("POST", "/feed"), xml, body.as_bytes());
        answer.is_refused_as(body, 400, code);
    }
    assert!(upstream.seen().is_empty());
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    send(&gate, ("POST", "/feed"), xml, &utf_16).is_refused(400, "contract.body.encoding");
    send(
        &gate,
        ("POST", "/feed"),
        ("Content-Type", "application/xml; charset=utf-16"),
        &utf_16,
    )
    .is_refused(415, "contract.body.media_type");
}

#[test]
fn schema_6_xml_is_not_chosen_where_a_range_has_a_schema() {
    let xml = ("Content-Type", "application/xml");
    let json = ("Content-Type", "application/json");
    let feed = ("POST", "/feed");
    for range in ["application/*", "'*/*'"] {
        let upstream = upstream();
        let contract = FORMS.replace(
            "          application/xml: {schema:",
            &format!("          {range}: {{schema:"),
        );
        assert_ne!(contract, FORMS);
        let gate = Setup::new(&contract, upstream.address).with("workers: 1").start();
        // The schema would say no, if XML were judged by it.
        for body in ["<a>1</a>", "<is_admin>true</is_admin>"] {
            let answer = send(&gate, feed, xml, body.as_bytes());
            answer.is_refused_as(range, 415, "contract.body.media_type");
        }
        send(&gate, feed, json, b"{\"a\":1}").is_refused_as(range, 400, "contract.body.type");
        upstream.saw_nothing(range);
        assert_eq!(send(&gate, feed, json, b"{\"a\":\"1\"}").status, 204);
    }
    // Where there is no schema to go around, it is XML like any other.
    let upstream = upstream();
    let contract = FORMS
        .replace("multipart/mixed: {}", "'*/*': {}")
        .replace("application/xml", "text/plain");
    let gate = Setup::new(&contract, upstream.address).with("workers: 1").start();
    assert_eq!(send(&gate, feed, xml, b"<a>1</a>").status, 204);
    send(&gate, feed, xml, b"<a>").is_refused(400, "contract.body.syntax");
}

#[test]
fn other_multipart_bodies_pass_only_without_structure() {
    let upstream = upstream();
    let gate = gate(&upstream);
    let body = b"--b\r\n\r\nanything\r\n--b--";
    let mixed = ("Content-Type", "multipart/mixed; boundary=b");
    assert_eq!(send(&gate, ("POST", "/feed"), mixed, body).status, 204);
    assert_eq!(upstream.one().body, body);
    until("it is counted", || {
        gate.metric(&["portcullis_bodies_not_judged_total", "addFeed", "media_type"]) == 1.0
    });
    for content_type in [
        "multipart/related; boundary=b",
        "multipart/mixed",
        "multipart/mixed; boundary=\"\"",
    ] {
        let answer = send(&gate, ("POST", "/feed"), ("Content-Type", content_type), body);
        answer.is_refused_as(content_type, 415, "contract.body.media_type");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn answers_in_xml_are_well_formed() {
    let through = |xml: &str| {
        let upstream = Upstream::answering(crate::upstream::ok("application/atom+xml", xml));
        gate(&upstream).get("/feed")
    };
    let answer = through("<feed><id>1</id></feed>");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "<feed><id>1</id></feed>")
    );
    through("<feed><id>1</feed>").is_refused(502, "contract.response.body.syntax");
    through("<!DOCTYPE a [<!ENTITY b \"c\">]><feed>&b;</feed>").is_refused(502, "contract.response.body.forbidden");
}

#[test]
fn ranges_are_asked_for_only_where_they_are_declared() {
    let range = [("Range", "bytes=1-3"), ("If-Range", "\"a\"")];
    let fields = [("Content-Type", "application/json"), ("Content-Range", "bytes 1-3/5")];
    let partial = answer("206 Partial Content", &fields, b"1,2");
    let upstream = Upstream::start(move |seen, stream| {
        use std::io::Write;
        let whole = crate::upstream::ok(
            if seen.line.contains("video") {
                "video/mp4"
            } else {
                "application/json"
            },
            "[1,2]",
        );
        let asked = seen.header("range").is_some();
        stream.write_all(if asked { &partial } else { &whole }).is_ok()
    });
    let gate = gate(&upstream);
    let answer = gate.client().send("GET", "/whole", &range, b"");
    assert_eq!((answer.status, answer.text().as_str()), (200, "[1,2]"));
    let seen = upstream.one();
    assert_eq!((seen.header("range"), seen.header("if-range")), (None, None));
    let answer = gate.client().send("GET", "/parts", &range, b"");
    assert_eq!((answer.status, answer.text().as_str()), (206, "1,2"));
    assert_eq!(answer.header("content-range"), Some("bytes 1-3/5"));
    assert_eq!(upstream.one().header("range"), Some("bytes=1-3"));
    until("it is counted", || {
        gate.metric(&["portcullis_bodies_not_judged_total", "parts", "response", "range"]) == 1.0
    });
    // Nothing of a video is judged, and 206 is among its answers.
    assert_eq!(gate.client().send("GET", "/video", &range, b"").status, 206);
    assert_eq!(upstream.one().header("range"), Some("bytes=1-3"));
}

#[test]
fn a_part_that_nobody_asked_for_is_judged_as_a_whole() {
    let fields = [("Content-Type", "application/json"), ("Content-Range", "bytes 1-3/5")];
    let upstream = Upstream::answering(answer("206 Partial Content", &fields, b"1,2"));
    gate(&upstream)
        .get("/parts")
        .is_refused(502, "contract.response.body.syntax");
}

#[test]
fn coverage_and_trials_know_every_kind_of_body() {
    let directory = Setup::new(FORMS, "127.0.0.1:9".parse().unwrap()).written();
    let told = run(&directory.0, &["coverage", "-c", "gate.yaml", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let operations = told["apis"][0]["operations"].as_array().unwrap();
    let checks = operations
        .iter()
        .flat_map(|operation| operation["checks"].as_array().unwrap());
    let checks: Vec<_> = checks
        .map(|check| (check["subject"].as_str().unwrap(), check["effect"].as_str().unwrap()))
        .collect();
    for expected in [
        ("request body, `application/x-www-form-urlencoded`", "enforced"),
        ("request body, `application/x-www-form-urlencoded`", "observed"),
        ("request body, `multipart/form-data`", "enforced"),
        ("request body, `multipart/form-data`, file `photo`", "not judged"),
        ("request body, `application/xml`", "well-formed only"),
        ("request body, `multipart/mixed`", "not judged"),
        ("request body, `multipart/related`", "refused"),
        ("answer 200, `application/atom+xml`", "well-formed only"),
        ("answer 206, `application/json`", "not judged"),
    ] {
        assert!(checks.contains(&expected), "{expected:?} {checks:#?}");
    }
    assert_eq!(told["summary"]["effects"]["well_formed_only"], 2);
    tried(&directory);
}

fn tried(directory: &Directory) {
    let request = |head: &str, body: &str| format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let login = "POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let profile = "PUT /profile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=xYz\r\n";
    let fields: [(&str, &[u8]); 3] = [("name=name", b"ann"), ("name=is_admin", b"1"), ("name=age", b"x")];
    let body = String::from_utf8(parts(&fields)).unwrap();
    let requests = [
        request(login, "user=ann&debug=1"),
        request(login, "user=ann;x=1"),
        request(profile, &body),
    ];
    directory.write("requests.http", &requests.concat());
    let told = run(&directory.0, &["try", "-c", "gate.yaml", "requests.http"]);
    let told = String::from_utf8(told.stdout).unwrap();
    for line in [
        "left out: body `debug`",
        "contract.body.syntax",
        "contract.body.type: at `/age`",
        "not declared: `is_admin`",
        "requests: 3, refused: 2",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
}
