//! Proofs, verified. Whoever made one may be hostile: it can have any length, and sizes that no tree has.

use thiserror::Error;

use super::PROOF_HASHES_MAX;
use super::hash::{Hash, node_hash};

/// A proof does not prove what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unproved {
    /// There cannot be such a leaf, or such sizes.
    #[error("there is no such place in the tree")]
    Impossible,
    /// It has too few hashes, or too many.
    #[error("the proof has {found} hashes, which is not what these sizes take")]
    Length {
        /// How many it has.
        found: usize,
    },
    /// It proves another root, or none.
    #[error("the proof does not lead to the root")]
    Root,
}

/// Whether a leaf with this hash is at `index` in the tree of `size` leaves with this `root` (RFC 9162 §2.1.3.2).
///
/// # Errors
///
/// [`Unproved`] when the proof does not show that.
pub fn check_inclusion(leaf: &Hash, index: u64, size: u64, root: &Hash, proof: &[Hash]) -> Result<(), Unproved> {
    if index >= size {
        return Err(Unproved::Impossible);
    }
    let length = Unproved::Length { found: proof.len() };
    if proof.len() > PROOF_HASHES_MAX {
        return Err(length);
    }
    let mut walk = Walk {
        node: index,
        last: size - 1,
    };
    let mut hash = *leaf;
    for sibling in proof {
        if walk.last == 0 {
            return Err(length);
        }
        hash = if walk.is_right() {
            node_hash(sibling, &hash)
        } else {
            node_hash(&hash, sibling)
        };
        walk.up();
    }
    if walk.last != 0 {
        return Err(length);
    }
    if hash == *root { Ok(()) } else { Err(Unproved::Root) }
}

/// Whether the tree of `old` leaves with the root `old_root` is the beginning of that of `new` leaves with `new_root` (RFC 9162
/// §2.1.4.2). That of no leaves is the beginning of every tree, whatever its root is said to be.
///
/// # Errors
///
/// [`Unproved`] when the proof does not show that.
pub fn check_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> Result<(), Unproved> {
    if old > new {
        return Err(Unproved::Impossible);
    }
    let length = Unproved::Length { found: proof.len() };
    if old == 0 || old == new {
        return match (proof.is_empty(), old == 0 || old_root == new_root) {
            (false, _) => Err(length),
            (true, false) => Err(Unproved::Root),
            (true, true) => Ok(()),
        };
    }
    if proof.len() > PROOF_HASHES_MAX {
        return Err(length);
    }
    let mut walk = Walk {
        node: old - 1,
        last: new - 1,
    };
    walk.up_while_right();
    // A whole subtree is known by the old root itself.
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(length)?;
        (*first, rest)
    };
    let (mut of_old, mut of_new) = (first, first);
    for sibling in rest {
        if walk.last == 0 {
            return Err(length);
        }
        if walk.is_right() {
            of_old = node_hash(sibling, &of_old);
            of_new = node_hash(sibling, &of_new);
        } else {
            of_new = node_hash(&of_new, sibling);
        }
        walk.up();
    }
    if walk.last != 0 {
        return Err(length);
    }
    if of_old == *old_root && of_new == *new_root {
        Ok(())
    } else {
        Err(Unproved::Root)
    }
}

/// The way from a node to the root: its number in its level (`fn` of RFC 9162), and that of the level's last node (`sn`).
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    /// Whether the sibling is on the left: the node is a right child, or the last of its level, which is carried up alone until it
    /// has one there.
    fn is_right(&self) -> bool {
        self.node & 1 == 1 || self.node == self.last
    }

    fn up(&mut self) {
        // Levels in which the last node has no sibling leave no hash in a proof.
        if self.is_right() {
            while self.node & 1 == 0 && self.node != 0 {
                self.shift();
            }
        }
        self.shift();
    }

    fn up_while_right(&mut self) {
        while self.node & 1 == 1 {
            self.shift();
        }
    }

    fn shift(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}
