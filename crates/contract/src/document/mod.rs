//! A contract as it was written: a tree that remembers the line of everything, and the references between its files.

mod node;
mod problem;

pub use node::{Member, Node, Object, Value};
pub use problem::{FileId, Problem, Severity, Span};
