//! A report as one JSON object: everything that is known, for programs.

use serde_json::{Map, Value, json};

use crate::finding::{Finding, Instance, Place};
use crate::page::Page;
use crate::rule::Severity;
use crate::score::{AreaScore, Score};

use super::{Checked, Fault, Report, Told};

/// No more places of one finding are listed.
pub const INSTANCES_MAX: usize = 1000;

/// The report.
pub fn render(report: &Report<'_>) -> Value {
    let pages = report.pages();
    let parts = report.lowest().and_then(Checked::parts);
    let findings = report.findings().map(|(document, told)| {
        let page = pages.get(told.finding.rule.id);
        finding(document, told, page)
    });
    json!({
        "version": report.version,
        "score": report.score(),
        "security": parts.map(|(security, _)| security.points),
        "data": parts.map(|(_, data)| data.points),
        "passed": report.failed.is_empty(),
        "failed": report.failed,
        "contracts": report.documents.iter().map(contract).collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn contract(document: &Checked<'_>) -> Value {
    let parts = document.parts();
    let areas = document.score().map(|score| score.areas.as_slice()).unwrap_or_default();
    let area = |area: &AreaScore| {
        json!({
            "name": area.area.name,
            "points": digits(area.points),
            "points_max": area.area.points,
        })
    };
    json!({
        "location": document.location,
        "title": document.title,
        "valid": document.score().is_some(),
        "score": document.score().map(Score::total),
        "security": parts.map(|(security, _)| security.points),
        "data": parts.map(|(_, data)| data.points),
        "areas": areas.iter().map(area).collect::<Vec<_>>(),
        "operations": document.operations(),
        "counts": counts(document),
        "problems": document.faults().iter().map(fault).collect::<Vec<_>>(),
    })
}

fn counts(document: &Checked<'_>) -> Map<String, Value> {
    let open = Severity::ALL.map(|severity| (severity.word().to_owned(), document.count(severity).into()));
    let accepted = ("accepted".to_owned(), document.accepted().into());
    open.into_iter().chain([accepted]).collect()
}

fn fault(fault: &Fault) -> Value {
    json!({
        "file": fault.place.file,
        "line": fault.place.line,
        "column": fault.place.column,
        "message": fault.message,
        "help": fault.help,
    })
}

fn finding(document: &Checked<'_>, told: &Told<'_>, page: Option<&Page>) -> Value {
    let Told {
        finding,
        standing,
        accepted,
    } = told;
    let Finding { rule, .. } = finding;
    let nowhere = Place::default();
    let place = finding.place().unwrap_or(&nowhere);
    let accepted = accepted
        .as_ref()
        .map(|accepted| json!({ "reason": accepted.reason, "until": accepted.until }));
    let instances = finding.instances.iter().take(INSTANCES_MAX).map(instance);
    json!({
        "rule": rule.id,
        "title": rule.title(),
        "category": rule.category,
        "severity": finding.severity.word(),
        "confidence": finding.confidence.word(),
        "contract": document.location,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "pointer": place.pointer,
        "message": finding.message,
        "subject": finding.subject,
        "direction": finding.direction.word(),
        "operations": finding.operations,
        "points": digits(finding.points),
        "area": area(document, finding),
        "fingerprint": finding.fingerprint(),
        "baseline": standing.map(super::Standing::word),
        "accepted": accepted,
        "instances": instances.collect::<Vec<_>>(),
        "instances_total": finding.instances.len(),
        "owasp": rule.references.owasp().collect::<Vec<_>>(),
        "cwe": rule.references.cwe().collect::<Vec<_>>(),
        "asvs": rule.references.asvs,
        "nist": rule.references.nist,
        "fix": page.map(Page::fix),
    })
}

fn area(document: &Checked<'_>, finding: &Finding<'_>) -> Option<&'static str> {
    let area = document.score()?.areas.get(finding.area?)?;
    Some(area.area.name)
}

fn instance(instance: &Instance) -> Value {
    json!({
        "file": instance.place.file,
        "line": instance.place.line,
        "column": instance.place.column,
        "pointer": instance.place.pointer,
        "message": instance.message,
    })
}

/// To four digits: what is less is only how numbers are computed.
fn digits(points: f64) -> f64 {
    (points * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests;

    #[test]
    fn a_report() {
        let text = serde_json::to_string_pretty(&render(&tests::small())).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_lowest_score_is_the_score_and_nothing_where_one_is_invalid() {
        let mut report = tests::small();
        assert_eq!(render(&report)["score"], json!(null), "one is invalid");
        report.documents.retain(|document| document.score().is_some());
        let lowest = report
            .documents
            .iter()
            .map(|document| document.score().unwrap().total());
        let lowest = lowest.fold(100.0, f64::min);
        let object = render(&report);
        assert_eq!(object["score"], json!(lowest));
        assert!(lowest < 100.0);
        assert!(object["security"].is_number() && object["data"].is_number());
    }

    #[test]
    fn instances_are_bounded_and_counted() {
        let report = tests::with_instances(1001);
        let finding = &render(&report)["findings"][0];
        assert_eq!(finding["instances"].as_array().unwrap().len(), INSTANCES_MAX);
        assert_eq!(finding["instances_total"], json!(INSTANCES_MAX + 1));
    }
}
