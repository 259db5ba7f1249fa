//! A security requirement names a scheme that there is not
//!
//! `security` asks for a scheme that is not declared: most often a name that is misspelt, or a scheme that was renamed.
//!
//! # Why
//!
//! Nobody can tell what is asked for. Programs that read the contract do as they like: generated servers leave the
//! check out, generated clients send nothing, documentation shows a lock. To a reader the operation looks protected.
//!
//! # Incident
//!
//! The nearest that really happened: in 2022 data of some 9.5 million customers of Optus were taken through an API.
//! What the Australian authority ACMA told the court in 2024 is that a coding error of 2018 had made its access control
//! ineffective, and that the API could be reached from the Internet from 2020 on. A control was there by name, and did
//! nothing.
//!
//! # Bad
//!
//! ```yaml
//! security: [{tokens: []}] # <-
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!     post:
//!       security:
//!         - token: []
//!           key: [] # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}]
//! components:
//!   securitySchemes:
//!     token: {$ref: '#/components/x-schemes/bearer'}
//!   x-schemes:
//!     bearer: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//!     post:
//!       security: [{}]
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! securityDefinitions:
//!   key: {type: apiKey, in: header, name: X-Key}
//! paths:
//!   /orders:
//!     get:
//!       security: [{key: []}]
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write the name as it is declared in `components.securitySchemes` (`securityDefinitions` in OpenAPI 2.0), or declare
//! the scheme.
//!
//! # At the gate
//!
//! To the gate such a scheme is one that nothing verifies: an error of `portcullis check`, and the gate does not start.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "undeclared-security-scheme",
        category: "authentication",
        severity: Severity::High,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[287],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("undeclared_security_scheme.rs"),
    },
    cost: Cost::Security(Area::Authentication, 80),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for operation in &survey.operations {
        let said = survey.requirements(operation).into_iter();
        let asked = said.flat_map(|said| &said.alternatives).flat_map(|one| &one.asked);
        for asked in asked.filter(|asked| asked.scheme.is_none()) {
            let message = format!("no security scheme is called `{}`", asked.name);
            found.operation(operation, asked.at, message);
        }
    }
}
