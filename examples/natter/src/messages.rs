//! Messages: post, list since a time, read one, export as text.
//!
//! Weakness `sql-injection`: the `author` parameters are pasted into the query.
//! Weakness `any-kind`, `any-type`, `any-length`: whatever JSON stands for the content is kept.
//! Weakness `any-header`: so is any idempotency key.
//! Weakness `impersonation`: the author is whoever the body names.
//! Weakness `excessive-data`: the author's address and idempotency key are answered with the message.
//! Weakness `any-object`: every space's messages are everybody's to read, and every space everybody's to post into.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use rusqlite::params;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::database::Record;
use crate::failure::Failure;
use crate::input::{self, Input, Query};
use crate::routes::App;
use crate::{caller, link_preview, spaces};

pub(crate) async fn post(
    State(app): State<App>,
    Path(space_id): Path<i64>,
    headers: HeaderMap,
    input: Input,
) -> Answer {
    spaces::find(&app.store, space_id)?;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    if let Some(earlier) = app
        .store
        .first("SELECT * FROM messages WHERE idempotency_key = ?1", [key])?
    {
        return Ok(answered(shown(earlier)));
    }
    let content = input
        .0
        .get("content")
        .ok_or_else(|| Failure::bad_request("`content` is missing"))?;
    let content = link_preview::completed(app.link_preview, content.clone()).await;
    let message = app.store.first(
        "INSERT INTO messages (id, space_id, author, content, reply_to, idempotency_key, author_address)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING *",
        params![
            input.integer("id"),
            space_id,
            caller::caller_name(&app.store, &headers, input.optional_text("author"))?,
            content.to_string(),
            input.integer("reply_to"),
            key,
            input::header_text(&headers, "x-forwarded-for"),
        ],
    )?;
    let message = shown(message.unwrap_or_default());
    app.events.publish(space_id, &message);
    Ok(answered(message))
}

/// Newest last. `since` is exclusive; `author` may be repeated; `order=desc` turns the list round.
pub(crate) async fn list(State(app): State<App>, Path(space_id): Path<i64>, query: Query) -> Answer {
    spaces::find(&app.store, space_id)?;
    let authors: Vec<String> = input::all(&query, "author")
        .map(|author| format!("'{author}'"))
        .collect();
    let by = if authors.is_empty() {
        String::new()
    } else {
        format!("AND author IN ({})", authors.join(", "))
    };
    let order = if input::last(&query, "order") == Some("desc") {
        "DESC"
    } else {
        "ASC"
    };
    let sql = format!(
        "SELECT * FROM messages WHERE space_id = ?1 AND julianday(created_at) > julianday(?2) {by}
         ORDER BY id {order} LIMIT ?3"
    );
    let since = input::last(&query, "since").unwrap_or("1970-01-01T00:00:00Z");
    let messages = app.store.select(&sql, params![space_id, since, input::limit(&query)])?;
    Ok(answer::ok(
        messages.into_iter().map(shown).map(Value::Object).collect::<Value>(),
    ))
}

pub(crate) async fn read(State(app): State<App>, Path((space_id, message_id)): Path<(i64, i64)>) -> Answer {
    let message = app.store.first(
        "SELECT * FROM messages WHERE space_id = ?1 AND id = ?2",
        [space_id, message_id],
    )?;
    Ok(answer::ok(shown(
        message.ok_or_else(|| Failure::not_found("message", message_id))?,
    )))
}

/// The whole space as plain text, one message a line.
pub(crate) async fn export(State(app): State<App>, Path(space_id): Path<i64>) -> Answer {
    spaces::find(&app.store, space_id)?;
    let lines = app.store.select(
        "SELECT created_at || ' ' || author || ': '
             || coalesce(content ->> '$.text', content ->> '$.url', content) || char(10) AS line
         FROM messages WHERE space_id = ?1 ORDER BY id",
        [space_id],
    )?;
    let text: String = lines
        .iter()
        .filter_map(|row| row.get("line"))
        .filter_map(Value::as_str)
        .collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// The row with its content as the object that it is.
pub(crate) fn shown(mut row: Record) -> Record {
    if let Some(text) = row.get("content").and_then(Value::as_str) {
        let content = serde_json::from_str(text).unwrap_or_else(|_| text.into());
        row.insert("content".to_owned(), content);
    }
    row
}

fn answered(message: Record) -> axum::response::Response {
    let part = |name: &str| message.get(name).cloned().unwrap_or_default();
    let location = format!("/spaces/{}/messages/{}", part("space_id"), part("id"));
    answer::created(&location, message)
}
