//! Who looks at a log says so in it, before anything is shown.

use std::path::PathBuf;

use portcullis_audit_log::beside::INBOX;
use portcullis_audit_log::entry::{Entity, Entry, Event};
use portcullis_audit_log::redact::masked;
use portcullis_gateway::listen::unix_milliseconds;

use super::super::Failure;
use super::place::Place;
use crate::audit_log::{inbox, os_users};

/// OCSF's activities of Entity Management.
const READ: u8 = 2;
const DELETE: u8 = 4;

/// What is asked of a log, as the log will say it.
pub(super) struct Asked(String);

impl Asked {
    /// A verb of `portcullis log`.
    pub(super) fn new(verb: &str) -> Self {
        Self(verb.to_owned())
    }

    /// With this argument, if there is one. What looks like a secret or like somebody's number is masked.
    pub(super) fn with(mut self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        if let Some(value) = value {
            self.0 += &format!(" {name} {}", masked(&value.to_string()));
        }
        self
    }

    /// With a principal, which is masked where the log has none in clear: it would stand there for good.
    pub(super) fn with_principal(self, principal: Option<&str>, place: &Place) -> Self {
        let told = principal.map(|name| if place.principals_in_clear { name } else { "[principal]" });
        self.with("--principal", told)
    }
}

/// Leaves an entry that somebody looks at the log. Nothing is to be shown before.
///
/// # Errors
/// It cannot be left.
pub(super) fn read(place: &Place, asked: &Asked) -> Result<(), Failure> {
    if !place.recorded {
        anstream::eprintln!("note: that this was looked at is not recorded");
        return Ok(());
    }
    let mut entry = administration(place, READ);
    entry.comment = Some(asked.0.as_str().into());
    leave(place, &entry).map(|_| ())
}

/// Leaves an entry that values are erased, which is also how the writer of the log is told to do it. Says in which file: while it is there, nobody has logged it.
///
/// # Errors
/// It cannot be left.
pub(super) fn erase(place: &Place, reason: &str, commitments: &[&str]) -> Result<PathBuf, Failure> {
    let mut entry = administration(place, DELETE);
    entry.comment = Some(format!("erase: {}", masked(reason)).into());
    leave(place, &inbox::erasing(entry, commitments))
}

fn administration(place: &Place, activity: u8) -> Entry<'static> {
    let mut entry = Entry::new(Event::Administration, unix_milliseconds());
    entry.activity_id = activity;
    entry.actor = Some(inbox::os_user(os_users::own()));
    entry.entity = Some(Entity {
        kind: "audit-log".into(),
        name: Some(place.known.origin.to_string().into()),
    });
    entry
}

fn leave(place: &Place, entry: &Entry<'_>) -> Result<PathBuf, Failure> {
    let mut line = Vec::new();
    entry.write(&mut line);
    line.push(b'\n');
    inbox::leave(&place.folder, &line).map_err(|error| {
        let inbox = place.folder.join(INBOX);
        Failure::unusable(format!(
            "nothing is shown, since it cannot be recorded that it was: `{}` cannot be written to: {error}; \
             of a copy of a log say `--unrecorded`",
            inbox.display()
        ))
    })
}
