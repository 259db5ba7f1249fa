//! Pages of every origin may read the answers
//!
//! `Access-Control-Allow-Origin` is declared with the value `*`.
//!
//! # Why
//!
//! Any page that somebody opens may then ask this API with that person's browser and read what is answered. Browsers send no
//! cookies along, so that it matters most where being inside the network is enough to be let in, or where the page has a
//! token by other means. Few who write `*` have thought of either.
//!
//! # Incident
//!
//! The nearest is what James Kettle published in 2016: exchanges for bitcoin let every origin read their answers, and with
//! cookies, so that a page could take the key of an account and empty it.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           headers:
//!             Access-Control-Allow-Origin: # <-
//!               schema: {type: string, enum: ['*']}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           headers:
//!             Access-Control-Allow-Origin:
//!               schema: {type: string, const: 'https://app.example.com'}
//!             Access-Control-Allow-Methods:
//!               schema: {type: string, const: '*'}
//!     post:
//!       responses:
//!         '200':
//!           description: Nothing is said of which.
//!           headers:
//!             Access-Control-Allow-Origin: {schema: {type: string}}
//! ```
//!
//! # Fix
//!
//! Allow the origins of your own pages by name, and send the header only to them.
//!
//! # At the gate
//!
//! With `cors` in the policy the gate says which origins are let in, and leaves out what the service says
//! ([cors](../../docs/cors.md)).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Operation, Survey, Value};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "cors-any-origin",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[942],
            asvs: &["3.4.2"],
            nist: &[],
        },
        text: include_str!("cors_any_origin.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let headers = operation.answers.iter().flat_map(|answer| &answer.headers);
    for header in headers.filter(|header| header.name.eq_ignore_ascii_case("access-control-allow-origin")) {
        if header.schema.is_some_and(|id| says_any_origin(&survey.value(id))) {
            found.operation(operation, header.at, "pages of every origin may read the answer");
        }
    }
}

fn says_any_origin(value: &Value<'_, '_>) -> bool {
    let keywords = [
        Keyword::Const,
        Keyword::Default,
        Keyword::Enum,
        Keyword::Example,
        Keyword::Examples,
    ];
    let mut said = keywords.into_iter().flat_map(|keyword| value.each(keyword));
    said.any(|node| {
        let listed = node.as_array().unwrap_or_default();
        std::iter::once(node).chain(listed).any(|one| one.as_str() == Some("*"))
    })
}
