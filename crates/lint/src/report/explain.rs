//! The arithmetic of the scores, so that anybody can add it up.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::escape::printable;
use super::{Checked, Report, many};

/// Points are shown to hundredths.
const HUNDREDTHS: u64 = 100;

/// For every document and every area: its points, what each rule's findings take, and what is left. What is shown adds up to
/// the last digit.
pub fn explain_score(report: &Report<'_>) -> String {
    let documents: Vec<String> = report.documents.iter().map(document).collect();
    if documents.is_empty() {
        return "nothing was checked\n".to_owned();
    }
    documents.join("\n")
}

fn document(document: &Checked<'_>) -> String {
    let mut text = format!("{}\n", printable(&document.location));
    let Some(score) = document.score() else {
        return text + "  it cannot be used, so it has no score\n";
    };
    let width = columns(document);
    let points: Vec<f64> = score.areas.iter().map(|area| area.points).collect();
    let all = hundredths(points.iter().sum());
    for (index, (area, left)) in score.areas.iter().zip(apportioned(&points, all)).enumerate() {
        let whole = u64::from(area.area.points) * HUNDREDTHS;
        row(&mut text, width, "  ", area.area.name, "", whole);
        for (rule, findings, loss) in losses(document, index, whole.saturating_sub(left)) {
            let name = format!("{} ({})", printable(rule), many(findings, "finding"));
            row(&mut text, width, "    ", &name, "-", loss);
        }
        row(&mut text, width, "    ", "left", "=", left);
    }
    row(&mut text, width, "  ", "all areas together", "=", all);
    let accepted = match document.accepted() {
        0 => String::new(),
        accepted => format!(
            "; what is accepted takes its points too ({})",
            many(accepted, "finding")
        ),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  the score is {:.1}: tenths, cut off{accepted}", score.total());
    text
}

fn row(text: &mut String, width: usize, indent: &str, name: &str, sign: &str, points: u64) {
    let width = width.saturating_sub(indent.len());
    let number = format!("{}.{:02}", points / HUNDREDTHS, points % HUNDREDTHS);
    let _ = writeln!(text, "{indent}{name:width$}  {sign:1}{number:>7}");
}

/// How wide names are, the longest with its count.
fn columns(document: &Checked<'_>) -> usize {
    let names = document
        .findings()
        .iter()
        .map(|told| printable(told.finding.rule.id).chars().count());
    names.max().unwrap_or_default().max(10) + "     (9999 findings)".len()
}

/// What the findings of each rule take from this area, the most first: as much as is missing together.
fn losses<'r>(document: &Checked<'r>, area: usize, missing: u64) -> Vec<(&'r str, usize, u64)> {
    let mut rules: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    let takes = document
        .findings()
        .iter()
        .filter(|told| told.finding.area == Some(area));
    for told in takes.filter(|told| told.finding.points > 0.0) {
        let rule = rules.entry(told.finding.rule.id).or_default();
        rule.0 += 1;
        rule.1 += told.finding.points;
    }
    let points: Vec<f64> = rules.values().map(|(_, points)| *points).collect();
    let losses = apportioned(&points, missing);
    let rows = rules.into_iter().zip(losses);
    let mut rows: Vec<_> = rows
        .map(|((rule, (findings, _)), loss)| (rule, findings, loss))
        .collect();
    rows.sort_by_key(|(rule, _, loss)| (std::cmp::Reverse(*loss), *rule));
    rows
}

/// These points in whole hundredths which add up to the whole: what is short goes to those that lose most by being cut off.
fn apportioned(points: &[f64], whole: u64) -> Vec<u64> {
    let mut cut: Vec<u64> = points.iter().copied().map(hundredths).collect();
    let short = whole.saturating_sub(cut.iter().sum());
    let rest = |index: &usize| {
        let exact = points.get(*index).map_or(0.0, |points| points * 100.0);
        cut.get(*index).map_or(0.0, |cut| exact - to_float(*cut))
    };
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|left, right| rest(right).total_cmp(&rest(left)));
    for index in order.into_iter().take(usize::try_from(short).unwrap_or(usize::MAX)) {
        if let Some(cut) = cut.get_mut(index) {
            *cut += 1;
        }
    }
    cut
}

/// Whole hundredths of points; what is less than a millionth is only how numbers are computed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "points are a few hundred at most, and a float that is none is 0"
)]
fn hundredths(points: f64) -> u64 {
    (points * 100.0 + 1e-4).floor().max(0.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "points are a few hundred at most")]
fn to_float(hundredths: u64) -> f64 {
    hundredths as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests;

    #[test]
    fn a_score() {
        insta::assert_snapshot!(explain_score(&tests::small()));
    }

    #[test]
    fn it_adds_up() {
        let thirds = (1..8).map(|number| {
            let lines = [(number, 1)];
            let rule = usize::try_from(number % 2 + 3).unwrap();
            tests::told(rule, "schema `Pet`", "it is", &lines, f64::from(number) / 3.0)
        });
        let report = tests::report(vec![tests::judged("a.yaml", "", thirds.collect())]);
        let lines = explain_score(&report);
        let number = |line: &str| line.split_whitespace().last()?.replace('.', "").parse::<i64>().ok();
        let of = |sign: &str| {
            let marked = lines.lines().filter(|line| line.contains(&format!("  {sign}")));
            marked.filter_map(number).collect::<Vec<_>>()
        };
        let (lost, left) = (of("-"), of("="));
        let lost = lost.iter().sum::<i64>();
        assert_eq!(left.iter().sum::<i64>(), 2 * left.last().unwrap(), "{lines}");
        assert_eq!(lost + left.last().unwrap(), 10_000, "{lines}");
        assert!(lost > 900);
    }
}
