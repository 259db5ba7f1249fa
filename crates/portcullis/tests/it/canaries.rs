//! Ten thousand secrets pass through a gate that logs everything it can, and none stands in clear in anything that it writes.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::audit_log::{entries, make, verifies};
use crate::gate::{Gate, Setup, program, until};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Upstream, answer, ok};

/// In every canary that is not a number.
const MARK: &str = "kanarie";
/// Every card begins with it.
const CARDS: &str = "411177";
const REQUESTS: usize = 1250;
const PER_REQUEST: usize = 8;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /cards/{card}:
    post:
      operationId: useCard
      x-portcullis:
        audit_log:
          fields:
            note: {header: X-Note, as: clear}
            password: {body: /password, as: masked}
            card: {body: /card, as: clear}
            mail: {body: /mail, as: hashed}
      parameters:
        - {name: card, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: string}}
        - {name: pin, in: query, schema: {type: string, format: password}}
        - {name: X-Note, in: header, schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties: {password: {type: string, format: password}, card: {type: string}, mail: {type: string}}
      responses:
        '200': {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  /login:
    post:
      operationId: login
      security: [{basic: []}]
      x-portcullis: {login: true}
      responses:
        '200': {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
components:
  securitySchemes: {bearer: {type: http, scheme: bearer}, basic: {type: http, scheme: basic}}
";

/// The check digit of Luhn (ISO/IEC 7812-1).
fn card(number: usize) -> String {
    let digits = format!("{CARDS}{number:09}");
    let doubled = |place: usize, digit: u32| match (place.is_multiple_of(2), digit * 2) {
        (true, twice) if twice > 9 => twice - 9,
        (true, twice) => twice,
        (false, _) => digit,
    };
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(place, digit)| doubled(place, u32::from(digit - b'0')))
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn password(number: usize) -> String {
    format!("{MARK}-Pw{number}")
}

fn token(number: usize) -> String {
    match number % 2 {
        0 => format!("ghp_{MARK}{number:029}"),
        _ => {
            let part = |text: String| URL_SAFE_NO_PAD.encode(text);
            // The mark is in what is not encoded twice: the third part.
            let head = part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
            format!("{head}.{}.{MARK}{number:036}", part(format!(r#"{{"sub":"{number}"}}"#)))
        }
    }
}

fn mail(number: usize) -> String {
    format!("{MARK}{number}@example.com")
}

/// Whether a canary stands in these octets; what stands around it.
fn found(octets: &[u8]) -> Option<String> {
    for mark in [MARK, CARDS] {
        let place = octets.windows(mark.len()).position(|window| window == mark.as_bytes());
        if let Some(place) = place {
            let around = &octets[place.saturating_sub(120)..(place + 120).min(octets.len())];
            return Some(String::from_utf8_lossy(around).into_owned());
        }
    }
    None
}

fn files_below(folder: &Path, see: &mut dyn FnMut(&Path, &[u8])) {
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let path = file.path();
        if path.is_dir() {
            files_below(&path, see);
        } else if let Ok(octets) = std::fs::read(&path) {
            see(&path, &octets);
        }
    }
}

/// A gate that writes down everything it can, and where its audit log lies.
fn started(upstream: &Upstream, collector: &Upstream, issuer: &Issuer) -> (Gate, PathBuf) {
    let directory = Setup::new(CONTRACT, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with("users: [{name: people, file: users}]")
        .with("log: {requests: all, format: json}")
        .with("arrival_limit: {requests: 100000, per: 1s}")
        .with("observe: {file: seen.jsonl}")
        .with(&format!("traces: {{otlp: 'http://{}/v1/traces', sample: 1}}", collector.address))
        .with(
            "audit_log: {path: log, name: gate.example/audit, keys: [log.pem], checkpoint_seconds: 0.2, refusals_per_minute_max: 100000, \
             redaction: {hash_key: hash.key, user_agents: true}}",
        )
        .with_api("security_schemes: {bearer: {issuers: [main]}, basic: {users: people}}")
        .with_api("policy: {modes: {rate_limits: off}}")
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write_secret(
        "users",
        "alice:$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8\n",
    );
    let log = make(&directory);
    // Whatever the system would let it leave.
    let own = program(&directory.0, &["serve", "-c", "gate.yaml"]);
    let mut command = std::process::Command::new("bash");
    command
        .arg("-c")
        .arg("ulimit -c unlimited; exec \"$0\" \"$@\"")
        .arg(own.get_program())
        .args(own.get_args());
    command
        .current_dir(&directory.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    (Gate::start_by(command, directory), log)
}

/// Sends canaries in every place that there is. Says how many requests went through.
fn send(gate: &Gate, bearer: &str) -> usize {
    let mut client = gate.client();
    let mut passed = 0;
    for request in 0..REQUESTS {
        let number = |place: usize| request * PER_REQUEST + place;
        let body =
            json!({"password": password(number(0)), "card": card(number(1)), "mail": mail(number(2))}).to_string();
        let target = match request % 5 {
            // An undeclared parameter is refused.
            4 => format!(
                "/cards/{}?pin={}&other={}",
                card(number(3)),
                password(number(4)),
                password(number(5))
            ),
            3 => format!("/cards/{}?page={}", card(number(3)), token(number(5))),
            _ => format!(
                "/cards/{}?pin={}&page={}",
                card(number(3)),
                password(number(4)),
                mail(number(5))
            ),
        };
        let agent = mail(number(7));
        let note = token(number(6));
        let mut fields = vec![
            ("Content-Type", "application/json"),
            ("X-Note", note.as_str()),
            ("User-Agent", agent.as_str()),
        ];
        fields.push(("Authorization", bearer));
        let answered = client.send("POST", &target, &fields, body.as_bytes());
        passed += usize::from(answered.status == 200);
        if answered.header("connection").is_some() || answered.status >= 500 {
            client = gate.client();
        }
    }
    passed
}

/// Looks through every file.
fn nothing_below(folder: &Path, bearer: &str) {
    let mut seen = 0;
    files_below(folder, &mut |path, octets| {
        seen += 1;
        assert_eq!(found(octets), None, "{}", path.display());
        // Nor the credential of the caller, or a part of it.
        let signature = bearer.rsplit('.').next().unwrap().as_bytes();
        assert!(
            !octets.windows(signature.len()).any(|window| window == signature),
            "{}",
            path.display()
        );
    });
    assert!(seen > 5);
}

#[test]
fn ten_thousand_canaries_pass_and_none_stands_in_clear_anywhere() {
    let upstream = Upstream::start(|seen, stream| {
        // Every tenth answer is an error that tells what it was sent.
        let said = String::from_utf8_lossy(&seen.body).into_owned();
        let bytes = if said.contains("0@") {
            answer(
                "500 Oops",
                &[("Content-Type", "text/plain")],
                format!("{} {said}", seen.line).as_bytes(),
            )
        } else {
            ok("application/json", "{}")
        };
        stream.write_all(&bytes).is_ok()
    });
    let collector = Upstream::start(|_, stream| stream.write_all(&ok("application/x-protobuf", "")).is_ok());
    let issuer = Issuer::new("one");
    let (mut gate, log) = started(&upstream, &collector, &issuer);
    let bearer = format!("Bearer {}", issuer.token_with("at+jwt", json!({"sub": "alice"})));
    let passed = send(&gate, &bearer);
    assert!(passed > REQUESTS / 3, "{passed}");
    for number in 0..5 {
        let basic = STANDARD.encode(format!("alice:{}", password(number)));
        let answered = gate
            .client()
            .send("POST", "/login", &[("Authorization", &format!("Basic {basic}"))], b"");
        assert_ne!(answered.status, 200);
    }
    // What was sent did get through, or nothing would be shown.
    assert!(upstream.seen().iter().any(|seen| found(&seen.body).is_some()));
    until("spans are delivered", || !collector.seen().is_empty());
    let metrics = gate.metrics();
    until("everything is in the log", || entries(&log).len() > REQUESTS);
    assert_eq!(found(metrics.as_bytes()), None);
    gate.signal("-ABRT");
    let status = gate.wait();
    assert!(status.signal().is_some() && !status.core_dumped(), "{status:?}");
    assert_eq!(found(gate.log().join("\n").as_bytes()), None);
    for seen in collector.seen() {
        assert_eq!(found(&seen.body), None);
    }
    nothing_below(&gate.directory.0, &bearer);
    verifies(&log, &[]);
}
