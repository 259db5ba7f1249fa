//! A deprecated operation has no end
//!
//! An operation is `deprecated`, and neither its answers nor its description say until when it will be there.
//!
//! # Why
//!
//! What has no end stays. The code of a deprecated operation is maintained by nobody in particular, is left out
//! when the others are hardened, and serves whoever still knows it. A date makes clients move and lets it be
//! switched off.
//!
//! # Incident
//!
//! In April 2019 Rajshekhar Rajaharia told that an old operation of the Indian directory JustDial, which the company
//! itself no longer used, gave data of some 100 million users to anybody who asked.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/all:
//!     get:
//!       deprecated: true # <-
//!       description: Use /orders.
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/all:
//!     get:
//!       deprecated: true
//!       responses:
//!         '200':
//!           description: Orders.
//!           headers:
//!             Sunset: {schema: {type: string}}
//!   /orders/old:
//!     get:
//!       deprecated: true
//!       description: Ends on 2027-03-31.
//!       responses: {'200': {description: Orders.}}
//!   /orders/older:
//!     get:
//!       deprecated: true
//!       x-sunset: '2027-03-31'
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Fix
//!
//! Answer with the header field `Sunset` (RFC 8594) and declare it, or say the date in the description. Switch the
//! operation off on that day.
//!
//! # At the gate
//!
//! Whether somebody still calls it, the gate counts by operation in its metrics. When it is taken out of the
//! contract, it is 404 `route.unknown`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::description;
use crate::rules::found::Found;
use crate::rules::survey::{At, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "deprecated-operation-without-sunset",
        category: "inventory",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("deprecated_operation_without_sunset.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if operation.is_deprecated() && !has_end(operation) {
        let at = At::member(operation.place.node, "deprecated");
        found.operation(
            operation,
            at,
            format!("`{}` is deprecated without an end", operation.name()),
        );
    }
}

fn has_end(operation: &Operation<'_>) -> bool {
    let mut headers = operation.answers.iter().flat_map(|answer| &answer.headers);
    let members = operation
        .place
        .node
        .as_object()
        .into_iter()
        .flat_map(|object| object.members.keys());
    let ends = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["sunset", "removal", "end-of-life", "deprecated-until", "removed"]
            .iter()
            .any(|word| name.contains(word))
    };
    let mut extensions = members.filter(|name| name.starts_with("x-"));
    let text = description(operation);
    // A year is enough of a date.
    let names_year = text
        .split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() == 4 && digits.starts_with("20"));
    headers.any(|header| header.name.eq_ignore_ascii_case("sunset")) || extensions.any(|name| ends(name)) || names_year
}
