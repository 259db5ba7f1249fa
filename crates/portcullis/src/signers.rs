//! The keys of callers who sign their requests, read.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use portcullis_contract::document::{Problem, Span};
use portcullis_identity::jose::algorithm::RsaAlgorithm;
use portcullis_identity::jose::key::{JwkRules, VerificationKey};
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::object::Object;
use portcullis_identity::principal::Subject;
use portcullis_identity::signatures::{Signer, Signers};
use portcullis_secrets::MacKey;

use crate::config::signers::{self, Key};
use crate::files;
use crate::issuers;

/// Signers by the names that they have here.
pub(crate) type ByName = HashMap<Arc<str>, Arc<Signers>>;

/// The signers of a configuration. `location` is the configuration's.
///
/// # Errors
/// Every key that cannot be used.
pub(crate) fn settle(configured: &[signers::Signers], location: &str) -> Result<ByName, Vec<Problem>> {
    let (mut named, mut problems) = (ByName::new(), Vec::new());
    for configured in configured {
        let read = Reading { configured, location };
        match read.signers() {
            Ok(signers) => drop(named.insert(Arc::clone(&configured.name), Arc::new(signers))),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(named) } else { Err(problems) }
}

/// What reading the keys of some signers needs.
struct Reading<'c> {
    configured: &'c signers::Signers,
    location: &'c str,
}

impl Reading<'_> {
    fn signers(&self) -> Result<Signers, Vec<Problem>> {
        let set = match &self.configured.file {
            Some((file, span)) => Some(files::trusted(file).map_err(|error| {
                let message = format!("cannot read the keys `{}`: {error}", file.display());
                vec![self.problem(*span, message)]
            })?),
            None => None,
        };
        let mut signers = Signers::new(Arc::clone(&self.configured.name), self.configured.demands.clone());
        let mut problems = Vec::new();
        for configured in &self.configured.keys {
            let signer = self.signer(configured, set.as_ref().map(|set| &**set.octets));
            let inserted = signer.map(|signer| signers.insert(configured.keyid.clone(), signer));
            // That a name stands twice was said when the configuration was read.
            if let Err(message) = inserted {
                let message = format!("the key `{}` cannot be used: {message}", configured.keyid.as_str());
                problems.push(self.problem(configured.span, message));
            }
        }
        if problems.is_empty() {
            Ok(signers)
        } else {
            Err(problems)
        }
    }

    fn problem(&self, span: Span, message: String) -> Problem {
        Problem::error(self.location, span, message)
    }

    fn signer(&self, configured: &signers::Signer, set: Option<&[u8]>) -> Result<Signer, String> {
        let rules = rules(configured);
        let key = match &configured.key {
            Key::Set => of_set(configured, set.unwrap_or_default(), &rules)?,
            Key::Jwk(members) => {
                let members = members.iter();
                let jwk: Object = members
                    .map(|(name, text)| (name.clone(), text.as_str().into()))
                    .collect();
                VerificationKey::from_jwk(&jwk, &rules).map_err(|refusal| refusal.to_string())?
            }
            Key::Secret(file) => secret(file)?,
        };
        let (kind, name) = &configured.subject;
        let subject = Subject::new(Arc::clone(&self.configured.name), *kind, name);
        let scopes = configured.scopes.clone();
        Signer::new(key, subject, scopes, configured.rsa_v1_5).map_err(|refused| {
            let way_out = if configured.rsa_v1_5 {
                ""
            } else {
                "; `rsa_v1_5: true` takes RS256"
            };
            format!("{refused}{way_out}")
        })
    }
}

/// What an RSA key is for that does not say so.
fn rules(configured: &signers::Signer) -> JwkRules {
    JwkRules {
        rsa_without_alg: if configured.rsa_v1_5 {
            RsaAlgorithm::Rs256
        } else {
            RsaAlgorithm::Ps512
        },
    }
}

/// The key of this name. What is wrong with the set as a whole is wrong with each.
fn of_set(configured: &signers::Signer, set: &[u8], rules: &JwkRules) -> Result<VerificationKey, String> {
    let (keys, left_out) =
        KeySet::from_jwks(set, rules).map_err(|refusal| format!("its file {}", issuers::refused(&refusal)))?;
    keys.named(&configured.keyid).cloned().ok_or_else(|| {
        let reasons = left_out.iter();
        let reasons: Vec<String> = reasons
            .map(|key| format!("; key {} there is {}", key.position + 1, key.refusal))
            .collect();
        format!("its file has no key of this name{}", reasons.concat())
    })
}

fn secret(file: &Path) -> Result<VerificationKey, String> {
    let octets = files::secret(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let key = MacKey::from_jwk(&octets).map_err(|error| format!("`{}`: {error}", file.display()))?;
    Ok(VerificationKey::from_mac(Arc::new(key)))
}
