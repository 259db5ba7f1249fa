//! Who calls: what a caller presents, verified.
//!
//! This crate never issues anything, never holds a private key, does no I/O and reads no clock. The time is an argument
//! ([`time::UnixTime`]). What needs a secret (checking a MAC, decrypting) is asked of a handle from whoever keeps the
//! secret ([`jose::handle`]), who never gives the secret away.

pub mod access_token;
pub mod authorization;
pub mod certificate;
pub mod challenge;
pub mod confirmation;
pub mod content_digest;
pub mod credentials;
pub mod dpop;
pub mod introspection;
pub mod jose;
pub mod password;
pub mod principal;
pub mod signatures;
pub mod step_up;
pub mod structured;
pub mod thumbprint;
pub mod time;
pub mod users;
