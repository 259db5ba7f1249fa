//! The folder of an audit log: files as C2SP tlog-tiles has them, of which a static file server can publish `checkpoint` and
//! `tile/` as they are. The rest is not for others: entries that no checkpoint covers yet, a lock, and what lies beside the log
//! ([`portcullis_audit_log::beside`]): values that can be erased, an index, and what commands lay down to be logged.

mod beside;
mod erasable;
mod files;
mod index;

pub use beside::LogBeside;
pub use erasable::{erasable_files, erase};
pub use files::{LogFiles, LogFolder};
pub use index::{Indexed, index_missing, index_rebuild};
