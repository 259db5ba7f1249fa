//! OpenAPI as law: a document is parsed, resolved and compiled once, and then every request and every answer is
//! held against it.
//!
//! This crate never does I/O, reads no clock and knows no HTTP server: files arrive through [`document::Fetch`],
//! headers as `http` types, bodies as bytes. It refuses what it cannot judge, or says in
//! `coverage` that it is not judged; it never passes a thing silently.

pub mod conform;
pub mod document;
pub mod rules;
