//! Credentials in a file.

use std::path::Path;

use portcullis_identity::credentials::{CredentialId, Kind, Record, Retiring, Tag};
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_identity::time::UnixTime;
use rusqlite::{Row, Transaction, params};

use super::Database;
use crate::StoreError;
use crate::credentials::{
    Changes, Credentials, IssueError, PAGE_RECORDS_MAX, Page, Position, RECORDS_MAX, Rotated, Rotation, Whose,
};

/// Credentials in a file.
#[derive(Debug)]
pub struct SqliteCredentials(Database);

impl SqliteCredentials {
    /// Opens a store that is there.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Missing`] where there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Database::open(path).map(Self)
    }

    /// Opens a store, and makes it where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        Database::create(path).map(Self)
    }
}

impl Credentials for SqliteCredentials {
    fn issue(&mut self, record: &Record) -> Result<(), IssueError> {
        self.0.write(|transaction| {
            if find(transaction, &record.id)?.is_some() {
                return Err(IssueError::Taken);
            }
            let count: i64 = transaction
                .query_row("SELECT count(*) FROM credential", [], |row| row.get(0))
                .map_err(StoreError::from)?;
            if usize::try_from(count).is_ok_and(|count| count >= RECORDS_MAX) {
                return Err(IssueError::Full);
            }
            let number = next(transaction)?;
            insert(transaction, record, number)?;
            Ok(())
        })
    }

    fn find(&mut self, id: &CredentialId) -> Result<Option<Record>, StoreError> {
        self.0.read(|transaction| find(transaction, id))
    }

    fn rotate(&mut self, id: &CredentialId, rotation: &Rotation) -> Result<Rotated, StoreError> {
        self.0.write(|transaction| {
            let Some(record) = find(transaction, id)? else {
                return Ok(Rotated::Unknown);
            };
            if record.has_ended(rotation.now) {
                return Ok(Rotated::Ended);
            }
            let sql = "UPDATE credential SET old_key = tag_key, old_tag = tag, old_until = ?2, tag_key = ?3, tag = ?4, \
                       changed = ?5 WHERE id = ?1";
            let Rotation { tag, old_until, .. } = rotation;
            let number = next(transaction)?;
            transaction.execute(sql, params![id.as_str(), seconds(*old_until), tag.key, tag.mac, number])?;
            let rotated = Record {
                tag: tag.clone(),
                retiring: Some(Retiring {
                    tag: record.tag,
                    until: *old_until,
                }),
                ..record
            };
            Ok(Rotated::Done(Box::new(rotated)))
        })
    }

    fn revoke(&mut self, kind: Kind, whose: &Whose, now: UnixTime) -> Result<u64, StoreError> {
        const REVOKE: &str = "UPDATE credential SET revoked = ?2, changed = ?3 WHERE kind = ?1 AND revoked IS NULL";
        self.0.write(|transaction| {
            let (kind, now, number) = (kind.name(), seconds(now), next(transaction)?);
            let count = match whose {
                Whose::One(id) => transaction.execute(
                    &format!("{REVOKE} AND id = ?4"),
                    params![kind, now, number, id.as_str()],
                ),
                Whose::Owner(owner_kind, owner) => transaction.execute(
                    &format!("{REVOKE} AND owner_kind = ?4 AND owner = ?5"),
                    params![kind, now, number, owner_kind.name(), owner],
                ),
                Whose::All => transaction.execute(REVOKE, params![kind, now, number]),
            };
            Ok(u64::try_from(count?).unwrap_or(u64::MAX))
        })
    }

    fn touch(&mut self, uses: &[(CredentialId, UnixTime)]) -> Result<(), StoreError> {
        const TOUCH: &str = "UPDATE credential SET used = ?2 WHERE id = ?1 AND (used IS NULL OR used < ?2)";
        self.0.write(|transaction| {
            let mut touch = transaction.prepare_cached(TOUCH)?;
            for (id, used) in uses {
                touch.execute(params![id.as_str(), seconds(*used)])?;
            }
            Ok(())
        })
    }

    fn list(&mut self, page: &Page) -> Result<Vec<Record>, StoreError> {
        let owner = page.owner.as_ref();
        let after = page.after.as_ref().map_or("", CredentialId::as_str);
        let most = i64::try_from(page.records_max.min(PAGE_RECORDS_MAX)).unwrap_or(0);
        let condition =
            "kind = ?1 AND id > ?2 AND (?3 IS NULL OR (owner_kind = ?3 AND owner = ?4)) ORDER BY id LIMIT ?5";
        self.0.read(|transaction| {
            let wanted = params![
                page.kind.name(),
                after,
                owner.map(|(kind, _)| kind.name()),
                owner.map(|(_, name)| name),
                most
            ];
            select(transaction, condition, wanted)
        })
    }

    fn changes(&mut self, since: Position) -> Result<Changes, StoreError> {
        // Opens it anew where that is needed, before its number is taken.
        self.0.connection()?;
        let opening = self.0.opening;
        self.0.read(|transaction| {
            let sequence: i64 = transaction.query_row("SELECT sequence FROM change", [], |row| row.get(0))?;
            let position = Position {
                opening,
                sequence: u64::try_from(sequence).unwrap_or_default(),
            };
            let whole = since.is_elsewhere(position);
            let seen = if whole { 0 } else { since.sequence };
            if seen == position.sequence && !whole {
                return Ok(Changes {
                    whole,
                    records: Vec::new(),
                    position,
                });
            }
            let seen = i64::try_from(seen).unwrap_or(i64::MAX);
            Ok(Changes {
                whole,
                records: select(transaction, "changed > ?1", params![seen])?,
                position,
            })
        })
    }

    fn forget(&mut self, ended_before: UnixTime) -> Result<u64, StoreError> {
        let sql = "DELETE FROM credential WHERE expires < ?1 OR revoked < ?1";
        self.0.write(|transaction| {
            let count = transaction.execute(sql, params![seconds(ended_before)])?;
            Ok(u64::try_from(count).unwrap_or(u64::MAX))
        })
    }
}

/// The number of the change that is being made.
fn next(transaction: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "UPDATE change SET sequence = sequence + 1 RETURNING sequence";
    Ok(transaction.query_row(sql, [], |row| row.get(0))?)
}

fn insert(transaction: &Transaction<'_>, record: &Record, number: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO credential (id, kind, label, owner_kind, owner, client, scopes, tag_key, tag, old_key, old_tag, \
               old_until, issued, expires, revoked, used, changed) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let old = record.retiring.as_ref();
    transaction.execute(
        sql,
        params![
            record.id.as_str(),
            record.kind.name(),
            record.label,
            record.owner_kind.name(),
            record.owner,
            record.client,
            record.scopes.to_string(),
            record.tag.key,
            record.tag.mac,
            old.map(|old| &old.tag.key),
            old.map(|old| old.tag.mac),
            old.map(|old| seconds(old.until)),
            seconds(record.issued),
            record.expires.map(seconds),
            record.revoked.map(seconds),
            record.used.map(seconds),
            number,
        ],
    )?;
    Ok(())
}

fn find(transaction: &Transaction<'_>, id: &CredentialId) -> Result<Option<Record>, StoreError> {
    let found = select(transaction, "id = ?1", params![id.as_str()])?;
    Ok(found.into_iter().next())
}

/// The records for which a condition of our own holds.
fn select(
    transaction: &Transaction<'_>,
    condition: &'static str,
    wanted: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Record>, StoreError> {
    let sql = format!(
        "SELECT id, kind, label, owner_kind, owner, client, scopes, tag_key, tag, old_key, old_tag, old_until, issued, \
         expires, revoked, used FROM credential WHERE {condition}"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query(wanted)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let read = record(row).map_err(|error| StoreError::Damaged(error.to_string()))?;
        records.push(read.ok_or_else(|| StoreError::Damaged("a record has values that nobody writes".to_owned()))?);
    }
    Ok(records)
}

/// A row in the order of [`select`]. `None` for values that no version of the program writes.
fn record(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let id: String = row.get(0)?;
    let (kind, owner_kind): (String, String) = (row.get(1)?, row.get(3)?);
    let scopes: String = row.get(6)?;
    let old: (Option<Box<str>>, Option<[u8; 32]>, Option<i64>) = (row.get(9)?, row.get(10)?, row.get(11)?);
    let named = (
        CredentialId::parse(&id),
        Kind::named(&kind),
        SubjectKind::named(&owner_kind),
        time(row.get(12)?),
    );
    let (Some(id), Some(kind), Some(owner_kind), Some(issued)) = named else {
        return Ok(None);
    };
    // All of it or none: of half a secret nobody knows when it ends.
    let retiring = match old {
        (Some(key), Some(mac), Some(until)) => {
            let Some(until) = time(until) else { return Ok(None) };
            Some(Retiring {
                tag: Tag { key, mac },
                until,
            })
        }
        (None, None, None) => None,
        _ => return Ok(None),
    };
    let [expires, revoked, used] = [13, 14, 15].map(|column| row.get::<_, Option<i64>>(column));
    // A date that cannot be read must not become none: the credential would not end.
    let (Ok(expires), Ok(revoked), Ok(used)) = (optional(expires?), optional(revoked?), optional(used?)) else {
        return Ok(None);
    };
    Ok(Some(Record {
        id,
        kind,
        label: row.get(2)?,
        owner_kind,
        owner: row.get(4)?,
        client: row.get(5)?,
        scopes: Scopes::of_list(&scopes),
        tag: Tag {
            key: row.get(7)?,
            mac: row.get(8)?,
        },
        retiring,
        issued,
        expires,
        revoked,
        used,
    }))
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.seconds()).unwrap_or(i64::MAX)
}

fn time(seconds: i64) -> Option<UnixTime> {
    UnixTime::from_seconds(u64::try_from(seconds).ok()?)
}

/// A date that may be missing.
fn optional(seconds: Option<i64>) -> Result<Option<UnixTime>, ()> {
    seconds.map(|seconds| time(seconds).ok_or(())).transpose()
}
