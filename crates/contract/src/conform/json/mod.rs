//! JSON judged in one pass over its bytes, without a tree: what it is for, how it works, and what it costs is
//! told in [`judge`](self::judge).

#[cfg(test)]
mod attacks;
mod canonical;
mod compile;
mod cuts;
mod decimal;
mod judge;
mod keys;
mod lookup;
mod program;
mod scan;
#[cfg(test)]
mod tests;
mod violation;

pub use compile::{Compiler, Note, NoteKind};
pub use cuts::Cuts;
pub use judge::{Limits, STAND_IN, Scratch, Undeclared};
pub use program::{Carried, Direction, Program, SchemaId, TypeSet};
pub use violation::{Code, Violation};
