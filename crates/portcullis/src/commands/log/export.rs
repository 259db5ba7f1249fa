//! `portcullis log export`: entries written out once. A gate that runs does it all the time, to where its configuration says.

use std::fs::File;
use std::io::{BufWriter, Write};

use portcullis_audit_log::entry::Entry;

use super::super::{Failure, Outcome, Shared};
use super::place::Place;
use super::query::Beside;
use super::reading::{self, Asked};
use super::tell;
use super::when::told;
use super::{Export, Format};
use crate::config::audit_log::RightWritten as Right;

/// Writes entries out.
pub(super) fn export(export: &Export, _: &Shared) -> Result<Outcome, Failure> {
    let place = export.of.place(Right::Export)?;
    let asked = Asked::new("export")
        .with("--from", export.from)
        .with("--since", export.since.map(|since| told(since.0)));
    reading::read(&place, &asked)?;
    match &export.output {
        Some(file) => {
            let named =
                |error: std::io::Error| Failure::unusable(format!("cannot write `{}`: {error}", file.display()));
            let mut out = BufWriter::new(File::create(file).map_err(named)?);
            write(export, &place, &mut out)?;
            let file = out.into_inner().map_err(|error| named(error.into_error()))?;
            file.sync_all().map_err(named)?;
        }
        None => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            write(export, &place, &mut out)?;
            out.flush()?;
        }
    }
    Ok(Outcome::Clean)
}

fn write(export: &Export, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
    let mut entries = place.entries()?;
    let mut beside = Beside::new(place);
    let mut since = export.since.map(|since| since.0);
    let kept = entries.checkpoint().minimum_index;
    for index in export.from.unwrap_or_default().max(kept)..entries.size() {
        let Some(octets) = entries.get(index).map_err(|error| place.unreadable(&error))? else {
            continue;
        };
        if let Some(first) = since {
            if Entry::read(octets).is_ok_and(|entry| entry.time < first) {
                continue;
            }
            // From there on everything, also where the clock went back.
            since = None;
        }
        let line = match export.format {
            Format::Jsonl => tell::as_json(index, octets, beside.values(index)?)?,
            Format::Ocsf => tell::as_ocsf(index, octets, place.known.origin.as_str())?,
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}
