//! Errors are not declared
//!
//! Operations leave out errors that they must be able to answer: 400 or 422 where they take anything, 403 where they ask for
//! a credential, 404 where the path names something, and 500.
//!
//! # Why
//!
//! What a service says when something is wrong is where it says too much: which user exists, which query failed, which
//! library it runs. Errors that are not declared were not thought about, are not tested, and cannot be held against
//! anything. Errors that differ for no reason tell an attacker how far he came.
//!
//! # Incident
//!
//! In 2010 Juliano Rizzo and Thai Duong read and forged what ASP.NET had encrypted (CVE-2010-3332). All they needed was that
//! the server answered differently to wrong padding and to other errors.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get: # <-
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string}}
//!       responses:
//!         '200': {description: An order.}
//!         '404': {description: None.}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string}}
//!       responses:
//!         '200': {description: An order.}
//!         4XX: {description: What the caller did wrong.}
//!         '500': {description: What went wrong here.}
//!   /orders:
//!     get:
//!       responses:
//!         '200': {description: Orders.}
//!         default: {description: Any error.}
//! ```
//!
//! # Fix
//!
//! Declare each error with the one schema that all of them share; `4XX` and `5XX`, or `default`, where they do not differ.
//!
//! # At the gate
//!
//! Of an error that is not declared, callers see the status and nothing else (`upstream.status`), and of one of 5xx only that the
//! upstream failed (`upstream.error`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{ErrorKind, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "errors-not-declared",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1059, 755],
            asvs: &["16.5.1"],
            nist: &[],
        },
        text: include_str!("errors_not_declared.rs"),
    },
    cost: Cost::Lacks(&KINDS),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

/// Those that have no rule of their own.
const KINDS: [ErrorKind; 4] = [
    ErrorKind::Input,
    ErrorKind::Forbidden,
    ErrorKind::Missing,
    ErrorKind::Failure,
];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let lacking = KINDS.iter().filter(|kind| survey.lacks(operation, **kind));
    let missing: Vec<&str> = lacking.filter_map(|kind| kind.statuses().first().copied()).collect();
    if !missing.is_empty() {
        let message = format!("`{}` does not declare {}", operation.name(), missing.join(", "));
        found.operation(operation, operation.at, message);
    }
}
