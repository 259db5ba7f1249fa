//! A model: which relations there are, and what gives each. Only what is right about itself is one.

mod compile;
mod problem;
mod soundness;

use std::collections::HashMap;

use thiserror::Error;

use super::tuple::{Subject, Tuple};
use super::written::WrittenModel;

pub use problem::{ModelProblem, PathPart};

/// How many types a model has at most.
pub const TYPES_MAX: usize = 1000;
/// How many relations a model has at most, of all its types.
pub const RELATIONS_MAX: usize = 4000;
/// How deep a rewrite is nested at most.
pub const NESTING_MAX: usize = 8;
/// How many parts a rewrite, or a list of subject types, has at most.
pub const PARTS_MAX: usize = 100;

/// Number of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TypeId(pub(super) u16);

/// Number of a relation of a type; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RelationId(pub(super) u16);

/// A model that is right about itself: every name in it is known, every relation can be given by some tuples, and none depends on
/// its own absence.
#[derive(Clone, Debug)]
pub struct Model {
    types: Vec<Box<str>>,
    type_ids: HashMap<Box<str>, TypeId>,
    /// By their numbers less one.
    relations: Vec<Rule>,
    relation_ids: HashMap<TypeId, HashMap<Box<str>, RelationId>>,
}

/// One relation of a type.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Box<str>,
    pub(super) rewrite: Rewrite,
    /// Whose tuples may be written.
    pub(super) direct: Direct,
    /// The types of those whom it may hold for, in their order.
    pub(super) subjects: Vec<TypeId>,
    /// Whether finding a way is enough: nothing in it, however far away, is an intersection or an exclusion.
    pub(super) is_plain: bool,
}

/// What gives a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rewrite {
    /// Its own tuples, as [`Rule::direct`] has them.
    Direct,
    /// Another relation of the same object.
    Computed(RelationId),
    /// For each object that a tuple of `tupleset` names, the relation of its type.
    From {
        tupleset: RelationId,
        targets: Vec<(TypeId, RelationId)>,
    },
    Any(Vec<Rewrite>),
    All(Vec<Rewrite>),
    ButNot(Box<Rewrite>, Box<Rewrite>),
}

/// Subjects of which tuples may be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Direct {
    pub(super) plain: Vec<TypeId>,
    pub(super) usersets: Vec<RelationId>,
    pub(super) public: Vec<TypeId>,
}

/// What a model does not know, or does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unfit {
    /// There is no such type.
    #[error("there is no type `{0}`")]
    Type(Box<str>),
    /// The type has no such relation.
    #[error("`{0}` has no relation `{1}`")]
    Relation(Box<str>, Box<str>),
    /// Tuples of this relation have other subjects.
    #[error("`{0}` of `{1}` takes no subject like `{2}`")]
    Subject(Box<str>, Box<str>, Box<str>),
}

impl Model {
    /// Settles what is written.
    ///
    /// # Errors
    /// All that is wrong about it: names that nobody knows, rewrites that can never hold or take nothing away, relations of the
    /// same object that lead to one another, and relations that depend on their own absence.
    pub fn compile(written: &WrittenModel) -> Result<Self, Vec<ModelProblem>> {
        compile::compile(written)
    }

    /// Whether a tuple may be written.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn admit<S: AsRef<str>>(&self, tuple: &Tuple<S>) -> Result<(), Unfit> {
        self.fit(tuple.view()).map(drop)
    }

    /// Whether there is a type.
    ///
    /// # Errors
    /// [`Unfit::Type`].
    pub fn has_type(&self, kind: &str) -> Result<(), Unfit> {
        self.type_id(kind).map(drop)
    }

    /// Whether objects of a type have a relation.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn has_relation(&self, kind: &str, relation: &str) -> Result<(), Unfit> {
        self.relation_id(self.type_id(kind)?, relation).map(drop)
    }

    /// Whether a tuple may take away what others give: then one that is left out may matter to whoever is permitted.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        let mut found = false;
        for rule in &self.relations {
            rule.rewrite
                .visit(&mut |rewrite| found |= matches!(rewrite, Rewrite::ButNot(..)));
        }
        found
    }

    pub(super) fn type_id(&self, name: &str) -> Result<TypeId, Unfit> {
        let id = self.type_ids.get(name).copied();
        id.ok_or_else(|| Unfit::Type(name.into()))
    }

    pub(super) fn relation_id(&self, kind: TypeId, name: &str) -> Result<RelationId, Unfit> {
        let id = self.relation_ids.get(&kind).and_then(|of| of.get(name)).copied();
        id.ok_or_else(|| Unfit::Relation(self.type_name(kind).into(), name.into()))
    }

    pub(super) fn type_name(&self, kind: TypeId) -> &str {
        self.types.get(usize::from(kind.0)).map_or("", |name| name)
    }

    pub(super) fn rule(&self, relation: RelationId) -> Option<&Rule> {
        self.relations.get(usize::from(relation.0).checked_sub(1)?)
    }

    /// All relations, with their numbers.
    pub(super) fn rules(&self) -> impl Iterator<Item = (RelationId, &Rule)> {
        (1..).map(RelationId).zip(&self.relations)
    }

    /// Whether a relation may hold for somebody of a type.
    pub(super) fn may_hold(&self, relation: RelationId, kind: TypeId) -> bool {
        self.rule(relation)
            .is_some_and(|rule| rule.subjects.binary_search(&kind).is_ok())
    }

    /// The numbers of a tuple that may be written: the object's type, the relation, the subject's type, and its relation.
    pub(super) fn fit(&self, tuple: Tuple<&str>) -> Result<(TypeId, RelationId, TypeId, Option<RelationId>), Unfit> {
        let kind = self.type_id(tuple.object().kind())?;
        let relation = self.relation_id(kind, tuple.relation())?;
        let direct = self.rule(relation).map(|rule| &rule.direct);
        let subject = tuple.subject();
        let (subject_kind, _, subject_relation) = subject.parts();
        let subject_kind = self.type_id(subject_kind)?;
        let subject_relation = subject_relation
            .map(|name| self.relation_id(subject_kind, name))
            .transpose()?;
        let is_allowed = direct.is_some_and(|direct| match (&subject, subject_relation) {
            (Subject::Everyone(_), _) => direct.public.contains(&subject_kind),
            (_, Some(relation)) => direct.usersets.contains(&relation),
            (_, None) => direct.plain.contains(&subject_kind),
        });
        if !is_allowed {
            let object = tuple.object();
            return Err(Unfit::Subject(
                tuple.relation().into(),
                object.kind().into(),
                subject.to_string().into(),
            ));
        }
        Ok((kind, relation, subject_kind, subject_relation))
    }
}

impl Rewrite {
    /// Itself and what is nested in it, outer before inner.
    pub(super) fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::ButNot(of, but_not) => {
                of.visit(see);
                but_not.visit(see);
            }
            Self::Direct | Self::Computed(_) | Self::From { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
