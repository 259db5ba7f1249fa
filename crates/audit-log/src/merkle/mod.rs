//! The tree of RFC 6962 §2.1 (RFC 9162 §2.1): hashes, a right edge that grows, proofs and their verification.
//!
//! A node that spans `2^height` leaves, all of them there, is named by its height and its number from the left; every other hash
//! of the tree is made of such nodes. So whoever has those ([`Nodes`]) can prove anything, and a log only has to keep those.

mod check;
mod edge;
mod hash;
mod lines;
mod prove;

pub use check::{Unproved, check_consistency, check_inclusion};
pub use edge::Edge;
pub use hash::{HASH_BYTES, Hash, empty_hash, leaf_hash, node_hash};
pub(crate) use lines::{parse_hashes, write_hashes};
pub use prove::{Nodes, consistency, inclusion, root_of};

/// How many hashes a proof has at most: enough for 2^63 entries, one for each level and one more between two sizes (RFC 9162 §2.1.4).
/// C2SP tlog-witness takes 63.
pub const PROOF_HASHES_MAX: usize = 64;
