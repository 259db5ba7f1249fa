//! `portcullis man`: manual pages.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Cli, Failure, Outcome};

/// The arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Write the pages of all verbs into this directory, which is made if need be
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

/// Prints the page of the program, or writes those of all verbs.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    match &arguments.dir {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            clap_mangen::generate_to(Cli::command(), directory)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            std::io::stdout().write_all(&page)?;
        }
    }
    Ok(Outcome::Clean)
}
