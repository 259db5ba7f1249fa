//! One stream: its request through the handler, its answer back, and an end for a client that takes nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;

use super::body::{Reading, StreamBody};
use super::head::settle;
use crate::listen::deadline::WRITE_PROGRESS_BYTES_MIN;
use crate::listen::greet::Connected;
use crate::listen::incoming::Incoming;
use crate::listen::shared::{Answer, Shared};
use crate::listen::worker::Serve;
use crate::listen::{BodyState, RequestId};
use crate::one_hop::CONNECTION_SPECIFIC;
use crate::refusal::Refusal;

/// Serves one stream, and gives it back where it was answered while the client was still sending.
pub(super) async fn serve<H: Serve>(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    connected: Rc<Connected>,
    shared: Rc<Shared<H>>,
) -> Option<SendStream<Bytes>> {
    let id = shared.next_id();
    let bodiless = request.method() == Method::HEAD;
    let reading = Rc::new(Reading::default());
    let expects = request.headers().contains_key(header::EXPECT);
    let response = match receive(request, id, &reading, &connected, &shared) {
        Ok(received) => {
            let serving = pin!(shared.answer(received, id, &connected));
            let told = Told {
                reading: expects.then_some(&*reading),
            };
            told.unless_reset(serving, &mut respond).await?
        }
        Err(refusal) => shared.refuse(&refusal, id, &connected),
    };
    let sent = send::<H>(
        response,
        respond,
        bodiless,
        shared.settings.deadlines.write_pause_time_max,
    )
    .await;
    sent.filter(|_| !reading.has_ended())
}

/// Lets go of a stream that was answered while the client was still sending. It is reset when it is dropped (RFC 9113 section 8.1), and
/// there are clients that lose the answer where the reset comes right behind it (curl 7.88). Until then a client has no more room
/// than its window.
pub(super) async fn linger(mut stream: SendStream<Bytes>, within: Duration) {
    let reset = poll_fn(|cx| stream.poll_reset(cx));
    // Late or not, the stream is over now.
    let _ = tokio::time::timeout(within, reset).await;
}

fn receive<H: Serve>(
    request: Request<RecvStream>,
    id: RequestId,
    reading: &Rc<Reading>,
    connected: &Rc<Connected>,
    shared: &Shared<H>,
) -> Result<crate::listen::Received, Refusal> {
    let (mut parts, stream) = request.into_parts();
    reading.note_end(&stream);
    let settings = &shared.settings;
    let announced = settle(&mut parts, connected.scheme(), &settings.bounds).map_err(Refusal::Malformed)?;
    let body = StreamBody::new(stream, announced, settings.deadlines, Rc::clone(reading));
    let state = BodyState::http2(Rc::clone(reading));
    shared.receive(parts, Incoming::Http2(Box::new(body)), state, id, connected)
}

/// Whether the client waits to be told that its body is wanted.
struct Told<'r> {
    reading: Option<&'r Reading>,
}

impl Told<'_> {
    /// The answer, or nothing when the client took its request back.
    async fn unless_reset<T>(
        mut self,
        mut serving: Pin<&mut impl Future<Output = T>>,
        respond: &mut SendResponse<Bytes>,
    ) -> Option<T> {
        poll_fn(|cx| {
            if let Poll::Ready(answer) = serving.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            if self.reading.is_some_and(Reading::is_asked) {
                self.reading = None;
                let mut go_on = Response::new(());
                *go_on.status_mut() = StatusCode::CONTINUE;
                // A client that cannot be told sends in its own time.
                let _ = respond.send_informational(go_on);
            }
            respond.poll_reset(cx).map(|_| None)
        })
        .await
    }
}

/// Sends an answer, and gives the stream back where all of it was sent.
async fn send<H: Serve>(
    response: Answer<H>,
    mut respond: SendResponse<Bytes>,
    bodiless: bool,
    pause_max: Duration,
) -> Option<SendStream<Bytes>> {
    let (mut parts, body) = response.into_parts();
    finish_head(&mut parts.headers);
    let bodiless = bodiless || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !bodiless && let Some(length) = body.size_hint().exact() {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let ends = bodiless || body.is_end_stream();
    let stream = respond.send_response(Response::from_parts(parts, ()), ends).ok()?;
    if ends {
        return Some(stream);
    }
    let writing = Writing {
        stream,
        pause_max,
        progress: 0,
        until: None,
    };
    writing.send(pin!(body)).await
}

/// Fields of one hop do not exist in HTTP/2; and every answer has its date (RFC 9110 section 6.6.1).
fn finish_head(headers: &mut HeaderMap) {
    for name in CONNECTION_SPECIFIC {
        headers.remove(name);
    }
    if !headers.contains_key(header::DATE) {
        #[expect(clippy::disallowed_methods, reason = "an answer says when it was made")]
        let now = httpdate::fmt_http_date(SystemTime::now());
        if let Ok(now) = HeaderValue::try_from(now) {
            headers.insert(header::DATE, now);
        }
    }
}

/// An answer's body on its way.
struct Writing {
    stream: SendStream<Bytes>,
    pause_max: Duration,
    /// Bytes that the client took since its time began.
    progress: usize,
    /// When a client that takes nothing has had its time.
    until: Option<Instant>,
}

/// The stream is over: taken back by the client, or by us.
struct Over;

/// What a body gives next.
enum Next<E> {
    Frame(http_body::Frame<Bytes>),
    Broken(E),
    End,
}

impl Writing {
    /// Sends a body, and gives the stream back where all of it was sent.
    async fn send<B: Body<Data = Bytes>>(mut self, mut body: Pin<&mut B>) -> Option<SendStream<Bytes>> {
        loop {
            match self.next(body.as_mut()).await? {
                Next::Frame(frame) => {
                    let last = body.is_end_stream();
                    match self.frame(frame, last).await {
                        Ok(false) => {}
                        Ok(true) => return Some(self.stream),
                        Err(Over) => return None,
                    }
                }
                Next::Broken(_) => {
                    // A body that stops before its end is never ended as if it were whole.
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return None;
                }
                Next::End => {
                    self.stream.send_data(Bytes::new(), true).ok()?;
                    return Some(self.stream);
                }
            }
        }
    }

    /// What the body gives next; nothing when the client took the stream back.
    async fn next<B: Body<Data = Bytes>>(&mut self, mut body: Pin<&mut B>) -> Option<Next<B::Error>> {
        poll_fn(|cx| {
            if self.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(None);
            }
            body.as_mut().poll_frame(cx).map(|frame| {
                Some(match frame {
                    Some(Ok(frame)) => Next::Frame(frame),
                    Some(Err(error)) => Next::Broken(error),
                    None => Next::End,
                })
            })
        })
        .await
    }

    /// Sends one frame, and says whether it was the last.
    async fn frame(&mut self, frame: http_body::Frame<Bytes>, last: bool) -> Result<bool, Over> {
        match frame.into_data() {
            Ok(data) => self.data(data, last).await.map(|()| last),
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => self.stream.send_trailers(trailers).map(|()| true).map_err(|_| Over),
                Err(_) => Ok(false),
            },
        }
    }

    /// Sends as much at a time as the client has room for.
    async fn data(&mut self, mut data: Bytes, last: bool) -> Result<(), Over> {
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            let room = match self.stream.capacity() {
                0 => self.room().await?,
                room => room,
            };
            let piece = data.split_to(room.min(data.len()));
            self.progress += piece.len();
            if self.progress >= WRITE_PROGRESS_BYTES_MIN {
                (self.progress, self.until) = (0, None);
            }
            let ends = last && data.is_empty();
            self.stream.send_data(piece, ends).map_err(|_| Over)?;
        }
        Ok(())
    }

    /// Waits for room; a client that gives none in time loses the stream.
    async fn room(&mut self) -> Result<usize, Over> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + self.pause_max);
        let stream = &mut self.stream;
        let waiting = poll_fn(|cx| stream.poll_capacity(cx));
        match tokio::time::timeout_at(until, waiting).await {
            Ok(Some(Ok(room))) => Ok(room),
            Ok(Some(Err(_)) | None) => Err(Over),
            Err(_) => {
                self.stream.send_reset(Reason::CANCEL);
                Err(Over)
            }
        }
    }
}
