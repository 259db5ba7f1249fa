//! Why a relation holds: the tuples that gave it.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::check::Node;
use super::index::{Entity, Index};
use super::model::{Model, TypeId};
use super::tuple::{EVERYONE, Object, Subject, Tuple};

/// What a node was found to hold by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    /// A tuple with the subject itself, or with everyone.
    Tuple(Node, Entity),
    /// Another relation of the same object.
    Relation(Node),
    /// A tuple with a userset, and that.
    Userset(Node, Node),
    /// A tuple that names another object, and that object's relation.
    From(Node, Node),
    /// Nothing takes it away.
    NotTaken,
}

/// Why a relation holds. What comes first is what was asked; what it rests on follows, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    facts: Vec<Fact>,
}

/// That a relation holds, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Of which object.
    pub object: Object,
    /// Which relation.
    pub relation: Box<str>,
    /// Whether it would hold, and does not: what follows takes it away.
    pub is_taken: bool,
    /// By all of these together.
    pub because: Vec<Because>,
}

/// What a relation holds by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// There is a tuple.
    Tuple(Tuple),
    /// A relation of an object holds, which is another fact.
    Holds(Object, Box<str>),
    /// What would take it away does not hold.
    NotTaken,
}

impl Explanation {
    pub(super) fn of(model: &Model, index: &Index, root: Node, reasons: &HashMap<Node, Vec<Reason>>) -> Self {
        let words = Words { model, index };
        let mut facts = Vec::new();
        let (mut waiting, mut seen) = (vec![root], HashSet::from([root]));
        while let Some(node) = waiting.pop() {
            let because = reasons.get(&node).map_or(&[][..], |reasons| reasons);
            facts.extend(words.fact(node, because));
            // What comes first is told first.
            let others = because.iter().rev().filter_map(Reason::rests_on);
            waiting.extend(others.filter(|other| seen.insert(*other)));
        }
        Self { facts }
    }

    /// What takes a relation away that would hold otherwise, and what that rests on.
    pub(super) fn of_taken(
        model: &Model,
        index: &Index,
        taken: Node,
        by: Vec<Reason>,
        reasons: &HashMap<Node, Vec<Reason>>,
    ) -> Self {
        let mut reasons = reasons.clone();
        reasons.insert(taken, by);
        let mut explanation = Self::of(model, index, taken, &reasons);
        if let Some(first) = explanation.facts.first_mut() {
            first.is_taken = true;
        }
        explanation
    }

    /// What was asked, then what it rests on.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The tuples that gave it.
    pub fn tuples(&self) -> impl Iterator<Item = &Tuple> {
        let because = self.facts.iter().flat_map(|fact| &fact.because);
        because.filter_map(|because| match because {
            Because::Tuple(tuple) => Some(tuple),
            Because::Holds(..) | Because::NotTaken => None,
        })
    }
}

impl Reason {
    fn rests_on(&self) -> Option<Node> {
        match self {
            Self::Relation(other) | Self::Userset(_, other) | Self::From(_, other) => Some(*other),
            Self::Tuple(..) | Self::NotTaken => None,
        }
    }
}

/// Numbers as names.
struct Words<'a> {
    model: &'a Model,
    index: &'a Index,
}

impl Words<'_> {
    fn fact(&self, node: Node, reasons: &[Reason]) -> Option<Fact> {
        Some(Fact {
            object: self.object(node.object)?.keep(),
            relation: self.relation(node)?.into(),
            is_taken: false,
            because: reasons.iter().flat_map(|reason| self.because(reason)).collect(),
        })
    }

    fn because(&self, reason: &Reason) -> Vec<Because> {
        let holds = |node: &Node| {
            Some(Because::Holds(
                self.object(node.object)?.keep(),
                self.relation(*node)?.into(),
            ))
        };
        let found = match reason {
            Reason::Tuple(node, subject) => [self.tuple(*node, self.subject(*subject)), None],
            Reason::Relation(other) => [holds(other), None],
            Reason::Userset(node, other) => {
                let userset = self.object(other.object).zip(self.relation(*other));
                let subject = userset.map(|(object, relation)| Subject::Userset(object, relation));
                [self.tuple(*node, subject), holds(other)]
            }
            Reason::From(node, other) => [self.tuple(*node, self.subject(other.object)), holds(other)],
            Reason::NotTaken => [Some(Because::NotTaken), None],
        };
        found.into_iter().flatten().collect()
    }

    fn tuple(&self, node: Node, subject: Option<Subject<&str>>) -> Option<Because> {
        let tuple = Tuple::new(self.object(node.object)?, self.relation(node)?, subject?).ok()?;
        Some(Because::Tuple(tuple.keep()))
    }

    fn subject(&self, entity: Entity) -> Option<Subject<&str>> {
        match self.index.id(entity) {
            EVERYONE => Some(Subject::Everyone(self.kind(entity)?)),
            _ => self.object(entity).map(Subject::One),
        }
    }

    fn object(&self, entity: Entity) -> Option<Object<&str>> {
        Object::new(self.kind(entity)?, self.index.id(entity)).ok()
    }

    fn kind(&self, entity: Entity) -> Option<&str> {
        self.index.kind(entity).map(|kind: TypeId| self.model.type_name(kind))
    }

    fn relation(&self, node: Node) -> Option<&str> {
        self.model.rule(node.relation).map(|rule| &*rule.name)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.object, self.relation)?;
        for (number, because) in self.because.iter().enumerate() {
            formatter.write_str(match (number, self.is_taken) {
                (0, false) => " by ",
                (0, true) => " is taken away by ",
                _ => " and ",
            })?;
            match because {
                Because::Tuple(tuple) => write!(formatter, "{tuple}")?,
                Because::Holds(object, relation) => write!(formatter, "{object}#{relation}")?,
                Because::NotTaken => formatter.write_str("nothing that takes it away")?,
            }
        }
        Ok(())
    }
}
