//! A scheme does not say where tokens come from
//!
//! A flow of an `oauth2` scheme lacks a URL that it needs, the scheme has no flow, or an `openIdConnect` scheme has no
//! `openIdConnectUrl`.
//!
//! # Why
//!
//! Whoever reads the contract has to learn from elsewhere which authorization server is the right one: from a wiki, a
//! message, a guess. Tools fill the gap with an address that is typed in, and a client that takes tokens from one
//! server and shows them to another gives them away.
//!
//! # Incident
//!
//! The nearest that really happened: in 2016 Fett, Küsters and Schmitz of Trier showed the mix-up attack on OAuth 2.
//! Clients that do not know for certain which endpoint belongs to which server send codes and tokens to that of the
//! attacker.
//!
//! # Bad
//!
//! ```yaml
//! security: [{login: []}, {none: []}, {provider: []}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         authorizationCode: # <-
//!           authorizationUrl: https://id.example.com/authorize
//!           scopes: {}
//!     none: # <-
//!       type: oauth2
//!       flows: {}
//!     provider: # <-
//!       type: openIdConnect
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{login: []}, {provider: []}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         authorizationCode:
//!           authorizationUrl: /authorize
//!           tokenUrl: https://id.example.com/token
//!           scopes: {}
//!         implicit:
//!           authorizationUrl: https://id.example.com/authorize
//!           scopes: {}
//!         clientCredentials:
//!           tokenUrl: https://id.example.com/token
//!           scopes: {}
//!     provider:
//!       type: openIdConnect
//!       openIdConnectUrl: https://id.example.com/.well-known/openid-configuration
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write `authorizationUrl` for the flows `implicit` and `authorizationCode`, `tokenUrl` for all but `implicit`, and
//! `openIdConnectUrl` for an OpenID provider.
//!
//! # At the gate
//!
//! The gate needs none of these URLs: the issuers that it believes stand in its configuration (`issuers`), each with
//! its keys.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Grant, OAuthFlow, Scheme, SchemeType, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "authorization-server-without-url",
        category: "authentication",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("authorization_server_without_url.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    if asking(survey, scheme).next().is_none() {
        return;
    }
    match &scheme.kind {
        SchemeType::OpenIdConnect(url) if url.unwrap_or_default().trim().is_empty() => {
            let message = format!("`{}` has no `openIdConnectUrl`", scheme.name);
            found.scheme(scheme, scheme.at, message);
        }
        SchemeType::OAuth2(flows) if flows.is_empty() => {
            found.scheme(scheme, scheme.at, format!("`{}` has no flow", scheme.name));
        }
        SchemeType::OAuth2(flows) => {
            for (flow, member) in flows.iter().flat_map(missing) {
                let message = format!("a flow of `{}` has no `{member}`", scheme.name);
                found.scheme(scheme, flow.at, message);
            }
        }
        _ => {}
    }
}

/// The URLs that a flow needs and does not have (OpenAPI 3.1 §4.8.29).
fn missing<'f, 'd>(flow: &'f OAuthFlow<'d>) -> impl Iterator<Item = (&'f OAuthFlow<'d>, &'static str)> {
    let needed: &'static [&'static str] = match flow.grant {
        Grant::Implicit => &["authorizationUrl"],
        Grant::Password | Grant::ClientCredentials => &["tokenUrl"],
        Grant::AuthorizationCode => &["authorizationUrl", "tokenUrl"],
    };
    let has = |member: &str| {
        flow.urls
            .iter()
            .any(|(name, url, _)| *name == member && !url.trim().is_empty())
    };
    needed
        .iter()
        .copied()
        .filter(move |member| !has(member))
        .map(move |member| (flow, member))
}
