//! A pattern lets more through than it describes
//!
//! A pattern is searched anywhere in the text unless `^` and `$` hold it. This one counts characters and leaves an
//! end open, or anchors one alternative at the start and another at the end.
//!
//! # Why
//!
//! `[0-9]{4}` finds four digits inside of anything: a script with a year in it passes. `^yes|no$` is read as
//! `^(yes|no)$` by people and as two patterns by programs: what begins with `yes` passes whatever follows. The
//! author believes to have an allow list, and has none.
//!
//! # Incident
//!
//! In January 2026 the researchers of Wiz told of CodeBreach: filters of AWS CodeBuild held the numbers of GitHub
//! accounts with patterns that had no anchors, so that another account whose number contained an allowed one could
//! start builds of Amazon's own repositories.
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
//!                 year:
//!                   type: string
//!                   pattern: '[0-9]{4}' # <-
//!                 answer:
//!                   type: string
//!                   pattern: '^yes|no$' # <-
//!                 name:
//!                   type: string
//!                   pattern: '^[a-z]+' # <-
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
//!                 year: {type: string, pattern: '^[0-9]{4}$'}
//!                 answer: {type: string, pattern: '^(yes|no)$'}
//!                 name: {type: string, pattern: '^[a-z]+$|^[0-9]+$'}
//!                 filled: {type: string, pattern: '\S'}
//!                 link: {type: string, pattern: '^https://'}
//!                 password: {type: string, pattern: '^(?=.*[0-9]).{12,64}$'}
//!                 open: {type: string, pattern: '.*'}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Put `^` and `$` around the whole pattern, and parentheses around alternatives: `^(?:yes|no)$`.
//!
//! # At the gate
//!
//! The gate reads patterns as JSON Schema has it: found anywhere, unless they are anchored.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::conform::pattern::review::{Anchors, review};
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "pattern-not-anchored",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[777, 625],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("pattern_not_anchored.rs"),
    },
    cost: Cost::Data(8),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::Pattern) || !value.is(Type::String) || value.is_closed() {
        return;
    }
    let patterns = value.each(Keyword::Pattern).filter_map(Node::as_str);
    let reviews: Vec<_> = patterns
        .filter_map(|source| Some((source, review(source).ok()?)))
        .collect();
    // Where several patterns hold, another may have the anchors.
    let [(source, review)] = reviews.as_slice() else { return };
    if review.is_vacuous || review.is_impossible {
        return;
    }
    match review.anchors {
        Anchors::AsMeant => {}
        Anchors::Mixed => {
            let message = format!("`^` and `$` of `{source}` hold only some of its alternatives");
            let spot = found.keyword(value, Keyword::Pattern, message);
            spot.severity(Severity::Medium);
        }
        Anchors::Open => {
            found.keyword(
                value,
                Keyword::Pattern,
                format!("`{source}` may stand in the middle of any text"),
            );
        }
    }
}
