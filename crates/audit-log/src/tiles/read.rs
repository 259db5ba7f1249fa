//! Nodes of a tree, read from its tiles.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use thiserror::Error;

use super::name::{Kind, TileName};
use super::{TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, place_in_tile};
use crate::medium::Source;
use crate::merkle::{Edge, HASH_BYTES, Hash, Nodes};

/// How many tiles a reader remembers, of 8 KiB each: all that are above those of level 0 in a log of ten million entries, and more.
const REMEMBERED_MAX: usize = 256;
/// How many nodes between tiles it remembers, each of which took up to 255 hashes.
const NODES_MAX: usize = 1024;

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
    /// Nodes that stand in no tile, by height and number.
    nodes: HashMap<(u32, u64), Hash>,
}

impl<'a> TileReader<'a> {
    /// Reads as the tree was with `size` leaves, for which there has to have been a checkpoint.
    pub fn new(source: &'a dyn Source, size: u64) -> Self {
        let (remembered, nodes) = (HashMap::new(), HashMap::new());
        Self {
            source,
            size,
            remembered,
            nodes,
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
        let hashes: Rc<[Hash]> = read_tile(self.source, level, index, self.size)?.into();
        if self.remembered.len() >= REMEMBERED_MAX {
            // Those above are on the way of every leaf.
            self.remembered.retain(|(level, _), _| *level > 0);
        }
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert((level, index), Rc::clone(&hashes));
        Ok(hashes)
    }
}

/// The hashes of a tile, as many as a tree of `size` leaves has of them.
pub(crate) fn read_tile(source: &dyn Source, level: u8, index: u64, size: u64) -> Result<Vec<Hash>, TileError> {
    let Some(name) = TileName::within(Kind::Hashes(level), index, size) else {
        let height = TILE_HEIGHT * u32::from(level);
        return Err(TileError::Beyond {
            height,
            number: index.saturating_mul(TILE_WIDTH),
        });
    };
    // A partial tile may be gone once there is the full one, which begins with the same hashes (Partial Tiles).
    let full = TileName::full(name.kind, name.index);
    let names = [Some(name), name.partial.map(|_| full)];
    for stored in names.into_iter().flatten() {
        let bytes = source.read(&stored.to_string(), TILE_BYTES);
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

impl Nodes for TileReader<'_> {
    type Error = TileError;

    fn node(&mut self, height: u32, number: u64) -> Result<Hash, TileError> {
        if let Some(hash) = self.nodes.get(&(height, number)) {
            return Ok(*hash);
        }
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
        let hash = hashes.iter().copied().collect::<Edge>().root();
        if above > 0 {
            if self.nodes.len() >= NODES_MAX {
                self.nodes.clear();
            }
            self.nodes.insert((height, number), hash);
        }
        Ok(hash)
    }
}
