//! Static checks of documents: what a rule is, what it finds, which findings count, and how they are reported.
//!
//! This crate never reads a file or a clock, and knows nothing of what is checked: contracts, container files and
//! manifests have their rules elsewhere, and share this engine.

pub mod acceptance;
pub mod baseline;
pub mod finding;
pub mod gate;
pub mod page;
pub mod report;
pub mod rule;
pub mod score;

#[cfg(test)]
mod tests;
