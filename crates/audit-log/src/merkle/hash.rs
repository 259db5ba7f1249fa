//! Hashes of leaves and of nodes: SHA-256, told apart by their first byte (RFC 6962 §2.1).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The length of a [`Hash`].
pub const HASH_BYTES: usize = 32;

/// Before an entry, so that no entry can be taken for a node (RFC 6962 §2.1).
const LEAF: u8 = 0x00;
/// Before two hashes.
const NODE: u8 = 0x01;
/// The length of what is hashed for a node.
const NODE_BYTES: usize = 1 + 2 * HASH_BYTES;

/// The hash of a leaf, a node or a whole tree. Public, so comparing two needs no care.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// From its octets.
    pub const fn new(octets: [u8; HASH_BYTES]) -> Self {
        Self(octets)
    }

    /// From octets of whatever length; `None` unless there are 32.
    pub fn from_slice(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }

    /// From base64 in its one spelling, with padding (RFC 4648 §4), as checkpoints and proofs have it.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&STANDARD.decode(text).ok()?)
    }

    /// In base64.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The octets.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    fn of(octets: &[u8]) -> Self {
        let mut sum = [0; HASH_BYTES];
        // The digest has exactly this length.
        sum.copy_from_slice(digest(&SHA256, octets).as_ref());
        Self(sum)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

/// The root of a tree without leaves (RFC 6962 §2.1).
pub fn empty_hash() -> Hash {
    Hash::of(&[])
}

/// The hash of an entry as a leaf.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    /// Entries up to here are copied: that costs less than the context that hashing in two steps would allocate.
    const COPIED_BYTES_MAX: usize = 2048;
    let mut copied = [LEAF; COPIED_BYTES_MAX + 1];
    let (_, room) = copied.split_at_mut(1);
    if let Some(room) = room.get_mut(..entry.len()) {
        room.copy_from_slice(entry);
        let whole = copied.get(..=entry.len()).unwrap_or_default();
        return Hash::of(whole);
    }
    let mut long = Vec::with_capacity(entry.len().saturating_add(1));
    long.push(LEAF);
    long.extend_from_slice(entry);
    Hash::of(&long)
}

/// The hash of the node above two.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut octets = [NODE; NODE_BYTES];
    let (_, hashes) = octets.split_at_mut(1);
    let (first, second) = hashes.split_at_mut(HASH_BYTES);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash::of(&octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        hash.as_bytes().iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// Go's `sumdb/tlog` and the Certificate Transparency project test against the same three.
    #[test]
    fn hashes_are_those_of_rfc_6962() {
        let cases = [
            (
                empty_hash(),
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                leaf_hash(b""),
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                leaf_hash(b"\0"),
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            ),
        ];
        for (hash, expected) in cases {
            assert_eq!(hex(hash), expected);
        }
        let both = node_hash(&leaf_hash(b""), &leaf_hash(b"\0"));
        assert_eq!(
            hex(both),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }

    #[test]
    fn a_copied_entry_hashes_like_one_that_is_not() {
        for length in [0, 1, 2047, 2048, 2049, 65_535] {
            let entry = vec![7; length];
            let mut whole = vec![LEAF];
            whole.extend_from_slice(&entry);
            assert_eq!(leaf_hash(&entry), Hash::of(&whole), "{length}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        let hash = leaf_hash(b"a");
        let text = hash.to_base64();
        assert_eq!(Hash::from_base64(&text), Some(hash));
        assert_eq!(Hash::from_base64(text.trim_end_matches('=')), None);
        assert_eq!(Hash::from_base64("AAAA"), None);
    }
}
