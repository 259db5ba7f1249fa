//! A status that has no body is declared with one
//!
//! 204, 205 or 304 is declared with `content`. Such answers end at their header (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
//!
//! # Why
//!
//! A program that sends a body anyway leaves bytes in the connection that the next program takes for the beginning of the
//! next answer. On a connection that several callers share, that is somebody else's answer.
//!
//! # Incident
//!
//! The nearest is what James Kettle published in 2019: front and back of large sites disagreed where a request ended, and what
//! was left over became a part of the next caller's. At PayPal it was enough to read passwords at the login.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     delete:
//!       responses:
//!         '204': # <-
//!           description: Gone.
//!           content: {application/json: {schema: {type: object}}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     delete:
//!       responses:
//!         '204': {description: Gone.}
//!     put:
//!       responses:
//!         '200':
//!           description: Done.
//!           content: {application/json: {schema: {type: object}}}
//!         '204': {description: Done., content: {}}
//! ```
//!
//! # Fix
//!
//! Take `content` out, or answer 200.
//!
//! # At the gate
//!
//! The gate frames every answer anew; whatever follows the header of a 204 or a 304 is not passed on.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "empty-success-with-body",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[444],
            asvs: &["4.2.2"],
            nist: &[],
        },
        text: include_str!("empty_success_with_body.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for answer in operation.answers.iter().filter(|answer| answer.is_empty()) {
        if !answer.contents.is_empty() {
            let message = format!("{} of `{}` has a body", answer.status, operation.name());
            found.operation(operation, answer.at, message);
        }
    }
}
