//! `portcullis config`: the configuration's own definition.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{Failure, Outcome};
use crate::config::schema;

/// The arguments of `config`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the JSON Schema, for editors to complete and check by
    Schema {
        /// The schema of `x-portcullis` in a contract, rather than that of the configuration
        #[arg(long)]
        policy: bool,
    },
}

/// Prints what is asked for.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let What::Schema { policy } = arguments.what;
    let schema = if policy {
        schema::policy()
    } else {
        schema::configuration()
    };
    writeln!(std::io::stdout(), "{schema:#}")?;
    Ok(Outcome::Clean)
}
