//! A whole collection can be deleted by one request
//!
//! A `DELETE` of a collection needs neither an identifier nor a filter: without anything it deletes all.
//!
//! # Why
//!
//! A script that builds `/orders/` + id sends `DELETE /orders/` when the id is empty, and the collection is gone.
//! An attacker with one token needs one request to do the worst that can be done, and rate limits count it as one.
//!
//! # Incident
//!
//! The nearest is the attack called Meow: in July 2020 a program deleted thousands of databases that stood open on the
//! Internet, nearly all of them of Elasticsearch and MongoDB. In Elasticsearch one request could delete all indices;
//! since version 8 each has to be named unless the server is told otherwise.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     delete: # <-
//!       parameters:
//!         - {name: status, in: query, schema: {type: string}}
//!       responses: {'204': {description: Gone.}}
//!   /orders/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: An order.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     delete:
//!       parameters:
//!         - {name: ids, in: query, required: true, schema: {type: array, maxItems: 50, items: {type: string, format: uuid}}}
//!       responses: {'204': {description: Gone.}}
//!   /orders/{id}:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /orders/{id}/labels:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /orders/{id}/labels/{label}:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!         - {name: label, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /session:
//!     delete:
//!       responses: {'204': {description: Logged out.}}
//! ```
//!
//! # Fix
//!
//! Delete objects one by one, or require the identifiers of those that are to go, with a bound on how many. Leave
//! emptying a collection to administrators.
//!
//! # At the gate
//!
//! A role or a policy (`authorization`) says who may use the operation, and `admin_operations` keeps it for
//! administrators.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_marked_admin, sounds_like_admin};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "delete-collection",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[5],
            owasp_2019: &[5],
            cwe: &[285],
            asvs: &["8.2.1"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("delete_collection.rs"),
    },
    cost: Cost::Security(Area::Authorization, 20),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

const OWN: [&str; 6] = ["me", "self", "my", "mine", "account", "session"];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let paths: HashSet<&str> = survey.operations.iter().map(|operation| operation.path).collect();
    let with_items: HashSet<&str> = paths
        .into_iter()
        .filter_map(|path| path.rsplit_once('/'))
        .filter(|(_, last)| last.starts_with('{') && last.ends_with('}'))
        .map(|(collection, _)| collection)
        .collect();
    for operation in survey
        .operations
        .iter()
        .filter(|operation| operation.method == "DELETE")
    {
        let is_bound = operation.body.is_some()
            || operation
                .parameters
                .iter()
                .any(|one| one.required && one.location == "query");
        let collection = operation.path.trim_end_matches('/');
        // What belongs to one object or to the caller is often emptied, and is no collection of everybody's.
        let is_own = operation.path.contains('{') || operation.words().any(|word| OWN.contains(&&*word));
        let is_admin = is_marked_admin(survey, operation) || sounds_like_admin(operation);
        if !is_bound && !is_own && !is_admin && with_items.contains(collection) {
            let message = format!("`{}` deletes all of them", operation.name());
            found.operation(operation, operation.at, message);
        }
    }
}
