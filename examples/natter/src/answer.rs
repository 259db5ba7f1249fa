//! Successful answers, and the headers that every answer carries.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::failure::Failure;

/// What a handler returns.
pub(crate) type Answer = Result<Response, Failure>;

/// 200 with a JSON body.
pub(crate) fn ok(body: impl Into<Value>) -> Response {
    json(StatusCode::OK, &body.into())
}

/// 201 with a JSON body and the new thing's `Location`.
pub(crate) fn created(location: &str, body: impl Into<Value>) -> Response {
    let mut response = json(StatusCode::CREATED, &body.into());
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Weakness `banner`: every answer says what runs here, in which version, and on which inner host.
pub(crate) async fn banner(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::SERVER,
        HeaderValue::from_static("Natter/0.1.0 (axum/0.8; SQLite/3)"),
    );
    headers.insert("x-powered-by", HeaderValue::from_static("Rust 1.95, Debian 13"));
    headers.insert(
        "x-backend-server",
        HeaderValue::from_static("natter-7f9c.internal:8081"),
    );
    response
}
