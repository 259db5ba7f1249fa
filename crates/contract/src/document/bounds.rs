//! How large a contract may be. Contracts come from people, but also from generators and from the network, so every
//! dimension that costs memory or time has a bound, and passing it is a located error.

/// Bytes of one file (64 MiB). The largest public contracts are near 50 MB.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of all files of one document together (256 MiB).
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Files of one document, the root included.
pub const FILES_MAX: usize = 1_000;

/// Arrays and objects around a value, in one file. Aliases of YAML count as what they stand for. It is low
/// enough for a recursive walk over any tree to fit a thread's stack, and several times what real contracts use.
pub const DEPTH_MAX: u16 = 256;

/// Values in all files of one document together (a member is one, its name is not counted).
pub const NODES_MAX: u32 = 4_000_000;

/// Values that the anchors, aliases and merge keys of one YAML file may add by being copied.
pub const ALIAS_NODES_MAX: u32 = 1_000_000;

/// References in a row that lead to a reference again.
pub const HOPS_MAX: u8 = 64;

/// Problems that are collected before loading gives up.
pub const PROBLEMS_MAX: usize = 1_000;

/// What is left of the bounds that all files of a document share.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    nodes: u32,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            nodes: NODES_MAX,
            bytes: DOCUMENT_BYTES_MAX,
        }
    }
}

impl Budget {
    /// A small budget, for tests of its exhaustion.
    #[cfg(test)]
    pub(super) fn of(nodes: u32, bytes: usize) -> Self {
        Self { nodes, bytes }
    }

    /// Takes `count` values; false, and nothing is taken, when so many are not left.
    pub(super) fn take_nodes(&mut self, count: u32) -> bool {
        let left = self.nodes.checked_sub(count);
        self.nodes = left.unwrap_or(self.nodes);
        left.is_some()
    }

    /// Takes `count` bytes; false, and nothing is taken, when so many are not left.
    pub(super) fn take_bytes(&mut self, count: usize) -> bool {
        let left = self.bytes.checked_sub(count);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}
