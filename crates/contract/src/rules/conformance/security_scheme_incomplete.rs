//! A security scheme leaves out how it is asked
//!
//! A security scheme has no `type` that OpenAPI knows, or lacks what its type needs: the name and place of a key,
//! the scheme of `http`, the flows of `oauth2` and their URLs, the URL of `openIdConnect`.
//!
//! # Why
//!
//! Operations name the scheme and look protected. What reads the contract to protect them cannot: it does not know
//! where the credential stands. Some programs then pass over the requirement, and a test tool calls without any
//! credential and reports that all is well.
//!
//! # Incident
//!
//! In 2023 a group that Microsoft calls Storm-0558 read mail of about 25 organisations with forged tokens.
//! Microsoft told that developers had taken it for granted that a library checked issuer and scope of a token, and
//! that nobody did.
//!
//! # Bad
//!
//! ```yaml
//! paths: {}
//! components:
//!   securitySchemes:
//!     key: # <-
//!       type: apiKey
//!       in: header
//!     token: # <-
//!       type: http
//!     login: # <-
//!       type: oauth2
//!       flows:
//!         authorizationCode:
//!           tokenUrl: https://login.example.com/token
//!           scopes: {}
//!     other: # <-
//!       type: jwt
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths: {}
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-Key}
//!     token: {type: http, scheme: bearer}
//!     certificate: {type: mutualTLS}
//!     known: {type: openIdConnect, openIdConnectUrl: 'https://login.example.com/.well-known/openid-configuration'}
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://login.example.com/token', scopes: {}}
//!         authorizationCode:
//!           authorizationUrl: https://login.example.com/authorize
//!           tokenUrl: https://login.example.com/token
//!           scopes: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: '1'}
//! paths: {}
//! securityDefinitions:
//!   key: {type: apiKey, in: query, name: key}
//!   basic: {type: basic}
//!   login: {type: oauth2, flow: application, tokenUrl: 'https://login.example.com/token', scopes: {}}
//! ```
//!
//! # Fix
//!
//! Say what the type needs: `name` and `in` for `apiKey`, `scheme` for `http`, `flows` with their URLs for
//! `oauth2`, `openIdConnectUrl` for `openIdConnect`. A JWT is `type: http`, `scheme: bearer`, `bearerFormat: JWT`.
//!
//! # At the gate
//!
//! `portcullis check` warns of a scheme that cannot be read.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{Grant, OAuthFlow};
use crate::rules::survey::{Scheme, SchemeType, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "security-scheme-incomplete",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 8],
            owasp_2019: &[2, 7],
            cwe: &[287, 1059],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("security_scheme_incomplete.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(_: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    if let Some(lack) = lack(scheme) {
        found.scheme(
            scheme,
            scheme.at,
            format!("the security scheme `{}` {lack}", scheme.name),
        );
    }
}

fn lack(scheme: &Scheme<'_>) -> Option<String> {
    let without = |what: &str| Some(format!("has no `{what}`"));
    match &scheme.kind {
        SchemeType::ApiKey(_, "") => without("name"),
        SchemeType::ApiKey("header" | "query" | "cookie", _) => None,
        SchemeType::ApiKey("", _) => without("in"),
        SchemeType::ApiKey(other, _) => Some(format!("is in `{other}`, and has to be in header, query or cookie")),
        SchemeType::Http(name) if name.is_empty() => without("scheme"),
        SchemeType::OAuth2(flows) if flows.is_empty() => without("flows"),
        SchemeType::OAuth2(flows) => flows.iter().find_map(flow_lack),
        SchemeType::OpenIdConnect(None) => without("openIdConnectUrl"),
        SchemeType::Unknown => match scheme.get("type").and_then(Node::as_str) {
            Some(word) => Some(format!("has the type `{word}`, which OpenAPI does not know")),
            None => without("type"),
        },
        SchemeType::Http(_) | SchemeType::OpenIdConnect(Some(_)) | SchemeType::MutualTls => None,
    }
}

/// The URL that a flow needs and lacks (OpenAPI 3.1 §4.8.29).
fn flow_lack(flow: &OAuthFlow<'_>) -> Option<String> {
    let needed: &[&str] = match flow.grant {
        Grant::Implicit => &["authorizationUrl"],
        Grant::Password | Grant::ClientCredentials => &["tokenUrl"],
        Grant::AuthorizationCode => &["authorizationUrl", "tokenUrl"],
    };
    let has = |name: &str| {
        flow.urls
            .iter()
            .any(|(member, url, _)| *member == name && !url.is_empty())
    };
    let lacking = needed.iter().find(|name| !has(name))?;
    Some(format!("has a flow without `{lacking}`"))
}
