//! OpenAPI 2.0 in the form of 3.0, so that whoever reads a document knows one form only.
//!
//! What is lowered is the skeleton: servers, security schemes, paths, operations, parameters, bodies, answers. Schemas stay
//! where they were written, in their own dialect; the skeleton refers to them. Every node keeps the place of what it came
//! from. Whatever 2.0 leaves open is decided here, with a warning that says how.

mod bodies;
mod operations;
mod parameters;
mod servers;
mod spot;

use super::bounds::{Budget, HOPS_MAX, NODES_MAX, PROBLEMS_MAX};
use super::nearest::meant;
use super::node::{Member, Node, Object, Value};
use super::problem::{Problem, Span};
use super::resources::{File, Resources};
use super::{Dialect, uri};
use spot::Spot;

/// A document as it was written, every reference of it followed once.
#[derive(Clone, Copy)]
pub(super) struct Written<'d> {
    pub(super) files: &'d [File],
    pub(super) resources: &'d Resources,
}

/// The root in the form of 3.0, and the problems of lowering it.
pub(super) fn lower(written: Written<'_>, budget: &mut Budget) -> (Node, Vec<Problem>) {
    let Some(file) = written.files.first() else {
        return (made(Value::Null, Span::default()), Vec::new());
    };
    let mut lowering = Lowering {
        written,
        budget,
        full: false,
        defaults: Defaults::default(),
        assumed: Vec::new(),
        problems: Vec::new(),
    };
    let root = lowering.root(&Spot::of_root(&file.root));
    lowering.tell_assumed();
    (root, lowering.problems)
}

/// The members of the objects whose unknown members are worth a warning (OpenAPI 2.0: Swagger Object, Path Item Object,
/// Operation Object, Response Object). Parameters and header fields are schemas, which have their own.
const ROOT: [&str; 14] = [
    "swagger",
    "info",
    "host",
    "basePath",
    "schemes",
    "consumes",
    "produces",
    "paths",
    "definitions",
    "parameters",
    "responses",
    "securityDefinitions",
    "security",
    "tags",
];
const PATH_ITEM: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "parameters"];
const OPERATION: [&str; 11] = [
    "tags",
    "summary",
    "description",
    "operationId",
    "consumes",
    "produces",
    "parameters",
    "responses",
    "schemes",
    "deprecated",
    "security",
];
const RESPONSE: [&str; 4] = ["description", "schema", "headers", "examples"];
/// Members of all of them.
const EVERYWHERE: [&str; 2] = ["$ref", "externalDocs"];

/// What lowering holds while it walks the document.
struct Lowering<'d, 'b> {
    written: Written<'d>,
    budget: &'b mut Budget,
    /// Whether the budget is spent: nothing more is lowered, and the document is refused.
    full: bool,
    defaults: Defaults<'d>,
    /// Where media types had to be assumed, and which.
    assumed: Vec<(Span, Assumed)>,
    problems: Vec<Problem>,
}

/// What the root says for every operation.
#[derive(Clone, Copy, Default)]
struct Defaults<'d> {
    consumes: Option<&'d Node>,
    produces: Option<&'d Node>,
}

/// What had to be assumed of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Assumed {
    /// Its body is JSON.
    Consumes,
    /// Its answers are JSON.
    Produces,
    /// Its fields come in a form.
    Form,
}

impl<'d> Lowering<'d, '_> {
    fn root(&mut self, root: &Spot<'d>) -> Node {
        self.defaults = Defaults {
            consumes: root.node.get("consumes"),
            produces: root.node.get("produces"),
        };
        self.spell(root, "a contract", &ROOT);
        let mut lowered = Object::default();
        self.keep(root, &["info", "tags", "security", "externalDocs"], &mut lowered);
        if let Some(servers) = self.servers(root) {
            put(&mut lowered, "servers", servers);
        }
        if let Some(paths) = root.member("paths") {
            let paths = self.paths(&paths);
            put(&mut lowered, "paths", paths);
        }
        if let Some(definitions) = root.member("securityDefinitions") {
            let schemes = self.security_schemes(&definitions);
            let span = schemes.span;
            let components = self.object(span, [("securitySchemes", schemes)]);
            put(&mut lowered, "components", components);
        }
        made(Value::Object(lowered), root.node.span)
    }

    /// An object that counts as a part of the document.
    fn object<const N: usize>(&mut self, span: Span, members: [(&str, Node); N]) -> Node {
        let mut object = Object::default();
        for (name, node) in members {
            put(&mut object, name, node);
        }
        self.finish(span, object)
    }

    fn finish(&mut self, span: Span, object: Object) -> Node {
        self.take(span, object.members.len() + 1);
        made(Value::Object(object), span)
    }

    /// Copies these members and the extensions. What several paths refer to is copied for each of them, so it counts.
    fn keep(&mut self, from: &Spot<'d>, names: &[&str], into: &mut Object) {
        let members = from.node.as_object().into_iter().flat_map(|object| &object.members);
        for (name, member) in members {
            if names.contains(&&**name) || name.starts_with("x-") {
                self.take(member.name_span, size(&member.value));
                into.members.insert(name.clone(), member.clone());
            }
        }
    }

    /// Takes values from what the document may hold.
    fn take(&mut self, span: Span, nodes: usize) {
        let taken = u32::try_from(nodes).is_ok_and(|nodes| self.budget.take_nodes(nodes));
        if !taken && !self.full {
            self.full = true;
            let message =
                format!("the operations hold more than {NODES_MAX} values, what they refer to counted for each");
            self.error(
                span,
                message,
                "split the contract, and serve its parts as contracts of their own",
            );
        }
    }

    /// What a reference leads to; the place itself if it is none.
    fn follow(&mut self, mut spot: Spot<'d>) -> Option<Spot<'d>> {
        for _ in 0..HOPS_MAX {
            let Some(reference) = spot.node.get("$ref") else {
                return Some(spot);
            };
            let text = reference.as_str()?;
            let Written { files, resources } = self.written;
            let base = resources.home(reference.span.file)?;
            // The loader has followed every reference, and reported those that lead nowhere.
            let found = resources.resolve(files, base, text, Dialect::OpenApi20).ok()?;
            spot = Spot::behind(text, reference.span, found.place.node);
        }
        None
    }

    /// A reference to where something was written.
    fn refer(&mut self, spot: &Spot<'d>) -> Node {
        let Some(text) = spot.text() else {
            let message = "the names that lead here are too long";
            self.error(
                spot.node.span,
                message,
                "shorten them, or give what stands here a name of its own",
            );
            return made(Value::Bool(false), spot.from);
        };
        if !self.budget.take_bytes(text.len()) {
            self.take(spot.node.span, usize::MAX);
        }
        let text = made(Value::String(text.into()), spot.from);
        self.object(spot.from, [("$ref", text)])
    }

    fn spell(&mut self, spot: &Spot<'d>, what: &str, known: &[&str]) {
        let members = spot.node.as_object().into_iter().flat_map(|object| &object.members);
        for (name, member) in members {
            let name = &**name;
            if name.starts_with("x-") || known.contains(&name) || EVERYWHERE.contains(&name) {
                continue;
            }
            let message = format!("`{name}` is no member of {what} in OpenAPI 2.0, so it says nothing");
            let help = meant(name, known);
            self.warn(member.name_span, message, help);
        }
    }

    /// Tells what was assumed, once for each kind.
    fn tell_assumed(&mut self) {
        let kinds = [
            (
                Assumed::Consumes,
                "has a body and no `consumes`",
                "`application/json` is assumed",
                "consumes",
            ),
            (
                Assumed::Produces,
                "answers with a body and has no `produces`",
                "`application/json` is assumed",
                "produces",
            ),
            (
                Assumed::Form,
                "has form fields and no media type of a form in `consumes`",
                "a form is assumed",
                "consumes",
            ),
        ];
        for (kind, what, assumed, member) in kinds {
            let mut places = self
                .assumed
                .iter()
                .filter(|(_, found)| *found == kind)
                .map(|(span, _)| *span);
            let Some(first) = places.next() else { continue };
            let others = match places.count() {
                0 => String::new(),
                count => format!(" (and so has {count} more)"),
            };
            let message = format!("this operation {what}{others}: {assumed}");
            self.warn(
                first,
                message,
                format!("say it with `{member}`, at the root or at the operation"),
            );
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::error(self.location(span), span, message).help(help);
        self.problems.push(problem);
    }

    fn warn(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            let problem = Problem::warning(self.location(span), span, message).help(help);
            self.problems.push(problem);
        }
    }

    fn location(&self, span: Span) -> &'d str {
        let file = self.written.files.get(usize::from(span.file.0));
        file.map(|file| &*file.location).unwrap_or_default()
    }
}

fn made(value: Value, span: Span) -> Node {
    Node { value, span }
}

fn text(text: &str, span: Span) -> Node {
    made(Value::String(text.into()), span)
}

fn put(object: &mut Object, name: &str, value: Node) {
    let name_span = value.span;
    object.members.insert(name.into(), Member { name_span, value });
}

/// How many values a tree holds. It was read within bounds, so that the recursion has one.
fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(object) => object.iter().map(|(_, node)| size(node)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
