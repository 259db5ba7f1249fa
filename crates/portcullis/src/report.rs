//! Problems, for people and for programs.
//!
//! Text is made with its colours; whether they are shown is decided where it is printed. What others wrote (messages
//! and source lines) never reaches a terminal with its control characters.

use std::collections::HashMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use portcullis_contract::document::{Problem, Severity};
use serde_json::{Value, json};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// No more of a source line is shown.
const LINE_CHARACTERS_MAX: usize = 160;

/// Gives the text of a location, where there is one.
pub(crate) type Source<'s> = &'s dyn Fn(&str) -> Option<String>;

/// The problems as text: place, severity and message in one line each, the source line under it if wanted, and the way
/// out; at the end how many there are.
pub(crate) fn text(problems: &[Problem], source: Option<Source<'_>>) -> String {
    let mut text = String::new();
    let mut sources = Sources {
        read: source,
        texts: HashMap::new(),
    };
    for problem in problems {
        write_problem(&mut text, problem, &mut sources);
    }
    text + &summary(problems) + "\n"
}

/// The problems as one JSON object.
pub(crate) fn json(problems: &[Problem]) -> Value {
    let listed = problems.iter().map(|problem| {
        json!({
            "severity": severity(problem).0,
            "location": problem.location,
            "line": problem.span.line,
            "column": problem.span.column,
            "message": problem.message,
            "help": problem.help,
        })
    });
    let (errors, warnings) = count(problems);
    json!({ "problems": listed.collect::<Vec<_>>(), "errors": errors, "warnings": warnings })
}

/// How many problems there are, in words.
pub(crate) fn summary(problems: &[Problem]) -> String {
    let many = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    match count(problems) {
        (0, 0) => "no problems".to_owned(),
        (errors, 0) => many(errors, "error"),
        (0, warnings) => many(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    }
}

/// How many errors and how many warnings.
fn count(problems: &[Problem]) -> (usize, usize) {
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    (errors, problems.len() - errors)
}

fn severity(problem: &Problem) -> (&'static str, Style) {
    match problem.severity {
        Severity::Error => ("error", ERROR),
        Severity::Warning => ("warning", WARNING),
    }
}

fn write_problem(text: &mut String, problem: &Problem, sources: &mut Sources<'_>) {
    let (word, style) = severity(problem);
    let place = match problem.span.line {
        0 => printable(&problem.location),
        line => format!("{}:{line}:{}", printable(&problem.location), problem.span.column),
    };
    let message = printable(&problem.message);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{BOLD}{place}:{BOLD:#} {style}{word}:{style:#} {BOLD}{message}{BOLD:#}"
    );
    if let Some(line) = sources.line(problem) {
        write_source(text, problem, &line, style);
    }
    if !problem.help.is_empty() {
        let _ = writeln!(text, "    help: {}", printable(&problem.help));
    }
}

fn write_source(text: &mut String, problem: &Problem, line: &str, style: Style) {
    let number = problem.span.line;
    let column = usize::try_from(problem.span.column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    if column > LINE_CHARACTERS_MAX {
        return;
    }
    let shown = line
        .chars()
        .take(LINE_CHARACTERS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>();
    let _ = writeln!(text, "{FAINT}{number:>5} |{FAINT:#} {}", shown.trim_end());
    let _ = writeln!(text, "{FAINT}      |{FAINT:#} {:column$}{style}^{style:#}", "");
}

/// Control characters as escapes.
pub(crate) fn printable(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().collect()
        } else {
            String::from(c)
        }
    };
    text.chars().map(escaped).collect()
}

/// The texts of the locations, each read once.
struct Sources<'s> {
    read: Option<Source<'s>>,
    texts: HashMap<String, Option<String>>,
}

impl Sources<'_> {
    fn line(&mut self, problem: &Problem) -> Option<String> {
        let read = self.read?;
        let text = self
            .texts
            .entry(problem.location.clone())
            .or_insert_with(|| read(&problem.location));
        let index = usize::try_from(problem.span.line).ok()?.checked_sub(1)?;
        text.as_ref()?.lines().nth(index).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_contract::document::{FileId, Span};

    use super::*;

    fn problems() -> Vec<Problem> {
        let at = |line, column| Span {
            file: FileId(0),
            line,
            column,
        };
        vec![
            Problem::error("gate.yaml", at(2, 3), "unknown key `lisen`").help("did you mean `listen`?"),
            Problem::warning("gate.yaml", at(9, 1), "it \u{1b}[31mshouts\u{1b}[0m"),
            Problem::error("missing.yaml", Span::default(), "cannot be read"),
        ]
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn text_without_source() {
        insta::assert_snapshot!(plain(&text(&problems(), None)), @r"
        gate.yaml:2:3: error: unknown key `lisen`
            help: did you mean `listen`?
        gate.yaml:9:1: warning: it \u{1b}[31mshouts\u{1b}[0m
        missing.yaml: error: cannot be read
        2 errors, 1 warning
        ");
    }

    #[test]
    fn text_with_source() {
        let read = |location: &str| (location == "gate.yaml").then(|| "a:\n  lisen: \u{7}x\n".to_owned());
        insta::assert_snapshot!(plain(&text(&problems(), Some(&read))), @r"
        gate.yaml:2:3: error: unknown key `lisen`
            2 |   lisen:  x
              |   ^
            help: did you mean `listen`?
        gate.yaml:9:1: warning: it \u{1b}[31mshouts\u{1b}[0m
        missing.yaml: error: cannot be read
        2 errors, 1 warning
        ");
    }

    #[test]
    fn colours() {
        let text = text(&problems(), None);
        assert!(text.contains("\u{1b}[31m"), "errors are red");
        assert!(!text.contains("\u{1b}[31mshouts"), "what others wrote has no colour");
    }

    #[test]
    fn nothing_to_report() {
        assert_eq!(text(&[], None), "no problems\n");
    }

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&json(&problems()[..1])).unwrap(), @r#"
        {
          "problems": [
            {
              "severity": "error",
              "location": "gate.yaml",
              "line": 2,
              "column": 3,
              "message": "unknown key `lisen`",
              "help": "did you mean `listen`?"
            }
          ],
          "errors": 1,
          "warnings": 0
        }
        "#);
    }
}
