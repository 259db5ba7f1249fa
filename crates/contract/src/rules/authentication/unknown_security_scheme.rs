//! A security scheme is of a kind that nobody knows
//!
//! A scheme that operations ask for has a `type` that OpenAPI does not know, lacks what its type needs, or names a
//! scheme of HTTP authentication that is not registered.
//!
//! # Why
//!
//! What has no name has no specification: how the credential is made, what it proves and how it is verified, each side
//! decides for itself. Tools cannot check it and leave it out. Schemes of one's own making are where the gross mistakes
//! are, such as a proof that anybody can compute.
//!
//! # Incident
//!
//! The nearest that really happened: in 2016 the service behind the app of the Nissan Leaf took the number of the
//! vehicle as the only proof of who calls. That number stands behind the windscreen of every car; strangers could
//! switch the heating of others on and read where they had driven.
//!
//! # Bad
//!
//! ```yaml
//! security: [{jwt: []}, {own: []}, {key: []}]
//! components:
//!   securitySchemes:
//!     jwt: {type: http, scheme: jwt} # <-
//!     own: {type: custom} # <-
//!     key: {type: apiKey, name: X-Key} # <-
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}, {proof: []}, {signed: []}, {certificate: []}, {key: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: Bearer, bearerFormat: JWT}
//!     proof: {type: http, scheme: DPoP}
//!     signed: {type: http, scheme: signature}
//!     certificate: {type: mutualTLS}
//!     key: {type: apiKey, in: header, name: X-Key}
//!     unused: {type: custom}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Say what it is in the words of OpenAPI: `http` with a registered scheme (`bearer` for a JWT), `apiKey` with `in` and
//! `name`, `oauth2`, `openIdConnect` or `mutualTLS`.
//!
//! # At the gate
//!
//! The gate verifies no scheme that it does not know. A contract that asks for one is an error of `portcullis check`,
//! unless the scheme is left to the upstream with `dangerous_unverified: true`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::document::{Node, Version};
use crate::rules::found::Found;
use crate::rules::survey::{Scheme, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "unknown-security-scheme",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[1059, 287],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("unknown_security_scheme.rs"),
    },
    cost: Cost::Security(Area::Authentication, 60),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

/// The registry of IANA (HTTP Authentication Schemes), those that are outdated too, and three that are widely known:
/// NTLM, signatures (RFC 9421 and its drafts), and those of AWS.
const KNOWN: [&str; 20] = [
    "basic",
    "bearer",
    "concealed",
    "digest",
    "dpop",
    "gnap",
    "hoba",
    "mutual",
    "negotiate",
    "oauth",
    "privatetoken",
    "scram-sha-1",
    "scram-sha-256",
    "vapid",
    "ntlm",
    "signature",
    "hmac",
    "aws4-hmac-sha256",
    "sigv4",
    "awssigv4",
];

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let Some(problem) = problem(survey, scheme) else { return };
    if asking(survey, scheme).next().is_some() {
        found.scheme(scheme, scheme.at, format!("`{}` {problem}", scheme.name));
    }
}

fn problem(survey: &Survey<'_>, scheme: &Scheme<'_>) -> Option<String> {
    match &scheme.kind {
        SchemeType::Unknown => Some(match scheme.get("type").and_then(Node::as_str) {
            Some(said) => format!("is of the unknown type `{said}`"),
            None => "has no `type`".to_owned(),
        }),
        SchemeType::Http(name) if name.is_empty() => Some("has no `scheme`".to_owned()),
        SchemeType::Http(name) if !KNOWN.contains(&&**name) => {
            Some(format!("is the scheme `{name}`, which is not registered"))
        }
        SchemeType::ApiKey(_, "") => Some("has no `name`".to_owned()),
        SchemeType::ApiKey("query" | "header", _) => None,
        SchemeType::ApiKey("cookie", _) if survey.document.version() != Version::V2_0 => None,
        SchemeType::ApiKey("", _) => Some("has no `in`".to_owned()),
        SchemeType::ApiKey(place, _) => Some(format!("stands in the unknown place `{place}`")),
        _ => None,
    }
}
