//! Many tuples at once: sorted and put into full nodes, instead of one by one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::names::{Entity, Names};
use super::tree::Key;
use super::{Index, Numbered};
use crate::relations::model::{Model, TypeId};
use crate::relations::tuple::Tuple;

/// Takes in all tuples that there are.
#[derive(Debug)]
pub struct Loader {
    model: Arc<Model>,
    names: Names,
    /// The first object with a hash.
    known: HashMap<[u32; 2], Entity>,
    /// The other objects with such a hash; hardly ever one.
    collided: Vec<Entity>,
    /// The object of the tuple before: tuples come by their objects.
    last: Option<Entity>,
    keys: Vec<Key>,
    unfit: u64,
}

/// A model and all its tuples, ready to be in force.
#[derive(Debug)]
pub struct Loaded {
    pub(in crate::relations) model: Arc<Model>,
    pub(in crate::relations) index: Index,
    unfit: u64,
}

impl Loader {
    /// For the tuples of a model.
    #[must_use]
    pub fn new(model: Arc<Model>) -> Self {
        Self {
            model,
            names: Names::default(),
            known: HashMap::new(),
            collided: Vec::new(),
            last: None,
            keys: Vec::new(),
            unfit: 0,
        }
    }

    /// Takes in a tuple. One that the model does not allow is left out, and counted.
    pub fn add(&mut self, tuple: Tuple<&str>) {
        match self.number(tuple) {
            Some(tuple) => self.keys.push(tuple.forward()),
            None => self.unfit += 1,
        }
    }

    /// That was all.
    #[must_use]
    pub fn finish(self) -> Loaded {
        let Self {
            model,
            mut names,
            known,
            collided,
            mut keys,
            unfit,
            ..
        } = self;
        names.list(known.into_values().chain(collided));
        keys.sort_unstable();
        keys.dedup();
        let forward = super::Tree::from_ordered(&keys);
        for [object, middle, subject] in &mut keys {
            std::mem::swap(object, subject);
            *middle = middle.rotate_left(16);
        }
        keys.sort_unstable();
        let index = Index {
            names,
            forward,
            reverse: super::Tree::from_ordered(&keys),
            len: u64::try_from(keys.len()).unwrap_or(u64::MAX),
        };
        Loaded { model, index, unfit }
    }

    fn number(&mut self, tuple: Tuple<&str>) -> Option<Numbered> {
        let (kind, relation, subject_kind, subject_relation) = self.model.fit(tuple).ok()?;
        let (object, subject) = (tuple.object(), tuple.subject());
        let last = self
            .last
            .filter(|last| self.names.get(*last) == Some((kind, object.id())));
        let object = match last {
            Some(object) => object,
            None => self.give(kind, object.id())?,
        };
        self.last = Some(object);
        Some(Numbered {
            object,
            relation,
            subject: self.give(subject_kind, subject.parts().1)?,
            subject_relation,
        })
    }

    fn give(&mut self, kind: TypeId, id: &str) -> Option<Entity> {
        let names = &mut self.names;
        match self.known.entry(names.hash(kind, id)) {
            Entry::Vacant(place) => Some(*place.insert(names.append(kind, id)?)),
            Entry::Occupied(known) => {
                let is_it = |entity: &Entity| names.get(*entity) == Some((kind, id));
                let mut known = std::iter::once(known.get()).chain(&self.collided);
                if let Some(entity) = known.find(|entity| is_it(entity)) {
                    return Some(*entity);
                }
                let entity = names.append(kind, id)?;
                self.collided.push(entity);
                Some(entity)
            }
        }
    }
}

impl Loaded {
    /// How many tuples there are.
    #[must_use]
    pub fn tuples(&self) -> u64 {
        self.index.len()
    }

    /// How many were left out, because the model does not allow them.
    #[must_use]
    pub fn unfit(&self) -> u64 {
        self.unfit
    }
}
