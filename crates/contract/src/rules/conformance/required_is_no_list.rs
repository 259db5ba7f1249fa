//! A schema says that it is required, where only its object can
//!
//! `required` in a schema is `true`, as it is at a parameter. In a schema it has to be a list of names, at the
//! object whose members they are; as it stands, nothing is required.
//!
//! # Why
//!
//! The member may be left out, and code that counts on it meets nothing: a price that is zero, an owner that is
//! nobody, a check that is passed over because there is nothing to check.
//!
//! # Incident
//!
//! The nearest is CVE-2022-21449 of 2022: Java took a signature whose two numbers were zero for a good one. What
//! should have been there was not asked for.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /payments:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 signature:
//!                   type: string
//!                   required: true # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /payments:
//!     post:
//!       parameters:
//!         - {name: at, in: query, required: true, schema: {type: string, format: date}}
//!       requestBody:
//!         required: true
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               required: [signature]
//!               properties:
//!                 signature: {type: string, maxLength: 200}
//!                 required: {type: boolean}
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: '1'}
//! paths:
//!   /payments:
//!     get:
//!       parameters:
//!         - {name: at, in: query, required: true, type: string, format: date}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Put the names into a list at the object: `required: [signature]` beside `properties`.
//!
//! # At the gate
//!
//! `portcullis check` refuses a schema whose `required` is no list.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "required-is-no-list",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3, 8],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("required_is_no_list.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for value in schemas(survey).filter(|value| value.schema.keywords.has(Keyword::Required)) {
        let node = value.node();
        // In OpenAPI 2.0 a parameter is its own schema.
        let is_parameter = node.get("in").is_some_and(|said| said.as_str().is_some());
        let said = node.get("required").and_then(Node::as_bool);
        if said == Some(true) && !is_parameter {
            let message = format!("`required: true` in {} requires nothing", value.label());
            let spot = found.value_at(&value, At::member(node, "required"), message);
            spot.severity(graded(&value, Severity::Medium));
        }
    }
}
