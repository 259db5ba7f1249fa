//! The contract has no operation
//!
//! There is nothing in `paths` that could be called, and no webhook. Nothing is said of any request.
//!
//! # Why
//!
//! A contract without operations protects nothing: an audit of it finds nothing, and the result looks good. Most
//! often the operations are in another file that is not referred to, or were lost when the contract was made.
//!
//! # Incident
//!
//! No incident is known that an empty contract made alone: it is documentation that says too little (CWE-1059). The
//! nearest is of 2023: T-Mobile told that data of about 37 million accounts had been taken through one API, for about
//! six weeks before it was noticed. Whether a contract named that API was not told.
//!
//! # Bad
//!
//! ```yaml
//! openapi: 3.1.0
//! info: {title: Example, version: '1'}
//! paths: {} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! ```yaml
//! openapi: 3.1.0
//! info: {title: Example, version: '1'}
//! webhooks:
//!   paid:
//!     post:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Declare the operations, or refer with `$ref` to the files that do.
//!
//! # At the gate
//!
//! The gate forwards what a contract declares and nothing else, so it answers every request with 404.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "no-operations",
        category: "conformance",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("no_operations.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    if survey.operations.is_empty() && survey.callbacks.is_empty() {
        found.contract(At::member(survey.root().node, "paths"), "the contract has no operation");
    }
}
