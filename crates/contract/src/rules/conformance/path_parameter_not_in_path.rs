//! A path parameter has no place in the path
//!
//! A parameter with `in: path` has a name that the path template does not have. Its schema is never asked.
//!
//! # Why
//!
//! The author believes that something is checked, and nothing is: the template was changed and the parameter
//! stayed, or the name was misspelt. What the API reads instead is not in the contract, so no test and no gate
//! looks at it.
//!
//! # Incident
//!
//! The nearest is CVE-2021-41773 of 2021: Apache HTTP Server 2.4.49 checked a path in a form that was not the one
//! it then used, and gave files from outside of its folder.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!         - {name: page, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Put the name in braces where it belongs in the path; or say with `in` where the parameter really is; or take it
//! away.
//!
//! # At the gate
//!
//! `portcullis check` warns of it. The gate has nothing to hold the parameter against and ignores it.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::operation::captures;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "path-parameter-not-in-path",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("path_parameter_not_in_path.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let is_lost = parameter.location == "path" && !captures(operation.path).any(|name| name == parameter.name);
    // Where a capture is not declared either, one of the two is misspelt, which is told there.
    if is_lost && operation.undeclared().next().is_none() {
        let message = format!(
            "`{}` has no place for the path parameter `{}`",
            operation.path, parameter.name
        );
        found.parameter(operation, parameter, parameter.at, message);
    }
}
