//! `portcullis log verify`: the whole log, against checkpoints that others have kept.

use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroUsize;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_audit_log::checkpoint::Checkpoint;
use portcullis_audit_log::verify::{Report, verify as verify_log};
use serde_json::{Value, json};

use super::super::{Failure, Outcome, Shared};
use super::Verify;
use super::place::{KeysFrom, Place};
use super::reading::{self, Asked};
use super::tell::{BAD, FAINT, GOOD};
use crate::config::audit_log::RightWritten as Right;

/// Verifies a log.
pub(super) fn verify(verify: &Verify, shared: &Shared) -> Result<Outcome, Failure> {
    let place = verify.of.place(Right::Read)?;
    let held: Vec<Checkpoint> = place
        .held(&verify.held)?
        .into_iter()
        .map(|(_, checkpoint)| checkpoint)
        .collect();
    reading::read(&place, &Asked::new("verify"))?;
    let bar = progress();
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let report = verify_log(place.source(), &place.known, &held, threads, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| Failure::unusable(format!("the log cannot be read: {error}")))?;
    let told = match shared.json {
        true => format!("{:#}\n", as_json(&place, &report, &held)),
        false => as_text(&place, &report, &held),
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(if report.is_intact() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

fn progress() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // The template is right: a wrong one would leave the plain bar.
    match ProgressStyle::with_template("  {bar:40} {human_pos}/{human_len} entries {eta}") {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}

fn as_text(place: &Place, report: &Report, held: &[Checkpoint]) -> String {
    // Writing to a string cannot fail, here and below.
    let mut text = String::new();
    match report.is_intact() {
        true => {
            let _ = writeln!(
                text,
                "{GOOD}intact{GOOD:#}: every entry agrees with every hash and checkpoint"
            );
        }
        false => {
            let _ = writeln!(text, "{BAD}not intact{BAD:#}");
        }
    }
    for finding in &report.findings {
        let _ = writeln!(text, "  {finding}");
    }
    if report.more_findings > 0 {
        let _ = writeln!(text, "  and {} others", report.more_findings);
    }
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {FAINT}{name:<12}{FAINT:#} {value}");
    };
    row("log", place.known.origin.to_string());
    row("entries", format!("{} verified", report.entries));
    if report.pruned > 0 {
        row(
            "not kept",
            format!("{}, as its checkpoint says; their hashes are", report.pruned),
        );
    }
    if report.unpublished > 0 {
        row(
            "journal",
            format!("{} more, signed, and under no checkpoint yet", report.unpublished),
        );
    }
    if let Some(torn) = report.torn {
        row(
            "torn",
            format!(
                "{} octets at the end of the journal, from entry {} on: what was being written, unless somebody altered the last batch",
                torn.bytes, torn.first
            ),
        );
    }
    if let Some(own) = &report.checkpoint {
        row(
            "checkpoint",
            format!("{} entries, root {}", own.size, own.root.to_base64()),
        );
    }
    if report.is_intact() {
        text += &worth(place, held);
    } else {
        text += "keep the folder as it is, and read \"What to do when verification fails\" in docs/audit-log.md\n";
    }
    text
}

/// What it is worth, without which whoever reads it could take it for more.
fn worth(place: &Place, held: &[Checkpoint]) -> String {
    let mut text = String::new();
    match held.iter().map(|held| held.size).max() {
        Some(last) => {
            let _ = writeln!(
                text,
                "held against {}, the last of {last} entries: up to there not even its operator can have changed anything unseen",
                match held.len() {
                    1 => "one checkpoint that was kept elsewhere".to_owned(),
                    several => format!("{several} checkpoints that were kept elsewhere"),
                }
            );
        }
        None => {
            text += "held against no checkpoint from elsewhere: this shows that nobody without its key has changed the log, and not that its \
                     operator has not made all of it anew, or cut off its end; name a checkpoint that was kept elsewhere with `--held`\n";
        }
    }
    if place.keys_from == KeysFrom::Beside {
        text += "the keys are those that lie beside the log, where whoever can write to it could put others: name the one that you have kept \
                 with `--key`\n";
    }
    text
}

fn as_json(place: &Place, report: &Report, held: &[Checkpoint]) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "first": finding.entries.start,
                "end": finding.entries.end,
                "what": finding.defect.to_string(),
            })
        })
        .collect();
    json!({
        "intact": report.is_intact(),
        "log": place.known.origin.as_str(),
        "entries": report.entries,
        "not_kept": report.pruned,
        "unpublished": report.unpublished,
        "torn_bytes": report.torn.map(|torn| torn.bytes),
        "checkpoint": report.checkpoint.as_ref().map(|own| json!({"size": own.size, "root": own.root.to_base64()})),
        "findings": findings,
        "more_findings": report.more_findings,
        "held": held.iter().map(|held| held.size).collect::<Vec<_>>(),
        "keys_from_elsewhere": place.keys_from == KeysFrom::Elsewhere,
    })
}
