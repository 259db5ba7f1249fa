//! One pass over a log, from its first bundle to its last.

use std::io;
use std::rc::Rc;

use super::Progress;
use super::anchor::{Anchor, edge_of_rows, known, root_of_row};
use super::difference::difference;
use super::report::{Defect, Report};
use crate::checkpoint::Checkpoint;
use crate::medium::Source;
use crate::merkle::{Edge, Hash, leaf_hash};
use crate::tiles::{
    self, Kind, LEVELS_MAX, Stored, TILE_HEIGHT, TILE_WIDTH, TileError, TileName, TileReader, place_in_tile,
    read_bundle, width,
};

pub(super) struct Scan<'a> {
    source: &'a dyn Source,
    size: u64,
    minimum_index: u64,
    tiles: TileReader<'a>,
    anchors: Vec<Anchor>,
    /// The hashes of the tile that is being filled, for each level from 1 on.
    rows: Vec<Vec<Hash>>,
    /// The last size whose root was as an anchor says; `None` once one was not, as none after that will be.
    agreed: Option<u64>,
    /// The tile that was found missing or wrong last, which is told once.
    told: Option<TileName>,
}

/// The leaves of a bundle as they have to be, and how many of its entries were read and are so.
struct Row {
    hashes: Vec<Hash>,
    read: u64,
}

/// The entries of a bundle, as they are there.
enum Found {
    Entries { leaves: Vec<Hash>, whole: bool },
    Gone,
    Damaged,
}

impl<'a> Scan<'a> {
    pub(super) fn new(source: &'a dyn Source, size: u64, own: Option<&Checkpoint>, held: &[&Checkpoint]) -> Self {
        Self {
            source,
            size,
            minimum_index: own.map_or(0, |own| own.minimum_index),
            tiles: TileReader::new(source, size),
            anchors: Anchor::all(own, held, size),
            rows: Vec::new(),
            agreed: Some(0),
            told: None,
        }
    }

    /// Goes through all of it. Says its edge, unless it could not go on to the end.
    pub(super) fn run(mut self, report: &mut Report, progress: &mut dyn FnMut(Progress)) -> io::Result<Option<Edge>> {
        let mut last = Vec::new();
        for index in 0..self.size.div_ceil(TILE_WIDTH) {
            let done = self.size.min((index + 1) * TILE_WIDTH);
            let node = match self.bundle(index, report)? {
                Some(row) => {
                    let node = (row.hashes.len() as u64 == TILE_WIDTH).then(|| root_of_row(&row.hashes));
                    let settled = node.map(|node| self.settled(1, index, node, report)).transpose()?;
                    // What is not as it was has no root to be held against one.
                    if settled == node {
                        report.entries += row.read;
                        self.check_roots(index, &row.hashes, report);
                    }
                    if node.is_none() {
                        last = row.hashes;
                    }
                    settled
                }
                // Neither its entries nor their hashes are there. What is above may be.
                None => match self.node_above(index, report)? {
                    Some(node) => Some(node),
                    None => return Ok(None),
                },
            };
            if let Some(node) = node {
                self.take(index, node, report)?;
                self.check_root_at(done, &[], report);
            }
            progress(Progress { done, total: self.size });
        }
        Ok(Some(edge_of_rows(&self.rows, &last)))
    }

    /// The node over a full tile of level 0, as the tile above has it.
    fn node_above(&mut self, index: u64, report: &mut Report) -> io::Result<Option<Hash>> {
        let place = place_in_tile(index);
        let tile = self.tile(1, index / TILE_WIDTH, report)?;
        Ok(tile.and_then(|tile| tile.get(place).copied()))
    }

    /// The leaves of a bundle as they have to be, as far as that can be told. `None` where it cannot be at all.
    fn bundle(&mut self, index: u64, report: &mut Report) -> io::Result<Option<Row>> {
        let first = index * TILE_WIDTH;
        let count = width(0, index, self.size);
        let expected = self.tile(0, index, report)?;
        match (self.found(index, count)?, expected) {
            (Found::Entries { leaves, whole: true }, Some(expected)) if *leaves == *expected => Ok(Some(Row {
                hashes: leaves,
                read: count,
            })),
            (Found::Entries { leaves, whole }, Some(expected)) => {
                self.differs(index, leaves, whole, &expected, report).map(Some)
            }
            (Found::Entries { leaves, whole: true }, None) if leaves.len() as u64 == count => Ok(Some(Row {
                hashes: leaves,
                read: count,
            })),
            (found, expected) => {
                match found {
                    Found::Gone if first + count <= self.minimum_index => report.pruned += count,
                    Found::Gone => report.find(Defect::BundleGone, first..first + count),
                    Found::Damaged | Found::Entries { .. } => report.find(Defect::BundleDamaged, first..first + count),
                }
                Ok(expected.map(|expected| Row {
                    hashes: expected.to_vec(),
                    read: 0,
                }))
            }
        }
    }

    /// The entries of a bundle are not those of its tile: which of the two is as it was?
    fn differs(
        &mut self,
        index: u64,
        leaves: Vec<Hash>,
        whole: bool,
        expected: &Rc<[Hash]>,
        report: &mut Report,
    ) -> io::Result<Row> {
        let first = index * TILE_WIDTH;
        let count = expected.len() as u64;
        if self.is_authentic(0, index, count)? {
            // Where all are there, it is what stands behind them.
            let (place, defect) = difference(&leaves, expected).unwrap_or((leaves.len(), Defect::BundleDamaged));
            let read = place as u64;
            report.find(defect, first + read..first + read + 1);
            return Ok(Row {
                hashes: expected.to_vec(),
                read,
            });
        }
        report.find(Defect::TileWrong(self.name(0, index)), first..first + count);
        if whole && leaves.len() as u64 == count {
            return Ok(Row {
                hashes: leaves,
                read: count,
            });
        }
        report.find(Defect::BundleDamaged, first..first + count);
        Ok(Row {
            hashes: expected.to_vec(),
            read: 0,
        })
    }

    fn found(&self, index: u64, count: u64) -> io::Result<Found> {
        let full = TileName::full(Kind::Entries, index);
        let name = TileName::within(Kind::Entries, index, self.size).unwrap_or(full);
        let mut stored = read_bundle(self.source, &name)?;
        let mut only = usize::MAX;
        if stored == Stored::Missing && name != full {
            // It has become full while the log was verified; it begins with the same entries.
            stored = read_bundle(self.source, &full)?;
            only = usize::try_from(count).unwrap_or(usize::MAX);
        }
        let Some(bundle) = stored.bundle() else {
            return Ok(if stored == Stored::Damaged {
                Found::Damaged
            } else {
                Found::Gone
            });
        };
        let (entries, whole) = tiles::split(bundle);
        let whole = whole.is_ok() || entries.len() > only;
        let leaves = entries.into_iter().take(only).map(leaf_hash).collect();
        Ok(Found::Entries { leaves, whole })
    }

    /// Holds the root against that of every checkpoint that ends within a bundle.
    fn check_roots(&mut self, index: u64, row: &[Hash], report: &mut Report) {
        let first = index * TILE_WIDTH;
        let end = (first + TILE_WIDTH).min(first + row.len() as u64 + 1);
        let mut size = first + 1;
        loop {
            let next = self.anchors.partition_point(|anchor| anchor.size < size);
            let Some(within) = self
                .anchors
                .get(next)
                .map(|anchor| anchor.size)
                .filter(|next| *next < end)
            else {
                return;
            };
            let leaves = usize::try_from(within - first).ok().and_then(|count| row.get(..count));
            self.check_root_at(within, leaves.unwrap_or_default(), report);
            size = within + 1;
        }
    }

    /// Holds the root of what is in the rows, and of some leaves after it, against that of the checkpoints of this size.
    fn check_root_at(&mut self, size: u64, leaves: &[Hash], report: &mut Report) {
        let from = self.anchors.partition_point(|anchor| anchor.size < size);
        for anchor in self.anchors.iter().skip(from).take_while(|anchor| anchor.size == size) {
            let Some(agreed) = self.agreed else { return };
            self.agreed = if edge_of_rows(&self.rows, leaves).root() == anchor.root {
                Some(anchor.size)
            } else {
                report.find(Defect::Rewritten, agreed..anchor.size);
                None
            };
        }
    }

    /// Takes the node over a full tile below into the row of its level, and so on upwards.
    fn take(&mut self, number: u64, node: Hash, report: &mut Report) -> io::Result<()> {
        let (mut number, mut node) = (number, node);
        for level in 0.. {
            if level == self.rows.len() {
                self.rows.push(Vec::new());
            }
            let Some(row) = self.rows.get_mut(level) else { break };
            row.push(node);
            if (row.len() as u64) < TILE_WIDTH {
                break;
            }
            let over = root_of_row(row);
            row.clear();
            number /= TILE_WIDTH;
            let above = u8::try_from(level + 2).unwrap_or(LEVELS_MAX);
            node = self.settled(above, number, over, report)?;
        }
        Ok(())
    }

    /// The node over a full tile below as it has to be, by the tile that has it.
    fn settled(&mut self, level: u8, number: u64, node: Hash, report: &mut Report) -> io::Result<Hash> {
        let index = number / TILE_WIDTH;
        let place = place_in_tile(number);
        let Some(tile) = self.tile(level, index, report)? else {
            return Ok(node);
        };
        let Some(expected) = tile.get(place).copied().filter(|expected| *expected != node) else {
            return Ok(node);
        };
        let spanned = TILE_HEIGHT * u32::from(level);
        let entries = number << spanned..(number + 1) << spanned;
        let name = self.name(level, index);
        if self.is_authentic(level, index, tile.len() as u64)? {
            report.find(Defect::Below(name), entries);
            return Ok(expected);
        }
        if self.told != Some(name) {
            self.told = Some(name);
            report.find(Defect::TileWrong(name), entries);
        }
        Ok(node)
    }

    /// A tile of the log, or `None` and a finding.
    fn tile(&mut self, level: u8, index: u64, report: &mut Report) -> io::Result<Option<Rc<[Hash]>>> {
        match self.tiles.tile(level, index) {
            Err(error @ (TileError::Missing(_) | TileError::Length(_))) => {
                let name = self.name(level, index);
                if self.told != Some(name) {
                    self.told = Some(name);
                    let spanned = TILE_HEIGHT * (u32::from(level) + 1);
                    let entries = index << spanned..self.size.min((index + 1) << spanned);
                    report.find(Defect::TileGone(error), entries);
                }
                Ok(None)
            }
            read => known(read),
        }
    }

    /// Whether a tile is as it was, by the smallest checkpoint that spans it; or by the largest, since what makes the smaller one fail
    /// may lie elsewhere.
    fn is_authentic(&mut self, level: u8, index: u64, hashes: u64) -> io::Result<bool> {
        let smallest = self
            .anchors
            .iter()
            .position(|anchor| anchor.covers(level, index, hashes));
        for anchor in [
            smallest,
            self.anchors.len().checked_sub(1).filter(|_| smallest.is_some()),
        ]
        .into_iter()
        .flatten()
        {
            if let Some(anchor) = self.anchors.get_mut(anchor)
                && anchor.proves(&mut self.tiles, level, index)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn name(&self, level: u8, index: u64) -> TileName {
        let kind = Kind::Hashes(level);
        TileName::within(kind, index, self.size).unwrap_or(TileName::full(kind, index))
    }
}
