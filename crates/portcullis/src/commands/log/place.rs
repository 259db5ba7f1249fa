//! Which log it is, and by which keys it is known.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog, LogKey, Origin};
use portcullis_audit_log::entries::{Entries, ReadError};
use portcullis_audit_log::entry::Protected;
use portcullis_audit_log::note::{Note, VerifierKey};
use portcullis_gateway::audit_log::{Protect as _, Treatment};
use portcullis_store::audit_log::{LogBeside, LogFolder};

use super::super::{ConfigFile, Failure};
use crate::audit_log::{Protection, keys, os_users};
use crate::config::audit_log::{AuditLog, Reader, RightWritten as Right};

/// Which log.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The folder of a log, in the place of the one that the configuration names
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(super) log: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// A public key of the log's, as it was kept elsewhere; may be repeated. Without one those count that lie beside the log, where
    /// whoever can write to it can write too
    #[arg(long, value_name = "KEY", action = ArgAction::Append, value_parser = parse_key)]
    pub(super) key: Vec<VerifierKey>,
    /// A file of the log's keys, as it was kept elsewhere, with the sizes at which each counts
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(super) keys: Option<PathBuf>,
    /// Leaves no entry in the log that it was looked at: for copies, which nobody writes to
    #[arg(long, requires = "log")]
    pub(super) unrecorded: bool,
}

/// Where the keys of a log come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeysFrom {
    /// Whoever asks has kept them.
    Elsewhere,
    /// They lie beside the log.
    Beside,
}

/// A log.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) known: KnownLog,
    pub(super) keys_from: KeysFrom,
    pub(super) recorded: bool,
    /// Whether names of principals stand in entries as they are.
    pub(super) principals_in_clear: bool,
    /// Where they stand as digests: the key for those.
    digests: Option<Protection>,
    source: LogFolder,
}

impl Of {
    /// The log that is named, for somebody who may do this with it.
    ///
    /// # Errors
    /// They may not; its keys cannot be read, or there is no log.
    pub(super) fn place(&self, right: Right) -> Result<Place, Failure> {
        let (folder, configured) = match &self.log {
            Some(folder) => (folder.clone(), None),
            None => {
                let configured = configured(&self.config)?;
                (configured.path.clone(), Some(configured))
            }
        };
        if let Some(readers) = configured.as_ref().and_then(|configured| configured.readers.as_ref()) {
            permit(readers, &os_users::own(), right)?;
        }
        let source = LogFolder::new(&folder);
        let (known, keys_from) = match self.keys_elsewhere()? {
            Some(known) => (known, KeysFrom::Elsewhere),
            None => (
                keys::known(&folder, None).map_err(|error| {
                    Failure::unusable(format!("{error}; name the keys of the log with `--key` or `--keys`"))
                })?,
                KeysFrom::Beside,
            ),
        };
        if let Some(named) = configured.as_ref().map(|configured| &configured.name)
            && *named != known.origin
        {
            return Err(Failure::unusable(format!(
                "the keys are those of the log `{}`, and the configuration names `{named}`",
                known.origin
            )));
        }
        let principals_in_clear = match &configured {
            Some(configured) => configured.redaction.principals == Treatment::Clear,
            // Nobody says so.
            None => false,
        };
        let redaction = configured.map(|configured| configured.redaction);
        let hashed = redaction.filter(|redaction| redaction.principals == Treatment::Hashed);
        let digests = hashed.and_then(|redaction| Protection::read(&redaction).map_err(without_key).ok());
        Ok(Place {
            folder,
            known,
            keys_from,
            recorded: !self.unrecorded,
            principals_in_clear,
            digests,
            source,
        })
    }

    /// The keys that whoever asks has kept.
    ///
    /// # Errors
    /// They cannot be read, or are those of several logs.
    pub(super) fn keys_elsewhere(&self) -> Result<Option<KnownLog>, Failure> {
        if let Some(file) = &self.keys {
            return keys::read(file, None).map(Some).map_err(Failure::unusable);
        }
        let Some(first) = self.key.first() else { return Ok(None) };
        if self.key.iter().any(|key| key.name() != first.name()) {
            return Err(Failure::unusable(
                "the keys have several names: they are those of several logs",
            ));
        }
        let origin = Origin::new(first.name().as_str());
        let origin = origin.ok_or_else(|| Failure::unusable("the name of the key is no name of a log"))?;
        let all = |key: &VerifierKey| LogKey {
            key: key.clone(),
            first: 0,
            last: None,
        };
        let keys = self.key.iter().map(all).collect();
        Ok(Some(KnownLog { origin, keys }))
    }
}

impl Place {
    /// A principal as entries have it: where its name stands there as a digest, that.
    pub(super) fn principal(&self, name: &str) -> String {
        let digest = self
            .digests
            .as_ref()
            .and_then(|digests| digests.digest(name.as_bytes()));
        let is_clear = matches!(Protected::read(name), Protected::Clear(_));
        match digest.filter(|_| is_clear) {
            Some(digest) => Protected::Hashed(digest.into()).into_text().into_owned(),
            None => name.to_owned(),
        }
    }

    /// Its files.
    pub(super) fn source(&self) -> &LogFolder {
        &self.source
    }

    /// What lies beside it.
    pub(super) fn beside(&self) -> LogBeside {
        LogBeside::new(&self.folder)
    }

    /// Its entries, as they are now.
    ///
    /// # Errors
    /// There is no log, or it cannot be read.
    pub(super) fn entries(&self) -> Result<Entries<'_>, Failure> {
        let entries = Entries::open(&self.source, &self.known).map_err(|error| self.unreadable(&error))?;
        if let Some(first) = entries.altered() {
            anstream::eprintln!(
                "warning: the journal is not what was written, from entry {first} on: what follows it is not shown; \
                 run `portcullis log verify`"
            );
        }
        Ok(entries)
    }

    /// Why entries cannot be read, and what to do.
    pub(super) fn unreadable(&self, error: &ReadError) -> Failure {
        let folder = self.folder.display();
        let way_out = match error {
            ReadError::NoCheckpoint => "; is it the right folder? `portcullis log init` makes a log",
            ReadError::Checkpoint(_) | ReadError::Tile(_) | ReadError::Bundle(_) => "; run `portcullis log verify`",
            _ => "",
        };
        Failure::unusable(format!("the log `{folder}`: {error}{way_out}"))
    }

    /// The checkpoints in files, each of which one of the log's keys has to have signed.
    ///
    /// # Errors
    /// One cannot be read, or does not count.
    pub(super) fn held(&self, files: &[PathBuf]) -> Result<Vec<(Note, Checkpoint)>, Failure> {
        let read = |file: &PathBuf| {
            let said = |error: &dyn std::fmt::Display| {
                Failure::unusable(format!("the checkpoint `{}`: {error}", file.display()))
            };
            let octets = std::fs::read(file).map_err(|error| said(&error))?;
            let note = Note::parse(&octets).map_err(|error| said(&error))?;
            let checkpoint = self.known.verify_checkpoint(&note).map_err(|error| said(&error))?;
            Ok((note, checkpoint))
        };
        files.iter().map(read).collect()
    }
}

/// The log that a configuration names.
pub(super) fn configured(config: &ConfigFile) -> Result<AuditLog, Failure> {
    config.audit_log()?.ok_or_else(|| {
        Failure::unusable(
            "the configuration names no audit log: write `audit_log: {path: log, name: gate.example.com/audit, keys: [log.key.pem]}` \
             (docs/audit-log.md), or name a folder with `--log`",
        )
    })
}

fn without_key(error: String) {
    anstream::eprintln!("note: {error}: principals are found by their digests alone, not by their names");
}

/// Whether a user of the system may do something with a log that says who may.
fn permit(readers: &[Reader], user: &str, right: Right) -> Result<(), Failure> {
    let may = |reader: &Reader| reader.user == user && reader.may.contains(&right);
    if readers.iter().any(may) {
        return Ok(());
    }
    let right = match right {
        Right::Read => "read",
        Right::Export => "export",
        Right::Erase => "erase",
    };
    Err(Failure::unusable(format!(
        "`{user}` may not do this with the audit log: `audit_log.readers` names nobody of the name with `{right}`"
    )))
}

fn parse_key(text: &str) -> Result<VerifierKey, String> {
    text.parse::<VerifierKey>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_do_what_they_may() {
        let reader = |user: &str, may: &[Right]| Reader {
            user: user.to_owned(),
            may: may.iter().copied().collect(),
        };
        let readers = [
            reader("auditor", &[Right::Read, Right::Export]),
            reader("officer", &[Right::Erase]),
        ];
        let check = |user: &str, right: Right, may: bool| {
            assert_eq!(permit(&readers, user, right).is_ok(), may, "{user} {right:?}");
        };
        check("auditor", Right::Read, true);
        check("auditor", Right::Export, true);
        check("auditor", Right::Erase, false);
        check("officer", Right::Erase, true);
        check("officer", Right::Read, false);
        check("root", Right::Read, false);
        assert!(permit(&[], "auditor", Right::Read).is_err());
    }
}
