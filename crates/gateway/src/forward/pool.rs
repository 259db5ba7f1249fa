//! The connections of one worker to one upstream.
//!
//! The connection used last is used next, so that surplus ones grow old and go. At `connections_max` requests wait
//! in order, bounded in number and time. Single-threaded (`Rc`): no locks.
//!
//! A connection is worth something only while it is clean: it comes back as a [`Lease`] that is dropped, and the pool
//! asks it whether the last response was read to the end and nothing came after it. Everything else closes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::connection::Connection;
use super::deadline::{Deadlines, Watch};
use super::exchange::Orphan;
use super::http2::connection::{Multiplexed, Ticket};
use super::stream::Stream;
use super::upstream::{Dialer, Upstream};
use super::{ForwardError, Limits, Phase};

/// How often connections that died or grew too old are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// One worker's connections to one upstream.
#[derive(Debug)]
pub struct Pool {
    pub(super) upstream: Upstream,
    pub(super) limits: Limits,
    pub(super) deadlines: Rc<Deadlines>,
    dialer: Dialer,
    /// The one idle for longest first.
    idle: RefCell<VecDeque<Idle>>,
    /// Connections that exist or are being opened.
    open: Cell<usize>,
    pub(super) waiting: RefCell<VecDeque<oneshot::Sender<Grant>>>,
    /// Connections of HTTP/2, which many requests share.
    pub(super) multiplexed: RefCell<Vec<Rc<Multiplexed>>>,
    /// How many connections are being opened that may turn out to be such.
    pub(super) opening: Cell<usize>,
    /// Whether the last one did.
    pub(super) speaks_http2: Cell<bool>,
    /// Exchanges whose client went away; at most one per connection.
    orphans: RefCell<Vec<Orphan>>,
    keeper: Rc<Notify>,
    pub(super) closing: Cell<bool>,
    teller: Teller,
}

/// How a pool is used at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Connections that exist or are being opened.
    pub open: usize,
    /// Those of them that are idle.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
}

/// A connection between two requests.
#[derive(Debug)]
struct Idle {
    opened: Box<Opened>,
    since: Instant,
}

/// A connection that is told of when it ends.
#[derive(Debug)]
struct Opened {
    connection: Connection,
    /// Its other end.
    peer: SocketAddr,
    _open: Open,
}

/// The right to have one connection more.
#[derive(Debug)]
pub(super) struct Permit {
    /// `None` once a connection took its place.
    pool: Option<Rc<Pool>>,
}

/// A connection in use. Dropping it gives the connection back if it is clean, and closes it if not.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Rc<Pool>,
    /// There until the lease is dropped.
    opened: Option<Box<Opened>>,
    /// Whether it has carried a request before.
    pub(super) reused: bool,
}

/// What happens to a pool's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// One was made.
    Opened,
    /// One ended.
    Closed,
    /// One could not be made.
    Failed,
    /// A request was sent again, on a fresh one.
    Retried,
}

/// Who is told of it.
#[derive(Clone)]
pub struct Teller(pub Rc<dyn Fn(Happening)>);

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Teller")
    }
}

/// Tells of the end of a connection, however it ends.
#[derive(Debug)]
pub(super) struct Open(Teller);

impl Drop for Open {
    fn drop(&mut self) {
        (self.0.0)(Happening::Closed);
    }
}

/// A connection that was just opened, and to which address.
pub(super) type Dialled = (Stream, SocketAddr);

/// What a waiting request gets.
#[derive(Debug)]
pub(super) enum Grant {
    Permit(Permit),
    Lease(Lease),
    Stream(Ticket),
}

impl Pool {
    /// A pool without connections. Starts its keeper with `spawn_local`: call it inside a `LocalSet`.
    #[must_use]
    pub fn new(upstream: Upstream, limits: Limits, deadlines: Rc<Deadlines>) -> Rc<Self> {
        Self::telling(upstream, limits, deadlines, Teller(Rc::new(|_| ())))
    }

    /// The same, telling of what happens to its connections.
    #[must_use]
    pub fn telling(upstream: Upstream, limits: Limits, deadlines: Rc<Deadlines>, teller: Teller) -> Rc<Self> {
        let keeper = Rc::new(Notify::new());
        let pool = Rc::new(Self {
            upstream,
            dialer: Dialer::default(),
            limits,
            deadlines,
            idle: RefCell::default(),
            open: Cell::new(0),
            waiting: RefCell::default(),
            multiplexed: RefCell::default(),
            opening: Cell::new(0),
            speaks_http2: Cell::new(false),
            orphans: RefCell::default(),
            keeper: Rc::clone(&keeper),
            closing: Cell::new(false),
            teller,
        });
        tokio::task::spawn_local(keep(Rc::downgrade(&pool), keeper));
        pool
    }

    /// Where its connections lead to.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn tell(&self, happening: Happening) {
        (self.teller.0)(happening);
    }

    /// Numbers for metrics.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            open: self.open.get(),
            idle: self.idle.borrow().len(),
            waiting: self.waiting.borrow().len(),
        }
    }

    /// Closes the idle connections; those in use close when they come back. For a pool that was replaced.
    pub fn close(&self) {
        self.closing.set(true);
        self.close_idle(|_| true);
        self.sweep_multiplexed(Instant::now());
    }

    /// A connection of HTTP/1.1 for one request; a fresh one if the last one turned out to be stale.
    pub(super) async fn lease(self: &Rc<Self>, fresh: bool, watch: &mut Watch) -> Result<Lease, ForwardError> {
        if fresh {
            self.close_idle(|idle| !idle.opened.connection.is_quiet());
        } else if let Some(lease) = self.idle_lease() {
            return Ok(lease);
        }
        let permit = match self.permit(fresh) {
            Some(permit) => permit,
            None => match Box::pin(self.queue(watch)).await? {
                Grant::Permit(permit) => permit,
                Grant::Lease(lease) if !fresh => return Ok(lease),
                Grant::Lease(lease) => lease.into_permit(),
                // Only where HTTP/1.1 is wanted of an upstream that speaks HTTP/2; the next in the queue gets it.
                Grant::Stream(_) => return Err(ForwardError::Overloaded),
            },
        };
        // On the heap: connecting is rare, and its many states would take room in every request.
        Box::pin(self.connect(permit, watch)).await
    }

    pub(super) fn idle_lease(self: &Rc<Self>) -> Option<Lease> {
        loop {
            let idle = self.idle.borrow_mut().pop_back()?;
            let mut lease = self.lend(idle.opened);
            if lease.is_quiet() {
                return Some(lease);
            }
        }
    }

    fn lend(self: &Rc<Self>, opened: Box<Opened>) -> Lease {
        Lease {
            pool: Rc::clone(self),
            opened: Some(opened),
            reused: true,
        }
    }

    /// A permit if the bound allows one; `fresh` sacrifices an idle connection for it.
    pub(super) fn permit(self: &Rc<Self>, fresh: bool) -> Option<Permit> {
        if self.open.get() < self.limits.connections_max {
            self.open.set(self.open.get() + 1);
            return Some(Permit {
                pool: Some(Rc::clone(self)),
            });
        }
        if !fresh {
            return None;
        }
        let sacrifice = self.idle.borrow_mut().pop_front()?;
        drop(sacrifice);
        Some(Permit {
            pool: Some(Rc::clone(self)),
        })
    }

    pub(super) async fn queue(self: &Rc<Self>, watch: &mut Watch) -> Result<Grant, ForwardError> {
        let receive = {
            let mut waiting = self.waiting.borrow_mut();
            if waiting.len() >= self.limits.queue_max {
                waiting.retain(|waiter| !waiter.is_closed());
            }
            if waiting.len() >= self.limits.queue_max {
                return Err(ForwardError::Overloaded);
            }
            let (send, receive) = oneshot::channel();
            waiting.push_back(send);
            receive
        };
        watch.arm(self.limits.queue_time_max);
        match watch.bound(receive).await {
            Ok(Ok(Grant::Lease(mut lease))) => Ok(if lease.is_quiet() {
                Grant::Lease(lease)
            } else {
                Grant::Permit(lease.into_permit())
            }),
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(_)) | Err(_) => Err(ForwardError::Overloaded),
        }
    }

    async fn connect(self: &Rc<Self>, permit: Permit, watch: &mut Watch) -> Result<Lease, ForwardError> {
        let dialled = if self.upstream.may_multiplex() {
            self.dial(&self.upstream.in_http1(), watch).await?
        } else {
            self.dial(&self.upstream, watch).await?
        };
        Ok(self.occupy(dialled, permit))
    }

    pub(super) async fn dial(&self, upstream: &Upstream, watch: &mut Watch) -> Result<Dialled, ForwardError> {
        let time_max = self.limits.connect_time_max;
        watch.arm(time_max);
        let dialled = watch.bound(self.dialer.dial(upstream, time_max)).await;
        if !matches!(dialled, Ok(Ok(_))) {
            self.tell(Happening::Failed);
        }
        match dialled {
            Ok(Ok(dialled)) => Ok(dialled),
            Ok(Err(error)) if error.kind() != std::io::ErrorKind::TimedOut => {
                Err(ForwardError::Connect(error.to_string()))
            }
            Ok(Err(_)) | Err(_) => Err(ForwardError::Timeout(Phase::Connect)),
        }
    }

    /// A connection of HTTP/1.1 in the place of its permit.
    pub(super) fn occupy(self: &Rc<Self>, (stream, peer): Dialled, permit: Permit) -> Lease {
        let opened = Opened {
            peer,
            connection: Connection::new(stream),
            _open: self.enter(permit),
        };
        Lease {
            pool: Rc::clone(self),
            opened: Some(Box::new(opened)),
            reused: false,
        }
    }

    /// A connection takes the place of its permit.
    pub(super) fn enter(&self, mut permit: Permit) -> Open {
        permit.pool = None;
        self.tell(Happening::Opened);
        Open(self.teller.clone())
    }

    /// One permit is free: the next in the queue gets it, or the number of open connections falls.
    pub(super) fn release(self: Rc<Self>) {
        let permit = Grant::Permit(Permit {
            pool: Some(Rc::clone(&self)),
        });
        if let Some(Grant::Permit(mut permit)) = self.offer(permit) {
            permit.pool = None;
            self.open.set(self.open.get().saturating_sub(1));
        }
    }

    /// Gives `grant` to the first that still waits, or back.
    pub(super) fn offer(&self, mut grant: Grant) -> Option<Grant> {
        loop {
            let Some(waiter) = self.waiting.borrow_mut().pop_front() else {
                return Some(grant);
            };
            match waiter.send(grant) {
                Ok(()) => return None,
                Err(unwanted) => grant = unwanted,
            }
        }
    }

    fn give_back(self: Rc<Self>, mut opened: Box<Opened>) {
        if self.closing.get() || !opened.connection.is_clean() || self.has_left(&opened) {
            drop(opened);
            return self.release();
        }
        if !self.waiting.borrow().is_empty() {
            let Some(Grant::Lease(mut lease)) = self.offer(Grant::Lease(self.lend(opened))) else {
                return;
            };
            let Some(unwanted) = lease.opened.take() else {
                return;
            };
            opened = unwanted;
        }
        let surplus = {
            let mut idle = self.idle.borrow_mut();
            idle.push_back(Idle {
                opened,
                since: Instant::now(),
            });
            if idle.len() > self.limits.idle_max {
                idle.pop_front()
            } else {
                None
            }
        };
        if surplus.is_some() {
            self.release();
        }
    }

    /// Whether a connection leads to an address that the name has no more.
    fn has_left(&self, opened: &Opened) -> bool {
        self.upstream.has_left(opened.peer)
    }

    fn close_idle(&self, closes: impl Fn(&mut Idle) -> bool) {
        let mut idle = self.idle.borrow_mut();
        let before = idle.len();
        idle.retain_mut(|one| !closes(one));
        // Nobody waits while connections are idle, so there is nobody to hand the permits to.
        self.open.set(self.open.get().saturating_sub(before - idle.len()));
    }

    /// Takes over an exchange whose client went away.
    pub(super) fn adopt(&self, orphan: Orphan) {
        self.orphans.borrow_mut().push(orphan);
        self.keeper.notify_one();
    }
}

impl Lease {
    pub(super) fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.opened.as_mut().map(|opened| &mut opened.connection)
    }

    /// Whether the response was read to its end.
    pub(crate) fn is_ended(&self) -> bool {
        self.body_bytes_left() == Some(0)
    }

    /// How many bytes of the body of the response are still to come, if that is known.
    pub(crate) fn body_bytes_left(&self) -> Option<u64> {
        self.opened
            .as_ref()
            .map_or(Some(0), |opened| opened.connection.body_bytes_left())
    }

    /// Leaves the rest of a response to the keeper.
    pub(crate) fn abandon(self, watch: Watch) {
        let pool = Rc::clone(&self.pool);
        pool.adopt(Orphan { lease: self, watch });
    }

    fn is_quiet(&mut self) -> bool {
        self.connection().is_some_and(Connection::is_quiet)
    }

    fn into_permit(mut self) -> Permit {
        self.opened = None;
        Permit {
            pool: Some(Rc::clone(&self.pool)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(opened) = self.opened.take() {
            Rc::clone(&self.pool).give_back(opened);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.release();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.keeper.notify_one();
    }
}

/// Sweeps the idle connections and lets orphans run on, for as long as the pool lives.
async fn keep(pool: Weak<Pool>, wake: Rc<Notify>) {
    loop {
        // Whether orphans or the end of the pool or the clock woke it: the work is the same.
        let _elapsed = tokio::time::timeout(SWEEP_EVERY, wake.notified()).await;
        let Some(alive) = pool.upgrade() else { return };
        let (now, age_max) = (Instant::now(), alive.limits.idle_time_max);
        alive.close_idle(|idle| {
            let is_old = now.duration_since(idle.since) >= age_max;
            is_old || alive.has_left(&idle.opened) || !idle.opened.connection.is_quiet()
        });
        alive.sweep_multiplexed(now);
        for orphan in alive.orphans.take() {
            tokio::task::spawn_local(orphan.run_on());
        }
    }
}
