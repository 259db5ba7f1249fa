//! The keys with which values are kept from standing in clear.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_audit_log::entry::SALT_BYTES;
use portcullis_gateway::audit_log::Protect;
use portcullis_secrets::{MAC_KEY_BYTES_MIN, MacKey, SealingKey, SecretBytes};

use crate::config::audit_log::Redaction;
use crate::files;

/// As much of a digest is written: 128 bits, since nobody without the key can look for two that are alike.
const DIGEST_BYTES: usize = 16;
/// What digests of log values are of; the key may have other uses.
const DOMAIN: &[u8] = b"portcullis audit log value\0";

/// The keys of one configuration.
pub(crate) struct Protection {
    hash: Option<(String, MacKey)>,
    auditor: Option<SealingKey>,
}

impl Protection {
    /// Reads the keys that a configuration names.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(crate) fn read(redaction: &Redaction) -> Result<Self, String> {
        let hash = redaction.hash_key.as_ref().map(|file| hash_key(&file.value));
        let auditor = redaction.auditor_key.as_ref().map(|file| auditor_key(&file.value));
        Ok(Self {
            hash: hash.transpose()?,
            auditor: auditor.transpose()?,
        })
    }
}

impl Protect for Protection {
    fn digest(&self, clear: &[u8]) -> Option<String> {
        let (name, key) = self.hash.as_ref()?;
        let mut message = DOMAIN.to_vec();
        message.extend_from_slice(clear);
        let mac = key.sign(&message);
        Some(format!("{name}:{}", URL_SAFE_NO_PAD.encode(mac.get(..DIGEST_BYTES)?)))
    }

    fn seal(&self, clear: &str) -> Option<String> {
        self.auditor.as_ref()?.seal(clear).ok()
    }

    fn salt(&self) -> Option<[u8; SALT_BYTES]> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).ok().map(|()| salt)
    }
}

/// The key for digests, and its name: the beginning of a digest of nothing.
fn hash_key(file: &Path) -> Result<(String, MacKey), String> {
    let wrong = |why: &str| format!("the audit log's hash key `{}` {why}", file.display());
    let octets = files::secret(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let key = STANDARD
        .decode(octets.trim_ascii())
        .map_err(|_| wrong("is not base64"))?;
    let key = MacKey::new(&SecretBytes::new(key), None);
    let key = key.map_err(|_| wrong(&format!("has fewer than {MAC_KEY_BYTES_MIN} octets")))?;
    let name = key.sign(b"portcullis audit log key\0");
    let name = URL_SAFE_NO_PAD.encode(name.get(..6).unwrap_or_default());
    Ok((name, key))
}

fn auditor_key(file: &Path) -> Result<SealingKey, String> {
    let wrong = |why: &str| format!("the auditor's key `{}` {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    SealingKey::from_pem(&text).map_err(|_| wrong("is not one public key of X25519 in PEM"))
}
