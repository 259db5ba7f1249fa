//! A parameter has a schema and a content
//!
//! A parameter has both `schema` and `content`. OpenAPI demands one of them: they are two ways to read the same
//! value.
//!
//! # Why
//!
//! One reader judges the text by `schema`, the other reads it as JSON by `content`. What the one refuses the other
//! may take, so that a caller finds the form that passes the check and means something else behind it.
//!
//! # Incident
//!
//! The nearest is of 2019: James Kettle sent requests that said their length twice, which a server in front and one
//! behind read differently, and could take over logins of PayPal.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - name: filter
//!           in: query
//!           schema: {type: string, maxLength: 100}
//!           content: # <-
//!             application/json:
//!               schema: {type: object, maxProperties: 5}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - name: filter
//!           in: query
//!           content:
//!             application/json:
//!               schema: {type: object, maxProperties: 5}
//!         - {name: page, in: query, schema: {type: integer, minimum: 0, maximum: 100}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Keep `content` where the value is JSON or another media type, and `schema` for everything else.
//!
//! # At the gate
//!
//! The gate reads such a parameter by its `content`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{At, Operation, Parameter, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "parameter-with-schema-and-content",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[436],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("parameter_with_schema_and_content.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let node = parameter.place.node;
    if node.get("schema").is_some() && node.get("content").is_some() {
        let message = format!("`{}` has a schema and a content", parameter.name);
        found.parameter(operation, parameter, At::member(node, "content"), message);
    }
}
