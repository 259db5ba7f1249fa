//! Everything that verifies credentials, by the names that the configuration gives it.

use portcullis_contract::document::Problem;

use crate::config::checked::Configuration;
use crate::issuers::{ByName, Issuers};

/// What a configuration names to verify credentials with.
pub(crate) struct Verifiers {
    /// Whose access tokens are believed.
    pub(crate) issuers: ByName,
}

/// What keeps verifiers as they are from one configuration to the next.
pub(crate) struct Keepers {
    issuers: Issuers,
}

impl Keepers {
    /// For a gate that serves.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        Ok(Self {
            issuers: Issuers::start()?,
        })
    }

    /// For a configuration that is looked at and not served: nothing is fetched.
    pub(crate) fn offline() -> Self {
        Self {
            issuers: Issuers::offline(),
        }
    }

    /// The verifiers of a configuration. What is as it was stays.
    ///
    /// # Errors
    /// Everything that cannot be used.
    pub(crate) fn settle(&mut self, configuration: &Configuration) -> Result<Verifiers, Vec<Problem>> {
        Ok(Verifiers {
            issuers: self.issuers.settle(&configuration.issuers, "")?,
        })
    }
}
