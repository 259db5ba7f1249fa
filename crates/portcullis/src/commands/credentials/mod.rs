//! What `portcullis key` and `portcullis token` have in common: credentials of the gate's own, issued, listed, rotated and
//! revoked.

mod arguments;
mod scopes;
mod tell;

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_gateway::listen::unix_time;
use portcullis_identity::credentials::{ApiKey, CredentialId, Kind, MacKeys, OpaqueToken, Prefix, Record};
use portcullis_identity::jose::handle::Mac;
use portcullis_identity::principal::SubjectKind;
use portcullis_identity::time::UnixTime;
use portcullis_secrets::MacKey;
use portcullis_store::StoreError;
use portcullis_store::credentials::{Credentials as _, IssueError, PAGE_RECORDS_MAX, Page, Rotated, Rotation, Whose};
use portcullis_store::sqlite::SqliteCredentials;

pub(super) use arguments::{Issue, List, Revoke, Rotate, Show};
pub(super) use tell::rows as described;

use super::{ConfigFile, Failure, Outcome, Shared};
use crate::config::credentials::Credentials;
use crate::credentials::draw::{self, New};
use crate::credentials::{secret, secret_fault, secret_way_out, store_fault, store_way_out};
use arguments::Owner;

/// How long a credential is kept that has ended, in seconds: 90 days, to answer who had it.
const KEPT_SECONDS: u64 = 90 * 24 * 3600;
/// How long a name is.
const NAME_CHARACTERS: usize = 11;
/// How often another name is drawn where one is taken.
const DRAWS_MAX: usize = 3;

/// The store of a configuration, and whose credentials are meant.
struct Kept {
    configured: Credentials,
    kind: Kind,
}

impl Kept {
    fn of(config: &ConfigFile, kind: Kind) -> Result<Self, Failure> {
        let configured = config.credentials()?.ok_or_else(|| {
            Failure::unusable(
                "the configuration does not say where credentials are kept: write \
                 `credentials: {store: credentials.db, secret: credentials.jwks}` (docs/api-keys.md)",
            )
        })?;
        Ok(Self { configured, kind })
    }

    fn open(&self) -> Result<SqliteCredentials, Failure> {
        let opened = SqliteCredentials::open(&self.configured.store);
        opened.map_err(|error| match error {
            StoreError::Missing => Failure::unusable(format!(
                "{}: nothing was issued yet",
                store_fault(&self.configured, &error)
            )),
            _ => self.failed(&error),
        })
    }

    /// The store and the secret, both made where they are missing, which is said.
    fn begin(&self) -> Result<(SqliteCredentials, Vec<MacKey>), Failure> {
        let Credentials { store, secret, .. } = &self.configured;
        let is_new = !store.exists();
        // A new secret beside an old store would make every credential in it worthless, unseen.
        if is_new {
            let made = secret::make(secret).map_err(|error| self.no_secret(&error))?;
            if made {
                anstream::eprintln!(
                    "made the secret `{}`: keep a copy where you keep secrets",
                    secret.display()
                );
            }
        }
        let keys = self.keys()?;
        let opened = SqliteCredentials::create(store).map_err(|error| self.failed(&error))?;
        if is_new {
            anstream::eprintln!("made the store `{}`", store.display());
        }
        Ok((opened, keys))
    }

    fn keys(&self) -> Result<Vec<MacKey>, Failure> {
        let read = secret::read(&self.configured.secret);
        read.map(|(keys, _)| keys).map_err(|error| self.no_secret(&error))
    }

    fn draw(&self, id: CredentialId, keys: &[MacKey]) -> Result<New, Failure> {
        let prefix = Prefix::parse(&self.configured.prefix);
        let (Some(prefix), Some(key)) = (prefix, keys.first()) else {
            return Err(self.no_secret("has no key"));
        };
        draw::credential(self.kind, id, &prefix, key).map_err(Failure::unusable)
    }

    fn failed(&self, error: &StoreError) -> Failure {
        store_failed(&self.configured, error)
    }

    fn no_secret(&self, error: &str) -> Failure {
        secret_failed(&self.configured, error)
    }

    /// The credential of this name.
    fn find(&self, store: &mut SqliteCredentials, id: &CredentialId) -> Result<Record, Failure> {
        let found = store.find(id).map_err(|error| self.failed(&error))?;
        found
            .filter(|record| record.kind == self.kind)
            .ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: &CredentialId) -> Failure {
        let what = tell::what(self.kind);
        Failure::unusable(format!("there is no {what} `{id}`: `list` tells those that there are"))
    }
}

/// The keys that credentials are kept under.
///
/// # Errors
/// The secret cannot be used.
pub(super) fn mac_keys(configured: &Credentials) -> Result<MacKeys, Failure> {
    let failed = |error: String| secret_failed(configured, &error);
    let (keys, _) = secret::read(&configured.secret).map_err(failed)?;
    let keys = keys.into_iter().map(|key| Arc::new(key) as Arc<dyn Mac>);
    MacKeys::new(keys.collect()).map_err(|unusable| failed(unusable.to_string()))
}

/// What is kept of the credential of this name, whatever its kind; nothing where nothing was issued yet.
///
/// # Errors
/// The store cannot be used.
pub(super) fn record(configured: &Credentials, id: &CredentialId) -> Result<Option<Record>, Failure> {
    let found = SqliteCredentials::open(&configured.store).and_then(|mut store| store.find(id));
    match found {
        Err(StoreError::Missing) => Ok(None),
        found => found.map_err(|error| store_failed(configured, &error)),
    }
}

fn store_failed(configured: &Credentials, error: &StoreError) -> Failure {
    let way_out = store_way_out(configured, error);
    Failure::unusable(with_way_out(store_fault(configured, error), &way_out))
}

fn secret_failed(configured: &Credentials, error: &str) -> Failure {
    let way_out = secret_way_out(configured);
    Failure::unusable(with_way_out(secret_fault(configured, error), &way_out))
}

/// What is wrong, and what to do about it.
fn with_way_out(mut message: String, way_out: &str) -> String {
    if !way_out.is_empty() {
        message.push_str("; ");
        message.push_str(way_out);
    }
    message
}

/// Issues a credential, and tells it this once.
pub(super) fn issue(arguments: &Issue, kind: Kind, lifetime_seconds: u64, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = Kept::of(&arguments.config, kind)?;
    let now = unix_time();
    let (mut store, keys) = kept.begin()?;
    let old = UnixTime::from_seconds(now.seconds().saturating_sub(KEPT_SECONDS));
    if let Some(old) = old {
        store.forget(old).map_err(|error| kept.failed(&error))?;
    }
    for _ in 0..DRAWS_MAX {
        let id = draw::id().map_err(Failure::unusable)?;
        let New { text, tag } = kept.draw(id, &keys)?;
        let record = arguments.record(kind, id, tag, now, lifetime_seconds);
        match store.issue(&record) {
            Ok(()) => {
                tell::new(&text, &record, now, shared)?;
                scopes::warn(&arguments.config, &record);
                return Ok(Outcome::Clean);
            }
            Err(IssueError::Taken) => {}
            Err(error) => {
                return Err(Failure::unusable(store_fault(&kept.configured, &error)));
            }
        }
    }
    Err(Failure::unusable(
        "every name that was drawn is taken: the system's random numbers are none",
    ))
}

/// Tells every credential, those that ended lately included.
pub(super) fn list(arguments: &List, kind: Kind, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = Kept::of(&arguments.config, kind)?;
    let owner = arguments.owner.as_ref().map(Owner::named);
    let mut records = all(&kept, &mut kept.open()?, owner)?;
    records.sort_by_key(|record| (record.issued, record.id));
    tell::all(kind, &records, unix_time(), shared)?;
    Ok(Outcome::Clean)
}

/// Everything that is kept of the kind, page by page; of an owner, if one is named.
fn all(
    kept: &Kept,
    store: &mut SqliteCredentials,
    owner: Option<(SubjectKind, Box<str>)>,
) -> Result<Vec<Record>, Failure> {
    let mut page = Page {
        kind: kept.kind,
        owner,
        after: None,
        records_max: PAGE_RECORDS_MAX,
    };
    let mut records = Vec::new();
    loop {
        let more = store.list(&page).map_err(|error| kept.failed(&error))?;
        let Some(last) = more.last() else { return Ok(records) };
        page.after = Some(last.id);
        records.extend(more);
    }
}

/// Tells what is kept of one credential.
pub(super) fn show(arguments: &Show, kind: Kind, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = Kept::of(&arguments.config, kind)?;
    let record = kept.find(&mut kept.open()?, &id(&arguments.id)?)?;
    tell::one(&record, unix_time(), shared)?;
    Ok(Outcome::Clean)
}

/// Gives a credential another secret, and tells it this once.
pub(super) fn rotate(arguments: &Rotate, kind: Kind, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = Kept::of(&arguments.config, kind)?;
    let (mut store, id, now) = (kept.open()?, id(&arguments.id)?, unix_time());
    // Before anything is drawn: a name of the other kind is none.
    let before = kept.find(&mut store, &id)?;
    let New { text, tag } = kept.draw(id, &kept.keys()?)?;
    let rotation = Rotation {
        tag,
        old_until: now.plus(arguments.overlap.0),
        now,
    };
    match store.rotate(&id, &rotation).map_err(|error| kept.failed(&error))? {
        Rotated::Done(record) => {
            tell::new(&text, &record, now, shared)?;
            tell::ended_early(&before, now);
        }
        Rotated::Unknown => return Err(kept.unknown(&id)),
        Rotated::Ended => {
            let message = format!("`{id}` was revoked or has expired, and is not brought back: issue another");
            return Err(Failure::unusable(message));
        }
    }
    Ok(Outcome::Clean)
}

/// Revokes credentials for good.
pub(super) fn revoke(arguments: &Revoke, kind: Kind, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = Kept::of(&arguments.config, kind)?;
    let mut store = kept.open()?;
    let whose = match (&arguments.id, &arguments.owner) {
        (Some(written), _) => {
            let id = id(written)?;
            kept.find(&mut store, &id)?;
            Whose::One(id)
        }
        (None, Some(owner)) => {
            let (kind, name) = owner.named();
            Whose::Owner(kind, name)
        }
        (None, None) => Whose::All,
    };
    let revoked = store.revoke(kind, &whose, unix_time());
    let revoked = revoked.map_err(|error| kept.failed(&error))?;
    tell::revoked(kind, revoked, shared)?;
    match &whose {
        // Somebody wrote another owner than the one who is meant, and the credential is still good.
        Whose::Owner(_, name) if revoked == 0 => {
            namesakes(&kept, &mut store, name)?;
            Ok(Outcome::Found)
        }
        _ => Ok(Outcome::Clean),
    }
}

/// Says which owners there are of a name that was written with the wrong kind, or with none.
fn namesakes(kept: &Kept, store: &mut SqliteCredentials, name: &str) -> Result<(), Failure> {
    let in_force = |record: &Record| !record.has_ended(unix_time()) && *record.owner == *name;
    let records = all(kept, store, None)?;
    let owners: BTreeSet<String> = records
        .iter()
        .filter(|record| in_force(record))
        .map(tell::owner)
        .collect();
    for owner in owners {
        anstream::eprintln!("there are of `{owner}`: write `--owner {owner}`");
    }
    Ok(())
}

/// The name that is written, or that of the credential that is: whoever found one somewhere has nothing else.
fn id(written: &str) -> Result<CredentialId, Failure> {
    let of_key = || ApiKey::parse(written).ok().map(|key| key.id());
    let of_token = || OpaqueToken::parse(written).map(|token| token.id());
    let id = CredentialId::parse(written).or_else(of_key).or_else(of_token);
    // It may be a secret after all, so it is not repeated.
    id.ok_or_else(|| {
        let like_one = written.len() == NAME_CHARACTERS && written.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Failure::unusable(match like_one {
            true => "what is written looks like the name of a credential, and none is called so: a letter is mistyped",
            false => {
                "what is written is neither the name of a credential, which has 11 letters and digits, nor a whole one"
            }
        })
    })
}
