//! A schema bounds a type without asking for it
//!
//! The keywords say how long a string, how large a number or which members an object may have, but no `type` says that
//! the value has to be a string, a number or an object.
//!
//! # Why
//!
//! Every keyword of JSON Schema but a few looks at one type alone, and lets every other type through: `properties` and
//! `additionalProperties: false` say nothing to the text `"x"`, and `maxLength: 8` nothing to an array of a million
//! items. So the caller who sends another type passes all bounds at once. What the program behind does with it is
//! often an error that tells too much, and sometimes another meaning: an object in the place of a text becomes an
//! operator in a query of a document database.
//!
//! # Incident
//!
//! In 2021 Rocket.Chat mended CVE-2021-22911: callers could send an object where a text was meant, it went on to MongoDB as an
//! operator, and reset tokens of administrators could be read out of the database character by character.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /sessions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: # <-
//!               additionalProperties: false
//!               properties:
//!                 user: {maxLength: 40} # <-
//!                 device: {format: uuid} # <-
//!       responses: {}
//! ```
//!
//! The second and the third line are values that may be objects of any size.
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /sessions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               additionalProperties: false
//!               properties:
//!                 user: {$ref: '#/components/schemas/User', maxLength: 40}
//!                 mood: {enum: [calm, busy]}
//!                 size: {oneOf: [{type: integer, minimum: 0}, {type: 'null'}]}
//!       responses: {}
//! components:
//!   schemas:
//!     User: {type: string, maxLength: 80}
//! ```
//!
//! # Fix
//!
//! Say the `type` that the keywords are for.
//!
//! # At the gate
//!
//! The gate judges by the schema as it is written, so it lets the other types through as well. What it forwards is what
//! it has judged, and members that are declared twice are refused.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Role, Value};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "type-left-out",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[1287, 843],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("type_left_out.rs"),
    },
    // Whatever else the value lacks shows up only when it has a type.
    cost: Cost::Data(100),
    fold: Fold::Contract,
    check: Check::Value(Travels::Either, check),
};

/// Keywords that look at one type alone, and which.
const OF_ONE_TYPE: [(Keyword, &str); 27] = [
    (Keyword::Properties, "object"),
    (Keyword::AdditionalProperties, "object"),
    (Keyword::UnevaluatedProperties, "object"),
    (Keyword::PatternProperties, "object"),
    (Keyword::PropertyNames, "object"),
    (Keyword::Required, "object"),
    (Keyword::MinProperties, "object"),
    (Keyword::MaxProperties, "object"),
    (Keyword::DependentRequired, "object"),
    (Keyword::DependentSchemas, "object"),
    (Keyword::Items, "array"),
    (Keyword::PrefixItems, "array"),
    (Keyword::MinItems, "array"),
    (Keyword::MaxItems, "array"),
    (Keyword::UniqueItems, "array"),
    (Keyword::Contains, "array"),
    (Keyword::AdditionalItems, "array"),
    (Keyword::UnevaluatedItems, "array"),
    (Keyword::Pattern, "string"),
    (Keyword::MinLength, "string"),
    (Keyword::MaxLength, "string"),
    (Keyword::Minimum, "number"),
    (Keyword::Maximum, "number"),
    (Keyword::ExclusiveMinimum, "number"),
    (Keyword::ExclusiveMaximum, "number"),
    (Keyword::MultipleOf, "number"),
    (Keyword::Format, "string"),
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    // Branches say of themselves what they are, or what they are branches of does.
    let elsewhere = value.schema.role == Role::Branch || shape::has_branches(value);
    if !value.schema.types.is_any() || elsewhere || value.is_closed() {
        return;
    }
    if let Some((keyword, mut of)) = OF_ONE_TYPE.into_iter().find(|(keyword, _)| value.has(*keyword)) {
        let is_of_numbers = |format: &str| matches!(format, "int32" | "int64" | "float" | "double");
        if keyword == Keyword::Format && value.text(keyword).is_some_and(is_of_numbers) {
            of = "number";
        }
        let message = format!(
            "{} has `{}` and no `type: {of}`: any other type passes",
            value.label(),
            keyword.name()
        );
        found.value(value, message);
    }
}
