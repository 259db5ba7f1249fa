//! The folder of an audit log: files as C2SP tlog-tiles has them, of which a static file server can publish `checkpoint` and
//! `tile/` as they are. The rest is not for others: entries that no checkpoint covers yet, and a lock.

mod files;

pub use files::{LogFiles, LogFolder};
