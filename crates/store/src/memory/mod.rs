//! A store that is gone with its process: for tests and demonstrations.

mod credentials;

pub use credentials::MemoryCredentials;
