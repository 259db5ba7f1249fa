//! Pruning (C2SP tlog-tiles): bundles need not be kept for ever, while the hashes of their entries stay and prove what those were.
//!
//! That bundles are gone on purpose is said in the checkpoint ([`Checkpoint::minimum_index`](crate::checkpoint::Checkpoint)), which is
//! signed and published before the first of them is removed; [`Writer::prune`](crate::writer::Writer::prune) keeps that order.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::medium::Medium;
use crate::tiles::{BUNDLE_BYTES_MAX, Kind, TILE_WIDTH, TileName, compressed};

/// Minimum indices are multiples of this, so that 256 bundles go together.
pub const STEP_ENTRIES: u64 = 65_536;

/// Between two syncs as many octets of compressed bundles are written, so that little has to be kept twice.
const UNSYNCED_BYTES_MAX: usize = 64 * 1024 * 1024;

const ENTRIES: &str = "tile/entries/";

/// Removes every bundle whose entries are all below `index`, those too that an earlier removal has left.
pub(crate) fn remove_below(medium: &mut dyn Medium, index: u64) -> io::Result<()> {
    let mut folders = vec![(ENTRIES.to_owned(), 0)];
    while let Some((folder, before)) = folders.pop() {
        for name in medium.list(&folder)? {
            let path = format!("{folder}{name}");
            if let Some(group) = name.strip_prefix('x').and_then(|rest| group(rest.strip_suffix('/')?)) {
                folders.push((path, (before + group) * 1000));
            } else if let Some(last) = name.split('.').next().and_then(group)
                && (before + last + 1) * TILE_WIDTH <= index
            {
                remove_place(medium, &path)?;
            }
        }
    }
    Ok(())
}

/// A bundle, or the folder of its partial ones.
fn remove_place(medium: &mut dyn Medium, path: &str) -> io::Result<()> {
    if !path.ends_with('/') {
        return medium.remove(path);
    }
    let names = medium.list(path)?;
    names
        .into_iter()
        .try_for_each(|name| medium.remove(&format!("{path}{name}")))
}

/// Three digits of an index.
fn group(digits: &str) -> Option<u64> {
    (digits.len() == 3 && digits.bytes().all(|octet| octet.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// Compresses the full bundles that have only entries from `first` up to but without `end`. Says how many.
///
/// One that is not compressed is removed when the compressed one beside it is durable; a crash leaves both, and either will do.
pub(crate) fn compress(medium: &mut dyn Medium, first: u64, end: u64) -> io::Result<u64> {
    let mut done = 0;
    let mut unsynced = Vec::new();
    let mut unsynced_bytes = 0;
    for index in first.div_ceil(TILE_WIDTH)..end / TILE_WIDTH {
        let name = TileName::full(Kind::Entries, index);
        let Some(bundle) = medium.read(&name.to_string(), BUNDLE_BYTES_MAX)? else {
            continue;
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&bundle)?;
        let stored = encoder.finish()?;
        medium.write(&compressed(&name), &stored)?;
        unsynced_bytes += stored.len();
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

fn remove_synced(medium: &mut dyn Medium, names: &mut Vec<TileName>) -> io::Result<()> {
    medium.sync_all()?;
    names.drain(..).try_for_each(|name| medium.remove(&name.to_string()))
}
