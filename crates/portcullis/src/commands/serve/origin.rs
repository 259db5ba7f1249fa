//! Where the configuration comes from: a file, or the arguments.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use portcullis_contract::document::{Problem, Severity};

use super::super::{ConfigFile, Failure};
use super::Arguments;
use crate::assemble;
use crate::config::checked::Configuration;
use crate::config::listen::Tls;
use crate::config::{self, Reading};
use crate::contracts::{self, Loaded};
use crate::lifecycle::sandbox;
use crate::tls_files;

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

/// A configuration that can be used, as far as that is known without the files that it names.
pub(super) struct Read {
    pub(super) configuration: Configuration,
    warnings: Vec<Problem>,
}

/// A configuration and what it names, ready to be put in force.
pub(super) struct Ready {
    pub(super) configuration: Configuration,
    pub(super) apis: Vec<Loaded>,
    /// What could be better, of all that was read.
    pub(super) warnings: Vec<Problem>,
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
    /// The configuration. `sandboxed`: whether the process is confined.
    ///
    /// # Errors
    /// Every problem of it; or a file that it names lies outside of the sandbox.
    pub(super) fn read(&self, sandboxed: bool) -> Result<Read, Failure> {
        let (mut configuration, warnings) = self.source.read()?.usable().map_err(Failure::of_problems)?;
        if let Source::Arguments {
            overlays,
            unverified_schemes,
            ..
        } = &self.source
        {
            for api in &mut configuration.apis {
                api.overlays.clone_from(overlays);
                api.unverified_schemes = *unverified_schemes;
            }
        }
        if self.dev_tls {
            let listeners = configuration.listen.iter_mut();
            let plain = listeners.filter(|listener| listener.tls.is_none());
            plain.for_each(|listener| listener.tls = Some(Tls::for_development()));
        }
        if sandboxed && let Some(file) = sandbox::first_outside(named(&configuration)) {
            return Err(outside(&file));
        }
        Ok(Read {
            configuration,
            warnings,
        })
    }

    /// What the configuration names, read and ready to be put in force.
    ///
    /// # Errors
    /// Every problem of the files.
    pub(super) fn load(&self, read: Read) -> Result<Ready, Failure> {
        let Read {
            configuration,
            warnings: mut problems,
        } = read;
        let location = self.source.location();
        problems.extend(tls_files::problems(&configuration, &location));
        let looked = assemble::look(&configuration);
        problems.extend(looked.map_or_else(|found| found, |looked| looked.warnings));
        let loaded = contracts::load_all(&configuration, &location);
        let apis = loaded.map_err(|found| problems.extend(found)).unwrap_or_default();
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(Failure::of_problems(problems));
        }
        problems.extend(apis.iter().flat_map(|api| api.warnings.clone()));
        Ok(Ready {
            configuration,
            apis,
            warnings: problems,
        })
    }

    /// Every file whose change is a reason to reload.
    pub(super) fn files(&self, configuration: &Configuration, apis: &[Loaded]) -> Vec<PathBuf> {
        let own = match &self.source {
            Source::File(file) => Some(file.config.clone()),
            Source::Arguments { .. } => None,
        };
        let certificates = configuration.certificate_files();
        let contracts = apis.iter().flat_map(Loaded::files);
        let lists = configuration.address_files().chain(configuration.key_files());
        let lists = lists.map(Path::to_owned).chain(model(configuration));
        let files = own.into_iter().chain(certificates).chain(contracts);
        files.chain(lists).collect()
    }
}

impl Source {
    fn read(&self) -> Result<Reading, Failure> {
        match self {
            Self::File(file) if !file.config.exists() => Err(Failure::unusable(format!(
                "there is no configuration `{}`: name one with `--config`, or write one with `portcullis init`, or say what to serve with \
                 `--contract` and `--upstream`",
                file.config.display()
            ))),
            Self::File(file) => file.read(),
            Self::Arguments {
                listen,
                contract,
                upstream,
                ..
            } => Ok(config::from_arguments(listen, contract, upstream)),
        }
    }

    fn location(&self) -> Cow<'_, str> {
        match self {
            Self::File(file) => file.config.to_string_lossy(),
            Self::Arguments { .. } => Cow::Borrowed("command line"),
        }
    }
}

/// The file of the model of relations.
fn model(configuration: &Configuration) -> Option<PathBuf> {
    configuration
        .relations
        .as_ref()
        .map(|relations| relations.file().clone())
}

/// The files that a configuration names.
pub(super) fn named(configuration: &Configuration) -> impl Iterator<Item = PathBuf> {
    let contracts = configuration.apis.iter().flat_map(|api| {
        let own = match &api.contract {
            config::contract::Source::File(file) | config::contract::Source::Directory(file) => Some(file.clone()),
            config::contract::Source::Remote(_) | config::contract::Source::Git(_) | config::contract::Source::Own => {
                None
            }
        };
        let rules = api.authorization.iter().flat_map(|authorization| authorization.files());
        own.into_iter()
            .chain(api.overlays.iter().cloned())
            .chain(rules.cloned())
    });
    let lists = configuration.address_files().chain(configuration.key_files());
    let lists = lists.map(Path::to_owned).chain(model(configuration));
    let certificates = configuration.certificate_files();
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
