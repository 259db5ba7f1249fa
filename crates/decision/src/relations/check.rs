//! Whether a relation holds: a walk from an object towards a subject, exact within its bounds.
//!
//! An answer is one of three, as in Kleene's logic: yes, no, or unknown because a bound was reached. What is unknown stays so under
//! `but_not`, so that a bound never makes a permit out of what was not looked at.
//!
//! Tuples may lead in circles. What is met again while it is being looked at counts as no: whatever holds, holds by a way that comes
//! to nothing twice. A no that came about so is for the moment only. It becomes certain when what it waited for turns out to be no as
//! well, and is forgotten when that is anything else. A circle never goes through `but_not`, because a model has no relation that
//! depends on its own absence.

use std::collections::{HashMap, HashSet};

use super::bounds::{Bound, Bounds, Budget, DEPTH_MAX};
use super::explain::Reason;
use super::index::{Entity, Index};
use super::model::{Model, RelationId, Rewrite, TypeId};

/// A relation of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node {
    pub(super) object: Entity,
    pub(super) relation: RelationId,
}

/// Whom it is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) kind: TypeId,
    /// `None`: no tuple has them.
    pub(super) one: Option<Entity>,
    pub(super) everyone: Option<Entity>,
}

/// What is found about a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    No,
    Yes,
    Unknown(Bound),
}

/// A verdict, and for a no the least depth of what it waits for; [`SETTLED`] where it waits for nothing.
#[derive(Clone, Copy)]
struct Found {
    verdict: Verdict,
    waits_for: u32,
}

const SETTLED: u32 = u32::MAX;
const NO: Found = Found::certain(Verdict::No);
const YES: Found = Found::certain(Verdict::Yes);

/// What is known about a node.
#[derive(Clone, Copy)]
enum Known {
    /// It is being looked at, at this depth.
    Open(u32),
    Yes,
    No {
        waits_for: u32,
    },
    /// From this depth a bound was reached; nearer to the question it may not be.
    Unknown(Bound, u32),
}

/// What each node holds by.
pub(super) type Reasons = HashMap<Node, Vec<Reason>>;

/// One question.
pub(super) struct Walk<'a> {
    model: &'a Model,
    index: &'a Index,
    asker: Asker,
    depth_max: u32,
    budget: Budget,
    known: HashMap<Node, Known>,
    /// Those that are no for the moment, in the order in which they became so.
    waiting: Vec<Node>,
    /// What the nodes that are being looked at hold by, as far as they do.
    reasons: Vec<Reason>,
    /// What each node holds by, where that is asked for.
    explained: Option<Reasons>,
    /// The nodes that would hold, and what takes them away, where that is asked for.
    taken: Vec<(Node, Vec<Reason>)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(model: &'a Model, index: &'a Index, bounds: &Bounds, asker: Asker) -> Self {
        Self {
            model,
            index,
            asker,
            depth_max: bounds.depth_max.min(DEPTH_MAX),
            budget: Budget::of_check(bounds),
            known: HashMap::new(),
            waiting: Vec::new(),
            reasons: Vec::new(),
            explained: None,
            taken: Vec::new(),
        }
    }

    /// Lets it do no more than this.
    pub(super) fn within(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// Lets it remember why.
    pub(super) fn explaining(self) -> Self {
        Self {
            explained: Some(HashMap::new()),
            ..self
        }
    }

    pub(super) fn ask(&mut self, node: Node) -> Verdict {
        self.node(node, 1).verdict
    }

    /// Asks for another object on behalf of the same subject. What is known stays known.
    pub(super) fn ask_again(&mut self, node: Node, budget: Budget) -> Verdict {
        // What was not reached with what was left may be reached with more.
        if self.budget.is_spent() {
            self.known.clear();
        }
        self.budget = budget;
        self.ask(node)
    }

    /// What is left of what it may do.
    pub(super) fn left(&self) -> Budget {
        self.budget
    }

    /// What each node that holds was found to hold by.
    pub(super) fn into_explained(self) -> Reasons {
        self.explained.unwrap_or_default()
    }

    /// The nodes that would hold, each once, and what takes them away; and what each node that holds does so by.
    pub(super) fn into_taken(self) -> (Vec<(Node, Vec<Reason>)>, Reasons) {
        let mut taken = self.taken;
        let mut seen = HashSet::new();
        taken.retain(|(node, _)| seen.insert(*node));
        (taken, self.explained.unwrap_or_default())
    }

    fn node(&mut self, node: Node, depth: u32) -> Found {
        let Some(rule) = self.model.rule(node.relation) else {
            return NO;
        };
        if rule.subjects.binary_search(&self.asker.kind).is_err() {
            return NO;
        }
        match self.known.get(&node) {
            Some(Known::Yes) => return YES,
            Some(Known::Open(waits_for) | Known::No { waits_for }) => {
                return Found {
                    waits_for: *waits_for,
                    ..NO
                };
            }
            Some(Known::Unknown(bound, from)) if *from <= depth => return Found::unknown(*bound),
            Some(Known::Unknown(..)) | None => {}
        }
        if depth > self.depth_max {
            return Found::unknown(Bound::Depth);
        }
        if let Err(bound) = self.budget.spend_node() {
            return Found::unknown(bound);
        }
        self.known.insert(node, Known::Open(depth));
        let (waiting, reasons) = (self.waiting.len(), self.reasons.len());
        let found = self.rewrite(&rule.rewrite, node, depth);
        self.explain(node, found, reasons);
        self.settle(node, depth, found, waiting)
    }

    /// Notes what was found about a node, and what that means for those that waited for it.
    fn settle(&mut self, node: Node, depth: u32, found: Found, waiting: usize) -> Found {
        let (known, waits_for) = match found.verdict {
            Verdict::No if found.waits_for < depth => {
                self.waiting.push(node);
                let waits_for = found.waits_for;
                self.known.insert(node, Known::No { waits_for });
                return found;
            }
            Verdict::No => (Known::No { waits_for: SETTLED }, Some(SETTLED)),
            Verdict::Yes => (Known::Yes, None),
            Verdict::Unknown(bound) => (Known::Unknown(bound, depth), None),
        };
        self.known.insert(node, known);
        for other in self.waiting.drain(waiting..) {
            match waits_for {
                Some(waits_for) => self.known.insert(other, Known::No { waits_for }),
                None => self.known.remove(&other),
            };
        }
        Found::certain(found.verdict)
    }

    fn explain(&mut self, node: Node, found: Found, from: usize) {
        match &mut self.explained {
            Some(explained) if found.verdict == Verdict::Yes => {
                explained.insert(node, self.reasons.drain(from..).collect());
            }
            _ => self.reasons.truncate(from),
        }
    }

    fn rewrite(&mut self, rewrite: &'a Rewrite, node: Node, depth: u32) -> Found {
        match rewrite {
            Rewrite::Direct => self.direct(node, depth),
            Rewrite::Computed(relation) => {
                let other = Node {
                    relation: *relation,
                    ..node
                };
                let found = self.node(other, depth + 1);
                self.reason(found, Reason::Relation(other))
            }
            Rewrite::From { tupleset, targets } => self.from(*tupleset, targets, node, depth),
            Rewrite::Any(parts) => self.any(parts, node, depth),
            Rewrite::All(parts) => self.all(parts, node, depth),
            Rewrite::ButNot(of, but_not) => self.but_not(of, but_not, node, depth),
        }
    }

    fn any(&mut self, parts: &'a [Rewrite], node: Node, depth: u32) -> Found {
        let mut all = NO;
        for part in parts {
            let begun = self.reasons.len();
            all = all.or(self.rewrite(part, node, depth));
            if all.verdict == Verdict::Yes {
                break;
            }
            self.reasons.truncate(begun);
        }
        all
    }

    fn all(&mut self, parts: &'a [Rewrite], node: Node, depth: u32) -> Found {
        let mut all = YES;
        for part in parts {
            all = all.and(self.rewrite(part, node, depth));
            if all.verdict == Verdict::No {
                break;
            }
        }
        all
    }

    fn but_not(&mut self, of: &'a Rewrite, but_not: &'a Rewrite, node: Node, depth: u32) -> Found {
        let of = self.rewrite(of, node, depth);
        if of.verdict == Verdict::No {
            return of;
        }
        let begun = self.reasons.len();
        let taken = self.rewrite(but_not, node, depth);
        let by = self.reasons.split_off(begun);
        if self.explained.is_some() && (of.verdict, taken.verdict) == (Verdict::Yes, Verdict::Yes) {
            self.taken.push((node, by));
        }
        debug_assert!(taken.waits_for == SETTLED, "a relation depends on its own absence");
        let found = of.and(taken.not());
        self.reason(found, Reason::NotTaken)
    }

    /// The tuples of the relation itself.
    fn direct(&mut self, node: Node, depth: u32) -> Found {
        let Some(rule) = self.model.rule(node.relation) else {
            return NO;
        };
        let asker = self.asker;
        let is_public = rule.direct.public.contains(&asker.kind);
        let subjects = [asker.one, asker.everyone.filter(|_| is_public)];
        for subject in subjects.into_iter().flatten() {
            if let Err(bound) = self.budget.spend_tuple() {
                return Found::unknown(bound);
            }
            if self.index.holds(node.object, node.relation, subject) {
                return self.reason(YES, Reason::Tuple(node, subject));
            }
        }
        let mut all = NO;
        for relation in &rule.direct.usersets {
            if !self.model.may_hold(*relation, asker.kind) {
                continue;
            }
            for object in self.index.subjects(node.object, node.relation, Some(*relation)) {
                let relation = *relation;
                let other = Node { object, relation };
                all = all.or(self.read(other, depth, Reason::Userset(node, other)));
                if self.is_over(all) {
                    return all;
                }
            }
        }
        all
    }

    fn from(&mut self, tupleset: RelationId, targets: &'a [(TypeId, RelationId)], node: Node, depth: u32) -> Found {
        let mut all = NO;
        for object in self.index.subjects(node.object, tupleset, None) {
            let kind = self.index.kind(object);
            let Some((_, relation)) = targets.iter().find(|(target, _)| Some(*target) == kind) else {
                continue;
            };
            let relation = *relation;
            let other = Node { object, relation };
            let tuple = Node {
                relation: tupleset,
                ..node
            };
            all = all.or(self.read(other, depth, Reason::From(tuple, other)));
            if self.is_over(all) {
                break;
            }
        }
        all
    }

    /// Follows a tuple that was read.
    fn read(&mut self, other: Node, depth: u32, reason: Reason) -> Found {
        if let Err(bound) = self.budget.spend_tuple() {
            return Found::unknown(bound);
        }
        let found = self.node(other, depth + 1);
        self.reason(found, reason)
    }

    /// Whether what is still to be read would change nothing, or cannot be read.
    fn is_over(&self, found: Found) -> bool {
        match found.verdict {
            Verdict::Yes => true,
            Verdict::Unknown(_) => self.budget.is_spent(),
            Verdict::No => false,
        }
    }

    fn reason(&mut self, found: Found, reason: Reason) -> Found {
        if found.verdict == Verdict::Yes && self.explained.is_some() {
            self.reasons.push(reason);
        }
        found
    }
}

impl Found {
    const fn certain(verdict: Verdict) -> Self {
        Self {
            verdict,
            waits_for: SETTLED,
        }
    }

    const fn unknown(bound: Bound) -> Self {
        Self::certain(Verdict::Unknown(bound))
    }

    fn or(self, other: Self) -> Self {
        let verdict = match (self.verdict, other.verdict) {
            (Verdict::Yes, _) | (_, Verdict::Yes) => return YES,
            (Verdict::Unknown(bound), _) | (_, Verdict::Unknown(bound)) => Verdict::Unknown(bound),
            (Verdict::No, Verdict::No) => Verdict::No,
        };
        self.both(other, verdict)
    }

    fn and(self, other: Self) -> Self {
        let verdict = match (self.verdict, other.verdict) {
            (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
            (Verdict::Unknown(bound), _) | (_, Verdict::Unknown(bound)) => Verdict::Unknown(bound),
            (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
        };
        self.both(other, verdict)
    }

    fn not(self) -> Self {
        let verdict = match self.verdict {
            Verdict::Yes => Verdict::No,
            Verdict::No => Verdict::Yes,
            Verdict::Unknown(bound) => Verdict::Unknown(bound),
        };
        Self { verdict, ..self }
    }

    /// A verdict that comes of both waits for all that they wait for.
    fn both(self, other: Self, verdict: Verdict) -> Self {
        Self {
            verdict,
            waits_for: self.waits_for.min(other.waits_for),
        }
    }
}
