//! `portcullis coverage`: what is checked and what is not, and why.

use clap::Args;

use super::{ConfigFile, Failure, Outcome, Shared};

/// The arguments of `coverage`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) file: ConfigFile,
}

/// Reports the coverage of every operation.
pub(super) fn run(_arguments: &Arguments, _shared: &Shared) -> Result<Outcome, Failure> {
    Err(Failure::not_built("coverage"))
}
