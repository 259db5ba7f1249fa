//! A member of an operation is misspelt
//!
//! A member of the contract, of a path, an operation, a parameter or a body is none that OpenAPI knows, and looks
//! like one: `securty`, `paramters`, `requestbody`. It says nothing.
//!
//! # Why
//!
//! The worst of them is `security`: the operation then asks for whatever the root asks for, or for nothing.
//! Misspelt parameters and bodies are not checked, and tests that are made from the contract never send them. To a
//! reader all looks right.
//!
//! # Incident
//!
//! The nearest is of 2021: lists of Microsoft Power Apps were open to everybody where a setting that closes them
//! was not in force. UpGuard found 38 million records of 47 organisations that had believed otherwise.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     delete:
//!       securty: [{token: []}] # <-
//!       requestbody: # <-
//!         content: {}
//!       parameters:
//!         - {name: all, in: query, requred: true, schema: {type: boolean}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! x-securty: none
//! paths:
//!   /orders:
//!     summary: Orders.
//!     delete:
//!       security: [{token: []}]
//!       x-requestbody: none
//!       note: not near to anything
//!       parameters:
//!         - {name: all, in: query, required: true, schema: {type: boolean}}
//!       responses: {}
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! ```
//!
//! # Fix
//!
//! Correct the spelling; upper and lower case count. A member of your own begins with `x-`.
//!
//! # At the gate
//!
//! `portcullis check` warns of it. The gate goes by what OpenAPI knows, so it judges as if the member were not
//! there.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::conform::contract::spelling::Shape;
use crate::document::nearest::nearest;
use crate::document::{Node, Version};
use crate::rules::found::Found;
use crate::rules::survey::{At, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "misspelt-member",
        category: "conformance",
        severity: Severity::High,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("misspelt_member.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    // The members of OpenAPI 2.0 are others, and were left behind when it was lowered.
    if survey.document.version() == Version::V2_0 {
        return;
    }
    for (message, at, severity) in misspelt(survey.root().node, Shape::Document) {
        found.contract(at, message).severity(severity);
    }
    let mut last = None;
    for operation in &survey.operations {
        let item = std::ptr::from_ref(operation.item.node);
        if last.replace(item) != Some(item) {
            tell(operation, operation.item.node, Shape::PathItem, found);
        }
        tell(operation, operation.place.node, Shape::Operation, found);
        if let Some(body) = &operation.body {
            tell(operation, body.place.node, Shape::RequestBody, found);
        }
        for parameter in &operation.parameters {
            for (message, at, severity) in misspelt(parameter.place.node, Shape::Parameter) {
                found.parameter(operation, parameter, at, message).severity(severity);
            }
        }
    }
}

fn tell<'d>(operation: &Operation<'d>, node: &'d Node, shape: Shape, found: &mut Found<'d>) {
    for (message, at, severity) in misspelt(node, shape) {
        found.operation(operation, at, message).severity(severity);
    }
}

/// What of an object is near to a member that it may have, with where that stands.
fn misspelt(node: &Node, shape: Shape) -> impl Iterator<Item = (String, At, Severity)> {
    let known = shape.members();
    let members = node.as_object().into_iter().flat_map(|object| &object.members);
    let unknown = members.filter(move |(name, _)| !name.starts_with("x-") && !known.contains(&&***name));
    unknown.filter_map(move |(name, member)| {
        let letters = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
        let same = known.iter().copied().find(|known| letters(known) == letters(name));
        let meant = same.or_else(|| nearest(name, known))?;
        let severity = match meant {
            "security" => Severity::High,
            "parameters" | "requestBody" | "schema" | "content" | "required" | "in" => Severity::Medium,
            _ => Severity::Low,
        };
        let message = format!("`{name}` says nothing here (`{meant}` would)");
        Some((message, At::name(member.name_span), severity))
    })
}
