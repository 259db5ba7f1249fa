//! What the evaluator says of errors, as we say it: in one line, with the place.

use portcullis_decision::problem::{Place, Problem};

/// What an error of the evaluator says: its first place, and what is wrong there.
///
/// It draws a picture: a line with `--> FILE:LINE:COLUMN`, the line that is meant, and one that begins with `error: `.
fn told(error: &anyhow::Error) -> (Option<Place>, String) {
    let text = error.to_string();
    let mut lines = text.lines();
    let place = lines.clone().find_map(|line| place(line.trim().strip_prefix("--> ")?));
    let what = lines.find_map(|line| line.trim().strip_prefix("error: "));
    let what = what.unwrap_or_else(|| text.trim()).lines().next().unwrap_or_default();
    (place, what.trim_end_matches(':').to_owned())
}

fn place(text: &str) -> Option<Place> {
    let (rest, column) = text.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Place {
        file: file.to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

/// For the log.
pub(super) fn in_one_line(error: &anyhow::Error) -> String {
    match told(error) {
        (Some(place), what) => format!("{place}: {what}"),
        (None, what) => what,
    }
}

/// For whoever wrote the policies.
pub(super) fn problem(error: &anyhow::Error) -> Problem {
    let (place, message) = told(error);
    Problem::error(place, message)
}
