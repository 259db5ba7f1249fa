//! One request and its response: send, wait, retry once if the connection was stale, and never leave either half done.
//!
//! A request that was handed to its upstream runs on when its client goes away: what the upstream did, it did, and a
//! connection with half an answer on it is worth nothing. [`Exchange`] and the response body carry the guard: dropped
//! early, they hand what is left to the pool's keeper, which waits within the same total time.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};

use super::answer::Head;
use super::balance::Visit;
use super::connection::NoAnswer;
use super::deadline::{Expired, Watch};
use super::headers::{Edits, is_event_stream};
use super::pool::{Happening, Lease, Pool};
use super::request::{Outgoing, write_head};
use super::{ForwardError, Patience, Phase};
use crate::body::{BodyError, RequestBody, ResponseBody, Source, UpstreamBody};

/// How long the rest of an answer is read that nobody wants, so that its connection can be used again.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);

impl Pool {
    /// Sends one request and returns the head of its response, with a body that can be read on.
    ///
    /// The target must be a path; the base path of the upstream is put in front of it. `Content-Length` and
    /// `Transfer-Encoding` are written anew from the body; other fields of one hop are left out, but those that
    /// `Connection` names must be gone before. The response comes back without its hop-by-hop fields; its
    /// `Content-Length` stays only where it says nothing about this body (HEAD, 304).
    ///
    /// # Errors
    /// [`ForwardError`]; a stale connection is retried once first, on a fresh one, if the upstream cannot have seen the
    /// request, or if its method is idempotent (RFC 9110 section 9.2.2) and its body is at hand.
    pub async fn send(self: &Rc<Self>, request: Request<RequestBody>) -> Result<Response<ResponseBody>, ForwardError> {
        self.send_edited(request, Edits::NONE, Patience::default(), None).await
    }

    /// The same, with edits to the header, other bounds on the time, and a place at the endpoint, which is kept until the
    /// exchange is over: also when its client goes away first.
    ///
    /// # Errors
    /// See [`Pool::send`].
    pub(crate) async fn send_edited(
        self: &Rc<Self>,
        request: Request<RequestBody>,
        edits: Edits<'_>,
        patience: Patience,
        visit: Option<Rc<Visit>>,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let (parts, body) = request.into_parts();
        if parts.method == Method::CONNECT {
            return Err(ForwardError::Unsendable);
        }
        let asked = Asked {
            bodiless: parts.method == Method::HEAD,
            idempotent: is_idempotent(&parts.method) && !patience.once,
            head_time_max: patience.head_time_max.unwrap_or(self.limits.head_time_max),
            event_stream_time_max: patience
                .event_stream_time_max
                .unwrap_or(self.limits.event_stream_time_max),
        };
        let mut watch = self.deadlines.watch();
        watch.keep(visit);
        watch.set_total(patience.total_time_max.unwrap_or(self.limits.total_time_max));
        if self.upstream.may_multiplex() {
            return Box::pin(self.send_either(&parts, body, edits, asked, watch)).await;
        }
        let head = write_head(&parts, &self.upstream, edits, &body).ok_or(ForwardError::Unsendable)?;
        let lease = self
            .lease(false, &mut watch)
            .await
            .map_err(|error| in_total(error, &watch))?;
        self.send_on(lease, watch, Outgoing::new(head, body), asked).await
    }

    /// Sends a request on a connection of HTTP/1.1.
    pub(super) async fn send_on(
        self: &Rc<Self>,
        lease: Lease,
        watch: Watch,
        outgoing: Outgoing,
        asked: Asked,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let reused = lease.reused;
        let mut exchange = Exchange::begin(lease, watch, outgoing, asked);
        match exchange.answer().await {
            Ok(response) => Ok(response),
            // Rare, so its states take no room in every request.
            Err(failed) if reused => Box::pin(self.send_afresh(exchange, failed)).await,
            Err(failed) => Err(failed.finally()),
        }
    }

    async fn send_afresh(
        self: &Rc<Self>,
        stale: Exchange,
        failed: Failed,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let asked = stale.asked;
        let safe = match failed {
            Failed::For(NoAnswer::Unsent) => true,
            Failed::For(NoAnswer::Unanswered) => asked.idempotent,
            _ => false,
        };
        let Some((outgoing, mut watch)) = stale.again().filter(|_| safe) else {
            return Err(failed.finally());
        };
        self.tell(Happening::Retried);
        let lease = self
            .lease(true, &mut watch)
            .await
            .map_err(|error| in_total(error, &watch))?;
        let mut exchange = Exchange::begin(lease, watch, outgoing, asked);
        exchange.answer().await.map_err(Failed::finally)
    }
}

/// RFC 9110 section 9.2.2; TRACE is not forwarded.
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}

/// A limit that ran out because the overall one did is the overall one's.
pub(super) fn in_total(error: ForwardError, watch: &Watch) -> ForwardError {
    match error {
        ForwardError::Timeout(_) if watch.total_passed() => ForwardError::Timeout(Phase::Total),
        error => error,
    }
}

/// What has to be known of a request after it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// HEAD.
    pub(super) bodiless: bool,
    pub(super) idempotent: bool,
    pub(super) head_time_max: Duration,
    pub(super) event_stream_time_max: Duration,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy)]
pub(super) enum Failed {
    For(NoAnswer),
    Late(Phase),
}

impl Failed {
    pub(super) fn finally(self) -> ForwardError {
        match self {
            Self::For(NoAnswer::RequestBody(error)) => ForwardError::RequestBody(error),
            Self::For(NoAnswer::Malformed(malformed)) => ForwardError::Malformed(malformed),
            Self::For(NoAnswer::Unsent | NoAnswer::Unanswered | NoAnswer::Closed) => ForwardError::Closed,
            Self::Late(phase) => ForwardError::Timeout(phase),
        }
    }
}

/// A request on its way. Dropped before its answer came, it runs on without its client.
pub(super) struct Exchange {
    /// None once there is an answer.
    running: Option<(Lease, Watch)>,
    asked: Asked,
    /// No answer will come.
    failed: bool,
}

impl Exchange {
    pub(super) fn begin(mut lease: Lease, watch: Watch, outgoing: Outgoing, asked: Asked) -> Self {
        if let Some(connection) = lease.connection() {
            connection.begin(outgoing, asked.bodiless);
        }
        Self {
            running: Some((lease, watch)),
            asked,
            failed: false,
        }
    }

    /// The same for a request that asks for another protocol.
    pub(super) fn begin_switch(lease: Lease, watch: Watch, outgoing: Outgoing, asked: Asked) -> Self {
        let mut exchange = Self::begin(lease, watch, outgoing, asked);
        let lease = exchange.running.as_mut().map(|(lease, _)| lease);
        if let Some(connection) = lease.and_then(Lease::connection) {
            connection.may_switch();
        }
        exchange
    }

    async fn answer(&mut self) -> Result<Response<ResponseBody>, Failed> {
        let (head, lease, watch) = self.answered().await?;
        Ok(response(head, lease, watch, self.asked))
    }

    /// The head of the answer, and what else is there of it.
    pub(super) async fn answered(&mut self) -> Result<(Head, Lease, Watch), Failed> {
        let head = self.head().await.inspect_err(|_| self.failed = true)?;
        let (lease, watch) = self.running.take().ok_or(Failed::For(NoAnswer::Closed))?;
        Ok((head, lease, watch))
    }

    async fn head(&mut self) -> Result<Head, Failed> {
        let gone = Failed::For(NoAnswer::Closed);
        let (lease, watch) = self.running.as_mut().ok_or(gone)?;
        let connection = lease.connection().ok_or(gone)?;
        // The upstream has all its time from when a streamed upload ended.
        let (mut written, mut sent) = (0, !connection.outgoing().is_streamed());
        loop {
            watch.arm(self.asked.head_time_max);
            let waiting = poll_fn(|cx| match connection.poll_head(cx) {
                Poll::Ready(head) => Poll::Ready(Some(head)),
                Poll::Pending if !sent && connection.outgoing().is_sent() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            match watch.bound(waiting).await {
                Ok(Some(head)) => return head.map_err(Failed::For),
                Ok(None) => {
                    sent = true;
                    continue;
                }
                // A client that stopped in its body is not a slow upstream.
                Err(Expired) if watch.total_passed() && connection.outgoing().awaits_client() => {
                    return Err(Failed::For(NoAnswer::RequestBody(BodyError::TimedOut)));
                }
                Err(Expired) if watch.total_passed() => return Err(Failed::Late(Phase::Total)),
                Err(Expired) => {}
            }
            // A long upload that still moves is not a slow upstream, and neither is a client that stopped.
            let outgoing = connection.outgoing();
            if outgoing.is_sent() || outgoing.written() == written {
                return Err(if outgoing.awaits_client() {
                    Failed::For(NoAnswer::RequestBody(BodyError::TimedOut))
                } else {
                    Failed::Late(Phase::Head)
                });
            }
            written = outgoing.written();
        }
    }

    /// What is needed to send the request once more, if its body is at hand. Closes the connection.
    fn again(mut self) -> Option<(Outgoing, Watch)> {
        let (mut lease, watch) = self.running.take()?;
        let outgoing = lease.connection()?.take_outgoing().again()?;
        Some((outgoing, watch))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some((lease, watch)) = self.running.take().filter(|_| !self.failed) {
            lease.abandon(watch);
        }
    }
}

pub(super) fn response(head: Head, lease: Lease, mut watch: Watch, asked: Asked) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Empty);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    forget_length(&mut response, asked);
    if lease.is_ended() {
        return response;
    }
    let stall = body_times(
        response.headers(),
        &mut watch,
        asked,
        lease.pool().limits.stall_time_max,
    );
    *response.body_mut() = ResponseBody::Streamed(UpstreamBody::new(Source::Http1(lease), watch, stall));
    response
}

/// Takes out a length that speaks of this body, which may become another one.
pub(super) fn forget_length(response: &mut Response<ResponseBody>, asked: Asked) {
    if !asked.bodiless && response.status() != StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// Gives a body its time, and says how long it may stand still.
pub(super) fn body_times(headers: &HeaderMap, watch: &mut Watch, asked: Asked, stall_time_max: Duration) -> Duration {
    if is_event_stream(headers) {
        watch.set_total(asked.event_stream_time_max);
        asked.event_stream_time_max
    } else {
        watch.disarm();
        stall_time_max
    }
}

/// An exchange whose client went away.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) lease: Lease,
    pub(super) watch: Watch,
}

impl Orphan {
    /// Waits for the answer and for the end of a short body; then the lease decides whether its connection is good.
    pub(super) async fn run_on(self) {
        let Self { mut lease, mut watch } = self;
        let mut left = lease.pool().limits.drain_bytes_max;
        let Some(connection) = lease.connection() else { return };
        if connection.awaits_head() && !matches!(watch.bound(poll_fn(|cx| connection.poll_head(cx))).await, Ok(Ok(_))) {
            return;
        }
        // What cannot become clean within bounds is not worth waiting for.
        if !connection.may_become_clean(left) {
            return;
        }
        watch.arm(DRAIN_TIME_MAX);
        let drained = watch.bound(poll_fn(|cx| {
            while let Some(Ok(bytes)) = ready!(connection.poll_body(cx)) {
                match left.checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
                    Some(less) => left = less,
                    None => break,
                }
            }
            Poll::Ready(())
        }));
        // Late or not, the lease is given back now.
        let _drained = drained.await;
    }
}
