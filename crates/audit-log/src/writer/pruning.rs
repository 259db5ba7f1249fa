//! Pruning (C2SP tlog-tiles) and compressing: bundles need not be kept for ever, while the hashes of their entries stay and prove what
//! those were.
//!
//! That bundles are gone on purpose is said in the checkpoint ([`Checkpoint::minimum_index`](crate::checkpoint::Checkpoint)), which is
//! signed and published before the first of them is removed; [`Writer::prune`](super::Writer::prune) keeps that order.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::WriteError;
use crate::medium::Medium;
use crate::tiles::{BUNDLE_BYTES_MAX, Kind, Listed, TILE_WIDTH, TileName, compressed};

/// Minimum indices are multiples of this, so that 256 bundles go together.
pub const PRUNING_STEP_ENTRIES: u64 = 65_536;

/// Between two syncs as many octets of compressed bundles are written, so that little has to be kept twice.
const UNSYNCED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Removes every bundle whose entries are all below `index`, those too that an earlier removal has left.
pub(super) fn remove_below(medium: &mut dyn Medium, index: u64) -> Result<(), WriteError> {
    let mut folders = vec![(Kind::Entries.folder(), 0)];
    while let Some((folder, before)) = folders.pop() {
        for name in list(medium, &folder)? {
            let path = format!("{folder}{name}");
            match Listed::parse(&name) {
                Some(Listed::Group(group)) => folders.push((path, (before + group) * 1000)),
                Some(Listed::Partial(last)) if (before + last + 1) * TILE_WIDTH <= index => {
                    for name in list(medium, &path)? {
                        remove(medium, &format!("{path}{name}"))?;
                    }
                }
                Some(Listed::Full(last)) if (before + last + 1) * TILE_WIDTH <= index => remove(medium, &path)?,
                Some(Listed::Full(_) | Listed::Partial(_)) | None => {}
            }
        }
    }
    Ok(())
}

/// Compresses the full bundles that have only entries from `first` up to but without `end`. Says how many.
///
/// One that is not compressed is removed when the compressed one beside it is durable; a crash leaves both, and either will do.
pub(super) fn compress(medium: &mut dyn Medium, first: u64, end: u64) -> Result<u64, WriteError> {
    let mut done = 0;
    let mut unsynced = Vec::new();
    let mut unsynced_bytes = 0;
    for index in first.div_ceil(TILE_WIDTH)..end / TILE_WIDTH {
        let name = TileName::full(Kind::Entries, index);
        let bundle = medium.read(&name.to_string(), BUNDLE_BYTES_MAX);
        let Some(bundle) = bundle.map_err(WriteError::of("read", name))? else {
            continue;
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let encoded = encoder.write_all(&bundle).and_then(|()| encoder.finish());
        let encoded = encoded.map_err(WriteError::of("compressed", name))?;
        let stored = compressed(&name);
        medium
            .write(&stored, &encoded)
            .map_err(WriteError::of("written", &stored))?;
        unsynced_bytes += encoded.len();
        unsynced.push(name);
        done += 1;
        if unsynced_bytes > UNSYNCED_BYTES_MAX {
            unsynced_bytes = 0;
            remove_synced(medium, &mut unsynced)?;
        }
    }
    remove_synced(medium, &mut unsynced)?;
    Ok(done)
}

fn remove_synced(medium: &mut dyn Medium, names: &mut Vec<TileName>) -> Result<(), WriteError> {
    medium.sync_all().map_err(WriteError::Sync)?;
    names.drain(..).try_for_each(|name| remove(medium, &name.to_string()))
}

fn list(medium: &dyn Medium, folder: &str) -> Result<Vec<String>, WriteError> {
    medium.list(folder).map_err(WriteError::of("listed", folder))
}

fn remove(medium: &mut dyn Medium, name: &str) -> Result<(), WriteError> {
    medium.remove(name).map_err(WriteError::of("removed", name))
}
