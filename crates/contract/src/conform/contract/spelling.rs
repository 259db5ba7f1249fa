//! Members that OpenAPI does not know: a misspelt `requestBody` would silently check less than its author thinks, so each
//! is a warning that stands at the name.

use super::Builder;
use crate::document::nearest::{meant, nearest};
use crate::document::{Object, Place, Problem, Severity, Span, Version};

/// Which members an object of OpenAPI 3.0 and 3.1 may have (sections 4.8.1, 4.8.9, 4.8.10 and 4.8.12 to 4.8.15 of 3.1).
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Document,
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    MediaType,
    Encoding,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Document => "a document",
            Self::PathItem => "a path",
            Self::Operation => "an operation",
            Self::Parameter => "a parameter",
            Self::RequestBody => "a request body",
            Self::MediaType => "a media type",
            Self::Encoding => "an encoding",
        }
    }

    pub(crate) const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Document => &[
                "openapi",
                "info",
                "jsonSchemaDialect",
                "servers",
                "paths",
                "webhooks",
                "components",
                "security",
                "tags",
                "externalDocs",
            ],
            Self::PathItem => &[
                "get",
                "put",
                "post",
                "delete",
                "options",
                "head",
                "patch",
                "trace",
                "$ref",
                "summary",
                "description",
                "servers",
                "parameters",
            ],
            Self::Operation => &[
                "tags",
                "summary",
                "description",
                "externalDocs",
                "operationId",
                "parameters",
                "requestBody",
                "responses",
                "callbacks",
                "deprecated",
                "security",
                "servers",
            ],
            Self::Parameter => &[
                "name",
                "in",
                "description",
                "required",
                "deprecated",
                "allowEmptyValue",
                "style",
                "explode",
                "allowReserved",
                "schema",
                "example",
                "examples",
                "content",
                "$ref",
                "summary",
            ],
            Self::RequestBody => &["description", "content", "required", "$ref", "summary"],
            Self::MediaType => &["schema", "example", "examples", "encoding"],
            Self::Encoding => &["contentType", "headers", "style", "explode", "allowReserved"],
        }
    }
}

impl<'d> Builder<'d> {
    /// Warns of every member that such an object does not have. The members of OpenAPI 2.0 are others, and were looked
    /// at when they were read.
    pub(super) fn spell(&mut self, place: Place<'d>, shape: Shape) {
        if self.document.version() == Version::V2_0 {
            return;
        }
        let Some(object) = place.node.as_object() else { return };
        for (name, at) in unknown(object, shape.members()) {
            let message = format!(
                "`{name}` is no member of {} in OpenAPI, so it says nothing",
                shape.name()
            );
            let help = meant(name, shape.members());
            // References may lead to other members of the root, which then say something.
            if matches!(shape, Shape::Document) && help.is_empty() {
                continue;
            }
            self.problems.push(Problem {
                severity: Severity::Warning,
                help,
                ..self.document.problem(at, message)
            });
        }
    }
}

/// The top-level types of media types (RFC 6838 §4.2, and those registered since).
const TOP_LEVEL_TYPES: [&str; 11] = [
    "application",
    "audio",
    "example",
    "font",
    "haptics",
    "image",
    "message",
    "model",
    "multipart",
    "text",
    "video",
];

/// What a media type is likely to mean whose top-level type is none: `aplication/json`. No body would fit it.
pub(super) fn media_type_meant(media_type: &str) -> Option<String> {
    let (kind, rest) = media_type.split_once('/')?;
    let kind = kind.trim().to_ascii_lowercase();
    if TOP_LEVEL_TYPES.contains(&&*kind) {
        return None;
    }
    nearest(&kind, &TOP_LEVEL_TYPES).map(|meant| format!("{meant}/{rest}"))
}

/// The members that are neither known nor extensions, and where their names stand.
fn unknown<'o>(object: &'o Object, known: &[&str]) -> Vec<(&'o str, Span)> {
    let members = object.members.iter();
    members
        .filter(|(name, _)| !name.starts_with("x-") && !known.contains(&&***name))
        .map(|(name, member)| (&**name, member.name_span))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognised() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(nearest(name, Shape::Operation.members()), expected, "{name}");
        };
        check("requestBdy", Some("requestBody"));
        check("respones", Some("responses"));
        check("operationID", Some("operationId"));
        check("tag", Some("tags"));
        check("frobnicate", None);
        assert_eq!(nearest("gett", Shape::PathItem.members()), Some("get"));
        assert_eq!(nearest("path", Shape::Document.members()), Some("paths"));
    }

    #[test]
    fn misspelt_media_types_are_recognised() {
        let check = |media_type: &str, expected: Option<&str>| {
            assert_eq!(media_type_meant(media_type).as_deref(), expected, "{media_type}");
        };
        check("aplication/json", Some("application/json"));
        check("Applicaton/problem+json; v=1", Some("application/problem+json; v=1"));
        check("txt/plain", Some("text/plain"));
        for right in [
            "application/json",
            "TEXT/plain",
            "*/*",
            "x-own/thing",
            "chemical/x-pdb",
            "json",
        ] {
            check(right, None);
        }
    }
}
