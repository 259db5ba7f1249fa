//! A parameter does not say what it is called or where it stands
//!
//! A parameter has no `name`, no `in`, or an `in` that OpenAPI does not know. Nothing can be held against it.
//!
//! # Why
//!
//! What is declared so is not checked: readers pass over it, and the value arrives all the same. Whether it is one
//! more filter or the number of an account, the contract cannot say.
//!
//! # Incident
//!
//! The nearest is CVE-2017-5638 of 2017, by which data of about 147 million people were taken from Equifax: Struts
//! read the header `Content-Type`, in which nobody expected more than a media type, as an expression.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: page, schema: {type: integer}} # <-
//!         - {name: X-Account, in: headers, schema: {type: string}} # <-
//!         - {in: query, schema: {type: string}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: page, in: query, schema: {type: integer, minimum: 0, maximum: 100}}
//!         - $ref: '#/components/parameters/account'
//!       responses: {}
//! components:
//!   parameters:
//!     account: {name: X-Account, in: header, schema: {type: string, maxLength: 20}}
//! ```
//!
//! # Fix
//!
//! Say `name`, and with `in` one of `path`, `query`, `header` and `cookie`.
//!
//! # At the gate
//!
//! `portcullis check` refuses such a contract; a gate that runs keeps the one before.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::followed;
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{At, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "parameter-incomplete",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("parameter_incomplete.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for owner in [operation.place, operation.item] {
        let written = owner
            .node
            .get("parameters")
            .and_then(Node::as_array)
            .unwrap_or_default();
        for node in written {
            // What a reference leads to is read once more for each place that it is used in.
            let place = followed(survey, survey.document.child(owner, node));
            let text = |member: &str| place.node.get(member).and_then(Node::as_str);
            let message = match (text("name"), text("in")) {
                (Some(_), Some("path" | "query" | "header" | "cookie")) => continue,
                (None, _) => "a parameter has no `name`".to_owned(),
                (Some(name), None) => format!("the parameter `{name}` has no `in`"),
                (Some(name), Some(other)) => format!("the parameter `{name}` is in `{other}`, which is no place"),
            };
            found.operation(operation, At::value(place.node), message);
        }
    }
}
