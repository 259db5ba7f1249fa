//! Nodes of a tree, read from its tiles.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use thiserror::Error;

use super::name::{Kind, TileName};
use super::{TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, place_in_tile};
use crate::medium::Source;
use crate::merkle::{Edge, HASH_BYTES, Hash, Nodes};

/// How many tiles a reader remembers: those on the way up from a leaf, of a few leaves.
const REMEMBERED_MAX: usize = 64;

/// Why a node cannot be read from the tiles.
#[derive(Debug, Error)]
pub enum TileError {
    /// There is no such tile.
    #[error("`{0}` is missing")]
    Missing(TileName),
    /// It has another length than it has to have.
    #[error("`{0}` has another length than its hashes take")]
    Length(TileName),
    /// It cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Io(TileName, #[source] io::Error),
    /// It was asked for a node that the tree does not have.
    #[error("the tree has no node {number} of height {height}")]
    Beyond {
        /// The height of the node.
        height: u32,
        /// Its number from the left.
        number: u64,
    },
}

impl TileError {
    /// The tile that is the reason, unless the tree has none.
    pub fn tile(&self) -> Option<TileName> {
        match self {
            Self::Missing(name) | Self::Length(name) | Self::Io(name, _) => Some(*name),
            Self::Beyond { .. } => None,
        }
    }
}

/// Reads the tiles of a tree of some size. It believes what they say: whoever asks has to hold it against a root.
pub struct TileReader<'a> {
    source: &'a dyn Source,
    size: u64,
    remembered: HashMap<(u8, u64), Rc<[Hash]>>,
}

impl<'a> TileReader<'a> {
    /// Reads as the tree was with `size` leaves, for which there has to have been a checkpoint.
    pub fn new(source: &'a dyn Source, size: u64) -> Self {
        let remembered = HashMap::new();
        Self {
            source,
            size,
            remembered,
        }
    }

    /// The hashes of a tile, as many as the tree has of them.
    ///
    /// # Errors
    ///
    /// [`TileError`], in which case it is not remembered.
    pub fn tile(&mut self, level: u8, index: u64) -> Result<Rc<[Hash]>, TileError> {
        if let Some(hashes) = self.remembered.get(&(level, index)) {
            return Ok(Rc::clone(hashes));
        }
        let Some(name) = TileName::within(Kind::Hashes(level), index, self.size) else {
            let height = TILE_HEIGHT * u32::from(level);
            return Err(TileError::Beyond {
                height,
                number: index.saturating_mul(TILE_WIDTH),
            });
        };
        let hashes: Rc<[Hash]> = self.read(name)?.into();
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert((level, index), Rc::clone(&hashes));
        Ok(hashes)
    }

    /// A partial tile may be gone once there is the full one, which begins with the same hashes (Partial Tiles).
    fn read(&self, name: TileName) -> Result<Vec<Hash>, TileError> {
        let full = TileName::full(name.kind, name.index);
        let names = [Some(name), name.partial.map(|_| full)];
        for stored in names.into_iter().flatten() {
            let bytes = self.source.read(&stored.to_string(), TILE_BYTES);
            let bytes = bytes.map_err(|error| match error.kind() {
                io::ErrorKind::FileTooLarge => TileError::Length(stored),
                _ => TileError::Io(stored, error),
            });
            let Some(bytes) = bytes? else { continue };
            let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
            if !rest.is_empty() || u64::try_from(hashes.len()) != Ok(stored.width()) {
                return Err(TileError::Length(stored));
            }
            let wanted = usize::try_from(name.width()).unwrap_or(usize::MAX);
            return Ok(hashes.iter().take(wanted).map(|hash| Hash::new(*hash)).collect());
        }
        Err(TileError::Missing(name))
    }
}

impl Nodes for TileReader<'_> {
    type Error = TileError;

    fn node(&mut self, height: u32, number: u64) -> Result<Hash, TileError> {
        let beyond = TileError::Beyond { height, number };
        let level = u8::try_from(height / TILE_HEIGHT).map_err(|_| TileError::Beyond { height, number })?;
        // The node spans this many hashes of the tile, which is a part of it that is whole.
        let above = height % TILE_HEIGHT;
        let first = number.checked_shl(above).unwrap_or(u64::MAX);
        let tile = self.tile(level, first / TILE_WIDTH)?;
        let start = place_in_tile(first);
        let Some(hashes) = tile.get(start..start.saturating_add(1 << above)) else {
            return Err(beyond);
        };
        Ok(hashes.iter().copied().collect::<Edge>().root())
    }
}
