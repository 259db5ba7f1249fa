//! A WebSocket is opened in clear text
//!
//! One of the servers has a `ws://` URL that leads to another machine. Where credentials are sent to it,
//! `credentials-in-clear-text` tells of it instead.
//!
//! # Why
//!
//! A WebSocket stays open for hours, and everything that passes is read and changed by whoever is on the way. Messages
//! have no signature of their own: one that was put in between looks like all others. Proxies that do not know the
//! protocol make it worse, since they take what they see for HTTP.
//!
//! # Incident
//!
//! The nearest that really happened: in 2010 the browser extension Firesheep showed everybody in an open wireless
//! network the sessions of the others, and took them over with a click. It read cookies that went over HTTP; the
//! handshake of a `ws://` socket carries the same cookies.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: ws://chat.example.com # <-
//!   - url: wss://chat.example.com
//! paths:
//!   /rooms/{room}:
//!     get:
//!       responses: {'101': {description: A WebSocket.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: wss://chat.example.com
//!   - url: ws://localhost:8080
//! paths:
//!   /rooms/{room}:
//!     get:
//!       responses: {'101': {description: A WebSocket.}}
//! ```
//!
//! # Fix
//!
//! Write the URL as `wss://`, and close the port that speaks clear text.
//!
//! # At the gate
//!
//! Where a listener has `tls`, the gate answers plain HTTP at its port with `http.tls_required` and forwards nothing.
//! It tells browsers to come by HTTPS only (`tls.hsts_seconds`). WebSockets are opened only where the contract declares
//! an answer `101`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{clear_text, credentials, is_inside, uses};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "clear-text-websocket",
        category: "transport",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[319],
            asvs: &["4.4.1"],
            nist: &["MS-SS-4"],
        },
        text: include_str!("clear_text_websocket.rs"),
    },
    cost: Cost::Security(Area::Transport, 100),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for (server, operations) in uses(survey) {
        let Some(url) = clear_text(server).filter(|url| url.to_ascii_lowercase().starts_with("ws")) else {
            continue;
        };
        if !credentials(survey, &operations).is_empty() {
            continue;
        }
        for operation in operations {
            let spot = found.operation(operation, server.at, format!("`{url}` is clear text"));
            if is_inside(&url) {
                spot.severity(Severity::Low);
            }
        }
    }
}
