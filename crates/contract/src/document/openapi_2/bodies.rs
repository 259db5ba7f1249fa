//! Bodies: `in: body` and the schemas of answers by media type, `in: formData` as an object with one property a field.

use super::parameters::Collection;
use super::spot::Spot;
use super::{Assumed, Lowering, Node, Object, Value, made, put, text};
use crate::document::problem::Span;

const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

impl<'d> Lowering<'d, '_> {
    /// The body of an operation with these parameters.
    pub(super) fn request_body(&mut self, operation: &Spot<'d>, inputs: &[Spot<'d>]) -> Option<Node> {
        let (bodies, fields): (Vec<_>, Vec<_>) = inputs.iter().partition(|input| input.word("in") == Some("body"));
        match (bodies.as_slice(), fields.as_slice()) {
            ([], []) => None,
            ([body], []) => Some(self.body(operation, body)),
            ([], [first, ..]) => Some(self.form(operation, first.node.span, &fields)),
            ([_, second, ..], _) => {
                self.error(
                    second.node.span,
                    "an operation has one body, and this is another",
                    "leave one out",
                );
                None
            }
            (_, [field, ..]) => {
                let message = "a body and the fields of a form cannot stand together";
                self.error(field.node.span, message, "declare either");
                None
            }
        }
    }

    fn body(&mut self, operation: &Spot<'d>, body: &Spot<'d>) -> Node {
        let span = body.node.span;
        let mut types = self.media_types(operation, "consumes", self.defaults.consumes);
        if types.is_empty() {
            self.assumed.push((operation.node.span, Assumed::Consumes));
            types.push("application/json");
        }
        let schema = body.member("schema");
        if schema.is_none() {
            self.warn(span, "this body has no `schema`, so anything passes", "declare one");
        }
        let mut lowered = Object::default();
        self.keep(body, &["description", "required"], &mut lowered);
        let content = self.content(span, schema.as_ref(), &types);
        put(&mut lowered, "content", content);
        self.finish(span, lowered)
    }

    /// One schema under several media types.
    pub(super) fn content(&mut self, span: Span, schema: Option<&Spot<'d>>, types: &[&'d str]) -> Node {
        let is_file = schema.is_some_and(|schema| self.is_file(schema));
        let mut content = Object::default();
        for media_type in types {
            let mut entry = Object::default();
            // A file of JSON may be any JSON.
            if let Some(schema) = schema.filter(|_| !is_file || !is_json(media_type)) {
                let schema = if is_file {
                    self.bytes(schema.node.span)
                } else {
                    self.refer(schema)
                };
                put(&mut entry, "schema", schema);
            }
            let entry = self.finish(span, entry);
            put(&mut content, media_type, entry);
        }
        self.finish(span, content)
    }

    fn is_file(&mut self, schema: &Spot<'d>) -> bool {
        let schema = self.follow(schema.clone());
        schema.is_some_and(|schema| schema.word("type") == Some("file"))
    }

    /// The schema of a file: bytes that are not looked into.
    fn bytes(&mut self, span: Span) -> Node {
        self.object(span, [("type", text("string", span)), ("format", text("binary", span))])
    }

    fn form(&mut self, operation: &Spot<'d>, span: Span, fields: &[&Spot<'d>]) -> Node {
        let (mut properties, mut encodings, mut required) = (Object::default(), Object::default(), Vec::new());
        for field in fields {
            let Some(name) = field.word("name") else {
                self.error(field.node.span, "a parameter needs `name` and `in`, both strings", "");
                continue;
            };
            if properties.get(name).is_some() {
                let message = format!("the parameter `{name}` is declared twice");
                self.error(field.node.span, message, "leave one out");
                continue;
            }
            if self.truth(field, "required") {
                required.push(text(name, field.node.span));
            }
            let schema = self.field(field);
            put(&mut properties, name, schema);
            if let Some(encoding) = self.encoding(field) {
                put(&mut encodings, name, encoding);
            }
        }
        let is_required = !required.is_empty();
        let properties = self.finish(span, properties);
        let mut schema = Object::default();
        put(&mut schema, "type", text("object", span));
        put(&mut schema, "properties", properties);
        put(&mut schema, "required", made(Value::Array(required), span));
        let schema = self.finish(span, schema);
        let encoding = self.finish(span, encodings);
        let entry = self.object(span, [("schema", schema), ("encoding", encoding)]);
        let mut content = Object::default();
        for media_type in self.form_types(operation, fields) {
            self.take(span, super::size(&entry));
            put(&mut content, media_type, entry.clone());
        }
        let content = self.finish(span, content);
        let required = made(Value::Bool(is_required), span);
        self.object(span, [("required", required), ("content", content)])
    }

    /// The schema of a field. One that may be empty takes the empty text beside what its own schema takes.
    fn field(&mut self, field: &Spot<'d>) -> Node {
        let span = field.node.span;
        if field.word("type") == Some("file") {
            return self.bytes(span);
        }
        let own = self.refer(field);
        if !field.says("allowEmptyValue") {
            return own;
        }
        let nothing = made(Value::Number("0".into()), span);
        let empty = self.object(span, [("type", text("string", span)), ("maxLength", nothing)]);
        self.object(span, [("anyOf", made(Value::Array(vec![own, empty]), span))])
    }

    fn encoding(&mut self, field: &Spot<'d>) -> Option<Node> {
        let span = field.node.span;
        if field.word("type") == Some("file") {
            // 2.0 says nothing of the type of a file.
            return Some(self.object(span, [("contentType", text("*/*", span))]));
        }
        let Collection { style, explode } = self.collection(field, "formData")?;
        let explode = made(Value::Bool(explode), span);
        Some(self.object(span, [("style", text(style, span)), ("explode", explode)]))
    }

    /// The media types that the fields come in: those of `consumes` that are forms, and no other than multipart where a
    /// file is among the fields.
    fn form_types(&mut self, operation: &Spot<'d>, fields: &[&Spot<'d>]) -> Vec<&'d str> {
        let mut types = self.media_types(operation, "consumes", self.defaults.consumes);
        let has_file = fields.iter().any(|field| field.word("type") == Some("file"));
        types.retain(|media_type| {
            let essence = essence(media_type);
            essence == MULTIPART || (essence == URL_ENCODED && !has_file)
        });
        if types.is_empty() {
            self.assumed.push((operation.node.span, Assumed::Form));
            types.push(if has_file { MULTIPART } else { URL_ENCODED });
        }
        types
    }

    fn truth(&mut self, spot: &Spot<'d>, name: &str) -> bool {
        if let Some(node) = spot.node.get(name)
            && node.as_bool().is_none()
        {
            self.error(node.span, format!("`{name}` is {}, not true or false", node.kind()), "");
        }
        spot.says(name)
    }
}

/// A media type without its parameters, in lower case.
fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence.ends_with("/json") || essence.ends_with("+json")
}
