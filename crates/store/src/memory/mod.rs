//! A store that is gone with its process: for tests and demonstrations.

mod credentials;
mod relations;

pub use credentials::MemoryCredentials;
pub use relations::MemoryTuples;
