//! Attacks on the validator and the parsers (docs/threats.md, schema), through the whole gate.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gate::{Directory, Setup, run};
use crate::http::{THING, gate};
use crate::upstream::{Upstream, ok};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn schema_1_json_that_parsers_read_differently_is_refused() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let deep = format!("{}{}", r#"{"name":"a","part":"#.repeat(5000), "}".repeat(5000));
    let utf_16: Vec<u8> = THING.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [
        br#"{"name":"a","name":"b"}"#.as_slice(),
        br#"{"name":"a","n\u0061me":"b"}"#,
        br#"{"name":"a","size":NaN}"#,
        br#"{"name":"a","size":Infinity}"#,
        br#"{"name":"a","size":-Infinity}"#,
        br#"{"name":"a","size":1e400}"#,
        br#"{"name":"a","size":01}"#,
        br#"{"name":"a","size":+1}"#,
        br#"{"name":"a","size":.5}"#,
        br#"{"name":"a","size":99999999999999999999999999}"#,
        br#"{"name":"\ud800"}"#,
        br#"{"name":"\udc00\ud800"}"#,
        br#"{"name":"a"}{"name":"b"}"#,
        br#"{"name":"a"}]"#,
        br#"{"name":"a"} x"#,
        br#"{"name":"a",}"#,
        br#"{'name':'a'}"#,
        br#"{"name":"a"/**/}"#,
        b"{\"name\":\"a\"}\0",
        b"\xef\xbb\xbf{\"name\":\"a\"}",
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"\xc0\xaf\"}",
        b"{\"name\":\"a\nb\"}",
        b" ",
        utf_16.as_slice(),
        deep.as_bytes(),
    ] {
        let answer = gate.client().send("POST", "/things", &[JSON], body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert!(
            answer.status == 400 && answer.code().starts_with("contract.body."),
            "{shown} {}",
            answer.text()
        );
        upstream.saw_nothing(&shown);
    }
}

#[test]
fn schema_1_the_bytes_forwarded_are_the_bytes_judged() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for body in [
        "{\"size\" : 1.50e1 ,\t\"name\":\"h\\u0061mmer\\/\"\r\n}",
        r#"{"name":"😀","owner":null,"size":-0}"#,
    ] {
        assert_eq!(gate.post("/things", body).status, 200, "{body}");
        assert_eq!(upstream.one().body, body.as_bytes());
    }
}

#[test]
fn schema_2_every_occurrence_in_a_query_is_judged() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let before = gate.resident_bytes();
    let many = vec!["tag=a"; 1000].join("&");
    let empty = "&".repeat(5000);
    for query in [
        "filter[999999999]=1",
        "filter[owner][999999999]=1",
        "filter[]=1",
        "filter[owner]=a&filter[owner]=b",
        "filter=a",
        "tag[999999999]=a",
        "tag[]=a",
        "tag=a&tag=B",
        "tag=a&tag=b&tag=c&tag=d",
        &many,
        "limit=1&limit=2",
        "limit=1&limit=x",
        "limit=1&lim%69t=2",
        "lim%69t=x",
        "limit=%78",
        "limit=1&=2",
        "=",
        "limit",
        "limit=",
        "limit=1%00",
        "limit=1&unknown=2",
        "Limit=1",
        "limit=0",
        "limit=1;limit=2",
        "limit=%ff",
        "tag=a%",
    ] {
        let answer = gate.get(&format!("/things?{query}"));
        assert!(
            answer.status == 400
                && (answer.code().starts_with("contract.query.") || answer.code().starts_with("http.")),
            "{query} {}",
            answer.text()
        );
        upstream.saw_nothing(query);
    }
    for (name, value) in [
        ("X-Trace", "A"),
        ("X-Trace", "a\r\nX-Trace: B"),
        ("Cookie", "theme=pink"),
        ("Cookie", "theme=dark; theme=pink"),
    ] {
        let answer = gate.client().send("GET", "/things", &[(name, value)], b"");
        assert!(
            answer.status == 400 && answer.code().starts_with("contract."),
            "{value} {}",
            answer.text()
        );
        upstream.saw_nothing(value);
    }
    gate.get(&format!("/things?{empty}"));
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[test]
fn schema_3_a_pattern_never_hangs_the_gate() {
    let upstream = Upstream::with_json("{}");
    let contract = |pattern: &str| {
        format!(
            "openapi: 3.1.0\ninfo: {{title: a, version: '1'}}\npaths:\n  /a:\n    get:\n      parameters:\n        - {{name: q, in: query, schema: {{type: string, pattern: '{pattern}'}}}}\n      responses: {{'200': {{description: ok, content: {{application/json: {{}}}}}}}}\n"
        )
    };
    for pattern in [
        "^(a+)+$",
        "^(a|aa)+$",
        "^(?=(a+)+$)a*$",
        "^(a+)+(?!b)$",
        "^(?:a?){40}a{40}$",
    ] {
        let gate = Setup::new(&contract(pattern), upstream.address)
            .with("workers: 1")
            .start();
        let start = Instant::now();
        let answer = gate.get(&format!("/a?q={}!", "a".repeat(4000)));
        assert_eq!(answer.status, 400, "{pattern} {}", answer.text());
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{pattern} {:?}",
            start.elapsed()
        );
    }
    upstream.saw_nothing("what does not match");
}

#[test]
fn schema_4_recursive_schemas_are_judged_and_cycles_end() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let nested =
        |depth: usize, last: &str| format!("{}{last}{}", r#"{"name":"a","part":"#.repeat(depth), "}".repeat(depth));
    assert_eq!(gate.post("/things", &nested(20, THING)).status, 200);
    gate.post("/things", &nested(20, r#"{"name":1}"#))
        .is_refused(400, "contract.body.type");
    // Contracts that lead nowhere, or everywhere, are loaded or refused, soon.
    let explosion: String = (0..30)
        .map(|n| {
            format!(
                "    S{n}: {{allOf: [{{$ref: '#/components/schemas/S{0}'}}, {{$ref: '#/components/schemas/S{0}'}}]}}\n",
                n + 1
            )
        })
        .collect();
    for schemas in [
        "    S0: {$ref: '#/components/schemas/S0'}\n".to_owned(),
        "    S0: {allOf: [{$ref: '#/components/schemas/S1'}]}\n    S1: {allOf: [{$ref: '#/components/schemas/S0'}]}\n"
            .to_owned(),
        format!("{explosion}    S30: {{type: object}}\n"),
    ] {
        let directory = Directory::new();
        directory.write("api.yaml", &one_schema("{$ref: '#/components/schemas/S0'}", &schemas));
        let configuration = format!(
            "listen: 127.0.0.1:0\napis: [{{contract: api.yaml, upstream: 'http://{}'}}]\n",
            upstream.address
        );
        directory.write("gate.yaml", &configuration);
        let start = Instant::now();
        let output = run(&directory.0, &["coverage", "-c", "gate.yaml"]);
        assert!(output.status.code().is_some(), "{schemas}: a signal ended it");
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{schemas} {:?}",
            start.elapsed()
        );
    }
}

fn one_schema(schema: &str, components: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{title: a, version: '1'}}\npaths:\n  /a:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema: {schema}\n      responses: {{'200': {{description: ok, content: {{application/json: {{}}}}}}}}\ncomponents:\n  schemas:\n{components}"
    )
}

/// That the gate does not start with this contract, and says in which line something is wrong, and what.
#[track_caller]
fn does_not_start(contract: &str, number: u64) {
    let setup = Setup::new(contract, "127.0.0.1:9".parse().unwrap());
    let directory = setup.written();
    let output = run(&directory.0, &["serve", "-c", "gate.yaml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{contract}\n{told}");
    let mut lines = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_told = |line: Value| line["location"] == "api.yaml" && line["line"] == number && line["level"] == "ERROR";
    assert!(lines.any(is_told), "{contract}\n{told}");
}

#[test]
fn schema_5_no_reference_reads_what_nobody_allowed() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let remote = canary.local_addr().unwrap();
    for reference in [
        format!("http://{remote}/schema.json"),
        format!("http://{remote}/schema.json#/a"),
        format!("//{remote}/schema.json"),
        "file:///etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
        "../../../../../../etc/passwd".to_owned(),
        "%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        does_not_start(&one_schema(&format!("{{$ref: '{reference}'}}"), "    A: {}\n"), 9);
    }
    let error = canary.accept().expect_err("somebody asked the remote server");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn schema_5_a_link_does_not_lead_out_of_the_directory() {
    let outside = Directory::new();
    let secret = outside.write("secret.yaml", "type: object\n");
    let setup = Setup::new(
        &one_schema("{$ref: 'link.yaml'}", "    A: {}\n"),
        "127.0.0.1:9".parse().unwrap(),
    );
    let directory = setup.written();
    std::os::unix::fs::symlink(secret, directory.0.join("link.yaml")).unwrap();
    let output = run(&directory.0, &["serve", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn schema_6_no_body_passes_in_a_disguise() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let form = "name=hammer";
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nhammer\r\n--b--\r\n";
    for (content_type, body) in [
        (None, THING),
        (Some(""), THING),
        (Some("application/xml"), "<name>hammer</name>"),
        (Some("application/x-www-form-urlencoded"), form),
        (Some("application/x-www-form-urlencoded"), THING),
        (Some("multipart/form-data; boundary=b"), multipart),
        (Some("multipart/form-data; boundary=\"application/json\""), multipart),
        (Some("application/jsonp"), THING),
        (Some("application/json, text/plain"), THING),
        (Some("text/plain\r\nContent-Type: application/json"), THING),
        (Some("*/*"), THING),
        (Some("json"), THING),
    ] {
        let headers: Vec<_> = content_type.map(|value| ("Content-Type", value)).into_iter().collect();
        let answer = gate.client().send("POST", "/things", &headers, body.as_bytes());
        answer.is_refused_as(
            content_type.unwrap_or("no content type"),
            415,
            "contract.body.media_type",
        );
        upstream.saw_nothing(body);
    }
    // A body where none is declared.
    let answer = gate.client().send("GET", "/things", &[JSON], THING.as_bytes());
    assert!(matches!(answer.status, 400 | 415), "{answer:?}");
    upstream.saw_nothing("an undeclared body");
    // And none where one is required.
    gate.client()
        .send("POST", "/things", &[JSON], b"")
        .is_refused(400, "contract.body.required");
    upstream.saw_nothing("no body");
}

#[test]
fn schema_7_a_schema_that_does_not_compile_is_refused_at_load() {
    for schema in [
        "{type: strng}",
        "{type: string, pattern: '('}",
        "{type: object, properties: {a: {$ref: '#/nowhere'}}}",
        "{minLength: many}",
        "{enum: 7}",
        "{required: name}",
        "{properties: [a]}",
        "{multipleOf: 0}",
    ] {
        does_not_start(&one_schema(schema, "    A: {}\n"), 9);
    }
}

#[test]
fn schema_8_requests_are_judged_as_requests() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    for (body, code) in [
        (r#"{"name":"a","id":1}"#, "contract.body.read_only"),
        (r#"{"name":"a","part":{"name":"b","id":1}}"#, "contract.body.read_only"),
        (r#"{"name":"a","is_admin":true}"#, "contract.body.undeclared"),
        (
            r#"{"name":"a","part":{"name":"b","part":{"name":"c","is_admin":true}}}"#,
            "contract.body.undeclared",
        ),
        (r#"{"name":null}"#, "contract.body.type"),
        (r#"{"owner":"x"}"#, "contract.body.required"),
        (
            r#"{"name":"a","shape":{"kind":"circle","radius":1,"side":2}}"#,
            "contract.body.undeclared",
        ),
        (r#"{"name":"a","shape":{"kind":"circle","side":2}}"#, "contract.body."),
        (
            r#"{"name":"a","shape":{"kind":"triangle","angle":3}}"#,
            "contract.body.",
        ),
        (
            r##"{"name":"a","shape":{"kind":"#/components/schemas/Triangle","angle":3}}"##,
            "contract.body.",
        ),
        (r#"{"name":"a","shape":{"radius":1}}"#, "contract.body."),
    ] {
        let answer = gate.post("/things", body);
        assert!(
            answer.status == 400 && answer.code().starts_with(code),
            "{body} {}",
            answer.text()
        );
        assert!(!answer.text().contains("is_admin"), "{}", answer.text());
        upstream.saw_nothing(body);
    }
    let good = r#"{"name":"a","code":"b","owner":null,"shape":{"kind":"square","side":2}}"#;
    assert_eq!(gate.post("/things", good).status, 200);
    assert_eq!(upstream.one().body, good.as_bytes());
}

#[test]
fn schema_8_answers_are_judged_as_answers() {
    let answer = |body: &str| {
        let upstream = Upstream::answering(ok("application/json", body));
        gate(&upstream).get("/things")
    };
    for (body, expected) in [
        (r#"{"id":1,"name":"a"}"#, r#"{"id":1,"name":"a"}"#),
        (r#"{"id":1,"name":"a","code":"b"}"#, r#"{"id":1,"name":"a"}"#),
        (
            r#"{"name":"a","part":{"code":"b","name":"c","hash":"d"}}"#,
            r#"{"name":"a","part":{"name":"c"}}"#,
        ),
        (
            r#"{"name":"a","shape":{"kind":"circle","radius":1,"side":2}}"#,
            r#"{"name":"a","shape":{"kind":"circle","radius":1}}"#,
        ),
    ] {
        let answer = answer(body);
        assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{body}");
    }
    for body in [
        r#"{"name":null}"#,
        r#"{"id":1}"#,
        r#"{"name":"a","shape":{"kind":"triangle","angle":3}}"#,
        r#"{"name":"a","name":"b"}"#,
        "[]",
        "",
        "not json",
    ] {
        let answer = answer(body);
        if body.is_empty() {
            // No bytes at all are no JSON either.
            assert!(answer.status == 502 || answer.body.is_empty(), "{answer:?}");
            continue;
        }
        assert!(
            answer.status == 502 && answer.code().starts_with("contract.response.body."),
            "{body} {}",
            answer.text()
        );
    }
}
