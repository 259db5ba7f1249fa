//! How a JSON value breaks its schema: a stable code, and a pointer that names only what the contract names.

use crate::document::Span;

/// What was broken. The code of a refusal is `contract.<where>.<what>`, with [`Code::name`] as the last part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// Not JSON (RFC 8259), or something stands behind the value.
    Syntax,
    /// Not UTF-8, or half a surrogate pair.
    Encoding,
    /// A number that a 64-bit float cannot hold, or one with too many digits.
    Number,
    /// A member name occurs twice in one object.
    Duplicate,
    /// Nested deeper than the bound.
    Depth,
    /// An object with more members than the bound.
    Members,
    /// Judging would take more steps than the budget allows.
    Budget,
    /// No value is allowed here.
    Forbidden,
    /// Another type is expected.
    Type,
    /// Not one of the listed values.
    Enum,
    /// Outside `minimum`, `maximum`, their exclusive forms, or the range of the numeric format.
    Range,
    /// Not a multiple of `multipleOf`.
    MultipleOf,
    /// Outside `minLength` or `maxLength`.
    Length,
    /// Does not match `pattern`.
    Pattern,
    /// Not of the `format`.
    Format,
    /// Too few or too many items or properties.
    Count,
    /// Two equal items where `uniqueItems` is asked for.
    Unique,
    /// Too few or too many items match `contains`.
    Contains,
    /// A required property is missing.
    Required,
    /// A property or item that the contract does not declare.
    Undeclared,
    /// A property name that `propertyNames` does not allow.
    PropertyName,
    /// A property without one that it depends on.
    Dependent,
    /// A `readOnly` property in a request.
    ReadOnly,
    /// A `writeOnly` property in an answer.
    WriteOnly,
    /// No branch of `anyOf` fits.
    AnyOf,
    /// Not exactly one branch of `oneOf` fits.
    OneOf,
    /// The value matches what `not` excludes.
    Not,
    /// The discriminator is missing or names no branch.
    Discriminator,
}

impl Code {
    /// Every code, in the order of their declaration.
    pub const ALL: [Self; 28] = [
        Self::Syntax,
        Self::Encoding,
        Self::Number,
        Self::Duplicate,
        Self::Depth,
        Self::Members,
        Self::Budget,
        Self::Forbidden,
        Self::Type,
        Self::Enum,
        Self::Range,
        Self::MultipleOf,
        Self::Length,
        Self::Pattern,
        Self::Format,
        Self::Count,
        Self::Unique,
        Self::Contains,
        Self::Required,
        Self::Undeclared,
        Self::PropertyName,
        Self::Dependent,
        Self::ReadOnly,
        Self::WriteOnly,
        Self::AnyOf,
        Self::OneOf,
        Self::Not,
        Self::Discriminator,
    ];

    /// The stable word for this code.
    pub fn name(self) -> &'static str {
        match self {
            Code::Syntax => "syntax",
            Code::Encoding => "encoding",
            Code::Number => "number",
            Code::Duplicate => "duplicate",
            Code::Depth => "depth",
            Code::Members => "members",
            Code::Budget => "budget",
            Code::Forbidden => "forbidden",
            Code::Type => "type",
            Code::Enum => "enum",
            Code::Range => "range",
            Code::MultipleOf => "multiple_of",
            Code::Length => "length",
            Code::Pattern => "pattern",
            Code::Format => "format",
            Code::Count => "count",
            Code::Unique => "unique",
            Code::Contains => "contains",
            Code::Required => "required",
            Code::Undeclared => "undeclared",
            Code::PropertyName => "property_name",
            Code::Dependent => "dependent",
            Code::ReadOnly => "read_only",
            Code::WriteOnly => "write_only",
            Code::AnyOf => "any_of",
            Code::OneOf => "one_of",
            Code::Not => "not",
            Code::Discriminator => "discriminator",
        }
    }
}

/// One violation: the first in the order of the bytes, then of the keywords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What was broken.
    pub code: Code,
    /// A JSON pointer (RFC 6901) to the value. It holds names that the contract declares, array indexes, and `*`
    /// for a name that only the sender knows, so that it can be shown and logged.
    pub pointer: String,
    /// The byte of the text at which judging stopped; for tools that may look at the text itself.
    pub offset: usize,
    /// The schema that was broken, in the contract.
    pub schema: Span,
}

/// One step of a pointer, pushed while a failed judgement unwinds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Segment<'p> {
    Declared(&'p str),
    Undeclared,
    Index(usize),
}

/// Writes the pointer of the segments, which come innermost first.
pub(super) fn pointer(segments: &[Segment<'_>]) -> String {
    let mut out = String::new();
    for segment in segments.iter().rev() {
        out.push('/');
        match segment {
            Segment::Declared(name) => out.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Segment::Undeclared => out.push('*'),
            Segment::Index(index) => out.push_str(&index.to_string()),
        }
    }
    out
}
