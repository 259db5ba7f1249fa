//! `portcullis log query`: entries that have what is asked for.

use std::io::Write as _;

use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::entry::{Entry, Event};
use portcullis_audit_log::index::{Filter, From, Results, SEGMENT_ENTRIES, event_of_name, search};
use portcullis_store::audit_log::{Indexed, index_missing};

use super::super::{Failure, Outcome, Shared};
use super::place::Place;
use super::reading::{self, Asked};
use super::tell::{self, Values};
use super::when::told;
use super::{Query, Wanted};
use crate::config::audit_log::RightWritten as Right;

/// Finds entries.
pub(super) fn query(query: &Query, shared: &Shared) -> Result<Outcome, Failure> {
    let place = query.of.place(Right::Read)?;
    let asked = query.wanted.asked(Asked::new("query"), &place);
    reading::read(&place, &asked.with("--after", query.after))?;
    index(&place);
    let mut entries = place.entries()?;
    let (start, from) = match query.after {
        Some(after) => (after.saturating_add(1), From::Start),
        None => (0, From::End),
    };
    let filter = query.wanted.filter(&place);
    let found = find(&place, &mut entries, &filter, start, from, query.limit)?;
    tell_all(query, shared, &place, &mut entries, &found)?;
    if found.more {
        let hint = match (from, found.indices.last()) {
            (From::Start, Some(last)) => format!("there are later ones: go on with `--after {last}`"),
            _ => "there are earlier ones: raise `--limit`, or say `--until`".to_owned(),
        };
        anstream::eprintln!("{hint}");
    }
    Ok(Outcome::Clean)
}

/// Makes the index that is missing, where this may write there.
fn index(place: &Place) {
    if !place.recorded {
        // A copy is left as it is.
        return;
    }
    let mut is_told = false;
    // Where it cannot be made everything is read, which is told when that is done.
    while let Ok(Indexed { built: 1, missing }) = index_missing(&place.folder, &place.known, 1) {
        if missing > 0 && !is_told {
            is_told = true;
            let entries = missing * SEGMENT_ENTRIES;
            anstream::eprintln!("note: the index of {entries} entries is made, which is done once");
        }
    }
}

/// Finds entries, and says where it had to do without an index.
///
/// # Errors
/// The log cannot be read.
pub(super) fn find(
    place: &Place,
    entries: &mut Entries<'_>,
    filter: &Filter,
    start: u64,
    from: From,
    limit: usize,
) -> Result<Results, Failure> {
    let found = search(entries, &place.beside(), filter, start..u64::MAX, from, limit);
    let found = found.map_err(|error| place.unreadable(&error))?;
    if found.without_index > 0 {
        anstream::eprintln!(
            "note: {} entries have no index and were read one by one: `portcullis log index` makes it, as whoever the log belongs to",
            found.without_index
        );
    }
    Ok(found)
}

fn tell_all(
    query: &Query,
    shared: &Shared,
    place: &Place,
    entries: &mut Entries<'_>,
    found: &Results,
) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let mut rows = Vec::new();
    let mut beside = Beside::new(place);
    for index in found.indices.iter().copied() {
        let values = beside.values(index)?;
        let Some(octets) = entries.get(index).map_err(|error| place.unreadable(&error))? else {
            continue;
        };
        if query.ocsf {
            writeln!(out, "{}", tell::as_ocsf(index, octets, place.known.origin.as_str())?)?;
        } else if shared.json {
            writeln!(out, "{}", tell::as_json(index, octets, values)?)?;
        } else {
            let entry: Entry<'_> = tell::read(index, octets)?;
            rows.push(tell::row(index, &entry, values));
        }
    }
    if query.ocsf || shared.json {
        return Ok(());
    }
    if rows.is_empty() {
        anstream::eprintln!("no entry has all of that");
        return Ok(());
    }
    out.write_all(tell::table(&rows).as_bytes())?;
    Ok(())
}

/// The values that lie beside a log, of the segment that was asked for last.
pub(super) struct Beside<'p> {
    place: &'p Place,
    first: Option<u64>,
    values: Values,
}

impl<'p> Beside<'p> {
    pub(super) fn new(place: &'p Place) -> Self {
        Self {
            place,
            first: None,
            values: Values::new(),
        }
    }

    /// Those of an entry, and of those around it.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn values(&mut self, index: u64) -> Result<&Values, Failure> {
        let first = index - index % SEGMENT_ENTRIES;
        if self.first != Some(first) {
            self.values = match self.place.beside().erasable(first) {
                // Who may read the log need not be one who may read those.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Values::new(),
                read => read.map_err(|error| Failure::unusable(format!("cannot read values of the log: {error}")))?,
            };
            self.first = Some(first);
        }
        Ok(&self.values)
    }
}

impl Wanted {
    /// As a filter.
    fn filter(&self, place: &Place) -> Filter {
        Filter {
            since: self.since.map(|since| since.0),
            until: self.until.map(|until| until.0),
            principal: self.principal.as_deref().map(|name| place.principal(name)),
            operation: self.operation.clone(),
            api: self.api.clone(),
            outcome: self.outcome.clone(),
            id: self.id.clone(),
            event: self.event,
        }
    }

    /// As the log will say it.
    fn asked(&self, asked: Asked, place: &Place) -> Asked {
        asked
            .with("--since", self.since.map(|since| told(since.0)))
            .with("--until", self.until.map(|until| told(until.0)))
            .with_principal(self.principal.as_deref(), place)
            .with("--operation", self.operation.as_deref())
            .with("--api", self.api.as_deref())
            .with("--outcome", self.outcome.as_deref())
            .with("--id", self.id.as_deref())
            .with("--event", self.event.map(Event::name))
    }
}

/// Reads the name of an event.
pub(super) fn event(text: &str) -> Result<Event, &'static str> {
    event_of_name(text).ok_or("write `request`, `opened`, `abandoned`, `refusals`, `administration` or `lost`")
}
