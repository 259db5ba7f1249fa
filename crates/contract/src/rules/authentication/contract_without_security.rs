//! Nothing in the contract asks who calls
//!
//! No operation of the contract asks for a credential: there is no `security`, or what there is asks for nothing.
//!
//! # Why
//!
//! By its contract, the whole API is open. Whoever finds the address calls every operation, and a scanner needs no more
//! than a list of paths. Where a credential is asked for after all, by a proxy or by code, nobody can learn it from the
//! contract: tests, gateways and generated clients leave it out, and the day that the proxy is taken away nothing
//! fails.
//!
//! # Incident
//!
//! In 2019 Rajshekhar Rajaharia found that an operation of the Indian directory JustDial answered anybody who called
//! it. It gave away names, telephone numbers and addresses of some 100 million users, and had been open since 2015 by
//! what he told.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes: # <-
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!     post:
//!       responses: {}
//! ```
//!
//! ```yaml
//! paths: # <-
//!   /orders:
//!     get:
//!       responses: {}
//!   /sessions:
//!     post:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security:
//!   - token: []
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! ```yaml
//! paths:
//!   /weather:
//!     x-portcullis: {public: open data}
//!     get:
//!       responses: {}
//!   /health:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Declare how callers prove who they are in `components.securitySchemes`, and ask for it with `security` at the root.
//! Say with `x-portcullis: {public: REASON}` which operations everybody may call.
//!
//! # At the gate
//!
//! The gate lets callers in as the contract says, so it asks for nothing either; `portcullis coverage` lists such an
//! operation as not judged. An overlay can add `security` to a contract that is not yours to change.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{asks_anywhere, is_open};
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "contract-without-security",
        category: "authentication",
        severity: Severity::Critical,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[306],
            asvs: &["8.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("contract_without_security.rs"),
    },
    cost: Cost::Security(Area::Authentication, 100),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    if asks_anywhere(survey) {
        return;
    }
    let root = survey.root().node;
    let schemes = root.get("components").filter(|_| !survey.schemes.is_empty());
    let (at, message) = match (&survey.security, schemes) {
        (Some(said), _) => (said.at, "`security` asks for nothing, and no operation does"),
        (None, Some(components)) => (
            At::member(components, "securitySchemes"),
            "security schemes are declared, and no operation asks for one",
        ),
        (None, None) => (At::member(root, "paths"), "no operation asks for a credential"),
    };
    for operation in survey.operations.iter().filter(|operation| is_open(survey, operation)) {
        // Told once: they share a place. Those that are meant to be open cost nothing.
        let spot = found.operation(operation, at, message);
        if !operation.is_write() {
            spot.severity(Severity::Medium);
        }
    }
}
