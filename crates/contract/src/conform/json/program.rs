//! Compiled schemas: an arena of flat rules, written by the compiler and read by the judge.

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use super::decimal::Decimal;
use super::keys::KeyTable;
use super::violation::Code;
use crate::conform::format::Format;
use crate::conform::pattern::Pattern;
use crate::document::Span;

/// How many schemas that hold for one value are looked into, one inside the other.
pub(super) const DEPTH_MAX: u8 = 16;

/// A schema of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub(super) u32);

/// Which way a body travels; `readOnly` and `writeOnly` depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client: `readOnly` properties are refused and never required.
    Request,
    /// To the client: `writeOnly` properties are cut or refused and never required.
    Response,
}

/// All compiled schemas of one contract. Immutable, shared by every worker.
#[derive(Debug, Default)]
pub struct Program {
    pub(super) schemas: Vec<Schema>,
    /// `(resource, name)` to schema, for `$dynamicRef`; empty where no schema uses it.
    pub(super) dynamic_anchors: HashMap<(u32, Box<str>), SchemaId>,
    /// How many declared property names there are in all, for the judge's memory of which follows which.
    pub(super) names: usize,
    /// What `allOf` named before it was merged into its schema, for [`Program::reachable`].
    pub(super) merged: HashMap<SchemaId, Vec<SchemaId>>,
}

/// A set of JSON types. `number` includes `integer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeSet(u8);

impl TypeSet {
    /// No type: nothing is allowed.
    pub const NONE: Self = Self(0);
    /// `null`
    pub const NULL: Self = Self(1);
    /// `boolean`
    pub const BOOLEAN: Self = Self(2);
    /// A number without a fractional part.
    pub const INTEGER: Self = Self(4);
    /// Any number.
    pub const NUMBER: Self = Self(4 | 8);
    /// `string`
    pub const STRING: Self = Self(16);
    /// `array`
    pub const ARRAY: Self = Self(32);
    /// `object`
    pub const OBJECT: Self = Self(64);
    /// Every type.
    pub const ALL: Self = Self(127);

    /// The type called `name` in a schema.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    /// Whether all of `other` is in this set.
    #[inline]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// One schema: the rules for each type of value, then the other schemas that hold for the same value.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) types: TypeSet,
    /// Bounds of integers of at most 18 digits, folded from every numeric keyword that allows it.
    pub(super) integers: IntegerRange,
    pub(super) number: Option<Box<NumberRules>>,
    pub(super) string: Option<Box<StringRules>>,
    pub(super) array: Option<Box<ArrayRules>>,
    pub(super) object: Option<Box<ObjectRules>>,
    pub(super) values: Option<Box<Values>>,
    pub(super) applicators: Option<Box<Applicators>>,
    /// Where it speaks of bytes and not of text; says nothing of a value in JSON.
    pub(super) carried: Option<Box<Carried>>,
    pub(super) span: Span,
    /// The schema resource (JSON Schema 2020-12 §4.3.5) it belongs to, for `$dynamicRef`.
    pub(super) resource: u32,
}

impl Schema {
    /// A schema that allows everything.
    pub(super) fn any(span: Span, resource: u32) -> Self {
        Self {
            types: TypeSet::ALL,
            integers: IntegerRange::default(),
            number: None,
            string: None,
            array: None,
            object: None,
            values: None,
            applicators: None,
            carried: None,
            span,
            resource,
        }
    }

    /// Whether it may judge one item or one property by several of its own keywords, so that what is declared has
    /// to be gathered from all of them, as under applicators.
    pub(super) fn speaks_twice(&self) -> bool {
        let contains = self.array.as_ref().is_some_and(|rules| rules.contains.is_some());
        contains || self.object.as_ref().is_some_and(|rules| rules.patterns_overlap())
    }

    /// Whether it constrains nothing at all.
    pub(super) fn is_any(&self) -> bool {
        self.types == TypeSet::ALL
            && self.integers == IntegerRange::default()
            && self.number.is_none()
            && self.string.is_none()
            && self.array.is_none()
            && self.object.is_none()
            && self.values.is_none()
            && self.applicators.is_none()
    }
}

impl Schema {
    /// Adds the schemas that it names directly.
    fn lead_to(&self, open: &mut Vec<SchemaId>) {
        if let Some(array) = &self.array {
            let contains = array.contains.as_ref().map(|contains| contains.schema);
            open.extend(array.prefix.iter().copied().chain(array.items).chain(contains));
        }
        if let Some(object) = &self.object {
            let properties = object.properties.iter().filter_map(|property| property.schema);
            let patterns = object.patterns.iter().map(|declared| declared.schema);
            open.extend(
                properties
                    .chain(patterns)
                    .chain(object.additional.schema())
                    .chain(object.names),
            );
        }
        let Some(applicators) = &self.applicators else { return };
        let targets = applicators.all_of.iter().map(|target| match target {
            Target::Static(id) | Target::Dynamic(_, id) => *id,
        });
        let branches = [&applicators.any_of, &applicators.one_of, &applicators.not];
        open.extend(targets.chain(branches.into_iter().flatten().copied()));
        for condition in &applicators.conditions {
            open.push(condition.when);
            open.extend(condition.then.into_iter().chain(condition.otherwise));
        }
        let picked = applicators
            .discriminator
            .iter()
            .flat_map(|picked| picked.branches.values());
        open.extend(picked);
        let unevaluated = [applicators.unevaluated_properties, applicators.unevaluated_items];
        open.extend(unevaluated.into_iter().flatten().filter_map(Additional::schema));
    }
}

/// A string that is bytes where it travels outside of JSON, such as a file in a form: `format: binary` (OpenAPI 3.0
/// §4.7.24), or `contentMediaType` without `contentEncoding` (OpenAPI 3.1 §4.8.14.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// `contentMediaType`
    pub media_type: Option<Box<str>>,
}

impl Additional {
    /// The schema that it names.
    pub(super) fn schema(self) -> Option<SchemaId> {
        match self {
            Self::Keeps(id) => Some(id),
            Self::Unsaid | Self::Any | Self::Forbidden => None,
        }
    }
}

/// Inclusive bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IntegerRange {
    pub(super) min: i64,
    pub(super) max: i64,
}

impl Default for IntegerRange {
    fn default() -> Self {
        Self {
            min: i64::MIN,
            max: i64::MAX,
        }
    }
}

/// What numbers have to keep, beyond the folded range of small integers.
#[derive(Clone, Debug, Default)]
pub(super) struct NumberRules {
    /// The bound, and whether it is excluded.
    pub(super) min: Option<(Decimal, bool)>,
    pub(super) max: Option<(Decimal, bool)>,
    pub(super) multiple_of: SmallVec<[Decimal; 1]>,
}

/// What strings have to keep. Lengths are in code points.
#[derive(Clone, Debug, Default)]
pub(super) struct StringRules {
    pub(super) length_min: usize,
    pub(super) length_max: Option<usize>,
    pub(super) patterns: Vec<std::sync::Arc<Pattern>>,
    pub(super) formats: SmallVec<[Format; 1]>,
}

/// What arrays have to keep.
#[derive(Clone, Debug, Default)]
pub(super) struct ArrayRules {
    pub(super) items_min: usize,
    pub(super) items_max: Option<usize>,
    pub(super) unique: bool,
    pub(super) prefix: Vec<SchemaId>,
    /// The items behind `prefix`.
    pub(super) items: Option<SchemaId>,
    pub(super) contains: Option<Contains>,
}

/// `contains` with its bounds.
#[derive(Clone, Debug)]
pub(super) struct Contains {
    pub(super) schema: SchemaId,
    pub(super) min: usize,
    pub(super) max: Option<usize>,
    /// Whether a matching item counts as evaluated (2020-12 and later).
    pub(super) evaluates: bool,
}

/// What objects have to keep.
#[derive(Clone, Debug)]
pub(super) struct ObjectRules {
    /// Every name that any rule mentions, to its index in `properties`.
    pub(super) keys: KeyTable,
    pub(super) properties: Vec<Property>,
    pub(super) patterns: Vec<PatternProperty>,
    pub(super) additional: Additional,
    /// The code where the direction hides every property that `additional` speaks of.
    pub(super) additional_hidden: Option<Code>,
    /// A bit for each required property, by index, in words of 64.
    pub(super) required: Box<[u64]>,
    pub(super) properties_min: usize,
    pub(super) properties_max: Option<usize>,
    pub(super) names: Option<SchemaId>,
    /// When the first property is there, so must be the others.
    pub(super) dependent: Vec<(usize, Vec<usize>)>,
    /// Where this object's names begin among all names of the program.
    pub(super) names_from: usize,
}

impl ObjectRules {
    fn patterns_overlap(&self) -> bool {
        let declared = || self.properties.iter().filter(|property| property.schema.is_some());
        // A pattern that runs out of steps proves nothing.
        let fits = |pattern: &Pattern| declared().any(|property| pattern.is_match(&property.name) != Ok(false));
        self.patterns.len() > 1 || self.patterns.iter().any(|property| fits(&property.pattern))
    }
}

/// A property name that some rule mentions.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: Box<str>,
    /// `None`: only `required` or another rule names it; it is not declared by that.
    pub(super) schema: Option<SchemaId>,
    /// The code of its violation where the direction hides it: `readOnly` in a request, `writeOnly` in an answer.
    pub(super) hidden: Option<Code>,
}

/// One of the `patternProperties`.
#[derive(Clone, Debug)]
pub(super) struct PatternProperty {
    pub(super) pattern: std::sync::Arc<Pattern>,
    pub(super) schema: SchemaId,
    /// As in [`Property`].
    pub(super) hidden: Option<Code>,
}

/// What holds for properties that neither `properties` nor `patternProperties` speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Additional {
    /// The schema says nothing: the level of strictness decides.
    Unsaid,
    /// `true`, said aloud.
    Any,
    /// `false`
    Forbidden,
    /// Each has to keep this schema.
    Keeps(SchemaId),
}

/// `enum` and `const`.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// Strings without escapes, compared as they stand.
    pub(super) strings: Vec<Box<[u8]>>,
    /// Every value in canonical form.
    pub(super) canonical: HashSet<Box<[u8]>>,
}

/// Schemas that hold for the same value. Each is judged by reading the value once more.
#[derive(Debug, Default)]
pub(super) struct Applicators {
    /// `allOf`, `$ref` beside other keywords, `$dynamicRef`.
    pub(super) all_of: Vec<Target>,
    pub(super) any_of: Vec<SchemaId>,
    pub(super) one_of: Vec<SchemaId>,
    pub(super) not: Vec<SchemaId>,
    /// `if` with `then` and `else`; dependent schemas come as these too.
    pub(super) conditions: Vec<Condition>,
    /// Picks one branch in the place of `anyOf` or `oneOf`.
    pub(super) discriminator: Option<Discriminator>,
    pub(super) unevaluated_properties: Option<Additional>,
    pub(super) unevaluated_items: Option<Additional>,
}

/// A schema named directly, or found by `$dynamicRef` (JSON Schema 2020-12 §8.2.3.2).
#[derive(Clone, Debug)]
pub(super) enum Target {
    Static(SchemaId),
    /// The name, and the schema where no outer resource has that dynamic anchor.
    Dynamic(Box<str>, SchemaId),
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) when: SchemaId,
    pub(super) then: Option<SchemaId>,
    pub(super) otherwise: Option<SchemaId>,
}

/// OpenAPI's `discriminator`: the property, and its values.
#[derive(Debug)]
pub(super) struct Discriminator {
    pub(super) property: Box<str>,
    pub(super) branches: HashMap<Box<str>, SchemaId>,
}

impl Program {
    pub(super) fn get(&self, id: SchemaId) -> Option<&Schema> {
        self.schemas.get(id.0 as usize)
    }

    /// Where the schema stands in the contract.
    pub fn span(&self, schema: SchemaId) -> Span {
        self.get(schema).map(|schema| schema.span).unwrap_or_default()
    }

    /// Whether the schema allows every value.
    pub fn is_any(&self, schema: SchemaId) -> bool {
        self.get(schema).is_some_and(Schema::is_any)
    }

    /// Every schema that judging by this one can lead to, itself included.
    pub fn reachable(&self, schema: SchemaId) -> HashSet<SchemaId> {
        let mut found = HashSet::new();
        let mut open = vec![schema];
        while let Some(id) = open.pop() {
            if !found.insert(id) {
                continue;
            }
            open.extend(self.merged.get(&id).into_iter().flatten());
            if let Some(schema) = self.get(id) {
                schema.lead_to(&mut open);
            }
        }
        // A dynamic reference may lead to any schema with such an anchor.
        found.extend(self.dynamic_anchors.values());
        found
    }

    /// The JSON types that the schema could accept, judged by `type`, `enum` and its applicators. What it leaves
    /// out is certainly refused; what it has in may still be.
    pub fn types(&self, schema: SchemaId) -> TypeSet {
        self.types_within(schema, DEPTH_MAX)
    }

    fn types_within(&self, id: SchemaId, steps: u8) -> TypeSet {
        let (Some(schema), Some(steps)) = (self.get(id), steps.checked_sub(1)) else {
            return TypeSet::ALL;
        };
        let mut types = schema.types;
        let Some(applicators) = &schema.applicators else {
            return types;
        };
        for target in &applicators.all_of {
            if let Target::Static(id) = target {
                types = types.intersection(self.types_within(*id, steps));
            }
        }
        for branches in [&applicators.any_of, &applicators.one_of] {
            let union = |set: TypeSet, id: &SchemaId| set.union(self.types_within(*id, steps));
            if !branches.is_empty() {
                types = types.intersection(branches.iter().fold(TypeSet::NONE, union));
            }
        }
        types
    }
}
