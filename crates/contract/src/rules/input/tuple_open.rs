//! A tuple may have more items than are described
//!
//! `prefixItems` describes the first items of a list, and nothing bounds those behind them.
//!
//! # Why
//!
//! `prefixItems` does not say how many items there are: any number of any kind may follow. A program that reads the
//! first two is handed a million more, and one that hands the list on hands them on too.
//!
//! # Incident
//!
//! In July 2024 an update of CrowdStrike's Falcon sensor described 21 fields where the program was given 20, and
//! reading the last one crashed about 8.5 million computers. It is the nearest we know of: two sides that did not
//! agree on how long a list is.
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
//!                 point: # <-
//!                   type: array
//!                   prefixItems: [{type: number}, {type: number}]
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
//!                 point: {type: array, prefixItems: [{type: number}, {type: number}], items: false}
//!                 spot: {type: array, prefixItems: [{type: number}, {type: number}], maxItems: 2}
//!                 row: {type: array, prefixItems: [{type: string}], items: {type: integer}, maxItems: 9}
//!                 line: {type: array, prefixItems: [{type: string}], unevaluatedItems: false}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `items: false`, or `maxItems` with the number of items that are described.
//!
//! # At the gate
//!
//! The gate enforces `items`, `prefixItems` and `maxItems`. The gate bounds the whole body (`body_bytes_max`, 1 MiB
//! unless said otherwise), the URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "tuple-open",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[20, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("tuple_open.rs"),
    },
    cost: Cost::Data(40),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::PrefixItems) || value.is_closed() || shape::has_branches(value) {
        return;
    }
    if value.has(Keyword::MaxItems) || shape::is_short(value) {
        return;
    }
    let described = value
        .get(Keyword::PrefixItems)
        .and_then(Node::as_array)
        .unwrap_or_default();
    let message = format!(
        "{} may have more items than the {} described",
        value.label(),
        described.len()
    );
    found.value(value, message);
}
