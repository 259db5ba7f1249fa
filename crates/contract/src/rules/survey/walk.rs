//! Walks schemas, each once. Inside a unit it recurses, which the depth of a document bounds; what references lead to waits
//! in a queue.

use super::keyword::{Keyword, Keywords, Types};
use super::schema::{BOTH, REQUEST, RESPONSE, Role, Schema, SchemaId, Unit, UnitId, UnitKind};
use super::{At, Edge, Survey};
use crate::document::bounds::HOPS_MAX;
use crate::document::{Node, Place, Value, Version};

/// Where a walk is.
#[derive(Clone, Copy)]
struct Around {
    unit: UnitId,
    parent: Option<SchemaId>,
    mask: u8,
    role: Role,
}

/// A schema that is to be read.
#[derive(Clone, Copy)]
pub(super) struct Met<'d> {
    pub(super) place: Place<'d>,
    pub(super) at: At,
    pub(super) name: &'d str,
}

impl<'d> Survey<'d> {
    /// The schema of a parameter, a body or an answer, and the unit it stands in, which is `kind` where no reference leads
    /// elsewhere.
    pub(super) fn walk(&mut self, met: Met<'d>, kind: UnitKind<'d>) -> (SchemaId, UnitId) {
        let mut queue = Vec::new();
        let (id, unit) = match self.named(met, &mut queue) {
            Named::At(id) => (id, self.schema(id).unit),
            Named::Inline(met) => match self.schema_at(met.place.node) {
                Some(id) => (id, self.schema(id).unit),
                None => {
                    let unit = self.add_unit(kind);
                    let around = Around {
                        unit,
                        parent: None,
                        mask: BOTH,
                        role: Role::Root,
                    };
                    (self.enter(met, around, &mut queue), unit)
                }
            },
        };
        self.judge(id);
        self.drain(queue);
        (id, unit)
    }

    /// Walks the named schemas that nothing has led to.
    pub(super) fn walk_unused(&mut self) {
        let document = self.document;
        let root = document.root();
        let named: Vec<_> = document.named_schemas().collect();
        for (name, node) in named {
            if self.schema_at(node).is_some() {
                continue;
            }
            let met = Met {
                place: document.child(root, node),
                at: At::value(node),
                name,
            };
            self.walk(met, UnitKind::Named(name.to_owned()));
        }
        self.name_components();
    }

    /// Named schemas stand at their names, which no reference shows.
    fn name_components(&mut self) {
        let version = self.document.version();
        let path: &[&str] = if version == Version::V2_0 {
            &["definitions"]
        } else {
            &["components", "schemas"]
        };
        let files: Vec<&Node> = self.document.files().collect();
        for root in files {
            let map = path
                .iter()
                .try_fold(root, |node, name| node.get(name))
                .and_then(Node::as_object);
            for member in map.into_iter().flat_map(|map| map.members.values()) {
                if let Some(id) = self.schema_at(&member.value)
                    && let Some(schema) = self.schemas.get_mut(id.index())
                {
                    schema.at = At::name(member.name_span);
                }
            }
        }
    }

    fn drain(&mut self, mut queue: Vec<(Met<'d>, UnitId, SchemaId)>) {
        while let Some((met, unit, id)) = queue.pop() {
            let around = Around {
                unit,
                parent: None,
                mask: BOTH,
                role: Role::Root,
            };
            self.fill(id, met, around, &mut queue);
        }
    }

    fn add_unit(&mut self, kind: UnitKind<'d>) -> UnitId {
        let id = UnitId(u32::try_from(self.units.len()).unwrap_or(u32::MAX));
        self.units.push(Unit {
            id,
            kind,
            root: SchemaId(u32::try_from(self.schemas.len()).unwrap_or(u32::MAX)),
            requests: 0,
            responses: 0,
            leads: Vec::new(),
            users: Vec::new(),
        });
        id
    }

    /// Marks a schema as one that something conforms to.
    fn judge(&mut self, id: SchemaId) {
        if let Some(schema) = self.schemas.get_mut(id.index()) {
            schema.judged = true;
        }
    }

    /// What a schema is that may be a reference and nothing else.
    fn named(&mut self, met: Met<'d>, queue: &mut Vec<(Met<'d>, UnitId, SchemaId)>) -> Named<'d> {
        let mut met = met;
        for _ in 0..HOPS_MAX {
            let Some(reference) = met.place.node.get("$ref").and_then(Node::as_str) else {
                break;
            };
            if self.document.version() == Version::V3_1 && says_more(met.place.node) {
                break;
            }
            let Ok(place) = self.document.resolve(met.place, reference) else {
                break;
            };
            self.referenced.insert(std::ptr::from_ref(place.node));
            if self.is_as_written(reference) {
                // What lowering made stands nowhere; what is written does.
                (met.place, met.at) = (place, At::value(place.node));
                continue;
            }
            if place.node.get("$ref").is_some() && !says_more(place.node) {
                met.place = place;
                continue;
            }
            if let Some(id) = self.schema_at(place.node) {
                return Named::At(id);
            }
            let unit = self.add_unit(UnitKind::Named(label(reference)));
            let target = Met {
                place,
                at: At::value(place.node),
                name: last_word(reference),
            };
            let around = Around {
                unit,
                parent: None,
                mask: BOTH,
                role: Role::Root,
            };
            let id = self.add(target, around);
            queue.push((target, unit, id));
            return Named::At(id);
        }
        Named::Inline(met)
    }

    /// Whether a reference was made while a document in OpenAPI 2.0 was lowered, and leads to where something is written.
    fn is_as_written(&self, reference: &str) -> bool {
        let lowered = self.document.version() == Version::V2_0;
        let pointer = reference.split_once('#').map(|(_, pointer)| pointer);
        lowered && pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with("/definitions/"))
    }

    fn add(&mut self, met: Met<'d>, around: Around) -> SchemaId {
        let id = SchemaId(u32::try_from(self.schemas.len()).unwrap_or(u32::MAX));
        self.by_node.insert(std::ptr::from_ref(met.place.node), id);
        let keywords = Keywords::of(met.place.node);
        self.schemas.push(Schema {
            id,
            place: met.place,
            at: met.at,
            name: met.name,
            role: around.role,
            unit: around.unit,
            parent: around.parent,
            edges: Vec::new(),
            keywords,
            effective: keywords,
            types: Types::declared(met.place.node).unwrap_or(Types::ANY),
            judged: false,
            mask: around.mask,
            share: 0,
        });
        id
    }

    fn enter(&mut self, met: Met<'d>, around: Around, queue: &mut Vec<(Met<'d>, UnitId, SchemaId)>) -> SchemaId {
        let id = self.add(met, around);
        self.fill(id, met, around, queue);
        id
    }

    /// Reads what is inside a schema.
    fn fill(&mut self, id: SchemaId, met: Met<'d>, around: Around, queue: &mut Vec<(Met<'d>, UnitId, SchemaId)>) {
        let mask = around.mask & directions(met.place.node);
        if let Some(schema) = self.schemas.get_mut(id.index()) {
            schema.mask = mask;
        }
        let around = Around {
            parent: Some(id),
            mask,
            ..around
        };
        let keeps = self.document.version() == Version::V3_1;
        let members = met
            .place
            .node
            .as_object()
            .into_iter()
            .flat_map(|object| &object.members);
        for (keyword, member) in members {
            match (&**keyword, &member.value.value) {
                ("$ref", Value::String(_)) if keeps => self.refer(id, met, around, queue),
                ("$ref", _) => {}
                ("properties", Value::Object(_)) => self.map(id, met, &member.value, Role::Property, around, queue),
                ("patternProperties", Value::Object(_)) => {
                    self.map(id, met, &member.value, Role::PatternProperty, around, queue);
                }
                ("dependentSchemas", Value::Object(_)) => {
                    self.map(id, met, &member.value, Role::Condition, around, queue);
                }
                (name, Value::Array(items)) => {
                    let Some(role) = list_role(name) else { continue };
                    for item in items {
                        self.step(id, met, item, At::value(item), "", Around { role, ..around }, queue);
                    }
                }
                (name, Value::Object(_) | Value::Bool(true)) => {
                    let Some(role) = one_role(name) else { continue };
                    let at = At::name(member.name_span);
                    self.step(id, met, &member.value, at, "", Around { role, ..around }, queue);
                }
                _ => {}
            }
        }
    }

    /// `$ref` beside other keywords: both hold.
    fn refer(&mut self, id: SchemaId, met: Met<'d>, around: Around, queue: &mut Vec<(Met<'d>, UnitId, SchemaId)>) {
        let Some(reference) = met.place.node.get("$ref").and_then(Node::as_str) else {
            return;
        };
        let Ok(place) = self.document.resolve(met.place, reference) else {
            return;
        };
        self.referenced.insert(std::ptr::from_ref(place.node));
        let target = self.schema_at(place.node).unwrap_or_else(|| {
            let unit = self.add_unit(UnitKind::Named(label(reference)));
            let met = Met {
                place,
                at: At::value(place.node),
                name: last_word(reference),
            };
            let id = self.add(
                met,
                Around {
                    unit,
                    parent: None,
                    mask: BOTH,
                    role: Role::Root,
                },
            );
            queue.push((met, unit, id));
            id
        });
        self.link(
            id,
            target,
            Around {
                role: Role::Conjunct,
                ..around
            },
        );
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a step of a recursion, which carries all that it knows"
    )]
    fn step(
        &mut self,
        from: SchemaId,
        parent: Met<'d>,
        node: &'d Node,
        at: At,
        name: &'d str,
        around: Around,
        queue: &mut Vec<(Met<'d>, UnitId, SchemaId)>,
    ) {
        let met = Met {
            place: self.document.child(parent.place, node),
            at,
            name,
        };
        // What a reference says of directions beside it counts too.
        let around = Around {
            mask: around.mask & directions(node),
            ..around
        };
        let target = match self.named(met, queue) {
            Named::At(id) => id,
            Named::Inline(met) => self
                .schema_at(met.place.node)
                .unwrap_or_else(|| self.enter(met, around, queue)),
        };
        self.link(from, target, around);
    }

    fn link(&mut self, from: SchemaId, target: SchemaId, around: Around) {
        if around.role.is_value() {
            self.judge(target);
        }
        let mask = if around.role == Role::Condition { 0 } else { around.mask };
        let to = self.schema(target).unit;
        if to != around.unit
            && let Some(unit) = self.units.get_mut(around.unit.index())
        {
            unit.leads.push((mask, to));
        }
        if let Some(schema) = self.schemas.get_mut(from.index()) {
            schema.edges.push(Edge {
                role: around.role,
                target,
                mask,
            });
        }
    }

    fn map(
        &mut self,
        from: SchemaId,
        parent: Met<'d>,
        map: &'d Node,
        role: Role,
        around: Around,
        queue: &mut Vec<(Met<'d>, UnitId, SchemaId)>,
    ) {
        let members = map.as_object().into_iter().flat_map(|object| &object.members);
        for (name, member) in members {
            if matches!(member.value.value, Value::Object(_) | Value::Bool(true)) {
                let at = At::name(member.name_span);
                self.step(from, parent, &member.value, at, name, Around { role, ..around }, queue);
            }
        }
    }
}

/// Where a schema is found.
enum Named<'d> {
    /// A reference leads to it.
    At(SchemaId),
    /// It is written where it is used.
    Inline(Met<'d>),
}

/// The directions that a value may travel in.
fn directions(node: &Node) -> u8 {
    let says = |name: &str| node.get(name).and_then(Node::as_bool) == Some(true);
    match (says("readOnly"), says("writeOnly")) {
        (true, false) => RESPONSE,
        (false, true) => REQUEST,
        _ => BOTH,
    }
}

/// Whether there is more beside a reference than annotations.
fn says_more(node: &Node) -> bool {
    const ANNOTATIONS: [&str; 9] = [
        "$ref",
        "description",
        "summary",
        "title",
        "example",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    ];
    let mut names = node.as_object().into_iter().flat_map(|object| object.members.keys());
    names.any(|name| !ANNOTATIONS.contains(&&**name) && !name.starts_with("x-"))
}

fn list_role(keyword: &str) -> Option<Role> {
    match keyword {
        "allOf" => Some(Role::Conjunct),
        "anyOf" | "oneOf" => Some(Role::Branch),
        "prefixItems" | "items" => Some(Role::PrefixItem),
        _ => None,
    }
}

fn one_role(keyword: &str) -> Option<Role> {
    match keyword {
        "items" => Some(Role::Items),
        "additionalItems" | "unevaluatedItems" => Some(Role::OtherItems),
        "additionalProperties" | "unevaluatedProperties" => Some(Role::OtherProperties),
        "not" | "if" | "then" | "else" | "contains" | "propertyNames" => Some(Role::Condition),
        _ => None,
    }
}

/// What a reference is called: its last word.
fn label(reference: &str) -> String {
    let last = last_word(reference);
    let decoded = crate::document::percent_decode(last).unwrap_or_else(|| last.to_owned());
    decoded.replace("~1", "/").replace("~0", "~")
}

/// What stands behind the last slash of a reference: of its fragment, or else of its file.
fn last_word(reference: &str) -> &str {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    let whole = if pointer.is_empty() { file } else { pointer };
    whole.rsplit('/').next().unwrap_or_default()
}

impl Survey<'_> {
    /// What has to hold for every value together: its own keywords, those of `allOf`, and of what its branch stands in.
    pub(super) fn settle_values(&mut self) {
        for index in 0..self.schemas.len() {
            let id = SchemaId(u32::try_from(index).unwrap_or(u32::MAX));
            let all = self.conjuncts(id);
            let (mut keywords, mut types) = (Keywords::default(), Types::ANY);
            for one in all {
                let schema = self.schema(one);
                keywords = keywords.and(schema.keywords);
                types = types.within(Types::declared(schema.node()).unwrap_or(Types::ANY));
            }
            if let Some(schema) = self.schemas.get_mut(index) {
                (schema.effective, schema.types) = (keywords, types);
            }
        }
    }

    /// The schemas that have to hold together with this one, itself first.
    pub(super) fn conjuncts(&self, id: SchemaId) -> Vec<SchemaId> {
        const CONJUNCTS_MAX: usize = 64;
        let mut all = vec![id];
        let mut at = id;
        while self.schema(at).role == Role::Branch
            && let Some(parent) = self.schema(at).parent
            && all.len() < CONJUNCTS_MAX
        {
            all.push(parent);
            at = parent;
        }
        let mut next = 0;
        while let Some(one) = all.get(next).copied() {
            let schema = self.schema(one);
            let parts = schema.edges.iter().filter(|edge| edge.role == Role::Conjunct);
            for part in parts {
                if !all.contains(&part.target) && all.len() < CONJUNCTS_MAX {
                    all.push(part.target);
                }
            }
            next += 1;
        }
        all
    }

    /// The nearest schema of those that have to hold together which says this.
    pub(in crate::rules) fn conjunct_with(&self, id: SchemaId, keyword: Keyword) -> Option<&Node> {
        let all = self.conjuncts(id).into_iter();
        all.map(|id| self.schema(id))
            .find(|schema| schema.keywords.has(keyword))
            .map(Schema::node)
    }
}
