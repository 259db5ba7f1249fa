//! Tuples in memory, to be found from either side: numbers in two ordered sets, whose versions share what they have in common.

mod load;
mod names;
mod tree;

use super::batch::Change;
use super::model::{Model, RelationId, TypeId};
use super::tuple::{EVERYONE, Tuple};
use tree::{Key, Tree};

pub use load::{Loaded, Loader};
pub(super) use names::Entity;

/// What became of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many tuples there are now that were not there.
    pub added: u64,
    /// How many there were that are not there now.
    pub removed: u64,
    /// How many were left out: the model does not allow them, or there are no more numbers for objects.
    pub unfit: u64,
}

/// One version of all tuples. A copy is a few pointers.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    names: names::Names,
    /// Object, relation and relation of the subject, subject.
    forward: Tree,
    /// Subject, relation of the subject and relation, object.
    reverse: Tree,
    len: u64,
}

/// A tuple in numbers.
#[derive(Clone, Copy)]
struct Numbered {
    object: Entity,
    relation: RelationId,
    subject: Entity,
    subject_relation: Option<RelationId>,
}

impl Index {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The number of an object, if a tuple has it.
    pub(super) fn entity(&self, kind: TypeId, id: &str) -> Option<Entity> {
        self.names.find(kind, id)
    }

    /// The number of everyone of a type, if a tuple has it.
    pub(super) fn everyone(&self, kind: TypeId) -> Option<Entity> {
        self.names.find(kind, EVERYONE)
    }

    pub(super) fn kind(&self, entity: Entity) -> Option<TypeId> {
        self.names.kind(entity)
    }

    pub(super) fn id(&self, entity: Entity) -> &str {
        self.names.get(entity).map_or("", |(_, id)| id)
    }

    /// Whether there is a tuple with this very subject.
    pub(super) fn holds(&self, object: Entity, relation: RelationId, subject: Entity) -> bool {
        let key = [object.0, pair(Some(relation), None), subject.0];
        self.forward.contains(&key)
    }

    /// The subjects of an object's tuples, themselves or by this relation of theirs.
    pub(super) fn subjects(
        &self,
        object: Entity,
        relation: RelationId,
        by: Option<RelationId>,
    ) -> impl Iterator<Item = Entity> {
        let middle = pair(Some(relation), by);
        self.forward
            .range([object.0, middle, 0], [object.0, middle, u32::MAX])
            .map(third)
    }

    /// The objects whose tuples have a subject, itself or by this relation of its.
    pub(super) fn objects(
        &self,
        subject: Entity,
        by: Option<RelationId>,
        relation: RelationId,
    ) -> impl Iterator<Item = Entity> {
        let middle = pair(by, Some(relation));
        self.reverse
            .range([subject.0, middle, 0], [subject.0, middle, u32::MAX])
            .map(third)
    }

    /// Makes changes in their order. Takes numbers from `free`, and gives back those that nothing has any more: they are free when
    /// this version is in force.
    pub(super) fn apply(
        &mut self,
        model: &Model,
        changes: &[Change],
        free: &mut Vec<Entity>,
    ) -> (Applied, Vec<Entity>) {
        let mut applied = Applied::default();
        let mut left = Vec::new();
        for change in changes {
            match change {
                Change::Added(tuple) => match self.number(model, tuple.view(), free) {
                    Some(tuple) => applied.added += u64::from(self.add(tuple)),
                    None => applied.unfit += 1,
                },
                Change::Removed(tuple) => {
                    if let Some(tuple) = self.find(model, tuple.view())
                        && self.remove(tuple)
                    {
                        applied.removed += 1;
                        left.extend([tuple.object, tuple.subject]);
                    }
                }
            }
        }
        self.len = (self.len + applied.added).saturating_sub(applied.removed);
        (applied, self.nameless(left))
    }

    /// Takes out every tuple that has an object. Says how many there were, and gives back the numbers that nothing has any more.
    pub(super) fn forget(&mut self, object: Entity) -> (u64, Vec<Entity>) {
        let (first, last) = ([object.0, 0, 0], [object.0, u32::MAX, u32::MAX]);
        let of_subject = self.reverse.range(first, last).map(turned);
        let keys: Vec<Key> = self.forward.range(first, last).chain(of_subject).collect();
        let (mut removed, mut left) = (0, Vec::new());
        for key in keys {
            self.reverse.remove(&turned(key));
            // One that has it on both sides comes twice.
            removed += u64::from(self.forward.remove(&key));
            let [object, _, subject] = key;
            left.extend([Entity(object), Entity(subject)]);
        }
        self.len = self.len.saturating_sub(removed);
        (removed, self.nameless(left))
    }

    /// Takes away the names of those of these that no tuple has any more.
    fn nameless(&mut self, mut left: Vec<Entity>) -> Vec<Entity> {
        left.sort_unstable();
        left.dedup();
        left.retain(|entity| !self.has(*entity));
        left.iter().for_each(|entity| self.names.remove(*entity));
        left
    }

    fn add(&mut self, tuple: Numbered) -> bool {
        self.reverse.insert(tuple.reverse());
        self.forward.insert(tuple.forward())
    }

    fn remove(&mut self, tuple: Numbered) -> bool {
        self.reverse.remove(&tuple.reverse());
        self.forward.remove(&tuple.forward())
    }

    /// Whether any tuple has an object.
    fn has(&self, entity: Entity) -> bool {
        let (first, last) = ([entity.0, 0, 0], [entity.0, u32::MAX, u32::MAX]);
        [&self.forward, &self.reverse]
            .iter()
            .any(|keys| keys.range(first, last).next().is_some())
    }

    /// A tuple whose objects have numbers.
    fn find(&self, model: &Model, tuple: Tuple<&str>) -> Option<Numbered> {
        let (kind, relation, subject_kind, subject_relation) = model.fit(tuple).ok()?;
        let subject = tuple.subject();
        Some(Numbered {
            object: self.entity(kind, tuple.object().id())?,
            relation,
            subject: self.entity(subject_kind, subject.parts().1)?,
            subject_relation,
        })
    }

    /// A tuple whose objects are given numbers where they have none.
    fn number(&mut self, model: &Model, tuple: Tuple<&str>, free: &mut Vec<Entity>) -> Option<Numbered> {
        let (kind, relation, subject_kind, subject_relation) = model.fit(tuple).ok()?;
        let subject = tuple.subject();
        Some(Numbered {
            object: self.give(kind, tuple.object().id(), free)?,
            relation,
            subject: self.give(subject_kind, subject.parts().1, free)?,
            subject_relation,
        })
    }

    fn give(&mut self, kind: TypeId, id: &str, free: &mut Vec<Entity>) -> Option<Entity> {
        self.entity(kind, id).or_else(|| self.names.add(kind, id, free.pop()))
    }
}

impl Numbered {
    fn forward(self) -> Key {
        let middle = pair(Some(self.relation), self.subject_relation);
        [self.object.0, middle, self.subject.0]
    }

    fn reverse(self) -> Key {
        let middle = pair(self.subject_relation, Some(self.relation));
        [self.subject.0, middle, self.object.0]
    }
}

/// Two relations in one word; none is 0, which no relation is.
fn pair(first: Option<RelationId>, second: Option<RelationId>) -> u32 {
    let number = |relation: Option<RelationId>| relation.map_or(0, |relation| u32::from(relation.0));
    number(first) << 16 | number(second)
}

/// The same tuple from its other side.
fn turned([first, middle, last]: Key) -> Key {
    [last, middle.rotate_left(16), first]
}

fn third([_, _, entity]: Key) -> Entity {
    Entity(entity)
}
