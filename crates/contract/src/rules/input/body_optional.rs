//! A body with required members may be left out
//!
//! The schema of a body has members that must be there, and the body itself need not be: `required` of a request body is
//! false unless it is said.
//!
//! # Why
//!
//! A caller who sends no body at all gets past every rule of its schema. What happens then depends on code that was never
//! tried with it: an object that is null, an update that empties fields, an error that says too much.
//!
//! # Incident
//!
//! The nearest is CVE-2017-5689 of 2017: Intel AMT compared only as much of a password's digest as the caller had sent. Who
//! sent nothing was let in as administrator.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody: # <-
//!         content:
//!           application/json:
//!             schema: {type: object, required: [amount], properties: {amount: {type: integer}}}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         required: true
//!         content:
//!           application/json:
//!             schema: {type: object, required: [amount], properties: {amount: {type: integer}}}
//!       responses: {}
//!     patch:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {amount: {type: integer}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Say `required: true` at the request body.
//!
//! # At the gate
//!
//! A request without a body passes where the body is not required; where it is, it is refused before the upstream sees it.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "body-optional",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[20],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("body_optional.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let Some(body) = &operation.body else { return };
    let is_meant = matches!(operation.method, "POST" | "PUT" | "PATCH");
    if body.required || !is_meant {
        return;
    }
    let mut schemas = body.contents.iter().filter_map(|content| content.schema);
    let asks = |id| {
        let mut said = survey.value(id).each(Keyword::Required);
        said.any(|names| names.as_array().is_some_and(|names| !names.is_empty()))
    };
    if schemas.any(asks) {
        let message = format!(
            "the body of `{}` has required members, and may be left out",
            operation.name()
        );
        found.operation(operation, body.at, message);
    }
}
