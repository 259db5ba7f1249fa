//! What some frameworks do out of kindness: obeying the client about the verb, tidying up its path.
//!
//! Weakness `method-override`: `X-HTTP-Method-Override: DELETE` turns a `POST` into a `DELETE`.
//! Weakness `path-confusion`: `%2e%2e`, `%2f`, `\` and `//` are resolved here, after others judged the path.

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;

use crate::fetch::encoded;

pub(crate) async fn obey_client(mut request: Request, next: Next) -> Response {
    if let Some(method) = request.headers().get("x-http-method-override")
        && let Ok(method) = Method::from_bytes(method.as_bytes())
    {
        *request.method_mut() = method;
    }
    if let Some(uri) = tidied(request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

fn tidied(uri: &Uri) -> Option<Uri> {
    let decoded = percent_decoded(uri.path()).replace('\\', "/");
    let mut segments = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(encoded(segment)),
        }
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/{}{query}", segments.join("/"))).ok()?);
    Uri::from_parts(parts).ok()
}

fn percent_decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match (
            piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            piece.get(2..),
        ) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => bytes.extend_from_slice(format!("%{piece}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::tidied;

    fn check(given: &str, expected: &str) {
        let uri = given.parse().unwrap();
        assert_eq!(tidied(&uri).unwrap().to_string(), expected, "{given}");
    }

    #[test]
    fn paths_are_tidied() {
        check("/spaces/1", "/spaces/1");
        check("/spaces/%2e%2e/debug/users", "/debug/users");
        check("/spaces/1%2f..%2f../users?limit=1", "/users?limit=1");
        check("//spaces//1/", "/spaces/1");
        check("/spaces/1/members/a%20b", "/spaces/1/members/a%20b");
        check("/100%", "/100%25");
    }
}
