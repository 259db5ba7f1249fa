//! An operation switches the authentication of the API off
//!
//! The contract asks every caller for a credential, and an operation lets everybody in: its own `security` is empty, or
//! asks for nothing.
//!
//! # Why
//!
//! An exception is made in one line, often while something is tried out, and stays. Nobody looks for it, since the root
//! of the contract says that everything is protected. An attacker tries every operation without a credential and finds
//! those few within minutes.
//!
//! # Incident
//!
//! In 2023 attackers used CVE-2023-35078 in Ivanti Endpoint Manager Mobile against ministries of Norway: some paths of
//! the API could be called without authentication, while the rest asked for it.
//!
//! # Bad
//!
//! ```yaml
//! security: [{token: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!   /orders/export:
//!     get:
//!       security: [] # <-
//!       responses: {}
//!   /users:
//!     delete:
//!       security: [{}] # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//!     key: {type: apiKey, in: header, name: X-Key}
//! paths:
//!   /orders:
//!     get:
//!       security: [{key: []}]
//!       responses: {}
//!   /sessions:
//!     post:
//!       security: []
//!       responses: {}
//!   /health:
//!     get:
//!       security: []
//!       responses: {}
//!   /prices:
//!     get:
//!       security: []
//!       x-portcullis: {public: prices are shown in the shop window}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the empty `security` away, so that the requirement of the root holds; or say with `x-portcullis: {public:
//! REASON}` that everybody may call the operation.
//!
//! # At the gate
//!
//! The gate lets callers in as the contract says, so it asks for nothing either; `portcullis coverage` lists such an
//! operation as not judged. An overlay can add `security` to a contract that is not yours to change.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_open, is_switched_off};
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "authentication-switched-off",
        category: "authentication",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[306],
            asvs: &["8.2.1", "6.3.4"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("authentication_switched_off.rs"),
    },
    cost: Cost::Security(Area::Authentication, 100),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let Some(said) = &operation.security else { return };
    if is_switched_off(survey, operation) && is_open(survey, operation) {
        let message = format!("`{}` asks for nothing, although the contract does", operation.name());
        let spot = found.operation(operation, said.at, message);
        if !operation.is_write() {
            spot.severity(Severity::Medium);
        }
    }
}
