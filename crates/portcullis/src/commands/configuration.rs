//! The configuration that a verb works by.

use std::path::PathBuf;

use super::Failure;
use crate::config::checked::Configuration;
use crate::config::{self, Reading};
use crate::{files, report};

/// The configuration of a verb that reads one.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "portcullis.yaml")]
    pub(crate) config: PathBuf,
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
        let location = self.config.to_string_lossy();
        let text = files::local(&self.config)
            .map_err(|error| Failure::unusable(format!("cannot read the configuration `{location}`: {error}")))?;
        Ok(config::read(&location, &text))
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
