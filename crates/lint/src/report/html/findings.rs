//! The findings, each of which opens to its places, the way out, and why it matters.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::finding::{Finding, Place};
use crate::page::Page;
use crate::rule::{References, Severity};

use super::super::escape::markup;
use super::page::OWASP;
use super::source::Files;
use super::{Listed, paragraphs, told};

/// No more places of one finding are listed; all are marked in the source.
const INSTANCES_MAX: usize = 200;

pub(super) fn section(listed: &[Listed<'_, '_>], files: &Files, pages: &HashMap<&str, Page>) -> String {
    let mut text =
        "<section class=\"list\" aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n".to_owned();
    if listed.is_empty() {
        return text + "<p>Nothing was found.</p>\n</section>\n";
    }
    text.push_str(&filters(listed));
    for one in listed {
        text.push_str(&finding(one, files, pages.get(one.told.finding.rule.id)));
    }
    text + "</section>\n"
}

/// Hidden until the script is there.
fn filters(listed: &[Listed<'_, '_>]) -> String {
    let findings = || listed.iter().map(|listed| &listed.told.finding);
    let categories: BTreeSet<&str> = findings().map(|finding| finding.rule.category).collect();
    let directions: BTreeSet<&str> = findings().map(|finding| finding.direction.word()).collect();
    let severities: String = Severity::ALL
        .iter()
        .filter(|severity| findings().any(|finding| finding.severity == **severity))
        .map(|severity| {
            format!(
                "<label><input type=\"checkbox\" name=\"severity\" value=\"{severity}\" checked> \
                 <span class=\"severity {severity}\">{severity}</span></label>\n"
            )
        })
        .collect();
    let is_compared = listed.iter().any(|listed| listed.told.standing.is_some());
    let is_accepted = listed.iter().any(|listed| listed.told.accepted.is_some());
    let only_new = "<label><input type=\"checkbox\" name=\"new\"> only new or grown</label>\n";
    let accepted = "<label><input type=\"checkbox\" name=\"accepted\" checked> accepted too</label>\n";
    format!(
        "<form id=\"filters\" class=\"filters\" aria-label=\"Filter the findings\" hidden>\n\
         <label class=\"search\">Search <input type=\"search\" name=\"text\" autocomplete=\"off\"></label>\n\
         <fieldset><legend>Severity</legend>\n{severities}</fieldset>\n{}{}\
         <div class=\"switches\">{}{}</div>\n<p id=\"shown\" role=\"status\"></p>\n</form>\n",
        choice("category", "Category", &categories),
        choice("direction", "Direction", &directions),
        if is_compared { only_new } else { "" },
        if is_accepted { accepted } else { "" },
    )
}

fn choice(name: &str, label: &str, values: &BTreeSet<&str>) -> String {
    let options: String = values
        .iter()
        .map(|value| format!("<option>{}</option>", markup(value)))
        .collect();
    format!("<label>{label} <select name=\"{name}\"><option value=\"\">all</option>{options}</select></label>\n")
}

fn finding(listed: &Listed<'_, '_>, files: &Files, page: Option<&Page>) -> String {
    let Finding { rule, severity, .. } = &listed.told.finding;
    let finding = &listed.told.finding;
    let standing = listed
        .told
        .standing
        .map(super::super::Standing::word)
        .unwrap_or_default();
    let is_accepted = listed.told.accepted.is_some();
    let place = finding.place().map(|place| shown(place, false)).unwrap_or_default();
    let points = if finding.points > 0.0 {
        format!("<span class=\"points\">\u{2212}{:.2} points</span>", finding.points)
    } else {
        String::new()
    };
    format!(
        "<details class=\"finding {severity}\" id=\"finding-{}\" data-severity=\"{severity}\" data-category=\"{}\" \
         data-direction=\"{}\" data-standing=\"{standing}\"{}>\n<summary>\
         <span class=\"line\"><span class=\"severity {severity}\">{severity}</span>{} <span class=\"title\">{}</span></span>\
         <span class=\"message\">{}</span>\
         <span class=\"line small\"><span class=\"place\">{place}</span>{points}</span></summary>\n{}</details>\n",
        listed.number,
        markup(rule.category),
        finding.direction.word(),
        if is_accepted { " data-accepted" } else { "" },
        labels(standing, is_accepted),
        told(rule.title()),
        told(&finding.message),
        inside(listed, files, page),
    )
}

fn labels(standing: &str, is_accepted: bool) -> String {
    let mut text = String::new();
    if matches!(standing, "new" | "grown") {
        let _ = write!(text, " <span class=\"label\">{standing}</span>");
    }
    if is_accepted {
        text.push_str(" <span class=\"label\">accepted</span>");
    }
    text
}

fn inside(listed: &Listed<'_, '_>, files: &Files, page: Option<&Page>) -> String {
    let finding = &listed.told.finding;
    let mut text = "<div class=\"inside\">\n".to_owned();
    if let Some(accepted) = &listed.told.accepted {
        let until = accepted
            .until
            .as_ref()
            .map(|day| format!(" (until {})", markup(day)))
            .unwrap_or_default();
        let _ = writeln!(text, "<h3>Accepted</h3>\n<p>{}{until}</p>", told(&accepted.reason));
    }
    if let Some(fix) = page.map(Page::fix).filter(|fix| !fix.is_empty()) {
        let _ = writeln!(text, "<h3>Fix</h3>\n{}", paragraphs(fix));
    }
    if let Some(summary) = page
        .map(|page| page.summary.as_str())
        .filter(|summary| !summary.is_empty())
    {
        let _ = writeln!(text, "<h3>Why</h3>\n{}", paragraphs(summary));
    }
    text.push_str(&places(finding, files));
    let _ = writeln!(
        text,
        "<h3>About</h3>\n<dl>\n<dt>Rule</dt><dd><code>{}</code></dd>\n<dt>Subject</dt><dd>{}</dd>\n<dt>Document</dt><dd>{}</dd>\n\
         <dt>Category</dt><dd>{}</dd>\n<dt>Confidence</dt><dd>{}</dd>\n<dt>Direction</dt><dd>{}</dd>\n<dt>Operations</dt><dd>{}</dd>\n\
         <dt>Fingerprint</dt><dd><code>{}</code></dd>\n{}</dl>",
        markup(finding.rule.id),
        told(&finding.subject),
        markup(&listed.document.location),
        markup(finding.rule.category),
        finding.confidence.word(),
        finding.direction.word(),
        finding.operations,
        finding.fingerprint(),
        references(&finding.rule.references),
    );
    text + "</div>\n"
}

fn places(finding: &Finding<'_>, files: &Files) -> String {
    let mut text = "<h3>Where</h3>\n<ul class=\"places\">\n".to_owned();
    for instance in finding.instances.iter().take(INSTANCES_MAX) {
        let place = shown(&instance.place, true);
        let linked = match files.anchor(&instance.place) {
            Some(anchor) => format!("<a href=\"#{anchor}\">{place}</a>"),
            None => format!("<span class=\"place\">{place}</span>"),
        };
        let _ = writeln!(text, "<li>{linked} {}</li>", told(&instance.message));
    }
    let more = finding.instances.len().saturating_sub(INSTANCES_MAX);
    if more > 0 {
        let _ = writeln!(text, "<li>and {more} more</li>");
    }
    text + "</ul>\n"
}

fn shown(place: &Place, with_column: bool) -> String {
    match (place.line, with_column) {
        (0, _) => markup(&place.file),
        (line, false) => format!("{}:{line}", markup(&place.file)),
        (line, true) => format!("{}:{line}:{}", markup(&place.file), place.column),
    }
}

fn references(references: &References<'_>) -> String {
    let newer = references.owasp_2023.iter().map(|number| {
        let entry = usize::from(*number).checked_sub(1).and_then(|index| OWASP.get(index));
        let name = format!("API{number}:2023");
        match entry {
            Some((title, slug)) => link(
                &format!("https://owasp.org/API-Security/editions/2023/en/{slug}/"),
                &format!("{name} {title}"),
            ),
            None => name,
        }
    });
    let older = references.owasp_2019.iter().map(|number| format!("API{number}:2019"));
    let cwe = references.cwe.iter().map(|number| {
        link(
            &format!("https://cwe.mitre.org/data/definitions/{number}.html"),
            &format!("CWE-{number}"),
        )
    });
    let plain = |words: &&str| markup(words);
    [
        ("OWASP", newer.chain(older).collect::<Vec<_>>()),
        ("CWE", cwe.collect()),
        ("ASVS 5.0", references.asvs.iter().map(plain).collect()),
        ("NIST SP 800-204", references.nist.iter().map(plain).collect()),
    ]
    .into_iter()
    .filter(|(_, words)| !words.is_empty())
    .map(|(name, words)| format!("<dt>{name}</dt><dd>{}</dd>\n", words.join(", ")))
    .collect()
}

fn link(address: &str, words: &str) -> String {
    format!("<a href=\"{address}\" rel=\"noopener noreferrer\">{words}</a>")
}
