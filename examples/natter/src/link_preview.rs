//! Link previews: a second small service that follows a link and tells its title and first words, and how Natter
//! asks it. It never asks where a link leads.
//!
//! Weakness `server-side-request`: any link is followed, inner services included.
//! Weakness `server-side-redirect`: so is any redirect, whatever the first link looked like.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::answer;
use crate::fetch::{self, Fetched};
use crate::input::{self, Query};
use crate::serve::{self, Error, Running};

/// The name under which the service itself is a web site, so that previews work without a network.
const EXAMPLE_HOST: &str = "news.example";
/// Redirects that are followed for one link.
const REDIRECTS_MAX: usize = 5;
/// Characters of a page's text in its preview.
const EXCERPT_CHARACTERS_MAX: usize = 280;

/// What [`LinkPreview::start`] needs.
#[derive(Debug)]
pub struct LinkPreviewOptions {
    /// Where to serve. Keep it on a loopback address.
    pub listener: TcpListener,
    /// Names with known addresses, as in a hosts file. `news.example` is the service itself.
    pub hosts: Vec<(String, SocketAddr)>,
}

impl LinkPreviewOptions {
    /// A free loopback port.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub fn on_loopback() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Listen)?;
        Ok(Self {
            listener,
            hosts: Vec::new(),
        })
    }
}

/// The service itself; see [`LinkPreview::start`].
#[derive(Debug)]
pub struct LinkPreview;

impl LinkPreview {
    /// Starts to serve and returns at once; it must be called within a tokio runtime, as [`crate::Natter::start`].
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub async fn start(options: LinkPreviewOptions) -> Result<Running, Error> {
        let mut hosts = options.hosts;
        let itself = options.listener.local_addr().map_err(Error::Listen)?;
        hosts.push((EXAMPLE_HOST.to_owned(), itself));
        let routes = Router::new()
            .route("/preview", get(preview))
            .route("/example", get(example))
            .route("/go", get(redirect))
            .with_state(hosts);
        serve::run(options.listener, routes, || ())
    }
}

/// `content` with its preview, when it is a link, there is a service and that one could follow it; else with `null`.
pub(crate) async fn completed(service: Option<SocketAddr>, mut content: Value) -> Value {
    let Some(members) = content.as_object_mut() else {
        return content;
    };
    let Some(url) = members.get("url").and_then(Value::as_str).map(str::to_owned) else {
        return content;
    };
    let preview = match service {
        Some(service) => asked(service, &url).await.unwrap_or_default(),
        None => Value::Null,
    };
    members.insert("preview".to_owned(), preview);
    content
}

async fn asked(service: SocketAddr, url: &str) -> Option<Value> {
    let answer = fetch::get(&format!("http://{service}/preview?url={}", fetch::encoded(url)), &[])
        .await
        .ok()?;
    if answer.status == StatusCode::OK {
        serde_json::from_str(&answer.body).ok()
    } else {
        None
    }
}

async fn preview(State(hosts): State<Vec<(String, SocketAddr)>>, query: Query) -> Response {
    let url = input::last(&query, "url").unwrap_or_default();
    match followed(url, &hosts).await {
        Ok(page) => answer::ok(json!({ "title": title(&page.body), "excerpt": excerpt(&page.body) })),
        Err(error) => (StatusCode::BAD_GATEWAY, error).into_response(),
    }
}

async fn followed(url: &str, hosts: &[(String, SocketAddr)]) -> Result<Fetched, String> {
    let mut page = fetch::get(url, hosts).await?;
    for _ in 0..REDIRECTS_MAX {
        let Some(next) = page
            .headers
            .get(header::LOCATION)
            .filter(|_| page.status.is_redirection())
        else {
            break;
        };
        let next = next.to_str().map_err(|error| error.to_string())?.to_owned();
        page = fetch::get(&next, hosts).await?;
    }
    Ok(page)
}

fn title(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<title>")?;
    rest.split_once("</title>").map(|(title, _)| title)
}

fn excerpt(page: &str) -> String {
    let body = page.split_once("<body>").map_or(page, |(_, body)| body);
    body.chars().take(EXCERPT_CHARACTERS_MAX).collect()
}

async fn example() -> Html<&'static str> {
    Html("<!doctype html><html><head><title>News of the day</title></head><body>Trains run on time again.")
}

/// An open redirect, as many real sites have one.
async fn redirect(query: Query) -> Response {
    let to = input::last(&query, "to").unwrap_or("/example").to_owned();
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_page_has_a_title_and_first_words() {
        let page = "<html><head><title>T</title></head><body>words";
        assert_eq!(super::title(page), Some("T"));
        assert_eq!(super::excerpt(page), "words");
        assert_eq!(super::title("no title"), None);
        assert_eq!(
            super::excerpt(&"é".repeat(1000)).chars().count(),
            super::EXCERPT_CHARACTERS_MAX
        );
    }
}
