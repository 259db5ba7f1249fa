//! `portcullis demo`: the whole gate in front of an example API.

use clap::Args;

use super::{Failure, Outcome, Shared};

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Fire hostile requests at the API directly and through the gate, and compare
    #[arg(long)]
    pub(super) attacks: bool,
}

/// Runs the demo until it is stopped, or the attacks once.
pub(super) fn run(_arguments: &Arguments, _shared: &Shared) -> Result<Outcome, Failure> {
    Err(Failure::not_built("demo"))
}
