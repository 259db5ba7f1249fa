//! The log as a whole: held against what others compute, against crashes and against whoever alters it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod conformance;
mod fixture;
mod histories;
mod indexing;
mod merkle;
mod notes;
mod simulated;
mod tampering;
mod witnessing;
mod writing;
