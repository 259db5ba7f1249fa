//! Objects as numbers: names are kept once, in chunks that versions share.
//!
//! A number is given again when nothing has it any more. That is safe for whoever reads an older version: that has its own chunks.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use super::tree::Tree;
use crate::relations::model::TypeId;

/// How many names a chunk has, and how many chunks a page. Names have 255 bytes at most, so that a chunk's ends fit into 16 bits.
const CHUNK_BITS: u32 = 8;
const CHUNK_MASK: u32 = (1 << CHUNK_BITS) - 1;
/// The type of a name that nobody has: no model has so many.
const NOBODY: TypeId = TypeId(u16::MAX);

/// The number of an object, or of everyone of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct Entity(pub(in crate::relations) u32);

/// Which object has which number.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pages: Vec<Arc<Vec<Arc<Chunk>>>>,
    /// How many numbers were ever given at the same time.
    end: u32,
    /// The hash of a name in two words, and its number.
    numbers: Tree,
    hasher: RandomState,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    kinds: Vec<TypeId>,
    /// Where each name ends in the text.
    ends: Vec<u16>,
    text: String,
}

impl Names {
    pub(super) fn find(&self, kind: TypeId, id: &str) -> Option<Entity> {
        let [high, low] = self.hash(kind, id);
        let candidates = self.numbers.range([high, low, 0], [high, low, u32::MAX]);
        candidates
            .map(|[_, _, number]| Entity(number))
            .find(|entity| self.get(*entity) == Some((kind, id)))
    }

    /// The type and the id of a number.
    pub(super) fn get(&self, entity: Entity) -> Option<(TypeId, &str)> {
        self.chunk(entity)?.get(entity.0 & CHUNK_MASK)
    }

    pub(super) fn kind(&self, entity: Entity) -> Option<TypeId> {
        let within = usize::try_from(entity.0 & CHUNK_MASK).ok()?;
        self.chunk(entity)?.kinds.get(within).copied()
    }

    /// Gives a name that is not there a number: one of those that are free, or a new one. `None` where there are no more.
    pub(super) fn add(&mut self, kind: TypeId, id: &str, free: Option<Entity>) -> Option<Entity> {
        let entity = match free {
            Some(entity) => {
                self.put(entity, kind, id);
                entity
            }
            None => self.append(kind, id)?,
        };
        let [high, low] = self.hash(kind, id);
        self.numbers.insert([high, low, entity.0]);
        Some(entity)
    }

    /// Gives a name a new number, without which it cannot be found until it is listed. `None` where there are no more.
    pub(super) fn append(&mut self, kind: TypeId, id: &str) -> Option<Entity> {
        let entity = Entity(self.end);
        self.end = self.end.checked_add(1)?;
        self.put(entity, kind, id);
        Some(entity)
    }

    /// Makes names be found: all that have a number.
    pub(super) fn list(&mut self, entities: impl Iterator<Item = Entity>) {
        let key = |entity: Entity| {
            let (kind, id) = self.get(entity)?;
            let [high, low] = self.hash(kind, id);
            Some([high, low, entity.0])
        };
        let mut keys: Vec<_> = entities.filter_map(key).collect();
        keys.sort_unstable();
        self.numbers = Tree::from_ordered(&keys);
    }

    /// Forgets a name.
    pub(super) fn remove(&mut self, entity: Entity) {
        if let Some((kind, id)) = self.get(entity) {
            let [high, low] = self.hash(kind, id);
            self.numbers.remove(&[high, low, entity.0]);
            self.put(entity, NOBODY, "");
        }
    }

    pub(super) fn hash(&self, kind: TypeId, id: &str) -> [u32; 2] {
        let hash = self.hasher.hash_one((kind, id));
        let word = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        [word(hash >> 32), word(hash)]
    }

    fn chunk(&self, entity: Entity) -> Option<&Chunk> {
        let (page, chunk) = places(entity);
        self.pages.get(page)?.get(chunk).map(|chunk| &**chunk)
    }

    /// Writes a name in its place, which is there or the next.
    fn put(&mut self, entity: Entity, kind: TypeId, id: &str) {
        let (page, chunk) = places(entity);
        if page == self.pages.len() {
            self.pages.push(Arc::default());
        }
        let Some(page) = self.pages.get_mut(page).map(Arc::make_mut) else {
            return;
        };
        if chunk == page.len() {
            page.push(Arc::default());
        }
        if let Some(chunk) = page.get_mut(chunk) {
            Arc::make_mut(chunk).put(entity.0 & CHUNK_MASK, kind, id);
        }
    }
}

impl Chunk {
    fn get(&self, within: u32) -> Option<(TypeId, &str)> {
        let within = usize::try_from(within).ok()?;
        let kind = self.kinds.get(within).copied().filter(|kind| *kind != NOBODY)?;
        let (begin, end) = self.span(within)?;
        Some((kind, self.text.get(begin..end)?))
    }

    fn span(&self, within: usize) -> Option<(usize, usize)> {
        let begin = within.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(within)?;
        Some((usize::from(begin.copied().unwrap_or(0)), usize::from(*end)))
    }

    fn put(&mut self, within: u32, kind: TypeId, id: &str) {
        let Ok(within) = usize::try_from(within) else { return };
        let Some((begin, end)) = self.span(within) else {
            self.text.push_str(id);
            self.kinds.push(kind);
            self.ends.push(u16::try_from(self.text.len()).unwrap_or(u16::MAX));
            self.fit(within);
            return;
        };
        self.text.replace_range(begin..end, id);
        for end_after in self.ends.iter_mut().skip(within) {
            let moved = usize::from(*end_after) + id.len() - (end - begin);
            *end_after = u16::try_from(moved).unwrap_or(u16::MAX);
        }
        if let Some(known) = self.kinds.get_mut(within) {
            *known = kind;
        }
    }

    /// Gives back what a full chunk took in advance.
    fn fit(&mut self, within: usize) {
        if u32::try_from(within).is_ok_and(|within| within == CHUNK_MASK) {
            self.text.shrink_to_fit();
            self.kinds.shrink_to_fit();
            self.ends.shrink_to_fit();
        }
    }
}

/// Of its page, and of its chunk in there.
fn places(entity: Entity) -> (usize, usize) {
    let chunk = entity.0 >> CHUNK_BITS;
    let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    (place(chunk >> CHUNK_BITS), place(chunk & CHUNK_MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_and_go() {
        let mut names = Names::default();
        let text = |number: u32| format!("id-{number}{}", "x".repeat(usize::try_from(number % 200).unwrap()));
        let kind = |number: u32| TypeId(u16::try_from(number % 3).unwrap());
        for number in 0..70_000 {
            assert_eq!(names.add(kind(number), &text(number), None), Some(Entity(number)));
        }
        let before = names.clone();
        for number in (0..70_000).step_by(7) {
            names.remove(Entity(number));
            assert_eq!(
                (names.find(kind(number), &text(number)), names.get(Entity(number))),
                (None, None)
            );
        }
        for number in (0..70_000).step_by(14) {
            let again = names.add(TypeId(9), &text(number + 1), Some(Entity(number)));
            assert_eq!(again, Some(Entity(number)));
        }
        for number in 0..70_000 {
            assert_eq!(before.find(kind(number), &text(number)), Some(Entity(number)));
            let expected = match (number % 14, number % 7) {
                (0, _) => Some((TypeId(9), text(number + 1))),
                (_, 0) => None,
                _ => Some((kind(number), text(number))),
            };
            let found = names.get(Entity(number)).map(|(kind, id)| (kind, id.to_owned()));
            assert_eq!(found, expected, "{number}");
            if let Some((kind, id)) = expected {
                assert_eq!(names.find(kind, &id), Some(Entity(number)));
            }
        }
    }
}
