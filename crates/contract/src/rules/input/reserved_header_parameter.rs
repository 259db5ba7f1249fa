//! A header parameter is declared that OpenAPI ignores
//!
//! `Accept`, `Content-Type` or `Authorization` is declared as a parameter. OpenAPI 3 says that such a definition is ignored.
//!
//! # Why
//!
//! What is ignored protects nothing: the pattern and the list of values of the parameter hold for nobody. With
//! `Authorization` it is worse, because the contract then looks as if it asked for a credential, and no tool that reads it
//! does.
//!
//! # Incident
//!
//! No incident of such a declaration is known. The nearest is CVE-2021-38647 of 2021: Microsoft's OMI agent ran commands as
//! root for callers that left the header `Authorization` out, because nothing asked whether it was there.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: authorization, in: header, required: true, schema: {type: string}} # <-
//!         - {name: Content-Type, in: header, schema: {type: string, enum: [application/json]}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! security:
//!   - token: []
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: Accept-Language, in: header, schema: {type: string, maxLength: 20}}
//!         - {name: accept, in: query, schema: {type: boolean}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Declare a security scheme and ask for it with `security` in the place of `Authorization`, and the media types of `content`
//! in the place of `Accept` and `Content-Type`.
//!
//! # At the gate
//!
//! The gate follows OpenAPI: credentials are asked for by `security`, media types by `content`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Version;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "reserved-header-parameter",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("reserved_header_parameter.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let is = |name: &str| parameter.location == "header" && parameter.name.eq_ignore_ascii_case(name);
    // 2.0 does not say that it ignores any; a credential belongs into its security definitions all the same.
    let may_ignore = survey.document.version() != Version::V2_0;
    if is("Authorization") {
        let message = format!("`{}` is a parameter, and no security scheme", parameter.name);
        found.parameter(operation, parameter, parameter.at, message);
    } else if may_ignore && (is("Accept") || is("Content-Type")) {
        let message = format!("`{}` is ignored as a parameter", parameter.name);
        let spot = found.parameter(operation, parameter, parameter.at, message);
        spot.severity(Severity::Info);
    }
}
