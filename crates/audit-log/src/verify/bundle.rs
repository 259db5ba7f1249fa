//! What lies there of one bundle and its tile, read and hashed. Which of them is right where they differ is not said here.

use std::io;

use super::anchor::root_of_row;
use crate::medium::Source;
use crate::merkle::{Hash, leaf_hash};
use crate::tiles::{self, Kind, Stored, TILE_WIDTH, TileError, TileName, read_bundle, read_tile, width};

/// A bundle beside the tile of its leaves.
pub(super) enum Bundle {
    /// Its entries have the hashes of the tile.
    Alike {
        hashes: Vec<Hash>,
        /// The one over them, if the bundle is full.
        node: Option<Hash>,
    },
    /// They have not, or one of the two is not there.
    Unlike {
        found: Found,
        tile: Result<Vec<Hash>, TileError>,
    },
}

/// The entries of a bundle, as they are there.
pub(super) enum Found {
    Entries { leaves: Vec<Hash>, whole: bool },
    Gone,
    Damaged,
}

impl Bundle {
    /// Reads the one at `index` of a log of `size` entries.
    pub(super) fn read(source: &dyn Source, index: u64, size: u64) -> io::Result<Self> {
        let tile = read_tile(source, 0, index, size);
        Ok(match (Found::read(source, index, size)?, tile) {
            (Found::Entries { leaves, whole: true }, Ok(tile)) if leaves == tile => Self::Alike {
                node: node_over(&leaves),
                hashes: leaves,
            },
            (found, tile) => Self::Unlike { found, tile },
        })
    }
}

/// The hash over the leaves of a full bundle.
pub(super) fn node_over(leaves: &[Hash]) -> Option<Hash> {
    (leaves.len() as u64 == TILE_WIDTH).then(|| root_of_row(leaves))
}

impl Found {
    fn read(source: &dyn Source, index: u64, size: u64) -> io::Result<Self> {
        let full = TileName::full(Kind::Entries, index);
        let name = TileName::within(Kind::Entries, index, size).unwrap_or(full);
        let mut stored = read_bundle(source, &name)?;
        let mut only = usize::MAX;
        if stored == Stored::Missing && name != full {
            // It has become full while the log was verified; it begins with the same entries.
            stored = read_bundle(source, &full)?;
            only = usize::try_from(width(0, index, size)).unwrap_or(usize::MAX);
        }
        let Some(bundle) = stored.bundle() else {
            return Ok(if stored == Stored::Damaged {
                Self::Damaged
            } else {
                Self::Gone
            });
        };
        let (entries, whole) = tiles::split(bundle);
        let whole = whole.is_ok() || entries.len() > only;
        let leaves = entries.into_iter().take(only).map(leaf_hash).collect();
        Ok(Self::Entries { leaves, whole })
    }
}
