//! The decision point from the outside: suites that are not ours, Cedar's own engine as the judge of our index, and relations
//! against an oracle that knows nothing of how they are found, and under threads that change them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod agreement;
mod authzen;
mod differential;
mod examples;
mod oracle;
mod properties;
mod random;
mod threads;
mod worlds;
