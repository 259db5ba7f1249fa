//! A body is declared where a body has no meaning
//!
//! A `GET`, `HEAD` or `DELETE` takes a body. HTTP gives it no meaning (RFC 9110 §9.3), and programs on the way treat it
//! differently.
//!
//! # Why
//!
//! A cache looks at the URL and not at the body, so that one caller's answer is kept for another's question. A proxy may
//! drop the body, or refuse it, or leave it lying in the connection, where it is read as the next request. What a firewall
//! looked at is then not what the service acts on.
//!
//! # Incident
//!
//! In 2020 James Kettle published attacks with bodies in `GET` requests: caches kept what the body had brought about under the
//! plain URL, and gave it to everybody who asked for that.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       requestBody: # <-
//!         content: {application/json: {schema: {type: object}}}
//!       responses: {}
//!     delete:
//!       requestBody: # <-
//!         content: {application/json: {schema: {type: object}}}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: day, in: query, schema: {type: string, format: date}}
//!       responses: {}
//!   /orders/searches:
//!     post:
//!       requestBody:
//!         content: {application/json: {schema: {type: object}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Put what is asked for into the query, or make it a `POST`; name what is deleted by its path.
//!
//! # At the gate
//!
//! A body that the contract declares is judged, whatever the method; one that it does not declare is refused.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "get-with-body",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[436, 444],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("get_with_body.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let Some(body) = &operation.body else { return };
    if !matches!(operation.method, "GET" | "HEAD" | "DELETE" | "TRACE") {
        return;
    }
    let message = format!("`{}` takes a body", operation.name());
    let spot = found.operation(operation, body.at, message);
    if operation.method == "DELETE" {
        spot.severity(Severity::Info);
    }
}
