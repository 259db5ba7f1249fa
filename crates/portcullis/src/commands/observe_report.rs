//! `portcullis observe-report`: what observe mode saw.

use clap::Args;

use super::{ConfigFile, Failure, Outcome, Shared};

/// The arguments of `observe-report`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) file: ConfigFile,
}

/// Reports would-be refusals by cause, with the contract lines that would permit each.
pub(super) fn run(_arguments: &Arguments, _shared: &Shared) -> Result<Outcome, Failure> {
    Err(Failure::not_built("observe-report"))
}
