//! JSON becomes Cedar's values, by what the schema says of a member or, where nothing is said, by what it looks like.
//!
//! A string becomes an entity or an address only where the *schema* says so. Cedar's own JSON has escapes for that (`__entity`, `__extn`);
//! here they mean nothing, because whoever fills in a claim or a body could otherwise forge a reference.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy_core::ast::{
    Eid, EntityType, EntityUID, ExtensionFunction, Literal, Name, PartialValue, Value, ValueKind,
};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::types::{Attributes, EntityKind, Type};
use serde_json::Value as Json;
use smol_str::SmolStr;

/// What a member has to become.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Whatever it looks like.
    Any,
    Bool,
    Long,
    String,
    /// A string that is the id of an entity of this type.
    Entity(EntityType),
    /// A string or number, given to the constructor of an extension.
    Extension(Constructor),
    Set(Box<Shape>),
    Record(Members),
}

/// The function that makes values of an extension's type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constructor(&'static ExtensionFunction);

/// The members of a record. Others are left out: no policy that was validated can ask for them.
pub(super) type Members = BTreeMap<SmolStr, Shape>;

/// A member that cannot become what it has to be.
#[derive(Debug)]
pub(super) struct Unfit {
    path: String,
    expected: String,
}

impl Unfit {
    fn new(expected: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            expected: expected.into(),
        }
    }

    /// The same, seen from around the member of this name.
    pub(super) fn below(mut self, name: &str) -> Self {
        let rest = std::mem::take(&mut self.path);
        self.path = if rest.is_empty() {
            name.to_owned()
        } else {
            format!("{name}.{rest}")
        };
        self
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.path, self.expected)
    }
}

impl Shape {
    pub(super) fn of_type(kind: &Type) -> Self {
        match kind {
            Type::Bool(_) => Self::Bool,
            Type::Long => Self::Long,
            Type::String => Self::String,
            Type::Entity(EntityKind::Entity(one)) => one
                .get_single_entity()
                .map_or(Self::Any, |kind| Self::Entity(kind.clone())),
            Type::Set { element_type } => {
                let item = element_type.as_ref().map_or(Self::Any, |item| Self::of_type(item));
                Self::Set(Box::new(item))
            }
            Type::Record { attrs, .. } => Self::Record(members(attrs)),
            Type::ExtensionType { name } => Constructor::of_type(name).map_or(Self::Any, Self::Extension),
            Type::Never | Type::Entity(EntityKind::AnyEntity) => Self::Any,
        }
    }

    /// The value; nothing for `null`, which is the same as absent.
    pub(super) fn value(&self, json: &Json) -> Result<Option<Value>, Unfit> {
        if json.is_null() {
            return Ok(None);
        }
        let value = match self {
            Self::Any => any(json)?,
            Self::Bool => json.as_bool().ok_or_else(|| Unfit::new("a boolean"))?.into(),
            Self::Long => json.as_i64().ok_or_else(|| Unfit::new("an integer of 64 bits"))?.into(),
            Self::String => text(json)?.into(),
            Self::Entity(kind) => entity(kind.clone(), text(json)?).into(),
            Self::Extension(constructor) => constructor.value(json)?,
            Self::Set(shape) => set(shape, json)?,
            Self::Record(members) => {
                let object = json.as_object().ok_or_else(|| Unfit::new("an object"))?;
                Value::record_arc(Arc::new(record(Some(members), object)?), None)
            }
        };
        Ok(Some(value))
    }
}

/// The shapes of attributes.
pub(super) fn members(attributes: &Attributes) -> Members {
    let members = attributes.iter();
    members
        .map(|(name, attribute)| (name.clone(), Shape::of_type(&attribute.attr_type)))
        .collect()
}

/// The members of an object that are declared; all if nothing is declared.
pub(super) fn record(
    declared: Option<&Members>,
    object: &serde_json::Map<String, Json>,
) -> Result<BTreeMap<SmolStr, Value>, Unfit> {
    let mut record = BTreeMap::new();
    for (name, json) in object {
        if let Some(value) = member(declared, name, json)? {
            record.insert(SmolStr::new(name), value);
        }
    }
    Ok(record)
}

/// One member of an object; nothing if it is not declared, or `null`.
pub(super) fn member(declared: Option<&Members>, name: &str, json: &Json) -> Result<Option<Value>, Unfit> {
    let shape = match declared {
        None => Some(&Shape::Any),
        Some(declared) => declared.get(name),
    };
    let value = shape.map(|shape| shape.value(json)).transpose();
    value.map(Option::flatten).map_err(|unfit| unfit.below(name))
}

fn set(shape: &Shape, json: &Json) -> Result<Value, Unfit> {
    let items = json.as_array().ok_or_else(|| Unfit::new("an array"))?;
    let mut values = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let value = shape.value(item).map_err(|unfit| unfit.below(&index.to_string()))?;
        values.push(value.ok_or_else(|| Unfit::new("something other than null").below(&index.to_string()))?);
    }
    Ok(Value::set(values, None))
}

fn any(json: &Json) -> Result<Value, Unfit> {
    match json {
        Json::Null => Err(Unfit::new("something other than null")),
        Json::Bool(bool) => Ok((*bool).into()),
        Json::String(text) => Ok(text.as_str().into()),
        Json::Number(number) => match number.as_i64() {
            Some(long) => Ok(long.into()),
            None => decimal(json),
        },
        Json::Array(_) => set(&Shape::Any, json),
        Json::Object(object) => Ok(Value::record_arc(Arc::new(record(None, object)?), None)),
    }
}

fn text(json: &Json) -> Result<&str, Unfit> {
    json.as_str().ok_or_else(|| Unfit::new("a string"))
}

/// An entity by its type and id, exactly as they are.
pub(super) fn entity(kind: EntityType, id: &str) -> EntityUID {
    EntityUID::from_components(kind, Eid::new(id), None)
}

fn decimal(json: &Json) -> Result<Value, Unfit> {
    let constructor = Constructor::named("decimal").ok_or_else(|| Unfit::new("a number"))?;
    constructor.value(json)
}

impl Constructor {
    /// It is called like the type, but for `ipaddr`.
    fn of_type(kind: &Name) -> Option<Self> {
        let name = kind.basename_as_ref().as_ref();
        Self::named(if name == "ipaddr" { "ip" } else { name })
    }

    fn named(name: &str) -> Option<Self> {
        let found = Extensions::all_available().func(&name.parse().ok()?);
        found.ok().map(Self)
    }

    fn value(self, json: &Json) -> Result<Value, Unfit> {
        let unfit = || Unfit::new(format!("what `{}` takes", self.0.name()));
        let text = match json {
            Json::String(text) => text.as_str().into(),
            Json::Number(number) => written_out(number).into(),
            _ => return Err(unfit()),
        };
        match self.0.call(&[text]) {
            Ok(PartialValue::Value(value)) => Ok(value),
            Ok(PartialValue::Residual(_)) | Err(_) => Err(unfit()),
        }
    }
}

/// A number as `decimal` reads it: with a point, and without an exponent.
fn written_out(number: &serde_json::Number) -> String {
    let text = number.to_string();
    if number.is_f64() || text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

/// Notes the entities that a value refers to.
pub(super) fn references(value: &Value, found: &mut Vec<EntityUID>) {
    match &value.value {
        ValueKind::Lit(Literal::EntityUID(uid)) => found.push((**uid).clone()),
        ValueKind::Set(items) => items.iter().for_each(|item| references(item, found)),
        ValueKind::Record(members) => members.values().for_each(|member| references(member, found)),
        ValueKind::Lit(_) | ValueKind::ExtensionValue(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(shape: &Shape, json: &Json, expected: Result<&str, &str>) {
        let found = shape
            .value(json)
            .map(|value| value.map_or("nothing".to_owned(), |value| value.to_string()));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{json}"),
            (Err(unfit), Err(expected)) => assert_eq!(unfit.below("m").to_string(), expected, "{json}"),
            (found, _) => panic!("{json}: {found:?}"),
        }
    }

    #[test]
    fn by_their_looks() {
        check(&Shape::Any, &json!(null), Ok("nothing"));
        check(&Shape::Any, &json!({"a": null, "b": [1, true]}), Ok("{b: [true, 1]}"));
        check(
            &Shape::Any,
            &json!({"__entity": {"type": "User", "id": "a"}}),
            Ok(r#"{__entity: {id: "a", type: "User"}}"#),
        );
        check(&Shape::Any, &json!(u64::MAX), Err("`m` is not what `decimal` takes"));
        check(
            &Shape::Any,
            &json!([null]),
            Err("`m.0` is not something other than null"),
        );
        check(
            &Shape::Any,
            &json!({"x": [0.123456]}),
            Err("`m.x.0` is not what `decimal` takes"),
        );
    }

    #[test]
    fn by_what_is_declared() {
        let user: EntityType = "User".parse().unwrap();
        check(&Shape::Entity(user.clone()), &json!("jean"), Ok(r#"User::"jean""#));
        check(
            &Shape::Entity(user),
            &json!({"type": "Admin", "id": "x"}),
            Err("`m` is not a string"),
        );
        check(&Shape::Long, &json!("7"), Err("`m` is not an integer of 64 bits"));
        check(&Shape::Long, &json!(7.5), Err("`m` is not an integer of 64 bits"));
        let address = Shape::Extension(Constructor::named("ip").unwrap());
        check(&address, &json!("no address"), Err("`m` is not what `ip` takes"));
        assert!(address.value(&json!("10.0.0.1")).is_ok());
        assert!(
            Shape::Extension(Constructor::named("decimal").unwrap())
                .value(&json!(3))
                .is_ok()
        );
        let members = Members::from([("a".into(), Shape::Bool)]);
        check(&Shape::Record(members), &json!({"a": true, "b": 1}), Ok("{a: true}"));
    }
}
