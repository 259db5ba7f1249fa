//! A body has no schema
//!
//! The contract says that a body may be sent, and not what it looks like.
//!
//! # Why
//!
//! Without a schema every member, every type and every size is as good as any other. A caller adds members that no form of
//! the application has, such as a role or a price, nests objects until a parser gives up, or sends a text where the code
//! expects a number. Nothing in front of the code can tell such a body from a good one.
//!
//! # Incident
//!
//! The nearest is GitHub in 2012: the form for public keys took members that nobody had declared, among them the identifier
//! of the user. Egor Homakov used it to put his key into the organisation of Ruby on Rails, and committed to its repository.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         required: true
//!         content:
//!           application/json: {} # <-
//!       responses: {}
//!     put:
//!       requestBody: # <-
//!         content: {}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   requestBodies:
//!     order:
//!       required: true
//!       content:
//!         application/json:
//!           schema: {type: object, properties: {amount: {type: integer}}}
//! paths:
//!   /orders:
//!     post:
//!       requestBody: {$ref: '#/components/requestBodies/order'}
//!       responses: {}
//!   /pictures:
//!     post:
//!       requestBody:
//!         content:
//!           image/png: {}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give each media type of the body a `schema` that says which members there are, of which type and size, and that there
//! are no others.
//!
//! # At the gate
//!
//! A JSON body without a schema is checked for its syntax, its depth, duplicate names and its size (`body_bytes_max`);
//! nothing else about it can be refused.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Content, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold, Part};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "body-without-schema",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3, 8],
            owasp_2019: &[6, 7],
            cwe: &[20, 915],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("body_without_schema.rs"),
    },
    cost: Cost::Part(Part::Request, 100),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let Some(body) = &operation.body else { return };
    if body.contents.is_empty() {
        found.operation(operation, body.at, "the body has no media type and no schema");
    }
    for content in &body.contents {
        if content.schema.is_none() && is_structured(content) {
            let message = format!("the body as `{}` has no schema", content.media_type);
            found.operation(operation, content.at, message);
        }
    }
}

/// Whether a media type has parts that a schema can describe; bytes have none.
fn is_structured(content: &Content<'_>) -> bool {
    let essence = content.essence();
    content.is_json()
        || essence.starts_with("text/")
        || essence == "application/xml"
        || essence.ends_with("+xml") && !essence.starts_with("image/")
        || essence == "application/x-www-form-urlencoded"
        || essence == "multipart/form-data"
}
