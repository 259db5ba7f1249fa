//! The bodies that pass the gate: whole in memory because they are judged, or streamed within a bound.
//!
//! Never boxed, never copied without need, and never without a bound. Trailers end here, but for those of gRPC: they are a hop's own
//! affair.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use smallvec::SmallVec;
use thiserror::Error;

use crate::controls::tenure::Lasting;
use crate::controls::upload::Upload;
use crate::forward::Download;
use crate::forward::Switched;
use crate::forward::deadline::Watch;
use crate::forward::pool::Lease;
use crate::holdings::Hold;
use crate::listen::Incoming;

/// First allocation for a body of several frames, in bytes, whatever its `Content-Length` promises.
const FIRST_BYTES_MAX: usize = 64 * 1024;

/// Why a body ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// The connection broke, or the framing did.
    #[error("the body ended before its end")]
    Broken,
    /// The next bytes did not come in time, or the whole took too long.
    #[error("the body came too slowly")]
    TimedOut,
    /// It is longer than its bound.
    #[error("the body is too long")]
    TooLarge,
    /// Too much of other bodies is held already.
    #[error("there is no room for the body")]
    NoRoom,
    /// What was judged of it on its way is not what the contract says.
    #[error("the body is not what the contract says")]
    Refused,
    /// What its caller was let in by is no longer good.
    #[error("the credential that it was asked for with has ended")]
    CredentialEnded,
}

/// A body on its way to the upstream.
#[derive(Debug, Default)]
pub enum RequestBody {
    /// None.
    #[default]
    Empty,
    /// Judged: every byte is here.
    Whole(Bytes),
    /// Passed on as it comes.
    Streamed(Bounded<Incoming>),
    /// Judged as it comes. Rare, and large.
    Upload(Box<Upload>),
}

impl RequestBody {
    /// The same once more; none where a part of it may be gone already.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Streamed(_) | Self::Upload(_) => None,
        }
    }

    /// How many bytes of it are in memory.
    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Empty | Self::Streamed(_) | Self::Upload(_) => 0,
        }
    }
}

/// A body on its way to the client.
#[derive(Debug, Default)]
pub enum ResponseBody {
    /// None.
    #[default]
    Empty,
    /// Judged, or made by the gate: every byte is here.
    Whole(Bytes),
    /// Passed on as it comes.
    Streamed(UpstreamBody),
    /// Passed on as it comes, after what was read of it already. Rare, and large.
    Resumed(Box<Resumed<UpstreamBody>>),
    /// Passed on for as long as what its caller was let in by is good.
    Lasting(Box<Lasting>),
    /// None: after 101 the connection is another protocol's.
    Switched(Box<Switched>),
}

/// The only frame of a whole body.
fn take_whole<E>(bytes: &mut Bytes) -> Option<Result<Frame<Bytes>, E>> {
    let bytes = std::mem::take(bytes);
    if bytes.is_empty() {
        None
    } else {
        Some(Ok(Frame::data(bytes)))
    }
}

fn exact(len: usize) -> SizeHint {
    SizeHint::with_exact(u64::try_from(len).unwrap_or(u64::MAX))
}

macro_rules! body_of_variants {
    ($name:ty: $($streamed:ident),+) => {
        impl Body for $name {
            type Data = Bytes;
            type Error = BodyError;

            fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
                match self.get_mut() {
                    Self::Empty => Poll::Ready(None),
                    Self::Whole(bytes) => Poll::Ready(take_whole(bytes)),
                    $(Self::$streamed(body) => Pin::new(body).poll_frame(cx),)+
                }
            }

            fn is_end_stream(&self) -> bool {
                match self {
                    Self::Empty => true,
                    Self::Whole(bytes) => bytes.is_empty(),
                    $(Self::$streamed(body) => body.is_end_stream(),)+
                }
            }

            fn size_hint(&self) -> SizeHint {
                match self {
                    Self::Empty => SizeHint::with_exact(0),
                    Self::Whole(bytes) => exact(bytes.len()),
                    $(Self::$streamed(body) => body.size_hint(),)+
                }
            }
        }
    };
}

body_of_variants!(RequestBody: Streamed, Upload);
body_of_variants!(ResponseBody: Streamed, Resumed, Lasting, Switched);

/// A body that fails with [`BodyError::TooLarge`] past its bound.
#[derive(Debug)]
pub struct Bounded<B> {
    inner: B,
    left: u64,
}

impl<B: Body<Data = Bytes> + Unpin> Bounded<B> {
    /// Bounds `inner` to `bytes_max`.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] if its announced length is above the bound already.
    pub fn new(inner: B, bytes_max: u64) -> Result<Self, BodyError> {
        if inner.size_hint().lower() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        Ok(Self { inner, left: bytes_max })
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Bounded<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    match self.left.checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
                        Some(left) => {
                            self.left = left;
                            Some(Ok(Frame::data(bytes)))
                        }
                        None => Some(Err(BodyError::TooLarge)),
                    }
                }
                Some(Err(_)) => Some(Err(BodyError::Broken)),
                None => None,
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response body that is read from its connection, frame by frame, and gives the connection back at its end.
///
/// A body that stops before its end is an error, never a short body. Dropped early, a short rest is read and thrown
/// away within bounds so that the connection can be used again; otherwise the connection closes.
#[derive(Debug)]
pub struct UpstreamBody {
    /// `None` after the end.
    origin: Option<Origin>,
    /// Whether it ended before its end.
    failed: bool,
    stall: Duration,
    /// Whether it waits for the upstream; a client that does not read costs the upstream no time.
    waiting: bool,
}

#[derive(Debug)]
struct Origin {
    source: Source,
    watch: Watch,
}

/// Where a body comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A connection of its own.
    Http1(Lease),
    /// A stream.
    Http2(Box<Download>),
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Http1(lease) => match lease.connection() {
                Some(connection) => connection
                    .poll_body(cx)
                    .map(|polled| polled.map(|part| part.map(Frame::data))),
                None => Poll::Ready(Some(Err(BodyError::Broken))),
            },
            Self::Http2(download) => download.poll_frame(cx),
        }
    }

    fn is_ended(&self) -> bool {
        match self {
            Self::Http1(lease) => lease.is_ended(),
            Self::Http2(download) => download.is_ended(),
        }
    }

    /// How many bytes are still to come, if that is known.
    fn bytes_left(&self) -> Option<u64> {
        match self {
            Self::Http1(lease) => lease.body_bytes_left(),
            Self::Http2(download) => download.is_ended().then_some(0),
        }
    }
}

impl UpstreamBody {
    pub(crate) fn new(source: Source, watch: Watch, stall: Duration) -> Self {
        Self {
            origin: Some(Origin { source, watch }),
            failed: false,
            stall,
            waiting: false,
        }
    }

    /// Ends with an error; the connection closes.
    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.origin = None;
        self.failed = true;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(origin) = &mut this.origin else {
            return Poll::Ready(None);
        };
        let Poll::Ready(polled) = origin.source.poll_frame(cx) else {
            if !std::mem::replace(&mut this.waiting, true) {
                origin.watch.arm(this.stall);
            }
            ready!(origin.watch.poll_expired(cx));
            return this.fail(BodyError::TimedOut);
        };
        if std::mem::take(&mut this.waiting) {
            origin.watch.disarm();
        }
        match polled {
            Some(Ok(frame)) => {
                if origin.source.is_ended() {
                    this.origin = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => this.fail(error),
            None => {
                this.origin = None;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.failed && self.origin.as_ref().is_none_or(|origin| origin.source.is_ended())
    }

    fn size_hint(&self) -> SizeHint {
        let left = self
            .origin
            .as_ref()
            .map_or(Some(0), |origin| origin.source.bytes_left());
        left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        // A stream is reset with its last handle.
        if let Some(Origin {
            source: Source::Http1(lease),
            watch,
            ..
        }) = self.origin.take()
        {
            lease.abandon(watch);
        }
    }
}

/// A body of which the first bytes were read already.
#[derive(Debug)]
pub struct Resumed<B> {
    read: SmallVec<[Bytes; 2]>,
    rest: B,
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Body for Resumed<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.read.is_empty() {
            return Pin::new(&mut this.rest).poll_frame(cx);
        }
        Poll::Ready(Some(Ok(Frame::data(this.read.remove(0)))))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self
            .read
            .iter()
            .map(|bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            .sum::<u64>();
        let mut hint = self.rest.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint.set_lower(hint.lower().saturating_add(read));
        hint
    }
}

/// What [`collect_bounded`] read.
#[derive(Debug)]
pub enum Collected<B> {
    /// All of it.
    Whole(Bytes),
    /// It is longer than the bound: what was read, and the rest, to refuse or to stream.
    Overflow(Resumed<B>),
}

/// Reads a body of at most `bytes_max` bytes; a body of one frame is not copied.
///
/// Memory: at most `bytes_max` and one frame, taken from `hold` as it arrives.
///
/// # Errors
/// [`BodyError`]: broken, out of time, or without room. Too long is no error here but [`Collected::Overflow`].
pub async fn collect_bounded<B>(mut body: B, bytes_max: usize, hold: &mut Hold) -> Result<Collected<B>, BodyError>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Ok(Collected::Overflow(Resumed {
            read: SmallVec::new(),
            rest: body,
        }));
    }
    let mut read = Read {
        first: Bytes::new(),
        joined: BytesMut::new(),
        announced,
    };
    let reading = std::future::poll_fn(|cx| {
        loop {
            match ready!(Pin::new(&mut body).poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    if read.len().saturating_add(bytes.len()) > bytes_max {
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                    if let Err(error) = hold.grow(bytes.len()) {
                        return Poll::Ready(Err(error));
                    }
                    read.push(bytes);
                }
            }
            if body.is_end_stream() {
                return Poll::Ready(Ok(None));
            }
        }
    });
    let over = reading.await?;
    let read = read.into_bytes();
    Ok(match over {
        None => Collected::Whole(read),
        Some(over) => {
            let read = [read, over].into_iter().filter(|bytes| !bytes.is_empty()).collect();
            Collected::Overflow(Resumed { read, rest: body })
        }
    })
}

/// The frames read so far: one is kept as it is, more are joined.
struct Read {
    first: Bytes,
    joined: BytesMut,
    announced: usize,
}

impl Read {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, bytes: Bytes) {
        if self.joined.is_empty() && self.first.is_empty() {
            self.first = bytes;
            return;
        }
        if self.joined.is_empty() {
            self.joined
                .reserve(self.announced.min(FIRST_BYTES_MAX).max(self.first.len() + bytes.len()));
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&bytes);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.freeze()
        }
    }
}
