//! The Merkle log under the audit log: entries are appended, proved and verified, and cannot be changed unseen.
//!
//! An [`entry`] says who did what. To the log entries are opaque octets. They become the leaves of a tree ([`merkle`], RFC 6962) that is kept as static files ([`tiles`],
//! C2SP tlog-tiles), whose head is a signed text ([`note`], [`checkpoint`]; C2SP signed-note, tlog-checkpoint): any static file
//! server can publish `checkpoint` and `tile/` of it, and tools that are not ours verify it. [`writer`] appends, durable by a [`journal`] before there are
//! tiles; [`verify`] looks at a whole log, held against checkpoints that others kept; [`proof`] and [`witness`] are what
//! others are given. [`entries`] reads what was logged, and [`index`] finds it.
//!
//! Against its own operator a log proves something only relative to a checkpoint that is held elsewhere.
//!
//! This crate never touches a file, a clock or a private key: bytes lie in a [`medium::Medium`], who can sign is a [`note::Sign`], and
//! the time is an argument.

pub mod beside;
pub mod checkpoint;
pub mod entries;
pub mod entry;
pub mod index;
pub mod journal;
pub mod medium;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod redact;
pub mod tiles;
pub mod verify;
pub mod witness;
pub mod writer;
