//! The causes, for people and for programs.

use std::fmt::Write;

use anstyle::Style;
use serde_json::{Value, json};

use super::Cause;
use super::remedy::{Action, Change, Remedy};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// The causes as text, and how many there are.
pub(super) fn text(causes: &[Cause]) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    for Cause { line, place, remedy } in causes {
        let _ = write!(
            text,
            "{:>7}  {BOLD}{}{BOLD:#} {}, {}",
            line.count, line.code, line.api, line.operation
        );
        if !line.place.is_empty() {
            let _ = write!(text, ", at `{}`", line.place);
        }
        if let Some(name) = &line.undeclared {
            let _ = write!(text, ", sent `{name}`");
        }
        text.push('\n');
        if let Some(place) = place {
            let _ = writeln!(text, "         {FAINT}{place}{FAINT:#}");
        }
        match remedy {
            Remedy::Overlay(actions) => actions.iter().for_each(|action| write_action(&mut text, action)),
            Remedy::ByHand(told) => drop(writeln!(text, "         instead: {told}")),
        }
    }
    let total: u64 = causes.iter().map(|cause| cause.line.count).sum();
    let permitted = causes
        .iter()
        .filter(|cause| matches!(cause.remedy, Remedy::Overlay(_)))
        .count();
    let _ = writeln!(
        text,
        "{} causes, {permitted} of which an overlay permits; {total} would-be refusals",
        causes.len()
    );
    text
}

fn write_action(text: &mut String, action: &Action) {
    let target = &action.target;
    let _ = match &action.change {
        Change::Merge(value) => writeln!(text, "         permit: {target} with {value}"),
        Change::Append(value) => writeln!(text, "         permit: {target} and {value}"),
        Change::Remove => writeln!(text, "         permit: without {target}"),
    };
}

/// The causes as one JSON object.
pub(super) fn json(causes: &[Cause]) -> Value {
    let listed = causes.iter().map(|Cause { line, place, remedy }| {
        let (actions, instead) = match remedy {
            Remedy::Overlay(actions) => (actions.iter().map(action_json).collect(), None),
            Remedy::ByHand(told) => (Vec::new(), Some(told)),
        };
        json!({
            "api": line.api,
            "operation": line.operation,
            "code": line.code,
            "place": line.place,
            "undeclared": line.undeclared,
            "count": line.count,
            "location": place,
            "actions": actions,
            "instead": instead,
        })
    });
    let total: u64 = causes.iter().map(|cause| cause.line.count).sum();
    json!({ "causes": listed.collect::<Vec<_>>(), "would_refuse": total })
}

fn action_json(action: &Action) -> Value {
    let target = action.target.to_string();
    match &action.change {
        Change::Merge(value) | Change::Append(value) => json!({ "target": target, "update": value }),
        Change::Remove => json!({ "target": target, "remove": true }),
    }
}
