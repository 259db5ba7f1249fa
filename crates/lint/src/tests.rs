//! Gates, baselines and acceptances on made-up findings.

use serde_json::json;

use crate::acceptance::{Acceptance, part};
use crate::baseline::Baseline;
use crate::finding::{Direction, Finding, Instance, Place};
use crate::gate::{FailOn, Gate};
use crate::report::{Accepted, Checked, Outcome, Standing, Told};
use crate::rule::{Confidence, Profile, References, Rule, Severity};
use crate::score::{Area, AreaScore, Score};

const RULE: Rule<'static> = Rule {
    id: "door-open",
    category: "doors",
    severity: Severity::High,
    confidence: Confidence::High,
    profile: Profile::Default,
    references: References {
        owasp_2023: &[1],
        owasp_2019: &[],
        cwe: &[306],
        asvs: &[],
        nist: &[],
    },
    text: "A door is open\n",
};

fn instance(pointer: &str, message: &str) -> Instance {
    Instance {
        place: Place {
            file: "spec/house.yaml".to_owned(),
            line: 3,
            column: 5,
            pointer: pointer.to_owned(),
        },
        message: message.to_owned(),
    }
}

fn finding(instances: Vec<Instance>) -> Finding<'static> {
    Finding {
        rule: &RULE,
        severity: Severity::High,
        confidence: Confidence::High,
        message: "a door is open".to_owned(),
        subject: "house".to_owned(),
        direction: Direction::Request,
        operations: 1,
        instances,
        points: 4.0,
        area: Some(0),
    }
}

fn checked(standing: Option<Standing>, accepted: Option<Accepted>) -> Checked<'static> {
    let area = Area {
        name: "doors",
        points: 100,
    };
    Checked {
        location: "spec/house.yaml".to_owned(),
        title: String::new(),
        outcome: Outcome::Judged {
            score: Score {
                areas: vec![AreaScore { area, points: 79.96 }],
            },
            security_areas: 1,
            operations: 1,
            findings: vec![Told {
                finding: finding(vec![instance("/a", "open")]),
                standing,
                accepted,
            }],
        },
    }
}

#[test]
fn gates() {
    let failures = |gate: &Gate, document: &Checked<'static>| gate.failures(std::slice::from_ref(document));
    let high = Gate {
        fail_on: vec![FailOn::Severity(Severity::High)],
        ..Gate::default()
    };
    let open = checked(None, None);
    assert_eq!(
        failures(&high, &open),
        ["spec/house.yaml: 1 finding of severity high or graver"]
    );
    let why = Accepted {
        reason: "it is a barn".to_owned(),
        until: None,
    };
    assert!(failures(&high, &checked(None, Some(why))).is_empty());
    let critical = Gate {
        fail_on: vec![FailOn::Severity(Severity::Critical)],
        ..Gate::default()
    };
    assert!(failures(&critical, &open).is_empty());
    let rule = Gate {
        fail_on: vec![FailOn::Rule("door-open".to_owned())],
        new_only: true,
        ..Gate::default()
    };
    assert_eq!(
        failures(&rule, &checked(Some(Standing::New), None)),
        ["spec/house.yaml: 1 new finding of the rule `door-open`"]
    );
    assert_eq!(failures(&rule, &checked(Some(Standing::Grown), None)).len(), 1);
    assert!(failures(&rule, &checked(Some(Standing::Known), None)).is_empty());
    // A score is never rounded up over what is asked for.
    let score = Gate {
        score_min: Some(80),
        ..Gate::default()
    };
    assert_eq!(
        failures(&score, &open),
        ["spec/house.yaml: the score is 79.9, and 80 is asked for"]
    );
    let invalid = Checked {
        outcome: Outcome::Invalid(Vec::new()),
        ..open
    };
    assert_eq!(
        failures(&Gate::default(), &invalid).len(),
        1,
        "what cannot be used never passes"
    );
}

#[test]
fn baselines() {
    let before = finding(vec![instance("/a", "front"), instance("/b", "back")]);
    let listed = json!([{ "message": "front" }, { "message": "back" }]);
    let report = |instances: serde_json::Value, total: u64| {
        let told = json!({ "fingerprint": before.fingerprint(), "instances": instances, "instances_total": total });
        Baseline::read(&json!({ "findings": [told] })).unwrap()
    };
    let known = report(listed.clone(), 2);
    assert_eq!(known.standing(&before), Standing::Known);
    assert_eq!(
        known.standing(&finding(vec![instance("/z", "back")])),
        Standing::Known,
        "it moved, and one was mended"
    );
    assert_eq!(
        known.standing(&finding(vec![instance("/a", "cellar")])),
        Standing::Grown
    );
    let cut = report(listed, 1500);
    assert_eq!(
        cut.standing(&finding(vec![instance("/a", "cellar")])),
        Standing::Known,
        "not all places were listed"
    );
    let other = Finding {
        subject: "barn".to_owned(),
        ..before.clone()
    };
    assert_eq!(known.standing(&other), Standing::New);
    assert!(Baseline::read(&json!({ "score": 3 })).is_err());
    assert!(Baseline::read(&json!({ "findings": [{}] })).is_err());
}

#[test]
fn acceptances() {
    let acceptance = |pointer: &str, file: Option<&str>, until: Option<&str>| Acceptance {
        rule: "door-open".to_owned(),
        file: file.map(str::to_owned),
        pointer: pointer.to_owned(),
        reason: "it is a barn".to_owned(),
        until: until.map(str::to_owned),
        written: String::new(),
    };
    let parts = |acceptance: Acceptance| {
        let mut used = [false];
        let both = finding(vec![instance("/a/b", "front"), instance("/ab", "back")]);
        let parts = part(both, &[acceptance], "2026-11-23", &mut used);
        let shown = parts
            .iter()
            .map(|(finding, accepted)| (finding.instances.len(), accepted.is_some()));
        (
            shown.collect::<Vec<_>>(),
            used[0],
            parts.iter().map(|(finding, _)| finding.points).sum::<f64>(),
        )
    };
    assert_eq!(parts(acceptance("", None, None)), (vec![(2, true)], true, 4.0));
    assert_eq!(
        parts(acceptance("/a", None, None)),
        (vec![(1, false), (1, true)], true, 4.0),
        "a pointer ends at a name"
    );
    let covers = |acceptance: Acceptance| parts(acceptance).1;
    assert!(covers(acceptance("/a", Some("house.yaml"), None)));
    assert!(
        !covers(acceptance("/a", Some("use.yaml"), None)),
        "a file is named by whole names"
    );
    assert!(covers(acceptance("", None, Some("2026-11-23"))), "the last day counts");
    assert_eq!(
        parts(acceptance("", None, Some("2026-11-22"))),
        (vec![(2, false)], false, 4.0)
    );
}
