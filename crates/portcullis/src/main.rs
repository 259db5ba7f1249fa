//! `portcullis`: the command line, the configuration, and the one place where the parts are put together.
//!
//! Only this crate reads arguments, the environment and configuration files.

mod commands;
mod config;
mod files;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run().into()
}
