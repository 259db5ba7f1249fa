//! Relations as an engine: an action on a resource is permitted to whoever stands in a relation to it.
//!
//! Relations only ever permit; what takes away is said in the model, with `but_not`. Who is related to what comes from tuples alone:
//! properties of a question are not looked at.

mod written;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use self::written::{Grant, Grants};
use crate::decision::{Engine, Opinion, Reason, Rule, Verdict};
use crate::relations::{Model, Object, Relations, Undecided, Unfit};
use crate::time::UnixTime;
use crate::words::{Evaluation, Subject};

/// The name of this engine in reasons.
pub const NAME: &str = "relations";

/// Compiled grants, and the relations that they ask.
#[derive(Debug)]
pub struct Related {
    relations: Arc<Relations>,
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

impl Related {
    /// Compiles grants for these actions, against the model that is in force.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn compile(
        written: Grants,
        is_action: &dyn Fn(&str) -> bool,
        relations: Arc<Relations>,
    ) -> Result<Self, Vec<GrantProblem>> {
        let problems = problems(&written, is_action, &relations.model());
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
            relations,
            subjects: written.subjects.into_iter().collect(),
            grants,
        })
    }

    /// What is asked for this action on this type of resource.
    fn asked(&self, evaluation: &Evaluation) -> &[Asked] {
        let of_action = self.grants.get(&evaluation.action.name);
        let asked = of_action.and_then(|of_action| of_action.get(&evaluation.resource.kind));
        asked.map_or(&[], Vec::as_slice)
    }

    /// The subject as the model has it; nothing if it has none of its type, or could have no tuple about it.
    fn subject<'a>(&'a self, subject: &'a Subject) -> Option<Object<&'a str>> {
        let kind = self.subjects.get(&subject.kind)?;
        Object::new(kind, &subject.id).ok()
    }

    fn holds(&self, asked: &Asked, id: &str, subject: Object<&str>) -> Result<bool, Undecided> {
        match Object::new(&asked.kind, id) {
            Ok(object) => self.relations.check(object, &asked.relation, subject),
            // No tuple can have such an id.
            Err(_) => Ok(false),
        }
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
        let mut undecided = None;
        for asked in self.asked(evaluation) {
            match self.holds(asked, &evaluation.resource.id, subject) {
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
        self.relations.changes()
    }
}

#[cfg(test)]
mod tests;
