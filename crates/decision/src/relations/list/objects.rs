//! From a subject towards the objects of a relation: everything that could be in the list, and a bit more where a relation is not
//! plain, because what an intersection asks for and what an exclusion takes away is not looked at.

use std::collections::{HashMap, HashSet};

use super::{Found, Source};
use crate::relations::bounds::{Bound, Budget, DEPTH_MAX};
use crate::relations::check::{Asker, Node};
use crate::relations::index::Entity;
use crate::relations::model::{Model, RelationId, Rewrite};

/// Where a relation leads to, as far as that may end at the one that is asked for.
#[derive(Default)]
struct Ways {
    /// Relations with tuples of their own.
    direct: Vec<RelationId>,
    /// To other relations of the same object.
    computed: HashMap<RelationId, Vec<RelationId>>,
    /// To relations whose tuples have usersets of it.
    usersets: HashMap<RelationId, Vec<RelationId>>,
    /// To relations of objects whose tuples of the first name this one.
    from: HashMap<RelationId, Vec<(RelationId, RelationId)>>,
}

struct Search<'a> {
    source: Source<'a>,
    ways: Ways,
    budget: &'a mut Budget,
    seen: HashSet<Node>,
    /// Those that were seen and not followed yet.
    next: Vec<Node>,
}

/// The objects that could be in the list.
pub(super) fn find(source: Source<'_>, relation: RelationId, asker: Asker, budget: &mut Budget) -> Found {
    let mut search = Search {
        source,
        ways: Ways::to(source.model, relation),
        budget,
        seen: HashSet::new(),
        next: Vec::new(),
    };
    let cut_off = search.run(asker).err();
    let of_relation = search.seen.iter().filter(|node| node.relation == relation);
    Found {
        entities: of_relation.map(|node| node.object).collect(),
        cut_off,
    }
}

impl Search<'_> {
    /// Goes as deep as a check does, one relation at a time.
    fn run(&mut self, asker: Asker) -> Result<(), Bound> {
        self.begin(asker)?;
        for _ in 1..self.source.bounds.depth_max.min(DEPTH_MAX) {
            for node in std::mem::take(&mut self.next) {
                self.follow(node)?;
            }
        }
        if self.next.iter().any(|node| self.ways.lead_on(node.relation)) {
            return Err(Bound::Depth);
        }
        Ok(())
    }

    fn begin(&mut self, asker: Asker) -> Result<(), Bound> {
        for relation in self.ways.direct.clone() {
            let Some(rule) = self.source.model.rule(relation) else {
                continue;
            };
            let plain = asker.one.filter(|_| rule.direct.plain.contains(&asker.kind));
            let public = asker.everyone.filter(|_| rule.direct.public.contains(&asker.kind));
            for subject in plain.into_iter().chain(public) {
                self.read(subject, None, relation, relation)?;
            }
        }
        Ok(())
    }

    fn follow(&mut self, node: Node) -> Result<(), Bound> {
        let Node { object, relation } = node;
        for other in ways(&self.ways.computed, relation) {
            self.see(Node {
                object,
                relation: other,
            })?;
        }
        for other in ways(&self.ways.usersets, relation) {
            self.read(object, Some(relation), other, other)?;
        }
        for (tupleset, other) in ways(&self.ways.from, relation) {
            self.read(object, None, tupleset, other)?;
        }
        Ok(())
    }

    /// Reads the tuples of a relation that have a subject; `other` is what then may hold of their objects.
    fn read(
        &mut self,
        subject: Entity,
        by: Option<RelationId>,
        relation: RelationId,
        other: RelationId,
    ) -> Result<(), Bound> {
        for object in self.source.index.objects(subject, by, relation) {
            self.budget.spend_tuple()?;
            self.see(Node {
                object,
                relation: other,
            })?;
        }
        Ok(())
    }

    fn see(&mut self, node: Node) -> Result<(), Bound> {
        if self.seen.contains(&node) {
            return Ok(());
        }
        self.budget.spend_node()?;
        self.seen.insert(node);
        self.next.push(node);
        Ok(())
    }
}

fn ways<T: Copy>(ways: &HashMap<RelationId, Vec<T>>, from: RelationId) -> Vec<T> {
    ways.get(&from).cloned().unwrap_or_default()
}

impl Ways {
    fn to(model: &Model, relation: RelationId) -> Self {
        let mut found = Self::default();
        let (mut waiting, mut seen) = (vec![relation], HashSet::from([relation]));
        while let Some(relation) = waiting.pop() {
            let Some(rule) = model.rule(relation) else { continue };
            let mut sources = Vec::new();
            found.add(model, relation, &rule.rewrite, &mut sources);
            waiting.extend(sources.into_iter().filter(|source| seen.insert(*source)));
        }
        found
    }

    /// Adds what leads to a relation by its rewrite, and notes from where that comes.
    fn add(&mut self, model: &Model, to: RelationId, rewrite: &Rewrite, sources: &mut Vec<RelationId>) {
        match rewrite {
            Rewrite::Direct => {
                self.direct.push(to);
                for userset in model.rule(to).iter().flat_map(|rule| &rule.direct.usersets) {
                    self.usersets.entry(*userset).or_default().push(to);
                    sources.push(*userset);
                }
            }
            Rewrite::Computed(from) => {
                self.computed.entry(*from).or_default().push(to);
                sources.push(*from);
            }
            Rewrite::From { tupleset, targets } => {
                for (_, target) in targets {
                    self.from.entry(*target).or_default().push((*tupleset, to));
                    sources.push(*target);
                }
            }
            Rewrite::Any(parts) | Rewrite::All(parts) => {
                parts.iter().for_each(|part| self.add(model, to, part, sources));
            }
            // What is taken away gives nothing.
            Rewrite::ButNot(of, _) => self.add(model, to, of, sources),
        }
    }

    fn lead_on(&self, relation: RelationId) -> bool {
        self.computed.contains_key(&relation)
            || self.usersets.contains_key(&relation)
            || self.from.contains_key(&relation)
    }
}
