//! A security scheme is declared and asked for by nothing
//!
//! A security scheme stands in the contract, and no requirement of the root or of an operation names it.
//!
//! # Why
//!
//! Whoever reads the contract takes the scheme for protection: a generator shows a lock, a reviewer ticks a box. It
//! protects nothing until `security` asks for it. Forgetting that line is the most common way in which an API is
//! open by mistake.
//!
//! # Incident
//!
//! In 2021 the API of the fitness company Peloton answered questions about users, also those with private profiles,
//! without asking for a credential. There was a login; these operations did not ask for it.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer} # <-
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//!     key: {type: apiKey, in: header, name: X-API-Key}
//!     callback: {type: http, scheme: basic}
//! paths:
//!   /orders:
//!     get:
//!       security: [{token: []}, {key: []}]
//!       responses: {'200': {description: Orders.}}
//! webhooks:
//!   paid:
//!     post:
//!       security: [{callback: []}]
//!       responses: {'204': {description: Taken.}}
//! ```
//!
//! # Fix
//!
//! Ask for it with `security` at the root, or at the operations that it is for; or remove it.
//!
//! # At the gate
//!
//! The gate asks for what `security` names and for nothing else; `authenticate: true` in the policy of an API makes
//! it ask for a credential whatever the contract says.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Scheme, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "unused-security-scheme",
        category: "inventory",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 9],
            owasp_2019: &[2, 9],
            cwe: &[306, 1164],
            asvs: &["8.1.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("unused_security_scheme.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let sent = survey.callbacks.iter().map(|callback| &callback.operation);
    let own = survey
        .operations
        .iter()
        .chain(sent)
        .filter_map(|operation| operation.security.as_ref());
    let mut asked = survey
        .security
        .iter()
        .chain(own)
        .flat_map(|said| &said.alternatives)
        .flat_map(|one| &one.asked);
    if !survey.operations.is_empty() && !asked.any(|asked| asked.scheme == Some(scheme.index)) {
        found.scheme(
            scheme,
            scheme.at,
            format!("nothing asks for the scheme `{}`", scheme.name),
        );
    }
}
