//! Answers that list resources leave with those alone that their caller may see.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run, until};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Upstream, answer};
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Notes, version: '1'}
security: [{bearer: []}]
paths:
  /notes:
    get:
      operationId: listNotes
      x-portcullis:
        collection: {items: /notes, type: Note, id: /id, action: readNote, attributes: {owner: /owner}, counts: [/total], links: [/next]}
      responses:
        '200':
          description: a page
          content:
            application/json:
              schema:
                type: object
                required: [notes]
                properties:
                  notes: {type: array, items: {type: object, properties: {id: {type: string}, owner: {type: string}, size: {type: number}}}}
                  total: {type: integer}
                  next: {type: string}
        '404': {description: none, content: {application/json: {schema: {type: object, properties: {secret: {type: string}}}}}}
    head: {operationId: countNotes, x-portcullis: {collection: {items: /notes, type: Note, id: /id, action: readNote}},
           responses: {'200': {description: a page, content: {application/json: {schema: {type: object, properties: {notes: {type: array}}}}}}}}
  /notes/{note}:
    parameters: [{name: note, in: path, required: true, schema: {type: string}}]
    get:
      operationId: readNote
      x-portcullis: {resources: [{type: Note, path: note}]}
      responses: {'200': {description: a note, content: {application/json: {schema: {type: object}}}}}
components:
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const POLICIES: &str = r#"
@id("list") permit (principal, action in [Action::"listNotes", Action::"countNotes"], resource is Api);
@id("own") permit (principal, action == Action::"readNote", resource is Note) when { resource has owner && resource.owner == principal };
@id("shared") permit (principal, action == Action::"readNote", resource == Note::"3");
@id("secret") forbid (principal, action == Action::"readNote", resource == Note::"4");
"#;
const AUTHORIZATION: &str = "authorization: {policies: [notes.cedar], resources: {Note: {owner: User}}}";
const PAGE: &str = r#"{"notes":[{"id":"1","owner":"ann","size":1.10},{"id":"2","owner":"bob"},{"id":"3","owner":"bob"},
    {"id":"4","owner":"ann"},{"id":"5"}],"total":5,"next":"/notes?after=5"}"#;

struct Notes {
    gate: Gate,
    issuer: Issuer,
}

impl Notes {
    fn start(upstream: &Upstream, policy: &str) -> Self {
        let issuer = Issuer::new("one");
        let setup = Setup::new(CONTRACT, upstream.address)
            .with(
                "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
                 keys: {file: keys.json}}]",
            )
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api(AUTHORIZATION)
            .with_api(policy);
        let directory = setup.written();
        directory.write("keys.json", &key_set(&[&issuer]));
        directory.write("notes.cedar", POLICIES);
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    fn send(&self, who: &str, method: &str) -> Answer {
        let authorization = format!("Bearer {}", self.issuer.token_with("at+jwt", json!({ "sub": who })));
        let fields = [("Authorization", authorization.as_str()), ("Accept-Encoding", "gzip")];
        self.gate.client().send(method, "/notes", &fields, b"")
    }

    /// The ids that are listed.
    fn list(&self, who: &str) -> (Vec<String>, Value) {
        let answered = self.send(who, "GET");
        assert_eq!(answered.status, 200, "{}", answered.text());
        let page: Value = serde_json::from_str(&answered.text()).unwrap();
        let notes = page["notes"].as_array().unwrap().iter();
        (
            notes.map(|note| note["id"].as_str().unwrap().to_owned()).collect(),
            page,
        )
    }
}

#[test]
fn d4_a_list_holds_what_its_caller_may_see() {
    let upstream = Upstream::answering(answer(
        "200 OK",
        &[
            ("Content-Type", "application/json"),
            ("ETag", "\"all\""),
            ("Cache-Control", "public"),
            ("Link", "</notes?after=2>; rel=next"),
        ],
        PAGE.as_bytes(),
    ));
    let notes = Notes::start(&upstream, "policy: {}");
    let (ids, page) = notes.list("ann");
    assert_eq!(
        ids,
        ["1", "3"],
        "what is forbidden, and whose owner nobody knows, is not there"
    );
    assert_eq!((&page["total"], page.get("next")), (&json!(2), None));
    assert_eq!(notes.list("bob").0, ["2", "3"]);
    assert_eq!(notes.list("eve").0, ["3"]);
    let answered = notes.send("ann", "GET");
    let kept = (answered.header("cache-control"), answered.header("link"));
    assert_eq!(kept, (Some("no-store"), None), "by nobody, and of no other page");
    assert!(
        answered.text().contains("1.10"),
        "what is left stands as it was written"
    );
    assert_eq!(answered.header("etag"), None, "it is that of all notes");
    assert_eq!(notes.send("ann", "HEAD").header("content-length"), None);
    assert!(notes.gate.metric(&["portcullis_items_withheld_total", "listNotes"]) >= 13.0);
    let asked = upstream.seen();
    assert!(asked.iter().all(|seen| seen.header("accept-encoding") != Some("gzip")));
}

#[test]
fn authz_1_what_leads_to_a_list_says_nothing_of_it() {
    let fields = [("Content-Type", "application/json"), ("Location", "/notes?page=2")];
    let upstream = Upstream::answering(answer("302 Found", &fields, PAGE.as_bytes()));
    let notes = Notes::start(&upstream, "policy: {modes: {contract_out: 'off'}}");
    for _ in 0..2 {
        let answered = notes.send("eve", "GET");
        assert_eq!((answered.status, answered.text().as_str()), (302, ""));
        assert_eq!(answered.header("location"), Some("/notes?page=2"));
    }
    let observing = Notes::start(
        &upstream,
        "policy: {modes: {contract_out: 'off', authorization: observe}}",
    );
    assert_eq!(observing.send("eve", "GET").text(), PAGE);
}

#[test]
fn authz_1_what_leads_to_a_list_says_nothing_of_its_bytes() {
    let upstream = Upstream::start(|seen, stream| {
        let fields = [
            ("Location", "/notes?page=2"),
            ("ETag", "\"all\""),
            ("Content-Digest", "sha-256=:AAAA:"),
        ];
        let whole = answer("302 Found", &fields, PAGE.as_bytes());
        let body_bytes = if seen.line.starts_with("HEAD") { PAGE.len() } else { 0 };
        stream.write_all(&whole[..whole.len() - body_bytes]).is_ok()
    });
    let notes = Notes::start(&upstream, "policy: {modes: {contract_out: 'off'}}");
    for method in ["GET", "HEAD"] {
        let answered = notes.send("eve", method);
        assert_eq!(
            (answered.status, answered.header("location")),
            (302, Some("/notes?page=2"))
        );
        // How long the list is, or whether it is another one than yesterday.
        for name in ["etag", "content-digest"] {
            assert_eq!(answered.header(name), None, "{method}");
        }
        let length = answered.header("content-length");
        assert!(length.is_none_or(|length| length == "0"), "{method}: {length:?}");
    }
}

#[test]
fn authz_1_a_count_tells_of_no_more_than_is_there() {
    let upstream = Upstream::with_json(r#"{"notes":[{"id":"3"}],"total":5,"next":"/notes?after=3"}"#);
    let notes = Notes::start(&upstream, "policy: {}");
    let (ids, page) = notes.list("eve");
    assert_eq!((ids.as_slice(), page.get("total")), (&["3".to_owned()][..], None));
    assert_eq!(page["next"], "/notes?after=3", "nothing was left out");
}

#[test]
fn authz_1_what_cannot_be_reduced_does_not_leave() {
    for (status, content_type, body, expected) in [
        (
            "200 OK",
            "application/json",
            r#"{"notes":{"1":{"id":"1"}}}"#,
            "no-array",
        ),
        (
            "200 OK",
            "application/json",
            r#"{"notes":[{"owner":"ann"}]}"#,
            "item-without-id",
        ),
        (
            "200 OK",
            "application/json",
            r#"{"notes":[],"notes":[{"id":"1"}]}"#,
            "member-twice",
        ),
        ("200 OK", "application/json", "[]", "no-object"),
        ("200 OK", "text/plain", "a list", "no-json"),
        (
            "206 Partial Content",
            "application/json",
            r#"s":[{"id":"1"}]}"#,
            "no-json",
        ),
    ] {
        let fields = [("Content-Type", content_type)];
        let upstream = Upstream::answering(answer(status, &fields, body.as_bytes()));
        for mode in ["enforce", "observe", "'off'"] {
            let notes = Notes::start(&upstream, &format!("policy: {{modes: {{contract_out: {mode}}}}}"));
            let answered = notes.send("ann", "GET");
            answered.is_refused_as(body, 502, "authorization.collection");
            until("it is logged", || !notes.gate.log_of_requests().is_empty());
            let line = notes.gate.log_of_requests().pop().unwrap();
            assert_eq!(line["place"], expected, "{body}");
        }
    }
}

#[test]
fn d4_observing_leaves_a_list_as_it_is() {
    let upstream = Upstream::with_json(PAGE);
    let notes = Notes::start(&upstream, "policy: {modes: {authorization: observe}}");
    assert_eq!(notes.list("eve").0.len(), 5);
    let would = notes
        .gate
        .metric(&["portcullis_would_refuse_total", "authorization.denied"]);
    assert!(would >= 1.0, "{would}");
}

#[test]
fn d4_a_list_that_nobody_decides_on_is_an_error() {
    let told = |authorization: &str, contract: &str| {
        let setup = Setup::new(contract, ([127, 0, 0, 1], 9).into())
            .with_api("security_schemes: {bearer: {api_keys: true}}")
            .with_api(authorization);
        let directory = setup.written();
        directory.write("notes.cedar", POLICIES);
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let changed = |from: &str, to: &str| told(AUTHORIZATION, &CONTRACT.replacen(from, to, 1));
    for (told, words) in [
        (told("policy: {}", CONTRACT), "nobody decides who may see a `Note`"),
        (
            changed("action: readNote", "action: seeNote"),
            "`seeNote` is no operation",
        ),
        (
            changed("owner: /owner}", "writer: /owner}"),
            "a `Note` has no attribute `writer`",
        ),
        (changed("items: /notes", "items: /total"), "has an array at `/total`"),
    ] {
        assert!(told.contains(words) && told.contains("api.yaml:"), "{words}: {told}");
    }
}

#[test]
fn d4_what_a_list_is_said_to_have_and_is_not_declared_is_told() {
    let warned = |from: &str, to: &str| {
        assert!(CONTRACT.contains(from), "{from}");
        let setup = Setup::new(&CONTRACT.replacen(from, to, 1), ([127, 0, 0, 1], 9).into())
            .with("issuers: [{name: main, issuer: 'https://id.example', audiences: [a], keys: {file: keys.json}}]")
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api(AUTHORIZATION);
        let directory = setup.written();
        directory.write("notes.cedar", POLICIES);
        directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(!warned("id: /id", "id: /id").contains("declares"));
    for (from, to, words) in [
        ("id: /id", "id: /key", "declares the id of its items at `/key`"),
        (
            "{owner: /owner}",
            "{owner: /writer}",
            "declares the attribute `owner` of its items at `/writer`",
        ),
        (
            "counts: [/total]",
            "counts: [/sum]",
            "declares the number of items at `/sum`",
        ),
        ("links: [/next]", "links: [/next, /last]", "declares a link at `/last`"),
    ] {
        let told = warned(from, to);
        assert!(
            told.contains("api.yaml:9:43") && told.contains("warning: no answer of `listNotes`"),
            "{told}"
        );
        assert!(told.contains(words), "{words}: {told}");
    }
}
