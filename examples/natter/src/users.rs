//! Users: register, list, read, change, badges, and a login that hands out a session token.
//!
//! Weakness `mass-assignment-id`, `mass-assignment-admin`: any column may be set from the body.
//! Weakness `excessive-data`: the whole row is answered, with the password and its hash.
//! Weakness `any-object`: every record is everybody's to change, and every badge everybody's to have.
//! Weakness `user-enumeration`: the login tells an unknown user from a wrong password.
//! Weakness `guessable-session`: session tokens are numbered.
//! Weakness `unlimited-login`: a password may be guessed for ever.
//! Weakness `jwt-claims`: the badge is a token with the password hash and the birth date in its claims.
//! Weakness `forged-badge`: nothing signs it.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::params;
use serde_json::{Value, json};

use crate::answer::{self, Answer};
use crate::caller::caller;
use crate::database::{Record, Store};
use crate::failure::Failure;
use crate::input::{self, Input, Query};
use crate::password;
use crate::routes::App;

/// The columns that a body may set: all of them.
const COLUMNS: [&str; 6] = ["id", "username", "display_name", "email", "password", "is_admin"];

pub(crate) async fn list(State(app): State<App>, query: Query) -> Answer {
    let users = app
        .store
        .select("SELECT * FROM users ORDER BY id LIMIT ?1", [input::limit(&query)])?;
    Ok(answer::ok(users.into_iter().map(Value::Object).collect::<Value>()))
}

/// With an `id` that exists already, this becomes that user's new password.
pub(crate) async fn register(State(app): State<App>, input: Input) -> Answer {
    let given = input.text("password")?;
    let user = app.store.first(
        "INSERT INTO users (id, username, display_name, email, password, password_hash, is_admin)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET password = excluded.password, password_hash = excluded.password_hash
         RETURNING *",
        params![
            input.integer("id"),
            input.text("username")?,
            input.optional_text("display_name"),
            input.optional_text("email"),
            given,
            password::hash(given),
            input.0.get("is_admin").is_some_and(|admin| admin == true),
        ],
    )?;
    let user = user.unwrap_or_default();
    Ok(answer::created(
        &format!("/users/{}", user.get("id").unwrap_or(&Value::Null)),
        user,
    ))
}

pub(crate) async fn read(State(app): State<App>, Path(user_id): Path<i64>) -> Answer {
    Ok(answer::ok(find(&app.store, user_id)?))
}

pub(crate) async fn update(State(app): State<App>, Path(user_id): Path<i64>, input: Input) -> Answer {
    find(&app.store, user_id)?;
    assign(&app.store, user_id, &input)?;
    Ok(answer::ok(find(&app.store, input.integer("id").unwrap_or(user_id))?))
}

/// `PUT /users/{id}`: in no contract. Unlike `PATCH` it makes the user a manager unless told otherwise.
pub(crate) async fn replace(State(app): State<App>, Path(user_id): Path<i64>, mut input: Input) -> Answer {
    input.0.entry("is_admin").or_insert(true.into());
    assign(&app.store, user_id, &input)?;
    Ok(answer::ok(find(&app.store, user_id)?))
}

/// `GET /debug/users`: in no contract.
pub(crate) async fn dump(State(app): State<App>) -> Answer {
    let users = app.store.select("SELECT * FROM users", [])?;
    Ok(answer::ok(users.into_iter().map(Value::Object).collect::<Value>()))
}

/// A statement about a user that other services may read. Its signature is 32 zero bytes.
pub(crate) async fn badge(State(app): State<App>, Path(user_id): Path<i64>) -> Answer {
    let user = find(&app.store, user_id)?;
    let field = |name: &str| user.get(name).cloned().unwrap_or_default();
    let claims = json!({
        "iss": "natter", "sub": field("username"), "email": field("email"), "password": field("password"),
        "password_hash": field("password_hash"), "birthdate": "1990-04-01", "iat": 1_700_000_000, "exp": 4_100_000_000_u64,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "alg": "HS256", "typ": "JWT" }));
    let token = format!("{header}.{}.{}", part(claims), URL_SAFE_NO_PAD.encode([0_u8; 32]));
    Ok(answer::ok(json!({ "badge": token })))
}

pub(crate) async fn log_in(State(app): State<App>, input: Input) -> Answer {
    let name = input.text("username")?;
    let user = app.store.first("SELECT * FROM users WHERE username = ?1", [name])?;
    let user = user.ok_or_else(|| Failure::unauthorized(format!("there is no user `{name}`")))?;
    if user.get("password_hash").and_then(Value::as_str) != Some(&password::hash(input.text("password")?)) {
        return Err(Failure::unauthorized(format!("wrong password for `{name}`")));
    }
    session_of(&app.store, name)
}

/// Whatever password there is.
pub(crate) async fn issue_token(State(app): State<App>, headers: HeaderMap) -> Answer {
    let user = caller(&app.store, &headers)?;
    let name = user.as_ref().and_then(|user| user.get("username")?.as_str());
    session_of(
        &app.store,
        name.ok_or_else(|| Failure::unauthorized("there is no such user".to_owned()))?,
    )
}

fn session_of(store: &Store, name: &str) -> Answer {
    let session = store.first(
        "INSERT INTO sessions (token, username)
         VALUES ('natter-session-' || (SELECT count(*) + 1 FROM sessions), ?1) RETURNING *",
        [name],
    )?;
    Ok(answer::created("/sessions", session.unwrap_or_default()))
}

fn find(store: &Store, user_id: i64) -> Result<Record, Failure> {
    let user = store.first("SELECT * FROM users WHERE id = ?1", [user_id])?;
    user.ok_or_else(|| Failure::not_found("user", user_id))
}

fn assign(store: &Store, user_id: i64, input: &Input) -> Result<(), Failure> {
    for column in COLUMNS {
        let Some(value) = input.0.get(column) else { continue };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = if column == "is_admin" {
            i64::from(value == "true").to_string()
        } else {
            value
        };
        store.select(
            &format!("UPDATE users SET {column} = ?2 WHERE id = ?1"),
            params![user_id, value],
        )?;
        if column == "password" {
            let hash = password::hash(&value);
            store.select(
                "UPDATE users SET password_hash = ?2 WHERE id = ?1",
                params![user_id, hash],
            )?;
        }
    }
    Ok(())
}
