use std::collections::HashMap;
use std::ops::ControlFlow;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::*;
use crate::conform::coverage::{Effect, coverage};
use crate::conform::json::{Limits, Scratch, Undeclared};
use crate::conform::media_type::Content;
use crate::conform::operation::{BodyRule, Head, Levels};
use crate::conform::parameter::{Finding, HeadScratch};
use crate::conform::security::{KeyPlace, Requirement, SchemeId, SchemeKind};
use crate::document::{Fetch, load};

struct Files(HashMap<&'static str, &'static str>);

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| location.ends_with(**name));
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| format!("no file {location}"))
    }
}

fn document(text: &'static str) -> Document {
    let shared = "limit: {name: limit, in: query, schema: {type: integer, maximum: 100}}\n";
    load(
        "api.yaml",
        &mut Files(HashMap::from([("api.yaml", text), ("shared.yaml", shared)])),
    )
    .unwrap()
}

const API: &str = r##"
openapi: 3.1.0
info: {title: Natter, version: "1"}
servers:
  - url: https://{region}.example.com/v1/
    variables: {region: {default: eu, enum: [eu, us]}}
  - url: /
x-portcullis: {mode: observe}
security: [{key: []}]
webhooks: {}
paths:
  /spaces/{id}/messages:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
      - {name: since, in: query, schema: {type: string, format: date-time}}
    x-portcullis: {rate: slow}
    get:
      operationId: list
      parameters:
        - $ref: "shared.yaml#/limit"
        - {name: since, in: query, required: true, schema: {type: string, format: date}}
        - {name: Authorization, in: header, schema: {type: integer}}
      responses:
        "200":
          headers: {X-Count: {required: true, schema: {type: integer}}}
          content: {application/json: {schema: {type: array, items: {type: string}}}}
        4XX: {$ref: "#/components/responses/bad"}
    post:
      security: [{}, {bearer: [write]}]
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: "#/components/schemas/message"}}
          application/x-www-form-urlencoded: {schema: {type: object}}
          image/*: {}
      responses: {default: {description: any}}
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: api_key}
    bearer: {type: http, scheme: bearer}
  responses:
    bad: {content: {application/problem+json: {}}}
  schemas:
    message: {type: object, required: [text], properties: {text: {type: string, maxLength: 5}, id: {type: integer, readOnly: true}}}
"##;

/// The findings of a request's head.
fn judge(contract: &Contract, method: &Method, target: &str, fields: &[(&'static str, &'static str)]) -> Vec<String> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let Routed::Found { operation, captures } = contract.route(path, method) else {
        return vec!["route".to_owned()];
    };
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let mut findings = Vec::new();
    let mut report = |finding: Finding<'_>| {
        let location = finding.location.name();
        findings.push(format!(
            "{location}.{} {}",
            finding.violation.code.name(),
            finding.name.unwrap_or("-")
        ));
        ControlFlow::Continue(())
    };
    let head = Head {
        path,
        captures: &captures,
        query,
        headers: &headers,
    };
    let (limits, mut scratch) = (Limits::default(), HeadScratch::default());
    let operation = contract.operation(operation).unwrap();
    let _ = operation.judge_head(
        &contract.program,
        head,
        Levels::default(),
        &limits,
        &mut scratch,
        &mut report,
    );
    findings
}

#[test]
fn heads_are_judged() {
    let document = document(API);
    let compiled = compile(&document);
    assert_eq!(compiled.problems, []);
    let contract = &compiled.contract;
    let check = |target: &str, fields: &[_], expected: &[&str]| {
        assert_eq!(judge(contract, &Method::GET, target, fields), expected, "{target}");
    };
    check("/v1/spaces/7/messages?since=2026-01-01", &[], &[]);
    check(
        "/spaces/7/messages?since=2026-01-01&limit=5&api_key=x",
        &[("accept", "a")],
        &[],
    );
    check(
        "/v1/spaces/x/messages?limit=500",
        &[],
        &["path.type id", "query.range limit", "query.required since"],
    );
    check(
        "/v1/spaces/7/messages?since=2026-01-01T00:00:00Z",
        &[],
        &["query.format since"],
    );
    check(
        "/v1/spaces/7/messages?since=2026-01-01&admin=1",
        &[],
        &["query.undeclared -"],
    );
    check(
        "/v1/spaces/7/messages?since=2026-01-01",
        &[("authorization", "Bearer x")],
        &[],
    );
    check("/v2/spaces/7/messages", &[], &["route"]);
    let post = |fields: &[_]| judge(contract, &Method::POST, "/spaces/7/messages", fields);
    assert_eq!(post(&[("authorization", "Bearer x")]), Vec::<String>::new());
    assert_eq!(post(&[("x-admin", "1")]), ["header.undeclared -"]);
}

#[test]
fn bodies_and_answers_are_found() {
    let document = document(API);
    let contract = compile(&document).contract;
    let [list, post] = contract.operations.as_slice() else {
        panic!("two operations")
    };
    assert_eq!(list.body_rule(Some("application/json"), true), BodyRule::Forbidden);
    assert_eq!(post.body_rule(None, false), BodyRule::Missing);
    assert_eq!(post.body_rule(None, true), BodyRule::Content(Content::Undeclared));
    assert_eq!(
        post.body_rule(Some("text/plain"), true),
        BodyRule::Content(Content::Undeclared)
    );
    assert!(matches!(
        post.body_rule(Some("application/x-www-form-urlencoded"), true),
        BodyRule::Content(Content::Form(_))
    ));
    assert_eq!(
        post.body_rule(Some("image/png"), true),
        BodyRule::Content(Content::Streamed)
    );
    let BodyRule::Content(Content::Json(schema)) = post.body_rule(Some("application/json;charset=utf-8"), true) else {
        panic!("a body of JSON")
    };
    let judge = |text: &str| {
        let level = Undeclared::Refuse;
        contract
            .program
            .judge(
                schema,
                text.as_bytes(),
                level,
                &Limits::default(),
                &mut Scratch::default(),
            )
            .is_ok()
    };
    assert!(judge(r#"{"text":"hello"}"#));
    assert!(!judge(r#"{"text":"hello","id":1}"#));
    let declared = |status: u16| {
        list.response(StatusCode::from_u16(status).unwrap())
            .map(|response| &*response.declared)
    };
    assert_eq!(
        (declared(200), declared(404), declared(500)),
        (Some("200"), Some("4XX"), None)
    );
    let mut count = 0;
    let mut report = |_: Finding<'_>| {
        count += 1;
        ControlFlow::Continue(())
    };
    let found = list.response(StatusCode::OK).unwrap();
    let (limits, mut scratch) = (Limits::default(), HeadScratch::default());
    let _ = found.judge_headers(&contract.program, &HeaderMap::new(), &limits, &mut scratch, &mut report);
    assert_eq!(count, 1);
    assert!(matches!(found.content("application/json"), Content::Json(_)));
}

#[test]
fn servers_extensions_and_security_are_handed_out() {
    let document = document(API);
    let compiled = compile(&document);
    let contract = &compiled.contract;
    assert_eq!((contract.title.as_str(), contract.version.as_str()), ("Natter", "1"));
    assert_eq!(
        contract.servers[0],
        Server {
            host: Some("eu.example.com".to_owned()),
            base: "/v1".to_owned()
        }
    );
    assert!(compiled.extensions.root.is_some());
    assert!(matches!(
        compiled.extensions.operations.as_slice(),
        [[Some(_), None], [Some(_), None]]
    ));
    let asks = |scheme, scopes: &[&str]| Requirement {
        scheme: SchemeId(scheme),
        scopes: scopes.iter().map(|scope| Box::from(*scope)).collect(),
    };
    let security = |operation: usize| contract.operations[operation].security.clone().unwrap();
    assert_eq!(security(0), [[asks(0, &[])]]);
    assert_eq!(security(1), [vec![], vec![asks(1, &["write"])]]);
    let kinds: Vec<_> = contract.security_schemes.iter().map(|scheme| &scheme.kind).collect();
    assert_eq!(
        kinds,
        [
            &SchemeKind::ApiKey(KeyPlace::Query("api_key".into())),
            &SchemeKind::Bearer
        ]
    );
    assert_eq!(contract.notes.len(), 2, "{:?}", contract.notes);
    let checks = &coverage(contract)[1].checks;
    let effect = |subject: &str| {
        &checks
            .iter()
            .find(|check| check.subject.contains(subject))
            .unwrap()
            .effect
    };
    assert_eq!(*effect("`id`"), Effect::Judged);
    assert_eq!(*effect("application/json"), Effect::Judged);
    assert_eq!(*effect("urlencoded"), Effect::Judged);
    assert!(matches!(effect("image/*"), Effect::NotJudged(_)));
}

#[test]
fn schema_7_what_does_not_compile_is_an_error_with_its_line() {
    let document = document(
        r#"openapi: 3.0.3
info: {title: a, version: "1"}
paths:
  /a/{x}:
    get:
      parameters:
        - {name: x, in: body}
        - {name: y, in: query, style: matrix}
        - {name: z, in: query, schema: {type: string, pattern: "("}}
      responses: {"20": {}, "200": {content: {json: {}}}}
  /a/{z}:
    get: {responses: {default: {description: a}}}
  b:
    get: {responses: {default: {description: a}}}
"#,
    );
    let compiled = compile(&document);
    assert!(!compiled.is_usable());
    let lines: Vec<u32> = compiled
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.span.line)
        .collect();
    assert_eq!(lines, [7, 8, 9, 10, 11, 13], "{:#?}", compiled.problems);
}

const FREE_NAMES: &str = r##"
openapi: 3.1.0
info: {title: Free, version: "1"}
paths:
  /things:
    post:
      security: [{x-key: []}]
      requestBody:
        content:
          x-app/json: {schema: {type: string}}
          "*/*": {schema: {type: object, properties: {name: {type: string}}}}
          image/png: {schema: {type: string, format: binary}}
          video/*: {}
          audio/mp4: {schema: false}
      responses:
        "200":
          headers: {x-rate: {required: true, schema: {type: integer}}}
          content:
            application/x-ndjson: {schema: {type: object}}
            application/pdf: {}
components:
  securitySchemes:
    x-key: {type: apiKey, in: header, name: X-Api-Key}
"##;

#[test]
fn schema_7_free_names_may_begin_like_extensions() {
    let document = document(FREE_NAMES);
    let contract = compile(&document).contract;
    let operation = contract.operations.first().unwrap();
    assert_eq!(operation.security.as_ref().unwrap()[0].len(), 1);
    assert_eq!(&*contract.security_schemes[0].name, "x-key");
    assert_eq!(operation.parameters.security.header, ["x-api-key"]);
    let contents = &operation.body.as_ref().unwrap().contents;
    assert!(contents.entries().iter().any(|entry| &*entry.declared == "x-app/json"));
    let answer = operation.response(StatusCode::OK).unwrap();
    assert!(answer.declares_header("x-rate"));
}

#[test]
fn schema_6_only_what_asks_for_bytes_is_streamed() {
    let document = document(FREE_NAMES);
    let contract = compile(&document).contract;
    let operation = contract.operations.first().unwrap();
    let check = |content_type: &str, expected: Content| {
        let rule = operation.body_rule(Some(content_type), true);
        assert_eq!(rule, BodyRule::Content(expected), "{content_type}");
    };
    check("application/octet-stream", Content::Unread);
    check("application/x-ndjson", Content::Unread);
    check("image/png", Content::Streamed);
    check("video/mp4", Content::Streamed);
    check("audio/mp4", Content::Unread);
    let answer = operation.response(StatusCode::OK).unwrap();
    assert_eq!(answer.content("application/x-ndjson"), Content::Unread);
    assert_eq!(answer.content("application/pdf"), Content::Streamed);
}

#[test]
fn two_spellings_are_one_key() {
    let document = document(FREE_NAMES);
    let contract = compile(&document).contract;
    let operation = contract.operations.first().unwrap();
    for query in ["q=a+b", "q=a%20b"] {
        assert_eq!(
            operation.query_value(Some(query), "q").as_deref(),
            Some("a b"),
            "{query}"
        );
    }
    assert_eq!(operation.query_value(Some("q=a%2Bb"), "q").as_deref(), Some("a+b"));
    assert_eq!(
        operation.query_value(Some("%zz=c&q=a&q=b"), "q").as_deref(),
        Some("a,b")
    );
    let values = |query| operation.query_values(Some(query), "q").collect::<Vec<_>>();
    assert_eq!(values("r=1&q=a&%71=b"), [Some("a".into()), Some("b".into())]);
    assert_eq!(values("%zz=c&q=%zz&q"), [None, None, Some("".into())]);
    assert_eq!(values("Q=1&q[]=2&q%5Bx]=3&qq=4&q"), [None, None, None, Some("".into())]);
}

#[test]
fn what_is_misspelt_is_a_warning_at_its_name() {
    let document = document(
        r#"
openapi: 3.1.0
info: {title: Natter, version: "1"}
paths:
  /a:
    gett: {}
    post:
      requestBdy: {}
      x-mine: {}
      parameters:
        - {name: a, in: query, requird: true, schema: {type: string, maxLenght: 4, mine: 1}}
      requestBody: {contents: {}, content: {application/json: {schemaa: {}, schema: {minimun: 1}}}}
      responses: {}
  b: {get: {responses: {}}}
"#,
    );
    let compiled = compile(&document);
    let told: Vec<_> = compiled
        .problems
        .iter()
        .filter(|problem| !problem.message.contains("media type, so"))
        .collect();
    let lines: Vec<_> = told
        .iter()
        .map(|problem| (problem.span.line, problem.message.split('`').nth(1).unwrap_or_default()))
        .collect();
    let expected = [
        (6, "gett"),
        (8, "requestBdy"),
        (11, "requird"),
        (11, "maxLenght"),
        (12, "contents"),
        (12, "schemaa"),
        (12, "minimun"),
        (14, "b"),
    ];
    assert_eq!(lines, expected, "{:#?}", compiled.problems);
}

/// The warnings of a document, each as its line, its message and its help.
fn warnings(text: &'static str) -> Vec<(u32, String, String)> {
    let document = document(text);
    let problems = compile(&document).problems.into_iter();
    let problems = problems.filter(|problem| problem.severity == Severity::Warning);
    problems
        .map(|problem| (problem.span.line, problem.message, problem.help))
        .collect()
}

#[test]
fn an_operation_id_belongs_to_one_operation() {
    const TWICE: &str = r#"
openapi: 3.1.0
info: {title: Natter, version: "1"}
paths:
  /orders: {get: {operationId: listOrders, responses: {'200': {description: ok}}}}
  /orders/{id}:
    get:
      operationId: listOrders
      parameters: [{name: id, in: path, required: true, schema: {}}]
      responses: {'200': {description: ok}}
"#;
    let document = document(TWICE);
    let compiled = compile(&document);
    let names: Vec<_> = compiled
        .contract
        .operations
        .iter()
        .map(|operation| operation.name())
        .collect();
    assert_eq!(names, ["listOrders", "GET /orders/{id}"]);
    let [(line, message, _)] = warnings(TWICE).try_into().unwrap();
    assert_eq!(line, 8);
    assert!(
        message.starts_with("`listOrders` is the operationId of `GET /orders`, too"),
        "{message}"
    );
}

#[test]
fn what_would_be_silent_at_the_root_is_a_warning() {
    let told = warnings(
        r#"
openapi: 3.1.0
info: {title: Natter, version: "1"}
servers: [{url: localhost:9100/v1}]
path: {}
definitions: {}
paths:
  /orders:
    post:
      requestBody: {content: {aplication/json: {}}}
      responses: {'200': {description: ok}}
"#,
    );
    let told: Vec<_> = told.iter().map(|(line, _, help)| (*line, help.as_str())).collect();
    let expected = [
        (4, "if it is a host, write `https://localhost:9100/v1`"),
        (5, "did you mean `paths`?"),
        (10, "did you mean `application/json`?"),
    ];
    assert_eq!(told, expected);
}
