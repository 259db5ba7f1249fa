//! A credential may be left out
//!
//! Beside the credentials that an operation takes stands `{}`: a caller who shows none is let in, too.
//!
//! # Why
//!
//! What is optional for callers is optional for attackers. All that keeps them out is code behind the door that treats
//! a caller without a name differently, at every place where it matters; one place that forgets to is enough. A
//! credential that has expired does not matter either: whoever leaves it out is let in.
//!
//! # Incident
//!
//! In 2018 Kubernetes fixed CVE-2018-1002105, by which callers of aggregated APIs could send what they liked with the
//! rights of the API server. By default callers without a credential were let in as a user called anonymous, so that
//! they could use the flaw, too.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /comments:
//!     post:
//!       security:
//!         - token: []
//!         - {} # <-
//!       responses: {}
//!     get:
//!       security:
//!         - {} # <-
//!         - token: []
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}, {key: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//!     key: {type: apiKey, in: header, name: X-Key}
//! paths:
//!   /comments:
//!     post:
//!       responses: {}
//!     get:
//!       security: [{token: []}, {}]
//!       x-portcullis: {public: comments are for everybody; those who log in see their own marked}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take `{}` away. Where the operation means to answer everybody, and to know some of them, say so with `x-portcullis:
//! {public: REASON}`.
//!
//! # At the gate
//!
//! The gate lets callers in without a credential where `{}` stands. One that is presented has to be good all the same:
//! a token that has expired is refused, and not passed over.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asks;
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "authentication-optional",
        category: "authentication",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[287, 306],
            asvs: &["8.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("authentication_optional.rs"),
    },
    cost: Cost::Security(Area::Authentication, 50),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for operation in survey.operations.iter().filter(|operation| operation.public.is_none()) {
        let Some(said) = survey.requirements(operation) else {
            continue;
        };
        let empty = said.alternatives.iter().find(|one| one.asked.is_empty());
        if let Some(empty) = empty
            && asks(survey, operation)
        {
            let message = "callers may leave the credential out: `{}` is an alternative";
            let spot = found.operation(operation, empty.at, message);
            if !operation.is_write() {
                spot.severity(Severity::Low);
            }
        }
    }
}
