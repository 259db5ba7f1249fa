//! One request and its response: send, wait, retry once if the connection was stale, and never leave either half done.
//!
//! A request that was handed to its upstream runs on when its client goes away: what the upstream did, it did, and a
//! connection with half an answer on it is worth nothing. [`Exchange`] and the response body carry the guard: dropped
//! early, they hand what is left to the pool's keeper, which waits within the same total time.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version, header, request};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::deadline::{Expired, Watch};
use super::headers::strip_hop_by_hop;
use super::pool::{Happening, Lease, Pool};
use super::wire::Wire;
use super::{ForwardError, Patience, Phase};
use crate::body::{BodyError, RequestBody, ResponseBody, UpstreamBody};

/// What the HTTP library resolves a request to.
type Answer = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>;

impl Pool {
    /// Sends one request and returns the head of its response, with a body that can be read on.
    ///
    /// The target must be a path; the base path of the upstream is put in front of it. `Host` is the upstream's unless
    /// the caller set one. `Content-Length` and `Transfer-Encoding` are written anew from the body. The response comes
    /// back without its hop-by-hop fields; its `Content-Length` stays only where it says nothing about this body (HEAD, 304).
    ///
    /// # Errors
    /// [`ForwardError`]; a stale connection is retried once first, on a fresh one, if the upstream cannot have seen the
    /// request, or if its method is idempotent (RFC 9110 section 9.2.2) and its body is at hand.
    pub async fn send(self: &Rc<Self>, request: Request<RequestBody>) -> Result<Response<ResponseBody>, ForwardError> {
        self.send_within(request, Patience::default()).await
    }

    /// The same, with other bounds on the time.
    ///
    /// # Errors
    /// See [`Pool::send`].
    pub async fn send_within(
        self: &Rc<Self>,
        request: Request<RequestBody>,
        patience: Patience,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let mut watch = self.deadlines.watch();
        watch.set_total(patience.total_time_max.unwrap_or(self.limits.total_time_max));
        let head_time_max = patience.head_time_max.unwrap_or(self.limits.head_time_max);
        let (mut head, body) = request.into_parts();
        self.prepare(&mut head, &body)?;
        let lease = self
            .lease(false, &mut watch)
            .await
            .map_err(|error| in_total(error, &watch))?;
        let reused = lease.reused;
        let replay = if reused { replay(&head, &body) } else { None };
        let mut attempt = Exchange::begin(lease, watch, head, body, head_time_max)?;
        match attempt.answer().await {
            Ok(response) => Ok(response),
            Err(Failed::Final(error)) => Err(error),
            Err(Failed::Unsent(request)) if reused => self.send_afresh(attempt, *request, head_time_max).await,
            Err(Failed::Unanswered) => match replay {
                Some(request) => self.send_afresh(attempt, request, head_time_max).await,
                None => Err(ForwardError::Closed),
            },
            Err(Failed::Unsent(_)) => Err(ForwardError::Closed),
        }
    }

    async fn send_afresh(
        self: &Rc<Self>,
        mut failed: Exchange<impl Future<Output = Answer> + 'static>,
        request: Request<RequestBody>,
        head_time_max: Duration,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        failed.lease = None;
        self.tell(Happening::Retried);
        let Some(mut watch) = failed.watch.take() else {
            return Err(ForwardError::Closed);
        };
        let lease = self
            .lease(true, &mut watch)
            .await
            .map_err(|error| in_total(error, &watch))?;
        let (head, body) = request.into_parts();
        match Exchange::begin(lease, watch, head, body, head_time_max)?.answer().await {
            Ok(response) => Ok(response),
            Err(Failed::Final(error)) => Err(error),
            Err(Failed::Unsent(_) | Failed::Unanswered) => Err(ForwardError::Closed),
        }
    }

    fn prepare(&self, head: &mut request::Parts, body: &RequestBody) -> Result<(), ForwardError> {
        if head.method == Method::CONNECT {
            return Err(ForwardError::Unsendable);
        }
        head.uri = self
            .upstream
            .target(mem::take(&mut head.uri))
            .ok_or(ForwardError::Unsendable)?;
        head.version = Version::HTTP_11;
        // Nothing of the inbound request travels along with the outbound one by accident.
        head.extensions.clear();
        // The pipeline did this before its first control; a request that came another way must not slip through.
        strip_hop_by_hop(&mut head.headers);
        if !head.headers.contains_key(header::HOST) {
            head.headers.insert(header::HOST, self.upstream.authority().clone());
        }
        frame(&mut head.headers, &head.method, body);
        Ok(())
    }
}

/// Writes the framing fields from what the body really is.
fn frame(headers: &mut HeaderMap, method: &Method, body: &RequestBody) {
    let had_length = headers.remove(header::CONTENT_LENGTH).is_some();
    if body.is_end_stream() {
        let expected = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        if had_length || expected {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if body.size_hint().exact().is_none() {
        // Otherwise the library would leave out the body of a GET without a length.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// A second copy of a request that may be sent twice.
fn replay(head: &request::Parts, body: &RequestBody) -> Option<Request<RequestBody>> {
    // TRACE is not forwarded; the others are RFC 9110 section 9.2.2.
    if !matches!(
        head.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    ) {
        return None;
    }
    let body = body.replay()?;
    Some(Request::from_parts(head.clone(), body))
}

/// A limit that ran out because the overall one did is the overall one's.
fn in_total(error: ForwardError, watch: &Watch) -> ForwardError {
    match error {
        ForwardError::Timeout(_) if watch.total_passed() => ForwardError::Timeout(Phase::Total),
        error => error,
    }
}

/// Why there is no response, and what can still be done about it.
enum Failed {
    Final(ForwardError),
    /// The upstream cannot have seen it.
    Unsent(Box<Request<RequestBody>>),
    /// The connection closed after the request was written, before the first byte of a response.
    Unanswered,
}

/// A request on its way. Dropped before its answer came, it runs on without its client.
struct Exchange<F: Future<Output = Answer> + 'static> {
    /// On the heap, so that it can be handed over when it is dropped half-way: the only allocation the guard costs.
    answer: Option<Pin<Box<F>>>,
    lease: Option<Lease>,
    watch: Option<Watch>,
    bodiless: bool,
    head_time_max: Duration,
}

impl Exchange<std::future::Pending<Answer>> {
    fn begin(
        mut lease: Lease,
        watch: Watch,
        head: request::Parts,
        body: RequestBody,
        head_time_max: Duration,
    ) -> Result<Exchange<impl Future<Output = Answer> + 'static>, ForwardError> {
        let bodiless = head.method == Method::HEAD;
        let Some(connection) = lease.connection() else {
            return Err(ForwardError::Closed);
        };
        connection.wire.begin(bodiless, !body.is_end_stream());
        let outgoing = Outgoing {
            body,
            wire: Rc::clone(&connection.wire),
        };
        let answer = connection.sender.try_send_request(Request::from_parts(head, outgoing));
        Ok(Exchange {
            answer: Some(Box::pin(answer)),
            lease: Some(lease),
            watch: Some(watch),
            bodiless,
            head_time_max,
        })
    }
}

impl<F: Future<Output = Answer> + 'static> Exchange<F> {
    async fn answer(&mut self) -> Result<Response<ResponseBody>, Failed> {
        let outcome = self.wait().await;
        // Answered, refused or out of time: in no case does it run on.
        self.answer = None;
        match outcome {
            Ok(Ok(response)) => self.response(response).ok_or(Failed::Final(ForwardError::Closed)),
            Ok(Err(error)) => Err(self.failure(error)),
            Err(error) => Err(Failed::Final(error)),
        }
    }

    async fn wait(&mut self) -> Result<Answer, ForwardError> {
        let (Some(answer), Some(watch), Some(lease)) = (&mut self.answer, &mut self.watch, &self.lease) else {
            return Err(ForwardError::Closed);
        };
        let mut written = lease.wire().map_or(0, |wire| wire.written());
        loop {
            watch.arm(self.head_time_max);
            if let Ok(answer) = watch.bound(answer.as_mut()).await {
                return Ok(answer);
            }
            if watch.total_passed() {
                return Err(ForwardError::Timeout(Phase::Total));
            }
            // A long upload that still moves is not a slow upstream, and neither is a client that stopped.
            let moved = lease
                .wire()
                .filter(|wire| !wire.request_sent())
                .map_or(written, |wire| wire.written());
            if moved == written {
                let client = lease.wire().is_some_and(|wire| wire.awaits_client());
                return Err(if client {
                    ForwardError::RequestBody(BodyError::TimedOut)
                } else {
                    ForwardError::Timeout(Phase::Head)
                });
            }
            written = moved;
        }
    }

    fn response(&mut self, response: Response<Incoming>) -> Option<Response<ResponseBody>> {
        let (mut head, incoming) = response.into_parts();
        let (lease, mut watch) = (self.lease.take()?, self.watch.take()?);
        strip_hop_by_hop(&mut head.headers);
        let bodiless = self.bodiless || head.status == http::StatusCode::NOT_MODIFIED;
        if !bodiless {
            head.headers.remove(header::CONTENT_LENGTH);
        }
        if incoming.is_end_stream() {
            return Some(Response::from_parts(head, ResponseBody::Empty));
        }
        let limits = &lease.pool.limits;
        let stall = if is_event_stream(&head.headers) {
            watch.set_total(limits.event_stream_time_max);
            limits.event_stream_time_max
        } else {
            watch.disarm();
            limits.stall_time_max
        };
        let body = UpstreamBody::new(incoming, lease, watch, stall);
        Some(Response::from_parts(head, ResponseBody::Streamed(body)))
    }

    fn failure(&self, error: TrySendError<Request<Outgoing>>) -> Failed {
        let mut error = error;
        if let Some(request) = error.take_message() {
            let (head, outgoing) = request.into_parts();
            return Failed::Unsent(Box::new(Request::from_parts(head, outgoing.body)));
        }
        let Some(wire) = self.lease.as_ref().and_then(Lease::wire) else {
            return Failed::Final(ForwardError::Closed);
        };
        if let Some(failure) = wire.request_failure() {
            Failed::Final(ForwardError::RequestBody(failure))
        } else if let Some(fault) = wire.fault() {
            Failed::Final(ForwardError::Malformed(fault))
        } else if error.error().is_parse() {
            Failed::Final(ForwardError::Malformed(super::Malformed::Unreadable))
        } else if wire.answered() {
            Failed::Final(ForwardError::Closed)
        } else {
            Failed::Unanswered
        }
    }
}

impl<F: Future<Output = Answer> + 'static> Drop for Exchange<F> {
    fn drop(&mut self) {
        if let (Some(answer), Some(lease), Some(watch)) = (self.answer.take(), self.lease.take(), self.watch.take()) {
            let pool = Rc::clone(&lease.pool);
            pool.adopt(Orphan::Unanswered { answer, lease, watch });
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let essence = value.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// The request body as the HTTP library sees it: it tells the connection how far it got.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: RequestBody,
    wire: Rc<Wire>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.wire.body_moved(self.body.is_end_stream()),
            Poll::Ready(None) => self.wire.body_moved(true),
            Poll::Ready(Some(Err(failure))) => self.wire.fail_request(*failure),
            Poll::Pending => self.wire.body_awaited(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An exchange whose client went away.
pub(super) enum Orphan {
    /// Dispatched, no answer yet.
    Unanswered {
        answer: Pin<Box<dyn Future<Output = Answer>>>,
        lease: Lease,
        watch: Watch,
    },
    /// An answer whose body was not read to the end.
    Unread { body: Incoming, lease: Lease, watch: Watch },
}

impl fmt::Debug for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Orphan")
    }
}

impl Orphan {
    /// Waits for the answer and for the end of a short body; then the lease decides whether its connection is good.
    pub(super) async fn run_on(self, drain_bytes_max: u64) {
        let (mut body, lease, mut watch) = match self {
            Self::Unread { body, lease, watch } => (body, lease, watch),
            Self::Unanswered {
                answer,
                lease,
                mut watch,
            } => match watch.bound(answer).await {
                Ok(Ok(response)) => (response.into_body(), lease, watch),
                Ok(Err(_)) | Err(Expired) => return,
            },
        };
        let mut left = drain_bytes_max;
        if body.size_hint().lower() > left {
            return;
        }
        watch.arm(lease.pool.limits.stall_time_max);
        let drained = watch.bound(std::future::poll_fn(|cx| {
            while !body.is_end_stream() {
                match Pin::new(&mut body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let bytes = frame.data_ref().map_or(0, Bytes::len);
                        match left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
                            Some(less) => left = less,
                            None => break,
                        }
                    }
                    Poll::Ready(Some(Err(_)) | None) => break,
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(())
        }));
        let _drained = drained.await;
        drop(lease);
    }
}
