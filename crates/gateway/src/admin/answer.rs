//! What the admin surface answers: metrics, health, readiness, the public keys of tokens for upstreams, and nothing else.

use super::host::is_for_operators;
use super::{Readiness, Ready, SCRAPES_MAX};
use crate::listen::unix_time;
use crate::metrics::{self, Registry};
use crate::upstream_identity::SigningKeys;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(super) struct Answerer {
    registry: Arc<Registry>,
    readiness: Arc<Readiness>,
    keys: Arc<SigningKeys>,
    scrapes: Arc<Semaphore>,
}

type Answer = Response<Full<Bytes>>;

impl Answerer {
    pub(super) fn new(registry: Arc<Registry>, readiness: Arc<Readiness>, keys: Arc<SigningKeys>) -> Self {
        Self {
            registry,
            readiness,
            keys,
            scrapes: Arc::new(Semaphore::new(SCRAPES_MAX)),
        }
    }

    /// The answer, and what must be held until it is sent.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> (Answer, Option<OwnedSemaphorePermit>) {
        if !is_for_operators(request.uri(), request.headers()) {
            let say = "use an address or localhost as the host\n";
            return (text(StatusCode::MISDIRECTED_REQUEST, say), None);
        }
        let known = matches!(request.uri().path(), "/metrics" | "/healthz" | "/readyz" | "/jwks.json");
        if known && !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n");
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return (answer, None);
        }
        match request.uri().path() {
            "/metrics" => self.metrics(),
            "/healthz" => (text(StatusCode::OK, "ok\n"), None),
            "/readyz" => (self.ready(), None),
            "/jwks.json" => (self.jwks(), None),
            _ => (
                text(
                    StatusCode::NOT_FOUND,
                    "there are /metrics, /healthz, /readyz and /jwks.json\n",
                ),
                None,
            ),
        }
    }

    fn metrics(&self) -> (Answer, Option<OwnedSemaphorePermit>) {
        let Ok(scrape) = Arc::clone(&self.scrapes).try_acquire_owned() else {
            return (
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many scrapes at once; try again later\n",
                ),
                None,
            );
        };
        match self.registry.exposition() {
            Ok(exposition) => {
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                (answer(StatusCode::OK, kind, Bytes::from(exposition)), Some(scrape))
            }
            Err(_) => (
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n"),
                None,
            ),
        }
    }

    /// What upstreams verify tokens with (RFC 7517 §8.5.1).
    fn jwks(&self) -> Answer {
        match self.keys.jwks(unix_time()) {
            Some(keys) => {
                let kind = HeaderValue::from_static("application/jwk-set+json");
                answer(StatusCode::OK, kind, Bytes::from(keys))
            }
            None => text(StatusCode::NOT_FOUND, "no tokens are signed for upstreams\n"),
        }
    }

    fn ready(&self) -> Answer {
        match self.readiness.get() {
            Ready::Serving => self.serving(),
            Ready::Loading => text(StatusCode::SERVICE_UNAVAILABLE, "no configuration is loaded yet\n"),
            Ready::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    }

    /// Ready even where an upstream is not: taking the gate out would take out the APIs that work.
    fn serving(&self) -> Answer {
        let mut say = "ok\n".to_owned();
        for api in self.registry.without_endpoints() {
            say += &format!("no endpoint of `{api}` is in service\n");
        }
        answer(StatusCode::OK, TEXT, Bytes::from(say))
    }
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    answer(status, TEXT, Bytes::from_static(text.as_bytes()))
}

fn answer(status: StatusCode, kind: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
