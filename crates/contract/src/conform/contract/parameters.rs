//! Parameters and header fields (OpenAPI 3.1 §4.8.12, §4.8.21).

use http::HeaderName;

use super::Builder;
use super::spelling::Shape;
use crate::conform::json::{Direction, SchemaId};
use crate::conform::media_type::{Kind, MediaType};
use crate::conform::operation::Parameters;
use crate::conform::parameter::{Encoding, Location, Parameter, Sensitivity, Style};
use crate::document::{Node, Place, Span, Value, Version};

/// A schema that allows everything, for what is declared without one.
static ANYTHING: Node = Node {
    value: Value::Bool(true),
    span: Span {
        file: crate::document::FileId(0),
        line: 0,
        column: 0,
    },
};

impl<'d> Builder<'d> {
    /// The parameters of an operation and of its path item, those of the operation first where both have one.
    pub(super) fn parameters(
        &mut self,
        template: &str,
        item: Place<'d>,
        operation: Place<'d>,
        captures: &[String],
    ) -> Parameters {
        let mut all: Vec<Parameter> = Vec::new();
        for owner in [operation, item] {
            let from = all.len();
            for place in self.items(self.member(owner, "parameters")) {
                let Some(place) = self.follow(place) else { continue };
                let Some(parameter) = self.parameter(place) else {
                    continue;
                };
                let same = |other: &Parameter| other.location == parameter.location && other.name == parameter.name;
                match all.iter().position(same) {
                    Some(at) if at >= from => {
                        self.error(
                            place.node,
                            format!("the parameter `{}` is declared twice", parameter.name),
                        );
                    }
                    Some(_) => {}
                    None => all.push(parameter),
                }
            }
        }
        let mut parameters = Parameters::default();
        for parameter in all {
            match parameter.location {
                Location::Path => match captures.iter().position(|name| **name == *parameter.name) {
                    Some(at) => parameters.path.push((at, parameter)),
                    None => {
                        let message = format!("`{template}` has no place for the path parameter `{}`", parameter.name);
                        self.problems.push(crate::document::Problem {
                            severity: crate::document::Severity::Warning,
                            ..self.document.problem(parameter.span, message)
                        });
                    }
                },
                Location::Query => parameters.query.push(parameter),
                Location::Header => parameters.header.push(parameter),
                Location::Cookie => parameters.cookie.push(parameter),
            }
        }
        for name in captures {
            if !parameters.path.iter().any(|(_, parameter)| *parameter.name == **name) {
                self.warn(
                    operation.node,
                    format!("the path parameter `{name}` is not declared, so any value passes; declare it"),
                );
            }
        }
        parameters
    }

    fn parameter(&mut self, place: Place<'d>) -> Option<Parameter> {
        self.spell(place, Shape::Parameter);
        let text = |member: &str| place.node.get(member).and_then(Node::as_str);
        let (Some(name), Some(location)) = (text("name"), text("in")) else {
            self.error(place.node, "a parameter needs `name` and `in`, both strings");
            return None;
        };
        let location = match location {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            "cookie" => Location::Cookie,
            other => {
                self.error(
                    place.node,
                    format!("parameters cannot be in `{other}`; write path, query, header or cookie"),
                );
                return None;
            }
        };
        if location == Location::Header && HeaderName::from_bytes(name.as_bytes()).is_err() {
            self.error(place.node, format!("`{name}` is not the name of a header field"));
            return None;
        }
        let name: Box<str> = if location == Location::Header {
            name.to_ascii_lowercase().into()
        } else {
            name.into()
        };
        // OpenAPI 3.1 §4.8.12.1: such definitions are ignored; the names count as declared.
        let ignored = location == Location::Header && matches!(&*name, "accept" | "content-type" | "authorization");
        let encoding = if ignored {
            Encoding::Unjudged
        } else {
            self.encoding(place, location, Direction::Request)?
        };
        Some(Parameter {
            name,
            location,
            required: !ignored && (location == Location::Path || self.truth(place, "required")),
            allow_empty: location == Location::Query && self.truth(place, "allowEmptyValue"),
            encoding,
            sensitivity: self.sensitivity(place),
            span: place.node.span,
        })
    }

    /// How sensitive the value of a parameter is: what it says itself, or its schema, or the schema of its items.
    fn sensitivity(&mut self, parameter: Place<'d>) -> Sensitivity {
        let content = self.member(parameter, "content").map(|content| self.entries(content));
        let entry = content.and_then(|entries| entries.first().map(|(_, entry)| *entry));
        let schema = self.member(entry.unwrap_or(parameter), "schema");
        let schema = schema.and_then(|schema| self.follow(schema));
        let items = schema.and_then(|schema| self.member(schema, "items"));
        let items = items.and_then(|items| self.follow(items));
        let places = [Some(parameter), schema, items];
        let said = places.into_iter().flatten().map(|place| said_sensitivity(place.node));
        said.max().unwrap_or_default()
    }

    /// How a parameter or header field is read: by `content`, or by `schema` and style.
    fn encoding(&mut self, place: Place<'d>, location: Location, direction: Direction) -> Option<Encoding> {
        if let Some(content) = self.member(place, "content") {
            let entries = self.entries(content);
            let [(media_type, entry)] = entries.as_slice() else {
                self.error(content.node, "the `content` of a parameter has exactly one media type");
                return None;
            };
            let schema = self.schema(self.member(*entry, "schema"), place, direction);
            return Some(match MediaType::parse(media_type).map(|found| found.kind()) {
                Some(Kind::Json) => Encoding::Json(schema),
                Some(Kind::Text) => Encoding::Style {
                    style: Style::default_of(location),
                    explode: true,
                    schema,
                },
                _ => {
                    self.warn(
                        content.node,
                        format!("parameters in `{media_type}` are not judged; use `application/json`"),
                    );
                    Encoding::Unjudged
                }
            });
        }
        let style = match place.node.get("style") {
            None => Style::default_of(location),
            Some(said) => match said.as_str().and_then(|name| self.style_named(name, location)) {
                Some(style) => style,
                None => {
                    let message = format!("this style is not one for a parameter in {}", location.name());
                    self.error(said, message);
                    return None;
                }
            },
        };
        let explode = match place.node.get("explode") {
            None => style == Style::Form,
            Some(_) => self.truth(place, "explode"),
        };
        let schema = self.schema(self.member(place, "schema"), place, direction);
        Some(Encoding::Style { style, explode, schema })
    }

    /// OpenAPI 2.0 separates items in every location in the same ways.
    pub(super) fn style_named(&self, name: &str, location: Location) -> Option<Style> {
        match self.document.version() {
            Version::V2_0 => Style::named(name),
            Version::V3_0 | Version::V3_1 => Style::parse(name, location),
        }
    }

    /// The schema at a place, or one that allows everything.
    pub(super) fn schema(&mut self, schema: Option<Place<'d>>, near: Place<'d>, direction: Direction) -> SchemaId {
        let anything = Place {
            node: &ANYTHING,
            base: near.base,
        };
        self.compiler.schema(schema.unwrap_or(anything), direction)
    }

    /// The header fields of an answer, or of a part of a form.
    pub(super) fn headers(&mut self, owner: Place<'d>, direction: Direction) -> Vec<Parameter> {
        let mut headers = Vec::new();
        for (name, place) in self
            .member(owner, "headers")
            .map(|headers| self.entries(headers))
            .unwrap_or_default()
        {
            let Some(place) = self.follow(place) else { continue };
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.error(place.node, format!("`{name}` is not the name of a header field"));
                continue;
            }
            // OpenAPI 3.1 §4.8.17: it is given by `content`.
            if name.eq_ignore_ascii_case("content-type") {
                continue;
            }
            let Some(encoding) = self.encoding(place, Location::Header, direction) else {
                continue;
            };
            headers.push(Parameter {
                name: name.to_ascii_lowercase().into(),
                location: Location::Header,
                required: self.truth(place, "required"),
                allow_empty: false,
                encoding,
                sensitivity: Sensitivity::None,
                span: place.node.span,
            });
        }
        headers
    }
}

/// What stands right there. An own word goes before what keywords make likely; one that is not known is taken for the strictest.
fn said_sensitivity(node: &Node) -> Sensitivity {
    if let Some(said) = node.get("x-portcullis").and_then(|said| said.get("sensitivity")) {
        return said
            .as_str()
            .and_then(Sensitivity::named)
            .unwrap_or(Sensitivity::Secret);
    }
    let is_password = node.get("format").and_then(Node::as_str) == Some("password");
    let is_write_only = node
        .get("writeOnly")
        .is_some_and(|said| matches!(said.value, Value::Bool(true)));
    if is_password || is_write_only {
        Sensitivity::Secret
    } else {
        Sensitivity::None
    }
}
