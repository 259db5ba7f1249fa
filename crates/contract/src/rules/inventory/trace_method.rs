//! TRACE is declared
//!
//! An operation of the method `TRACE`, which sends back the request as the server got it.
//!
//! # Why
//!
//! What comes back holds what was added on the way: the fields of proxies, cookies that no script may read,
//! credentials that a gateway put in. It is an aid for debugging HTTP, and no API needs it.
//!
//! # Incident
//!
//! In January 2003 Jeremiah Grossman showed how a script reads cookies that are marked `HttpOnly` by `TRACE`, and
//! called it cross-site tracing. Browsers have refused to send it from scripts since; other clients send it.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     trace: # <-
//!       responses: {'200': {description: The request.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!     head:
//!       responses: {'200': {description: That there are some.}}
//! ```
//!
//! # Fix
//!
//! Take it out of the contract, and switch it off in the server.
//!
//! # At the gate
//!
//! The gate serves only methods that the contract declares; any other is 405.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "trace-method",
        category: "inventory",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[489],
            asvs: &["4.1.4", "13.4.4"],
            nist: &[],
        },
        text: include_str!("trace_method.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if operation.method == "TRACE" {
        found.operation(
            operation,
            operation.at,
            format!("`{}` sends requests back", operation.name()),
        );
    }
}
