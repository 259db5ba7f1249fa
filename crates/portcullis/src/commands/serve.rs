//! `portcullis serve`: the gate.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigFile, Failure, Outcome, Shared, configuration};
use crate::config;
use crate::config::checked::Configuration;

/// The arguments of `serve`: a configuration, or a contract and an upstream.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration (default: portcullis.yaml)
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["contract", "upstream", "listen"])]
    pub(super) config: Option<PathBuf>,
    /// Without a configuration: the contract
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub(super) contract: Option<PathBuf>,
    /// Without a configuration: where the service listens that implements the contract
    #[arg(long, value_name = "URL", requires = "contract")]
    pub(super) upstream: Option<String>,
    /// Without a configuration: where to listen for callers (default: 127.0.0.1:8080)
    #[arg(long, value_name = "ADDRESS", requires = "contract")]
    pub(super) listen: Option<String>,
}

impl Arguments {
    /// The configuration: from its file, or from the arguments.
    fn configuration(&self) -> Result<Configuration, Failure> {
        match (&self.contract, &self.upstream) {
            (Some(contract), Some(upstream)) => {
                let listen = self.listen.as_deref().unwrap_or("127.0.0.1:8080");
                configuration::settled(config::from_arguments(listen, &contract.to_string_lossy(), upstream))
            }
            _ => {
                let config = self.config.clone().unwrap_or_else(|| PathBuf::from("portcullis.yaml"));
                ConfigFile { config }.load()
            }
        }
    }
}

/// Serves until it is told to stop.
pub(super) fn run(arguments: &Arguments, _shared: &Shared) -> Result<Outcome, Failure> {
    let _configuration = arguments.configuration()?;
    Err(Failure::not_built("serve"))
}
