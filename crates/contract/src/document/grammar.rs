//! Where a schema, a reference or a new base can stand: the objects of OpenAPI 2.0, 3.0 and 3.1 and the keywords of JSON
//! Schema, as far as references lead through them. An `example`, an `enum`, a `const`, a `default` or an extension is
//! data: what looks like a keyword inside is none. Examples and links are never judged, so their references are not
//! followed either.

use super::Dialect;

/// What a value is in its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The root of an OpenAPI document.
    OpenApi,
    Components,
    PathItem,
    Operation,
    /// A parameter, a header, or a media type: whatever has `schema`, `content` or `encoding`.
    Carrier,
    /// A request body or a response.
    Message,
    Callback,
    SecurityScheme,
    Schema,
}

/// How many values a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    /// The member is an array of them, or one.
    List,
    /// The member is an object of them.
    Map,
    /// The member is an object of them, and of extensions.
    Patterned,
}

impl Kind {
    /// What stands in the member `name`; nothing where references do not lead through it.
    pub(super) fn member(self, name: &str, dialect: Dialect) -> Option<(Shape, Self)> {
        use Shape::{List, Map, One, Patterned};
        match (self, name) {
            (Self::OpenApi, "definitions") if dialect == Dialect::OpenApi20 => Some((Map, Self::Schema)),
            (Self::OpenApi, "parameters") if dialect == Dialect::OpenApi20 => Some((Map, Self::Carrier)),
            (Self::OpenApi, "responses") if dialect == Dialect::OpenApi20 => Some((Map, Self::Message)),
            (Self::Message, "schema") if dialect == Dialect::OpenApi20 => Some((One, Self::Schema)),
            // What is not in the body has the keywords of a schema in itself.
            (Self::Carrier, "items") if dialect == Dialect::OpenApi20 => Some((One, Self::Schema)),
            (Self::Schema, _) => schema_member(name, dialect).map(|shape| (shape, Self::Schema)),
            (Self::OpenApi, "paths") => Some((Patterned, Self::PathItem)),
            (Self::OpenApi, "webhooks") => Some((Map, Self::PathItem)),
            (Self::OpenApi, "components") => Some((One, Self::Components)),
            (Self::Components, "schemas") => Some((Map, Self::Schema)),
            (Self::Components, "parameters" | "headers") => Some((Map, Self::Carrier)),
            (Self::Components, "requestBodies" | "responses") => Some((Map, Self::Message)),
            (Self::Components | Self::Operation, "callbacks") => Some((Map, Self::Callback)),
            (Self::Components, "pathItems") => Some((Map, Self::PathItem)),
            (Self::Components, "securitySchemes") => Some((Map, Self::SecurityScheme)),
            (Self::PathItem | Self::Operation, "parameters") => Some((List, Self::Carrier)),
            (Self::PathItem, "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace") => {
                Some((One, Self::Operation))
            }
            (Self::Operation, "requestBody") => Some((One, Self::Message)),
            (Self::Operation, "responses") => Some((Patterned, Self::Message)),
            (Self::Carrier, "schema") => Some((One, Self::Schema)),
            (Self::Carrier, "encoding") | (Self::Carrier | Self::Message, "content" | "headers") => {
                Some((Map, Self::Carrier))
            }
            (Self::Callback, name) if !name.starts_with("x-") => Some((One, Self::PathItem)),
            _ => None,
        }
    }

    /// Whether `$ref` is a keyword here.
    pub(super) fn may_refer(self) -> bool {
        !matches!(self, Self::OpenApi | Self::Components | Self::Operation)
    }

    /// Whether the members beside a `$ref` count (JSON Schema 2020-12, Path Item Object) or are ignored (Reference
    /// Object, schemas of draft 4 and OpenAPI 3.0).
    pub(super) fn keeps_siblings(self, dialect: Dialect) -> bool {
        self == Self::PathItem || (self == Self::Schema && dialect == Dialect::Draft202012)
    }
}

fn schema_member(name: &str, dialect: Dialect) -> Option<Shape> {
    match (name, dialect) {
        ("properties" | "patternProperties" | "definitions" | "dependencies", _) => Some(Shape::Map),
        ("$defs" | "dependentSchemas", Dialect::Draft202012) => Some(Shape::Map),
        ("allOf" | "anyOf" | "oneOf", _) | ("prefixItems", Dialect::Draft202012) => Some(Shape::List),
        ("items", _) => Some(Shape::List),
        ("not" | "additionalProperties" | "additionalItems", _) => Some(Shape::One),
        (
            "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "contentSchema",
            Dialect::Draft202012,
        ) => Some(Shape::One),
        _ => None,
    }
}
