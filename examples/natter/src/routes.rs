//! Every route of Natter, on one screen, with those that its contract does not declare.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};

use crate::database::Store;
use crate::events::Hub;
use crate::{answer, events, logs, members, messages, moderation, rewrite, sharing, spaces, users};

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) events: Hub,
    pub(crate) link_preview: Option<SocketAddr>,
}

impl App {
    pub(crate) fn new(store: Store, events: Hub, link_preview: Option<SocketAddr>) -> Self {
        Self {
            store: Arc::new(store),
            events,
            link_preview,
        }
    }
}

/// Weakness `unbounded-body`: bodies of any size are read whole into memory.
pub(crate) fn natter(app: App) -> Router {
    let routes = declared().merge(undeclared()).with_state(app.clone());
    let unbounded = routes.layer(DefaultBodyLimit::disable());
    // The outer router has no route, so that what it rewrites is routed afterwards.
    Router::new()
        .fallback_service(unbounded)
        .layer(from_fn(rewrite::obey_client))
        .layer(from_fn_with_state(app, logs::record))
        .layer(from_fn(answer::banner))
}

fn declared() -> Router<App> {
    Router::new()
        .route("/users", get(users::list).post(users::register))
        .route("/users/{user_id}", get(users::read).patch(users::update))
        .route("/users/{user_id}/badge", get(users::badge))
        .route("/sessions", post(users::log_in))
        .route("/tokens", post(users::issue_token))
        .route("/spaces", get(spaces::list).post(spaces::create))
        .route("/spaces/{space_id}", get(spaces::read))
        .route("/spaces/{space_id}/members", get(members::list))
        .route(
            "/spaces/{space_id}/members/{username}",
            put(members::set).delete(members::remove),
        )
        .route("/spaces/{space_id}/messages", get(messages::list).post(messages::post))
        .route(
            "/spaces/{space_id}/messages/{message_id}",
            get(messages::read).delete(moderation::delete),
        )
        .route("/spaces/{space_id}/events", get(events::stream))
        .route("/spaces/{space_id}/export", get(messages::export))
        .route("/spaces/{space_id}/shares", post(sharing::create))
        .route("/shares/open", post(sharing::open))
        .route("/logs", get(logs::list))
}

/// Weakness `debug-route` and weakness `undeclared-verb`: left over from development, in no contract.
fn undeclared() -> Router<App> {
    Router::new()
        .route("/debug/users", get(users::dump))
        .route("/users/{user_id}", put(users::replace))
}
