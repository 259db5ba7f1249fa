//! A pattern lets every text through
//!
//! The pattern of a string is one that any text matches, such as `.*`; perhaps any text of one line, or any that is
//! not empty.
//!
//! # Why
//!
//! A pattern that refuses nothing looks like a check to a reader and to a tool that counts them. The text carries
//! whatever the next program gives a meaning to.
//!
//! # Incident
//!
//! In 2017 Equifax lost the data of about 147 million people through CVE-2017-5638: a header field with an
//! expression in it, which nothing in front of Apache Struts held to the form of a media type. It is the nearest we
//! know of: a text that could be anything where only a few were meant.
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
//!                 reference:
//!                   type: string
//!                   pattern: '^.*$' # <-
//!                 text:
//!                   type: string
//!                   pattern: '[\s\S]+' # <-
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
//!                 reference: {type: string, pattern: '^[A-Z0-9-]{1,40}$'}
//!                 text: {type: string, pattern: '^.{1,200}$'}
//!                 filled: {type: string, pattern: '\S'}
//!                 day: {type: string, format: date, pattern: '.*'}
//!                 both: {allOf: [{type: string, pattern: '.+'}, {pattern: '^[a-z]*$'}]}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write the characters that the value really has: `^[A-Z0-9-]{1,40}$`. For text that people write freely, leave the
//! pattern out and bound the length.
//!
//! # At the gate
//!
//! The gate enforces the pattern as it stands, which refuses nothing.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::conform::pattern::review::review;
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "pattern-vacuous",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[625, 20],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("pattern_vacuous.rs"),
    },
    cost: Cost::Data(15),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::Pattern) || !value.is(Type::String) || value.is_closed() || value.has(Keyword::Format) {
        return;
    }
    let patterns: Vec<&str> = value.each(Keyword::Pattern).filter_map(Node::as_str).collect();
    let is_vacuous = |source: &&str| review(source).is_ok_and(|review| review.is_vacuous);
    if let Some(source) = patterns.first().filter(|_| patterns.iter().all(is_vacuous)) {
        found.keyword(value, Keyword::Pattern, format!("`{source}` lets every text through"));
    }
}
