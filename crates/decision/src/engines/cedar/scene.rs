//! What the conditions of a question look at: its three entities, its context, and the entities that can be reached from them. Prepared
//! as far as conditions look, and no further; told to [`Term`](super::term::Term)s as it is, and to Cedar's evaluator if it has to be asked.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cedar_policy_core::ast::{
    Context, Entity, EntityUID, EntityUIDEntry, Literal, PartialValue, Request, Value, ValueKind, Var,
};
use cedar_policy_core::entities::err::EntitiesError;
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::known::Known;
use super::needs::{Asked, Names, Needs, Of};
use super::question::{Failure, Question};
use super::shape;
use super::term::{self, Attribute};

/// What can be looked at.
pub(super) struct Scene<'a> {
    known: &'a Known,
    principal: Value,
    action: Value,
    resource: Value,
    context: Value,
    /// The principal and the resource, as far as they can be reached.
    made: SmallVec<[Made<'a>; 2]>,
    /// Which of them is the principal, and which the resource.
    made_principal: Option<usize>,
    made_resource: Option<usize>,
    /// The configured entities that can be reached.
    shared: Vec<&'a Arc<Entity>>,
}

/// The principal or the resource, or both in one: what is configured, and for the rest what its properties say.
#[derive(Debug)]
pub(super) struct Made<'a> {
    uid: &'a EntityUID,
    known: &'a Known,
    configured: Option<&'a Entity>,
    /// What its properties say that is asked for, and not configured; by the numbers of the names.
    said: SmallVec<[(usize, Value); 4]>,
    names: &'a Names,
    /// What it is within besides what is configured; and all that is above them.
    parents: &'a [EntityUID],
}

/// An entity that is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Looked<'a> {
    Made(&'a Made<'a>),
    Configured(&'a Entity),
}

impl<'a> Looked<'a> {
    pub(super) fn attribute(self, name: &Attribute) -> Option<&'a Value> {
        match self {
            Self::Configured(entity) => whole(entity.get(&name.name)),
            Self::Made(made) => {
                let Attribute { name, number } = name;
                let configured = made.configured.and_then(|entity| whole(entity.get(name)));
                configured.or_else(|| {
                    made.said
                        .iter()
                        .find(|(said, _)| said == number)
                        .map(|(_, value)| value)
                })
            }
        }
    }

    pub(super) fn tag(self, name: &str) -> Option<&'a Value> {
        match self {
            Self::Configured(entity) => whole(entity.get_tag(name)),
            Self::Made(made) => whole(made.configured?.get_tag(name)),
        }
    }

    /// Whether it is within another entity, not counting itself.
    pub(super) fn is_within(self, other: &EntityUID) -> bool {
        match self {
            Self::Configured(entity) => entity.is_descendant_of(other),
            Self::Made(made) => {
                let above = |entity: &Entity| entity.is_descendant_of(other);
                made.configured.is_some_and(above)
                    || made.parents.iter().any(|parent| {
                        parent == other || made.known.entities.get(parent).is_some_and(|parent| above(parent))
                    })
            }
        }
    }
}

/// Entities are read without partial evaluation: what they hold is known.
fn whole(value: Option<&PartialValue>) -> Option<&Value> {
    match value {
        Some(PartialValue::Value(value)) => Some(value),
        Some(PartialValue::Residual(_)) | None => None,
    }
}

impl<'a> Scene<'a> {
    /// The entities that conditions can look at, and no other: those that are fewer steps away than conditions go from what they name.
    ///
    /// # Errors
    ///
    /// A property that is asked for is not what the schema says.
    pub(super) fn of<'n>(
        question: &'a Question<'a>,
        needs: &Needs,
        named: impl Iterator<Item = &'n EntityUID>,
        context: Value,
    ) -> Result<Self, Failure> {
        let mut scene = Self {
            known: question.known,
            principal: question.principal.clone().into(),
            action: question.action.clone().into(),
            resource: question.resource.clone().into(),
            context,
            made: SmallVec::new(),
            made_principal: None,
            made_resource: None,
            shared: Vec::new(),
        };
        if needs.steps > 0 {
            scene.reach(question, needs, named)?;
        }
        Ok(scene)
    }

    fn reach<'n>(
        &mut self,
        question: &'a Question<'a>,
        needs: &Needs,
        named: impl Iterator<Item = &'n EntityUID>,
    ) -> Result<(), Failure> {
        let mut frontier: Vec<EntityUID> = Vec::new();
        let mut seen = HashSet::new();
        let variables = [
            (needs.principal, &question.principal),
            (needs.action, &question.action),
            (needs.resource, &question.resource),
        ];
        let variables = variables.into_iter().filter(|(needed, _)| *needed).map(|(_, uid)| uid);
        let mut next = Vec::new();
        let mut first = |scene: &mut Self, uid: &EntityUID| {
            scene.add(question, uid, needs, &mut seen, (needs.steps > 1).then_some(&mut next))
        };
        for uid in variables {
            first(self, uid)?;
        }
        for uid in named {
            first(self, uid)?;
        }
        if let ValueKind::Record(members) = &self.context.value {
            members
                .values()
                .for_each(|value| shape::references(value, &mut frontier));
        }
        for uid in &frontier {
            first(self, uid)?;
        }
        for left in (0..needs.steps - 1).rev() {
            frontier = std::mem::take(&mut next);
            for uid in frontier {
                self.add(question, &uid, needs, &mut seen, (left > 0).then_some(&mut next))?;
            }
        }
        Ok(())
    }

    /// Adds an entity, if there is one and it is not here yet. What it refers to goes on the list of those to come.
    fn add(
        &mut self,
        question: &'a Question<'a>,
        uid: &EntityUID,
        needs: &Needs,
        seen: &mut HashSet<&'a EntityUID>,
        next: Option<&mut Vec<EntityUID>>,
    ) -> Result<(), Failure> {
        let roles = question.roles(uid);
        if roles.principal || roles.resource {
            if self.made.iter().all(|made| made.uid != uid) {
                let made = question.made(roles, needs)?;
                next.into_iter().for_each(|next| made.references(next));
                let place = Some(self.made.len());
                self.made_principal = if roles.principal { place } else { self.made_principal };
                self.made_resource = if roles.resource { place } else { self.made_resource };
                self.made.push(made);
            }
        } else if let Some(entity) = self.known.entities.get(uid)
            && seen.insert(entity.uid())
        {
            next.into_iter().for_each(|next| references(entity, next));
            self.shared.push(entity);
        }
        Ok(())
    }

    pub(super) fn variable(&self, variable: Var) -> &Value {
        match variable {
            Var::Principal => &self.principal,
            Var::Action => &self.action,
            Var::Resource => &self.resource,
            Var::Context => &self.context,
        }
    }

    /// An attribute of a variable, if it has it. Most conditions ask about the principal and the resource, for which no ids are compared.
    pub(super) fn own(&self, variable: Var, name: &Attribute) -> Option<&Value> {
        let made = match variable {
            Var::Principal => self.made_principal,
            Var::Resource => self.made_resource,
            Var::Action => return self.entity(term::uid(&self.action)?)?.attribute(name),
            Var::Context => return term::member(&self.context, name),
        };
        self.made.get(made?).map(Looked::Made)?.attribute(name)
    }

    /// The entity of this id, if there is one.
    pub(super) fn entity(&self, uid: &EntityUID) -> Option<Looked<'_>> {
        let made = self.made.iter().find(|made| made.uid == uid).map(Looked::Made);
        made.or_else(|| self.known.entities.get(uid).map(|entity| Looked::Configured(entity)))
    }

    /// The same for Cedar's evaluator.
    pub(super) fn request(&self) -> Request {
        let entry = |value: &Value| match &value.value {
            ValueKind::Lit(Literal::EntityUID(uid)) => EntityUIDEntry::known((**uid).clone(), None),
            _ => EntityUIDEntry::unknown(),
        };
        let context = match &self.context.value {
            ValueKind::Record(members) => Context::Value(Arc::clone(members)),
            _ => Context::empty(),
        };
        Request::new_unchecked(
            entry(&self.principal),
            entry(&self.action),
            entry(&self.resource),
            Some(context),
        )
    }

    /// The same for Cedar's evaluator.
    ///
    /// # Errors
    ///
    /// Cedar does not take them.
    pub(super) fn entities(&self) -> Result<Entities, Failure> {
        let none = None::<&NoEntitiesSchema>;
        let (computed, extensions) = (TCComputation::AssumeAlreadyComputed, Extensions::all_available());
        let failed = |error: EntitiesError| Failure::Entities(error.to_string());
        let made = self.made.iter().map(Made::whole);
        let made = Entities::from_entities(made, none, computed, extensions).map_err(failed)?;
        if self.shared.is_empty() {
            return Ok(made);
        }
        let computed = TCComputation::AssumeAlreadyComputed;
        let entities = made.add_entities(self.shared.iter().copied().cloned(), none, computed, extensions);
        entities.map_err(failed)
    }
}

impl Made<'_> {
    fn references(&self, found: &mut Vec<EntityUID>) {
        self.configured.into_iter().for_each(|entity| references(entity, found));
        self.said.iter().for_each(|(_, value)| shape::references(value, found));
    }

    /// As Cedar has entities.
    fn whole(&self) -> Entity {
        let configured = self.configured.into_iter();
        let said = self.said.iter();
        let said = said.filter_map(|(number, value)| Some((self.names.get_index(*number)?.clone(), value.clone())));
        let mut attributes: BTreeMap<SmolStr, PartialValue> =
            said.map(|(name, value)| (name, PartialValue::Value(value))).collect();
        let own = configured.clone().flat_map(|entity| entity.attrs());
        attributes.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        let tags = configured.flat_map(|entity| entity.tags());
        let tags: Vec<_> = tags.map(|(name, value)| (name.clone(), value.clone())).collect();
        let above = self.known.ancestors(self.uid, self.parents).cloned();
        // Whether something stands above directly or not makes no difference to `in`.
        Entity::new_with_attr_partial_value(self.uid.clone(), attributes, HashSet::new(), above.collect(), tags)
    }
}

fn references(entity: &Entity, found: &mut Vec<EntityUID>) {
    let values = entity.attrs().chain(entity.tags());
    for (_, value) in values {
        if let PartialValue::Value(value) = value {
            shape::references(value, found);
        }
    }
}

/// In which places of a question an entity stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roles {
    pub(super) principal: bool,
    pub(super) resource: bool,
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

impl<'a> Question<'a> {
    fn roles(&self, uid: &EntityUID) -> Roles {
        Roles {
            principal: *uid == self.principal,
            resource: *uid == self.resource,
        }
    }

    /// No more of an entity than is asked for.
    fn made(&'a self, roles: Roles, needs: &Needs) -> Result<Made<'a>, Failure> {
        let (uid, parents) = match roles.principal {
            true => (&self.principal, &self.principal_parents),
            false => (&self.resource, &self.resource_parents),
        };
        let configured = self.known.entities.get(uid).map(|entity| &**entity);
        let declared = self.known.attributes.get(uid.entity_type());
        let mut said: SmallVec<[(usize, Value); 4]> = SmallVec::new();
        let asked = needs.attributes.iter().filter(|asked| roles.may_be(asked.of));
        for Asked { name: number, .. } in asked {
            let Some(name) = self.names.get_index(*number) else {
                continue;
            };
            let is_known = said.iter().any(|(said, _)| said == number);
            if is_known || configured.is_some_and(|entity| entity.get(name).is_some()) {
                continue;
            }
            said.extend(self.property(name, roles, declared)?.map(|value| (*number, value)));
        }
        Ok(Made {
            uid,
            known: self.known,
            names: self.names,
            configured,
            said,
            parents,
        })
    }

    /// What is said of the subject or the resource; of one entity in both places, what is said of the subject.
    fn property(&self, name: &str, roles: Roles, declared: Option<&shape::Members>) -> Result<Option<Value>, Failure> {
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
