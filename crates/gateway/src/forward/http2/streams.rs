//! Who may use which stream: a pool's side of HTTP/2.
//!
//! A connection is filled before another one is opened. While one is being opened to an upstream that is known to speak HTTP/2,
//! others wait for its streams rather than opening their own.

use std::rc::Rc;

use tokio::time::Instant;

use super::super::deadline::Watch;
use super::super::pool::{Grant, Lease, Permit, Pool};
use super::super::upstream::Protocol;
use super::super::{ForwardError, Malformed};
use super::connection::{Multiplexed, Ticket};

/// How a request may go.
#[derive(Debug)]
pub(super) enum Way {
    /// Alone on a connection of HTTP/1.1.
    Http1(Lease),
    /// On a stream of HTTP/2.
    Http2(Ticket),
}

impl Pool {
    /// A way for one request.
    pub(super) async fn way(self: &Rc<Self>, watch: &mut Watch) -> Result<Way, ForwardError> {
        if let Some(ticket) = self.free_stream() {
            return Ok(Way::Http2(ticket));
        }
        if self.upstream.protocol() == Protocol::Negotiated
            && let Some(lease) = self.idle_lease()
        {
            return Ok(Way::Http1(lease));
        }
        let awaits = self.opening.get() > 0 && self.speaks_http2.get();
        let permit = if awaits { None } else { self.permit(false) };
        let permit = match permit {
            Some(permit) => permit,
            None => match Box::pin(self.queue(watch)).await? {
                Grant::Permit(permit) => permit,
                Grant::Lease(lease) => return Ok(Way::Http1(lease)),
                Grant::Stream(ticket) => return Ok(Way::Http2(ticket)),
            },
        };
        self.opening.set(self.opening.get() + 1);
        let opened = Opening(Rc::clone(self));
        let way = Box::pin(self.open(permit, watch)).await;
        drop(opened);
        self.wake_waiting();
        way
    }

    async fn open(self: &Rc<Self>, permit: Permit, watch: &mut Watch) -> Result<Way, ForwardError> {
        let (stream, peer) = self.dial(&self.upstream, watch).await?;
        let http2 = self.upstream.protocol() == Protocol::Http2 || stream.is_http2();
        self.speaks_http2.set(http2);
        if !http2 {
            return Ok(Way::Http1(self.occupy((stream, peer), permit)));
        }
        let open = self.enter(permit);
        // Only the preface is written: what the upstream is shows with the first answer.
        let connection = Multiplexed::start(stream, peer, self, open).await;
        let connection = connection.map_err(|_| {
            Rc::clone(self).release();
            ForwardError::Malformed(Malformed::Http2)
        })?;
        let ticket = connection.ticket().ok_or(ForwardError::Overloaded)?;
        self.multiplexed.borrow_mut().push(connection);
        Ok(Way::Http2(ticket))
    }

    fn free_stream(&self) -> Option<Ticket> {
        if self.closing.get() {
            return None;
        }
        self.multiplexed
            .borrow()
            .iter()
            .find_map(|connection| connection.ticket())
    }

    /// A stream ended: its place is the next one's, or its connection is let go of.
    pub(super) fn stream_ended(self: Rc<Self>, connection: &Rc<Multiplexed>) {
        if connection.is_usable() && !self.closing.get() {
            self.wake_waiting();
        } else {
            // Dropped outside of the borrow: its end is told to the pool.
            let known = self
                .multiplexed
                .borrow()
                .iter()
                .position(|known| Rc::ptr_eq(known, connection));
            let unusable = known.map(|known| self.multiplexed.borrow_mut().swap_remove(known));
            drop(unusable);
        }
    }

    /// Gives those that wait what is free.
    fn wake_waiting(self: &Rc<Self>) {
        while !self.waiting.borrow().is_empty() {
            let free = self.free_stream().map(Grant::Stream);
            let none_free = free.is_none();
            let Some(grant) = free.or_else(|| self.permit(false).map(Grant::Permit)) else {
                return;
            };
            // Unwanted, it is dropped: everybody is gone who waited. And one more connection has many streams.
            if self.offer(grant).is_some() || (none_free && self.speaks_http2.get()) {
                return;
            }
        }
    }

    /// Lets go of connections that are not worth keeping.
    pub(in crate::forward) fn sweep_multiplexed(&self, now: Instant) {
        let age_max = self.limits.idle_time_max;
        for connection in self.multiplexed.borrow().iter() {
            if self.upstream.has_left(connection.peer()) {
                connection.give_up();
            }
        }
        let keep = |connection: &Rc<Multiplexed>| !self.closing.get() && connection.is_worth_keeping(now, age_max);
        let (kept, unneeded): (Vec<_>, Vec<_>) = self.multiplexed.take().into_iter().partition(keep);
        *self.multiplexed.borrow_mut() = kept;
        drop(unneeded);
    }
}

/// A connection is being opened.
struct Opening(Rc<Pool>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.opening.set(self.0.opening.get().saturating_sub(1));
    }
}
