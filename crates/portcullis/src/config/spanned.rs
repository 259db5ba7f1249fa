//! Settings that remember where they stand, and settings that are one value or a list.
//!
//! [`Spanned`] asks the reader of `tree.rs` for the place through a struct name of its own; with any other deserializer it
//! fails, never guesses.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::text::Location;
use portcullis_contract::document::{FileId, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The struct name under which the reader gives a place with the value.
pub(super) const SPANNED: &str = "portcullis::Spanned";
/// The members under that name, in this order.
pub(super) const SPANNED_MEMBERS: &[&str] = &["file", "line", "column", "value"];
/// The newtype name under which the reader gives a list, whether one is written or a single value.
pub(super) const LIST: &str = "portcullis::List";

/// A setting and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A settled value and where it is written. Two are the same where their values are: what moved to another line is no other
/// setting.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Placed<T> {}

/// A file that is named somewhere.
pub(crate) type NamedFile = Placed<PathBuf>;

impl Spanned<Location> {
    /// The file, relative to `directory`.
    pub(super) fn file(self, directory: &Path) -> NamedFile {
        Placed {
            value: directory.join(self.value.0),
            span: self.span,
        }
    }
}

/// A list, which may be written as its only element.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(SPANNED, SPANNED_MEMBERS, SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a located setting")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Spanned<T>, A::Error> {
        let missing = || A::Error::custom("the place of a setting is missing");
        let (_, file) = map.next_entry::<String, u16>()?.ok_or_else(missing)?;
        let (_, line) = map.next_entry::<String, u32>()?.ok_or_else(missing)?;
        let (_, column) = map.next_entry::<String, u32>()?.ok_or_else(missing)?;
        let (_, value) = map.next_entry::<String, T>()?.ok_or_else(missing)?;
        Ok(Spanned {
            value,
            span: Span {
                file: FileId(file),
                line,
                column,
            },
        })
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(LIST, ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<List<T>, D::Error> {
        Vec::deserialize(deserializer).map(List)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        let many = json_schema!({ "type": "array", "items": one, "minItems": 1, "maxItems": 64 });
        // One level of choices: what has choices of its own gives them to the list.
        let mut choices = one.get("anyOf").and_then(|choices| choices.as_array().cloned());
        let choices = choices.get_or_insert_with(|| vec![one.to_value()]);
        choices.push(many.to_value());
        json_schema!({ "anyOf": choices })
    }
}
