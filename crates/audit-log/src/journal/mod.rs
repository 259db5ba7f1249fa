//! What makes entries durable before they are in tiles: batches, appended to a segment and synced, one after the other.
//!
//! A batch has the entries that were committed together, and before them a signed note with the size and the root of the log after
//! them. So what no published checkpoint covers yet cannot be changed without the key either. A segment begins where a checkpoint
//! was published, or where the one before it was full; it is removed when a checkpoint covers it, which is when its entries are
//! in bundles and tiles that are durable.
//!
//! The note is no checkpoint, and its first line says so: a batch may be torn, and its size then be signed with another root. A
//! log must never sign two checkpoints of one size.

mod batch;
mod replay;
mod walk;

pub use batch::{BATCH_PAYLOAD_BYTES_MAX, Batch, BatchError, Head};
pub use replay::{Replayed, Torn, replay};
pub(crate) use walk::{WalkError, Walked, segments, walk, walk_segment};

use crate::checkpoint::parse_decimal;

/// The folder of segments.
pub const FOLDER: &str = "journal/";

/// A segment that has as many entries is followed by another one.
pub const SEGMENT_ENTRIES: u64 = 65_536;
/// And one that has as many octets.
pub const SEGMENT_BYTES: usize = 64 * 1024 * 1024;
/// No segment has more: it can end with a batch of the largest size.
pub const SEGMENT_BYTES_MAX: usize = SEGMENT_BYTES + BATCH_PAYLOAD_BYTES_MAX + batch::FRAME_BYTES_MAX;

/// The name of the segment whose first entry has this index. By name they are in order.
pub fn segment_name(first: u64) -> String {
    format!("{FOLDER}{first:020}")
}

/// The first index of the segment with this name in its folder, if it is one.
pub fn segment_first(name: &str) -> Option<u64> {
    let first = parse_decimal(match name.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    })?;
    (segment_name(first).strip_prefix(FOLDER) == Some(name)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_known_by_their_names() {
        for first in [0, 7, 65_536, u64::MAX] {
            let name = segment_name(first);
            assert_eq!(segment_first(name.strip_prefix(FOLDER).unwrap()), Some(first));
        }
        for name in [
            "",
            "1",
            "00000000000000000001.tmp",
            "99999999999999999999",
            "+0000000000000000001",
        ] {
            assert_eq!(segment_first(name), None, "{name}");
        }
    }
}
