//! The keys that sign tokens for upstreams: read from files that others cannot read, or made at the start.
//!
//! Nothing here signs, and no key is ever shown.

use std::path::Path;
use std::sync::Arc;

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::listen::unix_time;
use portcullis_gateway::upstream_identity::SigningKeys;
use portcullis_secrets::{LoadError, Signer, SigningAlgorithm};

use crate::config::checked::Configuration;
use crate::config::upstream_identity::UpstreamTokens;
use crate::files;

/// What a key may be.
const ALGORITHMS: [SigningAlgorithm; 2] = [SigningAlgorithm::Es256, SigningAlgorithm::Ed25519];

/// The keys of a gate, from one configuration to the next.
pub(crate) struct Signing {
    keys: Arc<SigningKeys>,
    /// The one that was made, if one was.
    made: Option<Arc<Signer>>,
}

/// Keys that were read, to be put in force.
pub(crate) struct Read {
    keys: Vec<Arc<Signer>>,
    publish_ahead_seconds: u64,
    made: Option<Arc<Signer>>,
}

impl Signing {
    /// No keys yet.
    pub(crate) fn new() -> Self {
        Self {
            keys: Arc::default(),
            made: None,
        }
    }

    /// The keys as workers and operators see them, whatever they become.
    pub(crate) fn keys(&self) -> &Arc<SigningKeys> {
        &self.keys
    }

    /// Reads the keys of a configuration. One that was made stays.
    ///
    /// # Errors
    /// Every file that cannot be used.
    pub(crate) fn read(&self, configuration: &Configuration) -> Result<Read, Vec<Problem>> {
        let (configured, location) = (configuration.upstream_tokens.as_ref(), &*configuration.location);
        let publish_ahead_seconds = configured.map_or(0, |tokens| tokens.publish_ahead_seconds);
        let (keys, made) = match configured {
            Some(tokens) if tokens.keys.is_empty() => {
                let made = match &self.made {
                    Some(made) => Arc::clone(made),
                    None => make(location)?,
                };
                (vec![Arc::clone(&made)], Some(made))
            }
            Some(tokens) => (read(tokens, location)?, None),
            None => (Vec::new(), None),
        };
        Ok(Read {
            keys,
            publish_ahead_seconds,
            made,
        })
    }

    /// Puts keys in force.
    pub(crate) fn replace(&mut self, read: Read) {
        let Read {
            keys,
            publish_ahead_seconds,
            made,
        } = read;
        let is_new = made.is_some() && self.made.is_none();
        self.keys.replace(&keys, publish_ahead_seconds, unix_time());
        self.made = made;
        if is_new {
            tracing::warn!(
                "the key that signs tokens for upstreams was made now: every other gate, and this one after a restart, signs with \
                 another; name a file in `upstream_tokens`"
            );
        }
    }
}

/// The keys of files, of which the first signs. `location` is the configuration's.
///
/// # Errors
/// Every file that cannot be used.
pub(crate) fn read(configured: &UpstreamTokens, location: &str) -> Result<Vec<Arc<Signer>>, Vec<Problem>> {
    let (mut keys, mut problems): (Vec<Arc<Signer>>, _) = (Vec::new(), Vec::new());
    for file in &configured.keys {
        let shown = file.value.display();
        let problem = |message: String, help: &str| Problem::error(location, file.span, message).help(help);
        match key(&file.value) {
            Ok(key) if keys.iter().any(|known| known.kid() == key.kid()) => {
                let message = format!("`{shown}` holds a key that stands in another file, too");
                problems.push(problem(message, "take one of the two out"));
            }
            Ok(key) => keys.push(Arc::new(key)),
            Err((message, help)) => problems.push(problem(format!("`{shown}` {message}"), help)),
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(problems) }
}

/// Reads the keys and forgets them: for whoever looks for problems only.
///
/// # Errors
/// Every file that cannot be used.
pub(crate) fn check(configuration: &Configuration) -> Result<(), Vec<Problem>> {
    let configured = configuration.upstream_tokens.as_ref();
    configured.map_or(Ok(()), |tokens| read(tokens, &configuration.location).map(drop))
}

/// What is wrong with a file, and what to do about it.
type Wrong = (String, &'static str);

fn key(file: &Path) -> Result<Signer, Wrong> {
    const HOW: &str = "make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
    let unreadable = |error: String| (format!("cannot be read: {error}"), "");
    let octets = files::secret(file).map_err(unreadable)?;
    let pem = std::str::from_utf8(&octets).map_err(|_| (LoadError::Pem.to_string(), HOW))?;
    let read = ALGORITHMS.map(|algorithm| Signer::from_pem(pem, algorithm, None));
    let mut errors = Vec::new();
    for key in read {
        match key {
            Ok(key) => return Ok(key.named_by_thumbprint()),
            Err(error) => errors.push(error),
        }
    }
    Err(match errors.first() {
        Some(LoadError::KeyType) => ("is a key of another kind than P-256 and Ed25519".to_owned(), HOW),
        _ => ("is not one private key in PEM (PKCS#8)".to_owned(), HOW),
    })
}

fn make(location: &str) -> Result<Arc<Signer>, Vec<Problem>> {
    let made = Signer::generate(SigningAlgorithm::Es256, None);
    let made = made.map_err(|error| {
        let message = format!("no key for `upstream_tokens` can be made: {error}");
        vec![Problem::error(location, Span::default(), message)]
    });
    made.map(|key| Arc::new(key.named_by_thumbprint()))
}
