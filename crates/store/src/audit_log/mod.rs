//! The folder of an audit log: files as C2SP tlog-tiles has them, which a static file server can publish as they are.

mod files;

pub use files::{LogFiles, LogFolder};
