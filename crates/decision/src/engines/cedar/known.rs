//! What is known before any question: the schema, the names of types and actions, the entities that are configured.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityType, EntityUID};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::ValidatorSchema;

use super::entities;
use super::read::{of_diagnostic, too_deep};
use super::shape::{self, Members};
use super::written::{Membership, Source, Text};
use crate::problem::Problem;

/// The type of actions.
const ACTION: &str = "Action";

/// What is configured, by what questions name: they look it up and put nothing in, so nobody can make it collide.
pub(super) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Entities by their ids, each with all its ancestors.
pub(super) type Entities = Map<EntityUID, Arc<Entity>>;

#[derive(Debug)]
pub(super) struct Known {
    pub(super) schema: Option<ValidatorSchema>,
    pub(super) entities: Entities,
    /// Attributes by type, where there is a schema.
    pub(super) attributes: Map<EntityType, Members>,
    /// Members of the context by action, where there is a schema.
    pub(super) contexts: Map<EntityUID, Members>,
    pub(super) subject_memberships: Vec<(String, EntityType)>,
    pub(super) resource_memberships: Vec<(String, EntityType)>,
    types: Map<String, EntityType>,
    namespace: Option<String>,
    action: EntityType,
}

impl Known {
    pub(super) fn of(source: &Source<'_>) -> Result<Self, Vec<Problem>> {
        let schema = source.schema.map(read_schema).transpose()?;
        let entities = entities::read(source.entities, schema.as_ref())?;
        let namespace = source.namespace.clone();
        let action = entity_type(namespace.as_deref(), ACTION).map_err(|problem| vec![problem])?;
        let mut known = Self {
            attributes: schema.as_ref().map(attributes).unwrap_or_default(),
            contexts: schema.as_ref().map(contexts).unwrap_or_default(),
            subject_memberships: memberships(namespace.as_deref(), &source.subject_memberships)?,
            resource_memberships: memberships(namespace.as_deref(), &source.resource_memberships)?,
            types: Map::default(),
            schema,
            entities,
            namespace,
            action,
        };
        known.note_types();
        Ok(known)
    }

    /// The names of all types that are declared or have entities, so that questions need not parse them.
    fn note_types(&mut self) {
        let declared = self.schema.iter().flat_map(ValidatorSchema::entity_type_names).cloned();
        let used = self.entities.keys().map(|uid| uid.entity_type().clone());
        let types: HashSet<EntityType> = declared.chain(used).collect();
        let prefix = self.namespace.as_ref().map(|namespace| format!("{namespace}::"));
        for kind in types {
            let full = kind.to_string();
            if let Some(short) = prefix.as_ref().and_then(|prefix| full.strip_prefix(prefix)) {
                self.types.insert(short.to_owned(), kind.clone());
            }
            if prefix.is_none() || full.contains("::") {
                self.types.insert(full, kind);
            }
        }
    }

    /// The type of this name, if it can be the name of a type.
    pub(super) fn entity_type(&self, name: &str) -> Option<EntityType> {
        if let Some(known) = self.types.get(name) {
            return Some(known.clone());
        }
        entity_type(self.namespace.as_deref(), name).ok()
    }

    pub(super) fn action(&self, name: &str) -> EntityUID {
        shape::entity(self.action.clone(), name)
    }

    /// Everything that an entity with these parents besides its configured ones is within, itself left out. May name one twice.
    pub(super) fn ancestors<'a>(
        &'a self,
        uid: &EntityUID,
        parents: &'a [EntityUID],
    ) -> impl Iterator<Item = &'a EntityUID> {
        let own = self.entities.get(uid).into_iter().flat_map(|entity| entity.ancestors());
        let theirs = parents.iter().filter_map(|parent| self.entities.get(parent));
        own.chain(parents).chain(theirs.flat_map(|entity| entity.ancestors()))
    }
}

/// A type by its name, in the namespace if the name has none itself. The name has one spelling: what Cedar's parser would pass over, such
/// as blanks and comments, is no part of one.
fn entity_type(namespace: Option<&str>, name: &str) -> Result<EntityType, Problem> {
    let full = match namespace {
        Some(namespace) if !name.contains("::") => format!("{namespace}::{name}"),
        _ => name.to_owned(),
    };
    EntityType::from_normalized_str(&full)
        .map_err(|_| Problem::error(None, format!("`{full}` cannot be the name of a type")))
}

fn memberships(namespace: Option<&str>, written: &[Membership]) -> Result<Vec<(String, EntityType)>, Vec<Problem>> {
    let lowered = written
        .iter()
        .map(|one| Ok((one.property.clone(), entity_type(namespace, &one.kind)?)));
    lowered.collect::<Result<_, Problem>>().map_err(|problem| vec![problem])
}

fn read_schema(text: Text<'_>) -> Result<ValidatorSchema, Vec<Problem>> {
    if let Some(problem) = too_deep(text, true) {
        return Err(vec![problem]);
    }
    let read = ValidatorSchema::from_cedarschema_str(text.text, Extensions::all_available());
    match read {
        Ok((schema, _)) => Ok(schema),
        Err(error) => Err(vec![of_diagnostic(&text.places(), &error)]),
    }
}

fn attributes(schema: &ValidatorSchema) -> Map<EntityType, Members> {
    let types = schema.entity_types();
    types
        .map(|kind| (kind.name().clone(), shape::members(kind.attributes())))
        .collect()
}

fn contexts(schema: &ValidatorSchema) -> Map<EntityUID, Members> {
    let typed = schema.action_ids().filter_map(|action| {
        let shape = shape::Shape::of_type(schema.context_type(action.name())?);
        match shape {
            shape::Shape::Record(members) => Some((action.name().clone(), members)),
            _ => None,
        }
    });
    typed.collect()
}
