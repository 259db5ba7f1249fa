//! Spaces: create, list, read.
//!
//! Weakness `mass-assignment-owner`: the owner is whoever the body names.
//! Weakness `excessive-data`: the internal note is answered with the rest of the row.
//! Weakness `debug-parameter`: `?debug=true` adds the query, the tables and the node to the answer.
//! Weakness `any-object`: every space is everybody's to read.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use rusqlite::params;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::caller;
use crate::database::{Record, Store};
use crate::failure::Failure;
use crate::input::{self, Input, Query};
use crate::routes::App;

const ONE: &str = "SELECT * FROM spaces WHERE id = ?1";

pub(crate) async fn create(State(app): State<App>, headers: HeaderMap, input: Input) -> Answer {
    let owner = caller::caller_name(&app.store, &headers, input.optional_text("owner"))?;
    let space = app.store.first(
        "INSERT INTO spaces (id, name, owner, internal_note) VALUES (?1, ?2, ?3, 'not reviewed, plan: free')
         RETURNING *",
        params![input.integer("id"), input.text("name")?, owner],
    )?;
    let space = space.unwrap_or_default();
    let id = space.get("id").and_then(Value::as_i64);
    app.store.select(
        "INSERT INTO members VALUES (?1, ?2, ?3)",
        params![id, owner, r#"["read","write","delete"]"#],
    )?;
    Ok(answer::created(&format!("/spaces/{}", id.unwrap_or_default()), space))
}

/// `filter[owner]` and `filter[name]` narrow the list.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let spaces = app.store.select(
        "SELECT * FROM spaces WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR name = ?2) ORDER BY id LIMIT ?3",
        params![
            input::last(&query, "filter[owner]"),
            input::last(&query, "filter[name]"),
            input::limit(&query)
        ],
    )?;
    Ok(answer::ok(spaces.into_iter().map(Value::Object).collect::<Value>()))
}

pub(crate) async fn read(State(app): State<App>, Path(space_id): Path<i64>, query: Query) -> Answer {
    let mut space = find(&app.store, space_id)?;
    if input::last(&query, "debug").is_some() {
        let tables = app
            .store
            .select("SELECT name, sql FROM sqlite_schema WHERE type = 'table'", [])?;
        let tables: Value = tables.into_iter().map(Value::Object).collect();
        space.insert(
            "debug".to_owned(),
            json!({ "query": ONE, "node": "natter-db-1.internal", "tables": tables }),
        );
    }
    Ok(answer::ok(space))
}

/// The space, or 404.
pub(crate) fn find(store: &Store, space_id: i64) -> Result<Record, Failure> {
    store
        .first(ONE, [space_id])?
        .ok_or_else(|| Failure::not_found("space", space_id))
}
