//! Files of tuples, one JSON object a line, read in constant room.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_decision::relations::{Object, Subject, Tuple};
use serde::Deserialize;

use super::super::Failure;

/// How long a line may be, in bytes.
const LINE_BYTES_MAX: u64 = 4096;
/// How many wrong lines are told.
const WRONG_TOLD_MAX: usize = 20;

/// A line; `user` is what OpenFGA calls a subject. What else one may have (conditions) would not be kept, so that it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    object: String,
    relation: String,
    #[serde(alias = "user")]
    subject: String,
}

/// A file on its way.
struct Reading<'f> {
    file: &'f Path,
    lines: BufReader<File>,
    number: u64,
    progress: ProgressBar,
}

/// Looks at every line, and changes nothing.
///
/// # Errors
/// The file cannot be read, or the lines that are wrong.
pub(super) fn check(file: &Path, is_right: &dyn Fn(Tuple) -> Result<(), String>) -> Result<(), Failure> {
    let mut reading = Reading::open(file, "checking")?;
    let mut wrong = Vec::new();
    let mut more = 0_usize;
    while let Some(read) = reading.next()? {
        let Err(error) = read.and_then(is_right) else { continue };
        if wrong.len() < WRONG_TOLD_MAX {
            wrong.push(format!("{}:{}: {error}", file.display(), reading.number));
        } else {
            more += 1;
        }
    }
    reading.progress.finish_and_clear();
    if wrong.is_empty() {
        return Ok(());
    }
    if more > 0 {
        wrong.push(format!("and {more} more lines"));
    }
    Err(Failure::unusable(format!(
        "nothing is done, because lines are wrong:\n{}",
        wrong.join("\n")
    )))
}

/// Hands on so many tuples at a time.
///
/// # Errors
/// The file cannot be read, or whoever takes them has had enough.
pub(super) fn each(
    file: &Path,
    together: usize,
    take: &mut dyn FnMut(Vec<Tuple>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reading = Reading::open(file, "writing")?;
    let mut tuples = Vec::with_capacity(together);
    while let Some(read) = reading.next()? {
        let wrong = |error| Failure::unusable(format!("{}:{}: {error}", file.display(), reading.number));
        tuples.push(read.map_err(wrong)?);
        if tuples.len() == together {
            take(std::mem::take(&mut tuples))?;
        }
    }
    if !tuples.is_empty() {
        take(tuples)?;
    }
    reading.progress.finish_and_clear();
    Ok(())
}

impl<'f> Reading<'f> {
    fn open(file: &'f Path, doing: &'static str) -> Result<Self, Failure> {
        let opened = File::open(file).and_then(|opened| {
            let bytes = opened.metadata()?.len();
            Ok((opened, bytes))
        });
        let (opened, bytes) = opened.map_err(|error| unreadable(file, &error))?;
        Ok(Self {
            file,
            lines: BufReader::new(opened),
            number: 0,
            progress: progress(bytes, doing),
        })
    }

    /// The tuple of the next line that is not empty, or what is wrong with it; none at the end.
    fn next(&mut self) -> Result<Option<Result<Tuple, String>>, Failure> {
        loop {
            let mut line = Vec::new();
            let mut bounded = self.lines.by_ref().take(LINE_BYTES_MAX + 1);
            let read = bounded.read_until(b'\n', &mut line);
            let read = read.map_err(|error| unreadable(self.file, &error))?;
            self.number += 1;
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            self.progress.inc(read);
            if read > LINE_BYTES_MAX {
                // What follows is no line.
                let message = format!(
                    "{}:{}: a line of more than {LINE_BYTES_MAX} bytes",
                    self.file.display(),
                    self.number
                );
                return Err(Failure::unusable(message));
            }
            if read == 0 {
                return Ok(None);
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(tuple(&line)));
            }
        }
    }
}

fn tuple(line: &[u8]) -> Result<Tuple, String> {
    let Line {
        object,
        relation,
        subject,
    } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let object = Object::parse(&object).map_err(|error| error.to_string())?;
    let subject = Subject::parse(&subject).map_err(|error| error.to_string())?;
    let tuple = Tuple::new(object, &relation, subject).map_err(|error| error.to_string())?;
    Ok(tuple.keep())
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::unusable(format!("cannot read `{}`: {error}", file.display()))
}

/// On standard error, and only on a terminal.
fn progress(bytes: u64, doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr()).with_message(doing);
    // The template is right: a wrong one would leave the plain bar.
    match ProgressStyle::with_template("  {msg} {bar:40} {bytes}/{total_bytes} {eta}") {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_tuple_and_nothing_more() {
        let check = |line: &str, expected: Result<&str, &str>| match (tuple(line.as_bytes()), expected) {
            (Ok(tuple), Ok(expected)) => assert_eq!(tuple.to_string(), expected),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{line}: {error}"),
            (found, _) => panic!("{line}: {found:?}"),
        };
        let (object, relation) = (r#""object":"account:1""#, r#""relation":"owner""#);
        for subject in ["subject", "user"] {
            let line = format!(r#"{{{object},{relation},"{subject}":"group:a#member"}}"#);
            check(&line, Ok("account:1#owner@group:a#member"));
        }
        check(&format!(r#"{{{object},{relation}}}"#), Err("missing field"));
        let conditional = format!(r#"{{{object},{relation},"subject":"user:a","condition":{{}}}}"#);
        check(&conditional, Err("unknown field `condition`"));
        check(
            r#"{"object":"account","relation":"owner","subject":"user:a"}"#,
            Err("type:id"),
        );
        check("account:1#owner@user:a", Err("expected"));
    }
}
