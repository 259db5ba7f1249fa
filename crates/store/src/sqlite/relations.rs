//! Tuples in a file.

use std::path::Path;

use portcullis_decision::relations::{
    Batch, Change, Malformed, Object, Operation, Origin, Precondition, Subject, Tuple,
};
use rusqlite::{Row, Transaction, params};

use super::Database;
use crate::relations::{CHANGES_MAX, Listener, PAGE_TUPLES_MAX, Page, TUPLES_MAX, Tuples, WriteError, Written};
use crate::{Position, StoreError};

/// Tuples in a file.
#[derive(Debug)]
pub struct SqliteTuples(Database);

impl SqliteTuples {
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

impl Tuples for SqliteTuples {
    fn write(&mut self, batch: &Batch) -> Result<Written, WriteError> {
        self.0.write(|transaction| {
            for precondition in batch.preconditions() {
                let is_met = match precondition {
                    Precondition::Present(tuple) => is_present(transaction, tuple)?,
                    Precondition::Absent(tuple) => !is_present(transaction, tuple)?,
                };
                if !is_met {
                    return Err(WriteError::Unmet(Box::new(precondition.clone())));
                }
            }
            let mut writing = Writing::begin(transaction)?;
            for operation in batch.operations() {
                match operation {
                    Operation::Add(tuple, origin) => writing.add(tuple, *origin)?,
                    Operation::Remove(tuple) => writing.remove(tuple)?,
                    Operation::RemoveObject(object) => writing.remove_object(object)?,
                }
            }
            writing.end()
        })
    }

    fn changes(&mut self, since: Position, listener: &mut dyn Listener) -> Result<Position, StoreError> {
        // Opens it anew where that is needed, before its number is taken.
        self.0.connection()?;
        let opening = self.0.opening;
        self.0.read(|transaction| {
            let sql = "SELECT batch, forgotten FROM relation_state";
            let (batch, forgotten): (i64, i64) =
                transaction.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let [sequence, forgotten] = [batch, forgotten].map(|number| u64::try_from(number).unwrap_or_default());
            let position = Position { opening, sequence };
            let whole = since.is_elsewhere(position) || since.sequence < forgotten;
            listener.begin(whole);
            if whole {
                tell_all(transaction, listener)?;
            } else if since.sequence < sequence {
                tell_since(transaction, since.sequence, listener)?;
            }
            Ok(position)
        })
    }

    fn list(&mut self, page: &Page) -> Result<Vec<(Tuple, Origin)>, StoreError> {
        let sql = "SELECT object, relation, subject, origin FROM relation_tuple \
                   WHERE object = ?1 AND (relation, subject) > (?2, ?3) ORDER BY relation, subject LIMIT ?4";
        let most = i64::try_from(page.tuples_max.min(PAGE_TUPLES_MAX)).unwrap_or(0);
        let after = page.after.as_ref();
        let (relation, subject) = after.map_or((String::new(), String::new()), |after| {
            (after.relation().to_owned(), after.subject().to_string())
        });
        self.0.read(|transaction| {
            let mut statement = transaction.prepare_cached(sql)?;
            let mut rows = statement.query(params![page.object.to_string(), relation, subject, most])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let origin: String = row.get(3)?;
                let origin = Origin::named(&origin).ok_or_else(|| damaged("an origin that nobody writes"))?;
                found.push((tuple(row, 0)?.keep(), origin));
            }
            Ok(found)
        })
    }
}

/// A batch on its way into the file.
struct Writing<'a> {
    transaction: &'a Transaction<'a>,
    /// The number of the batch, and of its last change.
    batch: i64,
    number: i64,
    tuples: i64,
    added: i64,
    removed: i64,
}

impl<'a> Writing<'a> {
    fn begin(transaction: &'a Transaction<'a>) -> Result<Self, StoreError> {
        let sql = "SELECT batch + 1, number, tuples FROM relation_state";
        let (batch, number, tuples) =
            transaction.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(Self {
            transaction,
            batch,
            number,
            tuples,
            added: 0,
            removed: 0,
        })
    }

    fn add(&mut self, tuple: &Tuple, origin: Origin) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO relation_tuple (object, relation, subject, origin) VALUES (?1, ?2, ?3, ?4)";
        let [object, relation, subject] = texts(tuple);
        let mut insert = self.transaction.prepare_cached(sql)?;
        if insert.execute(params![object, relation, subject, origin.name()])? > 0 {
            self.added += 1;
            self.note(tuple, true)?;
        }
        Ok(())
    }

    fn remove(&mut self, tuple: &Tuple) -> Result<(), StoreError> {
        let sql = "DELETE FROM relation_tuple WHERE object = ?1 AND relation = ?2 AND subject = ?3";
        let mut delete = self.transaction.prepare_cached(sql)?;
        if delete.execute(texts(tuple))? > 0 {
            self.removed += 1;
            self.note(tuple, false)?;
        }
        Ok(())
    }

    /// Ids have no `#`, so that the usersets of an object are what lies between its name with `#` and with what comes after that.
    fn remove_object(&mut self, object: &Object) -> Result<(), StoreError> {
        const CONDITION: &str = "object = ?1 OR subject = ?1 OR (subject >= ?1 || '#' AND subject < ?1 || '$')";
        let name = object.to_string();
        let sql = format!(
            "INSERT INTO relation_change (number, batch, present, object, relation, subject) \
             SELECT ?2 + row_number() OVER (), ?3, 0, object, relation, subject FROM relation_tuple WHERE {CONDITION}"
        );
        self.transaction
            .prepare_cached(&sql)?
            .execute(params![name, self.number, self.batch])?;
        let sql = format!("DELETE FROM relation_tuple WHERE {CONDITION}");
        let removed = self.transaction.prepare_cached(&sql)?.execute([name])?;
        let removed = i64::try_from(removed).unwrap_or(i64::MAX);
        self.removed += removed;
        self.number += removed;
        Ok(())
    }

    fn note(&mut self, tuple: &Tuple, present: bool) -> Result<(), StoreError> {
        let sql = "INSERT INTO relation_change (number, batch, present, object, relation, subject) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.number += 1;
        let [object, relation, subject] = texts(tuple);
        let mut insert = self.transaction.prepare_cached(sql)?;
        insert.execute(params![self.number, self.batch, present, object, relation, subject])?;
        Ok(())
    }

    fn end(self) -> Result<Written, WriteError> {
        let written = Written {
            added: u64::try_from(self.added).unwrap_or_default(),
            removed: u64::try_from(self.removed).unwrap_or_default(),
        };
        if self.added + self.removed == 0 {
            return Ok(written);
        }
        let tuples = self.tuples + self.added - self.removed;
        if u64::try_from(tuples).is_ok_and(|tuples| tuples > TUPLES_MAX) {
            return Err(WriteError::Full);
        }
        let state = "UPDATE relation_state SET batch = ?1, number = ?2, tuples = ?3";
        self.execute(state, [self.batch, self.number, tuples])?;
        let last = self.number - i64::try_from(CHANGES_MAX).unwrap_or(i64::MAX);
        let forgotten = "UPDATE relation_state SET forgotten = max(forgotten, \
                         (SELECT ifnull(max(batch), 0) FROM relation_change WHERE number <= ?1))";
        self.execute(forgotten, [last])?;
        self.execute("DELETE FROM relation_change WHERE number <= ?1", [last])?;
        Ok(written)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        self.transaction.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}

fn is_present(transaction: &Transaction<'_>, tuple: &Tuple) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM relation_tuple WHERE object = ?1 AND relation = ?2 AND subject = ?3";
    Ok(transaction.prepare_cached(sql)?.exists(texts(tuple))?)
}

fn tell_all(transaction: &Transaction<'_>, listener: &mut dyn Listener) -> Result<(), StoreError> {
    let mut statement = transaction.prepare("SELECT object, relation, subject FROM relation_tuple")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        listener.hear(Change::Added(tuple(row, 0)?));
    }
    Ok(())
}

fn tell_since(transaction: &Transaction<'_>, since: u64, listener: &mut dyn Listener) -> Result<(), StoreError> {
    let sql = "SELECT present, object, relation, subject FROM relation_change WHERE batch > ?1 ORDER BY number";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query([i64::try_from(since).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let tuple = tuple(row, 1)?;
        listener.hear(if row.get(0)? {
            Change::Added(tuple)
        } else {
            Change::Removed(tuple)
        });
    }
    Ok(())
}

fn texts(tuple: &Tuple) -> [String; 3] {
    let (object, subject) = (tuple.object().to_string(), tuple.subject().to_string());
    [object, tuple.relation().to_owned(), subject]
}

/// The tuple in three columns of a row.
fn tuple<'a>(row: &'a Row<'_>, first: usize) -> Result<Tuple<&'a str>, StoreError> {
    let text = |column: usize| {
        let value = row.get_ref(column)?.as_str();
        value.map_err(|error| damaged(&error.to_string()))
    };
    let malformed = |error: Malformed| damaged(&error.to_string());
    let object = Object::parse(text(first)?).map_err(malformed)?;
    let subject = Subject::parse(text(first + 2)?).map_err(malformed)?;
    Tuple::new(object, text(first + 1)?, subject).map_err(malformed)
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("a tuple: {what}"))
}
