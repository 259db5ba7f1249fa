//! What the connections of one worker share, in either version of HTTP: how a request is received, answered and refused.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::Response;
use http::header::STRICT_TRANSPORT_SECURITY;
use http::request::Parts;
use http_body_util::{Either, Full};
use hyper::server::conn::http1;
use tokio::sync::Notify;

use super::client_address::Client;
use super::greet::Connected;
use super::http2;
use super::incoming::Incoming;
use super::memory::Freed;
use super::path::check_path;
use super::request_id::{RequestId, RequestIds};
use super::worker::{Serve, Settings};
use super::{Arrival, BodyState, Received};
use crate::refusal::Refusal;

/// Most bytes that are read away after a refusal.
pub(super) const LINGER_BYTES_MAX: usize = 256 * 1024;
/// How far hyper's buffers of one connection grow; above any head that we release.
const BUFFER_BYTES_MIN: usize = 64 * 1024;

/// What the connections of one worker share.
pub(crate) struct Shared<H> {
    pub(crate) handler: Rc<H>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) ids: RefCell<RequestIds>,
    pub(crate) http1: http1::Builder,
    /// Streams of all HTTP/2 connections of this worker.
    pub(crate) streams: Rc<http2::Open>,
    pub(crate) freed: Rc<Freed>,
    /// Set once; every answer then ends its connection.
    pub(crate) leaving: Cell<bool>,
    /// Set once, and then `leaving` too; connections then end as soon as they have answered what they took.
    pub(crate) draining: Cell<bool>,
    pub(crate) leave: Notify,
    pub(crate) drain: Notify,
}

impl<H: Serve> Shared<H> {
    pub(crate) fn new(handler: Rc<H>, settings: Arc<Settings>, ids: RequestIds) -> Self {
        let mut http1 = http1::Builder::new();
        // Half-closed clients get their answer; deadlines are ours; and hyper's own limits lie above ours, so it never answers
        // for us.
        http1
            .half_close(true)
            .header_read_timeout(None)
            .max_buf_size(BUFFER_BYTES_MIN.max(settings.bounds.head_bytes_max() * 2));
        Self {
            handler,
            settings,
            ids: RefCell::new(ids),
            http1,
            streams: Rc::default(),
            freed: Rc::default(),
            leaving: Cell::new(false),
            draining: Cell::new(false),
            leave: Notify::new(),
            drain: Notify::new(),
        }
    }

    pub(crate) fn next_id(&self) -> RequestId {
        self.ids
            .try_borrow_mut()
            .map_or_else(|_| RequestId::from_bits(0), |mut ids| ids.next())
    }
}

/// An answer of the handler, or a refusal of the listener's own.
pub(crate) type Answer<H> = Response<Either<<H as Serve>::Body, Full<Bytes>>>;

impl<H: Serve> Shared<H> {
    /// The request as the handler gets it.
    ///
    /// # Errors
    /// Its path is not canonical.
    pub(crate) fn receive(
        &self,
        parts: Parts,
        body: Incoming,
        state: BodyState,
        id: RequestId,
        connected: &Rc<Connected>,
    ) -> Result<Received, Refusal> {
        check_path(parts.uri.path()).map_err(Refusal::Path)?;
        let trusted = &self.settings.trusted;
        let client: Client = trusted.client(connected.peer, connected.scheme(), &parts.headers);
        let arrival = Arrival {
            id,
            client,
            at: Instant::now(),
            body: state,
            connected: Rc::clone(connected),
        };
        Ok(Received::new(parts, body, arrival))
    }

    /// What the handler answers; a panic becomes a refusal.
    pub(crate) async fn answer(&self, received: Received, id: RequestId, connected: &Connected) -> Answer<H> {
        // Its many states on the heap: the connection moves this future, and keeps the room of its largest.
        match caught(Box::pin(Rc::clone(&self.handler).serve(received))).await {
            Some(mut response) => {
                promise_tls(response.headers_mut(), connected);
                response.map(Either::Left)
            }
            None => {
                tracing::error!(%id, "the handler of a request panicked");
                self.refuse(&Refusal::Internal, id, connected)
            }
        }
    }

    /// The listener's own refusal.
    pub(crate) fn refuse(&self, refusal: &Refusal, id: RequestId, connected: &Connected) -> Answer<H> {
        tracing::debug!(%id, peer = %connected.peer, code = refusal.code(), "refused");
        self.handler.refused(refusal, &id, connected.peer);
        let mut response = refusal.response(&id);
        promise_tls(response.headers_mut(), connected);
        response.map(|body| Either::Right(Full::new(body)))
    }
}

/// Tells browsers never to come without TLS again (RFC 6797); over plain HTTP it would mean nothing.
fn promise_tls(headers: &mut http::HeaderMap, connected: &Connected) {
    if let Some(hsts) = connected.hsts() {
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
}

/// The future's value, or none when it panics.
pub(super) async fn caught<F: Future>(mut future: Pin<Box<F>>) -> Option<F::Output> {
    let poll = |cx: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    };
    poll_fn(poll).await
}
