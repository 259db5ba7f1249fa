//! The part of the tree that still grows: its edge, the tiles and the bundle that are not full, and those that have become full.

use crate::merkle::{Edge, Hash, Nodes};
use crate::tiles::{self, Kind, LEVELS_MAX, TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, TileError, TileName, TileReader};

/// The right edge of the tree as files, in memory.
#[derive(Default)]
pub(super) struct Growing {
    edge: Edge,
    /// The hashes of the tile that is not full, for each level.
    rows: Vec<Vec<u8>>,
    /// The entries of the bundle that is not full.
    bundle: Vec<u8>,
    /// What is full and not taken yet.
    full: Vec<(TileName, Vec<u8>)>,
    full_bytes: usize,
}

impl Growing {
    /// The edge of a tree that is there in tiles, with the bundle that is not full.
    pub(super) fn read(tiles: &mut TileReader<'_>, size: u64, bundle: Vec<u8>) -> Result<Self, TileError> {
        let edge = Edge::of(size, |height, number| tiles.node(height, number))?;
        let mut rows = Vec::new();
        for level in 0..LEVELS_MAX {
            let mut row = Vec::new();
            if let Some(name) = TileName::not_full(Kind::Hashes(level), size) {
                let tile = tiles.tile(level, name.index)?;
                row.extend(tile.iter().flat_map(Hash::as_bytes));
            }
            rows.push(row);
        }
        Ok(Self {
            edge,
            rows,
            bundle,
            ..Self::default()
        })
    }

    pub(super) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Adds an entry, of at most 65,535 octets.
    pub(super) fn push(&mut self, entry: &[u8], leaf: Hash) {
        let Self {
            edge,
            rows,
            bundle,
            full,
            full_bytes,
        } = self;
        let size = edge.size() + 1;
        let mut is_full = |kind: Kind, height: u32, content: &mut Vec<u8>| {
            let index = (size >> height) - 1;
            let next = Vec::with_capacity(content.len());
            *full_bytes += content.len();
            full.push((TileName::full(kind, index), std::mem::replace(content, next)));
        };
        edge.push(leaf, |height, hash| {
            let (Ok(level), 0) = (u8::try_from(height / TILE_HEIGHT), height % TILE_HEIGHT) else {
                return;
            };
            while rows.len() <= usize::from(level) {
                rows.push(Vec::new());
            }
            if let Some(row) = rows.get_mut(usize::from(level)) {
                row.extend_from_slice(hash.as_bytes());
                if row.len() == TILE_BYTES {
                    is_full(Kind::Hashes(level), height + TILE_HEIGHT, row);
                }
            }
        });
        tiles::push_entry(bundle, entry);
        if size.is_multiple_of(TILE_WIDTH) {
            is_full(Kind::Entries, TILE_HEIGHT, bundle);
        }
    }

    /// How many octets there are to take.
    pub(super) fn full_bytes(&self) -> usize {
        self.full_bytes
    }

    /// What has become full since the last time.
    pub(super) fn take_full(&mut self) -> Vec<(TileName, Vec<u8>)> {
        self.full_bytes = 0;
        std::mem::take(&mut self.full)
    }

    /// What is not full, and not empty.
    pub(super) fn partial(&self) -> Vec<(TileName, &[u8])> {
        let size = self.edge.size();
        let named = |kind, content| Some((TileName::not_full(kind, size)?, content));
        let rows = (0..LEVELS_MAX).map(Kind::Hashes).zip(&self.rows);
        let rows = rows.filter_map(|(kind, row)| named(kind, row.as_slice()));
        rows.chain(named(Kind::Entries, self.bundle.as_slice())).collect()
    }
}
