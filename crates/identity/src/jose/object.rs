//! JSON objects, read strictly: headers, claims, keys.
//!
//! A member name that stands twice at any depth is refused, since two readers would see two objects (RFC 7515 §4,
//! RFC 7519 §4 leave a choice; this is the strict one). So is everything that is not UTF-8, nests deeper than
//! [`DEPTH_MAX`], holds a number that no double can hold, or goes on behind the object.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Members of an object, in the order in which they were written.
pub type Object = Map<String, Value>;

/// How deep arrays and objects may nest, the outermost object counted.
pub const DEPTH_MAX: u8 = 16;

/// Why octets are not an object that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not JSON in UTF-8, a number out of range, or something behind it.
    Malformed,
    /// JSON, but not an object.
    NotAnObject,
    /// A member name stands twice in one object.
    DuplicateMember,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
}

/// Reads one object that takes up all of `octets`.
///
/// # Errors
///
/// The first fault, as it stands in the text.
pub fn read(octets: &[u8]) -> Result<Object, Fault> {
    let fault = Cell::new(Fault::Malformed);
    let reader = Reader {
        depth_left: DEPTH_MAX,
        fault: &fault,
    };
    let mut json = serde_json::Deserializer::from_slice(octets);
    let value = reader.deserialize(&mut json).map_err(|_| fault.get())?;
    json.end().map_err(|_| Fault::Malformed)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Fault::NotAnObject),
    }
}

/// Reads a value, and notes why when it is our own rule that is broken and not JSON's.
#[derive(Clone, Copy)]
struct Reader<'f> {
    depth_left: u8,
    fault: &'f Cell<Fault>,
}

impl Reader<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.broken(Fault::TooDeep)),
        }
    }

    fn broken<E: serde::de::Error>(self, fault: Fault) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
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

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.broken(Fault::Malformed))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let Entry::Vacant(member) = object.entry(name) else {
                return Err(self.broken(Fault::DuplicateMember));
            };
            member.insert(members.next_value_seed(inside)?);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, fault: Option<Fault>) {
        assert_eq!(read(text.as_bytes()).err(), fault, "{text:.60}");
    }

    #[test]
    fn an_object_and_nothing_else() {
        check(" {\"a\" : [1, -2, 3.5, \"x\", null, true, {}]}\r\n\t", None);
        check("[]", Some(Fault::NotAnObject));
        check("\"{}\"", Some(Fault::NotAnObject));
        check("", Some(Fault::Malformed));
        check("{}{}", Some(Fault::Malformed));
        check("{} x", Some(Fault::Malformed));
        check("{\"a\":1,}", Some(Fault::Malformed));
        check("\u{feff}{}", Some(Fault::Malformed));
        assert_eq!(read(b"{\"a\":\"\xff\"}"), Err(Fault::Malformed));
        check(r#"{"a":"\ud800"}"#, Some(Fault::Malformed));
    }

    #[test]
    fn jose_7_duplicate_member_names() {
        check(r#"{"alg":"ES256","alg":"none"}"#, Some(Fault::DuplicateMember));
        check(r#"{"alg":"ES256","\u0061lg":"none"}"#, Some(Fault::DuplicateMember));
        check(r#"{"a":[{"b":{"c":1,"c":1}}]}"#, Some(Fault::DuplicateMember));
        check(r#"{"a":{"b":1},"b":{"a":1}}"#, None);
    }

    #[test]
    fn jose_8_numbers_out_of_range() {
        check(r#"{"exp":1e400}"#, Some(Fault::Malformed));
        check(r#"{"exp":-1e400}"#, Some(Fault::Malformed));
        check(r#"{"exp":NaN}"#, Some(Fault::Malformed));
        check(r#"{"exp":Infinity}"#, Some(Fault::Malformed));
        check(r#"{"exp":01}"#, Some(Fault::Malformed));
    }

    #[test]
    fn jose_18_depth_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        check(&nested(usize::from(DEPTH_MAX)), None);
        check(&nested(usize::from(DEPTH_MAX) + 1), Some(Fault::TooDeep));
        check(&format!("{{\"a\":{}", "[".repeat(100_000)), Some(Fault::TooDeep));
    }
}
