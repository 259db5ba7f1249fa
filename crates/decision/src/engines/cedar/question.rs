//! An evaluation as Cedar sees it, prepared only as far as the conditions that are to be evaluated look.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy_core::ast::{EntityType, EntityUID, Value};
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::known::Known;
use super::needs::{CLOCK, Names, Needs, Of};
use super::scene::Scene;
use super::shape::{self, Members, Unfit};
use crate::properties::Properties;
use crate::time::UnixTime;
use crate::words::Evaluation;

/// The member of the context that holds the properties of the action, if it has any.
const ACTION: &str = "action";

/// Why a question cannot be asked: it is answered by nobody, and so denied.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Not the name of a type.
    Type {
        /// `subject` or `resource`.
        part: &'static str,
        /// What it is called.
        name: String,
    },
    /// A property that cannot become what the schema says.
    Property {
        /// `subject`, `resource` or `context`.
        part: &'static str,
        /// Which, and what it should be.
        message: String,
    },
    /// Cedar does not take the entities.
    Entities(String),
}

impl Failure {
    pub(super) fn property(part: &'static str, unfit: &Unfit) -> Self {
        Self::Property {
            part,
            message: unfit.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { part, name } => write!(f, "{part}: `{name}` cannot be the name of a type"),
            Self::Property { part, message } => write!(f, "{part}: {message}"),
            Self::Entities(message) => write!(f, "entities: {message}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The three entities of an evaluation, with the parents that their properties give them.
pub(super) struct Question<'a> {
    pub(super) known: &'a Known,
    pub(super) names: &'a Names,
    pub(super) evaluation: &'a Evaluation,
    pub(super) principal: EntityUID,
    pub(super) principal_parents: Vec<EntityUID>,
    pub(super) action: EntityUID,
    pub(super) resource: EntityUID,
    pub(super) resource_parents: Vec<EntityUID>,
}

impl<'a> Question<'a> {
    pub(super) fn of(known: &'a Known, names: &'a Names, evaluation: &'a Evaluation) -> Result<Self, Failure> {
        let uid = |part: &'static str, kind: &str, id: &str| match known.entity_type(kind) {
            Some(kind) => Ok(shape::entity(kind, id)),
            None => Err(Failure::Type {
                part,
                name: kind.to_owned(),
            }),
        };
        let (subject, resource) = (&evaluation.subject, &evaluation.resource);
        let mut question = Self {
            known,
            names,
            evaluation,
            principal: uid("subject", &subject.kind, &subject.id)?,
            principal_parents: parents("subject", &known.subject_memberships, &subject.properties)?,
            action: known.action(&evaluation.action.name),
            resource: uid("resource", &resource.kind, &resource.id)?,
            resource_parents: parents("resource", &known.resource_memberships, &resource.properties)?,
        };
        if question.principal == question.resource {
            // One entity in both places is a member of whatever either of them is said to be.
            question.principal_parents.append(&mut question.resource_parents);
            question.resource_parents.clone_from(&question.principal_parents);
        }
        Ok(question)
    }

    /// What conditions look at, and no more of it than they need; these entities are named by them.
    pub(super) fn scene<'n>(
        &'a self,
        needs: &Needs,
        named: impl Iterator<Item = &'n EntityUID>,
        at: UnixTime,
    ) -> Result<Scene<'a>, Failure> {
        let context = self
            .context(needs, at)
            .map_err(|unfit| Failure::property("context", &unfit))?;
        Scene::of(self, needs, named, Value::record_arc(Arc::new(context), None))
    }

    fn context(&self, needs: &Needs, at: UnixTime) -> Result<BTreeMap<SmolStr, Value>, Unfit> {
        let declared = self.known.contexts.get(&self.action);
        let mut context = BTreeMap::new();
        if needs.whole_context {
            context = shape::record(declared, &self.evaluation.context)?;
            if !self.evaluation.action.properties.is_empty() {
                context.extend(self.action_properties(declared)?);
            }
        } else {
            let of_context = needs.attributes.iter().filter(|asked| asked.of == Of::Context);
            for name in of_context.filter_map(|asked| self.names.get_index(asked.name)) {
                if name == ACTION && !self.evaluation.action.properties.is_empty() {
                    context.extend(self.action_properties(declared)?);
                } else if let Some(json) = self.evaluation.context.get(name.as_str()) {
                    context.extend(shape::member(declared, name, json)?.map(|value| (name.clone(), value)));
                }
            }
        }
        context.remove(CLOCK);
        if needs.clock {
            context.insert(CLOCK.into(), clock(at));
        }
        Ok(context)
    }

    /// The properties of the action, as the member of the context that holds them.
    fn action_properties(&self, declared: Option<&Members>) -> Result<Option<(SmolStr, Value)>, Unfit> {
        let object = Json::Object((*self.evaluation.action.properties).clone());
        let value = shape::member(declared, ACTION, &object)?;
        Ok(value.map(|value| (ACTION.into(), value)))
    }
}

/// What properties say that an entity is a member of. A property that is there and no string or array of strings could have named what a
/// `forbid` is about, so that nobody can tell.
fn parents(
    part: &'static str,
    memberships: &[(String, EntityType)],
    properties: &Properties,
) -> Result<Vec<EntityUID>, Failure> {
    let mut parents = Vec::new();
    for (property, kind) in memberships {
        let ids: &[Json] = match properties.get(property) {
            Some(Json::Array(ids)) => ids,
            Some(Json::Null) | None => &[],
            Some(one) => std::slice::from_ref(one),
        };
        for id in ids {
            let id = id.as_str().ok_or_else(|| Failure::Property {
                part,
                message: format!("`{property}` is not a string, or an array of strings"),
            })?;
            parents.push(shape::entity(kind.clone(), id));
        }
    }
    Ok(parents)
}

/// The time, in UTC, in numbers that policies can compare.
fn clock(at: UnixTime) -> Value {
    let members: [(SmolStr, Value); 3] = [
        ("minute".into(), i64::from(at.minute_of_day()).into()),
        ("seconds".into(), at.0.into()),
        ("weekday".into(), (at.weekday() as i64).into()),
    ];
    Value::record_arc(Arc::new(BTreeMap::from(members)), None)
}
