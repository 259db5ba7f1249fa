//! Decision points elsewhere: what they are asked, and what they may answer. AuthZEN (Authorization API 1.0, section 6), and the Data
//! API of the Open Policy Agent.
//!
//! An answer is read strictly. What is neither a permit nor a deny is no answer, and whoever asked cannot tell then.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::decision::{Opinion, Reason, Rule, Verdict};
use crate::properties::Properties;
use crate::strict::{self, Unreadable};
use crate::words::Evaluation;

/// How long a question may be, in bytes; nobody is asked a longer one.
pub const QUESTION_BYTES_MAX: usize = 8 << 10;
/// How large an answer may be, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How much of what an answer says for operators is told, in characters.
const WHY_CHARS_MAX: usize = 200;

/// How a decision point is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `POST /access/v1/evaluation` with an evaluation; the answer has `decision` (AuthZEN, section 6).
    AuthZen,
    /// `POST /v1/data/PATH` with an evaluation as `input`; the answer has as `result` a boolean, or an object with a boolean `allow`.
    Opa,
}

/// What a decision point said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether it permits.
    pub permits: bool,
    /// What it says of that for operators: bounded, in one line.
    pub why: Option<Box<str>>,
}

/// A question to the Open Policy Agent.
#[derive(Serialize)]
struct Input<'e> {
    input: &'e Evaluation,
}

impl Protocol {
    /// What its engine is called in reasons.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthZen => "authzen",
            Self::Opa => "opa",
        }
    }

    /// The question, as JSON. Two questions are the same only if their texts are.
    ///
    /// # Errors
    /// It has more than [`QUESTION_BYTES_MAX`] bytes.
    pub fn question(self, evaluation: &Evaluation) -> Result<String, Unreadable> {
        let written = match self {
            Self::AuthZen => serde_json::to_string(evaluation),
            Self::Opa => serde_json::to_string(&Input { input: evaluation }),
        };
        let text = written.map_err(|error| Unreadable::new(error.to_string()))?;
        if text.len() > QUESTION_BYTES_MAX {
            return Err(Unreadable::new(format!(
                "the question has more than {QUESTION_BYTES_MAX} bytes"
            )));
        }
        Ok(text)
    }

    /// What an answer says.
    ///
    /// # Errors
    /// It is no strict JSON object, or says neither yes nor no.
    pub fn read(self, octets: &[u8]) -> Result<Said, Unreadable> {
        let answer = strict::object(octets)?;
        match self {
            Self::AuthZen => authzen(&answer),
            Self::Opa => opa(&answer),
        }
    }

    /// The opinion of the decision point of this name.
    #[must_use]
    pub fn opinion(self, name: &Arc<str>, permits: bool) -> Opinion {
        let rule = Rule {
            engine: self.name(),
            id: Arc::clone(name),
        };
        let (verdict, reason) = match permits {
            true => (Verdict::Permits, Reason::Permits { rule }),
            false => (Verdict::Forbids, Reason::Forbids { rule }),
        };
        Opinion {
            verdict,
            reasons: vec![reason],
        }
    }
}

/// Section 6.2: `decision` is a boolean.
fn authzen(answer: &Properties) -> Result<Said, Unreadable> {
    let decision = answer.get("decision").and_then(Value::as_bool);
    let permits = decision.ok_or_else(|| Unreadable::new("`decision` is not a boolean"))?;
    let why = answer.get("context").and_then(why);
    Ok(Said { permits, why })
}

fn opa(answer: &Properties) -> Result<Said, Unreadable> {
    result(answer.get("result"))
}

/// What policies in Rego answer: a boolean, or an object with a boolean `allow`. Without an answer the document is not defined: no rule
/// permits, which denies.
///
/// # Errors
/// It is none of these.
pub fn result(result: Option<&Value>) -> Result<Said, Unreadable> {
    let said = |permits: bool, why: Option<Box<str>>| Ok(Said { permits, why });
    let undefined = || Some("it is not defined".into());
    match result {
        None => said(false, undefined()),
        Some(Value::Bool(permits)) => said(*permits, None),
        Some(result @ Value::Object(members)) => match members.get("allow") {
            None => said(false, undefined()),
            Some(Value::Bool(permits)) => said(*permits, why(result)),
            Some(_) => Err(Unreadable::new("`result.allow` is not a boolean")),
        },
        Some(_) => Err(Unreadable::new(
            "`result` is neither a boolean nor an object with `allow`",
        )),
    }
}

/// What is said for operators: AuthZEN's `reason_admin`, or `reasons`; texts by language, a list of them, or one.
fn why(context: &Value) -> Option<Box<str>> {
    let told = context.get("reason_admin").or_else(|| context.get("reasons"))?;
    let texts: Vec<&str> = match told {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        Value::Object(texts) => texts.values().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let joined = texts.join("; ");
    let line = joined.chars().filter(|character| !character.is_control());
    let line: String = line.take(WHY_CHARS_MAX).collect();
    (!line.is_empty()).then(|| line.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Action, Resource, Subject};

    fn question() -> Evaluation {
        let mut question = Evaluation::new(
            Subject::new("User", "alice"),
            Action::new("readAccount"),
            Resource::new("Account", "1"),
        );
        question.context.insert("address", "192.0.2.1");
        question
    }

    #[test]
    fn questions_are_those_of_the_protocols() {
        let evaluation = r#"{"subject":{"type":"User","id":"alice"},"action":{"name":"readAccount"},"resource":{"type":"Account","id":"1"},"context":{"address":"192.0.2.1"}}"#;
        assert_eq!(Protocol::AuthZen.question(&question()).unwrap(), evaluation);
        assert_eq!(
            Protocol::Opa.question(&question()).unwrap(),
            format!("{{\"input\":{evaluation}}}")
        );
        let mut long = question();
        long.subject.properties.insert("claim", "x".repeat(QUESTION_BYTES_MAX));
        assert!(Protocol::AuthZen.question(&long).is_err());
    }

    #[track_caller]
    fn check(protocol: Protocol, answer: &str, expected: Result<(bool, Option<&str>), &str>) {
        match (protocol.read(answer.as_bytes()), expected) {
            (Ok(said), Ok((permits, why))) => {
                assert_eq!((said.permits, said.why.as_deref()), (permits, why), "{answer}")
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{answer}: {error}"),
            (said, _) => panic!("{answer}: {said:?}"),
        }
    }

    #[test]
    fn an_answer_of_authzen_is_a_boolean_or_none() {
        let check = |answer: &str, expected| check(Protocol::AuthZen, answer, expected);
        check(r#"{"decision":true}"#, Ok((true, None)));
        check(r#"{"decision":false,"more":[1]}"#, Ok((false, None)));
        check(
            r#"{"decision":false,"context":{"id":"0","reason_admin":{"en":"policy C076\r\nE82F"},"reason_user":{"en":"no"}}}"#,
            Ok((false, Some("policy C076E82F"))),
        );
        check(
            r#"{"decision":false,"context":{"reasons":["a",7,"b"]}}"#,
            Ok((false, Some("a; b"))),
        );
        check(r#"{"decision":true,"context":7}"#, Ok((true, None)));
        let long = format!(
            r#"{{"decision":false,"context":{{"reason_admin":"{}"}}}}"#,
            "x".repeat(5_000)
        );
        let said = Protocol::AuthZen.read(long.as_bytes()).unwrap();
        assert_eq!(said.why.unwrap().len(), WHY_CHARS_MAX);
        for lie in [
            r#"{"decision":"true"}"#,
            r#"{"decision":1}"#,
            r#"{"decision":null}"#,
            r#"{"decision":[true]}"#,
            r#"{"Decision":true}"#,
            r#"{"result":true}"#,
            "{}",
        ] {
            check(lie, Err("`decision` is not a boolean"));
        }
        for lie in [r#"{"decision":true,"decision":true}"#, "[]", "true"] {
            check(lie, Err("no object"));
        }
        for lie in [
            r#"{"decision":true"#,
            r#"{"decision":true}{"#,
            "",
            "\u{feff}{\"decision\":true}",
        ] {
            check(lie, Err("not JSON"));
        }
    }

    #[test]
    fn an_answer_of_opa_is_a_boolean_or_has_one_and_undefined_denies() {
        let check = |answer: &str, expected| check(Protocol::Opa, answer, expected);
        let undefined = Ok((false, Some("it is not defined")));
        check(r#"{"result":true}"#, Ok((true, None)));
        check(r#"{"result":false,"decision_id":"7"}"#, Ok((false, None)));
        check(r#"{"result":{"allow":true,"x":1}}"#, Ok((true, None)));
        check(
            r#"{"result":{"allow":false,"reasons":["not the owner"]}}"#,
            Ok((false, Some("not the owner"))),
        );
        check("{}", undefined);
        check(r#"{"warning":{"code":"api_usage_warning"}}"#, undefined);
        check(r#"{"result":{}}"#, undefined);
        check(r#"{"result":{"allowed":true}}"#, undefined);
        for lie in [
            r#"{"result":"true"}"#,
            r#"{"result":1}"#,
            r#"{"result":[true]}"#,
            r#"{"result":null}"#,
        ] {
            check(lie, Err("neither a boolean"));
        }
        for lie in [r#"{"result":{"allow":"true"}}"#, r#"{"result":{"allow":{}}}"#] {
            check(lie, Err("`result.allow`"));
        }
        check(r#"{"result":{"allow":true,"allow":true}}"#, Err("no object"));
    }
}
