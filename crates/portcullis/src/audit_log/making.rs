//! Makes a log where there is none, and the keys that it lacks. Nothing that is there is changed.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_log::beside::{ERASABLE, KEYS};
use portcullis_audit_log::writer::Writer;
use portcullis_gateway::listen::unix_time;
use portcullis_secrets::MAC_KEY_BYTES_MIN;
use portcullis_store::audit_log::LogFiles;
use zeroize::Zeroizing;

use super::inbox;
use super::keys::{self, Keys};
use crate::config::audit_log::AuditLog;
use crate::files::place;

/// Values that can be erased are for the gate alone.
const ERASABLE_MODE: u32 = 0o700;

/// What was made.
pub(crate) struct Made {
    /// The keys of the log.
    pub(crate) keys: Keys,
    /// The files of keys that were not there.
    pub(crate) files: Vec<PathBuf>,
}

/// Makes a log, and its keys where they are missing.
///
/// # Errors
/// There is a log already, or it cannot be made.
pub(crate) fn make(configured: &AuditLog) -> Result<Made, String> {
    let mut files = Vec::new();
    for key in &configured.keys {
        files.extend(make_key(&key.value, signing_key)?.then(|| key.value.clone()));
    }
    if let Some(key) = &configured.redaction.hash_key {
        files.extend(make_key(&key.value, hash_key)?.then(|| key.value.clone()));
    }
    let keys = Keys::read(configured)?;
    make_log(configured, &keys)
        .map_err(|error| format!("the log `{}` cannot be made: {error}", configured.path.display()))?;
    Ok(Made { keys, files })
}

/// Makes a key where there is no file. Whether it did.
fn make_key(file: &Path, key: impl FnOnce() -> Result<Zeroizing<String>, String>) -> Result<bool, String> {
    let said = |error: io::Error| format!("cannot write `{}`: {error}", file.display());
    if file.try_exists().map_err(said)? {
        return Ok(false);
    }
    place::create(file, key()?.as_bytes()).map_err(said)
}

fn signing_key() -> Result<Zeroizing<String>, String> {
    let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519);
    let made = made.map_err(|error| format!("no key can be made: {error}"))?;
    Ok(Zeroizing::new(made.serialize_pem()))
}

fn hash_key() -> Result<Zeroizing<String>, String> {
    let mut octets = Zeroizing::new([0; MAC_KEY_BYTES_MIN]);
    getrandom::fill(&mut *octets).map_err(|error| format!("the system gives no randomness: {error}"))?;
    Ok(Zeroizing::new(STANDARD.encode(*octets) + "\n"))
}

fn make_log(configured: &AuditLog, keys: &Keys) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    let folder = &configured.path;
    let files = LogFiles::open(folder).map_err(|error| error.to_string())?;
    if folder.join(KEYS).try_exists().map_err(told)? {
        return Err("there is one already, or something of one: `keys`".to_owned());
    }
    let known = keys.fresh(&configured.name);
    // They go first: a log without them could not be read.
    keys::keep(folder, &known).map_err(told)?;
    let signers = keys.signers().ok_or("it has no key of Ed25519")?;
    if let Err(error) = Writer::create(Box::new(files), known, signers, unix_time().seconds()) {
        // What was in the way stays, what was put there does not.
        fs::remove_file(folder.join(KEYS)).map_err(told)?;
        return Err(error.to_string());
    }
    inbox::folder(folder).map_err(told)?;
    match DirBuilder::new().mode(ERASABLE_MODE).create(folder.join(ERASABLE)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(told(error)),
        _ => Ok(()),
    }
}
