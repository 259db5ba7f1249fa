//! Reads the operations, servers and security of a contract, in the form of OpenAPI 3.

use super::operation::{Answer, Body, Callback, Content, Header, Operation, Parameter, Server};
use super::schema::{REQUEST, RESPONSE, UnitId, UnitKind};
use super::security::{Alternative, Asked, Requirements, Scheme, SchemeType};
use super::walk::Met;
use super::{At, SchemaId, Survey};
use crate::document::{Member, Node, Place};

/// The methods of a path item (OpenAPI 3.1 §4.8.9).
const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("trace", "TRACE"),
];

/// What sends an operation: callers, or the API itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Caller,
    Api,
}

/// A path with its item.
#[derive(Clone, Copy)]
struct Path<'d> {
    path: &'d str,
    at: At,
    item: Place<'d>,
}

impl<'d> Survey<'d> {
    pub(super) fn read(&mut self) {
        let root = self.root();
        self.schemes = self.read_schemes(root);
        self.security = self.read_requirements(root);
        self.servers = self.read_servers(root);
        for (path, member) in entries(root.node.get("paths")) {
            if path.starts_with("x-") {
                continue;
            }
            let path = self.path(root, path, member);
            for operation in self.operations_of(path, Sender::Caller) {
                let callbacks = self.callbacks_of(&operation);
                self.callbacks.extend(callbacks);
                self.operations.push(operation);
            }
        }
        for (name, member) in entries(root.node.get("webhooks")) {
            let path = self.path(root, name, member);
            let sent = self.operations_of(path, Sender::Api);
            let sent = sent.into_iter().map(|operation| Callback { of: None, operation });
            self.callbacks.extend(sent);
        }
    }

    fn path(&mut self, parent: Place<'d>, path: &'d str, member: &'d Member) -> Path<'d> {
        let place = self.document.child(parent, &member.value);
        Path {
            path,
            at: At::name(member.name_span),
            item: self.follow(place),
        }
    }

    fn operations_of(&mut self, path: Path<'d>, sender: Sender) -> Vec<Operation<'d>> {
        let mut found = Vec::new();
        for (name, method) in METHODS {
            let Some(node) = path.item.node.get(name).filter(|node| node.as_object().is_some()) else {
                continue;
            };
            let place = self.document.child(path.item, node);
            let index = self.operations.len() + found.len();
            let mut operation = self.operation(path, method, place, index, sender);
            operation.at = At::member(path.item.node, name);
            found.push(operation);
        }
        found
    }

    fn operation(
        &mut self,
        path: Path<'d>,
        method: &'static str,
        place: Place<'d>,
        index: usize,
        sender: Sender,
    ) -> Operation<'d> {
        let own = self.read_servers(place);
        let extension = place
            .node
            .get("x-portcullis")
            .or_else(|| path.item.node.get("x-portcullis"));
        let public = extension
            .and_then(|extension| extension.get("public"))
            .and_then(Node::as_str);
        let mut operation = Operation {
            index,
            method,
            path: path.path,
            at: path.at,
            path_at: path.at,
            place,
            item: path.item,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            security: self.read_requirements(place),
            servers: if own.is_empty() {
                self.read_servers(path.item)
            } else {
                own
            },
            public: public.filter(|reason| !reason.trim().is_empty()),
        };
        let (sent, received) = match sender {
            Sender::Caller => (REQUEST, RESPONSE),
            Sender::Api => (RESPONSE, REQUEST),
        };
        let user = (sender == Sender::Caller).then_some(index);
        operation.parameters = self.parameters(path, place, user.map(|user| (sent, user)));
        operation.body = self.body(place, path, index, sender, user.map(|user| (sent, user)));
        operation.answers = self.answers(place, path, index, sender, user.map(|user| (received, user)));
        operation
    }

    /// What a reference object leads to; the place itself if it is none.
    fn follow(&mut self, mut place: Place<'d>) -> Place<'d> {
        let steps: Vec<Place<'d>> = self.references(place).collect();
        for step in steps {
            self.referenced.insert(std::ptr::from_ref(step.node));
            place = step;
        }
        place
    }

    fn use_unit(&mut self, unit: UnitId, user: Option<(u8, usize)>) {
        let user = user.and_then(|(direction, operation)| Some((direction, u32::try_from(operation).ok()?)));
        if let (Some(unit), Some(user)) = (self.units.get_mut(unit.index()), user) {
            unit.users.push(user);
        }
    }

    fn schema_of(
        &mut self,
        carrier: Place<'d>,
        name: &'d str,
        kind: UnitKind<'d>,
        user: Option<(u8, usize)>,
    ) -> Option<(SchemaId, UnitId)> {
        let node = carrier.node.get("schema")?;
        let met = Met {
            place: self.document.child(carrier, node),
            at: At::member(carrier.node, "schema"),
            name,
        };
        let (id, unit) = self.walk(met, kind);
        self.use_unit(unit, user);
        Some((id, unit))
    }

    fn parameters(&mut self, path: Path<'d>, operation: Place<'d>, user: Option<(u8, usize)>) -> Vec<Parameter<'d>> {
        let mut found: Vec<Parameter<'d>> = Vec::new();
        for (owner, of_path) in [(operation, false), (path.item, true)] {
            for node in owner
                .node
                .get("parameters")
                .and_then(Node::as_array)
                .unwrap_or_default()
            {
                let written = self.document.child(owner, node);
                let place = self.follow(written);
                let text = |name: &str| place.node.get(name).and_then(Node::as_str);
                let (Some(name), Some(location)) = (text("name"), text("in")) else {
                    continue;
                };
                let is_same = |known: &Parameter<'_>| known.name == name && known.location == location;
                if of_path && found.iter().any(is_same) {
                    continue;
                }
                let is_shared = of_path || !std::ptr::eq(place.node, node);
                found.push(self.parameter(place, name, location, is_shared, user));
            }
        }
        found
    }

    fn parameter(
        &mut self,
        place: Place<'d>,
        name: &'d str,
        location: &'d str,
        is_shared: bool,
        user: Option<(u8, usize)>,
    ) -> Parameter<'d> {
        let kind = UnitKind::Parameter(location, name);
        let mut schema = self.schema_of(place, name, kind.clone(), user);
        let mut media_type = None;
        if schema.is_none()
            && let Some((written, member)) = entries(place.node.get("content")).next()
        {
            media_type = Some(written);
            let content = self.document.child(place, &member.value);
            schema = self.schema_of(content, name, kind, user);
        }
        Parameter {
            name,
            location,
            at: At::value(place.node),
            place,
            is_shared,
            required: place.node.get("required").and_then(Node::as_bool) == Some(true),
            schema: schema.map(|(schema, _)| schema),
            unit: schema.map(|(_, unit)| unit),
            media_type,
        }
    }

    fn body(
        &mut self,
        operation: Place<'d>,
        path: Path<'d>,
        index: usize,
        sender: Sender,
        user: Option<(u8, usize)>,
    ) -> Option<Body<'d>> {
        let node = operation.node.get("requestBody")?;
        let place = self.document.child(operation, node);
        let place = self.follow(place);
        let kind = match sender {
            Sender::Caller => UnitKind::Body(index),
            Sender::Api => UnitKind::Callback(path.path),
        };
        Some(Body {
            at: At::member(operation.node, "requestBody"),
            place,
            required: place.node.get("required").and_then(Node::as_bool) == Some(true),
            contents: self.contents(place, &kind, user),
        })
    }

    fn contents(&mut self, message: Place<'d>, kind: &UnitKind<'d>, user: Option<(u8, usize)>) -> Vec<Content<'d>> {
        let mut found = Vec::new();
        for (media_type, member) in entries(message.node.get("content")) {
            let place = self.document.child(message, &member.value);
            let schema = self.schema_of(place, "", kind.clone(), user);
            found.push(Content {
                media_type,
                at: At::name(member.name_span),
                place,
                schema: schema.map(|(schema, _)| schema),
            });
        }
        found
    }

    fn answers(
        &mut self,
        operation: Place<'d>,
        path: Path<'d>,
        index: usize,
        sender: Sender,
        user: Option<(u8, usize)>,
    ) -> Vec<Answer<'d>> {
        let mut found = Vec::new();
        for (status, member) in entries(operation.node.get("responses")) {
            if status.starts_with("x-") {
                continue;
            }
            let place = self.document.child(operation, &member.value);
            let place = self.follow(place);
            let kind = match sender {
                Sender::Caller => UnitKind::Answer(index, status),
                Sender::Api => UnitKind::Callback(path.path),
            };
            let contents = self.contents(place, &kind, user);
            found.push(Answer {
                status,
                at: At::name(member.name_span),
                place,
                contents,
                headers: self.headers(place, user),
            });
        }
        found
    }

    fn headers(&mut self, answer: Place<'d>, user: Option<(u8, usize)>) -> Vec<Header<'d>> {
        let mut found = Vec::new();
        for (name, member) in entries(answer.node.get("headers")) {
            let place = self.document.child(answer, &member.value);
            let place = self.follow(place);
            let schema = self.schema_of(place, name, UnitKind::Header(name), user);
            found.push(Header {
                name,
                at: At::name(member.name_span),
                schema: schema.map(|(schema, _)| schema),
            });
        }
        found
    }

    fn callbacks_of(&mut self, operation: &Operation<'d>) -> Vec<Callback<'d>> {
        let mut found = Vec::new();
        for (_, member) in entries(operation.get("callbacks")) {
            let callback = self.document.child(operation.place, &member.value);
            let callback = self.follow(callback);
            for (expression, member) in entries(Some(callback.node)) {
                if expression.starts_with("x-") {
                    continue;
                }
                let path = self.path(callback, expression, member);
                let sent = self.operations_of(path, Sender::Api);
                let of = Some(operation.index);
                found.extend(sent.into_iter().map(|operation| Callback { of, operation }));
            }
        }
        found
    }

    fn read_servers(&self, owner: Place<'d>) -> Vec<Server<'d>> {
        let written = owner.node.get("servers").and_then(Node::as_array).unwrap_or_default();
        let server = |node: &'d Node| {
            Some(Server {
                url: node.get("url")?.as_str()?,
                at: At::value(node.get("url")?),
                place: self.document.child(owner, node),
            })
        };
        written.iter().filter_map(server).collect()
    }

    fn read_schemes(&mut self, root: Place<'d>) -> Vec<Scheme<'d>> {
        let Some(components) = root.node.get("components") else {
            return Vec::new();
        };
        let components = self.document.child(root, components);
        let mut found = Vec::new();
        for (name, member) in entries(components.node.get("securitySchemes")) {
            let place = self.document.child(components, &member.value);
            let place = self.follow(place);
            found.push(Scheme {
                index: found.len(),
                name,
                at: At::name(member.name_span),
                place,
                kind: SchemeType::read(place.node),
            });
        }
        found
    }

    fn read_requirements(&self, owner: Place<'d>) -> Option<Requirements<'d>> {
        let written = owner.node.get("security")?.as_array()?;
        let asked = |(name, member): (&'d str, &'d Member)| Asked {
            name,
            at: At::name(member.name_span),
            scheme: self.schemes.iter().position(|scheme| scheme.name == name),
            scopes: {
                let scopes = member.value.as_array().unwrap_or_default().iter();
                scopes
                    .filter_map(|scope| Some((scope.as_str()?, At::value(scope))))
                    .collect()
            },
        };
        let alternative = |node: &'d Node| Alternative {
            at: At::value(node),
            asked: entries(Some(node)).map(asked).collect(),
        };
        Some(Requirements {
            at: At::member(owner.node, "security"),
            alternatives: written.iter().map(alternative).collect(),
        })
    }
}

/// The members of an object, if it is one.
fn entries(node: Option<&Node>) -> impl Iterator<Item = (&str, &Member)> {
    let object = node.and_then(Node::as_object);
    object
        .into_iter()
        .flat_map(|object| &object.members)
        .map(|(name, member)| (&**name, member))
}
