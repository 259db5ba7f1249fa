//! A GraphQL endpoint hides what it takes
//!
//! An operation of the path `/graphql` stands in the contract: one address for many operations, of which OpenAPI
//! says nothing.
//!
//! # Why
//!
//! Everything that the contract says of other operations is missing for what goes through here: who may ask which
//! question, how deep, how many at once. One request can ask a thousand questions, or one that nests until the
//! service is busy with it alone; and introspection tells everybody what there is.
//!
//! # Incident
//!
//! In February 2022 GitLab mended CVE-2021-4191: its GraphQL API told callers without an account the names of users,
//! also on private instances that restrict who may sign up.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /graphql:
//!     post: # <-
//!       requestBody: {content: {application/json: {schema: {type: object}}}}
//!       responses: {'200': {description: An answer.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!   /graphql-guides/{guide}:
//!     get:
//!       parameters:
//!         - {name: guide, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: A guide.}}
//! ```
//!
//! # Fix
//!
//! Serve known queries by name, or bound depth, number and cost of queries in the GraphQL server, and switch
//! introspection off in production. Audit its schema with a tool that reads it.
//!
//! # At the gate
//!
//! The gate judges the body by its schema, holds it to `body_bytes_max` and counts requests by rate limits. It does
//! not read the query.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "graphql-endpoint",
        category: "inventory",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4, 9],
            owasp_2019: &[4, 9],
            cwe: &[1059, 770],
            asvs: &["4.3.1", "4.3.2"],
            nist: &[],
        },
        text: include_str!("graphql_endpoint.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let is_endpoint = operation.words().last().is_some_and(|word| word == "graphql") && !operation.path.ends_with('}');
    if is_endpoint && matches!(operation.method, "GET" | "POST") {
        let message = format!("the contract does not say what `{}` takes", operation.name());
        found.operation(operation, operation.at, message);
    }
}
