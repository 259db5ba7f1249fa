//! Lists what is in a store.

use std::io::Write as _;
use std::sync::Arc;

use portcullis_decision::relations::{Change, Model, Origin, Tuple};
use portcullis_store::relations::{Listener, PAGE_TUPLES_MAX, Page, Tuples as _};
use portcullis_store::{Position, StoreError};
use serde_json::{Value, json};

use super::super::{Failure, Outcome, Shared};
use super::{List, failed, kept, object, open};
use crate::relations::{Fault, Kept};

/// Tuples that were found, and where they come from, if that was asked.
struct Found {
    tuples: Vec<(Tuple, Option<Origin>)>,
    /// Whether there are no others.
    complete: bool,
}

/// Lists tuples.
pub(super) fn list(list: &List, shared: &Shared) -> Result<Outcome, Failure> {
    let kept = kept(&list.config)?;
    let limit = usize::try_from(list.limit).unwrap_or(usize::MAX);
    let found = match &list.object {
        Some(text) => of_object(&kept, text, limit)?,
        None => unfit(&kept, limit)?,
    };
    let mut out = anstream::stdout();
    if shared.json {
        let tuples: Vec<Value> = found.tuples.iter().map(as_json).collect();
        writeln!(out, "{:#}", json!({ "tuples": tuples, "complete": found.complete }))?;
    } else {
        for (tuple, origin) in &found.tuples {
            match origin {
                Some(Origin::Learnt) => writeln!(out, "{tuple}  (learnt)")?,
                Some(Origin::Written) | None => writeln!(out, "{tuple}")?,
            }
        }
        if !found.complete {
            anstream::eprintln!("there are more: raise `--limit`");
        }
    }
    Ok(if found.complete { Outcome::Clean } else { Outcome::Found })
}

fn of_object(kept: &Kept, text: &str, limit: usize) -> Result<Found, Failure> {
    let mut store = open(&kept.configured)?;
    let mut page = Page {
        object: object(text)?,
        after: None,
        tuples_max: PAGE_TUPLES_MAX,
    };
    let mut tuples = Vec::new();
    // One more than are told, to know whether there is.
    while tuples.len() <= limit {
        let more = store.list(&page).map_err(|error| unreadable(kept, error))?;
        let Some((last, _)) = more.last() else { break };
        page.after = Some(last.clone());
        tuples.extend(more.into_iter().map(|(tuple, origin)| (tuple, Some(origin))));
    }
    let complete = tuples.len() <= limit;
    tuples.truncate(limit);
    Ok(Found { tuples, complete })
}

/// Hears everything, and keeps what a model does not allow.
struct Unfit {
    model: Arc<Model>,
    tuples: Vec<(Tuple, Option<Origin>)>,
    limit: usize,
    complete: bool,
}

impl Listener for Unfit {
    fn begin(&mut self, _: bool) {}

    fn hear(&mut self, change: Change<&str>) {
        let (Change::Added(tuple) | Change::Removed(tuple)) = change;
        if self.model.admit(&tuple).is_ok() {
            return;
        }
        if self.tuples.len() < self.limit {
            self.tuples.push((tuple.keep(), None));
        } else {
            self.complete = false;
        }
    }
}

fn unfit(kept: &Kept, limit: usize) -> Result<Found, Failure> {
    let mut unfit = Unfit {
        model: Arc::clone(kept.model()),
        tuples: Vec::new(),
        limit,
        complete: true,
    };
    let told = open(&kept.configured)?.changes(Position::default(), &mut unfit);
    told.map_err(|error| unreadable(kept, error))?;
    Ok(Found {
        tuples: unfit.tuples,
        complete: unfit.complete,
    })
}

fn unreadable(kept: &Kept, error: StoreError) -> Failure {
    failed(&kept.configured, &Fault::Store(error))
}

fn as_json((tuple, origin): &(Tuple, Option<Origin>)) -> Value {
    let mut told = json!({
        "object": tuple.object().to_string(),
        "relation": tuple.relation(),
        "subject": tuple.subject().to_string(),
    });
    if let (Some(origin), Some(members)) = (origin, told.as_object_mut()) {
        members.insert("origin".to_owned(), origin.name().into());
    }
    told
}
