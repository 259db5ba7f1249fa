//! How long a client may keep us waiting. One timer per connection, armed again only when it fires, so that a request that is in
//! time costs no timer at all.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// Bytes that a slow reader must take before its write deadline starts anew; one byte at a time does not count as reading.
pub(crate) const WRITE_PROGRESS_BYTES_MIN: usize = 4 * 1024;
/// After how long without a request a connection of HTTP/1.1 keeps nothing but its socket.
pub(crate) const REST_AFTER: Duration = Duration::from_secs(2);
/// The timer never fires more often than this.
const TICK_MIN: Duration = Duration::from_millis(10);

/// How long a client may take. Only the time spent waiting for the client counts, never ours or the upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the first byte of a head to its last, and from the opening of a connection to the first head; then 408. Over HTTP/2 also
    /// from the first byte of a header block, or of a frame other than DATA, to its last; then the connection is ended.
    pub head_time_max: Duration,
    /// Between two requests on one connection; then it is closed.
    pub idle_time_max: Duration,
    /// Without any byte of a body that is waited for; then the read fails and the refusal is 408.
    pub body_pause_time_max: Duration,
    /// All the waiting for one body together; then the same.
    pub body_time_max: Duration,
    /// Without the client taking at least 4 KiB of a response (or its rest); then the connection is cut.
    pub write_pause_time_max: Duration,
    /// From the opening of a connection until it takes no further request, and ends once nothing is under way; none is no bound.
    pub age_time_max: Option<Duration>,
    /// For reading away what a refused client still sends, so that it sees the refusal and not a reset.
    pub linger_time_max: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(60),
            body_pause_time_max: Duration::from_secs(10),
            body_time_max: Duration::from_secs(60),
            write_pause_time_max: Duration::from_secs(60),
            age_time_max: None,
            linger_time_max: Duration::from_secs(2),
        }
    }
}

impl Deadlines {
    /// The shortest of them: no timer is ever armed further ahead, so none that starts later can be missed.
    fn tick(&self) -> Duration {
        let shortest = self
            .head_time_max
            .min(self.idle_time_max)
            .min(self.body_pause_time_max)
            .min(self.body_time_max);
        shortest.min(self.write_pause_time_max).min(REST_AFTER).max(TICK_MIN)
    }

    /// When a connection that was opened at `born`, and rests from `now` on, is not waited for any longer.
    pub(crate) fn rest_ends(&self, born: Instant, now: Instant) -> Instant {
        let idle = now + self.idle_time_max.saturating_sub(REST_AFTER);
        self.age_time_max.map_or(idle, |max| idle.min(born + max))
    }
}

/// What a connection waits for when it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The first head of a connection.
    First,
    /// The next request.
    Next,
    /// The rest of a head.
    Head,
    /// More of a body.
    Body,
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// No request has come for a while: keep the socket and nothing else.
    Rest,
    /// No request came: close without a word.
    Idle,
    /// The head is late.
    Head,
    /// The rest of a header block or frame of HTTP/2 is late.
    Frame,
    /// The body is late.
    Body,
    /// The response is not taken.
    Write,
    /// The connection is old: no further request.
    Connection,
}

/// Since when a connection has been waiting, and for what. Written by the socket wrapper, read when the timer fires.
#[derive(Debug)]
pub(crate) struct Waits {
    /// When the connection was opened.
    born: Instant,
    /// When it was opened, or stirred again.
    opened: Instant,
    /// Whether it may rest.
    restful: bool,
    reading: Cell<Option<(Awaited, Instant)>>,
    /// Since when the rest of a header block or frame of HTTP/2 has been due, whatever else is waited for.
    frame: Cell<Option<Instant>>,
    body_waited: Cell<Duration>,
    writing: Cell<Option<Instant>>,
    written: Cell<usize>,
    old: Cell<bool>,
}

impl Waits {
    /// Of a connection that is opened now.
    pub(crate) fn new() -> Self {
        Self {
            restful: false,
            ..Self::restful(Instant::now())
        }
    }

    /// Of a connection that was opened at `born`, and rests while nothing is asked.
    pub(crate) fn restful(born: Instant) -> Self {
        Self {
            born,
            opened: Instant::now(),
            restful: true,
            reading: Cell::new(None),
            frame: Cell::new(None),
            body_waited: Cell::new(Duration::ZERO),
            writing: Cell::new(None),
            written: Cell::new(0),
            old: Cell::new(false),
        }
    }

    /// A read found nothing. Waiting for the same thing goes on from when it began.
    pub(crate) fn read_pending(&self, awaited: Awaited) {
        if self.reading.get().is_none_or(|(before, _)| before != awaited) {
            let since = if awaited == Awaited::First {
                self.opened
            } else {
                Instant::now()
            };
            self.reading.set(Some((awaited, since)));
        }
    }

    /// A read found bytes. A head's time goes on until it is complete.
    pub(crate) fn read_some(&self) {
        match self.reading.get() {
            Some((Awaited::Body, since)) => {
                self.body_waited.set(self.body_waited.get() + since.elapsed());
                self.reading.set(None);
            }
            Some((Awaited::Next, _)) => self.reading.set(None),
            Some((Awaited::First | Awaited::Head, _)) | None => {}
        }
    }

    /// A head is complete: nothing is waited for, and its body has all its time.
    pub(crate) fn head_complete(&self) {
        self.reading.set(None);
        self.body_waited.set(Duration::ZERO);
    }

    /// Since when the client has owed the rest of a header block or frame of HTTP/2, if it does.
    pub(crate) fn frame(&self, since: Option<Instant>) {
        self.frame.set(since);
    }

    /// A write found no room.
    pub(crate) fn write_pending(&self) {
        if self.writing.get().is_none() {
            self.writing.set(Some(Instant::now()));
            self.written.set(0);
        }
    }

    /// A write found room for this many bytes.
    pub(crate) fn wrote(&self, bytes: usize) {
        if self.writing.get().is_some() {
            self.written.set(self.written.get().saturating_add(bytes));
            if self.written.get() >= WRITE_PROGRESS_BYTES_MIN {
                self.writing.set(None);
            }
        }
    }

    /// Everything there was to write is written.
    pub(crate) fn write_complete(&self) {
        self.writing.set(None);
    }

    /// The next deadline that will pass if nothing happens.
    fn due(&self, deadlines: &Deadlines) -> Option<(Instant, Expired)> {
        let reading = self.reading.get().map(|(awaited, since)| match awaited {
            Awaited::First => (since + deadlines.head_time_max, Expired::Head),
            Awaited::Head => (since + deadlines.head_time_max, Expired::Head),
            Awaited::Next if self.restful && self.writing.get().is_none() && deadlines.idle_time_max > REST_AFTER => {
                (since + REST_AFTER, Expired::Rest)
            }
            Awaited::Next => (since + deadlines.idle_time_max, Expired::Idle),
            Awaited::Body => {
                let left = deadlines.body_time_max.saturating_sub(self.body_waited.get());
                (since + left.min(deadlines.body_pause_time_max), Expired::Body)
            }
        });
        let writing = self
            .writing
            .get()
            .map(|since| (since + deadlines.write_pause_time_max, Expired::Write));
        let frame = self.frame.get();
        let frame = frame.map(|since| (since + deadlines.head_time_max, Expired::Frame));
        let old = deadlines.age_time_max.filter(|_| !self.old.get());
        let old = old.map(|max| (self.born + max, Expired::Connection));
        let all = [reading, frame, writing, old];
        all.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Forgets the wait that expired, so that it is told once.
    fn told(&self, expired: Expired) {
        match expired {
            Expired::Write => self.writing.set(None),
            Expired::Connection => self.old.set(true),
            Expired::Frame => self.frame.set(None),
            Expired::Rest | Expired::Idle | Expired::Head | Expired::Body => self.reading.set(None),
        }
    }
}

/// The one timer of a connection.
#[derive(Debug)]
pub(crate) struct Deadline {
    sleep: Pin<Box<Sleep>>,
    deadlines: Deadlines,
}

impl Deadline {
    pub(crate) fn new(deadlines: Deadlines) -> Self {
        Self {
            sleep: Box::pin(tokio::time::sleep(deadlines.tick())),
            deadlines,
        }
    }

    /// Ready with each deadline that passed, once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, waits: &Waits) -> Poll<Expired> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let now = Instant::now();
            let latest = now + self.deadlines.tick();
            let next = match waits.due(&self.deadlines) {
                Some((at, expired)) if at <= now => {
                    waits.told(expired);
                    return Poll::Ready(expired);
                }
                Some((at, _)) => at.min(latest),
                None => latest,
            };
            self.sleep.as_mut().reset(next.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn due(waits: &Waits) -> Option<(Duration, Expired)> {
        let deadlines = Deadlines {
            body_pause_time_max: 5 * SECOND,
            ..Deadlines::default()
        };
        waits.due(&deadlines).map(|(at, expired)| (at - waits.opened, expired))
    }

    #[test]
    fn http_5_each_wait_has_its_deadline() {
        let waits = Waits::new();
        assert_eq!(due(&waits), None);
        waits.read_pending(Awaited::First);
        assert_eq!(due(&waits), Some((10 * SECOND, Expired::Head)));
        waits.read_some();
        assert_eq!(
            due(&waits),
            Some((10 * SECOND, Expired::Head)),
            "bytes of a head do not buy time"
        );
        waits.head_complete();
        assert_eq!(due(&waits), None, "our own time does not count");
        waits.read_pending(Awaited::Body);
        assert_eq!(due(&waits).map(|due| due.1), Some(Expired::Body));
        waits.read_some();
        assert_eq!(due(&waits), None);
        waits.read_pending(Awaited::Next);
        assert_eq!(due(&waits).map(|due| due.1), Some(Expired::Idle));
    }

    #[test]
    fn http_5_a_frame_has_its_deadline_whatever_else_is_waited_for() {
        let waits = Waits::new();
        for awaited in [None, Some(Awaited::Next)] {
            if let Some(awaited) = awaited {
                waits.read_pending(awaited);
            }
            waits.frame(Some(waits.opened));
            assert_eq!(due(&waits), Some((10 * SECOND, Expired::Frame)));
            waits.read_some();
            waits.head_complete();
            assert_eq!(
                due(&waits),
                Some((10 * SECOND, Expired::Frame)),
                "another stream's head"
            );
            waits.frame(None);
            assert_eq!(due(&waits), None);
        }
    }

    #[test]
    fn http_5_drops_of_a_body_do_not_buy_time_for_ever() {
        let waits = Waits::new();
        waits.body_waited.set(58 * SECOND);
        waits.read_pending(Awaited::Body);
        let (at, expired) = due(&waits).unwrap();
        assert_eq!(expired, Expired::Body);
        assert!(at < 3 * SECOND, "{at:?}");
    }

    #[test]
    fn http_5_reading_byte_by_byte_is_not_reading() {
        let waits = Waits::new();
        waits.write_pending();
        let before = due(&waits);
        waits.wrote(1);
        waits.write_pending();
        assert_eq!(due(&waits), before);
        waits.wrote(WRITE_PROGRESS_BYTES_MIN);
        assert_eq!(due(&waits), None);
    }
}
