//! Nothing can satisfy these bounds
//!
//! What is said of a value contradicts itself: a least above the greatest, a list of values that the type excludes,
//! types that exclude each other, two equal alternatives of which exactly one may hold.
//!
//! # Why
//!
//! Every value is refused, or the program does not check at all: otherwise somebody would have noticed. A contract
//! that contradicts itself is one that nobody holds requests against, so its other bounds are not in force either.
//!
//! # Incident
//!
//! On 4 May 2019 a certificate with which Mozilla signed add-ons ran out, and Firefox switched nearly all of them off:
//! no add-on could pass the check any more, whatever it was. It is the nearest we know of: a check that nothing can
//! satisfy does not keep the bad out but everybody.
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
//!                 size:
//!                   type: integer
//!                   minimum: 10
//!                   maximum: 1 # <-
//!                 code:
//!                   type: string
//!                   minLength: 9
//!                   maxLength: 8 # <-
//!                 level:
//!                   type: integer
//!                   enum: [low, high] # <-
//!                 mixed: # <-
//!                   allOf: [{type: string}, {type: integer}]
//!                 step:
//!                   type: number
//!                   multipleOf: 0 # <-
//!                 owner:
//!                   oneOf: [{type: string, maxLength: 3}, {type: string, maxLength: 3}] # <-
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
//!                 size: {type: integer, minimum: 1, maximum: 1}
//!                 code: {type: string, minLength: 8, maxLength: 8}
//!                 level: {type: [string, 'null'], enum: [low, high, null]}
//!                 mixed: {allOf: [{type: number}, {type: integer}]}
//!                 part: {type: number, exclusiveMinimum: 0, maximum: 1, multipleOf: 0.5}
//!                 owner: {anyOf: [{type: string}, {type: string}]}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Find out which of the bounds is meant, and take the other back.
//!
//! # At the gate
//!
//! The gate enforces what the contract says, so it refuses every such value.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "unsatisfiable-bounds",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[],
            owasp_2019: &[],
            cwe: &[570, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("unsatisfiable_bounds.rs"),
    },
    cost: Cost::Data(10),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

const PAIRS: [(Keyword, Keyword); 4] = [
    (Keyword::Minimum, Keyword::Maximum),
    (Keyword::MinLength, Keyword::MaxLength),
    (Keyword::MinItems, Keyword::MaxItems),
    (Keyword::MinProperties, Keyword::MaxProperties),
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if value.schema.types.is_empty() {
        found.value(value, format!("the types of {} exclude each other", value.label()));
        return;
    }
    for (least, most) in PAIRS {
        if value.has(least)
            && value.has(most)
            && value
                .largest(least)
                .zip(value.smallest(most))
                .is_some_and(|(least, most)| least > most)
        {
            let message = format!("`{}` is above `{}`", least.name(), most.name());
            found.keyword(value, most, message);
        }
    }
    if value.has(Keyword::MultipleOf) && value.smallest(Keyword::MultipleOf).is_some_and(|unit| unit <= 0.0) {
        found.keyword(value, Keyword::MultipleOf, "`multipleOf` has to be above zero");
    }
    if value.schema.keywords.has(Keyword::Enum) {
        listed(value, found);
    }
    if value.schema.keywords.has(Keyword::OneOf) {
        alternatives(value, found);
    }
}

/// Values that are listed, and that the type excludes.
fn listed<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let Some(items) = value.node().get("enum").and_then(Node::as_array) else {
        return;
    };
    let refused = items.iter().find_map(|item| shape::refusal(value, item));
    if items.is_empty() {
        found.keyword(
            value,
            Keyword::Enum,
            format!("no value is listed for {}", value.label()),
        );
    } else if let Some(refused) = refused {
        let message = format!("a value that is listed for {} {refused}", value.label());
        found.keyword(value, Keyword::Enum, message);
    }
}

/// Equal alternatives, of which both hold where one does.
fn alternatives<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    const LOOKED_AT_MAX: usize = 32;
    let items = value.node().get("oneOf").and_then(Node::as_array).unwrap_or_default();
    let items = items.get(..LOOKED_AT_MAX).unwrap_or(items);
    let mut pairs = (1..items.len()).flat_map(|last| (0..last).map(move |first| (first, last)));
    let equal = pairs.any(|(first, last)| {
        let both = items.get(first).zip(items.get(last));
        both.is_some_and(|(first, last)| shape::same(first, last))
    });
    if equal {
        let message = format!(
            "two alternatives of {} are equal, so neither can be the only one",
            value.label()
        );
        found.keyword(value, Keyword::OneOf, message);
    }
}
