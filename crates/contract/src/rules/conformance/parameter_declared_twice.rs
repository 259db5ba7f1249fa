//! A parameter is declared twice
//!
//! An operation, or a path, lists two parameters of the same name and place. Names of header fields are the same
//! whatever their case (RFC 9110 §5.1).
//!
//! # Why
//!
//! Which of the two holds is for each reader to choose: one takes the first, one the last, one asks both. The
//! bounds that were reviewed may be those that nobody asks.
//!
//! # Incident
//!
//! In 2017 CouchDB fixed CVE-2017-12635: a document could have a member twice, its two readers of JSON took one the
//! first and one the last, and so anybody could make himself an administrator.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 50}}
//!         - {name: X-Tenant, in: header, schema: {type: string, maxLength: 20}}
//!         - {name: limit, in: query, schema: {type: integer}} # <-
//!         - {name: x-tenant, in: header, schema: {type: string}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     parameters:
//!       - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 50}}
//!     get:
//!       parameters:
//!         - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 9}}
//!         - {name: limit, in: header, schema: {type: string, maxLength: 20}}
//!         - {name: Limit, in: query, schema: {type: string, maxLength: 20}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Keep one of them. A parameter of the operation may replace that of its path; in one list a name stands once for
//! each place.
//!
//! # At the gate
//!
//! `portcullis check` refuses such a contract; a gate that runs keeps the one before.

use std::collections::HashSet;

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::followed;
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{At, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "parameter-declared-twice",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[694, 436],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("parameter_declared_twice.rs"),
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
        let mut seen = HashSet::new();
        for node in written {
            let place = followed(survey, survey.document.child(owner, node));
            let text = |member: &str| place.node.get(member).and_then(Node::as_str);
            let (Some(name), Some(location)) = (text("name"), text("in")) else {
                continue;
            };
            let canonical = if location == "header" {
                name.to_ascii_lowercase()
            } else {
                name.to_owned()
            };
            if !seen.insert((canonical, location)) {
                let message = format!("`{name}` in {location} is declared for a second time");
                found.operation(operation, At::value(node), message);
            }
        }
    }
}
