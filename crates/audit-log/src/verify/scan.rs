//! One pass over a log, from its first bundle to its last: every hash and every root is held against those that are known.

use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::Progress;
use super::ahead::Bundles;
use super::anchor::{Anchor, edge_of_rows, known, root_of_row};
use super::bundle::{Bundle, Found, node_over};
use super::difference::difference;
use super::report::{Defect, Report};
use crate::checkpoint::Checkpoint;
use crate::medium::Source;
use crate::merkle::{Edge, Hash};
use crate::tiles::{Kind, LEVELS_MAX, TILE_HEIGHT, TILE_WIDTH, TileError, TileName, TileReader, place_in_tile, width};

pub(super) struct Scan<'a> {
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
    /// The one over them, if there are 256.
    node: Option<Hash>,
    read: u64,
}

impl Row {
    fn new(hashes: Vec<Hash>, read: u64) -> Self {
        let node = node_over(&hashes);
        Self { hashes, node, read }
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(source: &'a dyn Source, size: u64, own: Option<&Checkpoint>, held: &[&Checkpoint]) -> Self {
        Self {
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
    pub(super) fn run(
        mut self,
        bundles: Bundles<'_>,
        report: &mut Report,
        progress: &mut dyn FnMut(Progress),
    ) -> io::Result<Option<Edge>> {
        let mut last = Vec::new();
        let gone_on = bundles.each(&mut |index, bundle| {
            let done = self.size.min((index + 1) * TILE_WIDTH);
            let node = match self.row(index, bundle, report)? {
                Some(row) if row.node.is_none() => {
                    self.count(index, &row, report);
                    last = row.hashes;
                    None
                }
                Some(row) => self.settled_row(index, &row, report)?,
                // Neither its entries nor their hashes are there. What is above may be.
                None => match self.node_above(index, report)? {
                    Some(node) => Some(node),
                    None => return Ok(ControlFlow::Break(())),
                },
            };
            if let Some(node) = node {
                self.take(index, node, report)?;
                self.check_root_at(done, &[], report);
            }
            progress(Progress { done, total: self.size });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(gone_on.is_continue().then(|| edge_of_rows(&self.rows, &last)))
    }

    /// The node over a row as it has to be. What is not as it was has no root to be held against one.
    fn settled_row(&mut self, index: u64, row: &Row, report: &mut Report) -> io::Result<Option<Hash>> {
        let Some(node) = row.node else { return Ok(None) };
        let settled = self.settled(1, index, node, report)?;
        if settled == node {
            self.count(index, row, report);
        }
        Ok(Some(settled))
    }

    fn count(&mut self, index: u64, row: &Row, report: &mut Report) {
        report.entries += row.read;
        self.check_roots(index, &row.hashes, report);
    }

    /// The node over a full tile of level 0, as the tile above has it.
    fn node_above(&mut self, index: u64, report: &mut Report) -> io::Result<Option<Hash>> {
        let place = place_in_tile(index);
        let tile = self.tile(1, index / TILE_WIDTH, report)?;
        Ok(tile.and_then(|tile| tile.get(place).copied()))
    }

    /// The leaves of a bundle as they have to be, as far as that can be told. `None` where it cannot be at all.
    fn row(&mut self, index: u64, bundle: Bundle, report: &mut Report) -> io::Result<Option<Row>> {
        let first = index * TILE_WIDTH;
        let count = width(0, index, self.size);
        let (found, tile) = match bundle {
            Bundle::Alike { hashes, node } => {
                return Ok(Some(Row {
                    hashes,
                    node,
                    read: count,
                }));
            }
            Bundle::Unlike { found, tile } => (found, tile),
        };
        let expected = self.told(0, index, tile, report)?;
        match (found, expected) {
            (Found::Entries { leaves, whole }, Some(expected)) => {
                self.differs(index, leaves, whole, expected, report).map(Some)
            }
            (Found::Entries { leaves, whole: true }, None) if leaves.len() as u64 == count => {
                Ok(Some(Row::new(leaves, count)))
            }
            (found, expected) => {
                match found {
                    Found::Gone if first + count <= self.minimum_index => report.pruned += count,
                    Found::Gone => report.find(Defect::BundleGone, first..first + count),
                    Found::Damaged | Found::Entries { .. } => report.find(Defect::BundleDamaged, first..first + count),
                }
                Ok(expected.map(|expected| Row::new(expected, 0)))
            }
        }
    }

    /// The entries of a bundle are not those of its tile: which of the two is as it was?
    fn differs(
        &mut self,
        index: u64,
        leaves: Vec<Hash>,
        whole: bool,
        expected: Vec<Hash>,
        report: &mut Report,
    ) -> io::Result<Row> {
        let first = index * TILE_WIDTH;
        let count = expected.len() as u64;
        if self.is_authentic(0, index, count)? {
            // Where all are there, it is what stands behind them.
            let (place, defect) = difference(&leaves, &expected).unwrap_or((leaves.len(), Defect::BundleDamaged));
            let read = place as u64;
            report.find(defect, first + read..first + read + 1);
            return Ok(Row::new(expected, read));
        }
        report.find(Defect::TileWrong(self.name(0, index)), first..first + count);
        if whole && leaves.len() as u64 == count {
            return Ok(Row::new(leaves, count));
        }
        report.find(Defect::BundleDamaged, first..first + count);
        Ok(Row::new(expected, 0))
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
        let read = self.tiles.tile(level, index);
        self.told(level, index, read, report)
    }

    /// A tile as it was read, or `None` and a finding.
    fn told<T>(
        &mut self,
        level: u8,
        index: u64,
        read: Result<T, TileError>,
        report: &mut Report,
    ) -> io::Result<Option<T>> {
        match read {
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
