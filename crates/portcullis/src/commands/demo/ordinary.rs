//! A little ordinary traffic: what the contract is for, one call of nearly every operation by whoever would make it. A gate that refuses any of it
//! protects nothing.

use serde_json::Value;

use super::certificates::Certified;
use super::client::{Answer, Request};
use super::credentials::{basic, password};
use super::people::{ALICE, BOB, DEMO, MALLORY, MAYA, Person};
use super::stage::{Guarded, Over};

/// What became of the ordinary traffic.
#[derive(Debug, Default)]
pub(super) struct Ordinary {
    /// How many requests were sent.
    pub(super) requests: usize,
    /// Those that were not answered as Natter answers them: request and what came instead.
    pub(super) failed: Vec<String>,
}

impl Ordinary {
    fn note(&mut self, request: &str, sent: Result<(), String>) {
        self.requests += 1;
        if let Err(failed) = sent {
            self.failed.push(format!("{request}: {failed}"));
        }
    }

    /// How many were answered as Natter answers them.
    pub(super) fn answered(&self) -> usize {
        self.requests.saturating_sub(self.failed.len())
    }
}

/// Who sends a request, the request, its JSON body (empty for none), and the status that it deserves.
type Call = (&'static Person, &'static str, &'static str, u16);

/// In this order on a fresh Natter.
const TRAFFIC: [Call; 34] = [
    (
        &ALICE,
        "POST /sessions",
        r#"{"username":"alice","password":"correct horse battery"}"#,
        201,
    ),
    (&ALICE, "GET /users?limit=10", "", 200),
    (&ALICE, "GET /users/2", "", 200),
    (
        &ALICE,
        "POST /users",
        r#"{"username":"carol","password":"carol-likes-cats"}"#,
        201,
    ),
    (&ALICE, "PATCH /users/2", r#"{"display_name":"Alice"}"#, 200),
    (&BOB, "GET /spaces?limit=5", "", 200),
    (&BOB, "GET /spaces?filter%5Bowner%5D=bob", "", 200),
    (&BOB, "POST /spaces", r#"{"name":"gardens"}"#, 201),
    (&BOB, "GET /spaces/1", "", 200),
    (&BOB, "GET /spaces/1/members", "", 200),
    (
        &DEMO,
        "PUT /spaces/1/members/carol",
        r#"{"permissions":["read","write"]}"#,
        200,
    ),
    (&DEMO, "DELETE /spaces/1/members/carol", "", 204),
    (
        &ALICE,
        "POST /spaces/1/messages",
        r#"{"content":{"type":"text","text":"Good morning!"},"reply_to":2}"#,
        201,
    ),
    (
        &BOB,
        "POST /spaces/1/messages",
        r#"{"content":{"type":"link","url":"http://news.example/example"}}"#,
        201,
    ),
    (
        &BOB,
        "GET /spaces/1/messages?author=alice&author=bob&order=desc",
        "",
        200,
    ),
    (
        &ALICE,
        "GET /spaces/1/messages?since=2020-01-01T00:00:00Z&limit=2",
        "",
        200,
    ),
    (&ALICE, "GET /spaces/1/messages/1", "", 200),
    (&ALICE, "GET /spaces/1/export", "", 200),
    (
        &ALICE,
        "POST /spaces/1/shares",
        r#"{"permissions":["read"],"message_id":1}"#,
        201,
    ),
    (&BOB, "POST /shares/open", r#"{"token":"share-1"}"#, 200),
    // What is one's own, or open to one.
    (&BOB, "GET /spaces/2/messages", "", 200),
    (&ALICE, "GET /spaces/3/export", "", 200),
    (&ALICE, "PUT /spaces/3/members/bob", r#"{"permissions":["read"]}"#, 200),
    (&ALICE, "GET /spaces/3/members", "", 200),
    (&ALICE, "DELETE /spaces/3/members/bob", "", 204),
    (&MALLORY, "GET /spaces/1/messages?limit=1", "", 200),
    (&MALLORY, "PATCH /users/4", r#"{"display_name":"Mallory"}"#, 200),
    (&MAYA, "GET /spaces/1/messages", "", 200),
    (&MAYA, "DELETE /spaces/1/messages/3", "", 204),
    (&DEMO, "GET /logs?limit=5", "", 200),
    (&DEMO, "GET /users?limit=5", "", 200),
    // What is not there and what is not allowed is ordinary too: the service says so, or the gate does.
    (&ALICE, "GET /spaces/1/messages/999", "", 404),
    (&ALICE, "GET /spaces/999", "", 403),
    (&MAYA, "GET /logs", "", 403),
];

/// What goes with a request beside the access tokens of [`TRAFFIC`].
type Presenting = (&'static str, fn(&Guarded, &str) -> Result<Presented, String>, u16);
type Fields = Vec<(&'static str, String)>;
type Presented = (Fields, Over);

/// The same by other credentials: keys and opaque tokens of each, a login, a service that signs, certificates, and tokens that are
/// bound to one or to a key.
const OTHERWISE: [Presenting; 16] = [
    ("GET /users?limit=3", |stage, _| key(stage, &ALICE), 200),
    ("GET /spaces/1/messages", |stage, _| key(stage, &BOB), 200),
    ("GET /users/2", |stage, _| key(stage, &MAYA), 200),
    ("GET /users?limit=4", |stage, _| key(stage, &DEMO), 200),
    ("GET /users/3", |stage, _| token(stage, &ALICE), 200),
    ("GET /spaces/1", |stage, _| token(stage, &BOB), 200),
    ("GET /spaces/1/members", |stage, _| token(stage, &MAYA), 200),
    ("GET /users?limit=2", |stage, _| token(stage, &DEMO), 200),
    ("POST /tokens", |_, _| Ok((login(&ALICE), Over::Tcp)), 201),
    (
        "GET /spaces/1/export",
        |stage, request| Ok((stage.credentials.signed(request, "")?, Over::Tcp)),
        200,
    ),
    (
        "GET /spaces/1/export",
        |stage, _| certified(stage, &stage.certificates.mirror),
        200,
    ),
    (
        "GET /spaces/1/messages?limit=1",
        |stage, _| certified(stage, &stage.certificates.kiosk),
        200,
    ),
    ("GET /users/2", bound_to_certificate, 200),
    ("GET /users/3", bound_to_key, 200),
    ("GET /spaces/1/messages?limit=3", bound_to_key, 200),
    // What the gate does not verify the certificate for is as good over TLS.
    (
        "GET /users?limit=5",
        |stage, _| Ok((key(stage, &ALICE)?.0, stage.over_tls(None)?)),
        200,
    ),
];

fn certified(stage: &Guarded, certified: &Certified) -> Result<Presented, String> {
    Ok((Vec::new(), stage.over_tls(Some(certified))?))
}

fn bound_to_certificate(stage: &Guarded, _: &str) -> Result<Presented, String> {
    let (_, over) = certified(stage, &stage.certificates.mirror)?;
    Ok((bearer(&stage.bound.mirror), over))
}

fn bound_to_key(stage: &Guarded, request: &str) -> Result<Presented, String> {
    Ok((stage.bound.fields(request, stage.gate)?, Over::Tcp))
}

fn bearer(token: &str) -> Fields {
    vec![("authorization", format!("Bearer {token}"))]
}

fn key(stage: &Guarded, person: &Person) -> Result<Presented, String> {
    Ok((vec![("x-api-key", stage.credentials.key(person).to_owned())], Over::Tcp))
}

fn token(stage: &Guarded, person: &Person) -> Result<Presented, String> {
    Ok((bearer(stage.credentials.token(person)), Over::Tcp))
}

fn login(person: &Person) -> Fields {
    vec![("authorization", basic(person.name, password(person)))]
}

/// Which spaces are shown to whom, by their names: those that they may read. Bob has made the last one a moment ago.
const SPACES: [(&Person, &[&str]); 4] = [
    (&ALICE, &["general", "alice's diary"]),
    (&BOB, &["general", "trains", "gardens"]),
    (&MALLORY, &["general"]),
    (&DEMO, &["general"]),
];

/// Sends the traffic to a gate in front of a fresh Natter, each request with a credential of whoever sends it.
pub(super) fn send(stage: &Guarded) -> Ordinary {
    let mut ordinary = Ordinary::default();
    let by_token = TRAFFIC
        .iter()
        .map(|(person, request, body, status)| (*request, by(stage, person), *body, *status));
    let otherwise = OTHERWISE
        .iter()
        .map(|(request, presented, status)| (*request, presented(stage, request), "", *status));
    for (request, presented, body, status) in by_token.chain(otherwise) {
        let sent = presented.and_then(|presented| send_one(stage, request, presented, body, status));
        ordinary.note(request, sent.map(drop));
    }
    for (person, names) in SPACES {
        let request = "GET /spaces";
        let sent = by(stage, person).and_then(|presented| send_one(stage, request, presented, "", 200));
        ordinary.note(request, sent.and_then(|answer| holds(&answer, names)));
    }
    ordinary
}

fn by(stage: &Guarded, person: &Person) -> Result<Presented, String> {
    let token = stage.issuer.token(person).map_err(|error| error.to_string())?;
    Ok((bearer(&token), Over::Tcp))
}

/// # Errors
/// What came instead of the status that the request deserves.
fn send_one(
    stage: &Guarded,
    request: &str,
    (mut headers, over): Presented,
    body: &str,
    status: u16,
) -> Result<Answer, String> {
    if !body.is_empty() {
        headers.push(("content-type", "application/json".to_owned()));
    }
    let (method, target) = request.split_once(' ').unwrap_or(("GET", request));
    let sent = Request {
        method,
        target,
        headers: &headers,
        body: body.as_bytes(),
    };
    match stage.send(&over, &sent) {
        Ok(answer) if answer.status == status => Ok(answer),
        Ok(answer) => Err(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))),
        Err(error) => Err(error.to_string()),
    }
}

/// # Errors
/// The list does not hold what has these names, in their order, and nothing else.
fn holds(answer: &Answer, names: &[&str]) -> Result<(), String> {
    let items: Vec<Value> = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let found: Vec<&str> = items.iter().filter_map(|item| item.get("name")?.as_str()).collect();
    match found == names {
        true => Ok(()),
        false => Err(format!("{} in place of {}", found.join(", "), names.join(", "))),
    }
}
