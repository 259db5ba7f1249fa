//! An evaluation as Cedar sees it, prepared only as far as the conditions that are to be evaluated look.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy_core::ast::{Context, Entity, EntityType, EntityUID, EntityUIDEntry, PartialValue, Request, Value};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::known::Known;
use super::needs::{CLOCK, Needs};
use super::shape::{self, Unfit};
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
    known: &'a Known,
    evaluation: &'a Evaluation,
    pub(super) principal: EntityUID,
    pub(super) principal_parents: Vec<EntityUID>,
    pub(super) action: EntityUID,
    pub(super) resource: EntityUID,
    pub(super) resource_parents: Vec<EntityUID>,
}

impl<'a> Question<'a> {
    pub(super) fn of(known: &'a Known, evaluation: &'a Evaluation) -> Result<Self, Failure> {
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
            evaluation,
            principal: uid("subject", &subject.kind, &subject.id)?,
            principal_parents: parents(&known.subject_memberships, &subject.properties),
            action: known.action(&evaluation.action.name),
            resource: uid("resource", &resource.kind, &resource.id)?,
            resource_parents: parents(&known.resource_memberships, &resource.properties),
        };
        if question.principal == question.resource {
            // One entity in both places is a member of whatever either of them is said to be.
            question.principal_parents.append(&mut question.resource_parents);
            question.resource_parents.clone_from(&question.principal_parents);
        }
        Ok(question)
    }

    /// What the evaluator is given: no more of the context than conditions need.
    pub(super) fn request(&self, needs: &Needs, at: UnixTime) -> Result<Request, Failure> {
        let context = if needs.context {
            self.context(needs, at)?
        } else {
            BTreeMap::new()
        };
        Ok(Request::new_unchecked(
            EntityUIDEntry::known(self.principal.clone(), None),
            EntityUIDEntry::known(self.action.clone(), None),
            EntityUIDEntry::known(self.resource.clone(), None),
            Some(Context::Value(Arc::new(context))),
        ))
    }

    fn context(&self, needs: &Needs, at: UnixTime) -> Result<BTreeMap<SmolStr, Value>, Failure> {
        let declared = self.known.contexts.get(&self.action);
        let of_context = |unfit: Unfit| Failure::Property {
            part: "context",
            message: unfit.to_string(),
        };
        let mut context = shape::record(declared, &self.evaluation.context).map_err(of_context)?;
        let action = &self.evaluation.action.properties;
        if !action.is_empty() {
            let object = Json::Object((**action).clone());
            let own = serde_json::Map::from_iter([(ACTION.to_owned(), object)]);
            context.extend(shape::record(declared, &own).map_err(of_context)?);
        }
        context.remove(CLOCK);
        if needs.clock {
            context.insert(CLOCK.into(), clock(at));
        }
        Ok(context)
    }

    /// The entities that the conditions can look at, and no other: those that are fewer than `steps` attributes away from what
    /// they name.
    pub(super) fn entities(
        &self,
        needs: &Needs,
        named: Vec<EntityUID>,
        request: &Request,
    ) -> Result<Entities, Failure> {
        if needs.steps == 0 {
            return Ok(Entities::new());
        }
        let mut frontier = named;
        frontier.extend(needs.principal.then(|| self.principal.clone()));
        frontier.extend(needs.action.then(|| self.action.clone()));
        frontier.extend(needs.resource.then(|| self.resource.clone()));
        if let Some(Context::Value(context)) = request.context() {
            context
                .values()
                .for_each(|value| shape::references(value, &mut frontier));
        }
        let mut seen: HashSet<EntityUID> = HashSet::new();
        let mut slice: Vec<Arc<Entity>> = Vec::new();
        for left in (0..needs.steps).rev() {
            let mut next = Vec::new();
            for uid in frontier {
                if !seen.insert(uid.clone()) {
                    continue;
                }
                let Some(entity) = self.entity(&uid)? else { continue };
                if left > 0 {
                    references(&entity, &mut next);
                }
                slice.push(entity);
            }
            frontier = next;
        }
        let (none, computed) = (None::<&NoEntitiesSchema>, TCComputation::AssumeAlreadyComputed);
        let entities = Entities::new().add_entities(slice, none, computed, Extensions::all_available());
        entities.map_err(|error| Failure::Entities(error.to_string()))
    }

    /// An entity as it is for this question, if there is one.
    fn entity(&self, uid: &EntityUID) -> Result<Option<Arc<Entity>>, Failure> {
        let (is_principal, is_resource) = (*uid == self.principal, *uid == self.resource);
        if !is_principal && !is_resource {
            return Ok(self.known.entities.get(uid).map(Arc::clone));
        }
        let mut own = BTreeMap::new();
        let mut parents = Vec::new();
        if is_resource {
            let properties = &self.evaluation.resource.properties;
            own = self.attributes("resource", uid.entity_type(), properties)?;
            parents.extend(self.resource_parents.iter().cloned());
        }
        if is_principal {
            let properties = &self.evaluation.subject.properties;
            own.extend(self.attributes("subject", uid.entity_type(), properties)?);
            parents.extend(self.principal_parents.iter().cloned());
        }
        let own = own.into_iter().map(|(name, value)| (name, PartialValue::Value(value)));
        Ok(Some(self.known.entity(uid, own, parents)))
    }

    fn attributes(
        &self,
        part: &'static str,
        kind: &EntityType,
        properties: &Properties,
    ) -> Result<BTreeMap<SmolStr, Value>, Failure> {
        let of_part = |unfit: Unfit| Failure::Property {
            part,
            message: unfit.to_string(),
        };
        shape::record(self.known.attributes.get(kind), properties).map_err(of_part)
    }
}

/// What properties say that an entity is a member of. What is no string, or no array of strings, says nothing.
fn parents(memberships: &[(String, EntityType)], properties: &Properties) -> Vec<EntityUID> {
    let mut parents = Vec::new();
    for (property, kind) in memberships {
        let ids: &[Json] = match properties.get(property) {
            Some(Json::Array(ids)) => ids,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let ids = ids.iter().filter_map(Json::as_str);
        parents.extend(ids.map(|id| shape::entity(kind.clone(), id)));
    }
    parents
}

fn references(entity: &Entity, found: &mut Vec<EntityUID>) {
    let values = entity.attrs().chain(entity.tags());
    for (_, value) in values {
        if let PartialValue::Value(value) = value {
            shape::references(value, found);
        }
    }
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
