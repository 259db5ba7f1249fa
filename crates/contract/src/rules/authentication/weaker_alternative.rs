//! An alternative makes a stronger one worthless
//!
//! `security` asks for several schemes together, and an alternative beside it asks for a part of them only.
//!
//! # Why
//!
//! Alternatives are as strong as the weakest: one of them is enough. Where one asks for a key and a certificate, and
//! another for the key, the certificate keeps nobody out. An attacker who has the key takes the second. The contract
//! still reads as if two things were needed.
//!
//! # Incident
//!
//! In 2021 the operators of the Colonial Pipeline shut it down after an attack that came in by an old access to their
//! network: a password alone was enough there, and no second factor was asked for.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-Key}
//!     certificate: {type: mutualTLS}
//! paths:
//!   /payments:
//!     post:
//!       security:
//!         - {key: [], certificate: []}
//!         - {key: []} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-Key}
//!     certificate: {type: mutualTLS}
//!     login: {type: openIdConnect, openIdConnectUrl: 'https://id.example.com/.well-known/openid-configuration'}
//! paths:
//!   /payments:
//!     post:
//!       security:
//!         - {key: [], certificate: []}
//!         - {login: [pay]}
//!       responses: {}
//!     get:
//!       security:
//!         - {login: [read], certificate: []}
//!         - {login: [admin]}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the shorter alternative away; or, where the credential alone is meant to be enough, the longer one.
//!
//! # At the gate
//!
//! The gate does as the contract says: of the alternatives that are met, the one that asks for most lets the caller in,
//! and the shorter one whoever has no more.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Alternative, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "weaker-alternative",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[287, 308],
            asvs: &["6.3.4"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("weaker_alternative.rs"),
    },
    cost: Cost::Security(Area::Authentication, 20),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for operation in &survey.operations {
        let Some(said) = survey.requirements(operation) else {
            continue;
        };
        let all = &said.alternatives;
        for one in all {
            if let Some(stronger) = all.iter().find(|other| is_part_of(one, other)) {
                let names: Vec<String> = stronger.asked.iter().map(|asked| format!("`{}`", asked.name)).collect();
                let message = format!(
                    "this alone is enough, so {} together are never needed",
                    names.join(" and ")
                );
                found.operation(operation, one.at, message);
            }
        }
    }
}

/// Whether an alternative asks for some of the schemes of another only, and for no scope that the other does not ask
/// for.
fn is_part_of(one: &Alternative<'_>, other: &Alternative<'_>) -> bool {
    !one.asked.is_empty()
        && one.asked.len() < other.asked.len()
        && one.asked.iter().all(|asked| {
            let same = other.asked.iter().find(|known| known.name == asked.name);
            same.is_some_and(|same| {
                let has = |scope: &str| same.scopes.iter().any(|(known, _)| *known == scope);
                asked.scopes.iter().all(|(scope, _)| has(scope))
            })
        })
}
