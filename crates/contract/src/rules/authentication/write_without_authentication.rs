//! An operation that changes something asks nobody who they are
//!
//! A `POST`, `PUT`, `PATCH` or `DELETE` has no security requirement, although other operations of the same contract ask
//! for a credential.
//!
//! # Why
//!
//! What anybody may change, somebody will: records are made, altered and deleted by whoever finds the address, and no
//! log can say who it was. An operation that has to be open, such as a registration, should say so and why, so that a
//! reader can tell intention from oversight.
//!
//! # Incident
//!
//! In 2024 Twilio closed an operation of its Authy service that asked for no credential: callers had sent it telephone
//! numbers, and learnt for about 33 million of them that they belonged to an account.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders/{id}:
//!     get:
//!       security: [{token: []}]
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: The order.}}
//!     delete: # <-
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security:
//!   - token: []
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders/{id}:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /feedback:
//!     post:
//!       security: []
//!       x-portcullis:
//!         public: visitors without an account write to us, too
//!       responses: {'201': {description: Made.}}
//! ```
//!
//! # Fix
//!
//! Ask for a credential with `security`, at the operation or at the root; or say with `x-portcullis: {public: REASON}`
//! that everybody may call it.
//!
//! # At the gate
//!
//! The gate lets callers in as the contract says, so it asks for nothing either; `portcullis coverage` lists such an
//! operation as not judged. An overlay can add `security` to a contract that is not yours to change.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{asks_anywhere, is_open, is_switched_off};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "write-without-authentication",
        category: "authentication",
        severity: Severity::Critical,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[306],
            asvs: &["8.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("write_without_authentication.rs"),
    },
    cost: Cost::Security(Area::Authentication, 100),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    if !asks_anywhere(survey) {
        return;
    }
    for operation in &survey.operations {
        if operation.is_write() && is_open(survey, operation) && !is_switched_off(survey, operation) {
            found.operation(
                operation,
                operation.at,
                format!("`{}` asks for no credential", operation.name()),
            );
        }
    }
}
