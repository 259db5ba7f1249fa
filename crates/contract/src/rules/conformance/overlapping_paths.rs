//! A request fits two paths, and neither is the more specific one
//!
//! Of two path templates with the same method each has text where the other has a parameter: `/orders/{id}/items`
//! and `/orders/by-name/{name}` both fit `/orders/by-name/items`. OpenAPI leaves open which of them counts.
//!
//! # Why
//!
//! Gateways, frameworks and test tools choose by rules of their own: the first that is written, the one with more
//! text, the one whose text comes first. Where they choose differently, a request is checked as one operation and
//! done as the other.
//!
//! # Incident
//!
//! The nearest is CVE-2023-20860 of 2023: with `**` as a pattern, Spring Security and Spring MVC did not match the
//! same paths, so that rules for an operation were not asked when it was called.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /{tenant}/export:
//!     post:
//!       responses: {}
//!   /orders/{action}: # <-
//!     post:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       responses: {}
//!   /orders/mine:
//!     get:
//!       responses: {}
//!   /{tenant}/export:
//!     post:
//!       responses: {}
//!   /{tenant}/{thing}:
//!     get:
//!       responses: {}
//!   /pulls/comments/{id}:
//!     get:
//!       responses: {}
//!   /pulls/{number}/files:
//!     get:
//!       parameters: [{name: number, in: path, required: true, schema: {type: integer, minimum: 1, maximum: 999999}}]
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give one of them a word that the other cannot have; or bound the parameter so that it cannot be that word: a
//! number, a UUID.
//!
//! # At the gate
//!
//! The gate prefers plain text to a parameter, segment by segment from the left, and forwards the path by which it
//! decided.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::ambiguous_paths::{Sought, rivals};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "overlapping-paths",
        category: "conformance",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7],
            cwe: &[436],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("overlapping_paths.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for (operation, template) in rivals(survey, Sought::Crossing) {
        let message = format!("`{} {template}` fits some of the same requests", operation.method);
        found.operation(operation, operation.path_at, message);
    }
}
