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
use crate::credentials::{self, OwnCredentials};
use crate::issuers::{self, ByName, Issuers};
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

/// The verifiers of a configuration, and what putting them in force takes.
pub(crate) struct Settled {
    pub(crate) verifiers: Verifiers,
    pub(crate) pending: Pending,
    /// What could be better.
    pub(crate) warnings: Vec<Problem>,
}

/// What the keepers become when verifiers are put in force. Where they are not, it is dropped, and nothing was changed.
pub(crate) struct Pending {
    issuers: issuers::Pending,
    credentials: credentials::Pending,
    users: users::Pending,
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

    /// The verifiers of a configuration, for the listeners that are bound. What is as it was stays, and until they are put in force
    /// nothing is different.
    ///
    /// # Errors
    /// Everything that cannot be used, and what could be better besides.
    pub(crate) fn settle(&self, configuration: &Configuration, bound: &[Listener]) -> Result<Settled, Vec<Problem>> {
        let location = &*configuration.location;
        let mut found = Vec::new();
        let mut issuers = told(self.issuers.settle(&configuration.issuers, location), &mut found);
        let credentials = self.credentials.settle(configuration.credentials.as_ref(), location);
        let credentials = told(credentials.map_err(|problem| vec![*problem]), &mut found);
        let mut users = told(self.users.settle(configuration), &mut found);
        let signers = told(signers::settle(&configuration.signers, location), &mut found);
        let forwarded = configuration.forwarded_client_certificates.as_ref();
        let forwarded = forwarded.map(|forwarded| client_certificates::forwarded(forwarded, location));
        let forwarded = told(forwarded.transpose().map_err(|problem| vec![*problem]), &mut found);
        let warnings = issuers.iter_mut().map(|settled| std::mem::take(&mut settled.warnings));
        let warnings = warnings.chain(users.iter_mut().map(|settled| std::mem::take(&mut settled.warnings)));
        let warnings: Vec<Problem> = warnings.flatten().collect();
        let (Some(issuers), Some((keyring, credentials)), Some(users), Some(signers), Some(forwarded)) =
            (issuers, credentials, users, signers, forwarded)
        else {
            found.extend(warnings);
            return Err(found);
        };
        Ok(Settled {
            verifiers: Verifiers {
                issuers: issuers.named,
                keyring,
                users: users.named,
                signers,
                client_certificates: client_certificates::rules(&configuration.client_certificates, bound),
                forwarded: forwarded.map(Arc::new),
                dpop: configuration.dpop,
            },
            pending: Pending {
                issuers: issuers.pending,
                credentials,
                users: users.pending,
            },
            warnings,
        })
    }

    /// Puts what was settled in force. Nothing can fail any more.
    pub(crate) fn put_in_force(&mut self, pending: Pending) {
        self.issuers.put_in_force(pending.issuers);
        self.credentials.put_in_force(pending.credentials);
        self.users.put_in_force(pending.users);
    }
}

/// What can be used; what is wrong is added to what was found.
fn told<T>(settled: Result<T, Vec<Problem>>, found: &mut Vec<Problem>) -> Option<T> {
    settled.map_err(|problems| found.extend(problems)).ok()
}
