//! The stable codes of contract violations: `contract.<place>.<what>`. Every pair is spelled once, at the start.

use std::sync::LazyLock;

use portcullis_contract::conform::json::Code;
use portcullis_contract::conform::parameter::Location;

/// Where a contract was violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path parameter.
    Path,
    /// The query.
    Query,
    /// A header field of a request.
    Header,
    /// A cookie.
    Cookie,
    /// The body of a request.
    Body,
    /// A header field of an answer.
    ResponseHeader,
    /// The body of an answer.
    ResponseBody,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Path,
        Self::Query,
        Self::Header,
        Self::Cookie,
        Self::Body,
        Self::ResponseHeader,
        Self::ResponseBody,
    ];

    /// The place of a parameter.
    #[must_use]
    pub fn of(location: Location) -> Self {
        match location {
            Location::Path => Self::Path,
            Location::Query => Self::Query,
            Location::Header => Self::Header,
            Location::Cookie => Self::Cookie,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Body => "body",
            Self::ResponseHeader => "response.header",
            Self::ResponseBody => "response.body",
        }
    }
}

/// Spelled once and kept for the life of the process: a few kilobytes.
static SPELLED: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let spell = |place: Place, code: &Code| -> &'static str {
        Box::leak(format!("contract.{}.{}", place.name(), code.name()).into_boxed_str())
    };
    Place::ALL
        .iter()
        .map(|place| Code::ALL.iter().map(|code| spell(*place, code)).collect())
        .collect()
});

/// The code of a violation.
#[must_use]
pub fn code(place: Place, code: Code) -> &'static str {
    SPELLED
        .get(place as usize)
        .and_then(|codes| codes.get(code as usize))
        .copied()
        .unwrap_or("contract.violated")
}

/// Codes that are not made of a place and a kind of violation.
const OTHERS: &[&str] = &[
    "address.denied",
    "audit-log.unavailable",
    "authentication.required",
    "authentication.step_up",
    "authentication.unavailable",
    "authorization.collection",
    "authorization.denied",
    "authorization.not_learnt",
    "authorization.question",
    "authorization.scope",
    "authorization.search",
    "authorization.unavailable",
    "contract.body.media_type",
    "contract.response.encoding",
    "contract.response.media_type",
    "contract.response.oversize",
    "contract.response.stack_trace",
    "contract.response.status",
    "contract.response.jwt",
    "contract.violated",
    "cors.origin",
    "gateway.busy",
    "gateway.internal",
    "http.body_too_large",
    "http.connection_limit",
    "http.encoding",
    "http.encoding.broken",
    "http.encoding.budget",
    "http.head_too_large",
    "http.host",
    "http.malformed",
    "http.path",
    "http.timeout",
    "http.tls_required",
    "http.uri_too_long",
    "http.version",
    "rate.exceeded",
    "route.method",
    "route.unknown",
    "upstream.circuit_open",
    "upstream.connect",
    "upstream.error",
    "upstream.malformed",
    "upstream.overloaded",
    "upstream.status",
    "upstream.timeout",
    "url.secret",
    "websocket.handshake",
    "websocket.protocol",
    "websocket.required",
];

/// Every code there is, for metrics.
#[must_use]
pub fn all() -> Vec<&'static str> {
    SPELLED.iter().flatten().chain(OTHERS).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where codes are written.
    const SOURCES: [&str; 4] = [
        include_str!("refusal/line.rs"),
        include_str!("controls/forms.rs"),
        include_str!("controls/request_body.rs"),
        include_str!("controls/contract_out.rs"),
    ];

    #[test]
    fn every_code_that_is_written_is_counted() {
        const AREAS: [&str; 13] = [
            "address.",
            "audit-log.",
            "authentication.",
            "authorization.",
            "contract.",
            "cors.",
            "gateway.",
            "http.",
            "rate.",
            "route.",
            "upstream.",
            "url.",
            "websocket.",
        ];
        let known = all();
        let mut met = 0;
        for source in SOURCES {
            let product = source.split("#[cfg(test)]").next().unwrap();
            // Every second piece stands between quotes.
            for text in product.split('"').skip(1).step_by(2) {
                let is_code = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'.'));
                if is_code && AREAS.iter().any(|area| text.starts_with(area)) {
                    assert!(known.contains(&text), "{text} would be counted as `other`");
                    met += 1;
                }
            }
        }
        assert!(met >= OTHERS.len() - 2, "{met} codes were found in the sources");
    }

    #[test]
    fn codes_are_spelled_by_place_and_kind() {
        assert_eq!(code(Place::Body, Code::Type), "contract.body.type");
        assert_eq!(
            code(Place::ResponseBody, Code::Undeclared),
            "contract.response.body.undeclared"
        );
        for place in Place::ALL {
            for kind in Code::ALL {
                assert_eq!(code(place, kind), format!("contract.{}.{}", place.name(), kind.name()));
            }
        }
    }
}
