//! A report as text for a terminal.
//!
//! It is made with its colours; whether they are shown is decided where it is printed. What others wrote never reaches a
//! terminal with its control characters.

use std::collections::HashMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::finding::{Instance, Place};
use crate::page::Page;
use crate::rule::Severity;
use crate::score::rounded;

pub use super::explain::explain_score;

use super::escape::printable;
use super::{Checked, Outcome, Report, Source, Standing, Told, many};

const CRITICAL: Style = AnsiColor::Magenta.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// No more of a source line is shown.
const LINE_CHARACTERS_MAX: usize = 160;
/// No more places of a finding are shown beside its first.
const FURTHER_MAX: usize = 3;
const BAR_CHARACTERS: u32 = 20;

/// The report. `brief` gives every finding one line: no source, no fix, no further places.
pub fn render(report: &Report<'_>, source: Option<Source<'_>>, brief: bool) -> String {
    let mut page = Text {
        text: String::new(),
        pages: report.pages(),
        read: source.filter(|_| !brief),
        brief,
        lines: HashMap::new(),
    };
    for document in &report.documents {
        page.write_document(document);
    }
    page.text + &verdict(report)
}

/// What is written, and what is read for it: every page and every file once.
struct Text<'r, 's> {
    text: String,
    pages: HashMap<&'r str, Page>,
    read: Option<Source<'s>>,
    brief: bool,
    lines: HashMap<String, Vec<String>>,
}

impl Text<'_, '_> {
    /// A line. Writing to a string cannot fail.
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }

    fn write_document(&mut self, document: &Checked<'_>) {
        let location = printable(&document.location);
        let title = match document.title.as_str() {
            "" => String::new(),
            title => format!(" - {}", printable(title)),
        };
        match document.outcome {
            Outcome::Judged { operations, .. } => {
                let operations = many(operations, "operation");
                self.line(format_args!(
                    "{BOLD}{location}{BOLD:#}{title} {FAINT}({operations}){FAINT:#}\n"
                ));
                self.write_findings(document);
                if self.brief {
                    self.text.push('\n');
                }
                self.write_score(document);
            }
            Outcome::Invalid(_) => {
                self.line(format_args!("{BOLD}{location}{BOLD:#}{title}\n"));
                self.write_faults(document);
            }
        }
    }

    fn write_faults(&mut self, document: &Checked<'_>) {
        for fault in document.faults() {
            let (place, message) = (shown(&fault.place), printable(&fault.message));
            self.line(format_args!(
                "{BOLD}{place}:{BOLD:#} {ERROR}error:{ERROR:#} {BOLD}{message}{BOLD:#}"
            ));
            self.write_source(&fault.place, ERROR);
            if !fault.help.is_empty() {
                let help = printable(&fault.help);
                self.line(format_args!("        help: {help}"));
            }
        }
        self.line(format_args!(
            "\n{ERROR}invalid{ERROR:#}: it cannot be used, so it has no score\n"
        ));
    }

    fn write_findings(&mut self, document: &Checked<'_>) {
        for severity in Severity::ALL {
            let open = document.findings().iter().filter(|told| told.accepted.is_none());
            for told in open.filter(|told| told.finding.severity == severity) {
                self.write_finding(told);
            }
        }
        match document.accepted() {
            0 => {}
            accepted => {
                let accepted = many(accepted, "accepted finding");
                self.line(format_args!("{FAINT}{accepted} not shown{FAINT:#}\n"));
            }
        }
    }

    fn write_finding(&mut self, told: &Told<'_>) {
        let finding = &told.finding;
        let style = style(finding.severity);
        let nowhere = Place::default();
        let place = finding.place().unwrap_or(&nowhere);
        let standing = match told.standing {
            Some(Standing::New) => " [new]",
            Some(Standing::Grown) => " [grown]",
            Some(Standing::Known) | None => "",
        };
        let (at, message) = (shown(place), printable(&finding.message));
        let (severity, rule) = (finding.severity, printable(finding.rule.id));
        self.line(format_args!(
            "{BOLD}{at}{BOLD:#}  {style}{severity}{style:#}  {rule}{NOTE}{standing}{NOTE:#}  {message}"
        ));
        if self.brief {
            return;
        }
        self.write_source(place, style);
        let fix = self.pages.get(finding.rule.id).map(|page| first_sentence(page.fix()));
        if let Some(fix) = fix.filter(|fix| !fix.is_empty()) {
            self.line(format_args!("        fix: {}", printable(&fix)));
        }
        self.write_further(&finding.instances);
        self.text.push('\n');
    }

    fn write_further(&mut self, instances: &[Instance]) {
        for instance in instances.iter().skip(1).take(FURTHER_MAX) {
            let Place { file, line, .. } = &instance.place;
            let file = printable(file);
            self.line(format_args!("{FAINT}        also at {file}:{line}{FAINT:#}"));
        }
        let more = instances.len().saturating_sub(1 + FURTHER_MAX);
        if more > 0 {
            self.line(format_args!("{FAINT}        and {more} more{FAINT:#}"));
        }
    }

    fn write_source(&mut self, place: &Place, style: Style) {
        let Some(shown) = self.source_line(place) else {
            return;
        };
        let number = place.line;
        self.line(format_args!("{FAINT}{number:>7} |{FAINT:#} {}", shown.trim_end()));
        let before = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
        if before <= shown.chars().count() {
            self.line(format_args!(
                "{FAINT}        |{FAINT:#} {:before$}{style}^{style:#}",
                ""
            ));
        }
    }

    /// The line of a place as it is shown: as wide as it was, so that the column is still that column.
    fn source_line(&mut self, place: &Place) -> Option<String> {
        let read = self.read?;
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        if !self.lines.contains_key(&place.file) {
            let text = read(&place.file).unwrap_or_default();
            let lines = text
                .lines()
                .map(|line| line.chars().take(LINE_CHARACTERS_MAX).collect());
            self.lines.insert(place.file.clone(), lines.collect());
        }
        let line = self.lines.get(&place.file)?.get(index)?;
        let harmless = |c: char| {
            if printable(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
                c
            } else {
                ' '
            }
        };
        Some(line.chars().map(harmless).collect())
    }

    fn write_score(&mut self, document: &Checked<'_>) {
        let (Some(score), Some((security, data))) = (document.score(), document.parts()) else {
            return;
        };
        let total = score.total();
        self.line(format_args!(
            "{BOLD}score {total:.1} of 100{BOLD:#}  security {:.1} of {}, data {:.1} of {}",
            security.points, security.points_max, data.points, data.points_max
        ));
        let width = score
            .areas
            .iter()
            .map(|area| area.area.name.len())
            .max()
            .unwrap_or_default();
        for area in &score.areas {
            let (name, max) = (area.area.name, area.area.points);
            let bar = bar(area.points, max);
            self.line(format_args!(
                "  {name:width$}  {bar}  {:>4.1} of {max}",
                rounded(area.points)
            ));
        }
        self.line(format_args!("  {}\n", counts(document)));
    }
}

/// How many findings of every severity there are.
fn counts(document: &Checked<'_>) -> String {
    let open = Severity::ALL.map(|severity| (severity, document.count(severity)));
    let some = open.iter().filter(|(_, count)| *count > 0);
    let words: Vec<String> = some
        .map(|(severity, count)| {
            let style = style(*severity);
            format!("{style}{count} {severity}{style:#}")
        })
        .collect();
    if words.is_empty() {
        "nothing found".to_owned()
    } else {
        words.join(", ")
    }
}

fn verdict(report: &Report<'_>) -> String {
    let failed = report
        .failed
        .iter()
        .map(|failed| format!("{ERROR}failed{ERROR:#}: {}\n", printable(failed)));
    match (report.documents.len(), report.failed.is_empty()) {
        (0, true) => "nothing was checked\n".to_owned(),
        (_, true) => format!("{GOOD}passed{GOOD:#}\n"),
        (_, false) => failed.collect(),
    }
}

const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => CRITICAL,
        Severity::High => ERROR,
        Severity::Medium => WARNING,
        Severity::Low => NOTE,
        Severity::Info => FAINT,
    }
}

fn shown(place: &Place) -> String {
    match place.line {
        0 => printable(&place.file),
        line => format!("{}:{line}:{}", printable(&place.file), place.column),
    }
}

/// As many of the bar's characters as points are left; full only when all are, and empty only when none is.
fn bar(points: f64, points_max: u32) -> String {
    let is_filled = |step: u32| {
        let needed = f64::from(points_max) * f64::from(step) / f64::from(BAR_CHARACTERS);
        points > 0.0 && (step == 0 || points >= needed)
    };
    let filled = |step: u32| if is_filled(step) { '#' } else { '-' };
    // The first stands for any points at all, the last for all of them.
    let first = std::iter::once(filled(0));
    let bar: String = first.chain((2..=BAR_CHARACTERS).map(filled)).collect();
    format!("[{bar}]")
}

/// The first sentence of Markdown, in one line.
fn first_sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut ends = line.match_indices(". ").map(|(index, _)| index + 1);
    let is_end = |end: &usize| {
        line.split_at_checked(*end)
            .is_some_and(|(_, rest)| begins_sentence(rest))
    };
    match ends.find(is_end).and_then(|end| line.split_at_checked(end)) {
        Some((sentence, _)) => sentence.to_owned(),
        None => line,
    }
}

fn begins_sentence(rest: &str) -> bool {
    rest.trim_start().starts_with(|c: char| c.is_uppercase() || c == '`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_report() {
        let text = render(&tests::small(), Some(&tests::source), false);
        insta::assert_snapshot!(plain(&text));
    }

    #[test]
    fn a_brief_report_has_a_line_for_each_finding() {
        let report = tests::small();
        assert!(render(&report, Some(&tests::source), false).contains("|"));
        let brief = render(&report, Some(&tests::source), true);
        assert!(
            !brief.contains("|") && !brief.contains("fix:") && !brief.contains("also at"),
            "{brief}"
        );
    }

    #[test]
    fn bars_are_full_only_with_all_points() {
        assert_eq!(bar(10.0, 10), format!("[{}]", "#".repeat(20)));
        assert_eq!(bar(9.99, 10), format!("[{}-]", "#".repeat(19)));
        assert_eq!(bar(5.0, 10), format!("[{}{}]", "#".repeat(10), "-".repeat(10)));
        assert_eq!(bar(0.01, 10), format!("[#{}]", "-".repeat(19)));
        assert_eq!(bar(0.0, 10), format!("[{}]", "-".repeat(20)));
    }

    #[test]
    fn sentences_end_where_the_next_begins() {
        assert_eq!(first_sentence("Use e.g. this\none. Then that."), "Use e.g. this one.");
        assert_eq!(first_sentence("Do it."), "Do it.");
        assert_eq!(first_sentence(""), "");
    }
}
