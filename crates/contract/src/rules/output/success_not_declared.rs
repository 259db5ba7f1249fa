//! An operation does not say what it answers when all goes well
//!
//! No status of 2xx or 3xx is declared, and no `default`.
//!
//! # Why
//!
//! Nobody can tell an answer that is meant from one that slipped out: not the reviewer, not the tests, and nothing that
//! stands in front of the service. Whatever the service sends is undescribed.
//!
//! # Incident
//!
//! The nearest is Experian in 2021: Bill Demirkapi found that a lender's page asked an API of Experian for credit
//! scores with a name, an address and any date of birth, all zeros as well. The API asked for no credential, and
//! answered more than the score: what lowers it, too.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: # <-
//!         '404': {description: None.}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         2XX: {description: Orders.}
//!     post:
//!       responses:
//!         default: {description: Whatever happens.}
//!   /logout:
//!     get:
//!       responses:
//!         '303': {description: Elsewhere.}
//!   /events:
//!     get:
//!       responses:
//!         '101': {description: A WebSocket.}
//! ```
//!
//! # Fix
//!
//! Declare each status of 2xx or 3xx that the operation answers, with a schema where there is a body.
//!
//! # At the gate
//!
//! An answer whose status is not declared is 502 (`contract.response.status`) where the control enforces.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Answer, At, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold, Part};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "success-not-declared",
        category: "output",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("success_not_declared.rs"),
    },
    cost: Cost::Part(Part::Success, 100),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let says = |answer: &Answer<'_>| answer.status == "default" || answer.status.starts_with(['1', '2', '3']);
    if !operation.answers.iter().any(says) {
        let at = At::member(operation.place.node, "responses");
        let message = format!("`{}` does not say what it answers when all goes well", operation.name());
        found.operation(operation, at, message);
    }
}
