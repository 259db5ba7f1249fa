//! Every way Natter says no, and how that becomes an answer, in this one place.
//!
//! Weakness `verbose-problems`: a problem carries the place in the source and the caller's own input.
//! Weakness `stack-trace`: a database error is answered as text with the SQL and the calls.
//! Both are here so that the gate has something to make sober.

use std::panic::Location;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refused or failed request.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An answer in `application/problem+json`.
    Problem {
        status: StatusCode,
        detail: String,
        place: String,
    },
    /// An answer in plain text, with everything an attacker hopes for.
    Crash { message: String },
}

impl Failure {
    #[track_caller]
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::problem(StatusCode::BAD_REQUEST, detail.into(), Location::caller())
    }

    #[track_caller]
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::problem(StatusCode::UNAUTHORIZED, detail.into(), Location::caller())
    }

    #[track_caller]
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::problem(StatusCode::FORBIDDEN, detail.into(), Location::caller())
    }

    #[track_caller]
    pub(crate) fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::problem(StatusCode::NOT_FOUND, format!("no {what} `{name}`"), Location::caller())
    }

    pub(crate) fn database(sql: &str, error: &rusqlite::Error, place: &Location<'_>) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
            return Self::problem(StatusCode::CONFLICT, format!("{error} in {sql}"), place);
        }
        let library = rusqlite::version();
        let message = format!(
            "InternalError: {error}\n  while running: {sql}\n  at natter::database::Store::select\n  at {place}\n  \
             at axum::serve\ndatabase: SQLite {library} at natter-db-1.internal, user `natter_rw`\n"
        );
        Self::Crash { message }
    }

    fn problem(status: StatusCode, detail: String, place: &Location<'_>) -> Self {
        Self::Problem {
            status,
            detail,
            place: place.to_string(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Problem { status, detail, place } => {
                let title = status.canonical_reason().unwrap_or("Problem");
                let body = json!({
                    "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
                    "trace": ["natter::routes::natter", place],
                });
                (
                    status,
                    [(header::CONTENT_TYPE, "application/problem+json")],
                    body.to_string(),
                )
                    .into_response()
            }
            Self::Crash { message } => (StatusCode::INTERNAL_SERVER_ERROR, message).into_response(),
        }
    }
}
