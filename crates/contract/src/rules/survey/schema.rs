//! Schemas as a graph: each once, with what it leads to and what it stands in.

use super::At;
use super::keyword::{Keywords, Types};
use crate::document::{Node, Place};

/// The index of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub(super) u32);

impl SchemaId {
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The index as a number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The index of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub(super) u32);

impl UnitId {
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Directions that something travels in, as bits.
pub(super) const REQUEST: u8 = 1;
/// See [`REQUEST`].
pub(super) const RESPONSE: u8 = 2;
/// Both.
pub(super) const BOTH: u8 = REQUEST | RESPONSE;

/// A schema.
#[derive(Debug)]
pub struct Schema<'d> {
    /// Its index.
    pub id: SchemaId,
    /// The schema, references followed.
    pub place: Place<'d>,
    /// Where it stands, at its name where it has one.
    pub at: At,
    /// The name of its property, component or parameter; empty where it has none.
    pub name: &'d str,
    /// What it is to the schema around it.
    pub role: Role,
    /// What it stands in.
    pub unit: UnitId,
    /// The schema around it, within its unit.
    pub parent: Option<SchemaId>,
    /// The schemas that it leads to, in the order written.
    pub edges: Vec<Edge>,
    /// Its keywords.
    pub keywords: Keywords,
    /// Its keywords, and those of everything that has to hold with it: `allOf`, and what its branch stands in.
    pub effective: Keywords,
    /// The types that all of these leave.
    pub types: Types,
    /// Whether something conforms to it as such; otherwise it is only a part of others, or a condition.
    pub judged: bool,
    /// The directions that lead here from the root of its unit.
    pub(super) mask: u8,
    /// Its share of what travels in requests and in answers, of [`WHOLE`](portcullis_lint::score::WHOLE) together.
    pub(super) share: u64,
}

impl<'d> Schema<'d> {
    /// The node.
    pub fn node(&self) -> &'d Node {
        self.place.node
    }

    /// Its share of what travels, of [`WHOLE`](portcullis_lint::score::WHOLE).
    pub fn share(&self) -> u64 {
        self.share
    }

    /// The directions that lead here from the root of its unit.
    pub(in crate::rules) fn mask(&self) -> u8 {
        self.mask
    }
}

/// A way from one schema to another.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// What the other is.
    pub role: Role,
    /// The other.
    pub target: SchemaId,
    /// The directions that it is open for.
    pub(super) mask: u8,
}

/// What a schema is to the one around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The schema of a parameter, a body, an answer, or a component.
    Root,
    /// A member of `properties`.
    Property,
    /// A member of `patternProperties`.
    PatternProperty,
    /// `additionalProperties` or `unevaluatedProperties`
    OtherProperties,
    /// `items`
    Items,
    /// An element of `prefixItems`, or of `items` as a list.
    PrefixItem,
    /// `additionalItems` or `unevaluatedItems`
    OtherItems,
    /// An element of `anyOf` or `oneOf`.
    Branch,
    /// An element of `allOf`, or what `$ref` leads to beside other keywords.
    Conjunct,
    /// `not`, `if`, `then`, `else`, `contains`, `propertyNames`, `dependentSchemas`: it lets through or not, and is no value.
    Condition,
}

impl Role {
    /// Whether something conforms to it as such.
    pub const fn is_value(self) -> bool {
        !matches!(self, Self::Conjunct | Self::Condition)
    }
}

/// What schemas stand in: something with a name of its own, that findings are folded by.
#[derive(Debug)]
pub struct Unit<'d> {
    /// Its index.
    pub id: UnitId,
    /// What it is.
    pub kind: UnitKind<'d>,
    /// Its outermost schema.
    pub root: SchemaId,
    /// How many operations take it.
    pub requests: u32,
    /// How many operations answer with it.
    pub responses: u32,
    /// Where it leads out of itself: the directions, and the other unit.
    pub(super) leads: Vec<(u8, UnitId)>,
    /// The operations that use it directly, and the direction.
    pub(super) users: Vec<(u8, u32)>,
}

/// What a unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitKind<'d> {
    /// A schema that a reference leads to, by the last word of the reference; or a component that nothing uses.
    Named(String),
    /// A parameter: its location and its name.
    Parameter(&'d str, &'d str),
    /// The body of an operation.
    Body(usize),
    /// An answer of an operation: the status.
    Answer(usize, &'d str),
    /// A header field of answers.
    Header(&'d str),
    /// What the API itself sends: a callback or a webhook.
    Callback(&'d str),
}
