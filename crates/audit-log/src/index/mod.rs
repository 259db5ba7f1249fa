//! An index, to find entries without reading a whole log: made of the log, and made anew whenever it is missing.
//!
//! Every 65,536 entries that are published have one blob ([`Segment`]): the times of their first and last, and for whatever is asked
//! for ([`Key`]) the numbers of the entries that have it. Nothing stands there in clear; a key is half of a digest's half. What has no
//! blob yet, or one that is torn or of another version, is read from the log ([`search`]).
//!
//! It says where to look, never what is there: whatever it leads to is read from the log and asked again. It could be altered so
//! that something is not found, and so proves nothing; [`verify`](crate::verify) does not read it.
//!
//! An entry that opens a request which is closed in the same segment is not to be found by anything but its event, since the one that closes
//! it, of the same id, says more.

mod filter;
mod key;
mod search;
mod segment;

use std::collections::HashMap;

pub use filter::Filter;
pub use key::{Key, event_of_name};
pub use search::{Beside, From, Results, search};
pub use segment::{Blob, Segment, Unusable, build};

/// How many entries have a blob of the index together.
pub const SEGMENT_ENTRIES: u64 = 65_536;

/// The values behind commitments, as far as they were not erased.
pub trait Values {
    /// The value that somebody committed to so.
    fn value(&self, commitment: &str) -> Option<&str>;
}

impl Values for HashMap<String, String> {
    fn value(&self, commitment: &str) -> Option<&str> {
        self.get(commitment).map(String::as_str)
    }
}
