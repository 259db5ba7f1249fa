//! The configuration that a verb works by.

use std::path::PathBuf;

use super::Failure;
use crate::config::audit_log::AuditLog;
use crate::config::checked::Configuration;
use crate::config::credentials::Credentials;
use crate::config::relations::Relations;
use crate::config::{self, Reading};
use crate::{files, report};

/// The configuration of a verb that reads one.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "portcullis.yaml")]
    pub(crate) config: PathBuf,
}

/// The configuration of a verb that looks at contracts, and overlays to look at them with.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Overlaid {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// An OpenAPI Overlay that changes the contract first, behind those of the configuration; may be repeated
    #[arg(long = "overlay", value_name = "FILE")]
    pub(crate) overlays: Vec<PathBuf>,
}

impl Overlaid {
    /// Reads and checks the file; warnings go to standard error.
    ///
    /// # Errors
    /// See [`ConfigFile::load`]; and which of several APIs the overlays are for is not known.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        settled(self.read()?)
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// The file cannot be read, or which of several APIs the overlays are for is not known.
    pub(crate) fn read(&self) -> Result<Reading, Failure> {
        let mut reading = self.file.read()?;
        let apis = reading
            .settled
            .as_mut()
            .map(|configuration| configuration.apis.as_mut_slice());
        match apis {
            _ if self.overlays.is_empty() => {}
            Some([only]) => only.overlays.extend_from_slice(&self.overlays),
            None | Some([]) => {}
            Some(_) => {
                let message =
                    "`--overlay` is for a configuration with one API: with several, write `overlays` at the API";
                return Err(Failure::unusable(message));
            }
        }
        Ok(reading)
    }
}

impl ConfigFile {
    /// Reads and checks the file; warnings go to standard error.
    ///
    /// # Errors
    /// The file cannot be read, or has errors.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        settled(self.read()?)
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn read(&self) -> Result<Reading, Failure> {
        let text = self.text()?;
        Ok(config::read(&self.config.to_string_lossy(), &text))
    }

    /// Where the gate's own credentials are kept, whatever is wrong elsewhere in the file.
    ///
    /// # Errors
    /// The file cannot be read, or `credentials` has errors.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let text = self.text()?;
        config::credentials_alone(&self.config.to_string_lossy(), &text).map_err(Failure::of_problems)
    }

    /// Where relations are kept, whatever is wrong elsewhere in the file.
    ///
    /// # Errors
    /// The file cannot be read, or `relations` has errors.
    pub(super) fn relations(&self) -> Result<Option<Relations>, Failure> {
        let text = self.text()?;
        config::relations_alone(&self.config.to_string_lossy(), &text).map_err(Failure::of_problems)
    }

    /// Where the audit log is, whatever is wrong elsewhere in the file.
    ///
    /// # Errors
    /// The file cannot be read, or `audit_log` has errors.
    pub(super) fn audit_log(&self) -> Result<Option<AuditLog>, Failure> {
        let text = self.text()?;
        config::audit_log_alone(&self.config.to_string_lossy(), &text).map_err(Failure::of_problems)
    }

    fn text(&self) -> Result<Vec<u8>, Failure> {
        let location = self.config.to_string_lossy();
        if self.config.try_exists().is_ok_and(|there| !there) {
            return Err(Failure::unusable(format!(
                "there is no configuration `{location}`: name one with `--config`, or write one with `portcullis init`"
            )));
        }
        files::local(&self.config)
            .map_err(|error| Failure::unusable(format!("cannot read the configuration `{location}`: {error}")))
    }
}

/// Takes a checked configuration; warnings go to standard error.
///
/// # Errors
/// It has errors.
pub(crate) fn settled(reading: Reading) -> Result<Configuration, Failure> {
    match reading.usable() {
        Ok((configuration, warnings)) => {
            if !warnings.is_empty() {
                anstream::eprint!("{}", report::text(&warnings, None));
            }
            Ok(configuration)
        }
        Err(problems) => Err(Failure::of_problems(problems)),
    }
}
