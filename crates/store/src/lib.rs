//! What is kept from one start to the next: traits of domain operations, each atomic, and two stores that fulfil them.
//!
//! [`memory`] is for tests and demonstrations, [`sqlite`] keeps a file. Both pass one conformance suite (`tests/it`). A trait has no
//! `get` beside an `update`: between the two somebody else could write, and a revoked key would live again. Nothing here reads a
//! clock or draws random numbers, and nobody else in the product speaks SQL. The audit log is no table but a folder ([`audit_log`]), since others
//! are to read it without us.

pub mod audit_log;
pub mod credentials;
mod error;
pub mod memory;
mod position;
pub mod relations;
pub mod sqlite;

pub use error::StoreError;
pub use position::Position;
