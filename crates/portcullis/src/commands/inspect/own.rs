//! API keys and opaque tokens of the gate's own: their form, their checksum or tag, and the record in the store.

use portcullis_identity::credentials::{ApiKey, Kind, MacKeys, NoKey, Presented, Record, Refused};
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use super::super::Failure;
use super::super::credentials::{self, described};
use super::super::date::Date;
use super::report::Report;
use crate::config::credentials::{AUTHORITY, Credentials};

/// Whether a text has the form of an API key, right or mistyped.
pub(super) fn is_key(text: &str) -> bool {
    matches!(ApiKey::parse(text), Ok(_) | Err(NoKey::Checksum))
}

/// Walks the way of a credential; none where it ends before anybody is known.
///
/// # Errors
/// The store or the secret cannot be used.
pub(super) fn look(
    kind: Kind,
    text: &str,
    kept: Option<&Credentials>,
    now: UnixTime,
    report: &mut Report,
) -> Result<Option<Identity>, Failure> {
    report.form(match kind {
        Kind::ApiKey => "an API key in the form of the gate's own",
        Kind::Token => "an opaque token in the form of the gate's own",
    });
    let Some(kept) = kept else {
        report.fail("kept here", "the configuration has no `credentials`");
        return Ok(None);
    };
    let keys = credentials::mac_keys(kept)?;
    let Some(presented) = read(kind, text, &keys, report) else {
        return Ok(None);
    };
    let id = presented.id();
    report.name("name", id);
    let Some(record) = credentials::record(kept, &id)? else {
        report.fail("record", format!("there is none of the name `{id}`"));
        return Ok(None);
    };
    report.hold("record", format!("there is one of the name `{id}`"));
    for (name, value) in described(&record, now).into_iter().filter(|(name, _)| *name != "name") {
        report.name(name, value);
    }
    Ok(verify(&presented, &record, &keys, now, report))
}

/// Reads it: a key is told from a mistyped one by its checksum, a token from an invented one by its tag.
fn read<'t>(kind: Kind, text: &'t str, keys: &MacKeys, report: &mut Report) -> Option<Presented<'t>> {
    report.pass("form");
    let (check, presented) = match kind {
        Kind::ApiKey => ("checksum", Presented::api_key(text)),
        Kind::Token => ("tag", Presented::token(text, keys)),
    };
    report.note(check, presented.map_err(why))
}

/// The record is that of the name; whether it is that of the credential, its MAC says.
fn verify(
    presented: &Presented<'_>,
    record: &Record,
    keys: &MacKeys,
    now: UnixTime,
    report: &mut Report,
) -> Option<Identity> {
    let verified = presented.verify(Some(record), keys, now);
    if verified.as_ref().err() == Some(&Refused::Unknown) {
        report.fail(
            "secret",
            "it is not the one that is kept, or one that was replaced and is over",
        );
        return None;
    }
    report.pass("secret");
    match record.revoked {
        Some(revoked) => report.fail("not revoked", format!("it was, at {}", Date(revoked))),
        None => report.pass("not revoked"),
    }
    match record.expires {
        Some(expires) if expires <= now => report.fail("not expired", format!("it is, since {}", Date(expires))),
        Some(expires) => report.hold("not expired", format!("good until {}", Date(expires))),
        None => report.hold("not expired", "good until it is revoked"),
    }
    let accepted = verified.ok()?;
    if let Some(until) = accepted.until.filter(|until| Some(*until) != record.expires) {
        report.hold(
            "replaced",
            format!("good until {}, when only the new secret is", Date(until)),
        );
    }
    Some(record.identity(&AUTHORITY.into(), accepted.until))
}

fn why(refused: Refused) -> &'static str {
    match refused {
        Refused::Form => "it has not the form",
        Refused::Checksum => "it is another: the key is cut or mistyped",
        Refused::Tag => "nobody with this secret made it",
        Refused::Unknown => "there is none",
        Refused::Revoked => "it was revoked",
        Refused::Expired => "it is over",
    }
}
