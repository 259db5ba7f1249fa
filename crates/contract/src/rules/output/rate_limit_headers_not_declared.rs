//! A 429 does not say when to come back
//!
//! An operation answers 429 without `Retry-After` or a `RateLimit` header.
//!
//! # Why
//!
//! A client that does not know when to come back comes back at once, and so do all others. The limit that should protect the
//! service then keeps it busy with refusals.
//!
//! # Incident
//!
//! The nearest is Amazon's DynamoDB in September 2015: servers that had got no answer asked again and again, and the load of
//! their questions kept the service from recovering for hours.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '429': {description: Too often.} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '429':
//!           description: Too often.
//!           headers:
//!             Retry-After: {schema: {type: integer, maximum: 86400}}
//!     post:
//!       responses:
//!         '429':
//!           description: Too often.
//!           headers:
//!             X-RateLimit-Reset: {schema: {type: integer}}
//! ```
//!
//! # Fix
//!
//! Declare `Retry-After` (RFC 9110 §10.2.3) at 429, once in `components/responses`, and send it.
//!
//! # At the gate
//!
//! Every 429 of the gate has `Retry-After`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "rate-limit-headers-not-declared",
        category: "output",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[799],
            asvs: &[],
            nist: &["MS-SS-8"],
        },
        text: include_str!("rate_limit_headers_not_declared.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for answer in operation.answers.iter().filter(|answer| answer.status == "429") {
        let tells = |name: &str| {
            let name = plain(name);
            name == "retryafter" || name.contains("ratelimit")
        };
        if !answer.headers.iter().any(|header| tells(header.name)) {
            let message = format!("429 of `{}` does not say when to come back", operation.name());
            found.operation(operation, answer.at, message);
        }
    }
}
