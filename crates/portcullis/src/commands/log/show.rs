//! `portcullis log show`: one entry as people read it, why it came out so, and that it is in the log.

use std::fmt::Write as _;
use std::io::Write as _;

use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::entry::{Entry, Event};
use portcullis_audit_log::index::{Filter, From};
use serde_json::{Value, json};

use super::super::{Failure, Outcome, Shared};
use super::meaning::meaning;
use super::place::{KeysFrom, Place};
use super::prove::{Proved, prove_entry};
use super::query::{Beside, find};
use super::reading::{self, Asked};
use super::tell::{self, BAD, BOLD, FAINT, GOOD, Values, shown, shown_target};
use super::when::told;
use super::{Show, Which};
use crate::config::audit_log::RightWritten as Right;
use crate::report::printable;

/// How many entries of one id are shown.
const ENTRIES_MAX: usize = 100;

/// Shows an entry.
pub(super) fn show(show: &Show, shared: &Shared) -> Result<Outcome, Failure> {
    let place = show.of.place(Right::Read)?;
    let held = place.held(&show.held)?;
    let asked = Asked::new("show").with("", Some(&show.entry));
    reading::read(
        &place,
        &if show.prove {
            asked.with("--prove", Some(""))
        } else {
            asked
        },
    )?;
    let mut entries = place.entries()?;
    let indices = indices(&place, &mut entries, &show.entry)?;
    if indices.is_empty() {
        return missing(&show.entry, shared);
    }
    let mut beside = Beside::new(&place);
    let mut outcome = Outcome::Clean;
    for index in indices {
        let octets = entries.get(index).map_err(|error| place.unreadable(&error))?;
        let Some(octets) = octets.map(<[u8]>::to_vec) else {
            continue;
        };
        let values = beside.values(index)?;
        let proved = match show.prove {
            true => Some(prove_entry(&place, &entries, index, &octets, &held)?),
            false => None,
        };
        if proved.as_ref().is_some_and(|proved| !proved.holds()) {
            outcome = Outcome::Found;
        }
        let told = match shared.json {
            true => format!("{}\n", as_json(index, &octets, values, proved.as_ref())?),
            false => as_text(&place, index, &octets, values, proved.as_ref())?,
        };
        anstream::stdout().write_all(told.as_bytes())?;
    }
    Ok(outcome)
}

/// The entries that are named: by an id all of the request, without the one that opens it if another one closes it.
///
/// # Errors
/// The log cannot be read.
pub(super) fn indices(place: &Place, entries: &mut Entries<'_>, which: &Which) -> Result<Vec<u64>, Failure> {
    match which {
        Which::Index(index) => {
            let there = entries.get(*index).map_err(|error| place.unreadable(&error))?.is_some();
            if !there && *index < entries.checkpoint().minimum_index {
                anstream::eprintln!("entry {index} is not kept any more, as the checkpoint says; its hash is");
            }
            Ok(there.then_some(*index).into_iter().collect())
        }
        Which::Id(id) => {
            let filter = Filter {
                id: Some(id.clone()),
                ..Filter::default()
            };
            Ok(find(place, entries, &filter, 0, From::End, ENTRIES_MAX)?.indices)
        }
    }
}

/// Says that there is no such entry.
pub(super) fn missing(which: &Which, shared: &Shared) -> Result<Outcome, Failure> {
    if shared.json {
        writeln!(
            anstream::stdout(),
            "{}",
            json!({ "error": format!("no entry is {which}") })
        )?;
    }
    anstream::eprintln!("no entry is {which}");
    Ok(Outcome::Found)
}

fn as_json(index: u64, octets: &[u8], values: &Values, proved: Option<&Proved>) -> Result<Value, Failure> {
    let mut told = tell::as_json(index, octets, values)?;
    let entry: Entry<'_> = tell::read(index, octets)?;
    if let Some(members) = told.as_object_mut() {
        if let Some(meaning) = entry.status_code.as_deref().and_then(meaning) {
            members.insert("meaning".to_owned(), meaning.into());
        }
        if let Some(proved) = proved {
            members.insert("proof".to_owned(), proved.as_json());
        }
    }
    Ok(told)
}

fn as_text(
    place: &Place,
    index: u64,
    octets: &[u8],
    values: &Values,
    proved: Option<&Proved>,
) -> Result<String, Failure> {
    let entry: Entry<'_> = tell::read(index, octets)?;
    // Writing to a string cannot fail, here and below.
    let mut text = format!(
        "{BOLD}entry {index}{BOLD:#} {FAINT}of {}{FAINT:#}\n",
        place.known.origin
    );
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "  {FAINT}{name:<10}{FAINT:#} {value}");
        }
    };
    row("when", Some(when(&entry)));
    row("who", Some(who(&entry, values)));
    row("from", from(&entry, values));
    row("request", request(&entry, values));
    row("what", Some(tell::what(&entry, values)));
    let code = entry.status_code.as_deref();
    row("outcome", Some(outcome(&entry)));
    row("meaning", code.and_then(meaning));
    row(
        "where",
        entry.status_detail.as_deref().map(|detail| shown(detail, values)),
    );
    let unmapped = entry.unmapped.as_ref();
    row(
        "control",
        unmapped.and_then(|unmapped| unmapped.control.as_deref()).map(printable),
    );
    let determining = unmapped.map(|unmapped| unmapped.determining.iter().map(|rule| printable(rule)));
    row(
        "decided by",
        determining.map(|rules| rules.collect::<Vec<_>>().join(", ")),
    );
    for (name, value) in unmapped.into_iter().flat_map(|unmapped| &unmapped.fields) {
        row(&printable(name), Some(shown(value, values)));
    }
    row(
        "opened by",
        unmapped
            .and_then(|unmapped| unmapped.opened)
            .map(|opened| format!("entry {opened}")),
    );
    row("id", entry.id().map(printable));
    if let Some(proved) = proved {
        text += &proof(place, proved);
    }
    Ok(text)
}

fn when(entry: &Entry<'_>) -> String {
    let mut when = told(entry.time);
    if let Some(duration) = entry.duration {
        let _ = write!(when, ", took {duration} ms");
    }
    if let (Some(first), Some(last)) = (entry.start_time, entry.end_time) {
        let _ = write!(when, ", from {} to {}", told(first), told(last));
    }
    when
}

fn who(entry: &Entry<'_>, values: &Values) -> String {
    let actor = entry.actor.as_ref();
    let Some(user) = actor.and_then(|actor| actor.user.as_ref()) else {
        return "nobody that was proved to be anybody".to_owned();
    };
    let mut who = shown(&user.uid, values);
    let kind = user.kind.as_deref().map(printable);
    let domain = user.domain.as_deref().map(|domain| format!("of {}", printable(domain)));
    let more: Vec<String> = kind.into_iter().chain(domain).collect();
    if !more.is_empty() {
        let _ = write!(who, " ({})", more.join(" "));
    }
    if let Some(app) = actor.and_then(|actor| actor.app_uid.as_deref()) {
        let _ = write!(who, ", by the client {}", shown(app, values));
    }
    if let Some(credential) = user.credential_uid.as_deref() {
        let _ = write!(who, ", with {}", shown(credential, values));
    }
    who
}

fn from(entry: &Entry<'_>, values: &Values) -> Option<String> {
    let address = entry.src_endpoint.as_ref()?.ip.as_deref()?;
    let mut from = shown(address, values);
    if let Some(device) = &entry.device {
        let _ = write!(from, ", with the key {}", shown(&device.uid, values));
    }
    Some(from)
}

fn request(entry: &Entry<'_>, values: &Values) -> Option<String> {
    let request = entry.http_request.as_ref()?;
    let mut line = format!(
        "{} {}",
        printable(&request.http_method),
        shown_target(&request.url.path, values)
    );
    if let Some(query) = request.url.query_string.as_deref() {
        let _ = write!(line, "?{}", shown_target(query, values));
    }
    Some(line)
}

fn outcome(entry: &Entry<'_>) -> String {
    let style = match (entry.metadata.event_code, entry.action_id, entry.status_id) {
        (Event::Abandoned | Event::Lost, _, _) | (_, Some(2), _) | (_, _, Some(2)) => BAD,
        _ => GOOD,
    };
    let told = tell::outcome(entry);
    if told.is_empty() {
        return told;
    }
    format!("{style}{told}{style:#}")
}

/// What was proved, in words.
fn proof(place: &Place, proved: &Proved) -> String {
    let mut text = match proved {
        Proved::Unpublished => {
            return format!(
                "  {FAINT}{:<10}{FAINT:#} not yet: it is in the journal alone, signed there, and no checkpoint covers it; ask again in a few seconds\n",
                "proof"
            );
        }
        Proved::Wrong(why) => {
            return format!(
                "  {FAINT}{:<10}{FAINT:#} {BAD}it is not what was logged{BAD:#}: {why}; run `portcullis log verify`\n",
                "proof"
            );
        }
        Proved::Entry { checkpoint, .. } => format!(
            "  {FAINT}{:<10}{FAINT:#} {GOOD}it is in the log{GOOD:#}, under the checkpoint of {} entries\n",
            "proof", checkpoint.size
        ),
    };
    if place.keys_from == KeysFrom::Beside {
        text += "             (by the keys that lie beside the log: name the one that you have kept with `--key`)\n";
    }
    text += proved.held_in_words();
    if let Proved::Entry { proof, .. } = proved {
        let _ = write!(text, "\n{proof}");
    }
    text
}
