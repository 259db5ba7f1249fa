//! Parameters in header fields, and the header fields of answers.

use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::{Judging, Location, Parameter, Part};
use crate::conform::json::{Code, Undeclared};

/// Judges header fields. `others` are names that something else judges, such as API keys. Gives the names that are to be
/// stripped.
pub(crate) fn judge_headers(
    parameters: &[Parameter],
    others: &[HeaderName],
    headers: &HeaderMap,
    judging: &mut Judging<'_, '_>,
) -> ControlFlow<(), Vec<HeaderName>> {
    let mut stripped = Vec::new();
    if judging.level != Undeclared::Allow {
        for name in headers.keys() {
            let text = name.as_str();
            let declared = || parameters.iter().any(|parameter| *parameter.name == *text) || others.contains(name);
            if is_standard(text) || declared() {
                continue;
            }
            match judging.level {
                Undeclared::Strip => stripped.push(name.clone()),
                _ => judging.refuse_named(Location::Header, Code::Undeclared, Some(text))?,
            }
        }
    }
    judge_declared(parameters, headers, judging)?;
    ControlFlow::Continue(stripped)
}

/// Judges the declared header fields only.
pub(crate) fn judge_declared(
    parameters: &[Parameter],
    headers: &HeaderMap,
    judging: &mut Judging<'_, '_>,
) -> ControlFlow<()> {
    for parameter in parameters {
        let mut parts: SmallVec<[Part<'_>; 2]> = SmallVec::new();
        let mut encoded = true;
        for field in headers.get_all(&*parameter.name) {
            match std::str::from_utf8(field.as_bytes()) {
                Ok(value) => parts.push(Part { key: None, value }),
                Err(_) => encoded = false,
            }
        }
        if encoded {
            judging.judge(parameter, &parts)?;
        } else {
            judging.refuse(Location::Header, Code::Encoding)?;
        }
    }
    ControlFlow::Continue(())
}

/// Whether a request header field (in lower case) is one that HTTP, browsers or tracing add by themselves, so that no
/// contract declares it. `Authorization`, cookies and `X-` fields are never among them: what an API reads from those, its
/// contract says.
pub fn is_standard(name: &str) -> bool {
    const PREFIXES: [&str; 5] = ["accept", "content-", "if-", "sec-", "access-control-request-"];
    matches!(
        name,
        "baggage"
            | "cache-control"
            | "connection"
            | "cookie"
            | "date"
            | "dnt"
            | "early-data"
            | "expect"
            | "forwarded"
            | "from"
            | "host"
            | "keep-alive"
            | "max-forwards"
            | "origin"
            | "pragma"
            | "prefer"
            | "priority"
            | "range"
            | "referer"
            | "te"
            | "traceparent"
            | "tracestate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "upgrade-insecure-requests"
            | "user-agent"
            | "via"
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
