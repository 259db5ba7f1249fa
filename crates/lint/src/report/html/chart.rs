//! Drawings: a ring, bars, and a line of earlier scores. Each stands beside its numbers, for who does not see it.

use std::fmt::Write;

use super::super::Past;
use super::super::escape::markup;
use super::Report;

/// One bar of several.
pub(super) struct Row {
    /// Its name, as markup.
    pub(super) name: String,
    /// Its class.
    pub(super) class: &'static str,
    /// How many there are.
    pub(super) count: usize,
}

/// The score as part of a circle.
pub(super) fn ring(score: Option<f64>) -> String {
    const AROUND: f64 = 2.0 * std::f64::consts::PI * 52.0;
    let (said, number, part) = match score {
        Some(score) => (
            format!("Score {score:.1} of 100"),
            format!("{score:.1}"),
            score.clamp(0.0, 100.0) / 100.0,
        ),
        None => ("No score".to_owned(), "none".to_owned(), 0.0),
    };
    let of = score.map_or("", |_| "<text class=\"of\" x=\"60\" y=\"84\">of 100</text>");
    let arc = if part > 0.0 {
        format!(
            "<circle class=\"arc\" cx=\"60\" cy=\"60\" r=\"52\" stroke-dasharray=\"{:.2} {AROUND:.2}\" transform=\"rotate(-90 60 60)\"/>",
            part * AROUND
        )
    } else {
        String::new()
    };
    format!(
        "<svg class=\"ring\" viewBox=\"0 0 120 120\" role=\"img\" aria-label=\"{said}\">\
         <circle class=\"track\" cx=\"60\" cy=\"60\" r=\"52\"/>{arc}\
         <text x=\"60\" y=\"66\">{number}</text>{of}</svg>\n"
    )
}

/// A bar that is full at the largest.
pub(super) fn bar(class: &str, value: f64, largest: f64) -> String {
    let width = if largest > 0.0 {
        (value / largest).clamp(0.0, 1.0) * 100.0
    } else {
        0.0
    };
    format!(
        "<svg class=\"bar {class}\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"{width:.2}\" height=\"8\"/></svg>"
    )
}

/// A table of counts with their bars.
pub(super) fn counts(caption: &str, what: &str, rows: &[Row]) -> String {
    let count = |row: &Row| f64::from(u32::try_from(row.count).unwrap_or(u32::MAX));
    let largest = rows.iter().map(count).fold(0.0, f64::max);
    let mut text = format!(
        "<div>\n<table class=\"chart\">\n<caption>{caption}</caption>\n<thead class=\"unseen\"><tr><th scope=\"col\">{what}</th>\
         <th scope=\"col\">Bar</th><th scope=\"col\">Findings</th></tr></thead>\n<tbody>\n"
    );
    for row in rows {
        let bar = bar(row.class, count(row), largest);
        let empty = if row.count == 0 { " class=\"empty\"" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<tr{empty}><th scope=\"row\">{}</th><td>{bar}</td><td>{}</td></tr>",
            row.name, row.count
        );
    }
    text + "</tbody>\n</table>\n</div>\n"
}

/// The earlier scores of every document, and the present one; nothing where there are none.
pub(super) fn trend(report: &Report<'_>) -> String {
    let mut lines = String::new();
    for document in &report.documents {
        let past = report.history.iter().filter(|past| past.location == document.location);
        let mut points: Vec<Past> = past.cloned().collect();
        if points.is_empty() {
            continue;
        }
        if let Some(score) = document.score() {
            points.push(Past {
                report: "now".to_owned(),
                location: document.location.clone(),
                score: score.total(),
            });
        }
        lines.push_str(&line(&document.location, &points));
    }
    if lines.is_empty() {
        return lines;
    }
    format!(
        "<section aria-labelledby=\"trend\">\n<h2 id=\"trend\">Trend</h2>\n<div class=\"documents\">\n{lines}</div>\n</section>\n"
    )
}

fn line(location: &str, points: &[Past]) -> String {
    let steps = u32::try_from(points.len().saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    let at = |(index, past): (u32, &Past)| {
        let x = 30.0 + 356.0 * f64::from(index) / f64::from(steps);
        (x, 110.0 - past.score.clamp(0.0, 100.0))
    };
    let places: Vec<(f64, f64)> = (0..).zip(points).map(at).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let dots: String = places
        .iter()
        .map(|(x, y)| format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"))
        .collect();
    let grid: String = [0, 50, 100]
        .iter()
        .map(|score| {
            let y = 110 - score;
            format!(
                "<line x1=\"30\" x2=\"390\" y1=\"{y}\" y2=\"{y}\"/><text x=\"24\" y=\"{}\">{score}</text>",
                y + 4
            )
        })
        .collect();
    let rows: String = points
        .iter()
        .map(|past| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{:.1}</td></tr>\n",
                markup(&past.report),
                past.score
            )
        })
        .collect();
    let location = markup(location);
    format!(
        "<figure class=\"trend\">\n<figcaption>{location}</figcaption>\n\
         <svg viewBox=\"0 0 400 120\" role=\"img\" aria-label=\"Scores of {location}, the oldest first\">{grid}\
         <polyline points=\"{}\"/>{dots}</svg>\n<details><summary>Numbers</summary><table class=\"numbers\">\
         <thead><tr><th scope=\"col\">Report</th><th scope=\"col\">Score</th></tr></thead><tbody>\n{rows}</tbody></table></details>\n</figure>\n",
        path.join(" ")
    )
}
