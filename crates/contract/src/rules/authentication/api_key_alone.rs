//! An API key alone is enough to change something
//!
//! An operation that changes something takes a static API key as its only credential.
//!
//! # Why
//!
//! A key is good until somebody ends it, and whoever has it is its owner. It ends up in programs, in images, in
//! repositories and in tools that were broken into; then it is used from anywhere. It says which program calls, and not
//! for whom. A token is short-lived and can be bound to its holder.
//!
//! # Incident
//!
//! In December 2024 BeyondTrust told that attackers had a stolen API key of its Remote Support service. With it they
//! set passwords anew and came into the systems of customers, the Treasury of the United States among them.
//!
//! # Bad
//!
//! ```yaml
//! security: [{key: []}]
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-API-Key} # <-
//! paths:
//!   /payments:
//!     post:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{key: []}]
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-API-Key}
//!     bearer: {type: apiKey, in: header, name: Authorization}
//!     certificate: {type: mutualTLS}
//! paths:
//!   /rates:
//!     get:
//!       responses: {}
//!   /payments:
//!     post:
//!       security: [{key: [], certificate: []}]
//!       responses: {}
//!     delete:
//!       security: [{bearer: []}]
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take short-lived access tokens for what changes something. Where programs can have no tokens, ask for a client
//! certificate or a signature together with the key.
//!
//! # At the gate
//!
//! Keys that the gate issues end by themselves (90 days unless told otherwise), have scopes, can be rotated with an
//! overlap, and a revocation is in force within a second.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Scheme, SchemeType, Survey};
use crate::rules::words::says_any;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "api-key-alone",
        category: "authentication",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[308],
            asvs: &["7.2.2", "13.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("api_key_alone.rs"),
    },
    cost: Cost::Security(Area::Authentication, 10),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

/// Names of keys that hold something better than a static key.
const TOKENS: &[&[&str]] = &[&["authorization"], &["token"], &["jwt"], &["session"], &["signature"]];

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let SchemeType::ApiKey("header" | "query", name) = scheme.kind else {
        return;
    };
    if says_any(name, TOKENS) || says_any(scheme.name, TOKENS) {
        return;
    }
    let is_enough = |operation: &&Operation<'d>| {
        let said = survey.requirements(operation).into_iter();
        let mut alternatives = said.flat_map(|said| &said.alternatives);
        operation.is_write()
            && alternatives.any(|one| matches!(&*one.asked, [asked] if asked.scheme == Some(scheme.index)))
    };
    if let Some(operation) = asking(survey, scheme).find(is_enough) {
        let message = format!("`{}` alone is enough for `{}`", scheme.name, operation.name());
        found.scheme(scheme, scheme.at, message);
    }
}
