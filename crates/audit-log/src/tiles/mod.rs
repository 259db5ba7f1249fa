//! The tree as static files (C2SP tlog-tiles): what they are called and what they hold.
//!
//! A tile has the hashes of up to 256 nodes of a height that is a multiple of eight; a bundle has the entries below a tile of
//! level 0. Both are the same for ever once they are full, and partial ones are files of their own beside.

mod bundle;
mod name;
mod read;
mod stored;

pub use bundle::{BUNDLE_BYTES_MAX, ENTRY_BYTES_MAX, NotWhole, push_entry, split};
pub use name::{Kind, LEVELS_MAX, TileName, compressed};
pub use read::{TileError, TileReader};
pub use stored::{Stored, read_bundle};

/// How many hashes or entries a full tile or bundle has.
pub const TILE_WIDTH: u64 = 256;

/// The height of a tile: how many levels of the tree stand between it and the next.
pub const TILE_HEIGHT: u32 = 8;

/// How many hashes the tile or bundle at `index` of a level has in a tree of `size` leaves: 256, fewer at the right edge, or 0 beyond.
pub fn width(level: u8, index: u64, size: u64) -> u64 {
    let nodes = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
    nodes.saturating_sub(index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH)
}
