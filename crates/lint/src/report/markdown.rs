//! A report in Markdown, for a comment on a pull request.

use std::fmt::Write;

use crate::finding::{Instance, Place};
use crate::rule::Severity;
use crate::score::Score;

use super::escape::{code_elements, markdown};
use super::{Checked, Report, Standing, Told, many};

/// Forges refuse comments of more than 65,536 characters.
const CHARACTERS_MAX: usize = 60_000;
/// No more places of a finding are listed.
const INSTANCES_MAX: usize = 20;

/// The report. Findings that do not fit a comment are counted at the end.
pub fn render(report: &Report<'_>) -> String {
    let mut text = head(report);
    text.push_str(&documents(report));
    let mut hidden = 0;
    for document in &report.documents {
        let findings = findings(document, CHARACTERS_MAX.saturating_sub(text.len()));
        text.push_str(&findings.text);
        hidden += findings.hidden;
    }
    if hidden > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} not shown: a comment has no room for more.",
            many(hidden, "further finding")
        );
    }
    text
}

fn head(report: &Report<'_>) -> String {
    let word = if report.failed.is_empty() { "passed" } else { "failed" };
    let score = report
        .score()
        .map(|score| format!(", {score:.1} of 100"))
        .unwrap_or_default();
    let mut text = format!("## Audit {word}{score}\n\n");
    for failed in bounded(&report.failed) {
        let _ = writeln!(text, "- {}", told(failed));
    }
    if !report.failed.is_empty() {
        text.push('\n');
    }
    text
}

fn bounded(lines: &[String]) -> impl Iterator<Item = &String> {
    lines.iter().take(INSTANCES_MAX)
}

fn documents(report: &Report<'_>) -> String {
    let mut text = "| Document | Score | Security | Data | Critical | High | Medium | Low | Info | Accepted |\n\
                    |:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for document in report.documents.iter().take(INSTANCES_MAX) {
        let number = |points: Option<f64>| points.map_or_else(|| "invalid".to_owned(), |points| format!("{points:.1}"));
        let parts = document.parts();
        let cells = [
            code(&document.location),
            number(document.score().map(Score::total)),
            number(parts.map(|(security, _)| security.points)),
            number(parts.map(|(_, data)| data.points)),
        ];
        let counts = Severity::ALL.map(|severity| document.count(severity).to_string());
        let cells: Vec<String> = cells
            .into_iter()
            .chain(counts)
            .chain([document.accepted().to_string()])
            .collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    let more = report.documents.len().saturating_sub(INSTANCES_MAX);
    if more > 0 {
        let _ = writeln!(text, "\nand {}", many(more, "further document"));
    }
    text
}

struct Findings {
    text: String,
    hidden: usize,
}

fn findings(document: &Checked<'_>, room: usize) -> Findings {
    let mut text = String::new();
    let mut hidden = 0;
    let mut write = |piece: &str| {
        let fits = text.len() + piece.len() <= room;
        if fits {
            text.push_str(piece);
        }
        fits
    };
    write(&format!("\n### {}\n\n", code(&document.location)));
    for fault in document.faults() {
        write(&format!(
            "- **invalid** {} ({})\n",
            told(&fault.message),
            code(&shown(&fault.place))
        ));
    }
    for finding in document.findings().iter().filter(|told| told.accepted.is_none()) {
        hidden += usize::from(!write(&item(finding)));
    }
    Findings { text, hidden }
}

fn item(told_finding: &Told<'_>) -> String {
    let Told { finding, standing, .. } = told_finding;
    let nowhere = Place::default();
    let place = code(&shown(finding.place().unwrap_or(&nowhere)));
    let standing = match standing {
        Some(Standing::New) => " (new)",
        Some(Standing::Grown) => " (grown)",
        Some(Standing::Known) | None => "",
    };
    let (severity, rule) = (finding.severity, code(finding.rule.id));
    let message = told(&finding.message);
    let mut text = format!("- **{severity}**{standing} {rule}: {message}, {place}\n");
    let further = finding.instances.get(1..).unwrap_or_default();
    if !further.is_empty() {
        let count = many(further.len(), "further place");
        let _ = writeln!(text, "  <details><summary>{count}</summary>\n");
        for Instance { place, message } in further.iter().take(INSTANCES_MAX) {
            let _ = writeln!(text, "  - {}: {}", code(&shown(place)), told(message));
        }
        let more = further.len().saturating_sub(INSTANCES_MAX);
        if more > 0 {
            let _ = writeln!(text, "  - and {more} more");
        }
        text.push_str("\n  </details>\n");
    }
    text
}

/// Words with the author's in backticks, as code elements: those of Markdown end where the author has a backtick.
fn told(words: &str) -> String {
    code_elements(words, markdown)
}

fn code(words: &str) -> String {
    format!("<code>{}</code>", markdown(words))
}

fn shown(place: &Place) -> String {
    match place.line {
        0 => place.file.clone(),
        line => format!("{}:{line}", place.file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests;

    #[test]
    fn a_report() {
        insta::assert_snapshot!(render(&tests::small()));
    }

    #[test]
    fn a_comment_is_bounded_and_says_what_it_leaves_out() {
        let findings = (0..2000).map(|_| tests::told(1, "schema `Pet`", "`name` has no `maxLength`", &[(1, 1)], 0.0));
        let report = tests::report(vec![tests::judged("a.yaml", "", findings.collect())]);
        let text = render(&report);
        assert!((CHARACTERS_MAX / 2..65_536).contains(&text.len()), "{}", text.len());
        assert!(text.ends_with("further findings not shown: a comment has no room for more.\n"));
    }

    #[test]
    fn hostile_words_are_no_marks() {
        let text = render(&tests::hostile());
        for mark in [
            "<img", "<script", "</script", "`", "](", "\n# ", "@all", " #1", "| c |", "https:",
        ] {
            assert!(!text.contains(mark), "{mark}");
        }
    }
}
