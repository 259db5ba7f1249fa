//! A keyword of a schema is misspelt
//!
//! A member of a schema is no keyword, and looks like one: `maxlength`, `max_length`, `requred`. JSON Schema takes
//! it for a note and checks nothing by it.
//!
//! # Why
//!
//! Somebody wrote a bound, reviewed it and relies on it. Nothing reads it: no validator refuses an unknown keyword.
//! What it should have kept out comes in.
//!
//! # Incident
//!
//! The nearest is of 2003: somebody put two lines into a copy of the source of Linux that looked like a check and
//! were an assignment, because of one `=` too few. They would have made a caller root, and were found before a
//! release.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               aditionalProperties: false # <-
//!               properties:
//!                 title:
//!                   type: string
//!                   maxlength: 80 # <-
//!                 size:
//!                   type: integer
//!                   max_imum: 80 # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               additionalProperties: false
//!               x-requred: whatever
//!               properties:
//!                 maxlength: {type: integer, minimum: 0, maximum: 5}
//!                 title: {type: string, maxLength: 80, deprecated: true}
//!               example: {maxlength: 4}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Correct the spelling; upper and lower case count. A note of your own begins with `x-`.
//!
//! # At the gate
//!
//! `portcullis check` warns of it, and the gate checks nothing by it, because it cannot know what was meant.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::nearest::{distance, nearest};
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "misspelt-keyword",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("misspelt_keyword.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// The keywords that a misspelt one is worth telling of, in every version.
const BOUNDS: [&str; 34] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "discriminator",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
];
/// What else may stand in a schema of some version, or in a parameter that is its own schema.
const OTHERS: [&str; 33] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "summary",
    "title",
    "example",
    "examples",
    "externalDocs",
    "id",
    "xml",
    "name",
    "in",
    "schema",
    "content",
    "style",
    "explode",
    "collectionFormat",
    "allowEmptyValue",
    "allowReserved",
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for value in schemas(survey) {
        let members = value.node().as_object().into_iter().flat_map(|object| &object.members);
        for (name, member) in members {
            let is_known = BOUNDS.contains(&&**name) || OTHERS.contains(&&**name) || name.starts_with(['$', 'x']);
            if is_known {
                continue;
            }
            let Some((meant, confidence)) = meant(name) else {
                continue;
            };
            let message = format!("`{name}` is no keyword (`{meant}` is), so it checks nothing");
            let spot = found.value_at(&value, At::name(member.name_span), message);
            spot.severity(graded(&value, Severity::Medium)).confidence(confidence);
        }
    }
}

/// The keyword that is likely to be meant.
fn meant(name: &str) -> Option<(&'static str, Confidence)> {
    const LONG: usize = 32;
    if name.len() > LONG {
        return None;
    }
    let letters = |text: &str| text.replace(['_', '-', ' '], "").to_ascii_lowercase();
    let bare = letters(name);
    let same = BOUNDS.iter().find(|keyword| letters(keyword) == bare);
    if let Some(keyword) = same {
        return Some((keyword, Confidence::High));
    }
    let near = nearest(name, &BOUNDS)?;
    // What is nearer to a keyword that bounds nothing was not meant to bound.
    let apart = distance(name, near);
    let is_other = OTHERS.iter().any(|other| distance(name, other) <= apart);
    let confidence = if apart == 1 {
        Confidence::High
    } else {
        Confidence::Medium
    };
    (!is_other).then_some((near, confidence))
}
