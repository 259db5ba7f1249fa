//! From an object towards the subjects of a relation: all whom any tuple on any way names, those of exclusions included, because
//! where everyone may, they are who may not.

use std::collections::HashSet;

use super::{Found, Source};
use crate::relations::bounds::{Bound, Budget, DEPTH_MAX};
use crate::relations::check::Node;
use crate::relations::index::Entity;
use crate::relations::model::{RelationId, Rewrite, TypeId};

struct Search<'a> {
    source: Source<'a>,
    kind: TypeId,
    everyone: Option<Entity>,
    budget: &'a mut Budget,
    seen: HashSet<Node>,
    next: Vec<Node>,
    named: HashSet<Entity>,
    is_public: bool,
}

/// The subjects of a type that could be in the list, and whether any tuple has everyone.
pub(super) fn find(source: Source<'_>, node: Node, kind: TypeId, budget: &mut Budget) -> (Found, bool) {
    let mut search = Search {
        source,
        kind,
        everyone: source.index.everyone(kind),
        budget,
        seen: HashSet::new(),
        next: Vec::new(),
        named: HashSet::new(),
        is_public: false,
    };
    let cut_off = search.run(node).err();
    let found = Found {
        entities: search.named,
        cut_off,
    };
    (found, search.is_public)
}

impl Search<'_> {
    /// Goes as deep as a check does, one relation at a time.
    fn run(&mut self, node: Node) -> Result<(), Bound> {
        self.see(node)?;
        for _ in 0..self.source.bounds.depth_max.min(DEPTH_MAX) {
            for node in std::mem::take(&mut self.next) {
                self.follow(node)?;
            }
        }
        if self.next.is_empty() {
            Ok(())
        } else {
            Err(Bound::Depth)
        }
    }

    fn follow(&mut self, node: Node) -> Result<(), Bound> {
        let Some(rule) = self.source.model.rule(node.relation) else {
            return Ok(());
        };
        let mut outcome = Ok(());
        rule.rewrite.visit(&mut |part| {
            if outcome.is_ok() {
                outcome = self.part(part, node);
            }
        });
        outcome
    }

    fn part(&mut self, part: &Rewrite, node: Node) -> Result<(), Bound> {
        match part {
            Rewrite::Direct => self.direct(node),
            Rewrite::Computed(relation) => self.see(Node {
                relation: *relation,
                ..node
            }),
            Rewrite::From { tupleset, targets } => self.from(*tupleset, targets, node),
            Rewrite::Any(_) | Rewrite::All(_) | Rewrite::ButNot(..) => Ok(()),
        }
    }

    fn direct(&mut self, node: Node) -> Result<(), Bound> {
        let Some(rule) = self.source.model.rule(node.relation) else {
            return Ok(());
        };
        if let Some(everyone) = self.everyone.filter(|_| rule.direct.public.contains(&self.kind)) {
            self.budget.spend_tuple()?;
            self.is_public |= self.source.index.holds(node.object, node.relation, everyone);
        }
        if rule.direct.plain.contains(&self.kind) {
            for subject in self.source.index.subjects(node.object, node.relation, None) {
                self.budget.spend_tuple()?;
                if self.source.index.kind(subject) == Some(self.kind) && self.everyone != Some(subject) {
                    self.named.insert(subject);
                }
            }
        }
        for relation in &rule.direct.usersets {
            for object in self.source.index.subjects(node.object, node.relation, Some(*relation)) {
                self.budget.spend_tuple()?;
                self.see(Node {
                    object,
                    relation: *relation,
                })?;
            }
        }
        Ok(())
    }

    fn from(&mut self, tupleset: RelationId, targets: &[(TypeId, RelationId)], node: Node) -> Result<(), Bound> {
        for object in self.source.index.subjects(node.object, tupleset, None) {
            self.budget.spend_tuple()?;
            let kind = self.source.index.kind(object);
            if let Some((_, relation)) = targets.iter().find(|(target, _)| Some(*target) == kind) {
                self.see(Node {
                    object,
                    relation: *relation,
                })?;
            }
        }
        Ok(())
    }

    /// Follows a relation once, if it may hold for anybody of the type.
    fn see(&mut self, node: Node) -> Result<(), Bound> {
        if !self.source.model.may_hold(node.relation, self.kind) || self.seen.contains(&node) {
            return Ok(());
        }
        self.budget.spend_node()?;
        self.seen.insert(node);
        self.next.push(node);
        Ok(())
    }
}
