//! Parameters in header fields, and the header fields of answers.

use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName, header};
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
    for name in headers.keys() {
        let text = name.as_str();
        let mut declared = parameters
            .iter()
            .map(|parameter| &*parameter.name)
            .chain(others.iter().map(HeaderName::as_str));
        if is_standard(text) || declared.clone().any(|other| other == text) {
            continue;
        }
        match judging.level {
            // Upstreams that turn names into variables cannot tell twins apart, so one never passes as the other.
            Undeclared::Allow if declared.any(|other| are_twins(other, text)) => stripped.push(name.clone()),
            Undeclared::Allow => {}
            Undeclared::Strip => stripped.push(name.clone()),
            Undeclared::Refuse => judging.refuse_named(Location::Header, Code::Undeclared, Some(text))?,
        }
    }
    let credential = [header::AUTHORIZATION];
    for name in others
        .iter()
        .chain(credential.iter().filter(|name| !others.contains(name)))
    {
        // Of two credentials, who reads them next may take the other.
        if headers.get_all(name).iter().nth(1).is_some() {
            judging.refuse(Location::Header, Code::Duplicate)?;
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

/// Whether two different names are one where `-` and `_` are the same, as in CGI's variables (RFC 3875 §4.1.18).
fn are_twins(left: &str, right: &str) -> bool {
    let folded = |byte: u8| if byte == b'_' { b'-' } else { byte };
    left != right && left.bytes().map(folded).eq(right.bytes().map(folded))
}

/// Whether a request header field (in lower case) is one that HTTP, browsers, gRPC or tracing add by themselves, so that no
/// contract declares it. `Authorization`, cookies and `X-` fields are never among them: what an API reads from those, its
/// contract says. No standard name holds `_`.
pub fn is_standard(name: &str) -> bool {
    const PREFIXES: [&str; 6] = ["accept-", "content-", "if-", "sec-", "access-control-request-", "grpc-"];
    if name.contains('_') {
        return false;
    }
    matches!(
        name,
        "accept"
            | "baggage"
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
            | "signature"
            | "signature-input"
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
