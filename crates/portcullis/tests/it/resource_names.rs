//! The names of resources in requests: each has one reading, or none. Seen by an upstream that would take them in another way.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Archive, version: '1'}
security: [{bearer: []}]
paths:
  /vaults/{vault}:
    parameters: [{name: vault, in: path, required: true, schema: {type: [integer, string]}}]
    x-portcullis: {resources: [{type: Vault, path: vault}]}
    get: {operationId: openVault, responses: {'200': {$ref: '#/components/responses/any'}}}
  /boxes/{box}:
    parameters: [{name: box, in: path, required: true, schema: {type: [integer, 'null']}}]
    x-portcullis: {resources: [{type: Vault, path: box}]}
    get: {operationId: openBox, responses: {'200': {$ref: '#/components/responses/any'}}}
  /found:
    get:
      operationId: find
      parameters: [{name: vault, in: query, schema: {type: string}}]
      x-portcullis: {resources: [{type: Vault, query: vault}]}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /named:
    get:
      operationId: name
      parameters: [{name: X-Vault, in: header, schema: {type: string}}]
      x-portcullis: {resources: [{type: Vault, header: X-Vault}]}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /moves:
    post:
      operationId: move
      x-portcullis: {resources: [{type: Vault, body: /from}, {type: Shelf, body: /shelf, optional: true}]}
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/move'}}
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/move'}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /shelves/{shelf}/books/{book}:
    parameters:
      - {name: shelf, in: path, required: true, schema: {type: string}}
      - {name: book, in: path, required: true, schema: {type: string}}
      - {name: room, in: query, schema: {type: string}}
    x-portcullis: {resources: [{type: Shelf, path: shelf}, {type: Vault, query: room}]}
    get:
      operationId: readBook
      x-portcullis: {resources: [{type: Book, path: book}, {type: Vault, query: room, optional: true}]}
      responses: {'200': {$ref: '#/components/responses/any'}}
components:
  schemas:
    move: {type: object, properties: {from: {type: [integer, 'null']}, shelf: {type: [integer, string, 'null']}}}
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
/// Whatever is not 7 is for everybody.
const POLICIES: &str = r#"
@id("all") permit (principal, action, resource);
@id("vault") forbid (principal, action, resource == Vault::"7");
@id("shelf") forbid (principal, action, resource == Shelf::"7");
@id("book") forbid (principal, action, resource == Book::"7");
"#;

struct Archive {
    upstream: Upstream,
    gate: Gate,
    issuer: Issuer,
}

impl Archive {
    fn start(mode: &str) -> Self {
        let (upstream, issuer) = (Upstream::with_json("{}"), Issuer::new("one"));
        let directory = setup(CONTRACT, &upstream)
            .with_api(&format!("policy: {{modes: {{contract_in: {mode}}}}}"))
            .written();
        directory.write("keys.json", &key_set(&[&issuer]));
        directory.write("all.cedar", POLICIES);
        let gate = Gate::start(directory);
        Self { upstream, gate, issuer }
    }

    fn send(&self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let authorization = format!("Bearer {}", self.issuer.token());
        let fields = [&[("Authorization", authorization.as_str())], fields].concat();
        self.gate.client().send(method, target, &fields, body)
    }

    fn post(&self, body: &str) -> Answer {
        self.send(
            "POST",
            "/moves",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )
    }

    #[track_caller]
    fn is_permitted(&self, answer: &Answer) {
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.upstream.one();
    }

    /// Denied for this, with nothing sent on.
    #[track_caller]
    fn is_denied(&self, answer: &Answer, place: &str) {
        answer.is_refused_as(place, 403, "authorization.denied");
        let id = answer.json()["request_id"].clone();
        let mut line = Value::Null;
        crate::gate::until("the refusal is logged", || {
            let lines = self.gate.log_of_requests();
            let found = lines.into_iter().find(|line| line["request_id"] == id);
            found.inspect(|found| line = found.clone()).is_some()
        });
        assert_eq!(line["place"], place);
        assert_eq!(self.upstream.seen().len(), 0, "it went on");
    }

    /// Refused by whichever control comes first, with nothing sent on.
    #[track_caller]
    fn is_refused(&self, answer: &Answer) {
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
        assert_eq!(self.upstream.seen().len(), 0, "it went on");
    }
}

fn setup(contract: &str, upstream: &Upstream) -> Setup {
    Setup::new(contract, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api("authorization: {policies: [all.cedar]}")
}

#[test]
fn authz_1_an_id_that_may_be_a_number_or_a_text_has_one_spelling_as_a_number() {
    for mode in ["enforce", "observe", "'off'"] {
        let archive = Archive::start(mode);
        let get = |target: &str| archive.send("GET", target, &[], b"");
        for named in ["8", "-7", "blue", "seven", "07", "7a"] {
            archive.is_permitted(&get(&format!("/vaults/{named}")));
        }
        archive.is_denied(&get("/vaults/7"), "cedar:vault");
        // What a reader of numbers takes for 7.
        for odd in ["7.0", "7e0", "70e-1", "0.7e1"] {
            archive.is_denied(&get(&format!("/vaults/{odd}")), "resource-unreadable");
        }
    }
}

#[test]
fn authz_1_an_integer_that_may_be_null_is_spelt_as_an_integer() {
    for mode in ["enforce", "observe", "'off'"] {
        let archive = Archive::start(mode);
        let get = |target: &str| archive.send("GET", target, &[], b"");
        archive.is_permitted(&get("/boxes/8"));
        archive.is_denied(&get("/boxes/7"), "cedar:vault");
        for odd in ["7.0", "07", "+7", "null", "x"] {
            let answer = get(&format!("/boxes/{odd}"));
            match mode {
                "enforce" => archive.is_refused(&answer),
                _ => archive.is_denied(&answer, "resource-unreadable"),
            }
        }
    }
    let archive = Archive::start("enforce");
    archive.is_permitted(&archive.post(r#"{"from":8}"#));
    archive.is_permitted(&archive.post(r#"{"from":8,"shelf":null}"#));
    archive.is_permitted(&archive.post(r#"{"from":8,"shelf":"7.0"}"#));
    for (body, place) in [
        (r#"{"from":7}"#, "cedar:vault"),
        // Null is no name.
        (r#"{"from":null}"#, "resource-missing"),
        (r#"{"from":8.0}"#, "resource-unreadable"),
        (r#"{"from":8,"shelf":7}"#, "cedar:shelf"),
        (r#"{"from":8,"shelf":"7"}"#, "cedar:shelf"),
        (r#"{"from":8,"shelf":8.0}"#, "resource-unreadable"),
    ] {
        archive.is_denied(&archive.post(body), place);
    }
}

#[test]
fn authz_1_a_header_field_that_is_there_twice_names_nothing() {
    for mode in ["enforce", "observe"] {
        let archive = Archive::start(mode);
        let get = |fields: &[(&str, &str)]| archive.send("GET", "/named", fields, b"");
        archive.is_permitted(&get(&[("X-Vault", "8")]));
        archive.is_denied(&get(&[("x-vault", "7")]), "cedar:vault");
        for twins in [
            [("X-Vault", "8"), ("X-Vault", "7")],
            [("X-Vault", "8"), ("x-vault", "8")],
        ] {
            let answer = get(&twins);
            match mode {
                "enforce" => archive.is_refused(&answer),
                _ => archive.is_denied(&answer, "resource-unreadable"),
            }
        }
        // Both are HTTP_X_VAULT to whoever reads header fields as CGI does.
        let answer = get(&[("X-Vault", "8"), ("X_Vault", "7")]);
        match mode {
            "enforce" => {
                assert_eq!(answer.status, 200, "what is not declared is left out");
                assert_eq!(archive.upstream.one().header("x_vault"), None);
            }
            _ => archive.is_denied(&answer, "resource-unreadable"),
        }
    }
}

#[test]
fn authz_1_a_plus_in_a_query_names_nothing() {
    for mode in ["enforce", "observe"] {
        let archive = Archive::start(mode);
        let get = |query: &str| archive.send("GET", &format!("/found?{query}"), &[], b"");
        for named in ["vault=a%20b", "vault=a%2Bb", "vault=8"] {
            archive.is_permitted(&get(named));
        }
        // `a b` to some, `a+b` to others.
        for odd in ["vault=a+b", "vault=+7", "vault=7+"] {
            archive.is_denied(&get(odd), "resource-unreadable");
        }
    }
}

#[test]
fn d4_what_a_path_names_no_operation_of_it_forgets() {
    let archive = Archive::start("enforce");
    let get = |target: &str| archive.send("GET", target, &[], b"");
    archive.is_permitted(&get("/shelves/8/books/8?room=8"));
    archive.is_denied(&get("/shelves/7/books/8?room=8"), "cedar:shelf");
    archive.is_denied(&get("/shelves/8/books/7?room=8"), "cedar:book");
    archive.is_denied(&get("/shelves/8/books/8?room=7"), "cedar:vault");
    // Nor does it make optional what the path asks for.
    archive.is_denied(&get("/shelves/8/books/8"), "resource-missing");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn authz_1_a_body_that_cannot_be_decoded_names_nothing() {
    const JSON: &[u8] = br#"{"from":8}"#;
    let packed = gzip(JSON);
    let (cut, more) = (&packed[..packed.len() - 4], [&packed[..], b"x"].concat());
    let bomb = gzip(&[b" ".repeat(4 << 20), JSON.to_vec()].concat());
    for mode in ["observe", "'off'", "enforce"] {
        let archive = Archive::start(mode);
        let post = |media_type: &str, coding: &str, body: &[u8]| {
            let fields = [("Content-Type", media_type), ("Content-Encoding", coding)];
            archive.send("POST", "/moves", &fields, body)
        };
        let json = "application/json";
        if mode != "'off'" {
            archive.is_permitted(&post(json, "gzip", &packed));
            archive.is_permitted(&post(json, "identity", JSON));
        }
        for (media_type, coding, body) in [
            // JSON as it stands, and something else to whoever decodes it as well as they can.
            (json, "gzip", JSON),
            (json, "deflate", JSON),
            (json, "br", JSON),
            ("application/x-www-form-urlencoded", "gzip", b"from=8"),
            (json, "gzip", cut),
            (json, "gzip", &more),
            (json, "gzip", &bomb),
            (json, "x-unknown", JSON),
            (json, "gzip, gzip", JSON),
        ] {
            let answer = post(media_type, coding, body);
            match mode {
                "enforce" => assert!(matches!(answer.status, 400 | 413 | 415), "{coding}: {}", answer.text()),
                _ => archive.is_denied(&answer, "resource-unreadable"),
            }
        }
        assert_eq!(archive.upstream.seen().len(), 0, "{mode}");
    }
}

#[test]
fn a_body_that_cannot_be_decoded_is_told_where_the_contract_observes() {
    let archive = Archive::start("observe");
    let fields = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    archive.send("POST", "/moves", &fields, br#"{"from":8}"#);
    crate::gate::until("it is counted", || {
        let counted = ["portcullis_would_refuse_total", "http.encoding.broken"];
        archive.gate.metric(&counted) >= 1.0
    });
}

#[test]
fn d5_a_decision_that_is_avoided_without_a_credential_is_warned_of() {
    let upstream = Upstream::with_json("{}");
    let either = CONTRACT.replace(
        "get: {operationId: openVault,",
        "get: {operationId: openVault, security: [{}, {bearer: []}],",
    );
    let bare = |security: &str| {
        let get = format!(
            "  /rates:\n    get: {{operationId: readRates, security: {security}, responses: {{'200': {{$ref: '#/components/responses/any'}}}}}}\n"
        );
        either.replace("  /moves:\n", &format!("{get}  /moves:\n"))
    };
    let told = |contract: &str, authorization: &str| {
        let directory = setup(contract, &upstream).written();
        directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
        directory.write("all.cedar", POLICIES);
        let configuration = directory
            .read("gate.yaml")
            .replace("authorization: {policies: [all.cedar]}", authorization);
        directory.write("gate.yaml", &configuration);
        let output = run(&directory.0, &["check", "-c", "gate.yaml", "--json"]);
        assert_eq!(output.status.code(), Some(0));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let problems = told.as_array().or(told["problems"].as_array()).unwrap().clone();
        let warned = problems
            .into_iter()
            .find(|problem| problem.to_string().contains("is let in"));
        warned.map(|problem| [&problem["line"], &problem["severity"], &problem["help"]].map(Value::clone))
    };
    let decided = "authorization: {policies: [all.cedar]}";
    let warned = told(&bare("[{}, {bearer: []}]"), decided).unwrap();
    let line = bare("[{}]")
        .lines()
        .position(|line| line.contains("readRates"))
        .unwrap()
        + 1;
    assert_eq!(warned[..2], [json!(line), json!("warning")]);
    assert!(warned[2].as_str().unwrap().contains("take `{}` out"), "{warned:?}");
    // Whoever names a resource is decided on also as nobody; where nothing else is taken, and where it is not decided, nothing is avoided.
    assert_eq!(told(&either, decided), None);
    assert_eq!(told(&bare("[]"), decided), None);
    assert_eq!(told(&bare("[{bearer: []}]"), decided), None);
    let observed = format!("{decided}\n    policy: {{modes: {{authorization: 'off'}}}}");
    assert_eq!(told(&bare("[{}, {bearer: []}]"), &observed), None);
}
