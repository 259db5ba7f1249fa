//! The other opinion: serde_json with repeated names refused, then the `jsonschema` crate on a schema translated
//! from OpenAPI 3.0 where need be.

use std::collections::BTreeSet;
use std::fmt;

use jsonschema::Validator;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// As deep as the judge reads by default.
const DEPTH_MAX: usize = 64;

pub(crate) struct Oracle(Validator);

impl Oracle {
    /// For the component `name` of `contract`, which has been [prepared](super::contracts::prepare).
    pub(crate) fn new(contract: &Value, name: &str) -> Self {
        let old = contract["openapi"].as_str().expect("a version").starts_with("3.0");
        let mut schemas = contract["components"]["schemas"].clone();
        for schema in schemas.as_object_mut().expect("components").values_mut() {
            translate(schema, old);
        }
        let root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{name}"),
            "components": { "schemas": schemas },
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&root)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self(validator)
    }

    pub(crate) fn accepts(&self, text: &[u8]) -> bool {
        parse(text).is_some_and(|value| depth(&value) <= DEPTH_MAX && self.0.is_valid(&value))
    }
}

/// The value, if the text is JSON without repeated names.
pub(crate) fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Strict>(text).ok().map(|strict| strict.0)
}

/// Whether the text holds a number that the oracle cannot keep exactly, so that its verdict may be another one.
pub(crate) fn rounds(text: &[u8]) -> bool {
    let numbers = text.split(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let mut numbers = numbers.filter(|number| !number.iter().all(u8::is_ascii_digit));
    numbers.any(|number| number.iter().filter(|byte| byte.is_ascii_digit()).count() > 15)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Brings a schema, and those inside it, to 2020-12.
fn translate(schema: &mut Value, old: bool) {
    let Value::Object(object) = schema else { return };
    if old && let Some(reference) = object.get("$ref").cloned() {
        *object = Map::from_iter([("$ref".to_owned(), reference)]);
        return;
    }
    if old {
        nullable(object);
        exclusive(object, "exclusiveMinimum", "minimum");
        exclusive(object, "exclusiveMaximum", "maximum");
    }
    numeric_format(object);
    if let Some(Value::String(pattern)) = object.get_mut("pattern") {
        *pattern = ecma_dots(pattern);
    }
    for keyword in [
        "items",
        "not",
        "additionalProperties",
        "unevaluatedProperties",
        "contains",
        "if",
        "then",
        "else",
    ] {
        if let Some(inner) = object.get_mut(keyword) {
            translate(inner, old);
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        if let Some(Value::Array(branches)) = object.get_mut(keyword) {
            branches.iter_mut().for_each(|branch| translate(branch, old));
        }
    }
    for keyword in ["properties", "patternProperties", "$defs"] {
        if let Some(Value::Object(members)) = object.get_mut(keyword) {
            members.values_mut().for_each(|member| translate(member, old));
        }
    }
}

/// ECMA-262's `.` leaves out four line terminators, the oracle's only one.
fn ecma_dots(pattern: &str) -> String {
    let (mut out, mut escaped, mut class) = (String::new(), false, false);
    for letter in pattern.chars() {
        match letter {
            '.' if !escaped && !class => out.push_str("[^\\n\\r\\u2028\\u2029]"),
            _ => out.push(letter),
        }
        class = !escaped && (letter == '[' || class && letter != ']') || escaped && class;
        escaped = !escaped && letter == '\\';
    }
    out
}

fn nullable(object: &mut Map<String, Value>) {
    if object.remove("nullable") == Some(Value::Bool(true))
        && let Some(Value::String(name)) = object.get("type").cloned()
    {
        object.insert("type".to_owned(), json!([name, "null"]));
    }
}

fn exclusive(object: &mut Map<String, Value>, flag: &str, bound: &str) {
    // A number is foreign to 3.0 here, and says nothing.
    if object.remove(flag) == Some(Value::Bool(true))
        && let Some(value) = object.remove(bound)
    {
        object.insert(flag.to_owned(), value);
    }
}

fn numeric_format(object: &mut Map<String, Value>) {
    let (low, high) = match object.get("format").and_then(Value::as_str) {
        Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        Some("float") => (json!(-3.402_823_5e38), json!(3.402_823_5e38)),
        _ => return,
    };
    object.remove("format");
    let numeric = match object.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(is_numeric),
        Some(name) => is_numeric(name),
    };
    if numeric {
        let branches = object.entry("allOf").or_insert_with(|| json!([]));
        branches
            .as_array_mut()
            .expect("`allOf` is an array")
            .push(json!({ "minimum": low, "maximum": high }));
    }
}

fn is_numeric(name: &Value) -> bool {
    matches!(name.as_str(), Some("integer" | "number"))
}

/// A value whose objects repeat no name.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            out.push(item);
        }
        Ok(out.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (mut out, mut names) = (Map::new(), BTreeSet::new());
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a name occurs twice"));
            }
            out.insert(name, value);
        }
        Ok(out.into())
    }
}
