//! A server is called in clear text
//!
//! One of the servers has an `http://` URL that leads to another machine. Where credentials are sent to it,
//! `credentials-in-clear-text` tells of it instead.
//!
//! # Why
//!
//! Everybody between caller and server reads and changes what is exchanged: a guest in the same wireless network, a
//! proxy, a provider. What is public to read can still be falsified on its way, prices and addresses as well as
//! programs. Where the same host is called by HTTPS too, the clear way is the one that attackers will lead callers to.
//!
//! # Incident
//!
//! In 2015 the Great Cannon of China changed scripts of Baidu on their way to visitors abroad, so that their browsers
//! attacked GitHub for days. It could do that because the scripts went over HTTP.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: http://api.example.com/v1 # <-
//!   - url: https://api.example.com/v1
//!   - url: '{scheme}://eu.example.com' # <-
//!     variables: {scheme: {default: https, enum: [https, http]}}
//! paths:
//!   /prices:
//!     get:
//!       responses: {}
//!   /rates:
//!     servers: [{url: 'http://rates.example.com'}] # <-
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: http://localhost:8080
//!   - url: http://127.0.0.1
//!   - url: /v1
//!   - url: '{scheme}://eu.example.com'
//!     variables: {scheme: {default: https, enum: [https]}}
//!   - url: 'http://{host}:8080'
//!     variables: {host: {default: localhost}}
//! paths:
//!   /prices:
//!     get:
//!       responses: {}
//! ```
//!
//! ```yaml
//! servers: [{url: 'http://api.example.com'}]
//! security: [{token: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the `http://` server out of the contract, write it as `https://`, and close the port that speaks clear text: a
//! redirect comes after the request was read.
//!
//! # At the gate
//!
//! Where a listener has `tls`, the gate answers plain HTTP at its port with `http.tls_required` and forwards nothing.
//! It tells browsers to come by HTTPS only (`tls.hsts_seconds`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{clear_text, credentials, is_inside, urls, uses};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "clear-text-server",
        category: "transport",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[319],
            asvs: &["12.2.1", "4.1.2"],
            nist: &["MS-SS-4"],
        },
        text: include_str!("clear_text_server.rs"),
    },
    cost: Cost::Security(Area::Transport, 100),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let all = uses(survey);
    for (server, operations) in &all {
        let Some(url) = clear_text(server).filter(|url| !url.to_ascii_lowercase().starts_with("ws")) else {
            continue;
        };
        if !credentials(survey, operations).is_empty() {
            continue;
        }
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let protected = format!("https://{rest}");
        let has_twin = survey.servers.iter().any(|other| urls(other).contains(&protected));
        let message = if has_twin {
            format!("`{url}` is clear text, although `{protected}` is there, too")
        } else {
            format!("`{url}` is clear text")
        };
        for operation in operations {
            let spot = found.operation(operation, server.at, message.clone());
            if is_inside(&url) {
                spot.severity(Severity::Low);
            }
        }
    }
}
