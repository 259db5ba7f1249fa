//! Where counters live: what a store of rate limits must do, as whole operations.
//!
//! A store always answers. One that depends on a network answers within its own deadline, from its own bounded local
//! counters where it must: what to do while the network is down is the store's declared policy, never its caller's.

use super::gcra::{Moment, Quota};
use super::key::Key;
use std::future::Future;
use std::pin::Pin;

/// One counter to take a request from.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Whose counter.
    pub key: Key,
    /// How much it may be asked for.
    pub quota: Quota,
    /// Whether the request may be given back, so that its charge is wanted.
    pub refundable: bool,
}

/// One request taken from one counter, with what is needed to give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose counter.
    pub key: Key,
    /// What the request cost.
    pub interval_nanoseconds: u64,
    /// The counter's theoretical arrival time right after the request.
    pub arrival: Moment,
}

/// What came of taking a request from several counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Every counter admitted it. The charges are those of the refundable asks: none for most requests, and no allocation.
    All(Vec<Charge>),
    /// At least one counter refused it, and none was charged.
    None {
        /// The index of the ask with the longest wait.
        ask: usize,
        /// That wait, at least 1.
        wait_nanoseconds: u64,
    },
}

/// An answer that a store in process has at once, without an allocation, and a distant one later.
pub enum Reply<T> {
    /// Here it is.
    Ready(T),
    /// It comes.
    Pending(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl Ask {
    /// The charge of this ask, where it is wanted.
    #[must_use]
    pub fn charge(&self, arrival: Moment) -> Option<Charge> {
        let interval_nanoseconds = self.quota.interval_nanoseconds();
        self.refundable.then_some(Charge {
            key: self.key,
            interval_nanoseconds,
            arrival,
        })
    }
}

impl<T> Reply<T> {
    /// Waits for the answer where it is not there yet.
    pub async fn get(self) -> T {
        match self {
            Self::Ready(answer) => answer,
            Self::Pending(answer) => answer.await,
        }
    }
}

/// The counters of every rate limit of a process, shared by its workers.
pub trait LimitStore: Send + Sync {
    /// Takes one request from every counter at once: all of them, or none. Two requests at the same time see each other.
    fn take(&self, asks: &[Ask], now: Moment) -> Reply<Taken>;

    /// Gives requests back, as far as they have not drained away by `now`. A counter that is gone stays gone.
    fn refund(&self, charges: &[Charge], now: Moment) -> Reply<()>;

    /// How many counters with a lead were given up for others since the start, for lack of room.
    fn evictions(&self) -> u64;
}
