//! From schemas as they are written to schemas as they are judged.
//!
//! Schemas are compiled from a queue, not by recursion, so that neither cycles of references nor their length
//! matter. A schema that is only a reference becomes the schema it refers to.

mod containers;
mod discriminator;
mod dynamic;
mod merge;
mod notes;
mod scalars;

use std::collections::HashMap;
use std::sync::Arc;

pub use notes::{Note, NoteKind};

use super::program::{Applicators, Carried, Condition, Direction, Program, Schema, SchemaId, Target, TypeSet};
use crate::conform::pattern::Pattern;
use crate::document::{Dialect, Document, Node, Object, Place, Problem, Span, Value};

/// The longest chain of references that lead only to further references.
const REFERENCES_MAX: usize = 64;

/// The most schemas of one contract, both directions counted. Real contracts of 40 MB stay below a fifth of it.
const SCHEMAS_MAX: usize = 4_000_000;

/// Compiles the schemas of one document.
#[derive(Debug)]
pub struct Compiler<'d> {
    document: &'d Document,
    assert_formats: bool,
    schemas: Vec<Schema>,
    queue: Vec<(SchemaId, At<'d>)>,
    known: HashMap<(usize, Direction, Role), SchemaId>,
    patterns: HashMap<Box<str>, Arc<Pattern>>,
    /// Where the document uses dynamic references, no reference may be shortened: each adds to the dynamic scope.
    dynamic: bool,
    heirs: Option<discriminator::Heirs<'d>>,
    names: usize,
    notes: Vec<Note>,
    problems: Vec<Problem>,
}

/// A schema object being compiled.
#[derive(Clone, Copy, Debug)]
struct At<'d> {
    place: Place<'d>,
    direction: Direction,
    role: Role,
}

/// Why a schema is compiled: the parent of a discriminated family is another thing to its heirs than to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Role {
    Itself,
    /// Reached from an heir's `allOf`: its discriminator has already chosen.
    Parent,
}

impl<'d> Compiler<'d> {
    /// A compiler for a contract: formats are asserted.
    pub fn new(document: &'d Document) -> Self {
        Self {
            document,
            assert_formats: true,
            schemas: Vec::new(),
            queue: Vec::new(),
            known: HashMap::new(),
            patterns: HashMap::new(),
            dynamic: document.dialect() == Dialect::Draft202012 && document.files().any(dynamic::mentions_dynamic),
            heirs: None,
            names: 0,
            notes: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The same, with `format` as an annotation only, which is JSON Schema's own default.
    #[must_use]
    pub fn without_formats(mut self) -> Self {
        self.assert_formats = false;
        self
    }

    /// The compiled form of the schema at `place`. Usable once [`Self::finish`] has been called.
    pub fn schema(&mut self, place: Place<'d>, direction: Direction) -> SchemaId {
        self.schema_as(place, direction, Role::Itself)
    }

    fn schema_as(&mut self, mut place: Place<'d>, direction: Direction, role: Role) -> SchemaId {
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = self.only_reference(place.node) else {
                return self.slot(At { place, direction, role });
            };
            match self.document.resolve(place, reference) {
                Ok(target) => place = target,
                Err(problem) => {
                    self.problems.push(problem);
                    return self.push(Schema::forbidden(place.node.span, place.base.0));
                }
            }
        }
        self.problem(place.node.span, "`$ref` leads only to further references")
            .push_help("break the cycle");
        self.push(Schema::forbidden(place.node.span, place.base.0))
    }

    /// Compiles what was asked for and all that it needs.
    pub fn finish(mut self) -> (Program, Vec<Note>, Vec<Problem>) {
        while let Some((id, at)) = self.queue.pop() {
            let schema = self.compile(id, at);
            if let Some(slot) = self.schemas.get_mut(id.0 as usize) {
                *slot = schema;
            }
            if self.schemas.len() > SCHEMAS_MAX {
                self.problem(
                    at.place.node.span,
                    format!("the contract has more than {SCHEMAS_MAX} schemas"),
                );
                break;
            }
        }
        let dynamic_anchors = self.dynamic_anchors();
        // Only notes ask for it.
        let merged = if self.notes.is_empty() {
            HashMap::new()
        } else {
            merge::parts(&self.schemas)
        };
        let mut program = Program {
            schemas: self.schemas,
            dynamic_anchors,
            names: self.names,
            merged,
        };
        if !self.dynamic {
            merge::merge(&mut program);
        }
        self.problems.sort_by_key(|problem| problem.span);
        self.problems.dedup();
        (program, self.notes, self.problems)
    }

    /// The reference, if the node says nothing else that counts.
    fn only_reference(&self, node: &'d Node) -> Option<&'d str> {
        let object = node.as_object()?;
        let reference = object.get("$ref")?.as_str()?;
        let modern = self.document.dialect() == Dialect::Draft202012;
        let alone = !modern || (!self.dynamic && object.iter().all(|(name, _)| is_annotation(name)));
        alone.then_some(reference)
    }

    fn slot(&mut self, at: At<'d>) -> SchemaId {
        let key = (std::ptr::from_ref(at.place.node).addr(), at.direction, at.role);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.push(Schema::any(at.place.node.span, at.place.base.0));
        self.known.insert(key, id);
        self.queue.push((id, at));
        id
    }

    fn push(&mut self, schema: Schema) -> SchemaId {
        let id = SchemaId(u32::try_from(self.schemas.len()).unwrap_or(u32::MAX));
        self.schemas.push(schema);
        id
    }

    fn compile(&mut self, id: SchemaId, at: At<'d>) -> Schema {
        let node = at.place.node;
        let mut schema = Schema::any(node.span, at.place.base.0);
        match &node.value {
            Value::Bool(true) => {}
            Value::Bool(false) => schema.types = TypeSet::NONE,
            Value::Object(object) => {
                schema.types = self.types(object);
                schema.values = self.values(object);
                self.numbers(id, object, &mut schema);
                schema.string = self.strings(id, object);
                schema.carried = carried(object);
                schema.array = self.arrays(at, object);
                schema.object = self.objects(at, object);
                schema.applicators = self.applicators(id, at, object);
                if schema.speaks_twice() {
                    schema.applicators.get_or_insert_default();
                }
                self.note_foreign_keywords(id, object);
            }
            _ => {
                let message = format!("a schema has to be an object or a boolean, not {}", node.kind());
                self.problem(node.span, message);
            }
        }
        schema
    }

    fn applicators(&mut self, id: SchemaId, at: At<'d>, object: &'d Object) -> Option<Box<Applicators>> {
        let mut applicators = Applicators::default();
        if self.modern()
            && let Some(reference) = object.get("$ref").and_then(Node::as_str)
        {
            let target = self.refer(at, reference);
            applicators.all_of.push(Target::Static(target));
        }
        self.dynamic_reference(at, object, &mut applicators);
        for place in self.branches(at, object, "allOf") {
            let role = if self.is_parent(place) {
                Role::Parent
            } else {
                Role::Itself
            };
            let branch = self.schema_as(place, at.direction, role);
            applicators.all_of.push(Target::Static(branch));
        }
        applicators.any_of = self.branch_ids(at, object, "anyOf");
        applicators.one_of = self.branch_ids(at, object, "oneOf");
        if let Some(node) = object.get("not") {
            applicators.not.push(self.below(at, node));
        }
        if self.modern() {
            self.conditions(at, object, &mut applicators);
            applicators.unevaluated_properties = self.additional(at, object, "unevaluatedProperties");
            applicators.unevaluated_items = self.additional(at, object, "unevaluatedItems");
        }
        self.dependent_schemas(at, object, &mut applicators);
        if at.role == Role::Itself {
            self.discriminator(id, at, object, &mut applicators);
        }
        (!applicators.is_empty()).then(|| Box::new(applicators))
    }

    fn conditions(&mut self, at: At<'d>, object: &'d Object, applicators: &mut Applicators) {
        let Some(when) = object.get("if") else { return };
        let condition = Condition {
            when: self.below(at, when),
            then: object.get("then").map(|node| self.below(at, node)),
            otherwise: object.get("else").map(|node| self.below(at, node)),
        };
        // Even alone it counts: what it evaluates is seen by `unevaluatedItems` and `unevaluatedProperties` outside.
        applicators.conditions.push(condition);
    }

    /// `dependentSchemas`, and the schemas of `dependencies`, as conditions: if the property is there, then.
    fn dependent_schemas(&mut self, at: At<'d>, object: &'d Object, applicators: &mut Applicators) {
        let keyword = match self.document.dialect() {
            Dialect::Draft202012 => "dependentSchemas",
            Dialect::Draft4 => "dependencies",
            Dialect::OpenApi20 | Dialect::OpenApi30 => return,
        };
        let Some(entries) = object.get(keyword).and_then(Node::as_object) else {
            return;
        };
        for (name, node) in entries.iter().filter(|(_, node)| node.as_array().is_none()) {
            let mut when = Schema::any(node.span, at.place.base.0);
            when.types = TypeSet::OBJECT;
            when.object = Some(Box::new(self.requiring(name)));
            let when = self.push(when);
            let then = Some(self.below(at, node));
            applicators.conditions.push(Condition {
                when,
                then,
                otherwise: None,
            });
        }
    }

    fn branch_ids(&mut self, at: At<'d>, object: &'d Object, keyword: &str) -> Vec<SchemaId> {
        self.branches(at, object, keyword)
            .into_iter()
            .map(|place| self.schema(place, at.direction))
            .collect()
    }

    fn branches(&mut self, at: At<'d>, object: &'d Object, keyword: &str) -> Vec<Place<'d>> {
        match object.get(keyword).map(|node| (node, node.as_array())) {
            None => Vec::new(),
            Some((_, Some(items))) => items.iter().map(|node| self.document.child(at.place, node)).collect(),
            Some((node, None)) => {
                self.problem(
                    node.span,
                    format!("`{keyword}` has to be an array of schemas, not {}", node.kind()),
                );
                Vec::new()
            }
        }
    }

    fn refer(&mut self, at: At<'d>, reference: &str) -> SchemaId {
        match self.document.resolve(at.place, reference) {
            Ok(place) => self.schema(place, at.direction),
            Err(problem) => {
                self.problems.push(problem);
                self.push(Schema::forbidden(at.place.node.span, at.place.base.0))
            }
        }
    }

    /// The schema in `node`, which stands directly below `at`.
    fn below(&mut self, at: At<'d>, node: &'d Node) -> SchemaId {
        let place = self.document.child(at.place, node);
        self.schema(place, at.direction)
    }

    fn modern(&self) -> bool {
        self.document.dialect() == Dialect::Draft202012
    }

    fn problem(&mut self, span: Span, message: impl Into<String>) -> Reported<'_> {
        self.problems.push(self.document.problem(span, message));
        Reported(self.problems.last_mut())
    }
}

/// A problem that was just noted, for adding the way out.
struct Reported<'p>(Option<&'p mut Problem>);

impl Reported<'_> {
    fn push_help(self, help: impl Into<String>) {
        if let Some(problem) = self.0 {
            problem.help = help.into();
        }
    }
}

impl Schema {
    /// A schema that allows nothing.
    fn forbidden(span: Span, resource: u32) -> Self {
        Self {
            types: TypeSet::NONE,
            ..Self::any(span, resource)
        }
    }
}

impl Applicators {
    fn is_empty(&self) -> bool {
        self.all_of.is_empty()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.not.is_empty()
            && self.conditions.is_empty()
            && self.discriminator.is_none()
            && self.unevaluated_properties.is_none()
            && self.unevaluated_items.is_none()
    }
}

/// What the schema says of bytes. An encoding makes text of them again.
fn carried(object: &Object) -> Option<Box<Carried>> {
    let text = |name: &str| object.get(name).and_then(Node::as_str);
    let media_type = text("contentMediaType");
    let bytes = text("format") == Some("binary") || (media_type.is_some() && object.get("contentEncoding").is_none());
    bytes.then(|| {
        Box::new(Carried {
            media_type: media_type.map(Into::into),
        })
    })
}

/// Whether the keyword says nothing about values, so that a `$ref` beside it is still only a reference.
fn is_annotation(keyword: &str) -> bool {
    matches!(
        keyword,
        "$ref"
            | "$comment"
            | "title"
            | "description"
            | "summary"
            | "default"
            | "deprecated"
            | "example"
            | "examples"
            | "externalDocs"
            | "xml"
            | "readOnly"
            | "writeOnly"
    ) || keyword.starts_with("x-")
}
