//! `portcullis log erase`: values that lie beside the log are deleted. What stays in it is a commitment that says nothing any more.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use portcullis_audit_log::index::{Filter, From};
use portcullis_store::StoreError;
use portcullis_store::audit_log::{LogFiles, erasable_files, erase as erase_values, index_missing};
use serde_json::{Value, json};

use super::super::{Failure, Outcome, Shared};
use super::Erase;
use super::place::Place;
use super::query::find;
use super::{reading, tell};
use crate::config::audit_log::RightWritten as Right;

/// How many commitments one entry names: each has 43 characters, and an entry at most 65,535.
const TOGETHER: usize = 500;
/// How long a gate that runs may take.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Erases values.
pub(super) fn erase(erase: &Erase, shared: &Shared) -> Result<Outcome, Failure> {
    let place = erase.of.place(Right::Erase)?;
    if !place.recorded {
        return Err(Failure::unusable("nothing is erased without an entry that says so"));
    }
    let commitments = wanted(erase, &place)?;
    let names: Vec<&str> = commitments.iter().map(String::as_str).collect();
    let mut left = Vec::new();
    // What is erased is in the log before it is; without anything the attempt is.
    for together in names.chunks(TOGETHER) {
        left.push(reading::erase(&place, &erase.reason, together)?);
    }
    if names.is_empty() {
        reading::erase(&place, &erase.reason, &[])?;
    }
    let done = commitments.is_empty() || carry_out(&place, &commitments, &left)?;
    if shared.json {
        writeln!(
            anstream::stdout(),
            "{}",
            json!({ "values": commitments.len(), "erased": done })
        )?;
    } else if !done {
        anstream::eprintln!(
            "the gate that writes the log has been told, and has not erased {} values yet: ask again with the same command",
            commitments.len()
        );
    } else {
        writeln!(anstream::stdout(), "{} values were erased", commitments.len())?;
    }
    Ok(if done { Outcome::Clean } else { Outcome::Found })
}

/// The commitments to what is to be erased, as far as it is there.
fn wanted(erase: &Erase, place: &Place) -> Result<BTreeSet<String>, Failure> {
    let mut wanted = BTreeSet::new();
    wanted.extend(erase.commitment.as_deref().map(|text| {
        let bare = text.strip_prefix("committed:").unwrap_or(text);
        bare.to_owned()
    }));
    if erase.principal.is_some() || erase.id.is_some() {
        let filter = Filter {
            principal: erase.principal.clone(),
            id: erase.id.clone(),
            ..Filter::default()
        };
        let mut entries = place.entries()?;
        let ended = find(place, &mut entries, &filter, 0, From::Start, usize::MAX)?.indices;
        let opened = Filter {
            event: Some(portcullis_audit_log::entry::Event::Opened),
            ..filter
        };
        let opened = find(place, &mut entries, &opened, 0, From::Start, usize::MAX)?.indices;
        for index in ended.into_iter().chain(opened) {
            let octets = entries.get(index).map_err(|error| place.unreadable(&error))?;
            if let Some(octets) = octets {
                wanted.extend(tell::commitments(&tell::read::<Value>(index, octets)?));
            }
        }
    }
    let mut there = BTreeSet::new();
    for first in erasable_files(&place.folder).map_err(|error| failed(&error))? {
        let values = place.beside().erasable(first);
        let values = values.map_err(|error| failed(&StoreError::Io(error)))?;
        let is_wanted = |(commitment, value): &(String, String)| {
            wanted.contains(commitment) || erase.principal.as_ref() == Some(value)
        };
        there.extend(values.into_iter().filter(is_wanted).map(|(commitment, _)| commitment));
    }
    Ok(there)
}

/// Erases, if nobody writes the log; otherwise whoever does has been told by what was left, and does it. Whether it is done.
fn carry_out(place: &Place, commitments: &BTreeSet<String>, left: &[PathBuf]) -> Result<bool, Failure> {
    match LogFiles::open(&place.folder) {
        Ok(_lock) => {
            erase_values(&place.folder, commitments).map_err(|error| failed(&error))?;
            index_missing(&place.folder, &place.known, u64::MAX).map_err(|error| failed(&error))?;
            Ok(true)
        }
        Err(StoreError::Locked) => {
            let began = Instant::now();
            while began.elapsed() < PATIENCE {
                if left.iter().all(|file| file.try_exists().is_ok_and(|there| !there)) {
                    return is_gone(place, commitments);
                }
                std::thread::sleep(PAUSE);
            }
            Ok(false)
        }
        Err(error) => Err(failed(&error)),
    }
}

fn is_gone(place: &Place, commitments: &BTreeSet<String>) -> Result<bool, Failure> {
    for first in erasable_files(&place.folder).map_err(|error| failed(&error))? {
        let values = place.beside().erasable(first);
        let values = values.map_err(|error| failed(&StoreError::Io(error)))?;
        if values.keys().any(|commitment| commitments.contains(commitment)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn failed(error: &StoreError) -> Failure {
    Failure::unusable(format!("the values that can be erased: {error}"))
}
