//! An answer may be of any media type
//!
//! An answer is declared as `*/*` or `application/*`.
//!
//! # Why
//!
//! Whoever chooses the media type of an answer chooses what a browser does with it: the same text is data as JSON and a
//! program as HTML. Nothing that stands in front of the service can tell a page that an attacker had it make from the data
//! that it was meant to answer.
//!
//! # Incident
//!
//! In 2014 Michele Spagnuolo published Rosetta Flash (CVE-2014-4671): text that callers had put into an answer was taken for a
//! Flash program because its media type was not insisted on, and ran with the rights of that site.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           content:
//!             '*/*': # <-
//!               schema: {type: array, items: {type: string}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           content:
//!             application/json:
//!               schema: {type: array, items: {type: string}}
//!   /pictures/{id}:
//!     get:
//!       responses:
//!         '200':
//!           description: A picture.
//!           content:
//!             image/*: {}
//! ```
//!
//! # Fix
//!
//! Name the media type that is answered. Where the contract is made from code, tell the tool which one an operation produces.
//!
//! # At the gate
//!
//! An answer of a media type that is not declared is 502 (`contract.response.media_type`). Where any is declared, any passes.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "answer-of-any-media-type",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[436, 79],
            asvs: &["4.1.1"],
            nist: &[],
        },
        text: include_str!("answer_of_any_media_type.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for answer in &operation.answers {
        for content in &answer.contents {
            if matches!(&*content.essence(), "*/*" | "*" | "application/*") {
                let message = format!(
                    "{} of `{}` may be of any media type (`{}`)",
                    answer.status,
                    operation.name(),
                    content.media_type
                );
                found.operation(operation, content.at, message);
            }
        }
    }
}
