//! The authorization server is called in clear text
//!
//! A URL of an `oauth2` or `openIdConnect` scheme begins with `http://`.
//!
//! # Why
//!
//! Passwords, codes and tokens pass these URLs, and clients trust what they answer. Whoever is on the way reads them
//! all, sends users to a login page of their own, or puts their own keys and addresses into the document that an OpenID
//! provider publishes. OAuth asks for TLS at each of these places (RFC 6749 §3.1, §3.2).
//!
//! # Incident
//!
//! The nearest that really happened: in 2011 somebody intercepted what users in Iran exchanged with Google. About
//! 300,000 addresses, nearly all of them in Iran, had been shown the forged certificate, Fox-IT counted. For that the
//! certificate authority DigiNotar had to be broken into first; in clear text nobody needs a certificate.
//!
//! # Bad
//!
//! ```yaml
//! security: [{login: []}, {provider: []}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         authorizationCode:
//!           authorizationUrl: http://id.example.com/authorize # <-
//!           tokenUrl: https://id.example.com/token
//!           refreshUrl: http://id.example.com/refresh # <-
//!           scopes: {}
//!     provider:
//!       type: openIdConnect
//!       openIdConnectUrl: http://id.example.com/.well-known/openid-configuration # <-
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
//!           authorizationUrl: https://id.example.com/authorize
//!           tokenUrl: /oauth/token
//!           scopes: {}
//!         clientCredentials:
//!           tokenUrl: http://localhost:9000/token
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
//! Write the URL as `https://`, and close the port that speaks clear text at the authorization server.
//!
//! # At the gate
//!
//! The gate discovers the keys of an issuer by HTTPS only, unless `dangerous_plain_http: true`; which issuers it
//! believes stands in its own configuration and not in the contract.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{At, Scheme, SchemeType, Survey};
use crate::rules::transport::{is_clear_text, is_inside};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "authorization-server-in-clear-text",
        category: "authentication",
        severity: Severity::High,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 8],
            owasp_2019: &[2, 7],
            cwe: &[319],
            asvs: &["12.2.1"],
            nist: &["MS-SS-1", "MS-SS-4"],
        },
        text: include_str!("authorization_server_in_clear_text.rs"),
    },
    cost: Cost::Security(Area::Authentication, 40),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let urls: Vec<(&str, &str, At)> = match &scheme.kind {
        SchemeType::OAuth2(flows) => flows.iter().flat_map(|flow| flow.urls.iter().copied()).collect(),
        SchemeType::OpenIdConnect(Some(url)) => {
            vec![(
                "openIdConnectUrl",
                *url,
                At::member(scheme.place.node, "openIdConnectUrl"),
            )]
        }
        _ => return,
    };
    if asking(survey, scheme).next().is_none() {
        return;
    }
    for (member, url, at) in urls {
        if is_clear_text(url) {
            let message = format!("`{member}` of `{}` is clear text: `{url}`", scheme.name);
            let spot = found.scheme(scheme, at, message);
            if is_inside(url) {
                spot.severity(Severity::Low);
            }
        }
    }
}
