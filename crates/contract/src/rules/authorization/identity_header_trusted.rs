//! Callers may send a header that a proxy is to set
//!
//! A header field is declared as a parameter by which a proxy or a gateway tells a service who calls or where from.
//!
//! # Why
//!
//! A service behind a gateway believes `X-User-Id` or `X-Forwarded-User`, because the gateway wrote it. A contract
//! that declares the field says that callers write it. One way around the gateway, one spelling that it does not
//! strip, and whoever sends `X-User-Id: 1` is the first user.
//!
//! # Incident
//!
//! In March 2025 it became known that the framework Next.js believed its internal header `x-middleware-subrequest`
//! from anybody: with it, a request passed all authorization that was done in middleware (CVE-2025-29927).
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: X-User-Id, in: header, schema: {type: string}} # <-
//!         - {name: x-forwarded-user, in: header, schema: {type: string}} # <-
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: X-Request-Id, in: header, schema: {type: string}}
//!         - {name: If-Match, in: header, schema: {type: string}}
//!         - {name: user-id, in: query, schema: {type: string}}
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Fix
//!
//! Take the field out of the contract that callers see: it is between the gateway and the service. Have the service
//! believe it only from the gateway, or better a signed token.
//!
//! # At the gate
//!
//! The gate never forwards such fields from callers, in any spelling, and writes its own (`upstream_identity`);
//! `dangerous_from_callers` lets one pass where that is meant.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "identity-header-trusted",
        category: "authorization",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 8],
            owasp_2019: &[2, 7],
            cwe: &[290, 348],
            asvs: &["4.1.3"],
            nist: &["MS-SS-12"],
        },
        text: include_str!("identity_header_trusted.rs"),
    },
    cost: Cost::Security(Area::Authorization, 30),
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

const NAMES: [&str; 17] = [
    "x-user",
    "x-user-id",
    "x-userid",
    "x-user-name",
    "x-username",
    "x-user-email",
    "x-user-role",
    "x-user-roles",
    "x-user-groups",
    "x-userinfo",
    "x-authenticated-user",
    "x-client-cert",
    "client-cert",
    "client-cert-chain",
    "x-endpoint-api-userinfo",
    "x-apigateway-api-userinfo",
    "x-ms-client-principal",
];

const PREFIXES: [&str; 9] = [
    "x-forwarded-",
    "x-remote-",
    "remote-user",
    "x-auth-request-",
    "x-authenticated-",
    "x-goog-authenticated-user-",
    "x-goog-iap-",
    "x-amzn-oidc-",
    "x-ms-client-principal-",
];

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    if parameter.location != "header" {
        return;
    }
    let name = parameter.name.to_ascii_lowercase().replace('_', "-");
    let tells_who = NAMES.contains(&&*name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if tells_who {
        let message = format!(
            "callers may send `{}`, by which a proxy tells who calls",
            parameter.name
        );
        let spot = found.parameter(operation, parameter, parameter.at, message);
        let is_address = ["-for", "-host", "-proto", "-port", "-prefix", "-addr"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_address {
            spot.severity(Severity::Low);
        }
    }
}
