//! Two parameters have the same name
//!
//! An operation has two parameters whose names are equal, or differ only in upper and lower case, in two places or in one.
//!
//! # Why
//!
//! Many frameworks keep all parameters of a request in one map, and one of them wins. If the check looks at the identifier in
//! the path and the code at the one in the query, a caller sends both: his own to the check, another's to the code.
//!
//! # Incident
//!
//! The nearest is CVE-2017-12635 of 2017: two JSON parsers in CouchDB differed about a member that stood twice. One saw no
//! role, the other saw `_admin`, and anybody could make himself an administrator.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /accounts/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string}}
//!         - {name: ID, in: query, schema: {type: string}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /accounts/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string}}
//!         - {name: orderId, in: query, schema: {type: string}}
//!         - {name: order_id, in: header, schema: {type: string}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give each parameter a name of its own, and leave out the one that is there for older clients.
//!
//! # At the gate
//!
//! Each parameter is judged in its place; what stands twice where no array is declared is refused. Which one the service takes,
//! the gate cannot see.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "same-name-parameters",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[235, 436],
            asvs: &["15.3.7"],
            nist: &[],
        },
        text: include_str!("same_name_parameters.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let mut seen: HashMap<String, &Parameter<'d>> = HashMap::new();
    for parameter in &operation.parameters {
        match seen.entry(parameter.name.to_lowercase()) {
            Entry::Vacant(place) => {
                place.insert(parameter);
            }
            Entry::Occupied(first) => {
                let first = first.get();
                let message = format!(
                    "`{}` in {} is also `{}` in {}",
                    parameter.name, parameter.location, first.name, first.location
                );
                found.parameter(operation, parameter, parameter.at, message);
            }
        }
    }
}
