//! A list may hold anything
//!
//! Nothing says what the items of a list are: there is no `items`.
//!
//! # Why
//!
//! Whatever is in the list reaches the program unchecked: lists in lists, objects where numbers were expected, null.
//! What the rest of the contract says of other values is of no use here.
//!
//! # Incident
//!
//! In January 2013 Ruby on Rails fixed CVE-2013-0155: a list with nothing but null in it, where one text was
//! expected, turned a query for a token into a query for records that had none.
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
//!                   maxItems: 10
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
//!                 ids: {type: array, maxItems: 10, items: {type: integer}}
//!                 pair: {type: array, prefixItems: [{type: integer}, {type: integer}], items: false}
//!                 tags: {allOf: [{$ref: '#/components/schemas/Tags'}], maxItems: 5}
//!                 none: {type: array, maxItems: 0}
//!       responses: {}
//! components:
//!   schemas:
//!     Tags: {type: array, maxItems: 50, items: {type: string, maxLength: 9}}
//! ```
//!
//! # Fix
//!
//! Add `items` with the schema of one item.
//!
//! # At the gate
//!
//! Nothing can be checked that is not said. The gate still refuses JSON that is not well-formed or that nests deeper
//! than 64. The gate bounds the whole body (`body_bytes_max`, 1 MiB unless said otherwise), the URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "array-without-items",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20, 1287],
            asvs: &["2.2.1", "15.3.5"],
            nist: &[],
        },
        text: include_str!("array_without_items.rs"),
    },
    cost: Cost::Data(100),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    const SAID: [Keyword; 3] = [Keyword::Items, Keyword::PrefixItems, Keyword::UnevaluatedItems];
    if !value.is(Type::Array) || value.has_any(&SAID) || value.is_closed() || shape::has_branches(value) {
        return;
    }
    if value.smallest(Keyword::MaxItems) != Some(0.0) {
        found.value(value, format!("{} is an array without `items`", value.label()));
    }
}
