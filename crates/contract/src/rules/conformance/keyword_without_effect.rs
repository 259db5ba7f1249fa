//! A keyword bounds another type than the value has
//!
//! A schema has a keyword that is for another type: `maxLength` at an integer, `items` at a string. JSON Schema
//! ignores it, so it bounds nothing.
//!
//! # Why
//!
//! Somebody wanted a bound and believes that there is one. A number with `maxLength: 6` may have three hundred
//! digits; a string with `maximum` may be of any length. A caller who tries finds out, and what was meant to be
//! refused reaches the code behind.
//!
//! # Incident
//!
//! The nearest is CVE-2014-1266 of 2014: in Apple's TLS one line stood twice, so that the check of the signature
//! behind it was never reached. It was there to be read, and had no effect.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /codes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 code:
//!                   type: integer
//!                   maxLength: 6 # <-
//!                 names:
//!                   type: string
//!                   maxItems: 10 # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /codes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               additionalProperties: false
//!               properties:
//!                 code: {type: integer, minimum: 0, maximum: 999999}
//!                 either: {type: [string, integer], maxLength: 6, maximum: 999999}
//!                 unsaid: {maxLength: 6, maximum: 999999}
//!                 whole:
//!                   allOf:
//!                     - {type: string}
//!                     - {maxLength: 8}
//!                 names: {type: array, maxItems: 10, items: {type: string, maxLength: 40}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Use the keyword of the type: `minimum` and `maximum` for numbers, `minLength`, `maxLength` and `pattern` for
//! strings, `minItems` and `maxItems` for arrays. Or correct the type.
//!
//! # At the gate
//!
//! The gate judges as JSON Schema says: such a keyword is not asked.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::{Node, Value as Spoken};
use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type, Types};
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "keyword-without-effect",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("keyword_without_effect.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Keywords, and the type that they bound.
const BOUNDS: [(Keyword, Type); 21] = [
    (Keyword::MinLength, Type::String),
    (Keyword::MaxLength, Type::String),
    (Keyword::Pattern, Type::String),
    (Keyword::Minimum, Type::Number),
    (Keyword::Maximum, Type::Number),
    (Keyword::ExclusiveMinimum, Type::Number),
    (Keyword::ExclusiveMaximum, Type::Number),
    (Keyword::MultipleOf, Type::Number),
    (Keyword::Items, Type::Array),
    (Keyword::PrefixItems, Type::Array),
    (Keyword::Contains, Type::Array),
    (Keyword::MinItems, Type::Array),
    (Keyword::MaxItems, Type::Array),
    (Keyword::UniqueItems, Type::Array),
    (Keyword::Properties, Type::Object),
    (Keyword::PatternProperties, Type::Object),
    (Keyword::PropertyNames, Type::Object),
    (Keyword::AdditionalProperties, Type::Object),
    (Keyword::Required, Type::Object),
    (Keyword::MinProperties, Type::Object),
    (Keyword::MaxProperties, Type::Object),
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for value in schemas(survey) {
        let types = value.schema.types;
        if types.is_any() || types.is_empty() {
            continue;
        }
        let idle = |(keyword, kind): &&(Keyword, Type)| value.schema.keywords.has(*keyword) && !may_be(types, *kind);
        for (keyword, kind) in BOUNDS.iter().filter(idle) {
            let name = keyword.name();
            if says_something(value.node(), name) {
                let message = format!("`{name}` bounds {}, and {} is none", plural(*kind), value.label());
                let spot = found.value_at(&value, At::member(value.node(), name), message);
                spot.severity(graded(&value, Severity::Low));
            }
        }
    }
}

fn may_be(types: Types, kind: Type) -> bool {
    types.may_be(kind) || (kind == Type::Number && types.may_be(Type::Integer))
}

/// Whether it is more than what holds without it; and no member of a parameter, which in OpenAPI 2.0 is its own schema.
fn says_something(schema: &Node, name: &str) -> bool {
    match schema.get(name).map(|node| &node.value) {
        Some(Spoken::Bool(_)) if name == "required" || name == "additionalProperties" => false,
        Some(Spoken::Bool(truth)) => *truth,
        Some(Spoken::Array(items)) => !items.is_empty(),
        Some(Spoken::Object(object)) => !object.members.is_empty(),
        Some(Spoken::Number(number)) => &**number != "0",
        Some(Spoken::String(_)) => true,
        Some(Spoken::Null) | None => false,
    }
}

fn plural(kind: Type) -> &'static str {
    match kind {
        Type::String => "strings",
        Type::Array => "arrays",
        Type::Object => "objects",
        _ => "numbers",
    }
}
