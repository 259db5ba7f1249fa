//! Decisions as they are recorded: what was asked, what was decided and by which rules, so that it can be told later, and decided again
//! by other policies.
//!
//! What a question says of its parts may be personal (claims, attributes). A record either has it, and can be decided again, or has a
//! digest of it in its place, by which equal ones are known again. The digest is made by whoever writes the record, under a key: few
//! claims have so many values that they could not be guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decision::{Decision, DecisionPoint};
use crate::properties::Properties;
use crate::time::UnixTime;
use crate::words::Evaluation;

/// How long a record may be, in bytes of JSON.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// A part of a question that has properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Those of the subject.
    Subject,
    /// Those of the action.
    Action,
    /// Those of the resource.
    Resource,
    /// The context.
    Context,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// When it was made.
    pub at: UnixTime,
    /// For callers of which API.
    pub api: String,
    /// The question, without the parts that are digested.
    pub evaluation: Evaluation,
    /// In the place of parts that had properties, digests of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<Part, String>,
    /// Whether it was permitted.
    pub decision: bool,
    /// The rules that decided, as `engine:id`.
    #[serde(default)]
    pub determining: BTreeSet<String>,
    /// What else is to be told for a deny that no rule made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What becomes of a recorded decision when it is made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Replayed {
    /// The same, by the same rules.
    Same,
    /// The same, by other rules.
    OtherRules {
        /// Which.
        determining: BTreeSet<String>,
    },
    /// The other one.
    Changed {
        /// What it is now.
        decision: bool,
        /// Why, as operators read it.
        why: String,
    },
    /// It cannot be made again, because these parts are digested.
    Digested {
        /// Which.
        parts: BTreeSet<Part>,
    },
}

impl Record {
    /// Records a decision whole.
    #[must_use]
    pub fn whole(api: impl Into<String>, evaluation: Evaluation, decision: &Decision, at: UnixTime) -> Self {
        let determining = determining(decision);
        Self {
            at,
            api: api.into(),
            evaluation,
            digests: BTreeMap::new(),
            decision: decision.permits(),
            why: determining.is_empty().then(|| decision.why()),
            determining,
        }
    }

    /// Puts digests in the place of the properties of these parts, where they have any. `digest` is given the part, and its properties as
    /// JSON with its members in their order.
    #[must_use]
    pub fn digested(mut self, parts: &[Part], digest: &dyn Fn(Part, &str) -> String) -> Self {
        for part in parts {
            let properties = std::mem::take(part.of(&mut self.evaluation));
            if !properties.is_empty() {
                let text = in_order(&properties);
                self.digests.insert(*part, digest(*part, &text));
            }
        }
        self
    }

    /// Whether it says by which rules it was decided, or that it was by none. A permit has rules.
    #[must_use]
    pub fn says_why(&self) -> bool {
        !self.determining.is_empty() || (!self.decision && self.why.is_some())
    }

    /// Makes the decision again.
    #[must_use]
    pub fn replay(&self, point: &dyn DecisionPoint) -> Replayed {
        if !self.digests.is_empty() {
            let parts = self.digests.keys().copied().collect();
            return Replayed::Digested { parts };
        }
        self.compare(&point.evaluate(&self.evaluation, self.at))
    }

    /// Holds a decision against the recorded one.
    #[must_use]
    pub fn compare(&self, decision: &Decision) -> Replayed {
        let determining = determining(decision);
        if decision.permits() != self.decision {
            return Replayed::Changed {
                decision: decision.permits(),
                why: decision.why(),
            };
        }
        match determining == self.determining || !self.says_why() {
            true => Replayed::Same,
            false => Replayed::OtherRules { determining },
        }
    }
}

impl Part {
    fn of(self, evaluation: &mut Evaluation) -> &mut Properties {
        match self {
            Self::Subject => &mut evaluation.subject.properties,
            Self::Action => &mut evaluation.action.properties,
            Self::Resource => &mut evaluation.resource.properties,
            Self::Context => &mut evaluation.context,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::Action => "action",
            Self::Resource => "resource",
            Self::Context => "context",
        })
    }
}

fn determining(decision: &Decision) -> BTreeSet<String> {
    decision.determining().map(ToString::to_string).collect()
}

/// The same text for the same properties, in whatever order they came.
fn in_order(properties: &Properties) -> String {
    let members: BTreeMap<&String, serde_json::Value> =
        properties.iter().map(|(name, value)| (name, sorted(value))).collect();
    // Names are keys and numbers are finite, so it can always be written.
    serde_json::to_string(&members).unwrap_or_default()
}

fn sorted(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
        serde_json::Value::Object(members) => {
            let ordered: BTreeMap<&String, serde_json::Value> =
                members.iter().map(|(name, value)| (name, sorted(value))).collect();
            ordered.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::decision::Engines;
    use crate::engines::cedar::{Cedar, Source, Text};
    use crate::words::{Action, Resource, Subject};

    fn point(policies: &str) -> Engines {
        let source = Source {
            policies: vec![Text {
                name: "p",
                text: policies,
            }],
            ..Source::default()
        };
        Engines::new(vec![Arc::new(Cedar::compile(&source).unwrap().0)])
    }

    fn question() -> Evaluation {
        let mut question = Evaluation::new(
            Subject::new("User", "jean"),
            Action::new("read"),
            Resource::new("Doc", "1"),
        );
        question.subject.properties = serde_json::from_value(json!({"b": {"y": 1, "x": [2]}, "a": "sales"})).unwrap();
        question
    }

    const STAFF: &str =
        r#"@id("staff") permit (principal, action, resource) when { principal has a && principal.a == "sales" };"#;

    fn recorded() -> Record {
        let decision = point(STAFF).evaluate(&question(), UnixTime(7));
        Record::whole("bank", question(), &decision, UnixTime(7))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = serde_json::to_string(&recorded()).unwrap();
        let expected = json!({
            "at": 7, "api": "bank", "decision": true, "determining": ["cedar:staff"],
            "evaluation": {
                "subject": {"type": "User", "id": "jean", "properties": {"a": "sales", "b": {"x": [2], "y": 1}}},
                "action": {"name": "read"}, "resource": {"type": "Doc", "id": "1"},
            },
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), recorded());
    }

    #[test]
    fn a_decision_is_made_again_by_other_policies() {
        let check = |policies: &str, expected: Replayed| assert_eq!(recorded().replay(&point(policies)), expected);
        check(STAFF, Replayed::Same);
        let determining = BTreeSet::from(["cedar:all".to_owned()]);
        check(
            r#"@id("all") permit (principal, action, resource);"#,
            Replayed::OtherRules { determining },
        );
        let changed = |why: &str| Replayed::Changed {
            decision: false,
            why: why.to_owned(),
        };
        check("", changed("nothing-permits"));
        let forbidden = format!("{STAFF} @id(\"no\") forbid (principal, action, resource);");
        check(&forbidden, changed("cedar:no"));
    }

    #[test]
    fn a_record_that_says_no_rules_is_compared_without_them() {
        let without = Record {
            determining: BTreeSet::new(),
            ..recorded()
        };
        assert!(recorded().says_why() && !without.says_why());
        assert_eq!(without.replay(&point(STAFF)), Replayed::Same);
        let denied = point("").evaluate(&question(), UnixTime(7));
        let denied = Record::whole("bank", question(), &denied, UnixTime(7));
        assert!(denied.says_why(), "that nothing permits is why");
        assert_eq!(denied.replay(&point("")), Replayed::Same);
    }

    #[test]
    fn what_is_digested_is_gone_and_cannot_be_decided_again() {
        let digest = |part: Part, text: &str| format!("{part} {text}");
        let digested = recorded().digested(&[Part::Subject, Part::Context], &digest);
        let text = serde_json::to_string(&digested.evaluation).unwrap();
        assert!(!text.contains("sales"), "{text}");
        // In one order, whatever the order was; of what says nothing there is no digest.
        let expected = r#"subject {"a":"sales","b":{"x":[2],"y":1}}"#;
        assert_eq!(digested.digests, BTreeMap::from([(Part::Subject, expected.to_owned())]));
        let parts = BTreeSet::from([Part::Subject]);
        assert_eq!(digested.replay(&point("")), Replayed::Digested { parts });
    }
}
