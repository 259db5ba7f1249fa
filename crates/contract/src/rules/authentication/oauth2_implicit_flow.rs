//! OAuth 2 hands tokens out in URLs
//!
//! A security scheme of the type `oauth2` has the flow `implicit`.
//!
//! # Why
//!
//! The access token comes in the URL that the browser is sent back to. There it stands in the history, is seen by every
//! script of the page, and can be led elsewhere by a redirect that is too open. Nothing binds the token to the client
//! that asked for it, so that a token which was made for one application is taken by another. RFC 9700 (§2.1.2) says
//! not to use the flow; OAuth 2.1 has left it out.
//!
//! # Incident
//!
//! The nearest that really happened: in 2018 attackers took access tokens of about 30 million users of Facebook out of
//! pages, where a fault had put them. A token that a page can see can be taken from it.
//!
//! # Bad
//!
//! ```yaml
//! security: [{login: [read]}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         implicit: # <-
//!           authorizationUrl: https://id.example.com/authorize
//!           scopes: {read: Reads.}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! securityDefinitions:
//!   login: {type: oauth2, flow: implicit, authorizationUrl: 'https://id.example.com/authorize', scopes: {}} # <-
//! security: [{login: []}]
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{login: [read]}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         authorizationCode:
//!           authorizationUrl: https://id.example.com/authorize
//!           tokenUrl: https://id.example.com/token
//!           scopes: {read: Reads.}
//!     unused:
//!       type: oauth2
//!       flows:
//!         implicit: {authorizationUrl: 'https://id.example.com/authorize', scopes: {}}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the flow `authorizationCode` with PKCE (RFC 7636) instead, for applications in a browser, too, and switch the
//! implicit flow off at the authorization server.
//!
//! # At the gate
//!
//! The gate verifies the token whichever flow it came by: signature, issuer, audience and times. With `binding` of the
//! issuer it takes only tokens that are bound to a key (DPoP) or a certificate, which a stolen one is not worth
//! anything without.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Grant, Scheme, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "oauth2-implicit-flow",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[522],
            asvs: &["10.4.4"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("oauth2_implicit_flow.rs"),
    },
    cost: Cost::Security(Area::Authentication, 25),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let SchemeType::OAuth2(flows) = &scheme.kind else {
        return;
    };
    let flow = flows.iter().find(|flow| flow.grant == Grant::Implicit);
    if let Some(flow) = flow
        && asking(survey, scheme).next().is_some()
    {
        let message = format!("`{}` hands out tokens by the implicit flow", scheme.name);
        found.scheme(scheme, flow.at, message);
    }
}
