//! A pattern cannot be used
//!
//! The pattern is not a regular expression of ECMA-262, which JSON Schema asks for; or no text can ever match it,
//! because something has to stand before its start or behind its end, such as the slashes of `/^a$/`.
//!
//! # Why
//!
//! Programs treat such a pattern as they like. Some refuse the whole contract; some leave the pattern out and say
//! nothing, and then nothing is checked; some read another language, in which it means another thing. A pattern that
//! nothing matches refuses every request, so the check is soon switched off.
//!
//! # Incident
//!
//! In 2014 a line that stood twice by mistake made Apple's systems skip the check of a server's signature
//! (CVE-2014-1266). It is the nearest we know of: the check could be read in the source, and was not in force.
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
//!                 code:
//!                   type: string
//!                   pattern: '[a-z' # <-
//!                 letters:
//!                   type: string
//!                   pattern: '^\p{Alpha}++$' # <-
//!                 name:
//!                   type: string
//!                   pattern: '/^[a-z]+$/' # <-
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
//!                 code: {type: string, pattern: '^[a-z]{1,8}$'}
//!                 path: {type: string, pattern: '^/[a-z]+/$'}
//!                 letters: {type: string, pattern: '^\p{L}{1,40}$'}
//!                 ahead: {type: string, pattern: '^(?!-)[a-z-]{1,8}$'}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write the pattern in the language of JavaScript, without slashes around it.
//!
//! # At the gate
//!
//! The gate does not start with a pattern that cannot be compiled: `portcullis check` says what is wrong with it.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::conform::pattern::review::review;
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "pattern-invalid",
        category: "input",
        severity: Severity::High,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[185, 20],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("pattern_invalid.rs"),
    },
    cost: Cost::Data(15),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.schema.keywords.has(Keyword::Pattern) {
        return;
    }
    let Some(source) = value.node().get("pattern").and_then(Node::as_str) else {
        return;
    };
    match review(source) {
        Err(error) => {
            found.keyword(
                value,
                Keyword::Pattern,
                format!("`{source}` cannot be used: {}", error.message),
            );
        }
        Ok(review) if review.is_impossible => {
            let message = format!("nothing can match `{source}`");
            let spot = found.keyword(value, Keyword::Pattern, message);
            spot.severity(Severity::Medium);
        }
        Ok(_) => {}
    }
}
