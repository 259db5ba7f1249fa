//! The table from a refusal to what a client is told of it: code, status, title.

use http::StatusCode;

use super::Refusal;
use crate::decision_point::Unanswerable;
use crate::listen::Malformed;
use crate::websocket::handshake::Unopened;

/// What a client is told, one line for each refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The stable code, `control.what`.
    pub code: &'static str,
    /// The status, 400 or above.
    pub status: StatusCode,
    /// The same title for every refusal with this code (RFC 9457 §3.1.4).
    pub title: &'static str,
}

const fn line(code: &'static str, status: StatusCode, title: &'static str) -> Line {
    Line { code, status, title }
}

impl Refusal {
    /// The table. Adding a refusal does not compile until it has a line here.
    #[must_use]
    pub fn line(&self) -> Line {
        match self {
            Self::Malformed(malformed) => malformed_line(*malformed),
            Self::ClearText => line(
                "http.tls_required",
                StatusCode::BAD_REQUEST,
                "Only TLS is spoken at this address",
            ),
            Self::Path(_) => line(
                "http.path",
                StatusCode::BAD_REQUEST,
                "The path is not in its canonical form",
            ),
            Self::Host => line(
                "http.host",
                StatusCode::MISDIRECTED_REQUEST,
                "This host is not served here",
            ),
            Self::ConnectionLimit => line(
                "http.connection_limit",
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many connections",
            ),
            Self::EncodingUnknown | Self::EncodingBroken | Self::EncodingBudget | Self::BodyTooLarge => {
                self.body_line()
            }
            Self::Rate { .. } => line("rate.exceeded", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Address
            | Self::Origin
            | Self::Unauthenticated { .. }
            | Self::Forbidden { .. }
            | Self::Denied(_)
            | Self::Irreducible(_)
            | Self::Question(_)
            | Self::StepUp { .. }
            | Self::Unverifiable
            | Self::Unlearnable
            | Self::Unlearnt
            | Self::Unrecorded => self.caller_line(),
            Self::RouteUnknown => line("route.unknown", StatusCode::NOT_FOUND, "No such path"),
            Self::RouteMethod { .. } => line(
                "route.method",
                StatusCode::METHOD_NOT_ALLOWED,
                "The path does not have this method",
            ),
            Self::UrlSecret { .. } => line(
                "url.secret",
                StatusCode::BAD_REQUEST,
                "A secret does not belong into a URL",
            ),
            Self::Contract { code, status, .. } if status.is_server_error() => {
                line(code, *status, "The answer is not what the contract says")
            }
            Self::Contract { code, status, .. } => line(code, *status, "The request is not what the contract says"),
            Self::WebSocket(unopened) => websocket_line(*unopened),
            Self::UpstreamConnect
            | Self::UpstreamTimeout
            | Self::UpstreamOverloaded
            | Self::UpstreamCircuitOpen { .. }
            | Self::UpstreamMalformed
            | Self::UpstreamError { .. } => self.upstream_line(),
            Self::UpstreamStatus { status, .. } => line("upstream.status", *status, "The service refused the request"),
            Self::Busy => line(
                "gateway.busy",
                StatusCode::SERVICE_UNAVAILABLE,
                "The gate has too much to do",
            ),
            Self::Internal => line("gateway.internal", StatusCode::INTERNAL_SERVER_ERROR, "The gate failed"),
        }
    }

    fn body_line(&self) -> Line {
        match self {
            Self::BodyTooLarge => line(
                "http.body_too_large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
            ),
            Self::EncodingUnknown => line(
                "http.encoding",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The content coding is not supported",
            ),
            Self::EncodingBroken => line(
                "http.encoding.broken",
                StatusCode::BAD_REQUEST,
                "The body cannot be decoded",
            ),
            _ => line(
                "http.encoding.budget",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The decoded body is too large",
            ),
        }
    }

    fn caller_line(&self) -> Line {
        match self {
            Self::Address => line(
                "address.denied",
                StatusCode::FORBIDDEN,
                "This address may not call here",
            ),
            Self::Unauthenticated { .. } => line(
                "authentication.required",
                StatusCode::UNAUTHORIZED,
                "A valid credential is needed",
            ),
            Self::Forbidden { .. } => line(
                "authorization.scope",
                StatusCode::FORBIDDEN,
                "The credential is not for this",
            ),
            Self::Denied(_) => line("authorization.denied", StatusCode::FORBIDDEN, "This is not permitted"),
            Self::Irreducible(_) => line(
                "authorization.collection",
                StatusCode::BAD_GATEWAY,
                "The answer cannot be reduced to what may be seen",
            ),
            Self::Question(Unanswerable::NotListed | Unanswerable::Elsewhere) => line(
                "authorization.search",
                StatusCode::NOT_IMPLEMENTED,
                "This cannot be searched for here",
            ),
            Self::Question(Unanswerable::Unreadable | Unanswerable::Token | Unanswerable::Unwritten) => line(
                "authorization.question",
                StatusCode::BAD_REQUEST,
                "The question cannot be read",
            ),
            Self::StepUp { .. } => line(
                "authentication.step_up",
                StatusCode::UNAUTHORIZED,
                "A better or more recent authentication is needed",
            ),
            Self::Unverifiable => line(
                "authentication.unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Credentials cannot be verified now",
            ),
            Self::Unrecorded => line(
                "audit-log.unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "The audit log cannot be written now",
            ),
            Self::Unlearnable => line(
                "authorization.unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Who may do what with the outcome cannot be written down now",
            ),
            Self::Unlearnt => line(
                "authorization.not_learnt",
                StatusCode::INTERNAL_SERVER_ERROR,
                "It was done, and who may do what with the outcome could not be written down",
            ),
            _ => line(
                "cors.origin",
                StatusCode::FORBIDDEN,
                "Pages of this origin may not do this",
            ),
        }
    }

    fn upstream_line(&self) -> Line {
        match self {
            Self::UpstreamConnect => line(
                "upstream.connect",
                StatusCode::BAD_GATEWAY,
                "The service cannot be reached",
            ),
            Self::UpstreamTimeout => line(
                "upstream.timeout",
                StatusCode::GATEWAY_TIMEOUT,
                "The service did not answer in time",
            ),
            Self::UpstreamOverloaded => line(
                "upstream.overloaded",
                StatusCode::SERVICE_UNAVAILABLE,
                "The service has too much to do",
            ),
            Self::UpstreamCircuitOpen { .. } => line(
                "upstream.circuit_open",
                StatusCode::SERVICE_UNAVAILABLE,
                "The service is given time to recover",
            ),
            Self::UpstreamMalformed => line(
                "upstream.malformed",
                StatusCode::BAD_GATEWAY,
                "The service did not answer in HTTP",
            ),
            _ => line("upstream.error", StatusCode::BAD_GATEWAY, "The service failed"),
        }
    }
}

fn websocket_line(unopened: Unopened) -> Line {
    match unopened {
        Unopened::NotAsked => line(
            "websocket.required",
            StatusCode::UPGRADE_REQUIRED,
            "This operation is a WebSocket over HTTP/1.1",
        ),
        Unopened::Malformed => line(
            "websocket.handshake",
            StatusCode::BAD_REQUEST,
            "The handshake of the WebSocket is malformed",
        ),
        Unopened::Protocol => line(
            "websocket.protocol",
            StatusCode::BAD_REQUEST,
            "No subprotocol that is offered is spoken here",
        ),
    }
}

fn malformed_line(malformed: Malformed) -> Line {
    match malformed {
        Malformed::TargetTooLong => line(
            "http.uri_too_long",
            StatusCode::URI_TOO_LONG,
            "The target of the request is too long",
        ),
        Malformed::HeadTooLarge => line(
            "http.head_too_large",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request head is too large",
        ),
        Malformed::Version => line(
            "http.version",
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "This version of HTTP is not served",
        ),
        Malformed::Timeout => line(
            "http.timeout",
            StatusCode::REQUEST_TIMEOUT,
            "The request did not arrive in time",
        ),
        Malformed::LeadingLines
        | Malformed::LineEnding
        | Malformed::RequestLine
        | Malformed::Method
        | Malformed::Target
        | Malformed::HeaderName
        | Malformed::HeaderValue
        | Malformed::LineFolding
        | Malformed::Host
        | Malformed::ContentLength
        | Malformed::TransferEncoding
        | Malformed::Chunk
        | Malformed::Trailer
        | Malformed::Truncated => line("http.malformed", StatusCode::BAD_REQUEST, "The request is malformed"),
    }
}
