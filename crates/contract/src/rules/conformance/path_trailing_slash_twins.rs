//! Two paths differ only in a slash at the end
//!
//! One path is another with a slash behind it, and both have the same method. Many programs take the two for one.
//!
//! # Why
//!
//! A proxy, a router or a framework that adds or takes away the slash sends the request to the twin. Where the two
//! ask for different credentials, have different limits or check different things, a caller chooses the weaker one
//! by adding a character.
//!
//! # Incident
//!
//! In 2020 Apache Shiro fixed CVE-2020-1957: Shiro and Spring did not read paths alike, so that a request for a path
//! that Shiro protected reached it without being asked for a credential. A slash at the end of the path, which Spring
//! passed over and Shiro did not, was one of the ways to do it.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!   /orders/: # <-
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!   /orders/{id}:
//!     get:
//!       parameters: [{name: id, in: path, required: true, schema: {type: string, format: uuid}}]
//!       responses: {}
//!   /files/:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Keep one of them. Where clients use both, let the other answer with a redirection, or treat them as one before
//! anything is decided.
//!
//! # At the gate
//!
//! The gate compares paths as they are sent, and forwards the same path that it decided by.

use std::collections::HashSet;

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "path-trailing-slash-twins",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7],
            cwe: &[436],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("path_trailing_slash_twins.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let known: HashSet<(&str, &str)> = survey
        .operations
        .iter()
        .map(|operation| (operation.path, operation.method))
        .collect();
    for operation in &survey.operations {
        let Some(shorter) = operation.path.strip_suffix('/') else {
            continue;
        };
        if !shorter.is_empty() && known.contains(&(shorter, operation.method)) {
            let message = format!("`{} {shorter}` is an operation, too", operation.method);
            found.operation(operation, operation.path_at, message);
        }
    }
}
