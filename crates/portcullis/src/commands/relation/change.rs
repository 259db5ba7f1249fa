//! Makes a store, and changes what is in it.

use std::io::Write as _;

use portcullis_decision::relations::{Batch, BatchError, Operation, Origin, Precondition};
use portcullis_store::relations::{Tuples as _, WriteError, Written};
use portcullis_store::sqlite::SqliteTuples;
use serde_json::json;

use super::super::{Failure, Outcome, Shared};
use super::{Delete, FromFile, Init, Only, Write, configured, failed, kept, lines, object, open, tuple};
use crate::relations::{Fault, Kept};

/// Makes an empty store.
pub(super) fn init(init: &Init, shared: &Shared) -> Result<Outcome, Failure> {
    let configured = configured(&init.config)?;
    let store = &configured.store.value;
    let is_new = !store.exists();
    SqliteTuples::create(store).map_err(|error| failed(&configured, &Fault::Store(error)))?;
    let mut out = anstream::stdout();
    match (shared.json, is_new) {
        (true, _) => writeln!(out, "{:#}", json!({ "store": store, "made": is_new }))?,
        (false, true) => writeln!(out, "made the store `{}`", store.display())?,
        (false, false) => writeln!(out, "the store `{}` is there already", store.display())?,
    }
    Ok(Outcome::Clean)
}

/// Writes tuples.
pub(super) fn write(write: &Write, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = kept(&write.config)?;
    let add = |tuple| Operation::Add(tuple, Origin::Written);
    if write.from.file.is_some() {
        return from_file(&kept, &write.from, &add, shared);
    }
    let tuples = write.tuples.iter().map(|text| tuple(text));
    let operations = tuples.map(|tuple| tuple.map(add)).collect::<Result<_, _>>()?;
    at_once(&kept, operations, &write.only, shared)
}

/// Deletes tuples.
pub(super) fn delete(delete: &Delete, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = kept(&delete.config)?;
    if delete.from.file.is_some() {
        return from_file(&kept, &delete.from, &Operation::Remove, shared);
    }
    let operations = match &delete.object {
        Some(text) => vec![Operation::RemoveObject(object(text)?)],
        None => {
            let tuples = delete.tuples.iter().map(|text| tuple(text));
            let removed = tuples.map(|tuple| tuple.map(Operation::Remove));
            removed.collect::<Result<_, _>>()?
        }
    };
    at_once(&kept, operations, &delete.only, shared)
}

fn at_once(kept: &Kept, operations: Vec<Operation>, only: &Only, shared: &Shared) -> Result<Outcome, Failure> {
    let present = only
        .if_present
        .iter()
        .map(|text| tuple(text).map(Precondition::Present));
    let absent = only.if_absent.iter().map(|text| tuple(text).map(Precondition::Absent));
    let preconditions = present.chain(absent).collect::<Result<_, _>>()?;
    let asked = operations.len();
    let batch = Batch::with(kept.model(), preconditions, operations).map_err(|error| unfit(&error))?;
    let mut store = open(&kept.configured)?;
    match store.write(&batch) {
        Ok(written) => {
            tell(written, u64::try_from(asked).unwrap_or(u64::MAX), shared)?;
            Ok(Outcome::Clean)
        }
        Err(WriteError::Unmet(unmet)) => {
            let message = WriteError::Unmet(unmet).to_string();
            if shared.json {
                let told = json!({ "added": 0, "removed": 0, "asked": asked, "unmet": message });
                writeln!(anstream::stdout(), "{told:#}")?;
            } else {
                anstream::eprintln!("nothing is done: {message}");
            }
            Ok(Outcome::Found)
        }
        Err(error) => Err(unwritten(kept, error)),
    }
}

/// Writes a file, so many lines at a time, after every line was looked at.
fn from_file(
    kept: &Kept,
    from: &FromFile,
    operation: &dyn Fn(portcullis_decision::relations::Tuple) -> Operation,
    shared: &Shared,
) -> Result<Outcome, Failure> {
    let Some(file) = &from.file else {
        return Ok(Outcome::Clean);
    };
    let model = kept.model();
    lines::check(file, &|tuple| {
        let looked = Batch::new(model, vec![operation(tuple)]);
        looked.map(drop).map_err(|error| error.to_string())
    })?;
    let mut store = open(&kept.configured)?;
    let (mut sum, mut asked) = (Written { added: 0, removed: 0 }, 0_u64);
    lines::each(file, usize::from(from.batch), &mut |tuples| {
        let count = u64::try_from(tuples.len()).unwrap_or(u64::MAX);
        let operations = tuples.into_iter().map(operation).collect();
        let batch = Batch::new(model, operations).map_err(|error| unfit(&error))?;
        let written = store.write(&batch).map_err(|error| {
            if asked > 0 {
                anstream::eprintln!("the first {asked} tuples of the file are done; doing them again does no harm");
            }
            unwritten(kept, error)
        })?;
        asked += count;
        sum.added += written.added;
        sum.removed += written.removed;
        Ok(())
    })?;
    tell(sum, asked, shared)?;
    Ok(Outcome::Clean)
}

fn unfit(error: &BatchError) -> Failure {
    Failure::unusable(error.to_string())
}

fn unwritten(kept: &Kept, error: WriteError) -> Failure {
    match error {
        WriteError::Store(error) => failed(&kept.configured, &Fault::Store(error)),
        WriteError::Unmet(_) | WriteError::Full => Failure::unusable(format!("nothing is done: {error}")),
    }
}

fn tell(written: Written, asked: u64, shared: &Shared) -> Result<(), Failure> {
    let Written { added, removed } = written;
    let mut out = anstream::stdout();
    if shared.json {
        let told = json!({ "added": added, "removed": removed, "asked": asked });
        writeln!(out, "{told:#}")?;
    } else {
        writeln!(out, "tuples: {added} added, {removed} removed")?;
    }
    Ok(())
}
