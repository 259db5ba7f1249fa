//! The contract crate held against what others wrote: the JSON-Schema-Test-Suite, and another validator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod differential;
mod loading;
mod openapi_2;
mod suite;
