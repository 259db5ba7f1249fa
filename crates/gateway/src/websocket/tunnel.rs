//! An open WebSocket: bytes go both ways as they come, frame by frame, until a side closes, breaks a rule or is silent for too
//! long, until its life is over, or until the gate stops.
//!
//! Nothing of a payload is ever judged. What ends here is told by a close frame (RFC 6455 section 7.4), where none of another
//! frame is in the way.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::frames::{Frames, Sender};
use super::{Bounds, Ended};
use crate::controls::tenure::Life;
use crate::forward::deadline::{Expired, Watch};

/// Room for one read of one direction.
const BUFFER_BYTES: usize = 16 * 1024;
/// How long a side may take to take a close frame, and to answer it.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// Most bytes of a client that are read away after its close frame was written.
const CLOSE_BYTES_MAX: usize = 64 * 1024;

/// Bytes that passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) from_client: u64,
    pub(crate) from_upstream: u64,
}

/// Both ends, and what is between them.
pub(crate) struct Tunnel<C, U> {
    client: C,
    upstream: U,
    inwards: Direction,
    outwards: Direction,
    bounds: Bounds,
    watch: Watch,
}

/// From one side to the other.
struct Direction {
    frames: Frames,
    /// Read, and not written yet.
    buffer: BytesMut,
    /// How much of that may be written.
    free: usize,
    /// Why no more may be, once that is written.
    stop: Option<Ended>,
    passed: u64,
}

impl<C, U> Tunnel<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// `from_client` and `from_upstream` are bytes behind the heads that were read already.
    pub(crate) fn new(
        (client, from_client): (C, &[u8]),
        (upstream, from_upstream): (U, &[u8]),
        bounds: Bounds,
        watch: Watch,
    ) -> Self {
        let direction = |sender, read: &[u8]| Direction {
            frames: Frames::new(sender, bounds.message_bytes_max),
            buffer: BytesMut::from(read),
            free: 0,
            stop: None,
            passed: 0,
        };
        Self {
            client,
            upstream,
            inwards: direction(Sender::Client, from_client),
            outwards: direction(Sender::Server, from_upstream),
            bounds,
            watch,
        }
    }

    /// Runs to the end. `drained` is ready when the gate begins to stop; `life` is that of what the caller was let in by.
    pub(crate) async fn run(mut self, drained: impl Future<Output = ()>, life: Option<Life>) -> (Ended, Passed) {
        self.inwards.follow();
        self.outwards.follow();
        self.watch.set_total(self.bounds.life_time_max);
        let ended = self.pass(drained, life).await;
        self.watch.set_total(CLOSE_TIME_MAX);
        self.close(ended).await;
        let passed = Passed {
            from_client: self.inwards.passed,
            from_upstream: self.outwards.passed,
        };
        (ended, passed)
    }

    async fn pass(&mut self, drained: impl Future<Output = ()>, mut life: Option<Life>) -> Ended {
        let mut drained = pin!(drained);
        loop {
            let before = (self.inwards.passed, self.outwards.passed);
            self.watch.arm(self.bounds.idle_time_max);
            let (inwards, outwards) = (&mut self.inwards, &mut self.outwards);
            let (client, upstream) = (&mut self.client, &mut self.upstream);
            let passing = poll_fn(|cx| {
                if drained.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Some(Ended::Drained));
                }
                if life.as_mut().is_some_and(|life| life.poll_over(cx).is_ready()) {
                    return Poll::Ready(Some(Ended::CredentialEnded));
                }
                let (from_client, from_upstream) =
                    (inwards.poll(client, upstream, cx), outwards.poll(upstream, client, cx));
                if inwards.is_over() && outwards.is_over() {
                    return Poll::Ready(Some(Ended::Closed));
                }
                match (from_client, from_upstream) {
                    (Poll::Ready(ended), _) => Poll::Ready(Some(ended.unwrap_or(Ended::ClientLeft))),
                    (_, Poll::Ready(ended)) => Poll::Ready(Some(ended.unwrap_or(Ended::UpstreamLeft))),
                    // The idle time begins anew.
                    _ if (inwards.passed, outwards.passed) != before => Poll::Ready(None),
                    _ => Poll::Pending,
                }
            });
            match self.watch.bound(passing).await {
                Ok(Some(ended)) => return ended,
                Ok(None) => {}
                Err(Expired) if self.watch.total_passed() => return Ended::Expired,
                Err(Expired) => return Ended::Idle,
            }
        }
    }

    /// Tells both sides, and lets go of them.
    async fn close(&mut self, ended: Ended) {
        let (to_client, to_upstream) = ended.codes();
        let word = |code: Option<u16>, towards: &Direction| {
            code.filter(|_| towards.is_between() && !towards.frames.is_closed())
        };
        let for_client = word(to_client, &self.outwards).map(|code| close_frame(code, None));
        let for_upstream = word(to_upstream, &self.inwards).map(|code| close_frame(code, Some(mask())));
        let (client, upstream) = (&mut self.client, &mut self.upstream);
        let closing = async {
            tokio::join!(
                async {
                    // A side that is gone takes no word.
                    let _gone = say(client, for_client.as_deref()).await;
                    read_away(client).await;
                },
                async {
                    let _gone = say(upstream, for_upstream.as_deref()).await;
                }
            );
        };
        // In time or not, both are closed now.
        let _late = self.watch.bound(closing).await;
    }
}

async fn say(side: &mut (impl AsyncWrite + Unpin), frame: Option<&[u8]>) -> io::Result<()> {
    if let Some(frame) = frame {
        side.write_all(frame).await?;
    }
    side.shutdown().await
}

/// Closing a socket with unread bytes resets it, and its other end would lose the close frame.
async fn read_away(side: &mut (impl AsyncRead + Unpin)) {
    let mut scratch = vec![0; 8 * 1024];
    let mut left = CLOSE_BYTES_MAX;
    while let Ok(bytes @ 1..) = side.read(&mut scratch).await {
        left = left.saturating_sub(bytes);
        if left == 0 {
            return;
        }
    }
}

/// RFC 6455 section 5.3 wants it unpredictable; where the system has no random bytes, a close frame is no secret.
fn mask() -> [u8; 4] {
    let mut mask = [0; 4];
    let _zeros = getrandom::fill(&mut mask);
    mask
}

fn close_frame(code: u16, mask: Option<[u8; 4]>) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    match mask {
        None => vec![0x88, 2, high, low],
        Some([a, b, c, d]) => vec![0x88, 0x82, a, b, c, d, high ^ a, low ^ b],
    }
}

impl Direction {
    /// Nothing more will pass: the close frame did.
    fn is_over(&self) -> bool {
        self.frames.is_closed() && self.free == 0
    }

    /// Whether no part of a frame was written whose rest was not.
    fn is_between(&self) -> bool {
        self.free == 0 && self.frames.is_between()
    }

    /// Looks at what was read.
    fn follow(&mut self) {
        let fresh = self.buffer.get(self.free..).unwrap_or_default();
        let sender = self.frames.sender();
        match self.frames.advance(fresh) {
            Ok(bytes) => self.free += bytes,
            Err((bytes, violation)) => {
                self.free += bytes;
                self.stop = Some(Ended::Violated(sender, violation));
            }
        }
    }

    /// Passes on what there is; ready with the reason when no more can come, or none for the end of its side.
    fn poll<F, T>(&mut self, from: &mut F, to: &mut T, cx: &mut Context<'_>) -> Poll<Option<Ended>>
    where
        F: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        loop {
            while self.free > 0 {
                let free = self.buffer.get(..self.free).unwrap_or_default();
                let written = match ready!(Pin::new(&mut *to).poll_write(cx, free)) {
                    Ok(written @ 1..) => written,
                    Ok(0) | Err(_) => return Poll::Ready(Some(Ended::left(self.frames.sender().other()))),
                };
                self.buffer.advance(written);
                self.free -= written;
                self.passed = self.passed.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
            }
            // What TLS holds; if that fails, so will the next write.
            let _flushed = Pin::new(&mut *to).poll_flush(cx);
            if let Some(stop) = self.stop {
                return Poll::Ready(Some(stop));
            }
            self.buffer.reserve(BUFFER_BYTES);
            match ready!(pin!(from.read_buf(&mut self.buffer)).poll(cx)) {
                Ok(1..) => self.follow(),
                Ok(0) | Err(_) => return Poll::Ready(None),
            }
        }
    }
}
