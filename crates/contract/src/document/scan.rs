//! One walk over a part of a file: which bases and anchors it declares, and which references it makes. References are
//! only noted here; reading files is the loader's business.

use std::collections::HashSet;

use super::grammar::{Kind, Shape};
use super::node::{Node, Object, Value};
use super::problem::{Problem, Span};
use super::resources::{File, Path, Resources};
use super::source::shown;
use super::uri;
use super::{BaseId, Dialect, Place};

/// A reference that waits to be followed.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) base: BaseId,
    pub(super) text: Box<str>,
    /// Where the text stands.
    pub(super) span: Span,
    /// What it must lead to.
    pub(super) kind: Kind,
    /// Whether it was followed in vain before other parts were walked.
    pub(super) retried: bool,
}

/// What the walks over one document have found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) resources: Resources,
    pub(super) references: Vec<Reference>,
    pub(super) problems: Vec<Problem>,
    walked: HashSet<(BaseId, Span, Kind)>,
}

impl Findings {
    /// Walks what is at `place`, to which `path` leads from the root of its file.
    pub(super) fn walk(&mut self, files: &[File], place: Place<'_>, path: Path, kind: Kind, dialect: Dialect) {
        Walk {
            findings: self,
            files,
            dialect,
            path,
        }
        .visit(place.node, kind, place.base);
    }
}

struct Walk<'f> {
    findings: &'f mut Findings,
    files: &'f [File],
    dialect: Dialect,
    path: Path,
}

impl Walk<'_> {
    fn visit(&mut self, node: &Node, kind: Kind, base: BaseId) {
        let Some(object) = node.as_object() else { return };
        let base = if kind == Kind::Schema {
            self.enter(node, object, base)
        } else {
            base
        };
        if !self.findings.walked.insert((base, node.span, kind)) {
            return;
        }
        if kind == Kind::Schema {
            self.name_anchors(node, object, base);
        }
        if self.refer(object, kind, base) && !kind.keeps_siblings(self.dialect) {
            return;
        }
        for (position, (name, member)) in object.iter().enumerate() {
            if let Some((shape, below)) = kind.member(name, self.dialect) {
                self.step(position, |walk| walk.member(member, shape, below, base));
            }
        }
    }

    fn member(&mut self, node: &Node, shape: Shape, kind: Kind, base: BaseId) {
        match (&node.value, shape) {
            (Value::Array(items), Shape::List) => {
                for (position, item) in items.iter().enumerate() {
                    self.step(position, |walk| walk.visit(item, kind, base));
                }
            }
            (Value::Object(object), Shape::Map | Shape::Patterned) => {
                for (position, (name, below)) in object.iter().enumerate() {
                    if shape == Shape::Map || !name.starts_with("x-") {
                        self.step(position, |walk| walk.visit(below, kind, base));
                    }
                }
            }
            (Value::Object(_), Shape::One | Shape::List) => self.visit(node, kind, base),
            _ => {}
        }
    }

    fn step(&mut self, position: usize, walk: impl FnOnce(&mut Self)) {
        self.path.push(u32::try_from(position).unwrap_or(u32::MAX));
        walk(self);
        self.path.pop();
    }

    /// The base inside this schema: a new one where it has an identifier.
    fn enter(&mut self, node: &Node, object: &Object, base: BaseId) -> BaseId {
        let known = self.findings.resources.enter(base, node, self.dialect);
        if known != base || self.findings.resources.identified_at(base, node.span) {
            return known;
        }
        let Some(id) = self.identifier(object) else { return base };
        let (resource, fragment) = uri::split(id.as_str().unwrap_or_default());
        let fragment = fragment.unwrap_or_default();
        if !fragment.is_empty() && self.dialect != Dialect::Draft4 {
            let message = format!(
                "the identifier `{}` has a fragment",
                shown(id.as_str().unwrap_or_default())
            );
            self.problem(id.span, message, "leave the fragment out; `$anchor` names a schema");
        }
        if resource.is_empty() {
            return base;
        }
        let outer = self
            .findings
            .resources
            .get(base)
            .map(|resource| &*resource.uri)
            .unwrap_or_default();
        let uri = uri::resolve(outer, resource);
        if self.findings.resources.by_uri(&uri) == Some(base) && self.path.is_empty() {
            return base;
        }
        let (inner, taken) = self
            .findings
            .resources
            .add_identified(base, uri, self.path.clone(), node.span);
        let same = taken.is_some_and(|taken| self.findings.resources.begins_at(taken, node.span));
        if taken.is_some() && !same {
            let message = format!("the identifier `{}` is taken", shown(id.as_str().unwrap_or_default()));
            self.problem(id.span, message, "give each schema an identifier of its own");
        }
        self.findings.resources.nest(base, node.span, inner);
        inner
    }

    /// The identifier of a schema, where one counts: in draft 4 a `$ref` beside it makes it void.
    fn identifier<'d>(&self, object: &'d Object) -> Option<&'d Node> {
        let id = object
            .get(self.dialect.id_keyword()?)
            .filter(|id| id.as_str().is_some())?;
        let void = self.dialect == Dialect::Draft4 && object.get("$ref").is_some_and(|text| text.as_str().is_some());
        (!void).then_some(id)
    }

    fn name_anchors(&mut self, node: &Node, object: &Object, base: BaseId) {
        match self.dialect {
            Dialect::OpenApi20 | Dialect::OpenApi30 => {}
            Dialect::Draft4 => {
                let Some(id) = self.identifier(object) else { return };
                if let (_, Some(name)) = uri::split(id.as_str().unwrap_or_default()) {
                    self.name_anchor(node, base, name, id.span, false);
                }
            }
            Dialect::Draft202012 => {
                for (keyword, dynamic) in [("$anchor", false), ("$dynamicAnchor", true)] {
                    let Some(name) = object.get(keyword) else { continue };
                    self.name_anchor(node, base, name.as_str().unwrap_or_default(), name.span, dynamic);
                }
            }
        }
    }

    fn name_anchor(&mut self, node: &Node, base: BaseId, name: &str, span: Span, dynamic: bool) {
        if name.is_empty() || name.starts_with('/') {
            return;
        }
        if let Some(first) = self
            .findings
            .resources
            .anchor(base, name, &self.path, node.span, dynamic)
        {
            let message = format!(
                "the anchor `{}` is taken by the schema at line {}",
                shown(name),
                first.line
            );
            self.problem(span, message, "give each schema of a resource an anchor of its own");
        }
    }

    /// Notes the references of an object; true where it has a `$ref`.
    fn refer(&mut self, object: &Object, kind: Kind, base: BaseId) -> bool {
        if kind == Kind::Schema {
            self.refer_dynamically(object, base);
        }
        let Some(text) = object.get("$ref").filter(|_| kind.may_refer()) else {
            return false;
        };
        self.note(text, "$ref", kind, base);
        true
    }

    fn refer_dynamically(&mut self, object: &Object, base: BaseId) {
        if self.dialect == Dialect::Draft202012
            && let Some(text) = object.get("$dynamicRef")
        {
            self.note(text, "$dynamicRef", Kind::Schema, base);
        }
        let mapping = object
            .get("discriminator")
            .and_then(|discriminator| discriminator.get("mapping"));
        let Some(mapping) = mapping.and_then(Node::as_object) else {
            return;
        };
        for (_, text) in mapping.iter() {
            // A plain word is the name of a schema under components, which is there or is not.
            if text.as_str().is_some_and(is_reference) {
                self.note(text, "mapping", Kind::Schema, base);
            }
        }
    }

    fn note(&mut self, text: &Node, keyword: &str, kind: Kind, base: BaseId) {
        match text.as_str() {
            Some(reference) => {
                let (text, span) = (reference.into(), text.span);
                self.findings.references.push(Reference {
                    base,
                    text,
                    span,
                    kind,
                    retried: false,
                });
            }
            None => {
                let message = format!("`{keyword}` is {}, not a string", text.kind());
                self.problem(text.span, message, "write the reference as a string");
            }
        }
    }

    fn problem(&mut self, span: Span, message: String, help: &str) {
        let file = self.files.get(usize::from(span.file.0));
        let location = file.map(|file| &*file.location).unwrap_or_default();
        self.findings
            .problems
            .push(Problem::error(location, span, message).help(help));
    }
}

/// Whether a value of a discriminator's mapping is a reference, not the name of a schema.
fn is_reference(text: &str) -> bool {
    text.contains(['/', '#'])
        || [".json", ".yaml", ".yml"]
            .iter()
            .any(|extension| text.ends_with(extension))
}
