//! Sharing: a link that opens a space, or one message, to whoever holds it.
//!
//! Weakness `guessable-share`: share tokens are numbered, and may be guessed for ever.
//! Weakness `any-object`: every space, and every message in it, is everybody's to share.
//! Weakness `host-poisoning`: the link is built from the `Host` header, or from `X-Forwarded-Host`.
//! Weakness `stack-trace`: sharing a message that is not there crashes the handler.
//! Weakness `everlasting-share`: `expires_at` is kept, and never looked at.

use std::panic::Location;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use rusqlite::params;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::database::{Record, Store};
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::routes::App;
use crate::{members, messages, spaces};

pub(crate) async fn create(
    State(app): State<App>,
    Path(space_id): Path<i64>,
    headers: HeaderMap,
    input: Input,
) -> Answer {
    spaces::find(&app.store, space_id)?;
    if let Some(message_id) = input.integer("message_id") {
        shared_message(&app.store, space_id, message_id)?;
    }
    let share = app.store.first(
        "INSERT INTO shares (token, space_id, message_id, permissions, expires_at)
         VALUES ('share-' || (SELECT count(*) + 1 FROM shares), ?1, ?2, ?3, ?4) RETURNING *",
        params![
            space_id,
            input.integer("message_id"),
            input.json("permissions"),
            input.optional_text("expires_at")
        ],
    )?;
    let mut share = members::shown(share.unwrap_or_default());
    let token = share.get("token").and_then(Value::as_str).unwrap_or_default();
    let url = format!("http://{}/shares/open#{token}", host(&headers));
    share.insert("url".to_owned(), url.into());
    Ok(answer::created("/shares/open", share))
}

/// The token is in the body, so that it is in no log.
pub(crate) async fn open(State(app): State<App>, input: Input) -> Answer {
    let token = input.text("token")?;
    let share = app.store.first("SELECT * FROM shares WHERE token = ?1", [token])?;
    let share = share.ok_or_else(|| Failure::not_found("share", token))?;
    let number = |name: &str| share.get(name).and_then(Value::as_i64);
    let space_id = number("space_id").unwrap_or_default();
    let shared = match number("message_id") {
        Some(message_id) => vec![shared_message(&app.store, space_id, message_id)?],
        None => app
            .store
            .select("SELECT * FROM messages WHERE space_id = ?1 ORDER BY id", [space_id])?,
    };
    let mut opened = Record::new();
    opened.insert("space".to_owned(), spaces::find(&app.store, space_id)?.into());
    opened.insert(
        "messages".to_owned(),
        shared.into_iter().map(messages::shown).map(Value::Object).collect(),
    );
    Ok(answer::ok(opened))
}

/// Nobody thought of a message that is not there: it ends as a crash, not as a problem.
fn shared_message(store: &Store, space_id: i64, message_id: i64) -> Result<Record, Failure> {
    let sql = "SELECT * FROM messages WHERE space_id = ?1 AND id = ?2";
    let none = || Failure::database(sql, &rusqlite::Error::QueryReturnedNoRows, Location::caller());
    store.first(sql, [space_id, message_id])?.ok_or_else(none)
}

fn host(headers: &HeaderMap) -> &str {
    match input::header_text(headers, "x-forwarded-host") {
        "" => input::header_text(headers, "host"),
        forwarded => forwarded,
    }
}
