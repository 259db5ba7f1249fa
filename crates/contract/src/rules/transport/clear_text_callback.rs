//! The API calls back in clear text
//!
//! The URL of a callback begins with `http://`, or one of its servers does.
//!
//! # Why
//!
//! What the API sends is read and changed by everybody on the way: orders, payments, events. The receiver cannot tell a
//! real one from one that was made up, and does what it says. A secret in the URL or in a header field of the callback
//! goes with it.
//!
//! # Incident
//!
//! The nearest that really happened: in 2010 Google told that its cars, while they took pictures of streets, had
//! recorded what passed through open wireless networks for years. There were mails and passwords in it: all that had
//! been sent in clear text.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       callbacks:
//!         paid:
//!           'http://shop.example.com/hooks?order={$response.body#/id}': # <-
//!             post:
//!               responses: {}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       callbacks:
//!         paid:
//!           'https://shop.example.com/hooks?order={$response.body#/id}':
//!             post:
//!               responses: {}
//!         shipped:
//!           '{$request.body#/callbackUrl}':
//!             post:
//!               responses: {}
//!         tried:
//!           'http://localhost:8080/hooks':
//!             post:
//!               responses: {}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write the URL as `https://`, and accept no other from whoever registers one. Sign what is sent, so that the receiver
//! can tell where it is from.
//!
//! # At the gate
//!
//! The gate stands before the API and does not see what the API sends by itself.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{clear_text, is_clear_text};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "clear-text-callback",
        category: "transport",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 10],
            owasp_2019: &[7],
            cwe: &[319],
            asvs: &["12.3.1"],
            nist: &["MS-SS-4"],
        },
        text: include_str!("clear_text_callback.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for callback in &survey.callbacks {
        let operation = &callback.operation;
        if callback.of.is_some() && is_clear_text(operation.path) {
            found.contract(operation.path_at, format!("`{}` is clear text", operation.path));
        }
        for server in &operation.servers {
            if let Some(url) = clear_text(server) {
                found.contract(server.at, format!("`{url}` is clear text"));
            }
        }
    }
}
