//! Parameters and header fields, which are their own schemas in 2.0; and `collectionFormat` as a style.

use super::spot::Spot;
use super::{Lowering, Member, Node, Object, Value, made, put, text};

/// The parameters of a path or an operation.
#[derive(Default)]
pub(super) struct Inputs<'d> {
    /// Lowered: those of path, query and header.
    pub(super) heads: Vec<Node>,
    /// As written: bodies and the fields of forms.
    pub(super) bodies: Vec<Spot<'d>>,
}

/// How the items of an array are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Collection {
    /// A style of 3.0, or `tabDelimited`, which none of its documents can say.
    pub(super) style: &'static str,
    /// Whether each item is written on its own.
    pub(super) explode: bool,
}

impl<'d> Lowering<'d, '_> {
    pub(super) fn inputs(&mut self, owner: &Spot<'d>) -> Inputs<'d> {
        let mut inputs = Inputs::default();
        let Some(parameters) = owner.member("parameters") else {
            return inputs;
        };
        if parameters.node.as_array().is_none() {
            let message = format!("`parameters` is {}, not an array", parameters.node.kind());
            self.error(parameters.node.span, message, "put a `-` in front of each parameter");
        }
        for parameter in parameters.items() {
            let Some(parameter) = self.follow(parameter) else {
                continue;
            };
            match parameter.word("in") {
                Some("body" | "formData") => inputs.bodies.push(parameter),
                _ => inputs.heads.extend(self.parameter(&parameter)),
            }
        }
        inputs
    }

    /// A parameter outside of the body. What is missing is for whoever reads it to say.
    fn parameter(&mut self, parameter: &Spot<'d>) -> Option<Node> {
        let location = parameter.word("in").unwrap_or_default();
        if location == "cookie" {
            let message = "OpenAPI 2.0 has no parameters in `cookie`";
            self.error(parameter.node.span, message, "convert the contract to OpenAPI 3.1");
            return None;
        }
        let mut lowered = Object::default();
        self.keep(
            parameter,
            &["name", "in", "description", "required", "allowEmptyValue"],
            &mut lowered,
        );
        self.read_by(parameter, location, &mut lowered);
        Some(self.finish(parameter.node.span, lowered))
    }

    pub(super) fn headers(&mut self, headers: &Spot<'d>) -> Node {
        let mut lowered = Object::default();
        for (name, name_span, header) in headers.entries() {
            let Some(header) = self.follow(header) else { continue };
            let mut fields = Object::default();
            self.read_by(&header, "header", &mut fields);
            let value = self.finish(header.node.span, fields);
            lowered.members.insert(name.into(), Member { name_span, value });
        }
        self.finish(headers.node.span, lowered)
    }

    /// Adds schema and style.
    fn read_by(&mut self, parameter: &Spot<'d>, location: &str, into: &mut Object) {
        let mut schema = parameter.clone();
        if let Some(own) = parameter.member("schema") {
            let message = "`schema` stands at parameters in the body only; it is read as in OpenAPI 3.0";
            let help = "write its keywords beside `name` and `in`";
            self.warn(own.node.span, message, help);
            schema = own;
        }
        let reference = self.refer(&schema);
        put(into, "schema", reference);
        if let Some(Collection { style, explode }) = self.collection(parameter, location) {
            let span = parameter.node.span;
            put(into, "style", text(style, span));
            put(into, "explode", made(Value::Bool(explode), span));
        }
    }

    /// How the items of an array are told apart; nothing for what is no array.
    pub(super) fn collection(&mut self, parameter: &Spot<'d>, location: &str) -> Option<Collection> {
        if parameter.word("type") != Some("array") {
            return None;
        }
        let inner = parameter.node.get("items").filter(|items| {
            let kind = items.get("type").and_then(Node::as_str);
            kind == Some("array")
        });
        if let Some(inner) = inner {
            let message = "arrays in arrays are not read from a parameter, so no value fits";
            self.warn(inner.span, message, "send the value in a body of JSON");
        }
        let said = parameter.node.get("collectionFormat");
        let format = said.map_or(Some("csv"), Node::as_str).unwrap_or_default();
        let repeats = matches!(location, "query" | "formData");
        let (style, explode) = match format {
            "csv" if repeats => ("form", false),
            "csv" => ("simple", false),
            "ssv" => ("spaceDelimited", false),
            "pipes" => ("pipeDelimited", false),
            "tsv" if location != "formData" => ("tabDelimited", false),
            "multi" if repeats => ("form", true),
            _ => {
                let span = said.map_or(parameter.node.span, |node| node.span);
                let message = match format {
                    "multi" => "`multi` is for parameters in query and formData".to_owned(),
                    "tsv" => "`tsv` is not read in a form".to_owned(),
                    other => format!("`{other}` is no `collectionFormat`"),
                };
                self.error(span, message, "write `csv`, or leave it out, which means the same");
                return None;
            }
        };
        Some(Collection { style, explode })
    }
}
