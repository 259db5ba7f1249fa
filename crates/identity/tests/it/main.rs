//! Tokens and keys held against what others wrote (Wycheproof, the RFCs' own examples) and against the catalogued attacks.
//!
//! The keys that sign and decrypt here are `portcullis-secrets`': its handles are tested by the same cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod access_tokens;
mod attacks;
mod cookbook;
mod credentials;
mod dpop;
mod encrypted;
mod keys;
mod making;
mod mutation;
mod rfc;
mod signatures;
mod step_up;
mod wycheproof;
