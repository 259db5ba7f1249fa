//! What of a schema is read and not checked, or checked otherwise than its author may think: kept for coverage.

use super::{Compiler, SchemaId};
use crate::document::nearest::nearest;
use crate::document::{Dialect, Object, Span};

/// Something in a schema that is not judged, for the coverage report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The schema.
    pub schema: SchemaId,
    /// Where it stands.
    pub span: Span,
    /// What is not judged, or judged more slowly.
    pub kind: NoteKind,
}

/// See [`Note`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A `format` that is not asserted.
    UnknownFormat(String),
    /// A keyword that does not belong to the contract's dialect of JSON Schema.
    IgnoredKeyword(&'static str),
    /// A keyword of a later version of OpenAPI, judged as there: what it forbids was not meant to pass.
    LaterKeyword(&'static str),
    /// A name that is a keyword in no dialect, and the keyword that it is likely to mean.
    UnknownKeyword(String, &'static str),
    /// A pattern with look-around or back references, judged within a budget of steps.
    BacktrackingPattern(String),
    /// A discriminator that names no branch, so that every branch is tried.
    UnusedDiscriminator,
}

impl NoteKind {
    /// What to tell the author where something else was meant than is checked.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            Self::UnknownKeyword(..) => Some(format!("{}, so nothing is checked by it", self.told())),
            Self::LaterKeyword(_) => Some(self.told()),
            Self::UnknownFormat(_)
            | Self::IgnoredKeyword(_)
            | Self::BacktrackingPattern(_)
            | Self::UnusedDiscriminator => None,
        }
    }

    /// What is not checked, and why.
    pub fn told(&self) -> String {
        match self {
            Self::UnknownFormat(name) => format!("format `{name}` is not asserted: any string passes"),
            Self::IgnoredKeyword(name) => format!("`{name}` has no effect in this version of OpenAPI"),
            Self::LaterKeyword(name) => format!("OpenAPI 2.0 has no `{name}`: it is judged as in 3.0"),
            Self::UnknownKeyword(name, meant) => format!("`{name}` is no keyword (`{meant}` is)"),
            Self::BacktrackingPattern(_) => {
                "a pattern with look-around or a back reference: judged within a budget of steps, beyond it refused"
                    .to_owned()
            }
            Self::UnusedDiscriminator => "the discriminator names no branch: every branch is tried".to_owned(),
        }
    }
}

/// The keywords of JSON Schema and of OpenAPI's schema objects, of every dialect.
const KEYWORDS: [&str; 64] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "discriminator",
    "else",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "if",
    "id",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
    "xml",
    "$ref",
    "$id",
    "$schema",
    "$defs",
    "$anchor",
    "$comment",
    "$vocabulary",
];

/// What stands beside the keywords where a parameter of OpenAPI 2.0 is its own schema.
const PARAMETER_MEMBERS: [&str; 4] = ["name", "in", "collectionFormat", "allowEmptyValue"];

/// The keywords of OpenAPI 3.0 that only ever forbid.
const LATER: [&str; 4] = ["anyOf", "oneOf", "not", "writeOnly"];

impl<'d> Compiler<'d> {
    pub(super) fn note_foreign_keywords(&mut self, id: SchemaId, object: &'d Object) {
        const MODERN: [&str; 9] = [
            "const",
            "if",
            "contains",
            "prefixItems",
            "propertyNames",
            "dependentSchemas",
            "dependentRequired",
            "unevaluatedProperties",
            "unevaluatedItems",
        ];
        let foreign: &[&'static str] = match self.document.dialect() {
            Dialect::OpenApi20 => &[
                "patternProperties",
                "additionalItems",
                "dependencies",
                "$dynamicRef",
                "nullable",
            ],
            Dialect::OpenApi30 => &["patternProperties", "additionalItems", "dependencies", "$dynamicRef"],
            Dialect::Draft4 => &[],
            Dialect::Draft202012 => &["nullable", "additionalItems", "dependencies"],
        };
        let own: &[&str] = match self.document.dialect() {
            Dialect::OpenApi20 => &PARAMETER_MEMBERS,
            _ => &[],
        };
        for (name, member) in &object.members {
            // Annotations of one's own are legal; what looks like a keyword and is none is not meant as one.
            let known = KEYWORDS.contains(&&**name)
                || own.contains(&&**name)
                || name.starts_with("x-")
                || name.starts_with('$');
            if !known && let Some(meant) = nearest(name, &KEYWORDS) {
                self.notes.push(Note {
                    schema: id,
                    span: member.name_span,
                    kind: NoteKind::UnknownKeyword(name.to_string(), meant),
                });
            }
        }
        if self.document.dialect() == Dialect::OpenApi20 {
            self.note_later_keywords(id, object);
        }
        let modern = if self.modern() { &[][..] } else { &MODERN[..] };
        for keyword in foreign.iter().chain(modern) {
            if let Some(node) = object.get(keyword) {
                self.notes.push(Note {
                    schema: id,
                    span: node.span,
                    kind: NoteKind::IgnoredKeyword(keyword),
                });
            }
        }
    }
    fn note_later_keywords(&mut self, id: SchemaId, object: &'d Object) {
        for keyword in LATER {
            // A member whose name stands nowhere was made while the document was lowered.
            let written = object.members.get(keyword);
            if let Some(member) = written.filter(|member| member.name_span != member.value.span) {
                self.notes.push(Note {
                    schema: id,
                    span: member.value.span,
                    kind: NoteKind::LaterKeyword(keyword),
                });
            }
        }
    }
}
