//! The decision point from the outside: suites that are not ours, and Cedar's own engine as the judge of our index.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod authzen;
mod differential;
mod properties;
mod random;
