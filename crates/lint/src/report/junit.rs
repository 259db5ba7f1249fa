//! A report in the XML of JUnit, for build servers.
//!
//! A document is a suite. A rule that found nothing is one case that passed; what it found is one case for each finding, since
//! many build servers read no more than the first failure of a case.

use std::fmt::Write;

use crate::finding::Place;
use crate::page::Page;
use crate::rule::{Rule, Severity};
use crate::score::Score;

use super::escape::{markup, printable};
use super::{Checked, Fault, Report, Told, many};

/// No more places of a finding are listed.
const INSTANCES_MAX: usize = 100;

/// The report.
pub fn render(report: &Report<'_>) -> String {
    let suites: Vec<Suite> = report
        .documents
        .iter()
        .map(|document| suite(report, document))
        .collect();
    let sum = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
    let bodies: String = suites.iter().map(|suite| suite.text.as_str()).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"portcullis\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n{bodies}</testsuites>\n",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.errors),
    )
}

#[derive(Default)]
struct Suite {
    text: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

fn suite(report: &Report<'_>, document: &Checked<'_>) -> Suite {
    let mut cases = Suite::default();
    match document.score() {
        Some(_) => write_rules(&mut cases, report, document),
        None => write_error(&mut cases, document.faults()),
    }
    let properties = document
        .score()
        .map(|score| properties(document, score))
        .unwrap_or_default();
    let text = format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n{properties}{}  </testsuite>\n",
        markup(&document.location),
        cases.tests,
        cases.failures,
        cases.errors,
        cases.skipped,
        cases.text,
    );
    Suite { text, ..cases }
}

fn properties(document: &Checked<'_>, score: &Score) -> String {
    let mut text = format!(
        "    <properties>\n      <property name=\"score\" value=\"{:.1}\"/>\n",
        score.total()
    );
    if let Some((security, data)) = document.parts() {
        for (name, part) in [("security", security), ("data", data)] {
            let _ = writeln!(text, "      <property name=\"{name}\" value=\"{:.1}\"/>", part.points);
        }
    }
    text + "    </properties>\n"
}

fn write_error(cases: &mut Suite, faults: &[Fault]) {
    cases.tests += 1;
    cases.errors += 1;
    let lines: String = faults
        .iter()
        .map(|fault| format!("{}: {}\n", shown(&fault.place), printable(&fault.message)))
        .collect();
    let _ = writeln!(
        cases.text,
        "    <testcase classname=\"contract\" name=\"valid\"><error message=\"it cannot be used: {}\">{}</error></testcase>",
        many(faults.len(), "problem"),
        lines_of(&lines)
    );
}

fn write_rules(cases: &mut Suite, report: &Report<'_>, document: &Checked<'_>) {
    let pages = report.pages();
    for rule in report.all_rules() {
        let mut found = document
            .findings()
            .iter()
            .filter(|told| told.finding.rule.id == rule.id)
            .peekable();
        if found.peek().is_none() && report.rules.iter().any(|asked| asked.id == rule.id) {
            cases.tests += 1;
            let _ = writeln!(cases.text, "    <testcase {}/>", attributes(rule, "", None));
        }
        for told in found {
            write_finding(cases, rule, told, pages.get(rule.id));
        }
    }
}

fn write_finding(cases: &mut Suite, rule: &Rule<'_>, told: &Told<'_>, page: Option<&Page>) {
    let finding = &told.finding;
    let case = attributes(rule, &finding.subject, finding.place());
    let body = lines_of(&body(told, page));
    let inside = match &told.accepted {
        Some(accepted) => {
            cases.skipped += 1;
            let until = accepted
                .until
                .as_ref()
                .map(|day| format!(" (until {day})"))
                .unwrap_or_default();
            format!(
                "<skipped message=\"accepted: {}{}\"/>",
                markup(&accepted.reason),
                markup(&until)
            )
        }
        None if finding.severity >= Severity::Medium => {
            cases.failures += 1;
            let (severity, message) = (finding.severity, markup(&finding.message));
            format!("<failure type=\"{severity}\" message=\"{message}\">{body}</failure>")
        }
        None => format!("<system-out>{body}</system-out>"),
    };
    cases.tests += 1;
    let _ = writeln!(cases.text, "    <testcase {case}>{inside}</testcase>");
}

fn attributes(rule: &Rule<'_>, subject: &str, place: Option<&Place>) -> String {
    let name = match subject {
        "" => markup(rule.id),
        subject => format!("{}: {}", markup(rule.id), markup(subject)),
    };
    let place = match place {
        Some(place) if place.line > 0 => format!(" file=\"{}\" line=\"{}\"", markup(&place.file), place.line),
        _ => String::new(),
    };
    format!("classname=\"{}\" name=\"{name}\"{place}", markup(rule.category))
}

fn body(told: &Told<'_>, page: Option<&Page>) -> String {
    let mut text = String::new();
    for instance in told.finding.instances.iter().take(INSTANCES_MAX) {
        let _ = writeln!(text, "{}: {}", shown(&instance.place), printable(&instance.message));
    }
    let more = told.finding.instances.len().saturating_sub(INSTANCES_MAX);
    if more > 0 {
        let _ = writeln!(text, "and {more} more");
    }
    if let Some(fix) = page.map(Page::fix).filter(|fix| !fix.is_empty()) {
        let _ = writeln!(text, "fix: {}", fix.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    format!(
        "{}: {}\n{text}",
        told.finding.severity,
        printable(&told.finding.message)
    )
}

/// Text whose lines stay lines.
fn lines_of(text: &str) -> String {
    text.lines().map(markup).collect::<Vec<_>>().join("\n")
}

fn shown(place: &Place) -> String {
    match place.line {
        0 => printable(&place.file),
        line => format!("{}:{line}:{}", printable(&place.file), place.column),
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

    /// What a build server would count.
    fn count(xml: &str, element: &str) -> usize {
        let mut reader = quick_xml::Reader::from_str(xml);
        let mut count = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                    count += usize::from(start.name().as_ref() == element);
                }
                quick_xml::events::Event::Eof => return count,
                _ => {}
            }
        }
    }

    #[test]
    fn everything_is_one_case() {
        let xml = render(&tests::small());
        // Seven findings, one rule that found nothing, one document that is invalid.
        assert_eq!(count(&xml, "testcase"), 9, "{xml}");
        assert_eq!(
            ["failure", "skipped", "system-out", "error"].map(|element| count(&xml, element)),
            [4, 1, 2, 1]
        );
        assert!(xml.contains("tests=\"9\" failures=\"4\" errors=\"1\""), "{xml}");
    }

    #[test]
    fn hostile_words_are_no_elements() {
        let xml = render(&tests::hostile());
        assert_eq!((count(&xml, "img"), count(&xml, "script")), (0, 0));
        assert_eq!(count(&xml, "failure"), 1);
    }
}
