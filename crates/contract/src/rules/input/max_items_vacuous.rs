//! A largest number of items bounds nothing
//!
//! `maxItems` is more than a million: more than a request can hold.
//!
//! # Why
//!
//! A bound that no request reaches is none. It quietens a tool, and hides from readers that the real bound was never
//! looked for.
//!
//! # Incident
//!
//! In February 2023 Werkzeug, the library under Flask, fixed CVE-2023-25577: a multipart form could have any number
//! of parts, each of which took memory and time. It is the nearest we know of.
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
//!                 ids:
//!                   type: array
//!                   maxItems: 2147483647 # <-
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
//!                 ids: {type: array, maxItems: 100, items: {type: integer, format: int32}}
//!                 tags: {allOf: [{$ref: '#/components/schemas/Tags'}], maxItems: 5}
//!       responses: {}
//! components:
//!   schemas:
//!     Tags: {type: array, maxItems: 1000000, items: {type: string, maxLength: 9}}
//! ```
//!
//! # Fix
//!
//! Set `maxItems` to the longest list that the API is built for.
//!
//! # At the gate
//!
//! The gate enforces `maxItems` as it stands. The gate bounds the whole body (`body_bytes_max`, 1 MiB unless said
//! otherwise), the URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "max-items-vacuous",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("max_items_vacuous.rs"),
    },
    cost: Cost::Data(35),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// More than a body of a few megabytes can hold.
const SENSIBLE_MAX: f64 = 1_000_000.0;

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::MaxItems) {
        return;
    }
    if let Some(most) = value.smallest(Keyword::MaxItems).filter(|most| *most > SENSIBLE_MAX) {
        found.keyword(
            value,
            Keyword::MaxItems,
            format!("{} may have {most} items", value.label()),
        );
    }
}
