//! HTTP/2 to an upstream (RFC 9113): requests share connections as streams, bodies go under its flow control, and trailers
//! come with the answer.
//!
//! The frames are the crate `h2`'s affair. What of an answer may differ between readers is checked here as in HTTP/1.1, and a
//! request whose client left takes its stream with it.

pub(in crate::forward) mod body;
pub(in crate::forward) mod connection;
mod streams;
#[cfg(test)]
mod tests;

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};

use super::answer::{HEAD_FIELDS_MAX, Malformed, content_length};
use super::connection::INFORMATIONAL_MAX;
use super::deadline::{Expired, Watch};
use super::exchange::{Asked, body_times, forget_length, in_total};
use super::headers::{Edits, is_grpc, strip_hop_by_hop};
use super::pool::{Happening, Pool};
use super::request::{Length, Outgoing, Unwritten, expects_body, write_head};
use super::{ForwardError, Phase, Upstream};
use crate::body::{BodyError, RequestBody, ResponseBody, Source, UpstreamBody};
use body::{Download, Upload};
use connection::Ticket;
use streams::Way;

impl Pool {
    /// Sends a request to an upstream that may speak HTTP/2. One that the upstream says it never looked at, or whose
    /// connection broke before an answer if that does no harm, is sent once more.
    pub(super) async fn send_either(
        self: &Rc<Self>,
        parts: &Parts,
        mut body: RequestBody,
        edits: Edits<'_>,
        asked: Asked,
        mut watch: Watch,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let mut again = body.again();
        loop {
            let ticket = match self.way(&mut watch).await.map_err(|error| in_total(error, &watch))? {
                Way::Http1(lease) => {
                    let head = write_head(parts, &self.upstream, edits, &body).ok_or(ForwardError::Unsendable)?;
                    return self.send_on(lease, watch, Outgoing::new(head, body), asked).await;
                }
                Way::Http2(ticket) => ticket,
            };
            let failed = match self.send_on_stream(ticket, parts, body, edits, asked, &mut watch).await {
                Ok(answer) => return Ok(answer.into_response(watch, asked, self)),
                Err(failed) => failed,
            };
            // It is taken once, so there is no third time.
            body = match again.take() {
                Some(body) if failed.may_be_sent_again(asked) => body,
                _ => return Err(failed.finally()),
            };
            self.tell(Happening::Retried);
        }
    }

    async fn send_on_stream(
        &self,
        ticket: Ticket,
        parts: &Parts,
        body: RequestBody,
        edits: Edits<'_>,
        asked: Asked,
        watch: &mut Watch,
    ) -> Result<Answer, Failed> {
        let length = Length::of(&body);
        let request = request(parts, &self.upstream, edits, length).ok_or(Failed::Unsendable)?;
        let heard = ticket.heard();
        let mut exchange = Exchange::begin(ticket, request, body, length).await?;
        let waited = exchange.head(asked, watch).await;
        if let (Err(Failed::Late(_)), Some(ticket)) = (&waited, &exchange.ticket)
            && ticket.heard() == heard
        {
            // Not even another's frame came: the upstream may be gone without a word.
            ticket.give_up();
        }
        waited?;
        exchange.answer.ok_or(Failed::Unanswered)
    }
}

/// The head of a request: what [`write_head`] writes for HTTP/1.1.
fn request(parts: &Parts, upstream: &Upstream, edits: Edits<'_>, length: Length) -> Option<Request<()>> {
    let target = parts.uri.path_and_query()?.as_str();
    if !target.starts_with('/') {
        return None;
    }
    let authority = edits.host(&parts.headers, upstream)?.to_str().ok()?;
    let uri = http::Uri::builder()
        .scheme(upstream.scheme())
        .authority(authority)
        .path_and_query(format!("{}{target}", upstream.base()));
    let mut request = Request::new(());
    *request.uri_mut() = uri.build().ok()?;
    *request.method_mut() = parts.method.clone();
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.reserve(parts.headers.len());
    for (name, value) in &parts.headers {
        let own = *name == header::CONTENT_LENGTH || *name == header::HOST;
        if !own && edits.pass(name.as_str()) {
            headers.append(name, value.clone());
        }
    }
    edits.write(headers);
    if is_grpc(headers) {
        // The field of one hop that gRPC asks servers to insist on: trailers do pass here.
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    match length {
        Length::Unknown => {}
        Length::Known(0) if !expects_body(parts) => {}
        Length::Known(bytes) => drop(headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes))),
    }
    Some(request)
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    /// The request has no form that can be sent.
    Unsendable,
    /// The upstream did not look at the request: it was not sent, or it was refused (RFC 9113 section 8.7).
    Unprocessed,
    /// The connection broke before the answer.
    Unanswered,
    /// The upstream ended the stream.
    Reset,
    /// The answer cannot be trusted.
    Malformed(Malformed),
    /// The client's body failed.
    RequestBody(BodyError),
    /// Time ran out.
    Late(Phase),
}

impl Failed {
    fn of(error: &h2::Error) -> Self {
        let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        if error.is_remote() && (error.is_go_away() || refused) {
            Self::Unprocessed
        } else if error.is_library() {
            Self::Malformed(Malformed::Http2)
        } else if error.is_remote() {
            Self::Reset
        } else {
            Self::Unanswered
        }
    }

    fn may_be_sent_again(self, asked: Asked) -> bool {
        match self {
            Self::Unprocessed => true,
            Self::Unanswered => asked.idempotent,
            _ => false,
        }
    }

    fn finally(self) -> ForwardError {
        match self {
            Self::Unsendable => ForwardError::Unsendable,
            Self::Unprocessed | Self::Unanswered | Self::Reset => ForwardError::Closed,
            Self::Malformed(malformed) => ForwardError::Malformed(malformed),
            Self::RequestBody(error) => ForwardError::RequestBody(error),
            Self::Late(phase) => ForwardError::Timeout(phase),
        }
    }
}

/// A request on its way. Dropped early, its stream is reset.
struct Exchange {
    response: ResponseFuture,
    upload: Option<Upload>,
    ticket: Option<Ticket>,
    informational: u8,
    answer: Option<Answer>,
}

/// A head, and what follows it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    download: Download,
}

impl Exchange {
    async fn begin(ticket: Ticket, request: Request<()>, body: RequestBody, length: Length) -> Result<Self, Failed> {
        let mut sender = ticket.sender();
        let ready = poll_fn(|cx| sender.poll_ready(cx)).await;
        let ends = length == Length::Known(0);
        let begun = ready.and_then(|()| sender.send_request(request, ends));
        // The connection failed, is let go of, or has no number left for a stream: nothing was sent.
        let (response, stream) = begun.map_err(|_| {
            ticket.give_up();
            Failed::Unprocessed
        })?;
        Ok(Self {
            response,
            upload: Some(Upload::new(stream, body, length)),
            ticket: Some(ticket),
            informational: 0,
            answer: None,
        })
    }

    /// Sends, and waits for the head of the final answer.
    async fn head(&mut self, asked: Asked, watch: &mut Watch) -> Result<(), Failed> {
        // The upstream has all its time from when a streamed upload ended.
        let mut sent = self.upload.as_ref().is_none_or(Upload::is_sent);
        let mut written = 0;
        loop {
            watch.arm(asked.head_time_max);
            let waiting = poll_fn(|cx| match self.poll_answer(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if !sent && self.upload.as_ref().is_none_or(Upload::is_sent) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            match watch.bound(waiting).await {
                Ok(Some(done)) => return done,
                Ok(None) => {
                    sent = true;
                    continue;
                }
                // A client that stopped in its body is not a slow upstream.
                Err(Expired) if watch.total_passed() && self.upload.as_ref().is_some_and(Upload::awaits_client) => {
                    return Err(Failed::RequestBody(BodyError::TimedOut));
                }
                Err(Expired) if watch.total_passed() => return Err(Failed::Late(Phase::Total)),
                Err(Expired) => {}
            }
            // A long upload that still moves is not a slow upstream, and neither is a client that stopped.
            let Some(upload) = &self.upload else {
                return Err(Failed::Late(Phase::Head));
            };
            if upload.is_sent() || upload.written() == written {
                return Err(if upload.awaits_client() {
                    Failed::RequestBody(BodyError::TimedOut)
                } else {
                    Failed::Late(Phase::Head)
                });
            }
            written = upload.written();
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        if let Some(upload) = &mut self.upload
            && let Poll::Ready(Err(Unwritten::Body(error))) = upload.poll(cx)
        {
            return Poll::Ready(Err(Failed::RequestBody(error)));
        }
        while let Poll::Ready(Some(informational)) = self.response.poll_informational(cx) {
            let informational = informational.map_err(|error| Failed::of(&error))?;
            if informational.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Poll::Ready(Err(Failed::Malformed(Malformed::Upgrade)));
            }
            self.informational += 1;
            if self.informational > INFORMATIONAL_MAX {
                return Poll::Ready(Err(Failed::Malformed(Malformed::Informational)));
            }
        }
        let response = match std::task::ready!(Pin::new(&mut self.response).poll(cx)) {
            Ok(response) => response,
            Err(error) => {
                if !error.is_reset()
                    && let Some(ticket) = &self.ticket
                {
                    ticket.give_up();
                }
                return Poll::Ready(Err(Failed::of(&error)));
            }
        };
        let (upload, ticket) = (self.upload.take(), self.ticket.take());
        let (Some(upload), Some(ticket)) = (upload, ticket) else {
            return Poll::Ready(Err(Failed::Unanswered));
        };
        self.answer = Some(Answer::read(response, upload, ticket).map_err(Failed::Malformed)?);
        Poll::Ready(Ok(()))
    }
}

impl Answer {
    /// What `h2` lets pass, and a strict reader does not.
    fn read(response: Response<RecvStream>, upload: Upload, ticket: Ticket) -> Result<Self, Malformed> {
        let (parts, stream) = response.into_parts();
        let (status, mut headers) = (parts.status, parts.headers);
        if status.as_u16() >= 600 {
            return Err(Malformed::StatusLine);
        }
        if headers.len() > HEAD_FIELDS_MAX {
            return Err(Malformed::HeadTooLarge);
        }
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        if let Some(length) = lengths.next() {
            content_length(length.as_bytes())?;
            if lengths.next().is_some() {
                return Err(Malformed::ContentLength);
            }
        }
        strip_hop_by_hop(&mut headers);
        let trailers = is_grpc(&headers);
        Ok(Self {
            status,
            headers,
            download: Download::new(stream, upload, ticket, trailers),
        })
    }

    fn into_response(self, mut watch: Watch, asked: Asked, pool: &Pool) -> Response<ResponseBody> {
        let Self {
            status,
            headers,
            download,
        } = self;
        let mut response = Response::new(ResponseBody::Empty);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        let bodiless = asked.bodiless || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        forget_length(&mut response, asked);
        if !bodiless && !download.is_ended() {
            let stall = body_times(response.headers(), &mut watch, asked, pool.limits.stall_time_max);
            let source = Source::Http2(Box::new(download));
            *response.body_mut() = ResponseBody::Streamed(UpstreamBody::new(source, watch, stall));
        }
        response
    }
}
