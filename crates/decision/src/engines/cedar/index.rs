//! Which policies a question may concern, by their scopes alone, exactly: what the index gives has a scope that holds, and nothing
//! that it leaves out has.
//!
//! Each form that the scope of a policy can have becomes a key: anything, this very entity, within this entity, of this type, of this
//! type within this entity. A question has the keys of all forms that hold for it. The index is a tree over the keys of action,
//! principal and resource; only keys that some policy has are in it, so a question looks up few.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, Policy, PrincipalOrResourceConstraint as Constraint,
};
use smallvec::{SmallVec, smallvec};

use super::known::{Entities, Map};

type Key = u32;
/// The key of scopes that hold for everything.
const ANY: Key = 0;

/// A map by keys that we gave out ourselves: nobody can choose them so that they collide.
type ByKey<T> = HashMap<Key, T, BuildHasherDefault<KeyHasher>>;

#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, key: u32) {
        self.0 = (self.0 ^ u64::from(key)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

/// The keys of one of the three parts of scopes.
#[derive(Debug, Default)]
pub(super) struct Dimension {
    by_entity: Map<EntityUID, EntityKeys>,
    by_type: Map<EntityType, Key>,
    last: Key,
}

/// The keys that an entity brings along: for itself, and for whatever is within it.
#[derive(Clone, Debug, Default)]
struct EntityKeys {
    itself: Option<Key>,
    /// That of the entity, and those of all that is configured above it.
    within: Vec<Key>,
    of_type_within: Vec<(EntityType, Key)>,
}

impl Dimension {
    fn next(last: &mut Key) -> Key {
        *last += 1;
        *last
    }

    fn itself(&mut self, uid: &EntityUID) -> Key {
        let keys = self.by_entity.entry(uid.clone()).or_default();
        *keys.itself.get_or_insert_with(|| Self::next(&mut self.last))
    }

    fn within(&mut self, uid: &EntityUID) -> Key {
        let keys = self.by_entity.entry(uid.clone()).or_default();
        if let Some(key) = keys.within.first() {
            return *key;
        }
        let key = Self::next(&mut self.last);
        keys.within.push(key);
        key
    }

    fn of_type(&mut self, kind: &EntityType) -> Key {
        let last = &mut self.last;
        *self.by_type.entry(kind.clone()).or_insert_with(|| Self::next(last))
    }

    fn of_type_within(&mut self, kind: &EntityType, uid: &EntityUID) -> Key {
        let keys = self.by_entity.entry(uid.clone()).or_default();
        if let Some((_, key)) = keys.of_type_within.iter().find(|(known, _)| known == kind) {
            return *key;
        }
        let key = Self::next(&mut self.last);
        keys.of_type_within.push((kind.clone(), key));
        key
    }

    /// The key of a scope, or nothing if it can never hold.
    fn key_of(&mut self, constraint: &Constraint) -> Option<Key> {
        match constraint {
            Constraint::Any => Some(ANY),
            Constraint::Eq(EntityReference::EUID(uid)) => Some(self.itself(uid)),
            Constraint::In(EntityReference::EUID(uid)) => Some(self.within(uid)),
            Constraint::Is(kind) => Some(self.of_type(kind)),
            Constraint::IsIn(kind, EntityReference::EUID(uid)) => Some(self.of_type_within(kind, uid)),
            Constraint::Eq(EntityReference::Slot(_))
            | Constraint::In(EntityReference::Slot(_))
            | Constraint::IsIn(_, EntityReference::Slot(_)) => None,
        }
    }

    fn keys_of_action(&mut self, constraint: &ActionConstraint) -> Vec<Key> {
        match constraint {
            ActionConstraint::Any => vec![ANY],
            ActionConstraint::Eq(uid) => vec![self.itself(uid)],
            ActionConstraint::In(uids) => uids.iter().map(|uid| self.within(uid)).collect(),
        }
    }

    /// Gives each configured entity the keys of everything above it, so that a question asks for each of its entities once.
    fn inherit(&mut self, entities: &Entities) {
        if self.by_entity.is_empty() {
            return;
        }
        let mut inherited = Vec::new();
        for (uid, entity) in entities {
            let above = entity.ancestors().filter(|ancestor| *ancestor != uid);
            let above: Vec<&EntityKeys> = above.filter_map(|ancestor| self.by_entity.get(ancestor)).collect();
            if above.is_empty() {
                continue;
            }
            let mut keys = self.by_entity.get(uid).cloned().unwrap_or_default();
            for one in above {
                keys.within.extend_from_slice(&one.within);
                keys.of_type_within.extend_from_slice(&one.of_type_within);
            }
            inherited.push((uid.clone(), keys));
        }
        self.by_entity.extend(inherited);
    }

    /// The keys of all scopes that hold for this entity with these parents besides its configured ones, ascending.
    pub(super) fn keys(&self, uid: &EntityUID, parents: &[EntityUID]) -> SmallVec<[Key; 8]> {
        let kind = uid.entity_type();
        let mut keys = smallvec![ANY];
        if !self.by_type.is_empty() {
            keys.extend(self.by_type.get(kind).copied());
        }
        if !self.by_entity.is_empty() {
            let own = self.by_entity.get(uid);
            keys.extend(own.and_then(|own| own.itself));
            let above = parents.iter().filter_map(|parent| self.by_entity.get(parent));
            for entity in own.into_iter().chain(above) {
                keys.extend_from_slice(&entity.within);
                let of_type = entity.of_type_within.iter().filter(|(of, _)| of == kind);
                keys.extend(of_type.map(|(_, key)| *key));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// The keys of a question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'a> {
    pub(super) principal: &'a [Key],
    pub(super) action: &'a [Key],
    pub(super) resource: &'a [Key],
}

/// The index. Policies go by their number.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) principals: Dimension,
    pub(super) actions: Dimension,
    pub(super) resources: Dimension,
    tree: ByKey<ByKey<ByKey<Vec<u32>>>>,
}

impl Index {
    /// The index of these policies, numbered from 0, for questions about these entities and others.
    pub(super) fn of<'a>(policies: impl Iterator<Item = &'a Policy>, entities: &Entities) -> Self {
        let mut index = Self::default();
        for (number, policy) in (0..).zip(policies) {
            let principal = index.principals.key_of(policy.principal_constraint().as_inner());
            let resource = index.resources.key_of(policy.resource_constraint().as_inner());
            let actions = index.actions.keys_of_action(policy.action_constraint());
            let (Some(principal), Some(resource)) = (principal, resource) else {
                continue;
            };
            for action in actions {
                let leaf = index.tree.entry(action).or_default().entry(principal).or_default();
                leaf.entry(resource).or_default().push(number);
            }
        }
        for dimension in [&mut index.principals, &mut index.actions, &mut index.resources] {
            dimension.inherit(entities);
        }
        index
    }

    /// The policies whose scope holds, ascending.
    pub(super) fn in_scope(&self, keys: Keys<'_>) -> SmallVec<[u32; 32]> {
        let mut found = SmallVec::new();
        for by_principal in common(&self.tree, keys.action) {
            for by_resource in common(by_principal, keys.principal) {
                for policies in common(by_resource, keys.resource) {
                    found.extend_from_slice(policies);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// What stands in the map under one of the keys, which are ascending: by way of whichever of the two has less.
fn common<'a, T>(map: &'a ByKey<T>, keys: &'a [Key]) -> impl Iterator<Item = &'a T> {
    let few = map.len() < keys.len();
    let by_map = if few { Some(map) } else { None };
    let by_map = by_map
        .into_iter()
        .flatten()
        .filter(|(key, _)| keys.binary_search(key).is_ok());
    let by_keys = if few { &[] } else { keys };
    by_map
        .map(|(_, value)| value)
        .chain(by_keys.iter().filter_map(|key| map.get(key)))
}
