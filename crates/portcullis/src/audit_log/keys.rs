//! The keys of an audit log: the private ones that sign, and the public ones by which it is known, from its beginning to now.
//!
//! The public ones lie with the log, in `keys`: a line for each, with the first and the last size for which it counts (`-`: it still
//! does) and the key as C2SP writes it. Whoever does not trust the operator keeps a copy of them elsewhere.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use portcullis_audit_log::beside::KEYS;
use portcullis_audit_log::checkpoint::{KnownLog, LogKey, Origin};
use portcullis_audit_log::note::{Algorithm, KeyName, Note, Signature, Signer, SigningFailed, VerifierKey};
use portcullis_audit_log::writer::Signers;
use portcullis_secrets::{self as secrets, SigningAlgorithm};

use crate::config::audit_log::AuditLog as Configured;
use crate::files::{self, place};

const KEYS_BYTES_MAX: u64 = 64 * 1024;
const KEYS_MODE: u32 = 0o640;
const ED25519_BYTES: usize = 32;

/// The private keys of a log, read.
#[derive(Clone)]
pub(crate) struct Keys(Vec<(VerifierKey, Arc<secrets::Signer>)>);

impl Keys {
    /// Reads the keys that a configuration names.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(crate) fn read(configured: &Configured) -> Result<Self, String> {
        let read = |file: &Path| {
            let wrong = |error: String| format!("the audit log's key `{}` {error}", file.display());
            let octets = files::secret(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
            let pem = std::str::from_utf8(&octets).map_err(|_| wrong("is not PEM".to_owned()))?;
            let signer = secrets::Signer::from_pem(pem, SigningAlgorithm::Ed25519, None);
            let signer = signer.map_err(|_| wrong("is not one private key of Ed25519 in PEM (PKCS#8)".to_owned()))?;
            Ok((verifier(&configured.name, &signer)?, Arc::new(signer)))
        };
        let keys: Result<Vec<_>, String> = configured.keys.iter().map(|file| read(&file.value)).collect();
        keys.map(Self)
    }

    /// A key that is in memory alone.
    ///
    /// # Errors
    /// There is none to be had.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo makes one"))]
    pub(crate) fn made(name: &Origin) -> Result<Self, String> {
        let signer = secrets::Signer::generate(SigningAlgorithm::Ed25519, None).map_err(|error| error.to_string())?;
        Ok(Self(vec![(verifier(name, &signer)?, Arc::new(signer))]))
    }

    /// The public keys, the first one being that which signs entries.
    pub(crate) fn public(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Who signs.
    pub(crate) fn signers(&self) -> Option<Signers> {
        let mut all = self.0.iter().map(|(key, signer)| {
            let signer = Arc::clone(signer);
            let sign = move |message: &[u8]| {
                let signature = signer.sign(message).map_err(|_| SigningFailed)?;
                <[u8; 64]>::try_from(signature).map_err(|_| SigningFailed)
            };
            Signer::new(key.clone(), Box::new(sign))
        });
        Signers::new(all.next()?, all.collect())
    }

    /// A note of the key that signs entries; none where it cannot be signed.
    pub(crate) fn note(&self, text: String) -> Option<Note> {
        let (key, signer) = self.0.first()?;
        let signature = Signature {
            name: key.name().clone(),
            id: key.id(),
            octets: signer.sign(text.as_bytes()).ok()?,
        };
        Note::new(text, vec![signature])
    }

    /// The log as it is known when these are its only keys.
    pub(crate) fn fresh(&self, name: &Origin) -> KnownLog {
        let key = |key: &VerifierKey| LogKey {
            key: key.clone(),
            first: 0,
            last: None,
        };
        KnownLog {
            origin: name.clone(),
            keys: self.public().map(key).collect(),
        }
    }
}

fn verifier(name: &Origin, signer: &secrets::Signer) -> Result<VerifierKey, String> {
    let public = signer
        .public_key()
        .and_then(|octets| <[u8; ED25519_BYTES]>::try_from(octets).ok());
    let public = public.ok_or("a key of the audit log is not one of Ed25519")?;
    let name = KeyName::new(name.as_str()).map_err(|error| error.to_string())?;
    VerifierKey::new(name, Algorithm::Ed25519, public).map_err(|error| error.to_string())
}

/// Reads the public keys that lie with a log.
///
/// # Errors
/// They are not there, or cannot be read in one way only.
pub(crate) fn known(folder: &Path, name: Option<&Origin>) -> Result<KnownLog, String> {
    read(&folder.join(KEYS), name)
}

/// Reads public keys as they lie with a log, or were kept elsewhere.
///
/// # Errors
/// They are not there, or cannot be read in one way only.
pub(crate) fn read(file: &Path, name: Option<&Origin>) -> Result<KnownLog, String> {
    let wrong = |why: &str| format!("`{}` {why}", file.display());
    let length = std::fs::metadata(file)
        .map_err(|error| wrong(&format!("cannot be read: {error}")))?
        .len();
    if length > KEYS_BYTES_MAX {
        return Err(wrong("is too long for a list of keys"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let keys: Option<Vec<LogKey>> = text.lines().map(line).collect();
    let keys = keys.ok_or_else(|| wrong("is not a list of keys: each line is `FIRST LAST KEY`"))?;
    let first = keys.first().ok_or_else(|| wrong("names no key"))?;
    let origin = Origin::new(first.key.name().as_str()).ok_or_else(|| wrong("names no log"))?;
    if keys.iter().any(|key| key.key.name() != first.key.name()) || name.is_some_and(|name| *name != origin) {
        return Err(wrong(&format!("is of another log, `{}`", origin.as_str())));
    }
    Ok(KnownLog { origin, keys })
}

fn line(text: &str) -> Option<LogKey> {
    let mut words = text.split(' ');
    let (first, last, key) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    Some(LogKey {
        first: first.parse().ok()?,
        last: if last == "-" { None } else { Some(last.parse().ok()?) },
        key: key.parse().ok()?,
    })
}

/// Writes the public keys to where they lie, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn keep(folder: &Path, log: &KnownLog) -> std::io::Result<()> {
    let line = |key: &LogKey| {
        let last = key.last.map_or_else(|| "-".to_owned(), |last| last.to_string());
        format!("{} {last} {}\n", key.first, key.key)
    };
    let text: String = log.keys.iter().map(line).collect();
    let file = folder.join(KEYS);
    place::replace(&file, text.as_bytes())?;
    // Like the log itself they are for who reads that too.
    std::fs::set_permissions(file, Permissions::from_mode(KEYS_MODE))
}

/// The log as it is known with these keys from this size on: keys that are new are added, those that are gone count no further.
/// None where nothing changes.
pub(crate) fn changed(log: &KnownLog, keys: &Keys, size: u64) -> Option<KnownLog> {
    let mut changed = log.clone();
    for known in changed.keys.iter_mut().filter(|known| known.last.is_none()) {
        if keys.public().all(|key| *key != known.key) {
            known.last = Some(size);
        }
    }
    let added = keys.public().filter(|key| !log.has(key, size));
    changed.keys.extend(added.map(|key| LogKey {
        key: key.clone(),
        first: size,
        last: None,
    }));
    (changed != *log).then_some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes when it is dropped.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new() -> Self {
            let number = getrandom::u64().unwrap();
            let path = std::env::temp_dir().join(format!("portcullis-keys-{number:x}"));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _gone = std::fs::remove_dir_all(&self.0);
        }
    }

    fn name() -> Origin {
        Origin::new("gate.example/log").unwrap()
    }

    #[test]
    fn keys_that_lie_with_a_log_are_read_as_they_were_written() {
        let folder = Folder::new();
        let (old, new) = (Keys::made(&name()).unwrap(), Keys::made(&name()).unwrap());
        let first = old.fresh(&name());
        keep(folder.0.as_path(), &first).unwrap();
        assert_eq!(known(folder.0.as_path(), None).unwrap(), first);
        let later = changed(&first, &new, 70).unwrap();
        keep(folder.0.as_path(), &later).unwrap();
        let read = known(folder.0.as_path(), Some(&name())).unwrap();
        assert_eq!(read, later);
        let (old, new) = (old.public().next().unwrap(), new.public().next().unwrap());
        assert!(read.has(old, 70) && !read.has(old, 71) && !read.has(new, 69) && read.has(new, 1000));
        assert!(known(folder.0.as_path(), Origin::new("other.example/log").as_ref()).is_err());
    }

    #[test]
    fn nothing_changes_with_the_same_keys_and_both_count_while_they_are_replaced() {
        let (old, new) = (Keys::made(&name()).unwrap(), Keys::made(&name()).unwrap());
        let first = old.fresh(&name());
        assert_eq!(changed(&first, &old, 5), None);
        let both = Keys([old.0.clone(), new.0.clone()].concat());
        let between = changed(&first, &both, 5).unwrap();
        assert!(both.public().all(|key| between.has(key, 100)));
    }

    #[test]
    fn what_is_no_list_of_keys_is_not_read() {
        let folder = Folder::new();
        assert!(known(folder.0.as_path(), None).is_err());
        for text in ["", "0 - nonsense\n", "0\n", "x - gate.example/log+1+A\n"] {
            std::fs::write(folder.0.join(KEYS), text).unwrap();
            assert!(known(folder.0.as_path(), None).is_err(), "{text}");
        }
    }
}
