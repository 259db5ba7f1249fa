//! Everything that verifies credentials, by the names that the configuration gives it.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_contract::document::Problem;
use portcullis_gateway::certificates::{Certificates, Forwarded};
use portcullis_gateway::dpop::Terms;
use portcullis_gateway::keyring::Keyring;

use crate::client_certificates;
use crate::config::checked::Configuration;
use crate::config::listen::Listener;
use crate::credentials::OwnCredentials;
use crate::issuers::{ByName, Issuers};
use crate::signers;
use crate::users::{self, Keeper};

/// What a configuration names to verify credentials with.
pub(crate) struct Verifiers {
    /// Whose access tokens are believed.
    pub(crate) issuers: ByName,
    /// What is known of the gate's own API keys and opaque tokens.
    pub(crate) keyring: Option<Arc<Keyring>>,
    /// Whose passwords are accepted.
    pub(crate) users: users::ByName,
    /// Whose signatures count.
    pub(crate) signers: signers::ByName,
    /// Whom client certificates name.
    pub(crate) client_certificates: HashMap<String, Arc<Certificates>>,
    /// Where trusted proxies forward them.
    pub(crate) forwarded: Option<Arc<Forwarded>>,
    /// What is asked of proofs of possession.
    pub(crate) dpop: Terms,
}

/// What keeps verifiers as they are from one configuration to the next.
pub(crate) struct Keepers {
    issuers: Issuers,
    credentials: OwnCredentials,
    users: Keeper,
}

impl Keepers {
    /// For a gate that serves.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        Ok(Self {
            issuers: Issuers::start()?,
            credentials: OwnCredentials::new(),
            users: Keeper::serving(),
        })
    }

    /// For a configuration that is looked at and not served: nothing is fetched.
    pub(crate) fn offline() -> Self {
        Self {
            issuers: Issuers::offline(),
            credentials: OwnCredentials::offline(),
            users: Keeper::offline(),
        }
    }

    /// The verifiers of a configuration, for the listeners that are bound. What is as it was stays.
    ///
    /// # Errors
    /// Everything that cannot be used.
    pub(crate) fn settle(
        &mut self,
        configuration: &Configuration,
        bound: &[Listener],
    ) -> Result<Verifiers, Vec<Problem>> {
        let forwarded = configuration.forwarded_client_certificates.as_ref();
        let forwarded = forwarded
            .map(|forwarded| client_certificates::forwarded(forwarded, ""))
            .transpose();
        Ok(Verifiers {
            issuers: self.issuers.settle(&configuration.issuers, "")?,
            keyring: self.credentials.settle(configuration.credentials.as_ref())?,
            users: self.users.settle(configuration, "")?,
            signers: signers::settle(&configuration.signers, "")?,
            client_certificates: client_certificates::rules(&configuration.client_certificates, bound),
            forwarded: forwarded.map_err(|problem| vec![*problem])?.map(Arc::new),
            dpop: configuration.dpop,
        })
    }
}
