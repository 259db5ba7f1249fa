//! What tiles are held against: roots that somebody has signed, best those that were kept elsewhere.

use std::io;

use crate::checkpoint::Checkpoint;
use crate::merkle::{Edge, Hash, root_of};
use crate::tiles::{LEVELS_MAX, TILE_HEIGHT, TILE_WIDTH, TileError, TileReader, place_in_tile, width};

/// A size and the root that the log has to have there.
pub(super) struct Anchor {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// Whether the tiles of its right edge have its root, once that was asked.
    holds: Option<bool>,
}

impl Anchor {
    /// Those of the checkpoints from outside within the log, and of its own, by size; of one size the one from outside first.
    pub(super) fn all(own: Option<&Checkpoint>, held: &[&Checkpoint], size: u64) -> Vec<Self> {
        let all = held.iter().copied().chain(own);
        let within = all.filter(|checkpoint| (1..=size).contains(&checkpoint.size));
        let mut anchors: Vec<Self> = within
            .map(|checkpoint| Self {
                size: checkpoint.size,
                root: checkpoint.root,
                holds: None,
            })
            .collect();
        anchors.sort_by_key(|anchor| anchor.size);
        anchors
    }

    /// Whether it spans the first `hashes` of a tile.
    pub(super) fn covers(&self, level: u8, index: u64, hashes: u64) -> bool {
        width(level, index, self.size) >= hashes
    }

    /// Whether a tile is part of the tree with this root, as far as tiles say: its own root is in the tile above, and so on, up to the
    /// right edge.
    pub(super) fn proves(&mut self, tiles: &mut TileReader<'_>, level: u8, index: u64) -> io::Result<bool> {
        known(self.climb(tiles, level, index)).map(|proved| proved == Some(true))
    }

    fn climb(&mut self, tiles: &mut TileReader<'_>, level: u8, index: u64) -> Result<bool, TileError> {
        let (mut level, mut index) = (level, index);
        while width(level, index, self.size) == TILE_WIDTH {
            let root = root_of_row(&tiles.tile(level, index)?);
            let place = place_in_tile(index);
            (level, index) = (level + 1, index / TILE_WIDTH);
            if tiles.tile(level, index)?.get(place) != Some(&root) {
                return Ok(false);
            }
        }
        if let Some(holds) = self.holds {
            return Ok(holds);
        }
        let holds = root_of(tiles, self.size)? == self.root;
        self.holds = Some(holds);
        Ok(holds)
    }
}

/// What a tile says, or `None` if it is missing or damaged.
pub(super) fn known<T>(read: Result<T, TileError>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(TileError::Io(name, error)) => Err(io::Error::new(error.kind(), format!("`{name}`: {error}"))),
        Err(_) => Ok(None),
    }
}

/// The root over a row of nodes of one height.
pub(super) fn root_of_row(hashes: &[Hash]) -> Hash {
    hashes.iter().copied().collect::<Edge>().root()
}

/// The edge of a tree, of its rows of nodes: of the height of one leaf, of a tile, of two tiles and so on.
pub(super) fn edge_of_rows(rows: &[Vec<Hash>], leaves: &[Hash]) -> Edge {
    let mut edge = Edge::default();
    for (level, row) in (1..=LEVELS_MAX).zip(rows).rev() {
        for hash in row {
            edge.push_subtree(TILE_HEIGHT * u32::from(level), *hash, |_, _| {});
        }
    }
    edge.extend(leaves.iter().copied());
    edge
}
