//! `$dynamicRef` (JSON Schema 2020-12 §8.2.3.2): which schema it means depends on the way that led to it.

use std::collections::{HashMap, HashSet};

use super::super::program::{Applicators, Direction, Schema, SchemaId, Target};
use super::{At, Compiler};
use crate::document::{BaseId, Node, Object, Value};

impl<'d> Compiler<'d> {
    pub(super) fn dynamic_reference(&mut self, at: At<'d>, object: &'d Object, applicators: &mut Applicators) {
        let Some(reference) = object
            .get("$dynamicRef")
            .and_then(Node::as_str)
            .filter(|_| self.modern())
        else {
            return;
        };
        let fallback = self.refer(at, reference);
        let anchor = reference.rsplit_once('#').map_or("", |(_, anchor)| anchor);
        // Only an anchor that is dynamic itself looks outward; any other fragment is a plain reference.
        let target = self.document.resolve(at.place, reference).ok();
        let dynamic = target
            .and_then(|target| target.node.get("$dynamicAnchor"))
            .and_then(Node::as_str)
            == Some(anchor);
        applicators.all_of.push(if dynamic {
            Target::Dynamic(anchor.into(), fallback)
        } else {
            Target::Static(fallback)
        });
    }

    /// Every dynamic anchor of every resource that some schema belongs to.
    pub(super) fn dynamic_anchors(&mut self) -> HashMap<(u32, Box<str>), SchemaId> {
        let mut anchors = HashMap::new();
        if !self.dynamic {
            return anchors;
        }
        let mut done = HashSet::new();
        // Compiling an anchor may bring in further resources, so go on until nothing is new.
        loop {
            let names: HashSet<Box<str>> = self.schemas.iter().flat_map(dynamic_names).collect();
            let resources: HashSet<u32> = self.schemas.iter().map(|schema| schema.resource).collect();
            let fresh: Vec<(u32, Box<str>)> = resources
                .iter()
                .flat_map(|resource| names.iter().map(|name| (*resource, name.clone())))
                .filter(|key| !done.contains(key))
                .collect();
            if fresh.is_empty() {
                return anchors;
            }
            for (resource, name) in fresh {
                if let Some(place) = self.document.dynamic_anchor(BaseId(resource), &name) {
                    let id = self.schema(place, Direction::Request);
                    anchors.insert((resource, name.clone()), id);
                }
                done.insert((resource, name));
            }
            while let Some((id, at)) = self.queue.pop() {
                let schema = self.compile(id, at);
                if let Some(slot) = self.schemas.get_mut(id.0 as usize) {
                    *slot = schema;
                }
            }
        }
    }
}

fn dynamic_names(schema: &Schema) -> impl Iterator<Item = Box<str>> {
    let targets = schema.applicators.iter().flat_map(|applicators| &applicators.all_of);
    targets.filter_map(|target| match target {
        Target::Dynamic(name, _) => Some(name.clone()),
        Target::Static(_) => None,
    })
}

/// Whether a document uses dynamic references at all.
pub(super) fn mentions_dynamic(node: &Node) -> bool {
    match &node.value {
        Value::Array(items) => items.iter().any(mentions_dynamic),
        Value::Object(object) => object
            .iter()
            .any(|(name, value)| name == "$dynamicRef" || mentions_dynamic(value)),
        _ => false,
    }
}
