//! OpenAPI's `discriminator`: which value of a property means which branch.
//!
//! It comes in two forms: beside `oneOf` or `anyOf`, where it picks one of them; and in a parent that knows
//! nothing of its heirs, each of which names the parent in its `allOf`.

use std::collections::{HashMap, HashSet};

use super::super::program::{Applicators, Discriminator, SchemaId};
use super::{At, Compiler, Note, NoteKind, Role};
use crate::document::{Dialect, Node, Object, Place};

/// Each schema that heirs name in their `allOf`, by its address, with those heirs by name.
pub(super) type Heirs<'d> = HashMap<usize, Vec<(&'d str, Place<'d>)>>;

impl<'d> Compiler<'d> {
    /// Whether the place is, or refers to, a parent with heirs to choose from.
    pub(super) fn is_parent(&mut self, place: Place<'d>) -> bool {
        let Some(place) = self.named(place) else { return false };
        let Some(object) = place.node.as_object() else {
            return false;
        };
        object.get("discriminator").is_some() && object.get("oneOf").is_none() && object.get("anyOf").is_none()
    }

    pub(super) fn discriminator(
        &mut self,
        id: SchemaId,
        at: At<'d>,
        object: &'d Object,
        applicators: &mut Applicators,
    ) {
        let Some(node) = object.get("discriminator") else {
            return;
        };
        let (property, fault) = match self.document.dialect() {
            Dialect::Draft4 => return,
            Dialect::OpenApi20 => (node.as_str(), "`discriminator` is not a string"),
            Dialect::OpenApi30 | Dialect::Draft202012 => (
                node.get("propertyName").and_then(Node::as_str),
                "`discriminator` has no `propertyName`",
            ),
        };
        let Some(property) = property else {
            self.problem(node.span, fault)
                .push_help("name the property that tells the branches apart");
            return;
        };
        let candidates = self.candidates(at, object);
        let mut branches = HashMap::new();
        for (name, place) in &candidates {
            let role = if std::ptr::eq(place.node, at.place.node) {
                Role::Parent
            } else {
                Role::Itself
            };
            let branch = self.schema_as(*place, at.direction, role);
            for value in name.iter().copied().chain(self.tag_values(*place, property)) {
                branches.entry(value.into()).or_insert(branch);
            }
        }
        self.mapped(at, node, &candidates, &mut branches);
        if branches.is_empty() {
            self.notes.push(Note {
                schema: id,
                span: node.span,
                kind: NoteKind::UnusedDiscriminator,
            });
            return;
        }
        applicators.discriminator = Some(Discriminator {
            property: property.into(),
            branches,
        });
    }

    /// The branches to choose from, with the name of each that has one.
    fn candidates(&mut self, at: At<'d>, object: &'d Object) -> Vec<(Option<&'d str>, Place<'d>)> {
        let listed: Vec<Place<'d>> = ["oneOf", "anyOf"]
            .iter()
            .flat_map(|keyword| self.branches(at, object, keyword))
            .collect();
        if !listed.is_empty() {
            let name = |place: &Place<'d>| {
                let reference = place.node.get("$ref").and_then(Node::as_str)?;
                reference.rsplit(['/', '#']).next()
            };
            let mut candidates = Vec::new();
            for place in listed {
                let name = name(&place);
                candidates.extend(self.named(place).map(|place| (name, place)));
            }
            return candidates;
        }
        let mut heirs = self.heirs_of(at.place);
        for place in self.mapped_heirs(at.place, object) {
            if !heirs.iter().any(|(_, heir)| std::ptr::eq(heir.node, place.node)) {
                heirs.push((None, place));
            }
        }
        if heirs.is_empty() {
            return Vec::new();
        }
        let own = self.own_name(at.place);
        heirs.extend(own.map(|name| (Some(name), at.place)));
        heirs
    }

    /// The heirs of a parent among the components, and theirs, each once and with its name.
    fn heirs_of(&mut self, parent: Place<'d>) -> Vec<(Option<&'d str>, Place<'d>)> {
        let heirs = self.heirs();
        let mut found: Vec<(Option<&'d str>, Place<'d>)> = Vec::new();
        let mut seen = HashSet::from([address(parent)]);
        let (mut from, mut read) = (parent, 0);
        loop {
            for (name, heir) in heirs.get(&address(from)).into_iter().flatten() {
                if seen.insert(address(*heir)) {
                    found.push((Some(name), *heir));
                }
            }
            let Some((_, next)) = found.get(read) else { return found };
            from = *next;
            read += 1;
        }
    }

    /// The heirs that a parent's `mapping` names: those in other files are no components of the root.
    fn mapped_heirs(&self, parent: Place<'d>, object: &'d Object) -> Vec<Place<'d>> {
        let mapping = object.get("discriminator").and_then(|node| node.get("mapping"));
        let targets = mapping.and_then(Node::as_object).into_iter().flat_map(Object::iter);
        targets
            .filter_map(|(_, target)| self.document.resolve(parent, target.as_str()?).ok())
            .filter_map(|place| self.named(place))
            .filter(|place| self.inherits(*place, parent))
            .collect()
    }

    /// Whether a schema is the parent, names it in its `allOf`, or names there one that does.
    fn inherits(&self, heir: Place<'d>, parent: Place<'d>) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![heir];
        while let Some(place) = open.pop() {
            if std::ptr::eq(place.node, parent.node) {
                return true;
            }
            if !seen.insert(address(place)) {
                continue;
            }
            let parts = place.node.get("allOf").and_then(Node::as_array).unwrap_or_default();
            let parts = parts.iter().filter(|part| part.get("$ref").is_some());
            open.extend(parts.filter_map(|part| self.named(self.document.child(place, part))));
        }
        false
    }

    /// Adds the entries of `mapping`; they win over names.
    fn mapped(
        &mut self,
        at: At<'d>,
        node: &'d Node,
        candidates: &[(Option<&'d str>, Place<'d>)],
        branches: &mut HashMap<Box<str>, SchemaId>,
    ) {
        let mapping = node.get("mapping").and_then(Node::as_object);
        for (value, target) in mapping.into_iter().flat_map(Object::iter) {
            let Some(reference) = target.as_str() else { continue };
            let by_name = candidates
                .iter()
                .find(|(name, _)| *name == Some(reference))
                .map(|(_, place)| *place);
            let Some(place) = by_name
                .or_else(|| self.document.resolve(at.place, reference).ok())
                .and_then(|place| self.named(place))
            else {
                self.problem(
                    target.span,
                    format!("the discriminator maps `{value}` to `{reference}`, which is not there"),
                );
                continue;
            };
            if candidates
                .iter()
                .any(|(_, candidate)| std::ptr::eq(candidate.node, place.node))
            {
                let role = if std::ptr::eq(place.node, at.place.node) {
                    Role::Parent
                } else {
                    Role::Itself
                };
                let branch = self.schema_as(place, at.direction, role);
                branches.insert(value.into(), branch);
            }
        }
    }

    /// What the branch itself says the property is worth: its `const` or `enum`. OpenAPI 2.0 has only the names of the
    /// branches, and the extension that many of its contracts write where those are not the values.
    fn tag_values(&self, place: Place<'d>, property: &str) -> Vec<&'d str> {
        if self.document.dialect() == Dialect::OpenApi20
            && let Some(value) = place.node.get("x-ms-discriminator-value").and_then(Node::as_str)
        {
            return vec![value];
        }
        let Some(tag) = place.node.get("properties").and_then(|node| node.get(property)) else {
            return Vec::new();
        };
        let constant = tag.get("const").and_then(Node::as_str);
        let listed = tag
            .get("enum")
            .and_then(Node::as_array)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str);
        constant.into_iter().chain(listed).collect()
    }

    /// The place behind a chain of references.
    fn named(&self, mut place: Place<'d>) -> Option<Place<'d>> {
        for _ in 0..super::REFERENCES_MAX {
            match place.node.get("$ref").and_then(Node::as_str) {
                Some(reference) => place = self.document.resolve(place, reference).ok()?,
                None => return Some(place),
            }
        }
        None
    }

    fn own_name(&self, place: Place<'d>) -> Option<&'d str> {
        self.components()
            .find(|(_, node)| std::ptr::eq(*node, place.node))
            .map(|(name, _)| name)
    }

    fn components(&self) -> impl Iterator<Item = (&'d str, &'d Node)> + use<'d> {
        self.document.named_schemas()
    }

    /// Who inherits from whom among the components, found once.
    fn heirs(&mut self) -> &Heirs<'d> {
        if self.heirs.is_none() {
            let mut heirs: Heirs<'d> = HashMap::new();
            for (name, node) in self.components() {
                let place = self.document.child(self.document.root(), node);
                for parent in node.get("allOf").and_then(Node::as_array).unwrap_or_default() {
                    let parent = self.document.child(place, parent);
                    if parent.node.get("$ref").is_none() {
                        continue;
                    }
                    if let Some(parent) = self.named(parent) {
                        heirs.entry(address(parent)).or_default().push((name, place));
                    }
                }
            }
            self.heirs = Some(heirs);
        }
        self.heirs.get_or_insert_default()
    }
}

/// What tells a node from every other of the document.
fn address(place: Place<'_>) -> usize {
    std::ptr::from_ref(place.node).addr()
}
