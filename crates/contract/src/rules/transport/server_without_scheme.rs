//! A server does not say that it is called by HTTPS
//!
//! The URL of a server begins with `//`, or a contract in OpenAPI 2.0 names a `host` and no `schemes`: the scheme is
//! that by which the contract itself came.
//!
//! # Why
//!
//! Whoever reads the contract from a page in clear text, or from a file, calls the API in clear text, too. An attacker
//! on the way needs to hand out the contract by HTTP once to have all requests that follow.
//!
//! # Incident
//!
//! The nearest that really happened: in 2009 Moxie Marlinspike published sslstrip, which hands pages to users by HTTP
//! and takes the `s` out of all links. It works wherever a client lets the way that it came by decide how it goes on.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: //api.example.com/v1 # <-
//! paths:
//!   /prices:
//!     get:
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! host: api.example.com # <-
//! paths:
//!   /prices:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: /v1
//!   - url: //localhost:8080
//! paths:
//!   /prices:
//!     get:
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! host: api.example.com
//! schemes: [https]
//! paths:
//!   /prices:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write the URL with `https://`; in OpenAPI 2.0 add `schemes: [https]`.
//!
//! # At the gate
//!
//! Where a listener has `tls`, the gate answers plain HTTP at its port with `http.tls_required` and forwards nothing.
//! It tells browsers to come by HTTPS only (`tls.hsts_seconds`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_this_machine, uses};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::survey::operation::host;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "server-without-scheme",
        category: "transport",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[319],
            asvs: &["12.2.1"],
            nist: &["MS-SS-4"],
        },
        text: include_str!("server_without_scheme.rs"),
    },
    cost: Cost::Security(Area::Transport, 20),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for (server, operations) in uses(survey) {
        if server.url.starts_with("//") && !is_this_machine(&host(server.url)) {
            let message = format!("`{}` is called by whichever scheme the contract came by", server.url);
            for operation in operations {
                found.operation(operation, server.at, message.clone());
            }
        }
    }
}
