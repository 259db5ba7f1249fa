//! Credentials, for people and for programs. A credential itself is told once, alone on standard output; what is said about it
//! goes to standard error.

use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::Style;
use comfy_table::{Table, presets};
use portcullis_identity::credentials::{Kind, Record};
use portcullis_identity::time::UnixTime;
use serde_json::{Value, json};

use super::super::date::Date;
use super::super::width::width;
use super::super::{Failure, Shared};

const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
/// How many characters a table leaves around a cell.
const GAP: usize = 2;

/// What people call it.
pub(super) fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::ApiKey => "API key",
        Kind::Token => "token",
    }
}

/// Tells a credential, and what is kept of it.
pub(super) fn new(text: &str, record: &Record, now: UnixTime, shared: &Shared) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    if shared.json {
        let mut told = as_json(record, now);
        if let Some(members) = told.as_object_mut() {
            members.insert("credential".to_owned(), text.into());
        }
        writeln!(out, "{told:#}")?;
        return Ok(());
    }
    writeln!(out, "{text}")?;
    anstream::eprintln!("{}", in_words(record, now));
    anstream::eprintln!("this is the only time that it is shown: only a MAC of it is kept");
    Ok(())
}

/// Tells what is kept of one.
pub(super) fn one(record: &Record, now: UnixTime, shared: &Shared) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    if shared.json {
        writeln!(out, "{:#}", as_json(record, now))?;
        return Ok(());
    }
    for (name, value) in rows(record, now) {
        writeln!(out, "{FAINT}{name:>10}{FAINT:#}  {value}")?;
    }
    Ok(())
}

/// Tells what is kept of all.
pub(super) fn all(kind: Kind, records: &[Record], now: UnixTime, shared: &Shared) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    if shared.json {
        let listed: Vec<Value> = records.iter().map(|record| as_json(record, now)).collect();
        writeln!(out, "{:#}", json!({ "credentials": listed }))?;
        return Ok(());
    }
    if records.is_empty() {
        writeln!(out, "no {}s", what(kind))?;
        return Ok(());
    }
    let columns = columns(records, now);
    let wanted: usize = columns.iter().map(|column| widest(column) + GAP).sum();
    let text = match wanted > usize::from(width()) {
        true => blocks(&columns),
        false => table(&columns),
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// A column of a list: its name, and a cell for each record.
type Column = (&'static str, Vec<String>);

/// The columns of a list; one that is empty for all records is left out.
fn columns(records: &[Record], now: UnixTime) -> Vec<Column> {
    let column = |name: &'static str, cell: &dyn Fn(&Record) -> String| {
        let cells: Vec<String> = records.iter().map(cell).collect();
        (name, cells)
    };
    let mut columns = vec![
        column("name", &|record| record.id.to_string()),
        column("state", &|record| state(record, now).to_owned()),
        column("owner", &owner),
        column("scopes", &|record| record.scopes.to_string()),
        column("ends", &|record| date(record.ends())),
        column("last used", &|record| date(record.used)),
        column("label", &|record| record.label.to_string()),
    ];
    columns.retain(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
    columns
}

/// How many characters the widest cell of a column has, or its name.
fn widest((name, cells): &Column) -> usize {
    let widths = cells.iter().map(|cell| cell.chars().count());
    widths.max().unwrap_or_default().max(name.len())
}

/// A line for each record, where all of it fits.
fn table(columns: &[Column]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|(name, _)| *name));
    for row in 0..columns.first().map_or(0, |(_, cells)| cells.len()) {
        table.add_row(
            columns
                .iter()
                .map(|(_, cells)| cells.get(row).cloned().unwrap_or_default()),
        );
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

/// A block for each record, one line for each of its cells: a name that is cut in two cannot be copied.
fn blocks(columns: &[Column]) -> String {
    let mut text = String::new();
    for row in 0..columns.first().map_or(0, |(_, cells)| cells.len()) {
        if row > 0 {
            text.push('\n');
        }
        let cells = columns.iter().filter_map(|(name, cells)| Some((name, cells.get(row)?)));
        for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            let _ = writeln!(text, "{FAINT}{name:>10}{FAINT:#}  {cell}");
        }
    }
    text
}

/// Tells how many were revoked.
pub(super) fn revoked(kind: Kind, count: u64, shared: &Shared) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    if shared.json {
        writeln!(out, "{:#}", json!({ "revoked": count }))?;
        return Ok(());
    }
    let what = what(kind);
    match count {
        0 => writeln!(out, "nothing to revoke: no such {what} is in force")?,
        1 => writeln!(out, "revoked 1 {what}; gates know within a second")?,
        _ => writeln!(out, "revoked {count} {what}s; gates know within a second")?,
    }
    Ok(())
}

/// Says that a rotation ended a secret which somebody may still use: of one credential two are good at once, never three.
pub(super) fn ended_early(before: &Record, now: UnixTime) {
    if let Some(retiring) = before.retiring.as_ref().filter(|retiring| now < retiring.until) {
        let until = Date(retiring.until);
        anstream::eprintln!(
            "the secret before those two was good until {until}, and has ended now: two are good at once, not three"
        );
    }
}

fn in_words(record: &Record, now: UnixTime) -> String {
    let ends = match record.expires {
        Some(expires) => format!("until {}", Date(expires)),
        None => "until it is revoked".to_owned(),
    };
    let scopes = match record.scopes.to_string() {
        scopes if scopes.is_empty() => "without scopes".to_owned(),
        scopes => format!("for {scopes}"),
    };
    let mut words = format!(
        "{} {} of {}, {scopes}, {ends}",
        what(record.kind),
        record.id,
        owner(record)
    );
    if let Some(retiring) = record.retiring.as_ref().filter(|retiring| now < retiring.until) {
        words += &format!("; the one before is good until {}", Date(retiring.until));
    }
    words
}

/// What is kept of a credential, line by line, without what is empty.
pub(in super::super) fn rows(record: &Record, now: UnixTime) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("name", record.id.to_string()),
        ("kind", what(record.kind).to_owned()),
        ("state", state(record, now).to_owned()),
        ("label", record.label.to_string()),
        ("owner", owner(record)),
        ("client", record.client.as_deref().unwrap_or_default().to_owned()),
        ("scopes", record.scopes.to_string()),
        ("issued", Date(record.issued).to_string()),
        ("expires", date(record.expires)),
        ("revoked", date(record.revoked)),
        ("last used", date(record.used)),
        ("kept under", record.tag.key.to_string()),
    ];
    if let Some(retiring) = &record.retiring {
        rows.push(("before", format!("good until {}", Date(retiring.until))));
    }
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

fn as_json(record: &Record, now: UnixTime) -> Value {
    let told = |time: Option<UnixTime>| time.map(|time| Date(time).to_string());
    json!({
        "id": record.id.as_str(),
        "kind": record.kind.name(),
        "state": state(record, now),
        "label": record.label,
        "owner": { "kind": record.owner_kind.name(), "name": record.owner },
        "client": record.client,
        "scopes": record.scopes.iter().collect::<Vec<_>>(),
        "issued": told(Some(record.issued)),
        "expires": told(record.expires),
        "revoked": told(record.revoked),
        "last_used": told(record.used),
        "kept_under": record.tag.key,
        "old_secret_until": told(record.retiring.as_ref().map(|retiring| retiring.until)),
    })
}

fn state(record: &Record, now: UnixTime) -> &'static str {
    if record.revoked.is_some() {
        "revoked"
    } else if record.has_ended(now) {
        "expired"
    } else {
        "good"
    }
}

/// Whose it is, as arguments name it.
pub(super) fn owner(record: &Record) -> String {
    format!("{}:{}", record.owner_kind.name(), record.owner)
}

fn date(time: Option<UnixTime>) -> String {
    time.map_or_else(String::new, |time| Date(time).to_string())
}
