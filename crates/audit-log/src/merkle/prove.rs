//! Proofs, made of nodes that span only leaves that are there.

use super::hash::{Hash, empty_hash, node_hash};

/// Who knows the complete nodes of a tree.
pub trait Nodes {
    /// Why a node is not known.
    type Error;

    /// The node over the leaves from `number * 2^height`, `2^height` of them. It is asked only for nodes within the tree.
    ///
    /// # Errors
    ///
    /// When the node cannot be had.
    fn node(&mut self, height: u32, number: u64) -> Result<Hash, Self::Error>;
}

/// The root of the tree's first `size` leaves (`MTH(D[0:n])` of RFC 6962 §2.1).
///
/// # Errors
///
/// What `nodes` fails with.
pub fn root_of<N: Nodes + ?Sized>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    subtree(nodes, 0, size)
}

/// The hashes that prove that the leaf at `index` is in the tree of the first `size` leaves, from the leaf upwards (RFC 6962
/// §2.1.1). `None` where there is no such leaf.
///
/// # Errors
///
/// What `nodes` fails with.
pub fn inclusion<N: Nodes + ?Sized>(nodes: &mut N, index: u64, size: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(Some(proof))
}

/// The hashes that prove that the tree of `old` leaves is the beginning of that of `new` (RFC 6962 §2.1.2). Empty where `old` is
/// 0 or `new`, and `None` where it is more.
///
/// # Errors
///
/// What `nodes` fails with.
pub fn consistency<N: Nodes + ?Sized>(nodes: &mut N, old: u64, new: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if old > new {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, new);
    // Whether what is looked at is a whole subtree of the old tree, whose root its holder has.
    let mut known = true;
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(nodes, start, middle)?);
            start = middle;
            known = false;
        }
    }
    if !known {
        proof.push(subtree(nodes, start, end)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// The largest power of two that is smaller than `count`, which is 2 or more.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// `MTH(D[start:end])`, where `start` is where a subtree of that size begins.
fn subtree<N: Nodes + ?Sized>(nodes: &mut N, start: u64, end: u64) -> Result<Hash, N::Error> {
    // The complete subtrees from the left; each is smaller than the one before.
    let mut complete = Vec::new();
    let mut start = start;
    while start < end {
        let height = (end - start).ilog2();
        complete.push(nodes.node(height, start >> height)?);
        start += 1 << height;
    }
    let mut complete = complete.into_iter().rev();
    let smallest = complete.next().unwrap_or_else(empty_hash);
    Ok(complete.fold(smallest, |right, left| node_hash(&left, &right)))
}
