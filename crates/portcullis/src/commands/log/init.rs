//! `portcullis log init`: an empty log, and the keys that it lacks. Nothing that is there is changed.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_log::note::VerifierKey;
use portcullis_audit_log::writer::Writer;
use portcullis_secrets::MAC_KEY_BYTES_MIN;
use portcullis_store::audit_log::LogFiles;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::{Failure, Outcome, Shared};
use super::Init;
use super::place::configured;
use super::when::now;
use crate::audit_log::keys::{self, KEYS, Keys};
use crate::audit_log::{beside, inbox};
use crate::config::audit_log::AuditLog;
use crate::files::place;

/// Values that can be erased are for the gate alone.
const ERASABLE_MODE: u32 = 0o700;

/// Makes a log.
pub(super) fn init(init: &Init, shared: &Shared) -> Result<Outcome, Failure> {
    let configured = configured(&init.config)?;
    let mut made = Vec::new();
    for key in &configured.keys {
        let key = key.value.as_path();
        made.extend(make(key, signing_key)?.then_some(key));
    }
    if let Some(key) = &configured.redaction.hash_key {
        let key = key.value.as_path();
        made.extend(make(key, hash_key)?.then_some(key));
    }
    let keys = Keys::read(&configured).map_err(Failure::unusable)?;
    make_log(&configured, &keys).map_err(|error| {
        let folder = configured.path.display();
        Failure::unusable(format!("the log `{folder}` cannot be made: {error}"))
    })?;
    tell(&configured, &made, &keys, shared)?;
    Ok(Outcome::Clean)
}

/// Makes a key where there is no file. Whether it did.
fn make(file: &Path, key: impl FnOnce() -> Result<Zeroizing<String>, Failure>) -> Result<bool, Failure> {
    let said = |error: std::io::Error| Failure::unusable(format!("cannot write `{}`: {error}", file.display()));
    if file.try_exists().map_err(said)? {
        return Ok(false);
    }
    place::create(file, key()?.as_bytes()).map_err(said)
}

fn signing_key() -> Result<Zeroizing<String>, Failure> {
    let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519);
    let made = made.map_err(|error| Failure::unusable(format!("no key can be made: {error}")))?;
    Ok(Zeroizing::new(made.serialize_pem()))
}

fn hash_key() -> Result<Zeroizing<String>, Failure> {
    let mut octets = Zeroizing::new([0; MAC_KEY_BYTES_MIN]);
    getrandom::fill(&mut *octets)
        .map_err(|error| Failure::unusable(format!("the system gives no randomness: {error}")))?;
    Ok(Zeroizing::new(STANDARD.encode(*octets) + "\n"))
}

fn make_log(configured: &AuditLog, keys: &Keys) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let folder = &configured.path;
    let files = LogFiles::open(folder).map_err(|error| error.to_string())?;
    if folder.join(KEYS).try_exists().map_err(told)? {
        return Err("there is one already, or something of one: `keys`".to_owned());
    }
    let known = keys.fresh(&configured.name);
    // They go first: a log without them could not be read.
    keys::keep(folder, &known).map_err(told)?;
    let signers = keys.signers().ok_or("it has no key of Ed25519")?;
    if let Err(error) = Writer::create(Box::new(files), known, signers, now() / 1000) {
        // What was in the way stays, what was put there does not.
        fs::remove_file(folder.join(KEYS)).map_err(told)?;
        return Err(error.to_string());
    }
    inbox::folder(folder).map_err(told)?;
    match DirBuilder::new()
        .mode(ERASABLE_MODE)
        .create(folder.join(beside::FOLDER))
    {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(told(error)),
        _ => Ok(()),
    }
}

fn tell(configured: &AuditLog, made: &[&Path], keys: &Keys, shared: &Shared) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let folder = configured.path.display();
    if shared.json {
        let keys: Vec<String> = keys.public().map(VerifierKey::to_string).collect();
        let made: Vec<String> = made.iter().map(|file| file.display().to_string()).collect();
        let told = json!({
            "log": folder.to_string(),
            "name": configured.name.as_str(),
            "keys": keys,
            "made": made,
        });
        writeln!(out, "{told:#}")?;
        return Ok(());
    }
    for file in made {
        anstream::eprintln!("made the key `{}`: keep it secret", file.display());
    }
    anstream::eprintln!("made the log `{folder}`");
    anstream::eprintln!(
        "keep this where the operator of the gate cannot change it; whoever verifies the log needs it:"
    );
    for key in keys.public() {
        writeln!(out, "{key}")?;
    }
    Ok(())
}
