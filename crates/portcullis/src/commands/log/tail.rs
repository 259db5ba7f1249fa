//! `portcullis log tail`: the last entries, and those that come.

use std::io::Write as _;
use std::time::Duration;

use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::entry::Entry;

use super::super::{Failure, Outcome, Shared};
use super::Tail;
use super::place::Place;
use super::query::Beside;
use super::reading::{self, Asked};
use super::tell;
use crate::config::audit_log::RightWritten as Right;

/// How often it looks for entries that have come.
const PAUSE: Duration = Duration::from_millis(500);
/// How many entries are looked back at for those that have ended, for each that is wanted.
const BACK: u64 = 64;

/// Shows the last entries.
pub(super) fn tail(tail: &Tail, shared: &Shared) -> Result<Outcome, Failure> {
    let place = tail.of.place(Right::Read)?;
    let asked = Asked::new("tail").with("-n", Some(tail.lines));
    reading::read(
        &place,
        &if tail.follow {
            asked.with("--follow", Some(""))
        } else {
            asked
        },
    )?;
    let mut next = {
        let mut entries = place.entries()?;
        let wanted = u64::try_from(tail.lines).unwrap_or(u64::MAX);
        // Far enough back for requests that are opened and closed; who wants more asks for it.
        let start = entries.size().saturating_sub(wanted.saturating_mul(BACK));
        let mut last = Vec::new();
        each_ended(&mut entries, &place, start, |index| last.push(index))?;
        let from = last.len().saturating_sub(tail.lines);
        for index in last.into_iter().skip(from) {
            line(&mut entries, &place, index, shared)?;
        }
        entries.size()
    };
    if !tail.follow {
        return Ok(Outcome::Clean);
    }
    loop {
        std::thread::sleep(PAUSE);
        let mut entries = place.entries()?;
        let mut come = Vec::new();
        each_ended(&mut entries, &place, next, |index| come.push(index))?;
        for index in come {
            line(&mut entries, &place, index, shared)?;
        }
        next = entries.size().max(next);
    }
}

/// Tells of every entry from `start` on that does not only open something.
fn each_ended(entries: &mut Entries<'_>, place: &Place, start: u64, mut each: impl FnMut(u64)) -> Result<(), Failure> {
    for index in start.max(entries.checkpoint().minimum_index)..entries.size() {
        let octets = entries.get(index).map_err(|error| place.unreadable(&error))?;
        if octets
            .map(Entry::read)
            .is_some_and(|entry| entry.is_ok_and(|entry| entry.is_final()))
        {
            each(index);
        }
    }
    Ok(())
}

fn line(entries: &mut Entries<'_>, place: &Place, index: u64, shared: &Shared) -> Result<(), Failure> {
    let mut beside = Beside::new(place);
    let values = beside.values(index)?;
    let octets = entries.get(index).map_err(|error| place.unreadable(&error))?;
    let octets = octets.unwrap_or_default();
    let mut out = anstream::stdout();
    if shared.json {
        writeln!(out, "{}", tell::as_json(index, octets, values)?)?;
    } else {
        let entry: Entry<'_> = tell::read(index, octets)?;
        let [index, time, who, what, outcome, id] = tell::row(index, &entry, values);
        let (faint, bold) = (tell::FAINT, tell::BOLD);
        writeln!(
            out,
            "{faint}{index} {time}{faint:#} {bold}{who}{bold:#} {what}  {outcome}  {faint}{id}{faint:#}"
        )?;
    }
    out.flush()?;
    Ok(())
}
