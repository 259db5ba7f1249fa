//! One worker's connections to every endpoint, and its source of chance.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::Request;

use super::balanced::{Asked, Sent};
use super::endpoint::{Endpoint, Visit};
use super::fleet::Fleet;
use super::{Moment, sticky};
use crate::body::RequestBody;
use crate::forward::Pool;
use crate::forward::deadline::Deadlines;
use crate::forward::pool::Teller;

/// One worker's pools, by the numbers of their endpoints.
pub struct Pools {
    fleet: Arc<Fleet>,
    worker: usize,
    kept: RefCell<Vec<Option<Kept>>>,
    deadlines: Rc<Deadlines>,
    teller: Teller,
    random: Random,
    /// The changes of the fleet that were looked at.
    seen: Cell<u64>,
}

/// A pool, and its endpoint, whose number belongs to nobody else for as long as it is kept.
struct Kept {
    endpoint: Arc<Endpoint>,
    pool: Rc<Pool>,
}

impl Pools {
    /// Those of a worker, by its number. Call it inside a local runtime.
    #[must_use]
    pub fn new(fleet: Arc<Fleet>, worker: usize, teller: Teller) -> Self {
        let mut seed = [0; 8];
        // Without randomness all workers begin alike, which costs no more than some balance.
        let _seeded = getrandom::fill(&mut seed);
        Self {
            fleet,
            worker,
            kept: RefCell::default(),
            deadlines: Deadlines::new(),
            teller,
            random: Random::seeded(u64::from_le_bytes(seed).wrapping_add(worker as u64)),
            seen: Cell::new(0),
        }
    }

    /// The worker's number, from 0.
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    pub(super) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The deadlines of this worker.
    pub(crate) fn deadlines(&self) -> &Rc<Deadlines> {
        &self.deadlines
    }

    pub(super) fn now(&self) -> Moment {
        self.fleet.moment(Instant::now())
    }

    pub(super) fn random(&self) -> u64 {
        self.random.next()
    }

    /// This worker's connections to an endpoint.
    pub(crate) fn of(&self, endpoint: &Arc<Endpoint>) -> Rc<Pool> {
        let mut kept = self.kept.borrow_mut();
        if let Some(Some(kept)) = kept.get(endpoint.number()) {
            return Rc::clone(&kept.pool);
        }
        let (upstream, limits) = (endpoint.upstream().clone(), endpoint.settings().limits.clone());
        let pool = Pool::telling(upstream, limits, Rc::clone(&self.deadlines), self.teller.clone());
        // A request that began before a reload may still go where nothing goes any more, on a connection of its own.
        if endpoint.is_retired() {
            pool.close();
            return pool;
        }
        if kept.len() <= endpoint.number() {
            kept.resize_with(endpoint.number() + 1, || None);
        }
        if let Some(slot) = kept.get_mut(endpoint.number()) {
            *slot = Some(Kept {
                endpoint: Arc::clone(endpoint),
                pool: Rc::clone(&pool),
            });
        }
        pool
    }

    /// Sends a request to an endpoint, and counts what comes of it. Its place there, where places are counted, is kept until the
    /// exchange is over.
    ///
    /// # Errors
    /// See [`Pool::send`].
    pub(crate) async fn send(
        &self,
        endpoint: &Arc<Endpoint>,
        request: Request<RequestBody>,
        asked: Asked<'_>,
        visit: Option<Rc<Visit>>,
    ) -> Sent {
        endpoint.sends(self.worker, asked.is_retry);
        let pool = self.of(endpoint);
        let sent = match asked.websocket {
            Some(websocket) => {
                let (parts, _) = request.into_parts();
                Box::pin(pool.open_websocket(&parts, asked.edits, asked.patience, websocket, visit)).await
            }
            None => pool.send_edited(request, asked.edits, asked.patience, visit).await,
        };
        endpoint.counts(self.worker, &sent);
        sent
    }

    /// Lets go of the connections to endpoints that are gone, if any went since the last look.
    pub(crate) fn retire(&self) {
        let changes = self.fleet.changes();
        if self.seen.replace(changes) == changes {
            return;
        }
        for slot in self.kept.borrow_mut().iter_mut() {
            if let Some(gone) = slot.take_if(|kept| kept.endpoint.is_retired()) {
                gone.pool.close();
            }
        }
    }

    /// Idle connections to all endpoints.
    pub(crate) fn idle(&self) -> u64 {
        let kept = self.kept.borrow();
        kept.iter().flatten().map(|kept| kept.pool.usage().idle as u64).sum()
    }
}

/// Chance that need not withstand anybody: SplitMix64.
#[derive(Debug)]
pub(super) struct Random(Cell<u64>);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(super) fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        sticky::mixed(self.0.get())
    }
}
