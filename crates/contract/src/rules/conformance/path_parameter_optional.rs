//! A path parameter is not required
//!
//! A parameter with `in: path` does not say `required: true`. OpenAPI demands it, because without the value the
//! path is another one.
//!
//! # Why
//!
//! Readers disagree about what it means. One takes the parameter for required anyway. Another makes clients that
//! leave it out and then call `/orders/` in place of `/orders/7`, which is the operation for all orders.
//!
//! # Incident
//!
//! The nearest is of 2015: the start script of Steam for Linux deleted a path that began with a variable. Where the
//! variable was empty, the path was everything that the user could write to.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, schema: {type: string, format: uuid}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!         - {name: force, in: query, schema: {type: boolean}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `required: true`. Where the value may really be left out, declare the path without it as a path of its own.
//!
//! # At the gate
//!
//! The gate takes every path parameter for required: a path with an empty segment leads to no operation.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "path-parameter-optional",
        category: "conformance",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[436],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("path_parameter_optional.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    if parameter.location == "path" && !parameter.required {
        let message = format!("the path parameter `{}` does not say `required: true`", parameter.name);
        found.parameter(operation, parameter, parameter.at, message);
    }
}
