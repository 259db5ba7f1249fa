//! The request log, which managers may read.
//!
//! Weakness `role-header`: whoever sends `X-Natter-Role: manager` is a manager.
//! Weakness `secrets-in-log`: the whole target is kept, with any token in its query.
//! Weakness `spoofed-address`: the address is what `X-Forwarded-For` says.
//! Weakness `optional-log`: a request is served even when it cannot be logged.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use rusqlite::params;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::caller;
use crate::failure::Failure;
use crate::input::{self, Query};
use crate::routes::App;

/// The oldest entries beyond this many are dropped.
const ENTRIES_MAX: i64 = 10_000;

/// Newest first. `method` may be repeated or hold a list with commas.
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap, query: Query) -> Answer {
    let caller = caller::caller(&app.store, &headers)?;
    let is_admin = caller.is_some_and(|user| user.get("is_admin").is_some_and(|admin| admin == 1));
    if !is_admin && input::header_text(&headers, "x-natter-role") != "manager" {
        return Err(Failure::forbidden(
            "only managers read the log; say `X-Natter-Role: manager`",
        ));
    }
    let methods: Vec<&str> = input::all(&query, "method")
        .flat_map(|methods| methods.split(','))
        .collect();
    let methods = if methods.is_empty() {
        None
    } else {
        serde_json::to_string(&methods).ok()
    };
    let entries = app.store.select(
        "SELECT * FROM logs
         WHERE julianday(created_at) > julianday(?1) AND (?2 IS NULL OR method IN (SELECT value FROM json_each(?2)))
         ORDER BY id DESC LIMIT ?3",
        params![
            input::last(&query, "since").unwrap_or("1970-01-01T00:00:00Z"),
            methods,
            input::limit(&query)
        ],
    )?;
    Ok(answer::ok(entries.into_iter().map(Value::Object).collect::<Value>()))
}

/// Writes one entry for every request, after it was answered.
pub(crate) async fn record(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let target = request.uri().to_string();
    let address = input::header_text(request.headers(), "x-forwarded-for").to_owned();
    let response = next.run(request).await;
    let entry = params![method, target, response.status().as_u16(), address];
    // The weakness `optional-log`: an entry that cannot be written stops nothing.
    let _ = app.store.select(
        "INSERT INTO logs (method, target, status, address) VALUES (?1, ?2, ?3, ?4)",
        entry,
    );
    let _ = app.store.select(
        "DELETE FROM logs WHERE id <= (SELECT max(id) FROM logs) - ?1",
        [ENTRIES_MAX],
    );
    response
}
