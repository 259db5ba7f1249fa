//! Moderation: taking a message away.
//!
//! Weakness `any-function`: anybody may, for any message.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::routes::App;

pub(crate) async fn delete(State(app): State<App>, Path((space_id, message_id)): Path<(i64, i64)>) -> Answer {
    let gone = app.store.first(
        "DELETE FROM messages WHERE space_id = ?1 AND id = ?2 RETURNING *",
        [space_id, message_id],
    )?;
    gone.ok_or_else(|| Failure::not_found("message", message_id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
