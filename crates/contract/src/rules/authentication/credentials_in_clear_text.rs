//! Credentials travel in clear text
//!
//! Operations ask for a credential, and one of the servers that they are called at has an `http://` or `ws://` URL.
//!
//! # Why
//!
//! Everybody between caller and server reads what is sent: a guest in the same wireless network, a proxy, a provider. A
//! token, key, password or cookie that is read once is used from elsewhere until it ends. It does not help that the
//! server answers with a redirect to HTTPS: the credential was in the first request.
//!
//! # Incident
//!
//! In 2010 the browser extension Firesheep showed everybody in an open wireless network the sessions of the others at
//! Facebook, Twitter and many more, and took them over with a click: their cookies went over HTTP.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: http://api.example.com/v1 # <-
//!   - url: https://api.example.com/v1
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
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! host: api.example.com # <-
//! schemes: [http]
//! securityDefinitions:
//!   key: {type: apiKey, in: header, name: X-Key}
//! security: [{key: []}]
//! paths:
//!   /orders:
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
//!   - url: http://127.0.0.1:8080
//!   - url: 'http://[::1]:8080'
//!   - url: /v1
//! security: [{token: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!   /prices:
//!     get:
//!       security: []
//!       servers: [{url: 'http://prices.example.com'}]
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the `http://` server out of the contract, write it as `https://`, and close the port that speaks clear text.
//! End credentials that have travelled so.
//!
//! # At the gate
//!
//! Where a listener has `tls`, the gate answers plain HTTP at its port with `http.tls_required` and forwards nothing;
//! it tells browsers to come by HTTPS only (`tls.hsts_seconds`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::transport::{clear_text, credentials, is_inside, uses};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "credentials-in-clear-text",
        category: "authentication",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 8],
            owasp_2019: &[2, 7],
            cwe: &[319, 523],
            asvs: &["12.2.1"],
            nist: &["MS-SS-1", "MS-SS-4"],
        },
        text: include_str!("credentials_in_clear_text.rs"),
    },
    cost: Cost::Security(Area::Transport, 100),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for (server, operations) in uses(survey) {
        let Some(url) = clear_text(server) else { continue };
        let names = credentials(survey, &operations);
        if names.is_empty() {
            continue;
        }
        let message = format!("`{url}` is clear text, and operations send {} there", names.join(", "));
        // Whoever calls the others learns there that clear text is the way.
        for operation in operations {
            let spot = found.operation(operation, server.at, message.clone());
            if is_inside(&url) {
                spot.severity(Severity::Low);
            }
        }
    }
}
