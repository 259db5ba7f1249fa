//! Reads settings from the tree of a parsed file, with serde. The tree has been held against the schema before
//! (`shape.rs`), so that an error here is rare; it carries the place of the innermost value all the same.

use std::fmt;

use portcullis_contract::document::{Node, Span, Value};
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::spanned::{LIST, SPANNED, SPANNED_MEMBERS};

/// Reads a value.
///
/// # Errors
/// What serde could not read, with its place.
pub(super) fn read<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Unreadable> {
    T::deserialize(Reader(node))
}

/// What serde could not read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) message: String,
    pub(super) span: Option<Span>,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unreadable {}

impl serde::de::Error for Unreadable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            span: None,
        }
    }
}

/// A node, to serde.
#[derive(Clone, Copy)]
struct Reader<'de>(&'de Node);

impl<'de> Reader<'de> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(spelling) => visit_number(spelling, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Reader))),
            Value::Object(object) => visitor.visit_map(MapDeserializer::new(
                object.iter().map(|(name, node)| (name, Reader(node))),
            )),
        }
    }

    fn visit_spanned<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let Span { file, line, column } = self.0.span;
        let parts = [
            Part::Number(u32::from(file.0)),
            Part::Number(line),
            Part::Number(column),
            Part::Value(self),
        ];
        visitor.visit_map(MapDeserializer::new(SPANNED_MEMBERS.iter().copied().zip(parts)))
    }

    fn visit_list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0.as_array() {
            Some(_) => visitor.visit_newtype_struct(self),
            None => visitor.visit_newtype_struct(SeqDeserializer::new(std::iter::once(self))),
        }
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match &self.0.value {
            Value::String(text) => visitor.visit_enum(StrDeserializer::new(text)),
            Value::Object(object) => visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(
                object.iter().map(|(name, node)| (name, Reader(node))),
            ))),
            _ => self.visit(visitor),
        }
    }

    fn place(self, mut error: Unreadable) -> Unreadable {
        error.span.get_or_insert(self.0.span);
        error
    }
}

/// The number as the smallest type of serde that holds it.
fn visit_number<'de, V: Visitor<'de>>(spelling: &str, visitor: V) -> Result<V::Value, Unreadable> {
    if let Ok(number) = spelling.parse::<u64>() {
        return visitor.visit_u64(number);
    }
    if let Ok(number) = spelling.parse::<i64>() {
        return visitor.visit_i64(number);
    }
    match spelling.parse::<f64>() {
        Ok(number) => visitor.visit_f64(number),
        Err(_) => Err(serde::de::Error::custom(format!("`{spelling}` is not a number"))),
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.visit(visitor).map_err(|error| self.place(error))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let read = if name == SPANNED {
            self.visit_spanned(visitor)
        } else {
            self.visit(visitor)
        };
        read.map_err(|error| self.place(error))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let read = if name == LIST {
            self.visit_list(visitor)
        } else {
            visitor.visit_newtype_struct(self)
        };
        read.map_err(|error| self.place(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.visit_enum(visitor).map_err(|error| self.place(error))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Unreadable> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A member of a located value.
enum Part<'de> {
    Number(u32),
    Value(Reader<'de>),
}

impl<'de> IntoDeserializer<'de, Unreadable> for Part<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self {
            Self::Number(number) => visitor.visit_u32(number),
            Self::Value(reader) => reader.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self {
            Self::Number(number) => visitor.visit_u32(number),
            Self::Value(reader) => reader.deserialize_struct(name, fields, visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self {
            Self::Number(number) => visitor.visit_u32(number),
            Self::Value(reader) => reader.deserialize_newtype_struct(name, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self {
            Self::Number(number) => visitor.visit_u32(number),
            Self::Value(reader) => reader.deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map identifier ignored_any
    }
}
