//! A refusal as gRPC says it: status 200, and the reason in the trailers, which are the whole answer ("Trailers-Only" of the
//! protocol's description).

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::refusal::Refusal;

impl Refusal {
    /// The answer to a request of gRPC. Its message is the stable code and its title; neither holds what a client sent.
    pub(crate) fn to_grpc(&self) -> Response<Bytes> {
        let line = self.line();
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            HeaderName::from_static("grpc-status"),
            HeaderValue::from(status_of(line.status)),
        );
        // Codes and titles are plain ASCII, which needs no percent-encoding.
        if let Ok(message) = HeaderValue::try_from(format!("{}: {}", line.code, line.title)) {
            headers.insert(HeaderName::from_static("grpc-message"), message);
        }
        response
    }
}

/// The status of gRPC that a client makes of one of HTTP ("HTTP to gRPC Status Code Mapping"), so that a refusal means the same
/// whichever way it is told.
fn status_of(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_trailers_alone() {
        let contract = |status| Refusal::Contract {
            code: "contract.header.required",
            status,
            pointer: None,
            parameter: None,
        };
        for (refusal, status) in [
            (contract(StatusCode::BAD_REQUEST), "13"),
            (contract(StatusCode::BAD_GATEWAY), "14"),
            (Refusal::RouteUnknown, "12"),
            (
                Refusal::Rate {
                    limit: "all".into(),
                    retry_after_seconds: 1,
                },
                "14",
            ),
            (Refusal::UpstreamConnect, "14"),
            (Refusal::UpstreamTimeout, "14"),
            (Refusal::BodyTooLarge, "2"),
            (Refusal::Host, "2"),
            (Refusal::Internal, "2"),
        ] {
            let response = refusal.to_grpc();
            assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
            assert_eq!(response.headers()["grpc-status"], status, "{refusal:?}");
            let message = response.headers()["grpc-message"].to_str().unwrap();
            assert!(message.starts_with(refusal.code()), "{message}");
        }
    }
}
