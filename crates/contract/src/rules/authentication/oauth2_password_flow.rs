//! Applications ask users for their password
//!
//! A security scheme of the type `oauth2` has the flow `password`.
//!
//! # Why
//!
//! The user types the password into the application, which then has it: it can keep it, lose it, or be a copy that
//! somebody made to collect them. OAuth was made so that applications never see it. There is no place for a second
//! factor, and users learn that any window may ask for their password. RFC 9700 (§2.4) says that the flow must not be
//! used; OAuth 2.1 has left it out.
//!
//! # Incident
//!
//! The nearest that really happened: in 2021 the company Plaid agreed to pay 58 million dollars to users who said that
//! it had collected their passwords of banks, in windows that looked like those of the banks, and more of their data
//! than was needed. Plaid denied it.
//!
//! # Bad
//!
//! ```yaml
//! security: [{login: []}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         password: # <-
//!           tokenUrl: https://id.example.com/token
//!           scopes: {}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{login: []}, {machine: []}]
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         authorizationCode:
//!           authorizationUrl: https://id.example.com/authorize
//!           tokenUrl: https://id.example.com/token
//!           scopes: {}
//!     machine:
//!       type: oauth2
//!       flows:
//!         clientCredentials:
//!           tokenUrl: https://id.example.com/token
//!           scopes: {}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the flow `authorizationCode` with PKCE for users, and `clientCredentials` for programs; then switch the
//! password flow off at the authorization server.
//!
//! # At the gate
//!
//! The gate verifies the token whichever flow it came by. `step_up` in a policy asks for tokens whose user proved
//! themselves by more than a password (`acr`), or lately (`auth_time`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Grant, Scheme, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "oauth2-password-flow",
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
        text: include_str!("oauth2_password_flow.rs"),
    },
    cost: Cost::Security(Area::Authentication, 25),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let SchemeType::OAuth2(flows) = &scheme.kind else {
        return;
    };
    let flow = flows.iter().find(|flow| flow.grant == Grant::Password);
    if let Some(flow) = flow
        && asking(survey, scheme).next().is_some()
    {
        let message = format!("`{}` hands out tokens by the password flow", scheme.name);
        found.scheme(scheme, flow.at, message);
    }
}
