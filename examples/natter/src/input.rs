//! What the client sent, taken at its word: bodies and query parameters.
//!
//! Weakness `any-content-type`: a body is read as JSON whatever its `Content-Type` says.
//! Weakness `decompression-bomb`: a gzip body is decoded without a bound.
//! Weakness `duplicate-keys`: of two members with one name the last wins, silently.
//! Weakness `repeated-parameter`: of two parameters with one name the last wins, silently.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::Value;

use crate::database::Record;
use crate::failure::Failure;

/// The query parameters, decoded, in their order.
pub(crate) type Query = axum::extract::Query<Vec<(String, String)>>;

/// The members of the JSON object that a client sent.
pub(crate) struct Input(pub(crate) Record);

impl<S: Send + Sync> FromRequest<S> for Input {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let body = decoded(&parts.headers, body).await?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(other) => Err(Failure::bad_request(format!("expected an object, got {other}"))),
            Err(error) => Err(Failure::bad_request(format!(
                "{error} in {}",
                String::from_utf8_lossy(&body)
            ))),
        }
    }
}

impl Input {
    /// A member that must be a string.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> Result<&str, Failure> {
        let found = self.0.get(name);
        found
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::bad_request(format!("`{name}` is {found:?}, not a string")))
    }

    /// A member that may be absent.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// A string member that may be absent.
    pub(crate) fn optional_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A member as JSON text; `null` when absent.
    pub(crate) fn json(&self, name: &str) -> String {
        self.0.get(name).unwrap_or(&Value::Null).to_string()
    }
}

async fn decoded(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let whole = axum::body::to_bytes(body, usize::MAX).await;
    let whole = whole.map_err(|error| Failure::bad_request(format!("the body broke off: {error}")))?;
    if headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|coding| coding != "gzip")
    {
        return Ok(whole);
    }
    let mut plain = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(whole.as_ref());
    decoder
        .read_to_end(&mut plain)
        .map_err(|error| Failure::bad_request(format!("bad gzip: {error}")))?;
    Ok(plain.into())
}

/// The last parameter of that name.
pub(crate) fn last<'q>(query: &'q Query, name: &str) -> Option<&'q str> {
    query
        .iter()
        .rfind(|(given, _)| given == name)
        .map(|(_, value)| value.as_str())
}

/// Every parameter of that name.
pub(crate) fn all<'q>(query: &'q Query, name: &'q str) -> impl Iterator<Item = &'q str> {
    query
        .iter()
        .filter(move |(given, _)| given == name)
        .map(|(_, value)| value.as_str())
}

/// A request header as text; empty when absent.
pub(crate) fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Weakness `negative-limit`: any number is taken, and SQLite reads a negative one as "no limit".
pub(crate) fn limit(query: &Query) -> i64 {
    last(query, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(50)
}
