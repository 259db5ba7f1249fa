//! JSON objects as AuthZEN has them for properties and contexts, read strictly: no member twice, bounded in depth and number.
//!
//! Never knows what a member means.

use std::fmt;
use std::ops::Deref;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How deep values may be nested below an object of properties.
pub const DEPTH_MAX: usize = 16;
/// How many members an object and items an array may have.
pub const MEMBERS_MAX: usize = 1_024;

/// An object of properties: attributes of a subject, an action, a resource or a context.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Properties(Map<String, Value>);

impl Properties {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts all of these in, in place of those of the same names.
    pub fn extend(&mut self, others: &Self) {
        let others = others.0.iter().map(|(name, value)| (name.clone(), value.clone()));
        self.0.extend(others);
    }

    /// Puts a member in, in place of one of the same name. What is put in by code is not held against the bounds.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }
}

impl Properties {
    /// Takes a member out, if it is there.
    pub fn remove(&mut self, name: &str) {
        self.0.shift_remove(name);
    }
}

impl Deref for Properties {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Map<String, Value>> for Properties {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl From<Properties> for Map<String, Value> {
    fn from(Properties(map): Properties) -> Self {
        map
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Bounded(DEPTH_MAX).deserialize(deserializer)? {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(D::Error::custom("properties are an object")),
        }
    }
}

/// A value that may be nested so many levels deep.
struct Bounded(usize);

impl Bounded {
    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        let inner = self.0.checked_sub(1);
        inner
            .map(Self)
            .ok_or_else(|| E::custom(format!("nested deeper than {DEPTH_MAX}")))
    }
}

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self.inner()?)? {
            items.push(item);
            check_number(items.len())?;
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(self.inner()?)?;
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("member `{name}` twice")));
            }
            members.insert(name, value);
            check_number(members.len())?;
        }
        Ok(Value::Object(members))
    }
}

fn check_number<E: serde::de::Error>(number: usize) -> Result<(), E> {
    if number > MEMBERS_MAX {
        return Err(E::custom(format!("more than {MEMBERS_MAX} in one object or array")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let read = serde_json::from_str::<Properties>(text);
        match (read, expected) {
            (Ok(properties), Ok(())) => {
                let again = serde_json::to_string(&properties).unwrap();
                assert_eq!(again, text);
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (read, _) => panic!("{text}: {read:?}"),
        }
    }

    #[test]
    fn read_strictly() {
        check(r#"{"a":[1,-2,2.5,"x",null,true,{"b":{}}]}"#, Ok(()));
        check("[]", Err("an object"));
        check(r#"{"a":1,"a":2}"#, Err("`a` twice"));
        check(r#"{"a":{"b":1,"b":2}}"#, Err("`b` twice"));
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(DEPTH_MAX - 1), Ok(()));
        check(&nested(DEPTH_MAX + 1), Err("nested deeper"));
        let items = |number: usize| format!("{{\"a\":[{}]}}", vec!["1"; number].join(","));
        check(&items(MEMBERS_MAX), Ok(()));
        check(&items(MEMBERS_MAX + 1), Err("more than"));
    }
}
