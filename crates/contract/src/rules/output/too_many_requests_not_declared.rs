//! Operations do not declare 429
//!
//! No answer says that a caller asks too often.
//!
//! # Why
//!
//! It is a sign that nobody bounds how often callers may ask, which makes every other weakness worse: passwords and codes
//! are guessed, data is copied record by record, and one caller's programming error stops the service for all. Clients that
//! were never told of 429 also do not slow down when they get one.
//!
//! # Incident
//!
//! In 2016 Anand Prakash found that Facebook's test site did not bound how often the six digits of a password reset could be
//! tried. Any account could have been taken over; he was paid 15,000 dollars.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get: # <-
//!       responses:
//!         '200': {description: Orders.}
//!         '500': {description: Broken.}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200': {description: Orders.}
//!         '429': {description: Too often.}
//!     post:
//!       responses:
//!         '200': {description: Done.}
//!         default: {description: Any error.}
//! ```
//!
//! # Fix
//!
//! Bound how often each caller may ask, answer 429 with `Retry-After`, and declare it, once in `components/responses`.
//!
//! # At the gate
//!
//! The gate limits every operation by address unless told otherwise, and answers 429 `rate.exceeded` with `Retry-After`
//! ([rate limits](../../docs/rate-limits.md)).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{ErrorKind, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "too-many-requests-not-declared",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 799],
            asvs: &["2.4.1"],
            nist: &["MS-SS-8"],
        },
        text: include_str!("too_many_requests_not_declared.rs"),
    },
    cost: Cost::Lacks(&[ErrorKind::TooMany]),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if survey.lacks(operation, ErrorKind::TooMany) {
        let message = format!("`{}` does not declare 429", operation.name());
        found.operation(operation, operation.at, message);
    }
}
