//! A path parameter is not declared
//!
//! The path template has a name in braces, and the operation declares no parameter of that name: nothing says what
//! may stand there.
//!
//! # Why
//!
//! What stands in a path is most often the number or the name of a thing that belongs to somebody. Where it is not
//! declared, it has no type, no length and no form, so a caller may send whatever a segment can hold: another kind
//! of identifier, an encoded path, a piece of SQL. Tests and clients made from the contract leave it out, too.
//!
//! # Incident
//!
//! In 2021 Grafana fixed CVE-2021-43798: what stood behind a plugin's id in `/public/plugins/` was not checked, so
//! that one request without any credential read files of the server.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{order}/items/{item}:
//!     get: # <-
//!       parameters:
//!         - {name: order, in: path, required: true, schema: {type: string, format: uuid}}
//!         - {name: itemId, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{order}/items/{item}:
//!     parameters:
//!       - {name: order, in: path, required: true, schema: {type: string, format: uuid}}
//!     get:
//!       parameters:
//!         - $ref: '#/components/parameters/item'
//!       responses: {}
//! components:
//!   parameters:
//!     item: {name: item, in: path, required: true, schema: {type: string, format: uuid}}
//! ```
//!
//! # Fix
//!
//! Declare the parameter with `in: path`, `required: true` and a schema that says its type, its form and its
//! bounds. Spell it as the template does: upper and lower case differ.
//!
//! # At the gate
//!
//! `portcullis check` warns of it. The gate routes the request and lets any value pass at that place, so only the
//! form of the path as such is checked.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::operation::captures;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold, Part};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "path-parameter-undeclared",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[20],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("path_parameter_undeclared.rs"),
    },
    cost: Cost::Part(Part::Request, 100),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let is_elsewhere = |name: &&str| !captures(operation.path).any(|capture| capture == *name);
    let declared = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.location == "path");
    let mut others = declared.map(|parameter| parameter.name).filter(is_elsewhere);
    for name in operation.undeclared() {
        let instead = others
            .next()
            .map_or_else(String::new, |other| format!(": `{other}` is"));
        let message = format!("`{{{name}}}` of `{}` is not declared{instead}", operation.path);
        found.operation(operation, operation.at, message);
    }
}
