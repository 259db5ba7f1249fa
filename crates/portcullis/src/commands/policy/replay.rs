//! `portcullis policy replay`: recorded decisions made again by the present policies. What changes, and for whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::entry::Entry;
use portcullis_decision::record::{RECORD_BYTES_MAX, Record, Replayed};
use portcullis_store::audit_log::LogFolder;
use serde::Serialize;
use serde_json::json;

use super::{Alone, Of, decisions};
use crate::audit_log::keys;
use crate::commands::{Failure, Outcome, Shared};
use crate::report::printable;

const BAD: Style = AnsiColor::Red.on_default().bold();
const BOLD: Style = Style::new().bold();

/// How many changes are told one by one.
const CHANGES_MAX: usize = 100;
/// How many subjects with their actions are told apart; changes of others are counted together.
const GROUPS_MAX: usize = 100_000;
/// How many of them a table has.
const ROWS_MAX: usize = 50;

/// The arguments of `policy replay`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Recorded decisions, one JSON object a line; or the folder of an audit log
    #[arg(value_name = "RECORDS", required = true)]
    records: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
}

/// What became of all records.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// How many were made again.
    replayed: u64,
    /// How many came out the other way.
    changed: u64,
    /// How many came out the same, by other rules.
    other_rules: u64,
    /// How many do not say by which rules they were decided, so that these could not be compared.
    without_rules: u64,
    /// How many could not be made again, because they are digested.
    digested: u64,
    /// How many are of other APIs.
    of_other_apis: u64,
    /// Changes by subject and action, those with most first.
    by_subject_and_action: Vec<Group>,
    /// How many changes are of further subjects.
    of_further_subjects: u64,
    /// The first changes.
    changes: Vec<Change>,
}

/// Whose decisions changed, about what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Group {
    subject: String,
    action: String,
    #[serde(flatten)]
    count: Count,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Count {
    now_permitted: u64,
    now_denied: u64,
}

/// One decision that came out the other way.
#[derive(Debug, Serialize)]
struct Change {
    file: String,
    line: u64,
    question: String,
    now: bool,
    /// By what it was decided then, and now.
    was_by: String,
    now_by: String,
}

/// Makes every recorded decision again.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let loaded = arguments.of.loaded()?;
    let mut replaying = Replaying {
        point: Alone(Arc::clone(decisions(&loaded)?)),
        api: &loaded.api.name,
        groups: BTreeMap::new(),
        report: Report::default(),
    };
    let bar = progress(&arguments.records);
    for file in &arguments.records {
        replaying.file(file, &bar)?;
    }
    bar.finish_and_clear();
    let report = replaying.finish();
    let told = match shared.json {
        true => format!("{:#}\n", json!(report)),
        false => as_text(&report),
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(match report.changed {
        0 => Outcome::Clean,
        _ => Outcome::Found,
    })
}

/// The record in a line of a file, from 1; or the first one of an entry of an audit log, which is a folder, by its index.
///
/// # Errors
/// There is none.
pub(super) fn record_in(file: &Path, line: u64) -> Result<Record, Failure> {
    if file.is_dir() {
        let mut found = None;
        each_in_log(file, |index, record| {
            if index == line {
                found = Some(record);
            }
            index < line
        })?;
        let none = || Failure::unusable(format!("entry {line} of `{}` has no recorded decision", file.display()));
        return found.ok_or_else(none);
    }
    let mut lines = Lines::open(file)?;
    while let Some(text) = lines.next()? {
        if text.number == line {
            return text.record(file);
        }
    }
    Err(Failure::unusable(format!("`{}` has no line {line}", file.display())))
}

/// Every decision that is recorded in a log, with the index of its entry, until somebody has seen enough.
fn each_in_log(folder: &Path, mut see: impl FnMut(u64, Record) -> bool) -> Result<(), Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::unusable(format!("the audit log `{}` cannot be read: {error}", folder.display()))
    };
    let known = keys::known(folder, None).map_err(Failure::unusable)?;
    let source = LogFolder::new(folder);
    let mut entries = Entries::open(&source, &known).map_err(|error| unreadable(&error))?;
    for index in entries.checkpoint().minimum_index..entries.size() {
        let Some(octets) = entries.get(index).map_err(|error| unreadable(&error))? else {
            continue;
        };
        let entry = Entry::read(octets).map_err(|error| unreadable(&error))?;
        for decision in entry.unmapped.into_iter().flat_map(|unmapped| unmapped.decisions) {
            let record = serde_json::from_value(decision).map_err(|error| unreadable(&error))?;
            if !see(index, record) {
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Replaying<'a> {
    point: Alone,
    api: &'a str,
    groups: BTreeMap<(String, String), Count>,
    report: Report,
}

impl Replaying<'_> {
    /// The records of a file, or of an audit log, which is a folder: by the indices of its entries.
    fn file(&mut self, file: &Path, bar: &ProgressBar) -> Result<(), Failure> {
        if file.is_dir() {
            return each_in_log(file, |index, record| {
                bar.inc(1);
                self.record(&record, file, index);
                true
            });
        }
        let mut lines = Lines::open(file)?;
        while let Some(line) = lines.next()? {
            bar.inc(line.bytes.len() as u64);
            if line.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let (number, record) = (line.number, line.record(file)?);
            self.record(&record, file, number);
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, file: &Path, line: u64) {
        if record.api != self.api {
            self.report.of_other_apis += 1;
            return;
        }
        match record.replay(&self.point) {
            Replayed::Digested { .. } => {
                self.report.digested += 1;
                return;
            }
            Replayed::Same => {}
            Replayed::OtherRules { .. } => self.report.other_rules += 1,
            Replayed::Changed { decision, why } => {
                self.count(record, decision);
                if self.report.changes.len() < CHANGES_MAX {
                    self.report.changes.push(Change {
                        file: file.to_string_lossy().into_owned(),
                        line,
                        question: record.evaluation.to_string(),
                        now: decision,
                        was_by: was_by(record),
                        now_by: why,
                    });
                }
            }
        }
        self.report.replayed += 1;
        self.report.without_rules += u64::from(!record.says_why());
    }

    fn count(&mut self, record: &Record, now: bool) {
        self.report.changed += 1;
        let subject = &record.evaluation.subject;
        let key = (
            format!("{}::{}", subject.kind, subject.id),
            record.evaluation.action.name.clone(),
        );
        let room = self.groups.len() < GROUPS_MAX;
        if !room && !self.groups.contains_key(&key) {
            self.report.of_further_subjects += 1;
            return;
        }
        let count = self.groups.entry(key).or_default();
        match now {
            true => count.now_permitted += 1,
            false => count.now_denied += 1,
        }
    }

    fn finish(mut self) -> Report {
        let groups = self
            .groups
            .into_iter()
            .map(|((subject, action), count)| Group { subject, action, count });
        let mut groups: Vec<Group> = groups.collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count.now_permitted + group.count.now_denied));
        self.report.by_subject_and_action = groups;
        self.report
    }
}

/// By what a decision was made, as it was recorded.
pub(super) fn was_by(record: &Record) -> String {
    let by: Vec<&str> = record.determining.iter().map(String::as_str).collect();
    match by.as_slice() {
        [] if !record.says_why() => "rules that it does not say (`determining`)".to_owned(),
        [] => record.why.clone().unwrap_or_default(),
        by => by.join(", "),
    }
}

/// The lines of a file, one in memory at a time.
struct Lines<'f> {
    file: &'f Path,
    reader: BufReader<File>,
    number: u64,
}

struct Line {
    bytes: Vec<u8>,
    number: u64,
}

impl<'f> Lines<'f> {
    fn open(file: &'f Path) -> Result<Self, Failure> {
        let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
        Ok(Self {
            file,
            reader: BufReader::new(opened),
            number: 0,
        })
    }

    /// The next line.
    ///
    /// # Errors
    /// It cannot be read, or is longer than a record may be.
    fn next(&mut self) -> Result<Option<Line>, Failure> {
        let mut bytes = Vec::new();
        let mut bounded = (&mut self.reader).take(RECORD_BYTES_MAX as u64 + 1);
        let read = bounded.read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| unreadable(self.file, &error))?;
        self.number += 1;
        match read {
            0 => Ok(None),
            1..=RECORD_BYTES_MAX => Ok(Some(Line {
                bytes,
                number: self.number,
            })),
            _ => {
                let message = format!(
                    "line {} of `{}` is too long for a record",
                    self.number,
                    self.file.display()
                );
                Err(Failure::unusable(message))
            }
        }
    }
}

impl Line {
    fn record(&self, file: &Path) -> Result<Record, Failure> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            let message = format!("line {} of `{}` is no record: {error}", self.number, file.display());
            Failure::unusable(message)
        })
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::unusable(format!("cannot read `{}`: {error}", file.display()))
}

/// On standard error, and only on a terminal.
fn progress(files: &[PathBuf]) -> ProgressBar {
    let sizes = files
        .iter()
        .filter_map(|file| Some(std::fs::metadata(file).ok()?.len()));
    let bar = ProgressBar::with_draw_target(Some(sizes.sum()), ProgressDrawTarget::stderr());
    // The template is right: a wrong one would leave the plain bar.
    match ProgressStyle::with_template("  {bar:40} {bytes}/{total_bytes} {eta}") {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    for change in &report.changes {
        let (was, now) = match change.now {
            true => ("denied", "permitted"),
            false => ("permitted", "denied"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{BAD}{now}{BAD:#} {}  was {was} by {}, is by {}  {}:{}",
            printable(&change.question),
            printable(&change.was_by),
            printable(&change.now_by),
            printable(&change.file),
            change.line
        );
    }
    let told = u64::try_from(report.changes.len()).unwrap_or(u64::MAX);
    if report.changed > told {
        let _ = writeln!(text, "and {} more", report.changed - told);
    }
    if !report.by_subject_and_action.is_empty() {
        let _ = write!(text, "\n{}\n", table(&report.by_subject_and_action));
    }
    if report.of_further_subjects > 0 {
        let _ = writeln!(text, "changes of further subjects: {}", report.of_further_subjects);
    }
    write_summary(&mut text, report);
    text
}

fn write_summary(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "decided again: {}, the other way: {}, the same by other rules: {}",
        report.replayed, report.changed, report.other_rules
    );
    if report.without_rules > 0 {
        let _ = writeln!(
            text,
            "do not say by which rules they were decided (`determining`), so that only the decisions were compared: {}",
            report.without_rules
        );
    }
    if report.digested > 0 {
        let _ = writeln!(
            text,
            "cannot be decided again, because what they said is digested: {}",
            report.digested
        );
    }
    if report.of_other_apis > 0 {
        let _ = writeln!(text, "of other APIs: {}", report.of_other_apis);
    }
}

fn table(groups: &[Group]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["subject", "action", "now permitted", "now denied"]);
    for group in groups.iter().take(ROWS_MAX) {
        table.add_row([
            printable(&group.subject),
            printable(&group.action),
            group.count.now_permitted.to_string(),
            group.count.now_denied.to_string(),
        ]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for (number, line) in table.lines().enumerate() {
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        let _ = match number {
            0 => writeln!(text, "{BOLD}{line}{BOLD:#}"),
            _ => writeln!(text, "{line}"),
        };
    }
    if groups.len() > ROWS_MAX {
        let _ = writeln!(text, "and {} more", groups.len() - ROWS_MAX);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_counted() {
        let path = std::env::temp_dir().join(format!("portcullis-lines-{}", std::process::id()));
        let long = "x".repeat(RECORD_BYTES_MAX);
        std::fs::write(&path, format!("a\n\nlast\n{long}\n")).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let mut next = || {
            lines
                .next()
                .map(|line| line.map(|line| (line.number, line.bytes.len())))
        };
        assert_eq!(next().unwrap(), Some((1, 2)));
        assert_eq!(next().unwrap(), Some((2, 1)));
        assert_eq!(next().unwrap(), Some((3, 5)));
        assert!(next().is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_not_told_one_by_one_is_counted() {
        let group = |subject: usize| Group {
            subject: format!("User::{subject}"),
            action: "read".to_owned(),
            count: Count {
                now_permitted: 0,
                now_denied: 2,
            },
        };
        let report = Report {
            changed: 120,
            by_subject_and_action: (0..ROWS_MAX + 10).map(group).collect(),
            ..Report::default()
        };
        let text = as_text(&report);
        assert!(text.starts_with("and 120 more\n"), "{text}");
        assert!(
            text.contains("User::49") && !text.contains("User::50") && text.contains("and 10 more"),
            "{text}"
        );
    }
}
