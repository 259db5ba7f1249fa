//! A whole document compiled: operations, routes, schemas, and where the servers are.
//!
//! Compiling collects every problem it can find, each at its place; a contract with errors is not to be served. What is
//! read but has no effect here (callbacks, webhooks, links) is kept as notes for coverage.

mod bodies;
mod parameters;
mod paths;
mod security;
mod servers;
pub(crate) mod spelling;

use std::collections::HashMap;

use http::Method;

use super::json::{Compiler, Direction, Note, Program};
use super::operation::Operation;
use super::route::{Routed, Router};
use super::security::{Requirement, SecurityScheme};
use crate::document::{Document, Node, Place, Problem, Severity, Span};
use spelling::Shape;

/// Longest chain of references between parameters, bodies, answers and path items.
const REFERENCES_MAX: usize = 64;

/// A compiled contract. Immutable, shared by every worker.
#[derive(Debug)]
pub struct Contract {
    /// `info.title`
    pub title: String,
    /// `info.version`
    pub version: String,
    /// The operations; their index is the one that routing gives.
    pub operations: Vec<Operation>,
    /// The security schemes that operations ask for; their index is a [`SchemeId`](crate::conform::security::SchemeId).
    pub security_schemes: Vec<SecurityScheme>,
    /// The schemas of all operations.
    pub program: Program,
    /// The servers of the root.
    pub servers: Vec<Server>,
    /// What schemas say without effect.
    pub schema_notes: Vec<Note>,
    /// What else the document says without effect.
    pub notes: Vec<ContractNote>,
    router: Router,
    /// Paths of the servers without `/` at the end, longest first, each once.
    bases: Vec<String>,
}

/// Something outside schemas that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractNote {
    /// Where it stands.
    pub span: Span,
    /// What it is and why it has no effect.
    pub message: String,
}

/// One of the `servers`, its variables replaced by their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The host, with its port if the URL has one, in lower case; nothing if the URL is relative.
    pub host: Option<String>,
    /// The path in front of every template, without `/` at the end.
    pub base: String,
}

/// What compiling gives.
#[derive(Debug)]
pub struct Compiled<'d> {
    /// The contract.
    pub contract: Contract,
    /// The nodes of `x-portcullis`, which others read.
    pub extensions: Extensions<'d>,
    /// Errors and warnings, by place.
    pub problems: Vec<Problem>,
}

/// Where `x-portcullis` stands.
#[derive(Debug, Default)]
pub struct Extensions<'d> {
    /// At the root.
    pub root: Option<Place<'d>>,
    /// By operation: that of the path item, then that of the operation.
    pub operations: Vec<[Option<Place<'d>>; 2]>,
}

impl Compiled<'_> {
    /// Whether the contract may be served.
    pub fn is_usable(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity < Severity::Error)
    }
}

/// Compiles a document. [`Compiled::is_usable`] says whether the result may be served.
pub fn compile(document: &Document) -> Compiled<'_> {
    let mut builder = Builder {
        document,
        compiler: Compiler::new(document),
        router: Router::default(),
        operations: Vec::new(),
        security_schemes: Vec::new(),
        ids: HashMap::new(),
        extensions: Extensions::default(),
        notes: Vec::new(),
        problems: Vec::new(),
    };
    let root = document.root();
    builder.extensions.root = builder.member(root, "x-portcullis");
    builder.spell(root, Shape::Document);
    let servers = builder.servers(root);
    builder.paths(root);
    if let Some(webhooks) = root.node.get("webhooks") {
        builder.note(
            webhooks,
            "webhooks are requests of the upstream, which do not pass here",
        );
    }
    let text = |name: &str| {
        let found = root
            .node
            .get("info")
            .and_then(|info| info.get(name))
            .and_then(Node::as_str);
        found.unwrap_or_default().to_owned()
    };
    let anything = builder.schema(None, root, Direction::Request);
    let (program, schema_notes, problems) = builder.compiler.finish();
    builder.problems.extend_from_slice(document.warnings());
    for note in &schema_notes {
        let Some(message) = note.kind.warning() else { continue };
        builder.problems.push(Problem {
            severity: Severity::Warning,
            ..document.problem(note.span, message)
        });
    }
    for operation in &mut builder.operations {
        for (span, message) in operation.settle(&program, anything) {
            builder.problems.push(Problem {
                severity: Severity::Warning,
                ..document.problem(span, message)
            });
        }
    }
    builder.problems.extend(problems);
    builder.problems.sort_by_key(|problem| problem.span);
    builder.problems.dedup();
    let bases = in_order(servers.iter().map(|server| server.base.clone()).collect());
    let contract = Contract {
        title: text("title"),
        version: text("version"),
        operations: builder.operations,
        security_schemes: builder.security_schemes,
        program,
        servers,
        schema_notes,
        notes: builder.notes,
        router: builder.router,
        bases,
    };
    Compiled {
        contract,
        extensions: builder.extensions,
        problems: builder.problems,
    }
}

/// The longest first, each once.
fn in_order(mut bases: Vec<String>) -> Vec<String> {
    bases.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
    bases.dedup();
    bases
}

impl Contract {
    /// The scheme that an operation asks for.
    pub fn scheme(&self, asked: &Requirement) -> Option<&SecurityScheme> {
        self.security_schemes.get(usize::try_from(asked.scheme.0).ok()?)
    }

    /// The operation of a request. `path` is the whole path as sent, without query; captures are ranges of it. A path
    /// that is below no server's base is not found.
    pub fn route(&self, path: &str, method: &Method) -> Routed<'_> {
        let mut outcome = Routed::NotFound;
        for (base, below) in self.below_bases(path) {
            match self.router.find(below, method) {
                Routed::Found {
                    operation,
                    mut captures,
                } => {
                    let offset = u32::try_from(base.len()).unwrap_or(u32::MAX);
                    for range in &mut captures {
                        *range = range.start.saturating_add(offset)..range.end.saturating_add(offset);
                    }
                    return Routed::Found { operation, captures };
                }
                Routed::NotFound => {}
                refused @ Routed::MethodNotAllowed { .. } => {
                    if outcome == Routed::NotFound {
                        outcome = refused;
                    }
                }
            }
        }
        outcome
    }

    /// Every operation of a path, whatever its method, by the index that routing gives.
    pub fn operations_at(&self, path: &str) -> impl Iterator<Item = u32> {
        let below = self.below_bases(path);
        below.flat_map(|(_, below)| self.router.operations(below))
    }

    /// The bases that a path is below, and what follows each.
    fn below_bases<'p>(&self, path: &'p str) -> impl Iterator<Item = (&str, &'p str)> {
        self.bases.iter().filter_map(move |base| {
            let below = path.strip_prefix(base.as_str())?;
            below.starts_with('/').then_some((base.as_str(), below))
        })
    }

    /// What its paths are below: each empty, or `/v1` without a slash at its end; the longest first.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.bases.iter().map(String::as_str)
    }

    /// Serves the contract's paths below these (each empty, or `/v1` without a slash at its end) in the place of its
    /// servers' paths.
    pub fn serve_below(&mut self, bases: Vec<String>) {
        self.bases = in_order(bases);
    }

    /// The operation at an index that routing gave.
    pub fn operation(&self, index: u32) -> Option<&Operation> {
        self.operations.get(usize::try_from(index).ok()?)
    }
}

/// What compiling holds while it walks the document.
struct Builder<'d> {
    document: &'d Document,
    compiler: Compiler<'d>,
    router: Router,
    operations: Vec<Operation>,
    security_schemes: Vec<SecurityScheme>,
    /// The operations by their `operationId`.
    ids: HashMap<&'d str, usize>,
    extensions: Extensions<'d>,
    notes: Vec<ContractNote>,
    problems: Vec<Problem>,
}

impl<'d> Builder<'d> {
    fn error(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(self.document.problem(node.span, message));
    }

    fn warn(&mut self, node: &Node, message: impl Into<String>) {
        let problem = Problem {
            severity: Severity::Warning,
            ..self.document.problem(node.span, message)
        };
        self.problems.push(problem);
    }

    fn note(&mut self, node: &Node, message: impl Into<String>) {
        self.notes.push(ContractNote {
            span: node.span,
            message: message.into(),
        });
    }

    fn member(&self, parent: Place<'d>, name: &str) -> Option<Place<'d>> {
        parent.node.get(name).map(|node| self.document.child(parent, node))
    }

    /// The members of an object whose fields the specification names, such as `paths`, extensions left out.
    fn members(&self, parent: Place<'d>) -> Vec<(&'d str, Place<'d>)> {
        let mut members = self.entries(parent);
        members.retain(|(name, _)| !name.starts_with("x-"));
        members
    }

    /// The entries of a map whose names the author is free to choose, such as `headers`; `x-` means nothing there.
    fn entries(&self, parent: Place<'d>) -> Vec<(&'d str, Place<'d>)> {
        let object = parent.node.as_object();
        let members = object.into_iter().flat_map(|object| object.iter());
        members
            .map(|(name, node)| (name, self.document.child(parent, node)))
            .collect()
    }

    fn items(&self, parent: Option<Place<'d>>) -> Vec<Place<'d>> {
        let Some(parent) = parent else { return Vec::new() };
        let items = parent.node.as_array().unwrap_or_default();
        items.iter().map(|node| self.document.child(parent, node)).collect()
    }

    /// What a reference object leads to; the place itself if it is none.
    fn follow(&mut self, mut place: Place<'d>) -> Option<Place<'d>> {
        let start = place;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = place.node.get("$ref") else {
                return Some(place);
            };
            let Some(reference) = reference.as_str() else {
                self.error(reference, format!("`$ref` is {}, not a string", reference.kind()));
                return None;
            };
            match self.document.resolve(place, reference) {
                Ok(found) => place = found,
                Err(problem) => {
                    self.problems.push(problem);
                    return None;
                }
            }
        }
        self.error(
            start.node,
            "this reference leads only to further references; break the cycle",
        );
        None
    }

    /// A truth value that is `false` where nothing is said.
    fn truth(&mut self, place: Place<'d>, name: &str) -> bool {
        let Some(node) = place.node.get(name) else { return false };
        if node.as_bool().is_none() {
            self.error(node, format!("`{name}` is {}, not true or false", node.kind()));
        }
        node.as_bool().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests;
