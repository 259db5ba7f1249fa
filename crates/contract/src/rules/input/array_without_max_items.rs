//! A list has no largest number of items
//!
//! A list may have any number of items: there is no `maxItems`.
//!
//! # Why
//!
//! Work is done for every item: a query, a message, a line in a log. A request of a megabyte holds half a million
//! small ones. Where an operation takes a list of identifiers, its price is chosen by the caller; and a check that
//! runs once for the request is passed once for all of them.
//!
//! # Incident
//!
//! In February 2023 Django fixed CVE-2023-24580: the number of parts of a multipart form was not bounded, so that
//! one request of very many parts took all memory or all open files. It is the nearest we know of: a list whose
//! length nobody bounded.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 ids: # <-
//!                   type: array
//!                   items: {type: integer, format: int32}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 ids:
//!                   type: array
//!                   maxItems: 100
//!                   items: {type: integer, format: int32}
//!                 pair:
//!                   type: array
//!                   prefixItems: [{type: integer}, {type: integer}]
//!                   items: false
//!                 days:
//!                   type: array
//!                   uniqueItems: true
//!                   items: {type: string, enum: [monday, tuesday]}
//!                 tags: {allOf: [{$ref: '#/components/schemas/Tags'}], maxItems: 5}
//!       responses: {}
//! components:
//!   schemas:
//!     Tags: {type: [array, 'null'], maxItems: 50, items: {type: string, maxLength: 9}}
//! ```
//!
//! # Fix
//!
//! Add `maxItems` with the longest list that the API is built for.
//!
//! # At the gate
//!
//! The gate enforces `maxItems`. The gate bounds the whole body (`body_bytes_max`, 1 MiB unless said otherwise), the
//! URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "array-without-max-items",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("array_without_max_items.rs"),
    },
    cost: Cost::Data(40),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.is(Type::Array) || value.has(Keyword::MaxItems) || value.is_closed() || shape::has_branches(value) {
        return;
    }
    if !shape::is_short(value) && !value.has(Keyword::PrefixItems) {
        found.value(value, format!("{} is an array without `maxItems`", value.label()));
    }
}
