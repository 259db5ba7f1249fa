//! Operations that ask for a credential do not declare 401
//!
//! An operation asks callers who they are, and does not say what it answers to those who cannot say.
//!
//! # Why
//!
//! A service that was never meant to answer 401 may answer an empty list, a page to log in on with status 200, or the data.
//! Without the status nobody can test that strangers are turned away, and nobody can count how many were.
//!
//! # Incident
//!
//! No incident is known that a 401 which is not declared made alone: it is a gap in what is documented (CWE-1059). The
//! nearest is of January 2023: T-Mobile told that data of about 37 million accounts had been taken through one API
//! without authorisation, for about six weeks before it was noticed.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! security:
//!   - token: []
//! paths:
//!   /orders:
//!     get: # <-
//!       responses:
//!         '200': {description: Orders.}
//!         '403': {description: Not yours.}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! security:
//!   - token: []
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200': {description: Orders.}
//!         '401': {description: Who are you?}
//!     post:
//!       responses:
//!         '200': {description: Done.}
//!         4XX: {description: Any error.}
//!   /health:
//!     get:
//!       security: []
//!       responses:
//!         '200': {description: Well.}
//! ```
//!
//! # Fix
//!
//! Declare 401 with the schema of all errors, once in `components/responses`, and refer to it from every operation that asks for
//! a credential.
//!
//! # At the gate
//!
//! Callers without a good credential are 401 `authentication.required`, with `WWW-Authenticate`, whatever the contract declares.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{ErrorKind, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "unauthorized-not-declared",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 8],
            owasp_2019: &[2, 7],
            cwe: &[1059],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("unauthorized_not_declared.rs"),
    },
    cost: Cost::Lacks(&[ErrorKind::Unauthenticated]),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if survey.lacks(operation, ErrorKind::Unauthenticated) {
        let message = format!("`{}` asks for a credential, and does not declare 401", operation.name());
        found.operation(operation, operation.at, message);
    }
}
