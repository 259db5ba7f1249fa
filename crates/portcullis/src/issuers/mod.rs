//! The issuers of tokens: their keys, read from files or fetched, and where those are asked that know their tokens themselves.

mod ask;
mod decryption;
mod discovery;
mod fetch;
mod keys;
mod mistaken;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use portcullis_contract::document::Problem;
use portcullis_gateway::issuer::{Decryption, Introspection, Issuer, Keys, Validation};
use portcullis_gateway::replay::{ENTRIES_MAX, Replay};
use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::introspection::Introspected;
use portcullis_identity::jose::key_set::{KeySet, SET_BYTES_MAX};

use self::ask::{Asked, Endpoint};
use self::fetch::{Fetcher, Fetching};
pub(crate) use self::keys::refused;
use crate::asking::Asker;
use crate::config::introspection::Introspection as ConfiguredIntrospection;
use crate::config::issuer::{self as config, Issuer as Configured, RemoteKeys};
use crate::files;

/// Issuers by the names that they have here.
pub(crate) type ByName = HashMap<Arc<str>, Arc<Issuer>>;

/// The issuers of a gate.
pub(crate) struct Issuers {
    /// Those whose keys are fetched or that are asked, as they were configured.
    kept: Vec<Kept>,
    /// None where nothing is fetched or asked.
    outwards: Option<Outwards>,
    /// The tokens that were used of those that are good once.
    used: Arc<Replay>,
}

/// The threads that speak to issuers.
struct Outwards {
    fetcher: Fetcher,
    asker: Asker,
}

/// An issuer that stays what it is for as long as it is configured so: with its keys, its counts, and what it said.
struct Kept {
    configured: Configured,
    /// Where it is asked, with the secret for it.
    endpoint: Option<Arc<Endpoint>>,
    issuer: Arc<Issuer>,
}

/// The issuers of a configuration, and what putting them in force takes.
pub(crate) struct Settled {
    pub(crate) named: ByName,
    pub(crate) pending: Pending,
    /// What could be better.
    pub(crate) warnings: Vec<Problem>,
}

/// What becomes of the issuers of a gate when those of a configuration are put in force. Until then nothing is fetched for them, and
/// those in force stay what they are.
#[derive(Default)]
pub(crate) struct Pending {
    kept: Vec<Kept>,
    fetched: Vec<Fetching>,
    decryption: Vec<(Arc<Issuer>, Option<Decryption>)>,
}

/// An issuer that can be used, and the keys for its encrypted tokens as they are now.
struct One {
    issuer: Arc<Issuer>,
    endpoint: Option<Arc<Endpoint>>,
    /// What it takes to fetch its keys, where they are not being fetched already.
    fetching: Option<Fetching>,
    decryption: Option<Decryption>,
    warnings: Vec<Problem>,
}

impl Issuers {
    /// For a gate that serves.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start() -> io::Result<Self> {
        let outwards = Outwards {
            fetcher: Fetcher::start()?,
            asker: Asker::start("introspection")?,
        };
        Ok(Self {
            kept: Vec::new(),
            outwards: Some(outwards),
            used: Arc::new(Replay::random(ENTRIES_MAX).map_err(|error| io::Error::other(error.to_string()))?),
        })
    }

    /// For a configuration that is looked at and not served: nothing is fetched or asked.
    pub(crate) fn offline() -> Self {
        Self {
            kept: Vec::new(),
            outwards: None,
            used: Arc::new(Replay::new(ENTRIES_MAX, &[0; 16])),
        }
    }

    /// The issuers of a configuration. Of one that is as it was, and whose keys are fetched, the keys stay.
    ///
    /// # Errors
    /// Every file that cannot be used.
    pub(crate) fn settle(&self, configured: &[Configured], location: &str) -> Result<Settled, Vec<Problem>> {
        let (mut named, mut pending) = (ByName::new(), Pending::default());
        let (mut warnings, mut problems) = (Vec::new(), Vec::new());
        for configured in configured {
            match self.settle_one(configured, location) {
                Ok(one) => {
                    named.insert(Arc::clone(&configured.name), Arc::clone(&one.issuer));
                    warnings.extend(pending.add(configured, one));
                }
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            problems.extend(warnings);
            return Err(problems);
        }
        Ok(Settled {
            named,
            pending,
            warnings,
        })
    }

    /// Puts what was settled in force.
    pub(crate) fn put_in_force(&mut self, pending: Pending) {
        // The fetcher forgets those that nobody holds any more.
        self.kept = pending.kept;
        for (issuer, decryption) in pending.decryption {
            issuer.decrypt_with(decryption);
        }
        if let Some(outwards) = &self.outwards {
            let begin = |fetching| outwards.fetcher.begin(fetching);
            pending.fetched.into_iter().for_each(begin);
        }
    }

    fn settle_one(&self, configured: &Configured, location: &str) -> Result<One, Vec<Problem>> {
        let decryption = configured.decryption.as_ref();
        let decryption = decryption
            .map(|configured| decryption::read(configured, location))
            .transpose()?;
        let settled = self.settle_authority(configured, location);
        Ok(One {
            decryption,
            ..settled.map_err(|problem| vec![*problem])?
        })
    }

    fn settle_authority(&self, configured: &Configured, location: &str) -> Result<One, Box<Problem>> {
        match &configured.authority {
            config::Authority::Keys(keys) if keys.is_nowhere() => {
                Ok(One::of(self.make(configured, Validation::Keys(Keys::unknown(None)))))
            }
            config::Authority::Keys(config::Keys::File(file)) => {
                let (keys, warnings) = keys::read(file, configured, location)?;
                let issuer = self.make(configured, Validation::Keys(Keys::read(keys)));
                Ok(One {
                    warnings,
                    ..One::of(issuer)
                })
            }
            config::Authority::Keys(config::Keys::Remote(keys)) => {
                if !keys.private_address {
                    files::inwards(keys.place.url()).map_err(|error| {
                        let message = format!("the keys of `{}` cannot be fetched: {error}", configured.name);
                        Problem::error(location, configured.span, message)
                    })?;
                }
                Ok(self.fetched(configured, keys))
            }
            config::Authority::Keys(config::Keys::InMemory(keys)) => {
                let keys = keys::made(keys, configured, location)?;
                Ok(One::of(self.make(configured, Validation::Keys(Keys::read(keys)))))
            }
            config::Authority::Introspection(asked) => {
                let endpoint = Arc::new(Endpoint::new(&configured.name, asked, location)?);
                Ok(self.asked(configured, asked, endpoint))
            }
        }
    }

    /// What there is already of an issuer that is configured as it was.
    fn known(&self, configured: &Configured) -> Option<&Kept> {
        self.kept.iter().find(|known| known.configured.is_as(configured))
    }

    fn make(&self, configured: &Configured, validation: Validation) -> Arc<Issuer> {
        let issuer = Issuer::new(tokens(configured), validation);
        Arc::new(if configured.one_time {
            issuer.one_time(Arc::clone(&self.used))
        } else {
            issuer
        })
    }

    fn fetched(&self, configured: &Configured, keys: &RemoteKeys) -> One {
        if let Some(known) = self.known(configured) {
            return One::of(Arc::clone(&known.issuer));
        }
        let make = |keys| self.make(configured, Validation::Keys(keys));
        let Some(outwards) = &self.outwards else {
            return One::of(make(Keys::unknown(None)));
        };
        let (issuer, fetching) = outwards.fetcher.prepare(configured, keys, make);
        One {
            fetching: Some(fetching),
            ..One::of(issuer)
        }
    }

    fn asked(&self, configured: &Configured, introspection: &ConfiguredIntrospection, endpoint: Arc<Endpoint>) -> One {
        if let Some(Kept {
            endpoint: Some(known),
            issuer,
            ..
        }) = self.known(configured)
            && known.is_as(&endpoint)
        {
            return One {
                endpoint: Some(Arc::clone(known)),
                ..One::of(Arc::clone(issuer))
            };
        }
        let asked = Asked {
            endpoint: Arc::clone(&endpoint),
            asker: self.outwards.as_ref().map(|outwards| outwards.asker.clone()),
        };
        let asked = Introspection::new(tokens(configured), Box::new(asked), introspection.bounds);
        One {
            endpoint: Some(endpoint),
            ..One::of(self.make(configured, Validation::Introspection(asked)))
        }
    }
}

impl Pending {
    /// One more issuer; what could be better of it.
    fn add(&mut self, configured: &Configured, one: One) -> Vec<Problem> {
        self.kept.push(Kept {
            configured: configured.clone(),
            endpoint: one.endpoint,
            issuer: Arc::clone(&one.issuer),
        });
        self.fetched.extend(one.fetching);
        self.decryption.push((one.issuer, one.decryption));
        one.warnings
    }
}

impl One {
    fn of(issuer: Arc<Issuer>) -> Self {
        Self {
            issuer,
            endpoint: None,
            fetching: None,
            decryption: None,
            warnings: Vec::new(),
        }
    }
}

fn tokens(configured: &Configured) -> AccessTokens {
    AccessTokens::new(Arc::clone(&configured.name), configured.expected.clone()).bound(configured.binding)
}

/// The keys of an issuer as they are now, for whoever looks at one token: read, or fetched.
///
/// # Errors
/// They cannot be had, or not be used.
pub(crate) fn keys(configured: &Configured, keys: &config::Keys) -> Result<KeySet, String> {
    let octets = match keys {
        config::Keys::File(file) => files::trusted(&file.value)?.octets,
        config::Keys::Remote(keys) => {
            files::named(&discovery::url_of(keys)?, keys.private_address, SET_BYTES_MAX as u64)?.into()
        }
        config::Keys::InMemory(keys) => keys.clone().into_bytes().into(),
    };
    keys::parse(&octets, &keys::rules(configured)).map(|(keys, _)| keys)
}

/// The keys for the encrypted tokens of an issuer, for whoever looks at one token.
///
/// # Errors
/// They cannot be used.
pub(crate) fn decryption(configured: &Configured) -> Result<Option<Decryption>, String> {
    let decryption = configured.decryption.as_ref();
    let read = decryption.map(|configured| decryption::read(configured, ""));
    read.transpose().map_err(|problems| {
        let messages: Vec<_> = problems.iter().map(|problem| problem.message.clone()).collect();
        messages.join("; ")
    })
}

/// What an issuer says of one token now.
///
/// # Errors
/// It cannot be asked, or does not answer in one way.
pub(crate) fn introspect(
    configured: &Configured,
    introspection: &ConfiguredIntrospection,
    token: &str,
) -> Result<Introspected, String> {
    let endpoint = Endpoint::new(&configured.name, introspection, "").map_err(|problem| problem.message.clone())?;
    let octets = endpoint.ask_now(token)?;
    Introspected::read(&octets).map_err(|unreadable| unreadable.to_string())
}
