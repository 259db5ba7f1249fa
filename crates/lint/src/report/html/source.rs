//! The files beside their findings: every line with its number, and those with findings marked and linked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use crate::finding::Place;
use crate::rule::Severity;

use super::super::escape::markup;
use super::super::{Report, Source, many};
use super::Listed;

/// Of longer files only the surroundings of findings are shown.
const LINES_MAX: usize = 20_000;
/// So many lines before and after are a finding's surroundings.
const AROUND: usize = 10;
/// No more of a line is shown.
const CHARACTERS_MAX: usize = 1000;
/// No more findings are linked from one line.
const MARKS_MAX: usize = 6;

/// The files that are shown.
pub(super) struct Files {
    files: Vec<File>,
    indexes: HashMap<String, usize>,
}

struct File {
    location: String,
    lines: Vec<String>,
    /// The numbers of the findings at every line, from 1.
    marks: BTreeMap<usize, BTreeSet<usize>>,
    /// The lines that are shown, where not all are.
    kept: Option<BTreeSet<usize>>,
}

/// The files that documents and findings are in, in the order of the report, where their text is there.
pub(super) fn files(report: &Report<'_>, listed: &[Listed<'_, '_>], source: Option<Source<'_>>) -> Files {
    let mut files = Files {
        files: Vec::new(),
        indexes: HashMap::new(),
    };
    let Some(read) = source else {
        return files;
    };
    for document in report
        .documents
        .iter()
        .filter(|document| !document.findings().is_empty())
    {
        files.open(&document.location, read);
    }
    for one in listed {
        for instance in &one.told.finding.instances {
            files.open(&instance.place.file, read);
            files.mark(&instance.place, one.number);
        }
    }
    for file in &mut files.files {
        file.kept = (file.lines.len() > LINES_MAX).then(|| file.surroundings());
    }
    files
}

impl Files {
    fn open(&mut self, location: &str, read: Source<'_>) {
        if self.indexes.contains_key(location) {
            return;
        }
        // What is not there is asked for once.
        let index = read(location).map_or(usize::MAX, |text| {
            self.files.push(File {
                location: location.to_owned(),
                lines: text.lines().map(cut).collect(),
                marks: BTreeMap::new(),
                kept: None,
            });
            self.files.len() - 1
        });
        self.indexes.insert(location.to_owned(), index);
    }

    fn mark(&mut self, place: &Place, number: usize) {
        let file = self
            .indexes
            .get(&place.file)
            .and_then(|index| self.files.get_mut(*index));
        let line = usize::try_from(place.line).unwrap_or_default();
        if let Some(file) = file.filter(|file| (1..=file.lines.len()).contains(&line)) {
            file.marks.entry(line).or_default().insert(number);
        }
    }

    /// The name of a place's line in the page; nothing where it is not shown.
    pub(super) fn anchor(&self, place: &Place) -> Option<String> {
        let index = *self.indexes.get(&place.file)?;
        let line = usize::try_from(place.line).ok()?;
        let file = self.files.get(index)?;
        (1..=file.lines.len()).contains(&line).then(|| anchor(index, line))
    }
}

/// `L12` of the first file, `F2-L12` of the second.
fn anchor(file: usize, line: usize) -> String {
    match file {
        0 => format!("L{line}"),
        _ => format!("F{}-L{line}", file + 1),
    }
}

fn cut(line: &str) -> String {
    match line
        .char_indices()
        .nth(CHARACTERS_MAX)
        .and_then(|(end, _)| line.split_at_checked(end))
    {
        Some((start, _)) => format!("{start}\u{2026}"),
        None => line.to_owned(),
    }
}

impl File {
    fn surroundings(&self) -> BTreeSet<usize> {
        let around = |line: &usize| line.saturating_sub(AROUND).max(1)..=(line + AROUND).min(self.lines.len());
        self.marks.keys().flat_map(around).collect()
    }
}

pub(super) fn section(files: &Files, listed: &[Listed<'_, '_>]) -> String {
    if files.files.is_empty() {
        return String::new();
    }
    let mut text = "<section class=\"source\" aria-labelledby=\"source\">\n<h2 id=\"source\">Source</h2>\n".to_owned();
    for (index, file) in files.files.iter().enumerate() {
        text.push_str(&one_file(index, file, listed));
    }
    text + "</section>\n"
}

fn one_file(index: usize, file: &File, listed: &[Listed<'_, '_>]) -> String {
    let location = markup(&file.location);
    let mut text = format!("<h3 class=\"place\">{location}</h3>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "<div class=\"lines\" role=\"region\" aria-label=\"Lines of {location}\" tabindex=\"0\">"
    );
    let mut last = 0;
    for (number, line) in (1..).zip(&file.lines) {
        if file.kept.as_ref().is_some_and(|kept| !kept.contains(&number)) {
            continue;
        }
        if number > last + 1 {
            let _ = writeln!(
                text,
                "<p class=\"gap\">{} not shown</p>",
                many(number - last - 1, "line")
            );
        }
        last = number;
        text.push_str(&one_line(
            &anchor(index, number),
            number,
            line,
            file.marks.get(&number),
            listed,
        ));
    }
    if last < file.lines.len() {
        let _ = writeln!(
            text,
            "<p class=\"gap\">{} not shown</p>",
            many(file.lines.len() - last, "line")
        );
    }
    text + "</div>\n"
}

fn one_line(
    anchor: &str,
    number: usize,
    line: &str,
    marks: Option<&BTreeSet<usize>>,
    listed: &[Listed<'_, '_>],
) -> String {
    let code = markup(line);
    let Some(marks) = marks else {
        return format!("<div id=\"{anchor}\"><span class=\"n\">{number}</span><code>{code}</code></div>\n");
    };
    let found = marks.iter().filter_map(|mark| listed.get(mark.checked_sub(1)?));
    let gravest = found
        .clone()
        .map(|one| one.told.finding.severity)
        .max()
        .unwrap_or(Severity::Info);
    let mut links = String::new();
    for one in found.take(MARKS_MAX) {
        let (number, rule) = (one.number, markup(one.told.finding.rule.id));
        let severity = one.told.finding.severity;
        let _ = write!(
            links,
            " <a class=\"mark {severity}\" href=\"#finding-{number}\">{severity}<span class=\"unseen\">: {rule}, finding {number}</span></a>"
        );
    }
    if marks.len() > MARKS_MAX {
        let _ = write!(
            links,
            " <span class=\"more\">and {} more</span>",
            marks.len() - MARKS_MAX
        );
    }
    format!(
        "<div id=\"{anchor}\" class=\"marked {gravest}\"><span class=\"n\">{number}</span><code>{code}</code><span class=\"marks\">{links}</span></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use crate::report::html::render;
    use crate::report::tests;

    fn lines(count: usize) -> String {
        let report = tests::with_instances(1);
        let source = |_: &str| Some("a: b\n".repeat(count));
        render(&report, Some(&source))
    }

    #[test]
    fn of_long_files_only_the_surroundings_are_shown() {
        assert!(lines(20_000).contains("id=\"L20000\""));
        let long = lines(20_001);
        assert!(long.contains("id=\"L11\"") && !long.contains("id=\"L12\""));
        assert!(long.contains("19990 lines not shown"));
    }

    #[test]
    fn lines_and_findings_are_linked_both_ways() {
        let html = render(&tests::small(), Some(&tests::source));
        assert!(html.contains("href=\"#L24\"") && html.contains("id=\"L24\" class=\"marked medium\""));
        assert!(html.contains("href=\"#finding-3\"") && html.contains("id=\"finding-3\""));
    }

    #[test]
    fn hostile_lines_are_text() {
        let html = render(&tests::small(), Some(&tests::source));
        assert!(html.contains("\\u{202e}\\u{7}") && html.contains("&lt;/script&gt;"));
    }
}
