//! The tree as static files (C2SP tlog-tiles): what they are called and what they hold.
//!
//! A tile has the hashes of up to 256 nodes of a height that is a multiple of eight; a bundle has the entries below a tile of
//! level 0. Both are the same for ever once they are full, and partial ones are files of their own beside.

mod bundle;
mod name;
mod read;
mod stored;

pub use bundle::{BUNDLE_BYTES_MAX, ENTRY_BYTES_MAX, NotWhole, push_entry, split};
pub(crate) use name::Listed;
pub use name::{FOLDER, Kind, LEVELS_MAX, TileName, compressed};
pub(crate) use read::read_tile;
pub use read::{TileError, TileReader};
pub use stored::{Stored, read_bundle};

use crate::merkle::HASH_BYTES;

/// How many hashes or entries a full tile or bundle has.
pub const TILE_WIDTH: u64 = 256;

/// The height of a tile: how many levels of the tree stand between it and the next.
pub const TILE_HEIGHT: u32 = 8;

/// The length of a full tile.
#[allow(clippy::cast_possible_truncation, reason = "256 fits everywhere")]
pub const TILE_BYTES: usize = TILE_WIDTH as usize * HASH_BYTES;

/// Where the node with this number of a level stands in its tile.
#[allow(clippy::cast_possible_truncation, reason = "it is smaller than 256")]
pub(crate) fn place_in_tile(number: u64) -> usize {
    (number % TILE_WIDTH) as usize
}

/// How many full tiles, or bundles at level 0, a level has in a tree of `size` leaves.
pub fn full_tiles(level: u8, size: u64) -> u64 {
    nodes(level, size) / TILE_WIDTH
}

/// How many nodes the tiles of a level hold in a tree of `size` leaves.
fn nodes(level: u8, size: u64) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// How many hashes the tile or bundle at `index` of a level has in a tree of `size` leaves: 256, fewer at the right edge, or 0 beyond.
pub fn width(level: u8, index: u64, size: u64) -> u64 {
    nodes(level, size)
        .saturating_sub(index.saturating_mul(TILE_WIDTH))
        .min(TILE_WIDTH)
}
