//! An operation that changes something asks nobody who they are
//!
//! A `POST`, `PUT`, `PATCH` or `DELETE` has no security requirement, or one that lets callers without any credential
//! in.
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
//! paths:
//!   /orders/{id}:
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
//!   /registrations:
//!     post:
//!       security: []
//!       x-portcullis:
//!         public: whoever registers has no account yet
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
//! `authenticate: true` in the policy of an API makes the gate ask for a credential whatever the contract says.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_open;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
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
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if operation.is_write() && is_open(survey, operation) {
        found.operation(
            operation,
            operation.at,
            format!("`{}` asks for no credential", operation.name()),
        );
    }
}
