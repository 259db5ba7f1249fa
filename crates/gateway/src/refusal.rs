//! Every way the gate says no, and the problem response of each (RFC 9457).
//!
//! One exhaustive enum, one table from it to what a client is told. A response never holds a value that the client sent, nor
//! anything about what is inside: only a stable code, the control that refused, names that the contract itself declares, and the
//! id that leads to the log.

mod line;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, Response, StatusCode};
use serde_json::{Map, Value};

use crate::controls::security_headers;
use crate::decision_point::Unanswerable;
use crate::decisions::Denied;
use crate::dpop::Nonce;
use crate::listen::{Malformed, PathProblem, RequestId};
use crate::websocket::handshake::Unopened;

pub use line::Line;

/// The nonce that proofs need (RFC 9449 §8.2).
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Why a request gets no answer from the upstream, or its answer does not get out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are not one unambiguous HTTP/1.1 request; the reason is for the log only.
    Malformed(Malformed),
    /// Plain HTTP, where TLS is spoken.
    ClearText,
    /// The path could be read in two ways; the reason is for the log only.
    Path(PathProblem),
    /// The request is for a host that is not served here.
    Host,
    /// The body is larger than the operation allows.
    BodyTooLarge,
    /// Too many connections, in all or from one address.
    ConnectionLimit,
    /// The content coding is not known.
    EncodingUnknown,
    /// The body is not what its content coding says.
    EncodingBroken,
    /// The body would grow beyond its budget when decoded.
    EncodingBudget,
    /// A rate limit is used up until `retry_after_seconds` from now.
    Rate {
        /// Its name, for log and metrics only: a client learns nothing of how it is counted.
        limit: Arc<str>,
        /// Whole seconds after which one request more will pass, at least 1.
        retry_after_seconds: u64,
    },
    /// The caller's address is not one that may call.
    Address,
    /// A page of another origin may not send this.
    Origin,
    /// A credential is missing, or bad.
    Unauthenticated {
        /// `WWW-Authenticate`, a field for each scheme.
        challenges: Vec<String>,
        /// Why, for the log only.
        why: &'static str,
        /// `DPoP-Nonce`, where a proof needs one (RFC 9449 §9).
        nonce: Option<Nonce>,
    },
    /// The credential is good, and not for this.
    Forbidden {
        /// `WWW-Authenticate`, a field for each scheme.
        challenges: Vec<String>,
    },
    /// Nothing permits this caller to do this, or something forbids it.
    Denied(Denied),
    /// The answer lists what not everybody may see, and cannot be reduced to what this caller may.
    Irreducible(&'static str),
    /// Of the gate as a decision point something is asked that it cannot answer.
    Question(Unanswerable),
    /// The token is good, and its subject has to prove itself better, or anew (RFC 9470).
    StepUp {
        /// `WWW-Authenticate`.
        challenges: Vec<String>,
    },
    /// The keys to verify the credential with are not here.
    Unverifiable,
    /// Relations that the operation brings about could not be written down now, so nothing was done.
    Unlearnable,
    /// The operation was done, and the relations that it brings about could not be written down.
    Unlearnt,
    /// No operation has this path.
    RouteUnknown,
    /// The path is known, its operations have other methods.
    RouteMethod {
        /// The methods that the path has, comma separated, as `Allow` says them (RFC 9110 §10.2.1).
        allow: String,
    },
    /// A secret stands in the URL.
    UrlSecret {
        /// The parameter's name, when it is one that the contract declares.
        parameter: Option<String>,
    },
    /// The request or the answer is not what the contract says.
    Contract {
        /// The stable code, such as `contract.body.type`.
        code: &'static str,
        /// The status: 4xx for a request, 502 for an answer.
        status: StatusCode,
        /// Where in a body, as an RFC 6901 pointer of names that the contract declares.
        pointer: Option<String>,
        /// Which parameter, by the name that the contract declares.
        parameter: Option<String>,
    },
    /// The operation is a WebSocket, and the request opens none.
    WebSocket(Unopened),
    /// No connection to the upstream.
    UpstreamConnect,
    /// The upstream was too slow.
    UpstreamTimeout,
    /// Too many requests wait for the upstream already.
    UpstreamOverloaded,
    /// So much failed at the upstream lately that nothing is sent there until `retry_after_seconds` from now.
    UpstreamCircuitOpen {
        /// Whole seconds after which a request may pass, at least 1.
        retry_after_seconds: u64,
    },
    /// The upstream's answer is not HTTP.
    UpstreamMalformed,
    /// The upstream failed in the middle of its answer, or answered with an error that is not passed on.
    UpstreamError {
        /// Why the error is not passed on, where there was one.
        because: Option<Blocked>,
    },
    /// The upstream answered with an error, 4xx, of which nothing else is passed on.
    UpstreamStatus {
        /// The error's status.
        status: StatusCode,
        /// Why the rest is not passed on.
        because: Blocked,
    },
    /// The audit log cannot be written, and nothing is done that is not in it.
    Unrecorded,
    /// The bodies that are being judged take all the room there is for them, or as many logins wait as may.
    Busy,
    /// A mistake of ours: logged, never explained to the client.
    Internal,
}

/// What about an error of the upstream is not what the contract says: for the log only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The stable code, such as `contract.response.body.undeclared`.
    pub code: &'static str,
    /// The declared header, or where in the body (RFC 6901), if that is known.
    pub place: Option<Box<str>>,
}

/// Tells what has to be presented, a field for each scheme.
fn challenge(headers: &mut HeaderMap, challenges: &[String]) {
    for value in challenges.iter().flat_map(|challenge| HeaderValue::from_str(challenge)) {
        headers.append(WWW_AUTHENTICATE, value);
    }
}

impl Refusal {
    /// The declared parameter, or the place in a body (RFC 6901), that it is about, if there is one.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Contract { pointer, parameter, .. } => parameter.as_deref().or(pointer.as_deref()),
            Self::UrlSecret { parameter } => parameter.as_deref(),
            Self::Unauthenticated { why, .. } => Some(why),
            Self::Denied(Denied(why)) => Some(why),
            Self::Irreducible(why) => Some(why),
            Self::Question(why) => Some(why.place()),
            _ => None,
        }
    }

    /// Why an error of the upstream was not passed on, where that is what happened.
    #[must_use]
    pub fn blocked(&self) -> Option<&Blocked> {
        match self {
            Self::UpstreamStatus { because, .. } => Some(because),
            Self::UpstreamError { because } => because.as_ref(),
            _ => None,
        }
    }

    /// The rate limit that refuses, if one does.
    #[must_use]
    pub fn limit(&self) -> Option<&Arc<str>> {
        match self {
            Self::Rate { limit, .. } => Some(limit),
            _ => None,
        }
    }

    /// The stable code, `control.what`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.line().code
    }

    /// The status, 400 or above.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.line().status
    }

    /// The control that refused: the code up to its first dot.
    #[must_use]
    pub fn control(&self) -> &'static str {
        control_of(self.code())
    }

    /// The whole response. It is never stored by a cache, and says `Connection: close` where the rest of what the client sends
    /// cannot be told apart from a next request.
    #[must_use]
    pub fn response(&self, id: &RequestId) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.problem(id)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        security_headers::write(headers);
        match self {
            Self::RouteMethod { allow } => {
                if let Ok(value) = HeaderValue::from_str(allow) {
                    headers.insert(ALLOW, value);
                }
            }
            Self::Rate {
                retry_after_seconds, ..
            }
            | Self::UpstreamCircuitOpen { retry_after_seconds } => {
                headers.insert(RETRY_AFTER, HeaderValue::from((*retry_after_seconds).max(1)));
            }
            Self::WebSocket(Unopened::NotAsked) => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            }
            Self::Unauthenticated { challenges, nonce, .. } => {
                challenge(headers, challenges);
                let nonce = nonce.and_then(|nonce| HeaderValue::try_from(nonce.to_string()).ok());
                if let Some(nonce) = nonce {
                    headers.insert(DPOP_NONCE, nonce);
                }
            }
            Self::Forbidden { challenges } | Self::StepUp { challenges } => challenge(headers, challenges),
            Self::ConnectionLimit
            | Self::UpstreamOverloaded
            | Self::Busy
            | Self::Unverifiable
            | Self::Unlearnable
            | Self::Unrecorded => {
                headers.insert(RETRY_AFTER, HeaderValue::from(1));
            }
            _ => {}
        }
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The response as bytes, for a connection that has no HTTP machinery behind it (any more). It always ends the connection.
    #[must_use]
    pub fn to_wire(&self, id: &RequestId) -> Vec<u8> {
        let mut response = self.response(id);
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        let status = response.status();
        let mut wire = Vec::with_capacity(512);
        wire.extend_from_slice(b"HTTP/1.1 ");
        wire.extend_from_slice(status.as_str().as_bytes());
        wire.push(b' ');
        wire.extend_from_slice(status.canonical_reason().unwrap_or("Refused").as_bytes());
        wire.extend_from_slice(b"\r\n");
        for (name, value) in response.headers() {
            wire.extend_from_slice(name.as_str().as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(format!("content-length: {}\r\n\r\n", response.body().len()).as_bytes());
        wire.extend_from_slice(response.body());
        wire
    }

    fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_) | Self::ClearText | Self::ConnectionLimit | Self::Internal
        )
    }

    fn problem(&self, id: &RequestId) -> Vec<u8> {
        let Line { code, status, title } = self.line();
        let mut problem = Map::new();
        problem.insert("type".to_owned(), Value::from(format!("urn:portcullis:refusal:{code}")));
        problem.insert("title".to_owned(), Value::from(title));
        problem.insert("status".to_owned(), Value::from(status.as_u16()));
        problem.insert("code".to_owned(), Value::from(code));
        problem.insert("control".to_owned(), Value::from(self.control()));
        let (pointer, parameter) = match self {
            Self::Contract { pointer, parameter, .. } => (pointer.as_deref(), parameter.as_deref()),
            Self::UrlSecret { parameter } => (None, parameter.as_deref()),
            _ => (None, None),
        };
        if let Some(pointer) = pointer {
            problem.insert("pointer".to_owned(), Value::from(pointer));
        }
        if let Some(parameter) = parameter {
            problem.insert("parameter".to_owned(), Value::from(parameter));
        }
        problem.insert("request_id".to_owned(), Value::from(id.to_string()));
        Value::Object(problem).to_string().into_bytes()
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// The control of a code: what stands before its first dot.
pub(crate) fn control_of(code: &str) -> &str {
    code.split_once('.').map_or(code, |(control, _)| control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RequestId {
        RequestId::from_bits(1)
    }

    fn check(refusal: &Refusal, status: u16, body: &str) {
        let response = refusal.response(&id());
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(std::str::from_utf8(response.body()), Ok(body));
    }

    #[test]
    fn a_refusal_is_a_problem() {
        check(
            &Refusal::RouteUnknown,
            404,
            r#"{"type":"urn:portcullis:refusal:route.unknown","title":"No such path","status":404,"code":"route.unknown","control":"route","request_id":"00000000000000000000000001"}"#,
        );
        let contract = Refusal::Contract {
            code: "contract.body.type",
            status: StatusCode::BAD_REQUEST,
            pointer: Some("/a\"b".to_owned()),
            parameter: None,
        };
        check(
            &contract,
            400,
            r#"{"type":"urn:portcullis:refusal:contract.body.type","title":"The request is not what the contract says","status":400,"code":"contract.body.type","control":"contract","pointer":"/a\"b","request_id":"00000000000000000000000001"}"#,
        );
    }

    #[test]
    fn headers_that_are_due() {
        let method = Refusal::RouteMethod {
            allow: "GET, POST".to_owned(),
        }
        .response(&id());
        assert_eq!(method.headers()[ALLOW], "GET, POST");
        let rate = Refusal::Rate {
            limit: "login".into(),
            retry_after_seconds: 0,
        }
        .response(&id());
        assert!(!String::from_utf8_lossy(rate.body()).contains("login"));
        assert_eq!(rate.headers()[RETRY_AFTER], "1");
        assert!(!rate.headers().contains_key(CONNECTION));
        let open = Refusal::UpstreamCircuitOpen { retry_after_seconds: 7 }.response(&id());
        assert_eq!(open.headers()[RETRY_AFTER], "7");
        let malformed = Refusal::Malformed(Malformed::Host).response(&id());
        assert_eq!(malformed.headers()[CONNECTION], "close");
    }

    #[test]
    fn the_wire_form_is_one_whole_response() {
        let wire = String::from_utf8(Refusal::RouteUnknown.to_wire(&id())).unwrap();
        let (head, body) = wire.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
        assert!(head.contains("connection: close"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    }
}
