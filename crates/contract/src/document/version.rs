//! Which version of OpenAPI a document is written in.

use super::node::{Node, Value};
use super::problem::Problem;
use super::source::shown;
use super::{Dialect, Version};

impl Version {
    /// The dialect of JSON Schema that goes with the version.
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::V2_0 => Dialect::OpenApi20,
            Self::V3_0 => Dialect::OpenApi30,
            Self::V3_1 => Dialect::Draft202012,
        }
    }
}

/// The version that the root of a document says.
pub(super) fn recognise(location: &str, root: &Node) -> Result<Version, Problem> {
    let error = |node: &Node, message: String| Problem::error(location, node.span, message);
    let Some(object) = root.as_object() else {
        let message = format!("the document is {}, not an object", root.kind());
        return Err(error(root, message).help("an OpenAPI document begins with `openapi: 3.1.0`"));
    };
    if let Some(swagger) = object.get("swagger") {
        let said = said(swagger);
        // A number in YAML: `2.0` without quotes.
        if said == "2.0" {
            return Ok(Version::V2_0);
        }
        let message = format!("`{said}` is no version of OpenAPI that is read");
        return Err(error(swagger, message).help("write `swagger: \"2.0\"`, or convert the document to OpenAPI 3.1"));
    }
    let Some(openapi) = object.get("openapi") else {
        let message = "no `openapi` says which version this document is written in";
        return Err(error(root, message.to_owned()).help("an OpenAPI document begins with `openapi: 3.1.0`"));
    };
    let said = said(openapi);
    let mut parts = said.split('.');
    match (parts.next(), parts.next()) {
        (Some("3"), Some("0")) => Ok(Version::V3_0),
        (Some("3"), Some("1")) => dialect_is_known(location, root).map(|()| Version::V3_1),
        (Some("3"), Some("2")) => {
            let message = format!("OpenAPI {said} is not supported yet");
            Err(error(openapi, message).help("use OpenAPI 3.1, or keep a 3.1 version of the document"))
        }
        _ => Err(error(openapi, format!("`{said}` is no known version of OpenAPI"))
            .help("documents in OpenAPI 2.0, 3.0 and 3.1 are read")),
    }
}

/// In OpenAPI 3.1 a document may choose another dialect for its schemas; one that is not known is not guessed at.
fn dialect_is_known(location: &str, root: &Node) -> Result<(), Problem> {
    const KNOWN: [&str; 3] = [
        "https://spec.openapis.org/oas/3.1/dialect/base",
        "https://json-schema.org/draft/2020-12/schema",
        "https://spec.openapis.org/oas/3.1/dialect/2024-11-10",
    ];
    let Some(dialect) = root.get("jsonSchemaDialect") else {
        return Ok(());
    };
    let known = dialect
        .as_str()
        .is_some_and(|uri| KNOWN.contains(&uri.trim_end_matches('#')));
    if known {
        return Ok(());
    }
    let message = format!("the JSON Schema dialect `{}` is not supported", said(dialect));
    Err(Problem::error(location, dialect.span, message).help("leave `jsonSchemaDialect` out, which means 2020-12"))
}

/// What stands there, for a message.
fn said(node: &Node) -> String {
    match &node.value {
        Value::String(text) | Value::Number(text) => shown(text),
        _ => node.kind().to_owned(),
    }
}
