//! Hashes and proofs, held against the definitions of RFC 6962 word by word, and against the crate `ct-merkle`.

use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use portcullis_audit_log::merkle::{
    Edge, Hash, Nodes, Unproved, check_consistency, check_inclusion, consistency, empty_hash, inclusion, leaf_hash,
    node_hash, root_of,
};
use sha2::Sha256;

use crate::fixture::Random;

/// The tree as RFC 6962 §2.1 defines it, by recursion over all leaves.
struct Defined(Vec<Hash>);

impl Defined {
    fn of(size: usize) -> Self {
        Self((0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect())
    }

    fn root(&self, size: usize) -> Hash {
        mth(&self.0[..size])
    }
}

fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_hash(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// `PATH(m, D[n])`
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if index < left.len() {
        (path(index, left), mth(right))
    } else {
        (path(index - left.len(), right), mth(left))
    };
    path.push(other);
    path
}

/// `SUBPROOF(m, D[n], b)`
fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, other) = if old <= left.len() {
        (subproof(old, left, known), mth(right))
    } else {
        (subproof(old - left.len(), right, false), mth(left))
    };
    proof.push(other);
    proof
}

impl Nodes for &Defined {
    type Error = Infallible;

    fn node(&mut self, height: u32, number: u64) -> Result<Hash, Infallible> {
        let start = usize::try_from(number << height).unwrap();
        Ok(mth(&self.0[start..start + (1 << height)]))
    }
}

fn check_proofs(tree: &Defined, index: usize, old: usize, new: usize) {
    let [index_, old_, new_] = [index, old, new].map(|number| u64::try_from(number).unwrap());
    let (old_root, new_root) = (tree.root(old), tree.root(new));
    let Ok(root) = root_of(&mut &*tree, new_);
    assert_eq!(root, new_root, "{new}");
    if index < new {
        let Ok(proof) = inclusion(&mut &*tree, index_, new_);
        assert_eq!(proof.as_ref(), Some(&path(index, &tree.0[..new])), "{index} in {new}");
        let proof = proof.unwrap();
        assert_eq!(
            check_inclusion(&tree.0[index], index_, new_, &new_root, &proof),
            Ok(()),
            "{index} in {new}"
        );
    }
    if old <= new {
        let Ok(proof) = consistency(&mut &*tree, old_, new_);
        if old > 0 {
            assert_eq!(
                proof.as_ref(),
                Some(&subproof(old, &tree.0[..new], true)),
                "{old} to {new}"
            );
        }
        let proof = proof.unwrap();
        assert_eq!(
            check_consistency(old_, &old_root, new_, &new_root, &proof),
            Ok(()),
            "{old} to {new}"
        );
    }
}

#[test]
fn proofs_of_all_sizes_to_300_are_those_of_the_definition() {
    let tree = Defined::of(300);
    for new in 0..=300 {
        for place in 0..=new {
            check_proofs(&tree, place, place, new);
        }
    }
}

#[test]
fn proofs_of_any_size_to_100_000_are_those_of_the_definition() {
    let tree = Defined::of(100_000);
    let mut random = Random(1);
    for _ in 0..60 {
        let new = 1 + random.below(100_000);
        check_proofs(&tree, random.below(new), random.below(new + 1), new);
    }
}

#[test]
fn another_implementation_makes_the_same_roots_and_proofs() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = Edge::default();
    let mut defined = Defined(Vec::new());
    for number in 0..600_usize {
        let entry = number.to_be_bytes().to_vec();
        ours.push(leaf_hash(&entry), |_, _| {});
        defined.0.push(leaf_hash(&entry));
        theirs.push(entry);
        assert_eq!(
            ours.root().as_bytes().as_slice(),
            theirs.root().as_bytes().as_slice(),
            "{number}"
        );
        for index in [0, number / 3, number] {
            let (index_, size) = (u64::try_from(index).unwrap(), ours.size());
            let Ok(proof) = inclusion(&mut &defined, index_, size);
            let octets: Vec<u8> = proof.unwrap().iter().flat_map(Hash::as_bytes).copied().collect();
            assert_eq!(octets, theirs.prove_inclusion(index).as_bytes(), "{index} in {size}");
        }
        let old = number / 2 + 1;
        let Ok(proof) = consistency(&mut &defined, u64::try_from(old).unwrap(), ours.size());
        let octets: Vec<u8> = proof.unwrap().iter().flat_map(Hash::as_bytes).copied().collect();
        assert_eq!(
            octets,
            theirs.prove_consistency(number + 1 - old).as_bytes(),
            "{old} to {number}"
        );
    }
}

#[test]
fn an_edge_is_the_same_grown_or_made() {
    let tree = Defined::of(700);
    let mut grown = Edge::default();
    for (size, leaf) in (1..).zip(&tree.0) {
        grown.push(*leaf, |_, _| {});
        let Ok(made) = Edge::of(size, |height, number| (&mut &tree).node(height, number));
        assert_eq!(made, grown);
        assert_eq!(grown.root(), tree.root(usize::try_from(size).unwrap()));
    }
}

/// Alters a proof in one of many ways, none of which leaves it as it was.
fn altered(proof: &[Hash], random: &mut Random) -> Vec<Hash> {
    let mut proof = proof.to_vec();
    let place = random.below(proof.len() + 1);
    match random.below(4) {
        0 if place < proof.len() => drop(proof.remove(place)),
        1 if place < proof.len() => proof[place] = node_hash(&proof[place], &proof[place]),
        2 if proof.len() > 1 => proof.reverse(),
        _ => proof.insert(place, leaf_hash(b"more")),
    }
    proof
}

#[test]
fn hostile_proofs_are_refused() {
    let tree = Defined::of(1000);
    let mut random = Random(2);
    for _ in 0..20_000 {
        let new = 1 + random.below(1000);
        let (index, old) = (random.below(new), random.below(new + 1));
        let [index_, old_, new_] = [index, old, new].map(|number| u64::try_from(number).unwrap());
        let (old_root, new_root) = (tree.root(old), tree.root(new));
        let proof = path(index, &tree.0[..new]);
        let hostile = altered(&proof, &mut random);
        if hostile != proof {
            assert!(check_inclusion(&tree.0[index], index_, new_, &new_root, &hostile).is_err());
        }
        let elsewhere = u64::try_from(random.below(new)).unwrap();
        if elsewhere != index_ {
            assert!(check_inclusion(&tree.0[index], elsewhere, new_, &new_root, &proof).is_err());
        }
        let Ok(proof) = consistency(&mut &tree, old_, new_);
        let proof = proof.unwrap();
        let hostile = altered(&proof, &mut random);
        if hostile != proof {
            assert!(
                check_consistency(old_, &old_root, new_, &new_root, &hostile).is_err(),
                "{old} to {new}"
            );
        }
        if old > 0 {
            let other = node_hash(&old_root, &old_root);
            assert!(check_consistency(old_, &other, new_, &new_root, &proof).is_err());
        }
    }
}

#[test]
fn impossible_proofs_are_refused() {
    let hash = leaf_hash(b"");
    let many = vec![hash; 100_000];
    let length = Unproved::Length { found: many.len() };
    for size in [1, 2, 3, u64::MAX - 1, u64::MAX] {
        assert_eq!(
            check_inclusion(&hash, size, size, &hash, &[]),
            Err(Unproved::Impossible)
        );
        assert_eq!(check_inclusion(&hash, 0, size, &hash, &many), Err(length));
        assert_eq!(check_inclusion(&hash, size - 1, size, &hash, &many), Err(length));
        assert_eq!(
            check_consistency(size, &hash, size - 1, &hash, &[]),
            Err(Unproved::Impossible)
        );
        assert_eq!(check_consistency(1, &hash, size, &hash, &many), Err(length));
    }
    // The tree of no leaves is the beginning of all, and says nothing about them.
    assert_eq!(check_consistency(0, &hash, 7, &hash, &[]), Ok(()));
    assert!(check_consistency(0, &hash, 7, &hash, &[hash]).is_err());
    assert_eq!(
        check_consistency(7, &hash, 7, &leaf_hash(b"a"), &[]),
        Err(Unproved::Root)
    );
    assert!(check_consistency(7, &hash, 7, &hash, &[hash]).is_err());
    for proof in [&many[..63], &many[..64]] {
        assert!(check_consistency((1 << 63) + 1, &hash, u64::MAX, &hash, proof).is_err());
    }
}
