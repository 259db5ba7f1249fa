//! A pattern can take an engine that backtracks ever longer
//!
//! The pattern can be gone through in many ways on the same text. Most engines try them all before they say no: for
//! some texts the time doubles with each character, or grows with the square of the length.
//!
//! # Why
//!
//! Whoever reads the contract sees which text to send. Thirty letters and a sign that does not fit keep a thread of
//! Java, JavaScript, Python, .NET or Ruby busy for minutes where the time doubles. Where it grows with the square of
//! the length, a text of a hundred thousand characters does.
//!
//! # Incident
//!
//! On 2 July 2019 Cloudflare put a rule with the pattern `.*(?:.*=.*)` in force, which backtracked over ordinary
//! requests. For 27 minutes its servers had no processor time left for anything else.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 name:
//!                   type: string
//!                   maxLength: 100
//!                   pattern: '^([a-zA-Z0-9]+\s?)*$' # <-
//!                 code:
//!                   type: string
//!                   pattern: '^[a-z]+[a-z0-9]+$' # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 name: {type: string, maxLength: 100, pattern: '^[a-zA-Z0-9]+(\s[a-zA-Z0-9]+)*$'}
//!                 code: {type: string, maxLength: 64, pattern: '^[a-z]+[a-z0-9]+$'}
//!                 mail: {type: string, pattern: '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'}
//!                 any: {type: string, pattern: '^[\s\S]*$'}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write the pattern so that each text can be gone through in one way: no loop directly in a loop, and a separator
//! that the loops around it cannot take. A short `maxLength`, which most validators check too, bounds what is left.
//!
//! # At the gate
//!
//! The gate runs patterns in time proportional to the text, or within a budget of steps whose end refuses. Servers
//! behind it and programs made from the contract do not.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use std::collections::HashMap;

use crate::conform::pattern::review::{Growth, review};
use crate::document::Node;
use crate::rules::survey::Survey;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "pattern-backtracks",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[1333, 400],
            asvs: &["1.3.12"],
            nist: &[],
        },
        text: include_str!("pattern_backtracks.rs"),
    },
    cost: Cost::Data(6),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Texts up to this length are harmless to a pattern whose time grows with the square of it.
const SQUARE_MAX: f64 = 1_000.0;
/// And up to this one to a pattern whose time doubles.
const DOUBLING_MAX: f64 = 16.0;

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut known: HashMap<&str, Option<Growth>> = HashMap::new();
    for value in survey
        .values()
        .filter(|value| value.schema.keywords.has(Keyword::Pattern))
    {
        let is_asked = value.in_request() || survey.is_unused(value.schema.id);
        let Some(source) = value.node().get("pattern").and_then(Node::as_str).filter(|_| is_asked) else {
            continue;
        };
        let growth = *known.entry(source).or_insert_with(|| {
            review(source)
                .ok()
                .filter(|review| !review.is_impossible)
                .and_then(|review| review.growth)
        });
        let longest = value.smallest(Keyword::MaxLength).unwrap_or(f64::MAX);
        match growth {
            Some(Growth::Exponential) if longest > DOUBLING_MAX => {
                let message = format!("`{source}` may take time that doubles with a few characters more");
                found.keyword(&value, Keyword::Pattern, message);
            }
            Some(Growth::Polynomial) if longest > SQUARE_MAX => {
                let message = format!("`{source}` may take time that grows with the square of the length");
                let spot = found.keyword(&value, Keyword::Pattern, message);
                spot.severity(Severity::Low);
            }
            _ => {}
        }
    }
}
