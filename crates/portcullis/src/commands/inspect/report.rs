//! What was looked at, in order, and what came of it: for people, and for programs.

use std::fmt::{Display, Write as _};

use portcullis_identity::principal::Identity;
use serde_json::{Map, Value, json};

/// What people are shown of a value that a stranger wrote, in characters.
const SHOWN_MAX: usize = 200;

/// Everything that was looked at, in order.
#[derive(Default)]
pub(super) struct Report {
    /// The operation that it is held against.
    operation: Option<String>,
    /// What it is by its form.
    form: &'static str,
    findings: Vec<Finding>,
    /// What the credential says that names it, or what is kept of it: how people are told, and programs.
    named: Vec<(&'static str, String)>,
    claims: Map<String, Value>,
    subject: Option<String>,
}

/// What came of one check.
struct Finding {
    check: String,
    held: Held,
    sides: Sides,
}

enum Held {
    Yes,
    /// Why not.
    No(String),
    /// What a request has to show beside the credential: nothing can be said of it here.
    If(String),
}

/// What a check compares, where it compares something.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides {
    /// What would do.
    pub(super) expected: Option<String>,
    /// What is there.
    pub(super) found: Option<String>,
}

/// What nothing is said of here, and an operation may refuse a request for.
const NOT_LOOKED_AT: &str = "from where and how often it comes, and everything else of the request (`portcullis try`)";

impl Report {
    /// One of what is held against an operation, or against none.
    pub(super) fn at(operation: Option<String>) -> Self {
        Self {
            operation,
            ..Self::default()
        }
    }

    /// Says what it is by its form.
    pub(super) fn form(&mut self, form: &'static str) {
        self.form = form;
    }

    /// Notes whether a check held; what it gives, if it did.
    pub(super) fn note<T, E: ToString>(&mut self, check: &str, outcome: Result<T, E>) -> Option<T> {
        self.compare(check, outcome, Sides::default())
    }

    /// Notes whether a check held that compared something.
    pub(super) fn compare<T, E: ToString>(&mut self, check: &str, outcome: Result<T, E>, sides: Sides) -> Option<T> {
        let (value, held) = match outcome {
            Ok(value) => (Some(value), Held::Yes),
            Err(why) => (None, Held::No(why.to_string())),
        };
        self.push(check, held, sides);
        value
    }

    /// Notes that a check held.
    pub(super) fn pass(&mut self, check: &str) {
        self.push(check, Held::Yes, Sides::default());
    }

    /// Notes that a check held, and what was found.
    pub(super) fn hold(&mut self, check: &str, found: impl Display) {
        let found = Some(found.to_string());
        self.push(check, Held::Yes, Sides { found, expected: None });
    }

    /// Notes that a check did not hold.
    pub(super) fn fail(&mut self, check: &str, why: impl Display) {
        self.push(check, Held::No(why.to_string()), Sides::default());
    }

    /// Notes what a request has to show beside the credential.
    pub(super) fn depend(&mut self, check: &str, on: impl Display) {
        self.push(check, Held::If(on.to_string()), Sides::default());
    }

    fn push(&mut self, check: &str, held: Held, sides: Sides) {
        let check = check.to_owned();
        self.findings.push(Finding { check, held, sides });
    }

    /// Says something of the credential.
    pub(super) fn name(&mut self, name: &'static str, value: impl Display) {
        self.named.push((name, value.to_string()));
    }

    /// Says something of the credential, to programs.
    pub(super) fn claim(&mut self, name: &str, value: Value) {
        self.claims.insert(name.to_owned(), value);
    }

    /// Says whom it speaks of.
    pub(super) fn identify(&mut self, identity: &Identity) {
        self.subject = Some(identity.subject().to_string());
    }

    /// Whether the gate lets it in, given what the request has to show beside it.
    pub(super) fn is_accepted(&self) -> bool {
        let fails = |finding: &Finding| matches!(finding.held, Held::No(_));
        self.subject.is_some() && !self.findings.iter().any(fails)
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.form);
        if let Some(operation) = &self.operation {
            text.push_str(&format!("for {operation}\n"));
        }
        for finding in &self.findings {
            text.push_str(&finding.line());
        }
        // Writing to a string cannot fail.
        for (name, value) in &self.named {
            let _written = writeln!(text, "       {name}: {}", shown(value));
        }
        let depends = self.findings.iter().any(|finding| matches!(finding.held, Held::If(_)));
        if self.operation.is_some() {
            text.push_str(&format!("  not looked at: {NOT_LOOKED_AT}\n"));
        }
        let condition = if depends { ", if that is so" } else { "" };
        let asked = if self.operation.is_some() {
            ""
        } else {
            " (asked of no operation)"
        };
        let _written = match &self.subject {
            Some(subject) if self.is_accepted() => writeln!(text, "accepted{condition}{asked}: {}", shown(subject)),
            _ => writeln!(text, "not accepted"),
        };
        text
    }

    pub(super) fn json(&self) -> String {
        let checks: Vec<Value> = self.findings.iter().map(Finding::json).collect();
        let report = json!({
            "accepted": self.is_accepted(),
            "operation": self.operation,
            "form": self.form,
            "subject": self.subject,
            "checks": checks,
            "claims": self.claims,
        });
        format!("{report:#}")
    }
}

impl Finding {
    fn line(&self) -> String {
        let Self { check, held, sides } = self;
        let (word, why) = match held {
            Held::Yes => ("ok  ", sides.found.clone()),
            Held::No(why) => ("NO  ", Some(format!("{why}{}", sides.told()))),
            Held::If(condition) => ("if  ", Some(condition.clone())),
        };
        let why = why.map_or_else(String::new, |why| format!(": {}", shown(&why)));
        format!("  {word} {check}{why}\n")
    }

    /// `holds` is null where only a request shows it.
    fn json(&self) -> Value {
        let (holds, why) = match &self.held {
            Held::Yes => (Some(true), None),
            Held::No(why) => (Some(false), Some(why)),
            Held::If(condition) => (None, Some(condition)),
        };
        let Sides { expected, found } = &self.sides;
        json!({ "check": self.check, "holds": holds, "why": why, "expected": expected, "found": found })
    }
}

impl Sides {
    fn told(&self) -> String {
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => format!(" (expected {expected}; found {found})"),
            (Some(expected), None) => format!(" (expected {expected})"),
            (None, Some(found)) => format!(" (found {found})"),
            (None, None) => String::new(),
        }
    }
}

/// A text of a stranger's as a terminal may show it: on one line, without what steers it, and not for ever.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(SHOWN_MAX) {
        match letter {
            '"' | '\'' | '\\' => shown.push(letter),
            other => shown.extend(other.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_steers_no_terminal() {
        assert_eq!(shown("a \"b\" é"), "a \"b\" é");
        assert_eq!(shown("\u{1b}[2J\n\u{202e}\u{9b}"), "\\u{1b}[2J\\n\\u{202e}\\u{9b}");
        assert_eq!(shown(&"x".repeat(1000)).len(), SHOWN_MAX + 3);
    }

    #[test]
    fn one_check_that_does_not_hold_is_enough() {
        let lines = |report: &Report| report.text();
        let mut report = Report::default();
        report.form("a thing");
        report.hold("form", "long");
        report.depend("binding", "its caller shows the key");
        report.subject = Some("user:main:alice".to_owned());
        assert!(report.is_accepted());
        assert_eq!(
            lines(&report),
            "a thing\n  ok   form: long\n  if   binding: its caller shows the key\naccepted, if that is so (asked of no operation): \
             user:main:alice\n"
        );
        report.operation = Some("`GET /a`".to_owned());
        assert!(lines(&report).starts_with("a thing\nfor `GET /a`\n"));
        assert!(lines(&report).ends_with("(`portcullis try`)\naccepted, if that is so: user:main:alice\n"));
        report.operation = None;
        let sides = Sides {
            expected: Some("`a`".to_owned()),
            found: Some("`b`".to_owned()),
        };
        assert_eq!(report.compare("type", Err::<(), _>("not it"), sides), None);
        assert!(!report.is_accepted());
        assert!(lines(&report).ends_with("  NO   type: not it (expected `a`; found `b`)\nnot accepted\n"));
        let report: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(report["checks"][1]["holds"], Value::Null);
        assert_eq!(report["checks"][2]["found"], "`b`");
    }
}
