//! The configuration that a verb works by.

use std::path::PathBuf;

use portcullis_contract::document::Problem;

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
    /// The file cannot be read, or has errors, which have been reported on standard error then.
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

/// Takes a checked configuration, or reports on standard error why there is none.
///
/// # Errors
/// It has errors.
pub(crate) fn settled(reading: Reading) -> Result<Configuration, Failure> {
    match reading.usable() {
        Ok((configuration, warnings)) => {
            if !warnings.is_empty() {
                tell(&warnings);
            }
            Ok(configuration)
        }
        Err(problems) => {
            tell(&problems);
            Err(Failure::unusable("the configuration cannot be used"))
        }
    }
}

fn tell(problems: &[Problem]) {
    anstream::eprint!("{}", report::text(problems, None));
}
