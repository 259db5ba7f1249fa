//! What became of saved requests, for people and for programs.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use portcullis_gateway::trial::Stripped;
use serde_json::{Value, json};

use super::judge::{Judged, Told, Violation};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const REFUSED: Style = AnsiColor::Red.on_default().bold();
const PASSES: Style = AnsiColor::Green.on_default().bold();

/// What depends on more than a saved message, so that nothing is said of it.
const NOT_JUDGED: [&str; 4] = [
    "who calls (`security`)",
    "addresses",
    "rate limits",
    "pages of other origins",
];

/// The requests as text, and at the end how many there are of each kind, and what was not judged.
pub(super) fn text(judged: &[Judged]) -> String {
    let mut text = String::new();
    for one in judged {
        // Writing to a string cannot fail.
        let _ = write!(text, "{BOLD}{}:{BOLD:#}", one.name);
        if !one.target.is_empty() {
            let _ = write!(text, " {}", one.target);
        }
        if let Some((api, operation)) = &one.operation {
            let _ = write!(text, "{FAINT} -> {api}, {operation}{FAINT:#}");
        }
        text.push('\n');
        write_told(&mut text, "request", &one.request);
        if let Some(answer) = &one.answer {
            let status = answer.status.unwrap_or_default();
            write_told(&mut text, &format!("answer {status}"), answer);
        }
    }
    let refused = judged.iter().filter(|one| one.request.refused.is_some()).count();
    let answers = || judged.iter().filter_map(|one| one.answer.as_ref());
    let blocked = answers().filter(|answer| answer.refused.is_some()).count();
    let _ = writeln!(
        text,
        "requests: {}, refused: {refused}; answers: {}, blocked: {blocked}",
        judged.len(),
        answers().count()
    );
    let _ = writeln!(text, "{FAINT}not judged here: {}{FAINT:#}", NOT_JUDGED.join(", "));
    text
}

fn write_told(text: &mut String, what: &str, told: &Told) {
    let _ = match told.refused {
        Some((code, status)) => writeln!(text, "  {what} {REFUSED}refused{REFUSED:#}: {status} {code}"),
        None => writeln!(text, "  {what} {PASSES}passes{PASSES:#}"),
    };
    for violation in &told.violations {
        write_violation(text, violation);
    }
    if !told.stripped.is_empty() {
        let names: Vec<String> = told.stripped.iter().map(stripped).collect();
        let _ = writeln!(text, "    left out: {}", names.join(", "));
    }
    if let Some(reason) = told.unjudged {
        let _ = writeln!(text, "    body not judged: {reason}");
    }
}

fn write_violation(text: &mut String, violation: &Violation) {
    let mut words = Vec::new();
    // What is hidden in one direction is declared all the same.
    let is_hidden = violation.code.ends_with("_only");
    if let Some(mode) = violation.mode {
        words.push(format!("(only {mode}d)"));
    }
    words.extend(
        violation
            .parameter
            .as_ref()
            .map(|name| format!("parameter `{}`", shown(name))),
    );
    words.extend(violation.pointer.as_ref().map(|pointer| match pointer.as_str() {
        "" => "at the whole body".to_owned(),
        pointer => format!("at `{}`", shown(pointer)),
    }));
    words.extend(
        violation
            .undeclared
            .as_ref()
            .filter(|_| !is_hidden)
            .map(|name| format!("not declared: `{}`", shown(name))),
    );
    words.extend(violation.offset.map(|offset| format!("byte {offset}")));
    if words.is_empty() {
        words.extend(violation.reason.clone());
    } else if violation.code.starts_with("http.") {
        words.splice(0..0, violation.reason.clone());
    }
    let _ = writeln!(text, "    {}: {}", violation.code, words.join(", "));
    if let Some(schema) = &violation.schema {
        let _ = writeln!(text, "      {FAINT}{schema}{FAINT:#}");
    }
}

fn stripped(stripped: &Stripped) -> String {
    let name = shown(&stripped.name);
    match stripped.pointer.as_str() {
        "" => format!("{} `{name}`", stripped.location),
        pointer => format!("{} `{name}` at `{}`", stripped.location, shown(pointer)),
    }
}

/// A sender's words without their control characters.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|char| match char.is_control() {
            true => char.escape_default().collect::<Vec<_>>(),
            false => vec![char],
        })
        .collect()
}

/// The requests as one JSON object.
pub(super) fn json(judged: &[Judged]) -> Value {
    let requests = judged.iter().map(|one| {
        let (api, operation) = one.operation.clone().unzip();
        json!({
            "name": one.name,
            "target": one.target,
            "api": api,
            "operation": operation,
            "request": told_json(&one.request),
            "answer": one.answer.as_ref().map(told_json),
        })
    });
    let refused = judged.iter().filter(|one| one.is_refused()).count();
    json!({ "requests": requests.collect::<Vec<_>>(), "refused": refused, "not_judged": NOT_JUDGED })
}

fn told_json(told: &Told) -> Value {
    let stripped = told
        .stripped
        .iter()
        .map(|stripped| json!({ "location": stripped.location, "name": stripped.name, "pointer": stripped.pointer }));
    let violations = told.violations.iter().map(|violation| {
        json!({
            "code": violation.code,
            "status": violation.status,
            "mode": violation.mode.unwrap_or("enforce"),
            "pointer": violation.pointer,
            "parameter": violation.parameter,
            "undeclared": violation.undeclared,
            "offset": violation.offset,
            "schema": violation.schema,
            "reason": violation.reason,
        })
    });
    json!({
        "verdict": if told.refused.is_some() { "refused" } else { "passes" },
        "code": told.refused.map(|(code, _)| code),
        "status": told.refused.map(|(_, status)| status).or(told.status),
        "violations": violations.collect::<Vec<_>>(),
        "left_out": stripped.collect::<Vec<_>>(),
        "body_not_judged": told.unjudged,
    })
}
