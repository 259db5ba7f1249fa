//! A model as somebody writes it, before anything is known to be right about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A model: types of objects by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenModel {
    /// Types by their names. One without anything has no relations, as people often have none.
    #[serde(deserialize_with = "types")]
    pub types: BTreeMap<String, Option<WrittenType>>,
}

/// A type of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenType {
    /// What gives each relation, by its name.
    #[serde(default)]
    pub relations: BTreeMap<String, WrittenRewrite>,
}

/// What gives a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenRewrite {
    /// Tuples, of these subjects: `[user, group#member, user:*]`.
    Direct(Vec<String>),
    /// Another relation of the same object: `owner`.
    Computed(String),
    /// A relation of related objects: `{from: parent, relation: reader}`.
    From {
        /// The relation of this object whose tuples name the others.
        from: String,
        /// The relation of those.
        relation: String,
    },
    /// At least one of several: `{any_of: [owner, member]}`.
    AnyOf(Vec<WrittenRewrite>),
    /// All of several: `{all_of: [member, employee]}`.
    AllOf(Vec<WrittenRewrite>),
    /// One, unless another: `{of: member, but_not: blocked}`.
    ButNot {
        /// What gives it.
        of: Box<WrittenRewrite>,
        /// What takes it away.
        but_not: Box<WrittenRewrite>,
    },
}

/// Types, of which one that is written as nothing is none; by whatever reader, for some hold that nothing can be left out only.
fn types<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Option<WrittenType>>, D::Error> {
    let types = BTreeMap::<String, PerhapsType>::deserialize(deserializer)?;
    Ok(types
        .into_iter()
        .map(|(name, PerhapsType(kind))| (name, kind))
        .collect())
}

struct PerhapsType(Option<WrittenType>);

struct PerhapsTypeVisitor;

impl<'de> Visitor<'de> for PerhapsTypeVisitor {
    type Value = PerhapsType;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nothing, or an object with `relations`")
    }

    fn visit_unit<E: Error>(self) -> Result<PerhapsType, E> {
        Ok(PerhapsType(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PerhapsType, A::Error> {
        let kind = WrittenType::deserialize(MapAccessDeserializer::new(map))?;
        Ok(PerhapsType(Some(kind)))
    }
}

impl<'de> Deserialize<'de> for PerhapsType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PerhapsTypeVisitor)
    }
}

/// The members of an object that is a rewrite.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    from: Option<String>,
    relation: Option<String>,
    any_of: Option<Vec<WrittenRewrite>>,
    all_of: Option<Vec<WrittenRewrite>>,
    of: Option<Box<WrittenRewrite>>,
    but_not: Option<Box<WrittenRewrite>>,
}

impl Members {
    fn rewrite(self) -> Option<WrittenRewrite> {
        let Self {
            from,
            relation,
            any_of,
            all_of,
            of,
            but_not,
        } = self;
        match (from, relation, any_of, all_of, of, but_not) {
            (Some(from), Some(relation), None, None, None, None) => Some(WrittenRewrite::From { from, relation }),
            (None, None, Some(parts), None, None, None) => Some(WrittenRewrite::AnyOf(parts)),
            (None, None, None, Some(parts), None, None) => Some(WrittenRewrite::AllOf(parts)),
            (None, None, None, None, Some(of), Some(but_not)) => Some(WrittenRewrite::ButNot { of, but_not }),
            _ => None,
        }
    }
}

struct RewriteVisitor;

impl<'de> Visitor<'de> for RewriteVisitor {
    type Value = WrittenRewrite;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a relation, a list of subject types, or an object with `any_of`, `all_of`, `of` and `but_not`, or `from` and \
             `relation`",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WrittenRewrite, E> {
        Ok(WrittenRewrite::Computed(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<WrittenRewrite, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(WrittenRewrite::Direct)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenRewrite, A::Error> {
        let members = Members::deserialize(MapAccessDeserializer::new(map))?;
        members.rewrite().ok_or_else(|| {
            A::Error::custom(
                "has to have `any_of`, or `all_of`, or `of` and `but_not`, or `from` and `relation`, and only those",
            )
        })
    }
}

impl<'de> Deserialize<'de> for WrittenRewrite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RewriteVisitor)
    }
}
