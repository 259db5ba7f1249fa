//! A little ordinary traffic: what the contract is for, one call of nearly every operation. A gate that refuses any of it
//! protects nothing.

use std::net::SocketAddr;

use super::client::{self, Request};

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

/// The request, its JSON body (empty for none), and the status that it deserves. In this order on a fresh Natter.
const TRAFFIC: [(&str, &str, u16); 22] = [
    (
        "POST /sessions",
        r#"{"username":"alice","password":"correct horse battery"}"#,
        201,
    ),
    ("GET /users?limit=10", "", 200),
    ("GET /users/2", "", 200),
    (
        "POST /users",
        r#"{"username":"carol","password":"carol-likes-cats"}"#,
        201,
    ),
    ("PATCH /users/2", r#"{"display_name":"Alice"}"#, 200),
    ("GET /spaces?limit=5", "", 200),
    ("GET /spaces?filter%5Bowner%5D=bob", "", 200),
    ("POST /spaces", r#"{"name":"gardens"}"#, 201),
    ("GET /spaces/1", "", 200),
    ("GET /spaces/1/members", "", 200),
    (
        "PUT /spaces/1/members/carol",
        r#"{"permissions":["read","write"]}"#,
        200,
    ),
    ("DELETE /spaces/1/members/carol", "", 204),
    (
        "POST /spaces/1/messages",
        r#"{"content":{"type":"text","text":"Good morning!"},"reply_to":2}"#,
        201,
    ),
    (
        "POST /spaces/1/messages",
        r#"{"content":{"type":"link","url":"http://news.example/example"}}"#,
        201,
    ),
    ("GET /spaces/1/messages?author=alice&author=bob&order=desc", "", 200),
    ("GET /spaces/1/messages?since=2020-01-01T00:00:00Z&limit=2", "", 200),
    ("GET /spaces/1/messages/1", "", 200),
    ("GET /spaces/1/export", "", 200),
    (
        "POST /spaces/1/shares",
        r#"{"permissions":["read"],"message_id":1}"#,
        201,
    ),
    ("POST /shares/open", r#"{"token":"share-1"}"#, 200),
    // What is not there and what is not allowed is ordinary too: the service says so, and the gate lets it.
    ("GET /spaces/999", "", 404),
    ("GET /logs", "", 403),
];

/// Sends the traffic to a gate in front of a fresh Natter.
pub(super) fn send(gate: SocketAddr) -> Ordinary {
    let mut ordinary = Ordinary::default();
    let json = [("content-type", "application/json".to_owned())];
    for (request, body, status) in TRAFFIC {
        ordinary.requests += 1;
        let (method, target) = request.split_once(' ').unwrap_or(("GET", request));
        let sent = Request {
            method,
            target,
            headers: if body.is_empty() { &[] } else { &json },
            body: body.as_bytes(),
        };
        match client::send(gate, &sent) {
            Ok(answer) if answer.status == status => {}
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body);
                ordinary.failed.push(format!("{request}: {} {said}", answer.status));
            }
            Err(error) => ordinary.failed.push(format!("{request}: {error}")),
        }
    }
    ordinary
}
