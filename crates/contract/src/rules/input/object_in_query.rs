//! An object stands in the query
//!
//! A parameter of the query is an object, or an array of objects or arrays.
//!
//! # Why
//!
//! There is no one way to write an object into a query. `filter[a]=1`, `filter.a=1`, `a=1` and `filter=a,1` all are in use,
//! and libraries differ in what they do with a name that stands twice, with a bracket too many, or with `__proto__`. What a
//! firewall reads and what the service reads are then two things.
//!
//! # Incident
//!
//! In 2022 the library `qs`, which Express reads queries with, mended CVE-2022-24999: a query with `a[__proto__]` made an object
//! whose length was whatever the caller said, and one request kept a process busy.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - name: filter # <-
//!           in: query
//!           style: deepObject
//!           schema: {type: object, properties: {size: {type: integer}}}
//!         - {name: rules, in: query, schema: {type: array, items: {type: object}}} # <-
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
//!         - {name: size, in: query, schema: {type: integer}}
//!         - {name: tags, in: query, schema: {type: array, items: {type: string}}}
//!         - name: filter
//!           in: query
//!           content: {application/json: {schema: {type: object, properties: {size: {type: integer}}}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give each field a parameter of its own; or write the object as JSON, with `content: {application/json: ...}` in the place of
//! `schema`.
//!
//! # At the gate
//!
//! The gate reads the styles of OpenAPI, and refuses what readers disagree about: broken escapes, names that stand twice where
//! no array is declared. It passes on what the caller wrote, and the service reads that anew.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::Type;
use crate::rules::survey::{Operation, Parameter, Role, Survey, Value};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "object-in-query",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[436],
            asvs: &["1.5.3"],
            nist: &[],
        },
        text: include_str!("object_in_query.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let is_styled = parameter.location == "query" && parameter.media_type.is_none();
    let Some(id) = parameter.schema.filter(|_| is_styled) else {
        return;
    };
    let value = survey.value(id);
    let is_deep = |value: &Value<'_, '_>| value.is(Type::Object) || value.is(Type::Array);
    let mut items = value.children(Role::Items).into_iter();
    if value.is(Type::Object) || value.is(Type::Array) && items.any(|item| is_deep(&item)) {
        let message = format!(
            "`{}` is an object in the query, which libraries read differently",
            parameter.name
        );
        found.parameter(operation, parameter, parameter.at, message);
    }
}
