//! Tests of policies: cases with the decision that is expected, and which rules any of them needed.
//!
//! Knows no file: a case is read by whoever runs it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decision::{Decision, DecisionPoint, Rule};
use crate::problem::Problem;
use crate::time::UnixTime;
use crate::words::Evaluation;

/// One case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is called in reports.
    pub name: String,
    /// The question.
    pub evaluation: Evaluation,
    /// When it is asked, in seconds since 1970; 0 if nothing is said.
    #[serde(default = "epoch")]
    pub at: UnixTime,
    /// The entities that are known, in place of those that are configured.
    pub entities: Option<Value>,
    /// Whether it is to be permitted.
    pub decision: bool,
    /// Exactly the rules that are to decide, in any order: ids, or `engine:id` where two engines know the same id. Nothing is asked of
    /// them if it is not there.
    pub determining: Option<BTreeSet<String>>,
}

fn epoch() -> UnixTime {
    UnixTime(0)
}

/// What is different from what a case expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "difference")]
pub enum Difference {
    /// The decision is the other one.
    Decision {
        /// What it is.
        permits: bool,
    },
    /// Other rules decided.
    Determining {
        /// Which.
        found: BTreeSet<Rule>,
    },
    /// The case's entities were not accepted.
    Entities {
        /// What is wrong with them.
        problems: Vec<Problem>,
    },
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The name of the case.
    pub name: String,
    /// How it differs; nothing if it passed.
    pub differences: Vec<Difference>,
    /// The decision, if there was one, with its reasons.
    pub decision: Option<Decision>,
}

/// What became of all cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One for each case, in their order.
    pub outcomes: Vec<Outcome>,
    /// The rules that decided at least one case.
    pub decided: BTreeSet<Rule>,
}

impl Report {
    /// Whether every case passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.differences.is_empty())
    }

    /// Of these rules, those that decided nothing.
    pub fn unused<'a>(&self, rules: impl IntoIterator<Item = &'a Rule>) -> Vec<&'a Rule> {
        let unused = rules.into_iter().filter(|rule| !self.decided.contains(rule));
        unused.collect()
    }
}

/// A decision point for a case's own entities, or for those that are configured.
pub type PointFor<'a> = dyn Fn(Option<&Value>) -> Result<Arc<dyn DecisionPoint>, Vec<Problem>> + 'a;

/// Runs all cases.
#[must_use]
pub fn run(cases: &[Case], point_for: &PointFor<'_>) -> Report {
    let mut report = Report::default();
    let mut configured: Option<Arc<dyn DecisionPoint>> = None;
    for case in cases {
        let point = match (&case.entities, &configured) {
            (None, Some(point)) => Ok(Arc::clone(point)),
            (entities, _) => point_for(entities.as_ref()),
        };
        let outcome = match point {
            Ok(point) => {
                if case.entities.is_none() {
                    configured = Some(Arc::clone(&point));
                }
                judge(case, point.evaluate(&case.evaluation, case.at))
            }
            Err(problems) => Outcome {
                name: case.name.clone(),
                differences: vec![Difference::Entities { problems }],
                decision: None,
            },
        };
        report.decided.extend(outcome.decision.iter().flat_map(determining));
        report.outcomes.push(outcome);
    }
    report
}

fn determining(decision: &Decision) -> BTreeSet<Rule> {
    decision.determining().cloned().collect()
}

/// Whether these names are those of exactly these rules.
fn names(expected: &BTreeSet<String>, found: &BTreeSet<Rule>) -> bool {
    let is = |name: &String, rule: &Rule| *name == *rule.id || *name == rule.to_string();
    let each_is_found = expected.iter().all(|name| found.iter().any(|rule| is(name, rule)));
    each_is_found && found.iter().all(|rule| expected.iter().any(|name| is(name, rule)))
}

fn judge(case: &Case, decision: Decision) -> Outcome {
    let mut differences = Vec::new();
    if decision.permits() != case.decision {
        let permits = decision.permits();
        differences.push(Difference::Decision { permits });
    }
    let found = determining(&decision);
    if case
        .determining
        .as_ref()
        .is_some_and(|expected| !names(expected, &found))
    {
        differences.push(Difference::Determining { found });
    }
    Outcome {
        name: case.name.clone(),
        differences,
        decision: Some(decision),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decision::Engines;
    use crate::engines::cedar::{Cedar, Source, Text};

    const POLICIES: &str = r#"
        @id("staff") permit(principal in Group::"staff", action, resource);
        @id("never") forbid(principal, action == Action::"burn", resource);"#;

    fn point(entities: Option<&Value>) -> Result<Arc<dyn DecisionPoint>, Vec<Problem>> {
        let entities = entities.map(ToString::to_string);
        let source = Source {
            policies: vec![Text {
                name: "p",
                text: POLICIES,
            }],
            entities: entities.as_deref().map(|text| Text { name: "case", text }),
            ..Source::default()
        };
        let (cedar, _) = Cedar::compile(&source)?;
        Ok(Arc::new(Engines::new(vec![Arc::new(cedar)])))
    }

    fn case(entities: Value, decision: bool, determining: Option<&[&str]>) -> Case {
        serde_json::from_value(json!({
            "name": "a case",
            "evaluation": {"subject": {"type": "User", "id": "a"}, "action": {"name": "read"}, "resource": {"type": "Doc", "id": "1"}},
            "entities": entities,
            "decision": decision,
            "determining": determining,
        }))
        .unwrap()
    }

    #[test]
    fn cases_pass_or_say_how_they_differ() {
        let member =
            json!([{"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": [{"type": "Group", "id": "staff"}]}]);
        let cases = [
            case(member.clone(), true, Some(&["staff"])),
            case(member.clone(), true, Some(&["cedar:staff"])),
            case(member.clone(), true, Some(&["roles:staff"])),
            case(json!(null), false, Some(&[])),
            case(json!(null), true, None),
            case(member, false, Some(&["never"])),
            case(json!([7]), false, None),
        ];
        let report = run(&cases, &point);
        let different: Vec<usize> = report
            .outcomes
            .iter()
            .map(|outcome| outcome.differences.len())
            .collect();
        assert_eq!(different, [0, 0, 1, 0, 1, 2, 1]);
        assert_eq!(
            report.outcomes[4].differences,
            [Difference::Decision { permits: false }]
        );
        assert!(matches!(report.outcomes[6].differences[0], Difference::Entities { .. }));
        assert!(!report.passed());
        assert!(run(&cases[..2], &point).passed());
        let rule = |engine, id: &str| Rule { engine, id: id.into() };
        let (staff, never) = (rule("cedar", "staff"), rule("cedar", "never"));
        assert_eq!(report.unused([&staff, &never]), [&never]);
        let namesake = rule("roles", "staff");
        assert_eq!(
            report.unused([&namesake]),
            [&namesake],
            "another engine's rule is another rule"
        );
    }
}
