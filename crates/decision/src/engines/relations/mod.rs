//! Relations as an engine: an action on a resource is permitted to whoever stands in a relation to it.
//!
//! Relations only ever permit; what takes away is said in the model, with `but_not`. Who is related to what comes from tuples alone:
//! properties of a question are not looked at. Whoever keeps the tuples says whether they are up to date ([`Source`]); where they are
//! not, nothing is permitted.

mod explain;
mod listing;
mod written;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use self::written::{Grant, Grants};
use thiserror::Error;

use crate::decision::{Engine, Opinion, Reason, Rule, Verdict};
use crate::explained::Explanation;
use crate::listed::Listed;
use crate::relations::{Model, Object, PathPart, Relations, Undecided, Unfit};
use crate::time::UnixTime;
use crate::words::{Action, Evaluation, Resource, Subject};

/// The name of this engine in reasons.
pub const NAME: &str = "relations";

/// Relations that somebody keeps up to date.
pub trait Source: Send + Sync + fmt::Debug {
    /// The relations, if they are up to date.
    ///
    /// # Errors
    /// [`Outdated`]. Every question that is asked then denies.
    fn relations(&self) -> Result<&Relations, Outdated>;

    /// How often what comes of a question has changed: a version of the relations, and whether they are up to date.
    fn changes(&self) -> u64;
}

/// Why relations cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Outdated {
    /// They were never read.
    #[error("the store of relations was not read")]
    Unread,
    /// What was read is too old to count.
    #[error("what is known of relations is too old")]
    Old,
    /// Some tuples are left out, and the model takes relations away by others: one of them might.
    #[error("the model does not allow some tuples of the store, and one of them may take away what others give")]
    Unfit,
    /// Some objects are deleted, and nobody remembers which.
    #[error("more objects were deleted than are remembered until that is written down")]
    Overrun,
}

/// Relations that nobody else writes are what they are.
impl Source for Relations {
    fn relations(&self) -> Result<&Relations, Outdated> {
        Ok(self)
    }

    fn changes(&self) -> u64 {
        Self::changes(self)
    }
}

/// Compiled grants, and the relations that they ask.
#[derive(Debug)]
pub struct Related {
    source: Arc<dyn Source>,
    /// The model's type for a type of subjects.
    subjects: HashMap<String, String>,
    /// By action and by type of resource.
    grants: HashMap<String, HashMap<String, Vec<Asked>>>,
}

/// What is asked of the relations.
#[derive(Clone, Debug)]
struct Asked {
    kind: String,
    relation: String,
    rule: Rule,
}

/// One thing that is wrong with grants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantProblem {
    /// A type of subjects stands for a type that the model has not.
    Subject {
        /// The type of subjects.
        subject: String,
        /// What the model says.
        unfit: Unfit,
    },
    /// A grant, counted from 1, names what the model has not.
    Grant {
        /// Which grant.
        grant: usize,
        /// What the model says.
        unfit: Unfit,
    },
    /// A grant, counted from 1, is for an action that there is not.
    UnknownAction {
        /// Which grant.
        grant: usize,
        /// The action.
        action: String,
    },
}

impl fmt::Display for GrantProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject { subject, unfit } => write!(f, "subjects of type `{subject}`: {unfit}"),
            Self::Grant { grant, unfit } => write!(f, "grant {grant}: {unfit}"),
            Self::UnknownAction { grant, action } => {
                write!(
                    f,
                    "grant {grant} is for `{action}`, which is no operation of a contract"
                )
            }
        }
    }
}

impl GrantProblem {
    /// Where, from the root of the grants.
    #[must_use]
    pub fn path(&self) -> Vec<PathPart> {
        let member = |name: &str| PathPart::Member(name.into());
        let grant = |number: usize| [member("grants"), PathPart::Item(number.saturating_sub(1))];
        match self {
            Self::Subject { subject, .. } => vec![member("subjects"), member(subject)],
            Self::Grant { grant: number, .. } => grant(*number).into(),
            Self::UnknownAction { grant: number, .. } => {
                let mut path = Vec::from(grant(*number));
                path.push(member("actions"));
                path
            }
        }
    }
}

impl Related {
    /// Compiles grants for these actions, against the model that the relations of `source` have.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn compile(
        written: Grants,
        is_action: &dyn Fn(&str) -> bool,
        model: &Model,
        source: Arc<dyn Source>,
    ) -> Result<Self, Vec<GrantProblem>> {
        let problems = problems(&written, is_action, model);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut grants: HashMap<String, HashMap<String, Vec<Asked>>> = HashMap::new();
        for grant in written.grants {
            let kind = grant.kind.unwrap_or_else(|| grant.resource.clone());
            let asked = Asked {
                rule: Rule {
                    engine: NAME,
                    id: Arc::from(format!("{kind}#{}", grant.relation)),
                },
                kind,
                relation: grant.relation,
            };
            for action in grant.actions {
                let of_action = grants.entry(action).or_default();
                of_action.entry(grant.resource.clone()).or_default().push(asked.clone());
            }
        }
        Ok(Self {
            source,
            subjects: written.subjects.into_iter().collect(),
            grants,
        })
    }

    /// What is asked for this action on this type of resource.
    fn asked(&self, action: &Action, kind: &str) -> &[Asked] {
        let of_action = self.grants.get(&action.name);
        let asked = of_action.and_then(|of_action| of_action.get(kind));
        asked.map_or(&[], Vec::as_slice)
    }

    /// The subject as the model has it; nothing if it has none of its type, or could have no tuple about it.
    fn subject<'a>(&'a self, subject: &'a Subject) -> Option<Object<&'a str>> {
        let kind = self.subjects.get(&subject.kind)?;
        Object::new(kind, &subject.id).ok()
    }
}

fn holds(relations: &Relations, asked: &Asked, id: &str, subject: Object<&str>) -> Result<bool, Undecided> {
    match Object::new(&asked.kind, id) {
        Ok(object) => relations.check(object, &asked.relation, subject),
        // No tuple can have such an id.
        Err(_) => Ok(false),
    }
}

fn problems(written: &Grants, is_action: &dyn Fn(&str) -> bool, model: &Model) -> Vec<GrantProblem> {
    let mut problems = Vec::new();
    for (subject, kind) in &written.subjects {
        problems.extend(model.has_type(kind).err().map(|unfit| GrantProblem::Subject {
            subject: subject.clone(),
            unfit,
        }));
    }
    for (number, grant) in (1..).zip(&written.grants) {
        let kind = grant.kind.as_ref().unwrap_or(&grant.resource);
        let unfit = model.has_relation(kind, &grant.relation).err();
        problems.extend(unfit.map(|unfit| GrantProblem::Grant { grant: number, unfit }));
        let unknown = grant.actions.iter().filter(|action| !is_action(action));
        problems.extend(unknown.map(|action| GrantProblem::UnknownAction {
            grant: number,
            action: action.clone(),
        }));
    }
    problems
}

impl Engine for Related {
    fn name(&self) -> &'static str {
        NAME
    }

    fn opinion(&self, evaluation: &Evaluation, _: UnixTime) -> Opinion {
        let Some(subject) = self.subject(&evaluation.subject) else {
            return Opinion::silent();
        };
        let asked = self.asked(&evaluation.action, &evaluation.resource.kind);
        if asked.is_empty() {
            return Opinion::silent();
        }
        let relations = match self.source.relations() {
            Ok(relations) => relations,
            Err(outdated) => return Opinion::indeterminate(NAME, outdated.to_string()),
        };
        let mut undecided = None;
        for asked in asked {
            match holds(relations, asked, &evaluation.resource.id, subject) {
                Ok(true) => {
                    let rule = asked.rule.clone();
                    return Opinion {
                        verdict: Verdict::Permits,
                        reasons: vec![Reason::Permits { rule }],
                    };
                }
                Ok(false) => {}
                Err(error) => undecided = Some(format!("`{}`: {error}", asked.rule.id)),
            }
        }
        undecided.map_or_else(Opinion::silent, |message| Opinion::indeterminate(NAME, message))
    }

    fn reads_time(&self) -> bool {
        false
    }

    fn changes(&self) -> u64 {
        self.source.changes()
    }

    fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> Explanation {
        self.explained(evaluation, at)
    }

    fn subjects(&self, kind: &str, action: &Action, resource: &Resource) -> Option<Listed> {
        self.list_subjects(kind, action, resource)
    }

    fn resources(&self, kind: &str, subject: &Subject, action: &Action) -> Option<Listed> {
        self.list_resources(kind, subject, action)
    }
}

#[cfg(test)]
mod tests;
