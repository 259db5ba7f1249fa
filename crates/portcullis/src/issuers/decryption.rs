//! Private keys for encrypted tokens: read from files, and handed over to whoever keeps them.

use std::sync::Arc;

use portcullis_contract::document::Problem;
use portcullis_gateway::issuer::Decryption;
use portcullis_identity::jose::algorithm::{KeyManagement, Named as _};
use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::key::Kid;
use portcullis_secrets::DecryptionKey;

use crate::config::decryption::{Decryption as Configured, DecryptionKey as ConfiguredKey};
use crate::files;

/// The keys of an issuer.
///
/// # Errors
/// Every key that cannot be used, and two of one name.
pub(super) fn read(configured: &Configured, location: &str) -> Result<Decryption, Vec<Problem>> {
    let (mut keys, mut problems) = (Vec::<Arc<dyn Decrypt>>::new(), Vec::new());
    for key in &configured.keys {
        let problem = |message: String| Problem::error(location, key.file.span, message);
        match load(key) {
            Ok(loaded) if loaded.kid().is_some() && keys.iter().any(|known| known.kid() == loaded.kid()) => {
                let message = "two keys have the same `kid`: a token could not say which one it is for";
                problems.push(problem(message.to_owned()).help("give each key a name of its own"));
            }
            Ok(loaded) => keys.push(Arc::new(loaded)),
            Err(reason) => problems.push(problem(format!(
                "cannot use the key `{}`: {reason}",
                key.file.value.display()
            ))),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Decryption {
        keys: keys.into(),
        required: configured.required,
    })
}

fn load(key: &ConfiguredKey) -> Result<DecryptionKey, String> {
    let octets = files::secret(&key.file.value)?;
    if octets.trim_ascii_start().starts_with(b"{") {
        if key.kid.is_some() {
            return Err("a JWK says its `kid` itself: take out `kid`".to_owned());
        }
        let loaded = DecryptionKey::from_jwk(&octets, key.algorithm.as_deref());
        return loaded.map_err(|error| error.to_string());
    }
    let pem = std::str::from_utf8(&octets).map_err(|_| "it is neither a JWK nor PEM")?;
    let algorithm = key.algorithm.as_deref();
    let algorithm = algorithm.ok_or("a key in PEM does not say what it is for: name its `algorithm`")?;
    let algorithm = KeyManagement::named(algorithm).ok_or_else(|| format!("`{algorithm}` is no algorithm here"))?;
    let kid = match key.kid.as_deref() {
        None => None,
        Some(kid) => Some(Kid::new(kid).ok_or("`kid` is empty or too long")?),
    };
    let loaded = match algorithm {
        KeyManagement::RsaOaep256 => DecryptionKey::rsa_from_pem(pem, kid),
        _ => DecryptionKey::ec_from_pem(pem, algorithm, kid),
    };
    loaded.map_err(|error| error.to_string())
}
