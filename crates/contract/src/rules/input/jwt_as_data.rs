//! A signed token is taken as data
//!
//! A parameter or a member of a body is a JSON Web Token, beside or in the place of the credential.
//!
//! # Why
//!
//! A token in a member of a body is a text to everything in front of the code: its signature, its audience and its end are
//! not checked by whoever verifies the credential. A library that only decodes it makes its claims look trustworthy, and a
//! token that was given for something else, or signed by nobody, is believed.
//!
//! # Incident
//!
//! In 2015 Tim McLean found that many libraries took tokens with `alg` set to `none`, or verified them with the wrong kind of
//! key (CVE-2015-9235 for Node.js). Whoever relied on them believed what callers had written themselves.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /links:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 idToken: {type: string, maxLength: 4000} # <-
//!                 proof: {type: string, format: jwt} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer, bearerFormat: JWT}
//! security:
//!   - token: []
//! paths:
//!   /links:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {jwt_lifetime: {type: integer}, token: {type: string}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Send the token as the credential of the operation, where it is verified before anything else. Where it has to be data,
//! such as `id_token_hint` at a logout, verify signature, issuer, audience and time in the code, and pin the algorithms.
//!
//! # At the gate
//!
//! Tokens are verified where a security scheme asks for them. A token in a body is judged by its schema alone; one in the URL
//! is refused (`url.secret`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::called;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "jwt-as-data",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[345, 347],
            asvs: &["9.1.1", "9.1.2"],
            nist: &[],
        },
        text: include_str!("jwt_as_data.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Names that say so, at most 20 long.
const NAMES: [&str; 8] = [
    "jwt",
    "jwttoken",
    "idtoken",
    "idtokenhint",
    "identitytoken",
    "clientassertion",
    "signedjwt",
    "jwtassertion",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.in_request() || !value.is(Type::String) || value.is_closed() || value.has_branches() {
        return;
    }
    let name = called(value);
    let is_declared = value
        .text(Keyword::Format)
        .is_some_and(|format| format.eq_ignore_ascii_case("jwt"));
    let is_named = name.len() <= 20 && NAMES.contains(&&*plain(name));
    if is_declared || is_named {
        found.value(value, format!("{} is a signed token, taken as data", value.label()));
    }
}
