//! What became of an exploit, fired directly and through the gate. Pure: it judges answers, it never sends anything.

use natter::{Exploit, StoppedBy};
use serde_json::Value;

use super::client::{Answer, Error};

/// How one side answered an exploit; of several answers, the last.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// There was an answer.
    Answered {
        status: u16,
        /// The code, where the gate refused.
        refusal: Option<String>,
        /// Whether it proves that the exploit worked.
        worked: bool,
    },
    /// The TLS handshake ended with this alert.
    Disconnected(&'static str),
    /// There was none, and why.
    Unanswered(String),
}

impl Seen {
    /// What an answer shows.
    pub(super) fn of(exploit: &Exploit, answer: Result<Answer, Error>) -> Self {
        match answer {
            Ok(answer) => Self::Answered {
                status: answer.status,
                refusal: refusal_code(&answer),
                worked: exploit.proof.holds(answer.status, &answer.headers, &answer.body),
            },
            Err(Error::Alert(alert)) => Self::Disconnected(alert),
            Err(error) => Self::Unanswered(error.to_string()),
        }
    }

    /// Whether the exploit worked.
    pub(super) fn worked(&self) -> bool {
        matches!(self, Self::Answered { worked: true, .. })
    }

    /// The code of the gate's refusal, if it is one.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Answered { refusal, .. } => refusal.as_deref(),
            Self::Disconnected(_) | Self::Unanswered(_) => None,
        }
    }

    /// The status, if there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::Disconnected(_) | Self::Unanswered(_) => None,
        }
    }

    /// The alert that TLS ended with, if it did.
    pub(super) fn alert(&self) -> Option<&'static str> {
        match self {
            Self::Disconnected(alert) => Some(alert),
            Self::Answered { .. } | Self::Unanswered(_) => None,
        }
    }
}

/// The judgement on one exploit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The gate's: it refused, by the control that is meant to.
    Refused,
    /// The gate's: it took the harm out of the request or of the answer.
    Cleaned,
    /// The gate's: it worked through the gate.
    Passed,
    /// The gate's: it did not work, but not by the control that is meant to stop it.
    StoppedOtherwise,
    /// The gate's: it does not even work without the gate, so that nothing is shown.
    ProvesNothing,
    /// Nothing at the gate can stop it.
    NotTheGates,
}

impl Verdict {
    /// The judgement on an exploit by what both sides answered.
    pub(super) fn of(exploit: &Exploit, directly: &Seen, through: &Seen) -> Self {
        match exploit.stopped_by {
            StoppedBy::NotTheGates(_) => Self::NotTheGates,
            _ if !directly.worked() => Self::ProvesNothing,
            _ if through.worked() => Self::Passed,
            StoppedBy::Disconnected(expected) if through.alert() == Some(expected) => Self::Refused,
            StoppedBy::Disconnected(_) => Self::StoppedOtherwise,
            _ if through.status().is_none() => Self::StoppedOtherwise,
            StoppedBy::Refused(expected) => match through.refusal() {
                Some(code) if is_within(code, expected) => Self::Refused,
                _ => Self::StoppedOtherwise,
            },
            StoppedBy::Cleaned(_) => match through.refusal() {
                None => Self::Cleaned,
                Some(code) if replaces_answers(code) => Self::Cleaned,
                Some(_) => Self::StoppedOtherwise,
            },
        }
    }

    /// Whether the gate has to stop it.
    pub(super) fn is_the_gates(self) -> bool {
        self != Self::NotTheGates
    }

    /// Whether the gate stopped it as it is meant to.
    pub(super) fn is_stopped(self) -> bool {
        matches!(self, Self::Refused | Self::Cleaned)
    }

    /// For programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Cleaned => "cleaned",
            Self::Passed => "passed",
            Self::StoppedOtherwise => "stopped_otherwise",
            Self::ProvesNothing => "proves_nothing",
            Self::NotTheGates => "not_the_gates",
        }
    }
}

/// The code of the gate's refusal, or `None` where the answer is Natter's own.
pub(super) fn refusal_code(answer: &Answer) -> Option<String> {
    let problem: Value = serde_json::from_slice(&answer.body).ok()?;
    let code = problem.get("code")?.as_str()?;
    let urn = problem.get("type")?.as_str()?;
    (urn.strip_prefix("urn:portcullis:refusal:") == Some(code)).then(|| code.to_owned())
}

/// The control that speaks with a code, as the pipeline names it.
pub(super) fn control(code: &str) -> &'static str {
    const CONTROLS: [(&str, &str); 10] = [
        ("authentication", "authenticate"),
        ("authorization", "authorize"),
        ("http.encoding", "contract in"),
        ("http", "listen"),
        ("rate", "rate limit"),
        ("route", "route"),
        ("url", "url secrets"),
        ("contract.response", "contract out"),
        ("contract", "contract in"),
        ("upstream", "contract out"),
    ];
    CONTROLS
        .into_iter()
        .find(|(codes, _)| is_within(code, codes))
        .map_or("gate", |(_, control)| control)
}

/// Whether a code is this one, or starts with it and a dot.
fn is_within(code: &str, expected: &str) -> bool {
    code.strip_prefix(expected)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a code says that an answer of the upstream was replaced by a sober one.
fn replaces_answers(code: &str) -> bool {
    ["upstream.error", "upstream.status", "contract.response"]
        .into_iter()
        .any(|expected| is_within(code, expected))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn seen(status: u16, refusal: &str, worked: bool) -> Seen {
        Seen::Answered {
            status,
            refusal: (!refusal.is_empty()).then(|| refusal.to_owned()),
            worked,
        }
    }

    fn check(stopped_by: StoppedBy, directly: bool, through: &Seen, expected: Verdict) {
        let mut exploit = natter::exploits("127.0.0.1:1".parse().unwrap()).swap_remove(0);
        exploit.stopped_by = stopped_by;
        let verdict = Verdict::of(&exploit, &seen(200, "", directly), through);
        assert_eq!(verdict, expected, "{stopped_by:?} {directly} {through:?}");
    }

    #[test]
    fn verdicts() {
        let refused = StoppedBy::Refused("contract.query");
        let cleaned = StoppedBy::Cleaned("taken out");
        let gone = Seen::Unanswered("reset".to_owned());
        check(refused, true, &seen(400, "contract.query", false), Verdict::Refused);
        check(
            refused,
            true,
            &seen(400, "contract.query.type", false),
            Verdict::Refused,
        );
        check(
            refused,
            true,
            &seen(400, "contract.query2", false),
            Verdict::StoppedOtherwise,
        );
        check(
            refused,
            true,
            &seen(429, "rate.exceeded", false),
            Verdict::StoppedOtherwise,
        );
        check(refused, true, &seen(404, "", false), Verdict::StoppedOtherwise);
        check(refused, true, &seen(200, "", true), Verdict::Passed);
        check(refused, true, &gone, Verdict::StoppedOtherwise);
        check(
            refused,
            false,
            &seen(400, "contract.query", false),
            Verdict::ProvesNothing,
        );
        check(cleaned, true, &seen(200, "", false), Verdict::Cleaned);
        check(cleaned, true, &seen(502, "upstream.error", false), Verdict::Cleaned);
        check(
            cleaned,
            true,
            &seen(429, "rate.exceeded", false),
            Verdict::StoppedOtherwise,
        );
        check(
            cleaned,
            true,
            &seen(502, "upstream.connect", false),
            Verdict::StoppedOtherwise,
        );
        check(cleaned, true, &seen(200, "", true), Verdict::Passed);
        check(cleaned, true, &gone, Verdict::StoppedOtherwise);
        check(StoppedBy::NotTheGates(""), false, &gone, Verdict::NotTheGates);
    }

    #[test]
    fn verdicts_on_handshakes() {
        let refused = StoppedBy::Refused("contract.query");
        let gone = Seen::Unanswered("reset".to_owned());
        let disconnected = StoppedBy::Disconnected("unknown_ca");
        check(disconnected, true, &Seen::Disconnected("unknown_ca"), Verdict::Refused);
        check(
            disconnected,
            true,
            &Seen::Disconnected("certificate_expired"),
            Verdict::StoppedOtherwise,
        );
        check(
            disconnected,
            true,
            &seen(401, "authentication.required", false),
            Verdict::StoppedOtherwise,
        );
        check(disconnected, true, &gone, Verdict::StoppedOtherwise);
        check(disconnected, true, &seen(200, "", true), Verdict::Passed);
        check(
            disconnected,
            false,
            &Seen::Disconnected("unknown_ca"),
            Verdict::ProvesNothing,
        );
        check(
            refused,
            true,
            &Seen::Disconnected("unknown_ca"),
            Verdict::StoppedOtherwise,
        );
    }

    #[test]
    fn only_the_gates_own_problems_are_refusals() {
        let code = |body: &str| {
            refusal_code(&Answer {
                status: 400,
                headers: HeaderMap::new(),
                body: body.into(),
            })
        };
        let own = r#"{"type":"urn:portcullis:refusal:route.unknown","code":"route.unknown"}"#;
        assert_eq!(code(own).as_deref(), Some("route.unknown"));
        assert_eq!(code(r#"{"type":"about:blank","code":"route.unknown"}"#), None);
        assert_eq!(code(r#"{"type":"urn:portcullis:refusal:a","code":"b"}"#), None);
        assert_eq!(code("not json"), None);
    }

    #[test]
    fn controls() {
        assert_eq!(control("http.encoding.budget"), "contract in");
        assert_eq!(control("http.path"), "listen");
        assert_eq!(control("contract.response.jwt"), "contract out");
        assert_eq!(control("contract.body.type"), "contract in");
        assert_eq!(control("authentication.required"), "authenticate");
        assert_eq!(control("authorization.scope"), "authorize");
        assert_eq!(control("unheard.of"), "gate");
    }
}
