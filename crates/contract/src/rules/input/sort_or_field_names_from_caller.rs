//! A caller may name any field
//!
//! A parameter says which field to sort by, or which fields to answer, and may be any text.
//!
//! # Why
//!
//! Names of columns cannot be passed to a database as values: they are pasted into the query. A text that may be anything is
//! an injection there. Even without one, sorting by a field that is not answered tells its value, guess by guess, and
//! choosing fields answers those that no screen shows.
//!
//! # Incident
//!
//! In 2021 Django mended CVE-2021-35042: what an application passed on to `order_by()` from its callers went into the query
//! unchecked, so that they could run SQL.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: sortBy, in: query, schema: {type: string, maxLength: 40}} # <-
//!         - {name: fields, in: query, schema: {type: array, items: {type: string}}} # <-
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
//!         - {name: sortBy, in: query, schema: {type: string, enum: [day, amount]}}
//!         - {name: fields, in: query, schema: {type: array, maxItems: 2, items: {type: string, enum: [day, amount]}}}
//!         - {name: order_by, in: query, schema: {type: string, pattern: '^-?(day|amount)$'}}
//!         - {name: include, in: query, schema: {type: boolean}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! List the fields with `enum`; for several in one text, use a `pattern` of them.
//!
//! # At the gate
//!
//! `enum` and `pattern` of parameters are enforced before a request is forwarded.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_free_text;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Role, Survey};
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "sort-or-field-names-from-caller",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3, 8],
            owasp_2019: &[3, 8],
            cwe: &[89, 943],
            asvs: &["1.2.4", "2.2.1"],
            nist: &[],
        },
        text: include_str!("sort_or_field_names_from_caller.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

/// Names of parameters that name fields.
const NAMES: [&str; 16] = [
    "sort",
    "sortby",
    "sortfield",
    "sortcolumn",
    "sortkey",
    "orderby",
    "orderfield",
    "ordercolumn",
    "orderbyfield",
    "fields",
    "fieldmask",
    "include",
    "includes",
    "expand",
    "groupby",
    "select",
];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let is_named = parameter.location == "query" && NAMES.contains(&&*plain(parameter.name));
    let Some(id) = parameter.schema.filter(|_| is_named) else {
        return;
    };
    let value = survey.value(id);
    let mut items = value.children(Role::Items).into_iter();
    if is_free_text(&value) || items.any(|item| is_free_text(&item)) {
        let message = format!("`{}` may name any field", parameter.name);
        found.parameter(operation, parameter, parameter.at, message);
    }
}
