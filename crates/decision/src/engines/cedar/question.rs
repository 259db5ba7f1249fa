//! An evaluation as Cedar sees it, prepared only as far as the conditions that are to be evaluated look.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy_core::ast::{Context, Entity, EntityType, EntityUID, EntityUIDEntry, PartialValue, Request, Value};
use cedar_policy_core::entities::err::EntitiesError;
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::known::Known;
use super::needs::{CLOCK, Names, Needs, Of};
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
    fn property(part: &'static str, unfit: &Unfit) -> Self {
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
    known: &'a Known,
    names: &'a Names,
    evaluation: &'a Evaluation,
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

    /// What the evaluator is given: no more of the context than conditions need.
    pub(super) fn request(&self, needs: &Needs, at: UnixTime) -> Result<Request, Failure> {
        let context = self
            .context(needs, at)
            .map_err(|unfit| Failure::property("context", &unfit))?;
        Ok(Request::new_unchecked(
            EntityUIDEntry::known(self.principal.clone(), None),
            EntityUIDEntry::known(self.action.clone(), None),
            EntityUIDEntry::known(self.resource.clone(), None),
            Some(Context::Value(Arc::new(context))),
        ))
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
        let mut slice = Slice::default();
        for left in (0..needs.steps).rev() {
            let mut next = Vec::new();
            for uid in frontier {
                self.add(&uid, needs, &mut slice, (left > 0).then_some(&mut next))?;
            }
            frontier = next;
        }
        slice.finish()
    }

    /// Adds an entity to a slice, if there is one and it is not in it. What it refers to goes on the list of those to come.
    fn add(
        &self,
        uid: &EntityUID,
        needs: &Needs,
        slice: &mut Slice<'a>,
        next: Option<&mut Vec<EntityUID>>,
    ) -> Result<(), Failure> {
        let roles = Roles {
            principal: *uid == self.principal,
            resource: *uid == self.resource,
        };
        if roles.principal || roles.resource {
            if (roles.principal && slice.has_principal) || (roles.resource && slice.has_resource) {
                return Ok(());
            }
            slice.has_principal |= roles.principal;
            slice.has_resource |= roles.resource;
            let entity = self.made(uid, roles, needs)?;
            next.into_iter().for_each(|next| references(&entity, next));
            slice.made.push(entity);
        } else if let Some(entity) = self.known.entities.get(uid)
            && slice.seen.insert(entity.uid())
        {
            next.into_iter().for_each(|next| references(entity, next));
            slice.shared.push(entity);
        }
        Ok(())
    }

    /// The principal or the resource, or both in one: what is configured, and for the rest what its properties say; no more of it
    /// than is asked for.
    fn made(&self, uid: &EntityUID, roles: Roles, needs: &Needs) -> Result<Entity, Failure> {
        let configured = self.known.entities.get(uid);
        let declared = self.known.attributes.get(uid.entity_type());
        let mut attributes = BTreeMap::new();
        for asked in needs.attributes.iter().filter(|asked| roles.may_be(asked.of)) {
            let Some(name) = self.names.get_index(asked.name) else {
                continue;
            };
            let known = configured.and_then(|entity| entity.get(name)).cloned();
            let value = match known {
                Some(value) => Some(value),
                None => self.property(name, roles, declared)?.map(PartialValue::Value),
            };
            attributes.extend(value.map(|value| (name.clone(), value)));
        }
        let mut above = HashSet::new();
        if needs.ancestors {
            let parents = roles.principal.then_some(&self.principal_parents);
            let parents = parents.unwrap_or(&self.resource_parents);
            above.extend(self.known.ancestors(uid, parents).cloned());
        }
        let tags = configured
            .iter()
            .filter(|_| needs.tags)
            .flat_map(|entity| entity.tags());
        let tags: Vec<_> = tags.map(|(name, value)| (name.clone(), value.clone())).collect();
        // Whether something stands above directly or not makes no difference to `in`.
        Ok(Entity::new_with_attr_partial_value(
            uid.clone(),
            attributes,
            HashSet::new(),
            above,
            tags,
        ))
    }

    /// What is said of the subject or the resource; of one entity in both places, what is said of the subject.
    fn property(&self, name: &str, roles: Roles, declared: Option<&Members>) -> Result<Option<Value>, Failure> {
        let (subject, resource) = (&self.evaluation.subject, &self.evaluation.resource);
        let said = [
            ("subject", roles.principal, &subject.properties),
            ("resource", roles.resource, &resource.properties),
        ];
        for (part, _, properties) in said.into_iter().filter(|(_, counts, _)| *counts) {
            let Some(json) = properties.get(name) else { continue };
            let value = shape::member(declared, name, json).map_err(|unfit| Failure::property(part, &unfit))?;
            if value.is_some() {
                return Ok(value);
            }
        }
        Ok(None)
    }
}

/// In which places of a question an entity stands.
#[derive(Clone, Copy, Debug)]
struct Roles {
    principal: bool,
    resource: bool,
}

impl Roles {
    /// Whether what is asked of this may be asked of the entity.
    fn may_be(self, of: Of) -> bool {
        match of {
            Of::Principal => self.principal,
            Of::Resource => self.resource,
            Of::Context => false,
            Of::Whatever => true,
        }
    }
}

/// The entities that conditions can look at.
#[derive(Default)]
struct Slice<'a> {
    made: Vec<Entity>,
    shared: Vec<&'a Arc<Entity>>,
    /// Those that are shared.
    seen: HashSet<&'a EntityUID>,
    has_principal: bool,
    has_resource: bool,
}

impl Slice<'_> {
    fn finish(self) -> Result<Entities, Failure> {
        let none = None::<&NoEntitiesSchema>;
        let (computed, extensions) = (TCComputation::AssumeAlreadyComputed, Extensions::all_available());
        let failed = |error: EntitiesError| Failure::Entities(error.to_string());
        let made = Entities::from_entities(self.made, none, computed, extensions).map_err(failed)?;
        if self.shared.is_empty() {
            return Ok(made);
        }
        let computed = TCComputation::AssumeAlreadyComputed;
        let entities = made.add_entities(self.shared.into_iter().cloned(), none, computed, extensions);
        entities.map_err(failed)
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
