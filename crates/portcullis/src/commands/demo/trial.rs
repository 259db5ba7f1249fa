//! What to try by hand: requests that people can copy, and what the gate makes of each.

use std::net::SocketAddr;

/// One thing to try.
#[derive(Debug)]
pub(super) struct Trial {
    /// What it is, in a few words.
    pub(super) what: &'static str,
    method: &'static str,
    target: &'static str,
    /// A JSON body; empty for none.
    body: &'static str,
    times: u32,
    /// Whether Natter's own answer is worth a look beside the gate's.
    compare: bool,
    /// What the (last) answer of the gate is.
    pub(super) status: u16,
    /// The refusal's code; empty when the gate lets it pass.
    pub(super) code: &'static str,
    /// What there is to see.
    pub(super) see: &'static str,
}

const fn trial(what: &'static str, method: &'static str, target: &'static str, body: &'static str) -> Trial {
    Trial {
        what,
        method,
        target,
        body,
        times: 1,
        compare: false,
        status: 200,
        code: "",
        see: "",
    }
}

impl Trial {
    const fn refused(self, status: u16, code: &'static str, see: &'static str) -> Self {
        Self {
            status,
            code,
            see,
            ..self
        }
    }

    const fn see(self, see: &'static str) -> Self {
        Self { see, ..self }
    }

    const fn compare(self) -> Self {
        Self { compare: true, ..self }
    }

    const fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The commands for a shell, with a comment where there are two to compare.
    pub(super) fn commands(&self, gate: SocketAddr, natter: SocketAddr) -> Vec<String> {
        if self.compare {
            let (direct, gated) = (self.curl(natter), self.curl(gate));
            return vec![
                format!("{direct}   # directly"),
                format!("{gated}   # through the gate"),
            ];
        }
        vec![self.curl(gate)]
    }

    fn curl(&self, to: SocketAddr) -> String {
        let method = match (self.method, self.body) {
            ("GET", "") => String::new(),
            ("POST", body) if !body.is_empty() => String::new(),
            (method, _) => format!(" -X {method}"),
        };
        let url = quoted(&format!("http://{to}{}", self.target));
        let body = match self.body {
            "" => String::new(),
            body => format!(" -H 'content-type: application/json' -d '{body}'"),
        };
        match self.times {
            1 => format!("curl -sw '\\n'{method} {url}{body}"),
            times => format!(
                "for i in $(seq {times}); do curl -so /dev/null -w '%{{http_code}}\\n'{method} {url}{body}; done"
            ),
        }
    }
}

/// A URL for a shell; those of this file hold no `$`, backtick, backslash or double quote.
fn quoted(url: &str) -> String {
    if url.contains(['?', '\'', '(', '&']) {
        format!("\"{url}\"")
    } else {
        url.to_owned()
    }
}

/// What to try, in the order in which it is best told.
pub(super) const TRIALS: [Trial; 8] = [
    trial("an ordinary call passes", "GET", "/spaces/1/messages?limit=2", "")
        .see("what the contract declares, no more"),
    trial("an answer that says too much is stripped", "GET", "/users/3", "")
        .compare()
        .see("the password and its hash stay behind"),
    trial(
        "mass assignment: make oneself a manager",
        "PATCH",
        "/users/4",
        r#"{"is_admin":true}"#,
    )
    .refused(400, "contract.body.undeclared", "the contract declares no `is_admin`"),
    trial(
        "SQL injection: the messages of every space, alice's diary too",
        "GET",
        "/spaces/1/messages?author=x')%20OR%201=1--",
        "",
    )
    .refused(
        400,
        "contract.query.pattern",
        "an author is a user name, and that is none",
    ),
    trial("a path that the contract does not have", "GET", "/debug/users", "").refused(
        404,
        "route.unknown",
        "Natter has it, and tells everything",
    ),
    trial("a verb that the path does not have", "PUT", "/users/4", "{}").refused(
        405,
        "route.method",
        "with `Allow`, which `curl -i` shows",
    ),
    trial(
        "a secret in the URL, where every log keeps it",
        "GET",
        "/spaces/1?access_token=natter-session-1",
        "",
    )
    .refused(400, "url.secret", "neither logged nor forwarded"),
    trial(
        "guessing bob's password",
        "POST",
        "/sessions",
        r#"{"username":"bob","password":"not-his-password"}"#,
    )
    .times(8)
    .refused(429, "rate.exceeded", "401 five times, then 429 with Retry-After"),
];

#[cfg(test)]
mod tests {
    use super::super::client::{self, Request};
    use super::super::stage::Guarded;
    use super::super::verdict::refusal_code;
    use super::*;

    #[test]
    fn each_trial_ends_as_it_says() {
        let stage = Guarded::start().unwrap();
        for trial in &TRIALS {
            let request = Request {
                method: trial.method,
                target: trial.target,
                headers: &[("content-type", "application/json".to_owned())],
                body: trial.body.as_bytes(),
            };
            let mut answer = client::send(stage.gate, &request).unwrap();
            for _ in 1..trial.times {
                answer = client::send(stage.gate, &request).unwrap();
            }
            let code = refusal_code(&answer).unwrap_or_default();
            assert_eq!(
                (answer.status, code.as_str()),
                (trial.status, trial.code),
                "{}",
                trial.what
            );
        }
    }

    #[test]
    fn commands_are_ready_to_paste() {
        let (gate, natter) = (
            SocketAddr::from(([127, 0, 0, 1], 1)),
            SocketAddr::from(([127, 0, 0, 1], 2)),
        );
        let all: Vec<String> = TRIALS.iter().flat_map(|trial| trial.commands(gate, natter)).collect();
        insta::assert_snapshot!("commands", all.join("\n"));
        for trial in &TRIALS {
            assert!(!trial.target.contains(['$', '`', '\\', '"', ' ']), "{}", trial.target);
            assert!(!trial.body.contains('\''), "{}", trial.body);
        }
    }
}
