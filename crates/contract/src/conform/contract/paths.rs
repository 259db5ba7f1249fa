//! Path items and operations (OpenAPI 3.1 §4.8.9, §4.8.10).

use http::Method;

use super::Builder;
use super::spelling::Shape;
use crate::conform::operation::Operation;
use crate::conform::route::{RouteError, TemplateError};
use crate::document::{Node, Place, Problem, Severity, Span, Version};

const METHODS: [(&str, Method); 8] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("delete", Method::DELETE),
    ("options", Method::OPTIONS),
    ("head", Method::HEAD),
    ("patch", Method::PATCH),
    ("trace", Method::TRACE),
];

/// One path of the document.
#[derive(Clone, Copy)]
struct Route<'d> {
    template: &'d str,
    /// Where the template stands.
    at: Span,
    item: Place<'d>,
}

impl<'d> Builder<'d> {
    /// Compiles every path of a document.
    pub(super) fn paths(&mut self, root: Place<'d>) {
        let Some(paths) = self.member(root, "paths") else {
            return;
        };
        if paths.node.as_object().is_none() {
            self.error(paths.node, format!("`paths` is {}, not an object", paths.node.kind()));
        }
        for (template, item) in self.members(paths) {
            let Some(item) = self.follow(item) else { continue };
            if item.node.as_object().is_none() {
                self.error(
                    item.node,
                    format!("the path `{template}` is {}, not an object", item.node.kind()),
                );
            }
            self.spell(item, Shape::PathItem);
            let named = paths.node.as_object().and_then(|paths| paths.members.get(template));
            let route = Route {
                template,
                at: named.map_or(item.node.span, |member| member.name_span),
                item,
            };
            for (name, method) in METHODS {
                if let Some(operation) = self.member(item, name) {
                    self.operation(root, route, method, operation);
                }
            }
        }
    }

    fn operation(&mut self, root: Place<'d>, route: Route<'d>, method: Method, place: Place<'d>) {
        let Route { template, at, item } = route;
        if place.node.as_object().is_none() {
            self.error(
                place.node,
                format!("this operation is {}, not an object", place.node.kind()),
            );
            return;
        }
        self.spell(place, Shape::Operation);
        let index = u32::try_from(self.operations.len()).unwrap_or(u32::MAX);
        let captures = match self.router.insert(template, method.clone(), index) {
            Ok(captures) => captures,
            Err(error @ RouteError::Template(TemplateError::Query(_))) => {
                self.warn(place.node, format!("{error}; no request leads to this operation"));
                return;
            }
            Err(error) => {
                self.problems.push(self.document.problem(at, error.to_string()));
                return;
            }
        };
        let security = self.security(root, place);
        let mut parameters = self.parameters(template, item, place, &captures);
        parameters.security = self.names(security.as_deref());
        let body = self.request_body(place);
        let responses = self.responses(place);
        self.note_unread(item, place);
        let id = self.operation_id(template, &method, place);
        self.extensions
            .operations
            .push([self.member(item, "x-portcullis"), self.member(place, "x-portcullis")]);
        self.operations.push(Operation {
            method,
            template: template.into(),
            id,
            tags: tags(place),
            span: place.node.span,
            parameters,
            body,
            responses,
            security,
        });
    }

    /// The operation's own `operationId`. What another operation has already is not taken: the two would be one in the log,
    /// in metrics and in rate limits that versions share.
    fn operation_id(&mut self, template: &str, method: &Method, place: Place<'d>) -> Option<Box<str>> {
        let node = place.node.get("operationId")?;
        let id = node.as_str()?;
        let first = self.ids.get(id).and_then(|index| self.operations.get(*index));
        let Some(first) = first else {
            self.ids.insert(id, self.operations.len());
            return Some(id.into());
        };
        let message = format!(
            "`{id}` is the operationId of `{} {}`, too, and has to be unique: this operation is called `{method} {template}`",
            first.method, first.template
        );
        self.problems.push(Problem {
            severity: Severity::Warning,
            help: "give it an `operationId` of its own".to_owned(),
            ..self.document.problem(node.span, message)
        });
        None
    }

    fn note_unread(&mut self, item: Place<'d>, operation: Place<'d>) {
        if let Some(callbacks) = operation.node.get("callbacks") {
            self.note(
                callbacks,
                "callbacks are requests of the upstream, which do not pass here",
            );
        }
        if self.document.version() == Version::V2_0
            && let Some(schemes) = operation.node.get("schemes")
        {
            self.note(
                schemes,
                "schemes of an operation have no effect: it is served as all others are",
            );
        }
        for place in [item, operation] {
            if let Some(servers) = place.node.get("servers") {
                self.note(
                    servers,
                    "servers of a path or an operation have no effect; those of the root count",
                );
            }
        }
    }
}

/// What an operation is filed under. What is no list of strings says nothing.
fn tags(place: Place<'_>) -> Vec<Box<str>> {
    let written = place.node.get("tags").and_then(Node::as_array).unwrap_or_default();
    let tags = written.iter().filter_map(|tag| tag.as_str());
    tags.map(Into::into).collect()
}
