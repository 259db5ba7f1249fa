//! Paths, operations and answers.

use super::parameters::Inputs;
use super::spot::Spot;
use super::{Assumed, Lowering, Member, Node, OPERATION, Object, PATH_ITEM, RESPONSE, Value, made, put};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

impl<'d> Lowering<'d, '_> {
    pub(super) fn paths(&mut self, paths: &Spot<'d>) -> Node {
        if paths.node.as_object().is_none() {
            return paths.node.clone();
        }
        let mut lowered = Object::default();
        for (template, name_span, item) in paths.members() {
            if self.full {
                break;
            }
            let Some(item) = self.follow(item) else { continue };
            let value = self.path_item(&item);
            lowered.members.insert(template.into(), Member { name_span, value });
        }
        self.finish(paths.node.span, lowered)
    }

    fn path_item(&mut self, item: &Spot<'d>) -> Node {
        if item.node.as_object().is_none() {
            return item.node.clone();
        }
        self.spell(item, "a path", &PATH_ITEM);
        let mut lowered = Object::default();
        self.keep(item, &[], &mut lowered);
        let Inputs { heads, bodies } = self.inputs(item);
        put(&mut lowered, "parameters", made(Value::Array(heads), item.node.span));
        for (method, name_span, operation) in item.members() {
            if METHODS.contains(&method) {
                let value = self.operation(&operation, &bodies);
                lowered.members.insert(method.into(), Member { name_span, value });
            }
        }
        self.finish(item.node.span, lowered)
    }

    /// `shared` are the bodies and form fields of the path.
    fn operation(&mut self, operation: &Spot<'d>, shared: &[Spot<'d>]) -> Node {
        const KEPT: [&str; 8] = [
            "tags",
            "summary",
            "description",
            "externalDocs",
            "operationId",
            "schemes",
            "deprecated",
            "security",
        ];
        if operation.node.as_object().is_none() {
            return operation.node.clone();
        }
        if self.full {
            return made(Value::Object(Object::default()), operation.node.span);
        }
        let span = operation.node.span;
        self.spell(operation, "an operation", &OPERATION);
        let mut lowered = Object::default();
        self.keep(operation, &KEPT, &mut lowered);
        let Inputs { heads, mut bodies } = self.inputs(operation);
        put(&mut lowered, "parameters", made(Value::Array(heads), span));
        let overridden = |input: &Spot<'d>| bodies.iter().any(|own| same(own, input));
        let inherited: Vec<Spot<'d>> = shared.iter().filter(|input| !overridden(input)).cloned().collect();
        bodies.extend(inherited);
        if let Some(body) = self.request_body(operation, &bodies) {
            put(&mut lowered, "requestBody", body);
        }
        if let Some(responses) = operation.member("responses") {
            let responses = self.responses(operation, &responses);
            put(&mut lowered, "responses", responses);
        }
        self.finish(span, lowered)
    }

    fn responses(&mut self, operation: &Spot<'d>, responses: &Spot<'d>) -> Node {
        if responses.node.as_object().is_none() {
            let message = format!("`responses` is {}, not an object", responses.node.kind());
            self.error(responses.node.span, message, "write each answer below its status");
        }
        let mut lowered = Object::default();
        for (status, name_span, response) in responses.members() {
            let Some(response) = self.follow(response) else {
                continue;
            };
            let value = self.response(operation, &response);
            lowered.members.insert(status.into(), Member { name_span, value });
        }
        self.finish(responses.node.span, lowered)
    }

    fn response(&mut self, operation: &Spot<'d>, response: &Spot<'d>) -> Node {
        self.spell(response, "an answer", &RESPONSE);
        let span = response.node.span;
        let mut lowered = Object::default();
        self.keep(response, &["description"], &mut lowered);
        if let Some(headers) = response.member("headers") {
            let headers = self.headers(&headers);
            put(&mut lowered, "headers", headers);
        }
        // Without a schema there is no body.
        if let Some(schema) = response.member("schema") {
            let mut types = self.media_types(operation, "produces", self.defaults.produces);
            if types.is_empty() {
                self.assumed.push((operation.node.span, Assumed::Produces));
                types.push("application/json");
            }
            let content = self.content(span, Some(&schema), &types);
            put(&mut lowered, "content", content);
        }
        self.finish(span, lowered)
    }

    /// The media types that an operation says, or else the root.
    pub(super) fn media_types(&mut self, operation: &Spot<'d>, name: &str, default: Option<&'d Node>) -> Vec<&'d str> {
        let Some(said) = operation.node.get(name).or(default) else {
            return Vec::new();
        };
        if said.as_array().is_none() {
            let message = format!("`{name}` is {}, not an array of media types", said.kind());
            self.error(said.span, message, "write `[application/json]`");
        }
        let types = said.as_array().unwrap_or_default().iter();
        types.filter_map(Node::as_str).collect()
    }
}

/// Whether two parameters are one, of which the operation's counts.
fn same(one: &Spot<'_>, other: &Spot<'_>) -> bool {
    one.word("in") == other.word("in") && one.word("name") == other.word("name")
}
