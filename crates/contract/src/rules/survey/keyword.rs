//! The keywords of a schema as one word of bits, so that a rule asks for one without looking it up.

use crate::document::Node;

/// Keywords that rules ask for (JSON Schema draft 4 and 2020-12, OpenAPI's own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the keyword's own name, written as Rust writes names")]
pub enum Keyword {
    Type,
    Format,
    Enum,
    Const,
    Pattern,
    MinLength,
    MaxLength,
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
    MultipleOf,
    Items,
    PrefixItems,
    AdditionalItems,
    UnevaluatedItems,
    MinItems,
    MaxItems,
    UniqueItems,
    Contains,
    Properties,
    PatternProperties,
    AdditionalProperties,
    UnevaluatedProperties,
    PropertyNames,
    MinProperties,
    MaxProperties,
    Required,
    DependentRequired,
    DependentSchemas,
    AllOf,
    AnyOf,
    OneOf,
    Not,
    If,
    Ref,
    DynamicRef,
    ReadOnly,
    WriteOnly,
    Nullable,
    Discriminator,
    Default,
    Example,
    Examples,
    Deprecated,
    ContentEncoding,
    ContentMediaType,
    ContentSchema,
}

impl Keyword {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        // One name for each, in their order; the array would not compile otherwise.
        #[expect(clippy::indexing_slicing, reason = "there is a name for each")]
        NAMES[self as usize].0
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

const NAMES: [(&str, Keyword); 48] = [
    ("type", Keyword::Type),
    ("format", Keyword::Format),
    ("enum", Keyword::Enum),
    ("const", Keyword::Const),
    ("pattern", Keyword::Pattern),
    ("minLength", Keyword::MinLength),
    ("maxLength", Keyword::MaxLength),
    ("minimum", Keyword::Minimum),
    ("maximum", Keyword::Maximum),
    ("exclusiveMinimum", Keyword::ExclusiveMinimum),
    ("exclusiveMaximum", Keyword::ExclusiveMaximum),
    ("multipleOf", Keyword::MultipleOf),
    ("items", Keyword::Items),
    ("prefixItems", Keyword::PrefixItems),
    ("additionalItems", Keyword::AdditionalItems),
    ("unevaluatedItems", Keyword::UnevaluatedItems),
    ("minItems", Keyword::MinItems),
    ("maxItems", Keyword::MaxItems),
    ("uniqueItems", Keyword::UniqueItems),
    ("contains", Keyword::Contains),
    ("properties", Keyword::Properties),
    ("patternProperties", Keyword::PatternProperties),
    ("additionalProperties", Keyword::AdditionalProperties),
    ("unevaluatedProperties", Keyword::UnevaluatedProperties),
    ("propertyNames", Keyword::PropertyNames),
    ("minProperties", Keyword::MinProperties),
    ("maxProperties", Keyword::MaxProperties),
    ("required", Keyword::Required),
    ("dependentRequired", Keyword::DependentRequired),
    ("dependentSchemas", Keyword::DependentSchemas),
    ("allOf", Keyword::AllOf),
    ("anyOf", Keyword::AnyOf),
    ("oneOf", Keyword::OneOf),
    ("not", Keyword::Not),
    ("if", Keyword::If),
    ("$ref", Keyword::Ref),
    ("$dynamicRef", Keyword::DynamicRef),
    ("readOnly", Keyword::ReadOnly),
    ("writeOnly", Keyword::WriteOnly),
    ("nullable", Keyword::Nullable),
    ("discriminator", Keyword::Discriminator),
    ("default", Keyword::Default),
    ("example", Keyword::Example),
    ("examples", Keyword::Examples),
    ("deprecated", Keyword::Deprecated),
    ("contentEncoding", Keyword::ContentEncoding),
    ("contentMediaType", Keyword::ContentMediaType),
    ("contentSchema", Keyword::ContentSchema),
];

/// A set of keywords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keywords(u64);

impl Keywords {
    /// Those of a schema as it is written.
    pub fn of(node: &Node) -> Self {
        let names = node.as_object().into_iter().flat_map(|object| object.members.keys());
        let bits = names.filter_map(|name| NAMES.iter().find(|(known, _)| *known == &**name));
        Self(bits.fold(0, |bits, (_, keyword)| bits | keyword.bit()))
    }

    /// Whether it has this one.
    pub const fn has(self, keyword: Keyword) -> bool {
        self.0 & keyword.bit() != 0
    }

    /// Whether it has one of these.
    pub fn has_any(self, keywords: &[Keyword]) -> bool {
        keywords.iter().any(|keyword| self.has(*keyword))
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The types that a value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u8);

/// One of the types of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types' own names")]
pub enum Type {
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Number = 8,
    String = 16,
    Array = 32,
    Object = 64,
}

impl Types {
    /// Every type.
    pub const ANY: Self = Self(0x7f);

    /// What `type` says; nothing where it says nothing that is known.
    pub fn declared(node: &Node) -> Option<Self> {
        let said = node.get("type")?;
        let one = said.as_str().map(|word| Self::named(word).0);
        let several = |items: &[Node]| {
            items
                .iter()
                .filter_map(Node::as_str)
                .fold(0, |bits, word| bits | Self::named(word).0)
        };
        let mut bits = one.or_else(|| said.as_array().map(several))?;
        if bits != 0 && node.get("nullable").and_then(Node::as_bool) == Some(true) {
            bits |= Type::Null as u8;
        }
        (bits != 0).then_some(Self(bits))
    }

    fn named(word: &str) -> Self {
        Self(match word {
            "null" => Type::Null as u8,
            "boolean" => Type::Boolean as u8,
            "integer" => Type::Integer as u8,
            // An integer is a number.
            "number" => Type::Number as u8 | Type::Integer as u8,
            // What OpenAPI 2.0 calls a file is a string of bytes.
            "string" | "file" => Type::String as u8,
            "array" => Type::Array as u8,
            "object" => Type::Object as u8,
            _ => 0,
        })
    }

    /// Whether it may be of this type.
    pub const fn may_be(self, one: Type) -> bool {
        self.0 & one as u8 != 0
    }

    /// Whether it can be nothing but this type, or null. An integer is not called a number.
    pub const fn is(self, one: Type) -> bool {
        let said = self.0 & !(Type::Null as u8);
        match one {
            Type::Number => said == Type::Number as u8 | Type::Integer as u8,
            _ => said == one as u8,
        }
    }

    /// Whether it can be nothing but a number of either kind, or null.
    pub const fn is_numeric(self) -> bool {
        self.is(Type::Number) || self.is(Type::Integer)
    }

    /// Whether nothing is said of the type.
    pub const fn is_any(self) -> bool {
        self.0 == Self::ANY.0
    }

    /// What both allow.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing can be of these types.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
