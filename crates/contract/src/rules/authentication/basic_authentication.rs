//! Callers send a password with every request
//!
//! A security scheme is HTTP Basic (RFC 7617), and not only operations where users log in ask for it.
//!
//! # Why
//!
//! Basic sends name and password with each request, in a form that anybody can read who sees it once: a proxy, a log of
//! headers, a debugger. The password does not end by itself, opens everything that its owner may do, and is often used
//! elsewhere, too. There is no second factor. Attackers who try stolen lists of passwords like it best, since every
//! operation is a place to try them.
//!
//! # Incident
//!
//! In October 2022 Microsoft began to switch Basic authentication off in Exchange Online for good, since attackers who
//! tried passwords on many accounts came by it: it knows no second factor.
//!
//! # Bad
//!
//! ```yaml
//! security: [{staff: []}]
//! components:
//!   securitySchemes:
//!     staff: {type: http, scheme: basic} # <-
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
//!   staff: {type: basic} # <-
//! security: [{staff: []}]
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: Bearer}
//!     password: {type: http, scheme: basic}
//!     unused: {type: http, scheme: basic}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!   /login:
//!     post:
//!       security: [{password: []}]
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Ask for the password once, at an operation that answers with a short-lived token, and take that token (`bearer`,
//! `oauth2` or `openIdConnect`) everywhere else.
//!
//! # At the gate
//!
//! The gate verifies Basic at operations that are marked as logins (`x-portcullis: {login: true}`) and nowhere else; it
//! counts failed logins by user and by address. An operation that asks for `basic` and is no login is an error of
//! `portcullis check`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{asking, is_login};
use crate::rules::found::Found;
use crate::rules::survey::{Scheme, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "basic-authentication",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[522],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("basic_authentication.rs"),
    },
    cost: Cost::Security(Area::Authentication, 30),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let is_basic = matches!(&scheme.kind, SchemeType::Http(name) if name == "basic");
    if !is_basic {
        return;
    }
    if let Some(operation) = asking(survey, scheme).find(|operation| !is_login(operation)) {
        let message = format!(
            "`{}` sends the password with every request, such as `{}`",
            scheme.name,
            operation.name()
        );
        found.scheme(scheme, scheme.at, message);
    }
}
