//! `portcullis log init`: an empty log, and the keys that it lacks. Nothing that is there is changed.

use std::io::Write as _;
use std::path::PathBuf;

use portcullis_audit_log::note::VerifierKey;
use serde_json::json;

use super::super::{Failure, Outcome, Shared};
use super::Init;
use super::place::configured;
use crate::audit_log::keys::Keys;
use crate::audit_log::making::{self, Made};
use crate::config::audit_log::AuditLog;

/// Makes a log.
pub(super) fn init(init: &Init, shared: &Shared) -> Result<Outcome, Failure> {
    let configured = configured(&init.config)?;
    let Made { keys, files } = making::make(&configured).map_err(Failure::unusable)?;
    tell(&configured, &files, &keys, shared)?;
    Ok(Outcome::Clean)
}

fn tell(configured: &AuditLog, made: &[PathBuf], keys: &Keys, shared: &Shared) -> Result<(), Failure> {
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
