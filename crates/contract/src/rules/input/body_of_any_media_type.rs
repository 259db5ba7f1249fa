//! A body may be of any media type
//!
//! The body is declared as `*/*` or `application/*`, so that a caller chooses how it is read.
//!
//! # Why
//!
//! Frameworks choose the parser by `Content-Type`. An operation that was made for JSON and takes anything also takes XML
//! with external entities, formats that make objects while they are read, and forms, which a page of another origin may
//! send without asking. Each of them is code that nobody thought of when the operation was written.
//!
//! # Incident
//!
//! In 2013 Ruby on Rails mended CVE-2013-0156: applications that were made for forms and JSON read XML too, which could hold
//! YAML, which could make any object. One request to any operation was enough to run code.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           '*/*': # <-
//!             schema: {type: object, properties: {amount: {type: integer}}}
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
//!             schema: {type: object, properties: {amount: {type: integer}}}
//!       responses: {}
//!   /pictures:
//!     post:
//!       requestBody:
//!         content:
//!           image/*: {}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Name the media types that the operation is meant for, such as `application/json`.
//!
//! # At the gate
//!
//! A media type that is not declared is 415 (`contract.body.media_type`). Where any is declared, any passes.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "body-of-any-media-type",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[20, 436],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("body_of_any_media_type.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for content in operation.body.iter().flat_map(|body| &body.contents) {
        if matches!(&*content.essence(), "*/*" | "*" | "application/*") {
            let message = format!(
                "the body of `{}` may be of any media type (`{}`)",
                operation.name(),
                content.media_type
            );
            found.operation(operation, content.at, message);
        }
    }
}
