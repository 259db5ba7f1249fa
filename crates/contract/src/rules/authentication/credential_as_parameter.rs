//! A credential is declared as an ordinary parameter
//!
//! A header field or cookie that carries a credential, such as `Authorization` or `X-API-Key`, is a parameter and not a
//! security scheme.
//!
//! # Why
//!
//! A parameter is data: whatever is sent there is taken, and nothing says that it has to be verified. Gateways and
//! generated servers check its type and pass it on. Tools keep credentials of schemes secret; they save parameters in
//! examples, histories and shared collections. OpenAPI 3 even says that a parameter called `Authorization` shall be
//! ignored.
//!
//! # Incident
//!
//! In December 2024 CloudSEK reported more than 30,000 public workspaces of Postman that gave away keys and tokens.
//! They had been saved in plain text with the requests of shared collections, as any other parameter is.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: Authorization, in: header, required: true, schema: {type: string}} # <-
//!       responses: {}
//!     post:
//!       parameters:
//!         - {name: X-API-Key, in: header, schema: {type: string}} # <-
//!         - {name: sessionid, in: cookie, schema: {type: string}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}, {key: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//!     key: {type: apiKey, in: header, name: X-API-Key}
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: X-API-Key, in: header, schema: {type: string}}
//!         - {name: X-CSRF-Token, in: header, schema: {type: string}}
//!         - {name: Idempotency-Key, in: header, schema: {type: string}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Declare it in `components.securitySchemes` (`http` with `bearer` for `Authorization`, `apiKey` for a field of its
//! own), ask for it with `security`, and take the parameter away.
//!
//! # At the gate
//!
//! The gate verifies what `security` asks for, and nothing else: a credential in a parameter is data to it, which it
//! judges by its schema.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{asks, is_credential_field};
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "credential-as-parameter",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[287, 522],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("credential_as_parameter.rs"),
    },
    cost: Cost::Security(Area::Authentication, 60),
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    if !is_credential_field(parameter) {
        return;
    }
    let is_declared = survey.schemes.iter().any(|scheme| match scheme.kind {
        SchemeType::ApiKey(place, name) => place == parameter.location && name.eq_ignore_ascii_case(parameter.name),
        _ => false,
    });
    if is_declared {
        return;
    }
    let message = format!("`{}` carries a credential, and is a parameter", parameter.name);
    let spot = found.parameter(operation, parameter, parameter.at, message);
    if asks(survey, operation) {
        spot.severity(Severity::Low);
    }
}
