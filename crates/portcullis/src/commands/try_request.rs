//! `portcullis try`: saved requests, judged offline.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigFile, Failure, Outcome, Shared};

/// The arguments of `try`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// Saved requests: raw HTTP or HAR
    #[arg(value_name = "REQUEST", required = true)]
    pub(super) requests: Vec<PathBuf>,
}

/// Judges each request and reports what the gate would do.
pub(super) fn run(_arguments: &Arguments, _shared: &Shared) -> Result<Outcome, Failure> {
    Err(Failure::not_built("try"))
}
