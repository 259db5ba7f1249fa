//! A report in the Static Analysis Results Interchange Format (SARIF) 2.1.0, for forges and editors.
//!
//! What one finding is stays one result, whatever number of places it shows at. Section numbers are of the OASIS Standard.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::finding::{Finding, Instance, Place};
use crate::page::Page;
use crate::rule::{Confidence, Rule, Severity};

use super::escape::{printable, uri};
use super::{Checked, Report, Standing, Told};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// No more places of a finding are given beside its first.
const RELATED_MAX: usize = 100;

/// The report.
pub fn render(report: &Report<'_>) -> Value {
    let rules = report.all_rules();
    let pages = report.pages();
    let indexes: HashMap<&str, usize> = rules.iter().enumerate().map(|(index, rule)| (rule.id, index)).collect();
    let is_any_accepted = report.findings().any(|(_, told)| told.accepted.is_some());
    let results = report.findings().map(|(document, told)| {
        let mut result = result(document, told, indexes.get(told.finding.rule.id).copied());
        match suppression(told) {
            Some(suppression) => insert(&mut result, "suppressions", json!([suppression])),
            // Where some have suppressions, nothing said means that nobody knows (§3.27.23).
            None if is_any_accepted => insert(&mut result, "suppressions", json!([])),
            None => {}
        }
        Value::Object(result)
    });
    let descriptors = rules.iter().map(|rule| descriptor(rule, pages.get(rule.id)));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "portcullis",
                    "version": report.version,
                    "rules": descriptors.collect::<Vec<_>>(),
                },
            },
            "invocations": [invocation(report)],
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
            "properties": properties(report),
        }],
    })
}

fn insert(object: &mut Map<String, Value>, name: &str, value: Value) {
    object.insert(name.to_owned(), value);
}

/// Whether everything could be judged, and what is wrong with what could not (§3.20).
fn invocation(report: &Report<'_>) -> Value {
    let invalid = report.documents.iter().filter(|document| document.score().is_none());
    let notes = invalid.flat_map(|document| document.faults()).map(|fault| {
        json!({
            "level": "error",
            "message": { "text": text(&fault.message) },
            "locations": [{ "physicalLocation": physical(&fault.place) }],
        })
    });
    json!({
        "executionSuccessful": report.documents.iter().all(|document| document.score().is_some()),
        "toolExecutionNotifications": notes.collect::<Vec<_>>(),
    })
}

fn properties(report: &Report<'_>) -> Value {
    let scores = report.documents.iter().map(
        |document| json!({ "location": printable(&document.location), "score": document.score().map(crate::score::Score::total) }),
    );
    let failed = report.failed.iter().map(|failed| printable(failed)).collect::<Vec<_>>();
    json!({ "score": report.score(), "failed": failed, "contracts": scores.collect::<Vec<_>>() })
}

/// A rule as a reporting descriptor (§3.49).
fn descriptor(rule: &Rule<'_>, page: Option<&Page>) -> Value {
    let summary = page
        .map(|page| page.summary.as_str())
        .filter(|summary| !summary.is_empty());
    let fix = page.map(Page::fix).filter(|fix| !fix.is_empty());
    json!({
        "id": rule.id,
        "name": pascal_case(rule.id),
        "shortDescription": { "text": printable(rule.title()) },
        "fullDescription": { "text": plain(summary.unwrap_or(rule.title())) },
        "help": {
            "text": plain(fix.unwrap_or(rule.title())),
            "markdown": page.map(help).filter(|help| !help.is_empty()).unwrap_or_else(|| printable(rule.title())),
        },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "tags": tags(rule),
            "precision": precision(rule.confidence),
            "problem.severity": problem_severity(rule.severity),
            "security-severity": security_severity(rule.severity),
        },
    })
}

/// The page as Markdown, whose headings have room above them.
fn help(page: &Page) -> String {
    let sections = page
        .sections
        .iter()
        .map(|section| format!("## {}\n\n{}", section.heading, section.text));
    let parts = std::iter::once(page.summary.clone()).filter(|summary| !summary.is_empty());
    let lines: Vec<String> = parts.chain(sections).collect();
    let printed = lines.join("\n\n");
    printed.lines().map(printable).collect::<Vec<_>>().join("\n")
}

fn tags(rule: &Rule<'_>) -> Vec<String> {
    let references = &rule.references;
    let fixed = ["security".to_owned(), rule.category.to_owned()];
    let cwe = references
        .cwe()
        .map(|cwe| format!("external/cwe/{}", cwe.to_lowercase()));
    let owasp = references
        .owasp()
        .map(|owasp| format!("external/owasp/{}", owasp.to_lowercase()));
    let asvs = references.asvs.iter().map(|asvs| format!("external/asvs/{asvs}"));
    let nist = references
        .nist
        .iter()
        .map(|nist| format!("external/nist-sp-800-204/{}", nist.to_lowercase()));
    let mut tags: Vec<String> = fixed
        .into_iter()
        .chain(cwe)
        .chain(owasp)
        .chain(asvs)
        .chain(nist)
        .collect();
    // They are a set (§3.8.2.1).
    let mut known = std::collections::HashSet::new();
    tags.retain(|tag| known.insert(tag.clone()));
    tags
}

/// `string-without-end` as `StringWithoutEnd`.
fn pascal_case(id: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    id.split('-').map(word).collect()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

const fn problem_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

/// As GitHub reads it: critical is above 9, high from 7, medium from 4, low above 0.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

const fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "very-high",
        Confidence::Medium => "high",
        Confidence::Low => "medium",
    }
}

/// A finding as a result (§3.27).
fn result(document: &Checked<'_>, told: &Told<'_>, rule_index: Option<usize>) -> Map<String, Value> {
    let Finding { rule, instances, .. } = &told.finding;
    let further = instances.iter().enumerate().skip(1).take(RELATED_MAX);
    let related: Vec<Value> = further.map(|(id, instance)| related(id, instance)).collect();
    let mut result = Map::new();
    insert(&mut result, "ruleId", json!(rule.id));
    if let Some(index) = rule_index {
        insert(&mut result, "ruleIndex", json!(index));
    }
    insert(&mut result, "level", json!(level(told.finding.severity)));
    insert(&mut result, "message", json!({ "text": text(&told.finding.message) }));
    let locations: Vec<_> = told.finding.place().map(location).into_iter().collect();
    insert(&mut result, "locations", json!(locations));
    if !related.is_empty() {
        insert(&mut result, "relatedLocations", json!(related));
    }
    insert(
        &mut result,
        "partialFingerprints",
        json!({ "portcullis/v1": told.finding.fingerprint() }),
    );
    if let Some(standing) = told.standing {
        insert(&mut result, "baselineState", json!(baseline_state(standing)));
    }
    insert(&mut result, "rank", json!(rank(told.finding.points)));
    let properties = json!({
        "severity": told.finding.severity.word(),
        "confidence": told.finding.confidence.word(),
        "contract": printable(&document.location),
        "subject": printable(&told.finding.subject),
        "direction": told.finding.direction.word(),
        "operations": told.finding.operations,
        "instances": instances.len(),
    });
    insert(&mut result, "properties", properties);
    result
}

/// The points that it takes: of 100, as a rank is (§3.27.25).
fn rank(points: f64) -> f64 {
    (points.clamp(0.0, 100.0) * 10_000.0).round() / 10_000.0
}

const fn baseline_state(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "new",
        Standing::Grown => "updated",
        Standing::Known => "unchanged",
    }
}

fn suppression(told: &Told<'_>) -> Option<Value> {
    let accepted = told.accepted.as_ref()?;
    let until = accepted
        .until
        .as_ref()
        .map(|day| format!(" (until {day})"))
        .unwrap_or_default();
    let justification = text(&format!("{}{until}", accepted.reason));
    Some(json!({ "kind": "external", "status": "accepted", "justification": justification }))
}

fn related(id: usize, instance: &Instance) -> Value {
    let mut location = location(&instance.place);
    insert(&mut location, "id", json!(id));
    insert(&mut location, "message", json!({ "text": text(&instance.message) }));
    Value::Object(location)
}

fn location(place: &Place) -> Map<String, Value> {
    let mut location = Map::new();
    insert(&mut location, "physicalLocation", physical(place));
    if !place.pointer.is_empty() {
        insert(
            &mut location,
            "logicalLocations",
            json!([{ "fullyQualifiedName": printable(&place.pointer) }]),
        );
    }
    location
}

/// Where in which file; nothing of a region where the whole file is meant.
fn physical(place: &Place) -> Value {
    let uri = uri(&place.file);
    let is_relative = !uri.contains("://");
    let mut artifact = Map::new();
    insert(&mut artifact, "uri", json!(uri));
    if is_relative {
        insert(&mut artifact, "uriBaseId", json!("%SRCROOT%"));
    }
    let mut physical = Map::new();
    insert(&mut physical, "artifactLocation", Value::Object(artifact));
    if place.line > 0 {
        let region = json!({ "startLine": place.line, "startColumn": place.column.max(1) });
        insert(&mut physical, "region", region);
    }
    Value::Object(physical)
}

/// A message: it is no link, whatever its words are (§3.11.6).
fn text(message: &str) -> String {
    let text = printable(message).replace("](", "] (");
    if text.is_empty() { "no message".to_owned() } else { text }
}

/// Markdown in one line.
fn plain(markdown: &str) -> String {
    text(&markdown.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests;

    fn results(report: &Report<'_>) -> Vec<Value> {
        render(report)["runs"][0]["results"].as_array().unwrap().clone()
    }

    #[test]
    fn a_report() {
        let mut report = tests::small();
        report.rules.truncate(2);
        insta::assert_snapshot!(serde_json::to_string_pretty(&render(&report)).unwrap());
    }

    #[test]
    fn results_name_their_rules() {
        for report in [tests::small(), tests::hostile()] {
            let rules = render(&report)["runs"][0]["tool"]["driver"]["rules"].clone();
            for result in results(&report) {
                let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                assert_eq!(rules[index]["id"], result["ruleId"]);
            }
        }
    }

    #[test]
    fn accepted_findings_are_suppressed_and_only_those() {
        for result in results(&tests::small()) {
            let suppressions = result["suppressions"].as_array().unwrap();
            assert_eq!(!suppressions.is_empty(), result["ruleId"] == "object-is-open");
        }
        let none = tests::with_instances(1);
        assert!(results(&none)[0].get("suppressions").is_none());
        assert!(results(&none)[0].get("baselineState").is_none());
    }

    #[test]
    fn related_places_are_bounded() {
        let related = |count: u32| {
            results(&tests::with_instances(count))[0]
                .get("relatedLocations")
                .cloned()
        };
        assert_eq!(related(1), None);
        assert_eq!(related(2).unwrap().as_array().unwrap().len(), 1);
        assert_eq!(related(300).unwrap().as_array().unwrap().len(), RELATED_MAX);
    }

    #[test]
    fn messages_of_others_are_no_links() {
        let message = results(&tests::hostile())[0]["message"]["text"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains("[d] (javascript:e)"), "{message}");
    }
}
