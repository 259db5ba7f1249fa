//! `portcullis`: the command line, the configuration, and the one place where the parts are put together.
//!
//! Only this crate reads arguments, the environment and configuration files.

mod acme;
mod address_files;
mod asking;
mod assemble;
mod audit_log;
mod client_certificates;
mod commands;
mod config;
mod contracts;
mod credentials;
mod decision_points;
mod files;
mod issuers;
mod lifecycle;
mod logging;
mod observations;
mod outage;
mod refresh;
mod relations;
mod report;
mod signers;
mod signing;
mod tls_files;
mod traces;
mod upstream_tls;
mod users;
mod verifiers;
mod watched;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run().into()
}
