//! Members of a space and what they may do there: read, write, delete.
//!
//! Weakness `any-function`: anybody may make anybody a member, or turn anybody out.
//! Weakness `any-name`, `any-permission`: any text is a member's name, and any text a permission.
//! Weakness `decorative-permissions`: permissions are kept and shown, and no handler asks for them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use rusqlite::params;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::database::Record;
use crate::failure::Failure;
use crate::input::Input;
use crate::routes::App;
use crate::spaces;

pub(crate) async fn list(State(app): State<App>, Path(space_id): Path<i64>) -> Answer {
    spaces::find(&app.store, space_id)?;
    let members = app.store.select(
        "SELECT * FROM members WHERE space_id = ?1 ORDER BY username",
        [space_id],
    )?;
    Ok(answer::ok(
        members.into_iter().map(shown).map(Value::Object).collect::<Value>(),
    ))
}

pub(crate) async fn set(
    State(app): State<App>,
    Path((space_id, username)): Path<(i64, String)>,
    input: Input,
) -> Answer {
    spaces::find(&app.store, space_id)?;
    let member = app.store.first(
        "INSERT INTO members VALUES (?1, ?2, ?3)
         ON CONFLICT (space_id, username) DO UPDATE SET permissions = excluded.permissions RETURNING *",
        params![space_id, username, input.json("permissions")],
    )?;
    Ok(answer::ok(shown(member.unwrap_or_default())))
}

pub(crate) async fn remove(State(app): State<App>, Path((space_id, username)): Path<(i64, String)>) -> Answer {
    let gone = app.store.first(
        "DELETE FROM members WHERE space_id = ?1 AND username = ?2 RETURNING *",
        params![space_id, username],
    )?;
    gone.ok_or_else(|| Failure::not_found("member", username))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The row with its permissions as the list that they are.
pub(crate) fn shown(mut row: Record) -> Record {
    let permissions = row
        .get("permissions")
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str(text).ok());
    row.insert("permissions".to_owned(), permissions.unwrap_or_default());
    row
}
