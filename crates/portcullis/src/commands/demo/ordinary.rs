//! A little ordinary traffic: what the contract is for, one call of nearly every operation by whoever would make it. A gate that refuses any of it
//! protects nothing.

use std::net::SocketAddr;

use super::client::{self, Request};
use super::people::{ALICE, BOB, DEMO, Issuer, MAYA, Person};

/// What became of the ordinary traffic.
#[derive(Debug, Default)]
pub(super) struct Ordinary {
    /// How many requests were sent.
    pub(super) requests: usize,
    /// Those that were not answered as Natter answers them: request and what came instead.
    pub(super) failed: Vec<String>,
}

impl Ordinary {
    /// How many were answered as Natter answers them.
    pub(super) fn answered(&self) -> usize {
        self.requests.saturating_sub(self.failed.len())
    }
}

/// Who sends a request, the request, its JSON body (empty for none), and the status that it deserves.
type Call = (&'static Person, &'static str, &'static str, u16);

/// In this order on a fresh Natter.
const TRAFFIC: [Call; 26] = [
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
    (&MAYA, "GET /spaces/1/messages", "", 200),
    (&MAYA, "DELETE /spaces/1/messages/3", "", 204),
    (&DEMO, "GET /logs?limit=5", "", 200),
    (&DEMO, "GET /users?limit=5", "", 200),
    // What is not there and what is not allowed is ordinary too: the service says so, or the gate does.
    (&ALICE, "GET /spaces/999", "", 404),
    (&MAYA, "GET /logs", "", 403),
];

/// Sends the traffic to a gate in front of a fresh Natter, each request with the token of whoever sends it.
pub(super) fn send(gate: SocketAddr, issuer: &Issuer) -> Ordinary {
    let mut ordinary = Ordinary::default();
    for call in TRAFFIC {
        ordinary.requests += 1;
        if let Err(failed) = send_one(gate, issuer, call) {
            ordinary.failed.push(format!("{}: {failed}", call.1));
        }
    }
    ordinary
}

/// # Errors
/// What came instead of the status that the request deserves.
fn send_one(gate: SocketAddr, issuer: &Issuer, (person, request, body, status): Call) -> Result<(), String> {
    let token = issuer.token(person).map_err(|error| error.to_string())?;
    let mut headers = vec![("authorization", format!("Bearer {token}"))];
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
    match client::send(gate, &sent) {
        Ok(answer) if answer.status == status => Ok(()),
        Ok(answer) => Err(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))),
        Err(error) => Err(error.to_string()),
    }
}
