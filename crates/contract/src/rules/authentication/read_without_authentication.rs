//! An operation that reads asks nobody who they are
//!
//! A `GET` has no security requirement, although other operations of the same contract ask for a credential.
//!
//! # Why
//!
//! What anybody may read can be copied whole: a script walks from one identifier to the next, or from page to page, and
//! no log can say who it was. Some of it is meant for everybody, such as a catalogue. The contract should say which, so
//! that a reader can tell intention from oversight.
//!
//! # Incident
//!
//! In 2021 researchers of Pen Test Partners found that operations of the Peloton API answered callers without any
//! credential: age, weight, gender and workouts of users were told, also of those who had set their profile to private.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get: # <-
//!       responses: {}
//!     post:
//!       security: [{token: []}]
//!       responses: {}
//!   /orders/{id}/status:
//!     get: # <-
//!       parameters: [{name: id, in: path, required: true, schema: {type: string}}]
//!       responses: {}
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
//!   /orders:
//!     get:
//!       responses: {}
//!   /prices:
//!     get:
//!       security: []
//!       x-portcullis: {public: prices are shown in the shop window}
//!       responses: {}
//! ```
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       security: [{token: []}]
//!       responses: {}
//!   /health:
//!     get:
//!       responses: {}
//!   /.well-known/jwks.json:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Ask for a credential with `security`, at the operation or at the root; or say with `x-portcullis: {public: REASON}`
//! that everybody may read it.
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
        id: "read-without-authentication",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[306],
            asvs: &["8.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("read_without_authentication.rs"),
    },
    cost: Cost::Security(Area::Authentication, 70),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    if !asks_anywhere(survey) {
        return;
    }
    for operation in &survey.operations {
        let reads = matches!(operation.method, "GET" | "HEAD");
        if reads && is_open(survey, operation) && !is_switched_off(survey, operation) {
            found.operation(
                operation,
                operation.at,
                format!("`{}` asks for no credential", operation.name()),
            );
        }
    }
}
