//! A body may be XML
//!
//! An operation takes XML.
//!
//! # Why
//!
//! A document type in XML lets its sender define entities: one that names a file or a URL makes the parser read it, and
//! nested ones grow a request of a kilobyte to gigabytes. Parsers differ in what they do by default, so that it takes one
//! careless setting.
//!
//! # Incident
//!
//! In 2013 Reginaldo Silva showed Facebook that its servers read local files for callers, by external entities in an OpenID
//! answer. It was published in 2014, and paid with 33,500 dollars.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json: {schema: {type: object}}
//!           application/xml: {schema: {type: object}} # <-
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
//!           application/json: {schema: {type: object}}
//!       responses:
//!         '200':
//!           description: What is answered is not parsed here.
//!           content: {application/xml: {schema: {type: object}}}
//! ```
//!
//! # Fix
//!
//! Take XML out if nobody needs it beside JSON. Otherwise turn off document types and external entities in every parser that
//! sees the body.
//!
//! # At the gate
//!
//! XML in requests must be well formed, in UTF-8, without a document type and at most 64 levels deep; its schema is not
//! asked ([coverage](../../docs/coverage.md)).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "xml-body",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[611, 776],
            asvs: &["1.5.1"],
            nist: &[],
        },
        text: include_str!("xml_body.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for content in operation.body.iter().flat_map(|body| &body.contents) {
        let essence = content.essence();
        if matches!(&*essence, "application/xml" | "text/xml") || essence.ends_with("+xml") {
            let message = format!("`{}` takes XML as `{}`", operation.name(), content.media_type);
            found.operation(operation, content.at, message);
        }
    }
}
