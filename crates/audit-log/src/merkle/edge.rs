//! The right edge of a tree: what has to be remembered of all leaves so far to add another one and to know the root.

use super::hash::{Hash, empty_hash, node_hash};

/// The complete subtrees that a tree of some size falls into, the largest first: one for each bit of the size that is set.
///
/// (Also known as a compact range.) It has 64 hashes at most, whatever the tree's size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    nodes: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree of `size` leaves, made of its nodes as `node(height, number)` gives them.
    ///
    /// # Errors
    ///
    /// What `node` fails with.
    pub fn of<E>(size: u64, mut node: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let mut nodes = Vec::new();
        for height in (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1) {
            // What lies left of this subtree are larger ones, so its number is what its size divides.
            nodes.push(node(height, (size >> height) - 1)?);
        }
        Ok(Self { size, nodes })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev();
        let Some(smallest) = nodes.next() else {
            return empty_hash();
        };
        nodes.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// Adds a leaf. Tells `complete` of every node that has all its leaves now, by height, from the leaf upwards.
    pub fn push(&mut self, leaf: Hash, complete: impl FnMut(u32, Hash)) {
        self.push_subtree(0, leaf, complete);
    }

    /// Adds a complete subtree of `2^height` leaves at once, and tells `complete` as [`push`](Self::push) does. Whether there is
    /// a place for it: the tree's size has to be a multiple of the subtree's.
    pub fn push_subtree(&mut self, height: u32, hash: Hash, mut complete: impl FnMut(u32, Hash)) -> bool {
        let added = 1_u64.checked_shl(height).unwrap_or(0);
        let Some(size) = self
            .size
            .checked_add(added)
            .filter(|_| added != 0 && self.size.is_multiple_of(added))
        else {
            return false;
        };
        let (mut height, mut hash) = (height, hash);
        complete(height, hash);
        while self.size >> height & 1 == 1 {
            let Some(left) = self.nodes.pop() else { break };
            hash = node_hash(&left, &hash);
            height += 1;
            complete(height, hash);
        }
        self.nodes.push(hash);
        self.size = size;
        true
    }
}

impl Extend<Hash> for Edge {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf, |_, _| {}));
    }
}

/// The edge of the tree of these leaves.
impl FromIterator<Hash> for Edge {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut edge = Self::default();
        edge.extend(leaves);
        edge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    #[test]
    fn a_subtree_only_fits_where_one_begins() {
        let leaf = leaf_hash(b"");
        let mut edge = Edge::default();
        assert!(edge.push_subtree(0, leaf, |_, _| {}));
        assert!(!edge.push_subtree(1, leaf, |_, _| {}));
        assert!(!edge.push_subtree(64, leaf, |_, _| {}));
        assert!(edge.push_subtree(0, leaf, |_, _| {}));
        assert!(edge.push_subtree(1, leaf, |_, _| {}));
        assert_eq!(edge.size(), 4);
    }

    #[test]
    fn complete_nodes_are_told_from_the_leaf_upwards() {
        let mut edge = Edge::default();
        let mut told = Vec::new();
        for number in 0..8_u8 {
            edge.push(leaf_hash(&[number]), |height, _| told.push(height));
        }
        assert_eq!(told, [0, 0, 1, 0, 0, 1, 2, 0, 0, 1, 0, 0, 1, 2, 3]);
    }
}
