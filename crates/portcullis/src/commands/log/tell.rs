//! Entries, for people and for programs.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use portcullis_audit_log::entry::{Entry, Event, Protected, ocsf};
use serde_json::{Value, json};

use super::super::Failure;
use super::super::width::width;
use super::when::told;
use crate::report::printable;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// The values of erasable texts, by their commitments.
pub(super) type Values = HashMap<String, String>;

/// How a commitment begins.
const COMMITTED: &str = "committed:";
/// The columns of a table of entries.
const COLUMNS: [&str; 6] = ["index", "time", "who", "what", "outcome", "id"];

/// A text of an entry for people: a value that can be erased is shown while it is there.
pub(super) fn shown(text: &str, values: &Values) -> String {
    let told = match Protected::read(text) {
        Protected::Clear(clear) => clear,
        Protected::Committed(commitment) => match values.get(&*commitment) {
            Some(value) => Cow::from(value.as_str()),
            None => Cow::from("(erased)"),
        },
        Protected::Masked(_) | Protected::Hashed(_) | Protected::Encrypted(_) => Cow::from(text),
    };
    printable(&told)
}

/// A target for people, with the values in it that can be erased. A gate writes the beginning of a commitment that a caller sent otherwise.
pub(super) fn shown_target(target: &str, values: &Values) -> String {
    let mut text = String::new();
    let mut rest = 0;
    for (range, commitment) in within(target) {
        text.push_str(target.get(rest..range.start).unwrap_or_default());
        text.push_str(values.get(commitment).map_or("(erased)", String::as_str));
        rest = range.end;
    }
    text.push_str(target.get(rest..).unwrap_or_default());
    printable(&text)
}

/// The commitments within a target, and where they stand.
fn within(target: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    target.match_indices(COMMITTED).filter_map(|(start, prefix)| {
        let begin = start + prefix.len();
        let rest = target.get(begin..)?;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        Some((start..begin + length, rest.get(..length)?))
    })
}

/// Who did it.
pub(super) fn who(entry: &Entry<'_>, values: &Values) -> String {
    entry
        .principal()
        .map_or_else(|| "-".to_owned(), |principal| shown(principal, values))
}

/// What was done, in few words.
pub(super) fn what(entry: &Entry<'_>, values: &Values) -> String {
    if let Some(api) = &entry.api {
        return format!("{}/{}", printable(&api.service.name), printable(&api.operation));
    }
    if let Some(comment) = &entry.comment {
        return printable(comment);
    }
    match &entry.http_request {
        Some(request) => format!(
            "{} {}",
            printable(&request.http_method),
            shown_target(&request.url.path, values)
        ),
        None => entry.metadata.event_code.name().to_owned(),
    }
}

/// What it came to, in few words.
pub(super) fn outcome(entry: &Entry<'_>) -> String {
    let mut words: Vec<String> = Vec::new();
    match entry.metadata.event_code {
        Event::Opened => words.push("not ended".to_owned()),
        Event::Abandoned => words.push("abandoned".to_owned()),
        Event::Refusals => words.push(format!("{} times", entry.count.unwrap_or_default())),
        Event::Lost => words.push(format!("{} lost", entry.count.unwrap_or_default())),
        Event::Request | Event::Administration | Event::Other => {}
    }
    match (entry.action_id, entry.status_id) {
        (Some(2), _) => words.push("denied".to_owned()),
        (Some(1), Some(2)) => words.push("failed".to_owned()),
        (Some(1), _) => words.push("allowed".to_owned()),
        (_, Some(2)) => words.push("failed".to_owned()),
        _ => {}
    }
    words.extend(entry.status_code.as_deref().map(printable));
    words.extend(entry.http_response.map(|response| response.code.to_string()));
    words.dedup();
    words.join(" ")
}

/// One row of a table.
pub(super) fn row(index: u64, entry: &Entry<'_>, values: &Values) -> [String; COLUMNS.len()] {
    [
        format!("#{index}"),
        told(entry.time),
        who(entry, values),
        what(entry, values),
        outcome(entry),
        entry.id().map(printable).unwrap_or_default(),
    ]
}

/// A table of entries.
pub(super) fn table(rows: &[[String; COLUMNS.len()]]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_width(width());
    table.set_header(COLUMNS);
    for row in rows {
        table.add_row(row);
    }
    let mut text = String::new();
    for (number, line) in table.lines().enumerate() {
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        // Writing to a string cannot fail.
        let _ = match number {
            0 => writeln!(text, "{BOLD}{line}{BOLD:#}"),
            _ => writeln!(text, "{line}"),
        };
    }
    text
}

/// An entry for programs, as the log has it, and the values of it that lie beside.
///
/// # Errors
/// It is no JSON.
pub(super) fn as_json(index: u64, octets: &[u8], values: &Values) -> Result<Value, Failure> {
    let entry: Value = read(index, octets)?;
    let erasable: BTreeMap<String, &str> = commitments(&entry)
        .into_iter()
        .filter_map(|commitment| Some((values.get(&commitment)?.as_str(), commitment)))
        .map(|(value, commitment)| (commitment, value))
        .collect();
    let mut told = json!({ "index": index, "entry": entry });
    if let Some(members) = told.as_object_mut().filter(|_| !erasable.is_empty()) {
        members.insert("values".to_owned(), json!(erasable));
    }
    Ok(told)
}

/// An entry as an event of OCSF.
///
/// # Errors
/// It is no entry.
pub(super) fn as_ocsf(index: u64, octets: &[u8], origin: &str) -> Result<Value, Failure> {
    let event = ocsf(octets, origin, index);
    event.map(Value::Object).map_err(|error| no_entry(index, &error))
}

/// Reads something of an entry.
///
/// # Errors
/// It is none.
pub(super) fn read<'o, T: serde::Deserialize<'o>>(index: u64, octets: &'o [u8]) -> Result<T, Failure> {
    serde_json::from_slice(octets).map_err(|error| no_entry(index, &error))
}

fn no_entry(index: u64, error: &serde_json::Error) -> Failure {
    Failure::unusable(format!("entry {index} is of no form that is known here: {error}"))
}

/// The commitments that stand anywhere in an entry.
pub(super) fn commitments(entry: &Value) -> Vec<String> {
    let target = |member: &str| {
        entry
            .pointer(&format!("/http_request/url/{member}"))
            .and_then(Value::as_str)
    };
    let targets = ["path", "query_string"].into_iter().filter_map(target);
    let mut found: Vec<String> = targets
        .flat_map(|target| within(target).map(|(_, commitment)| commitment.to_owned()))
        .collect();
    found.extend(whole(entry));
    found
}

/// Those that are a whole text of an entry.
fn whole(entry: &Value) -> Vec<String> {
    match entry {
        Value::String(text) => match Protected::read(text) {
            Protected::Committed(commitment) => vec![commitment.into_owned()],
            _ => Vec::new(),
        },
        Value::Array(items) => items.iter().flat_map(whole).collect(),
        Value::Object(members) => members.values().flat_map(whole).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_within_a_target_are_found() {
        let values: Values = [("abc".to_owned(), "carol".to_owned())].into();
        assert_eq!(shown_target("/people/committed:abc/x", &values), "/people/carol/x");
        assert_eq!(shown_target("a=committed:def&b=1", &values), "a=(erased)&b=1");
        let entry =
            json!({"http_request": {"url": {"path": "/a/committed:abc/b", "query_string": "x=1&y=committed:def"}}});
        assert_eq!(commitments(&entry), ["abc", "def"]);
    }

    #[test]
    fn what_can_be_erased_is_shown_while_it_is_there() {
        let values: Values = [("abc".to_owned(), "alice\u{1b}".to_owned())].into();
        assert_eq!(shown("committed:abc", &values), "alice\\u{1b}");
        assert_eq!(shown("committed:def", &values), "(erased)");
        assert_eq!(shown("clear:committed:abc", &values), "committed:abc");
        assert_eq!(shown("masked:card", &values), "masked:card");
        let entry = json!({"a": ["committed:abc", {"b": "committed:def"}], "c": "clear:committed:x", "d": 1});
        assert_eq!(commitments(&entry), ["abc", "def"]);
        let told = as_json(3, br#"{"a":"committed:abc","b":"committed:def"}"#, &values).unwrap();
        assert_eq!(
            told,
            json!({"index": 3, "entry": {"a": "committed:abc", "b": "committed:def"}, "values": {"abc": "alice\u{1b}"}})
        );
    }

    #[test]
    fn outcomes_are_told_once() {
        let mut entry = Entry::new(Event::Abandoned, 0);
        entry.status_code = Some("abandoned".into());
        assert_eq!(outcome(&entry), "abandoned");
        let mut entry = Entry::new(Event::Request, 0);
        entry.action_id = Some(2);
        entry.status_id = Some(2);
        entry.status_code = Some("authorization.denied".into());
        entry.http_response = Some(portcullis_audit_log::entry::HttpResponse { code: 403, length: 0 });
        assert_eq!(outcome(&entry), "denied authorization.denied 403");
    }
}
