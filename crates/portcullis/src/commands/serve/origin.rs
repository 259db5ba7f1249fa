//! Where the configuration comes from: a file, or the arguments.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::super::{ConfigFile, Failure, configuration};
use super::{Arguments, failed};
use crate::assemble;
use crate::config;
use crate::config::checked::Configuration;
use crate::config::listen::{Listener, Tls};
use crate::contracts::Loaded;
use crate::lifecycle::sandbox;

/// Where the configuration comes from; a reload reads it again.
#[derive(Debug)]
pub(super) struct Origin {
    source: Source,
    dev_tls: bool,
}

#[derive(Debug)]
enum Source {
    File(ConfigFile),
    Arguments {
        listen: String,
        contract: String,
        upstream: String,
        overlays: Vec<PathBuf>,
        unverified_schemes: bool,
    },
}

impl Arguments {
    pub(super) fn origin(&self) -> Origin {
        let source = match (&self.contract, &self.upstream) {
            (Some(contract), Some(upstream)) => Source::Arguments {
                listen: self.listen.clone().unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
                contract: contract.to_string_lossy().into_owned(),
                upstream: upstream.clone(),
                overlays: self.overlays.clone(),
                unverified_schemes: self.dangerous_unverified_schemes,
            },
            _ => {
                let config = self.config.clone().unwrap_or_else(|| PathBuf::from("portcullis.yaml"));
                Source::File(ConfigFile { config })
            }
        };
        Origin {
            source,
            dev_tls: self.dev_tls,
        }
    }
}

impl Origin {
    /// The configuration and its contracts, ready to be put in force. `sandboxed`: whether the process is confined.
    ///
    /// # Errors
    /// Every problem of the files; or one of them lies outside of the sandbox.
    pub(super) fn load(&self, sandboxed: bool) -> Result<(Configuration, Vec<Loaded>), Failure> {
        let mut configuration = self.source.read()?;
        if self.dev_tls {
            let listeners = configuration.listen.iter_mut();
            let plain = listeners.filter(|listener| listener.tls.is_none());
            plain.for_each(|listener| listener.tls = Some(Tls::for_development()));
        }
        if sandboxed && let Some(file) = sandbox::first_outside(named(&configuration)) {
            return Err(outside(&file));
        }
        let apis = assemble::load(&configuration, &self.source.location()).map_err(failed)?;
        Ok((configuration, apis))
    }

    /// Every file whose change is a reason to reload.
    pub(super) fn files(&self, configuration: &Configuration, apis: &[Loaded]) -> Vec<PathBuf> {
        let own = match &self.source {
            Source::File(file) => Some(file.config.clone()),
            Source::Arguments { .. } => None,
        };
        let certificates = configuration.listen.iter().flat_map(Listener::files);
        let contracts = apis.iter().flat_map(Loaded::files);
        let lists = configuration.address_files().chain(configuration.key_files());
        let lists = lists.map(Path::to_owned);
        let files = own.into_iter().chain(certificates).chain(contracts);
        files.chain(lists).collect()
    }
}

impl Source {
    fn read(&self) -> Result<Configuration, Failure> {
        match self {
            Self::File(file) if !file.config.exists() => Err(Failure::unusable(format!(
                "there is no configuration `{}`: name one with `--config`, or write one with `portcullis init`, or say what to serve with \
                 `--contract` and `--upstream`",
                file.config.display()
            ))),
            Self::File(file) => file.load(),
            Self::Arguments {
                listen,
                contract,
                upstream,
                overlays,
                unverified_schemes,
            } => {
                let mut configuration = configuration::settled(config::from_arguments(listen, contract, upstream))?;
                for api in &mut configuration.apis {
                    api.overlays.clone_from(overlays);
                    api.unverified_schemes = *unverified_schemes;
                }
                Ok(configuration)
            }
        }
    }

    fn location(&self) -> Cow<'_, str> {
        match self {
            Self::File(file) => file.config.to_string_lossy(),
            Self::Arguments { .. } => Cow::Borrowed("command line"),
        }
    }
}

/// The files that a configuration names.
fn named(configuration: &Configuration) -> impl Iterator<Item = PathBuf> {
    let contracts = configuration.apis.iter().flat_map(|api| {
        let own = match &api.contract {
            config::contract::Source::File(file) | config::contract::Source::Directory(file) => Some(file.clone()),
            config::contract::Source::Remote(_) | config::contract::Source::Git(_) => None,
        };
        own.into_iter().chain(api.overlays.iter().cloned())
    });
    let lists = configuration.address_files().chain(configuration.key_files());
    let lists = lists.map(Path::to_owned);
    let certificates = configuration.listen.iter().flat_map(Listener::files);
    contracts.chain(certificates).chain(lists)
}

/// What lies outside of the sandbox cannot be read, which the system calls a lack of permission.
fn outside(file: &Path) -> Failure {
    Failure::unusable(format!(
        "restart needed: `{}` may not be read; the sandbox knows only the directories that were named when the gate was started, \
         so stop and start it (a graceful restart stays in the sandbox)",
        file.display()
    ))
}
