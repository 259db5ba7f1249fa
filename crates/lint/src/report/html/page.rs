//! What stands above the findings: the verdict, the scores, and where the findings lie.

use std::fmt::Write;

use crate::rule::Severity;
use crate::score::{Score, rounded};

use super::super::escape::markup;
use super::super::many;
use super::{Checked, Listed, Report, chart, told};

/// The entries of the OWASP API Security Top 10 of 2023, in their order, with where they are told of.
pub(super) const OWASP: [(&str, &str); 10] = [
    (
        "Broken object level authorization",
        "0xa1-broken-object-level-authorization",
    ),
    ("Broken authentication", "0xa2-broken-authentication"),
    (
        "Broken object property level authorization",
        "0xa3-broken-object-property-level-authorization",
    ),
    (
        "Unrestricted resource consumption",
        "0xa4-unrestricted-resource-consumption",
    ),
    (
        "Broken function level authorization",
        "0xa5-broken-function-level-authorization",
    ),
    (
        "Unrestricted access to sensitive business flows",
        "0xa6-unrestricted-access-to-sensitive-business-flows",
    ),
    ("Server side request forgery", "0xa7-server-side-request-forgery"),
    ("Security misconfiguration", "0xa8-security-misconfiguration"),
    ("Improper inventory management", "0xa9-improper-inventory-management"),
    ("Unsafe consumption of APIs", "0xaa-unsafe-consumption-of-apis"),
];

pub(super) fn title(report: &Report<'_>) -> String {
    let what = match report.documents.as_slice() {
        [document] => name(document),
        documents => many(documents.len(), "document"),
    };
    format!("Audit of {what}")
}

/// What a document is called, or else where it is.
fn name(document: &Checked<'_>) -> String {
    markup(if document.title.is_empty() {
        &document.location
    } else {
        &document.title
    })
}

pub(super) fn header(report: &Report<'_>) -> String {
    let findings: usize = report
        .documents
        .iter()
        .map(|document| document.findings().len() - document.accepted())
        .sum();
    let (class, word) = if report.failed.is_empty() {
        ("passed", "Passed")
    } else {
        ("failed", "Failed")
    };
    format!(
        "<header class=\"top\">\n<h1>{}</h1>\n<p class=\"about\"><strong class=\"verdict {class}\">{word}</strong> {} in {}</p>\n</header>\n",
        title(report),
        many(findings, "open finding"),
        many(report.documents.len(), "document"),
    )
}

pub(super) fn footer(report: &Report<'_>) -> String {
    format!(
        "<footer><p>Made by Portcullis {}.</p></footer>\n",
        markup(report.version)
    )
}

pub(super) fn summary(report: &Report<'_>, listed: &[Listed<'_, '_>]) -> String {
    let mut text = "<section class=\"summary\" aria-labelledby=\"summary\">\n<h2 id=\"summary\">Score</h2>\n<div class=\"overview\">\n".to_owned();
    text.push_str(&headline(report));
    text.push_str(&severities(listed));
    text.push_str(&owasp(listed));
    text.push_str("</div>\n</section>\n");
    text.push_str(&documents(report));
    text.push_str(&chart::trend(report));
    text
}

fn headline(report: &Report<'_>) -> String {
    let said = match (report.lowest(), report.documents.len()) {
        (Some(_), 1) => "Points left of 100.".to_owned(),
        (Some(lowest), _) => format!("The lowest of all: {}.", name(lowest)),
        (None, 0) => "Nothing was checked.".to_owned(),
        (None, _) => "There is no score: a document cannot be used.".to_owned(),
    };
    let mut text = format!(
        "<div class=\"headline\">\n{}<p>{said}</p>\n",
        chart::ring(report.score())
    );
    if !report.failed.is_empty() {
        text.push_str("<h3>What fails</h3>\n<ul class=\"failing\">\n");
        for failed in &report.failed {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "<li>{}</li>", told(failed));
        }
        text.push_str("</ul>\n");
    }
    text + "</div>\n"
}

fn severities(listed: &[Listed<'_, '_>]) -> String {
    let open = |severity: Severity| {
        let open = listed.iter().filter(|listed| listed.told.accepted.is_none());
        open.filter(|listed| listed.told.finding.severity == severity).count()
    };
    let rows = Severity::ALL.map(|severity| chart::Row {
        name: format!("<span class=\"severity {severity}\">{severity}</span>"),
        class: severity.word(),
        count: open(severity),
    });
    chart::counts("By severity", "Severity", &rows)
}

fn owasp(listed: &[Listed<'_, '_>]) -> String {
    let count = |number: u8| {
        let open = listed.iter().filter(|listed| listed.told.accepted.is_none());
        open.filter(|listed| listed.told.finding.rule.references.owasp_2023.contains(&number))
            .count()
    };
    let rows: Vec<chart::Row> = (1_u8..)
        .zip(OWASP)
        .map(|(number, (name, _))| chart::Row {
            name: format!("<abbr title=\"API{number}:2023\">API{number}</abbr> {name}"),
            class: "owasp",
            count: count(number),
        })
        .collect();
    chart::counts("By OWASP API Security Top 10 (2023)", "Risk", &rows)
}

fn documents(report: &Report<'_>) -> String {
    if report.documents.is_empty() {
        return String::new();
    }
    let mut text =
        "<section aria-labelledby=\"documents\">\n<h2 id=\"documents\">Documents</h2>\n<div class=\"documents\">\n"
            .to_owned();
    for document in &report.documents {
        text.push_str(&card(document));
    }
    text + "</div>\n</section>\n"
}

fn card(document: &Checked<'_>) -> String {
    let location = match document.title.as_str() {
        "" => String::new(),
        _ => format!("<p class=\"place\">{}</p>\n", markup(&document.location)),
    };
    let inside = match document.score() {
        Some(score) => areas(document, score),
        None => faults(document),
    };
    format!(
        "<article class=\"document\">\n<h3>{}</h3>\n{location}{inside}</article>\n",
        name(document)
    )
}

fn areas(document: &Checked<'_>, score: &Score) -> String {
    let parts = document.parts().map(|(security, data)| {
        format!(
            ", security {:.1} of {}, data {:.1} of {}",
            security.points, security.points_max, data.points, data.points_max
        )
    });
    let mut text = format!(
        "<p><strong>{:.1}</strong> of 100{}; {}; {} accepted</p>\n<table class=\"chart\">\n\
         <caption class=\"unseen\">Points of every area</caption>\n\
         <thead class=\"unseen\"><tr><th scope=\"col\">Area</th><th scope=\"col\">Bar</th><th scope=\"col\">Points</th></tr></thead>\n<tbody>\n",
        score.total(),
        parts.unwrap_or_default(),
        many(document.operations(), "operation"),
        document.accepted(),
    );
    for area in &score.areas {
        let bar = chart::bar("area", area.points, f64::from(area.area.points));
        let _ = writeln!(
            text,
            "<tr><th scope=\"row\">{}</th><td>{bar}</td><td>{:.1} of {}</td></tr>",
            markup(area.area.name),
            rounded(area.points),
            area.area.points
        );
    }
    text + "</tbody>\n</table>\n"
}

fn faults(document: &Checked<'_>) -> String {
    let mut text = "<p><strong class=\"verdict failed\">Invalid</strong> It cannot be used, so it has no score.</p>\n<ul class=\"faults\">\n".to_owned();
    for fault in document.faults() {
        let help = match fault.help.as_str() {
            "" => String::new(),
            help => format!(" <em>{}</em>", told(help)),
        };
        let place = match fault.place.line {
            0 => markup(&fault.place.file),
            line => format!("{}:{line}:{}", markup(&fault.place.file), fault.place.column),
        };
        let _ = writeln!(
            text,
            "<li><span class=\"place\">{place}</span> {}{help}</li>",
            told(&fault.message)
        );
    }
    text + "</ul>\n"
}
