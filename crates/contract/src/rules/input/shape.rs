//! What rules of this category ask of the shape of a value.

use crate::document::{Node, Value as Json};
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Role, SchemaId, Value};

/// Most schemas that are followed from one value.
const FOLLOWED_MAX: usize = 64;

/// A value and the parts of its `allOf`, without what it is a branch of.
pub(super) fn parts(value: &Value<'_, '_>) -> Vec<SchemaId> {
    let mut all = vec![value.schema.id];
    let mut next = 0;
    while let Some(id) = all.get(next).copied() {
        for edge in &value.survey.schema(id).edges {
            if edge.role == Role::Conjunct && !all.contains(&edge.target) && all.len() < FOLLOWED_MAX {
                all.push(edge.target);
            }
        }
        next += 1;
    }
    all
}

/// Whether one of its parts has this keyword.
pub(super) fn says(value: &Value<'_, '_>, keyword: Keyword) -> bool {
    let all = || parts(value).into_iter().map(|id| value.survey.schema(id).keywords);
    value.has(keyword) && all().any(|keywords| keywords.has(keyword))
}

/// Whether branches inside of it say more of what it is, as values of their own.
pub(super) fn has_branches(value: &Value<'_, '_>) -> bool {
    says(value, Keyword::AnyOf) || says(value, Keyword::OneOf)
}

/// The branches inside of it.
pub(super) fn branches<'s, 'd>(value: &Value<'s, 'd>) -> Vec<Value<'s, 'd>> {
    let survey = value.survey;
    let parts = parts(value).into_iter();
    let edges = parts.flat_map(|id| survey.schema(id).edges.iter());
    let branches = edges.filter(|edge| edge.role == Role::Branch);
    branches.map(|edge| survey.value(edge.target)).collect()
}

/// Whether nothing at all is said of what a value may be, annotations apart.
pub(super) fn says_nothing(value: &Value<'_, '_>) -> bool {
    const ASSERTIONS: [Keyword; 36] = [
        Keyword::Format,
        Keyword::Enum,
        Keyword::Const,
        Keyword::Pattern,
        Keyword::MinLength,
        Keyword::MaxLength,
        Keyword::Minimum,
        Keyword::Maximum,
        Keyword::ExclusiveMinimum,
        Keyword::ExclusiveMaximum,
        Keyword::MultipleOf,
        Keyword::Items,
        Keyword::PrefixItems,
        Keyword::AdditionalItems,
        Keyword::UnevaluatedItems,
        Keyword::MinItems,
        Keyword::MaxItems,
        Keyword::UniqueItems,
        Keyword::Contains,
        Keyword::Properties,
        Keyword::PatternProperties,
        Keyword::AdditionalProperties,
        Keyword::UnevaluatedProperties,
        Keyword::PropertyNames,
        Keyword::MinProperties,
        Keyword::MaxProperties,
        Keyword::Required,
        Keyword::DependentRequired,
        Keyword::DependentSchemas,
        Keyword::Not,
        Keyword::If,
        Keyword::DynamicRef,
        Keyword::Discriminator,
        Keyword::ContentEncoding,
        Keyword::ContentMediaType,
        Keyword::ContentSchema,
    ];
    value.schema.types.is_any() && !value.has_any(&ASSERTIONS) && !has_branches(value)
}

/// Whether a value is an object by its type, or by what is said of its members.
pub(super) fn is_object(value: &Value<'_, '_>) -> bool {
    value.is(Type::Object) || (value.schema.types.is_any() && value.has(Keyword::Properties))
}

/// Whether two nodes say the same, words for people apart.
pub(super) fn same(left: &Node, right: &Node) -> bool {
    const WORDS: [&str; 5] = ["title", "description", "example", "examples", "summary"];
    match (&left.value, &right.value) {
        (Json::Null, Json::Null) => true,
        (Json::Bool(left), Json::Bool(right)) => left == right,
        (Json::Number(left), Json::Number(right)) | (Json::String(left), Json::String(right)) => left == right,
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            let count =
                |object: &crate::document::Object| object.iter().filter(|(name, _)| !WORDS.contains(name)).count();
            count(left) == count(right)
                && left
                    .iter()
                    .filter(|(name, _)| !WORDS.contains(name))
                    .all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        _ => false,
    }
}

/// Why a literal, such as a default, is not allowed by the type, the list and the bounds of a value; nothing where it is,
/// or where that is not plain.
pub(super) fn refusal(value: &Value<'_, '_>, literal: &Node) -> Option<String> {
    let types = value.schema.types;
    let (one, word) = match &literal.value {
        Json::Null => return None,
        Json::Bool(_) => (Type::Boolean, "a boolean"),
        Json::Number(spelling) if spelling.parse::<f64>().is_ok_and(|number| number.fract() == 0.0) => {
            (Type::Integer, "an integer")
        }
        Json::Number(_) => (Type::Number, "a number that is no integer"),
        Json::String(_) => (Type::String, "a string"),
        Json::Array(_) => (Type::Array, "an array"),
        Json::Object(_) => (Type::Object, "an object"),
    };
    if !types.may_be(one) {
        return Some(format!("is {word}, which its `type` excludes"));
    }
    if let Some(number) = literal.as_number().and_then(|number| number.parse::<f64>().ok()) {
        if value.largest(Keyword::Minimum).is_some_and(|least| number < least) {
            return Some("is below `minimum`".to_owned());
        }
        if value.smallest(Keyword::Maximum).is_some_and(|most| number > most) {
            return Some("is above `maximum`".to_owned());
        }
    }
    if let Some(text) = literal.as_str() {
        let length = number(text.chars().count());
        if value.smallest(Keyword::MaxLength).is_some_and(|most| length > most) {
            return Some("is longer than `maxLength`".to_owned());
        }
        if value.largest(Keyword::MinLength).is_some_and(|least| length < least) {
            return Some("is shorter than `minLength`".to_owned());
        }
    }
    None
}

/// A count as a number to compare bounds with.
pub(super) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// Whether an object takes members of any name and value: nothing is said of them, or aloud that they may be anything.
pub(super) fn lets_others_in(value: &Value<'_, '_>) -> bool {
    let said = [Keyword::AdditionalProperties, Keyword::UnevaluatedProperties];
    let shut = said
        .into_iter()
        .flat_map(|keyword| value.each(keyword))
        .any(|node| node.as_bool() == Some(false));
    !shut && value.children(Role::OtherProperties).iter().all(says_nothing)
}

/// The integer formats of the OpenAPI format registry, with their least and greatest values.
pub(super) const INTEGERS: [(&str, f64, f64); 8] = [
    ("int8", -128.0, 127.0),
    ("int16", -32_768.0, 32_767.0),
    ("int32", -2_147_483_648.0, 2_147_483_647.0),
    ("int64", -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_807.0),
    ("uint8", 0.0, 255.0),
    ("uint16", 0.0, 65_535.0),
    ("uint32", 0.0, 4_294_967_295.0),
    ("uint64", 0.0, 18_446_744_073_709_551_615.0),
];

/// Whether an array can only be short although it has no `maxItems`: nothing but the items described one by one, or each of
/// a list once.
pub(super) fn is_short(value: &Value<'_, '_>) -> bool {
    let says = |keyword, truth| value.get(keyword).and_then(Node::as_bool) == Some(truth);
    let is_set = says(Keyword::UniqueItems, true) && value.children(Role::Items).iter().any(Value::is_closed);
    is_set || says(Keyword::Items, false) || says(Keyword::UnevaluatedItems, false)
}
