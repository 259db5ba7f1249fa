//! Deadlines of one worker, without a timer per request.
//!
//! A request has several time limits (queue, connect, first byte, stall, total). Each of them as a timer of the
//! runtime costs two locked operations on the timer wheel and, on an idle worker, a wake-up call. Here one ticker per
//! worker looks every [`TICK`] whether the earliest deadline has passed; arming one is a store to a cell.
//!
//! It fires up to two ticks late, and early only by as long as the worker was busy with one thing before it was armed. The ticker sleeps for good while nobody watches.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::balance::Visit;

/// The grain of all deadlines: one fires between 0 and two ticks after its time.
pub const TICK: Duration = Duration::from_millis(50);

/// No deadline.
const NEVER: u64 = u64::MAX;

/// The deadlines of one worker; share it (`Rc`) between all that wait on that worker.
#[derive(Debug)]
pub struct Deadlines {
    started: Instant,
    /// Ticks since `started`, as of the last look at the clock.
    now: Cell<u64>,
    /// No slot is armed before this tick: most ticks look at this cell only.
    earliest: Cell<u64>,
    slots: RefCell<Slots>,
    asleep: Cell<bool>,
    wake: Rc<Notify>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct Slot {
    at: u64,
    waker: Option<Waker>,
}

/// The time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired;

/// One waiter's deadline: a current limit ([`Watch::arm`]) under an overall one ([`Watch::set_total`]).
///
/// Unarmed it never fires. It goes wherever its exchange goes, and so the exchange's place at an endpoint, where places are
/// counted, goes with it.
#[derive(Debug)]
pub struct Watch {
    deadlines: Rc<Deadlines>,
    key: usize,
    total: u64,
    visit: Option<Rc<Visit>>,
}

impl Deadlines {
    /// Starts the ticker with `spawn_local`: call it inside a `LocalSet` (or a local runtime).
    #[must_use]
    pub fn new() -> Rc<Self> {
        let wake = Rc::new(Notify::new());
        let deadlines = Rc::new(Self {
            started: Instant::now(),
            now: Cell::new(0),
            earliest: Cell::new(NEVER),
            slots: RefCell::default(),
            asleep: Cell::new(true),
            wake: Rc::clone(&wake),
        });
        tokio::task::spawn_local(tick(Rc::downgrade(&deadlines), wake));
        deadlines
    }

    /// A new, unarmed watch. Bounded by the callers: one per request.
    #[must_use]
    pub fn watch(self: &Rc<Self>) -> Watch {
        if self.asleep.replace(false) {
            self.look_at_clock();
            self.wake.notify_one();
        }
        let mut slots = self.slots.borrow_mut();
        let key = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(Slot { at: NEVER, waker: None });
            slots.all.len() - 1
        });
        drop(slots);
        Watch {
            deadlines: Rc::clone(self),
            key,
            total: NEVER,
            visit: None,
        }
    }

    /// The tick that lies at least `after` from now.
    fn tick_after(&self, after: Duration) -> u64 {
        let ticks = after.as_nanos().div_ceil(TICK.as_nanos());
        // One more, because `now` may be almost one tick old.
        u64::try_from(ticks)
            .unwrap_or(NEVER)
            .saturating_add(self.now.get())
            .saturating_add(1)
    }

    fn look_at_clock(&self) {
        let ticks = self.started.elapsed().as_nanos() / TICK.as_nanos();
        self.now.set(u64::try_from(ticks).unwrap_or(NEVER - 1));
    }

    /// Wakes all whose time has come. Returns whether nobody is left to watch.
    fn fire(&self) -> bool {
        self.look_at_clock();
        let now = self.now.get();
        let mut slots = self.slots.borrow_mut();
        if now >= self.earliest.get() {
            let mut earliest = NEVER;
            for slot in &mut slots.all {
                if slot.at > now {
                    earliest = earliest.min(slot.at);
                } else if let Some(waker) = slot.waker.take() {
                    waker.wake();
                }
            }
            self.earliest.set(earliest);
        }
        let idle = slots.free.len() == slots.all.len();
        if idle {
            // A burst must not leave a long list behind that each later burst walks through.
            *slots = Slots::default();
            self.earliest.set(NEVER);
        }
        idle
    }
}

impl Drop for Deadlines {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

async fn tick(deadlines: Weak<Deadlines>, wake: Rc<Notify>) {
    loop {
        let Some(asleep) = deadlines.upgrade().map(|alive| alive.asleep.get()) else {
            return;
        };
        if asleep {
            wake.notified().await;
            continue;
        }
        tokio::time::sleep(TICK).await;
        if let Some(alive) = deadlines.upgrade() {
            alive.asleep.set(alive.fire());
        }
    }
}

impl Watch {
    /// From now on the watch fires after `after`, or at the overall limit if that is earlier.
    pub fn arm(&mut self, after: Duration) {
        self.set(self.deadlines.tick_after(after).min(self.total));
    }

    /// Takes the current limit away; the overall one stays.
    pub fn disarm(&mut self) {
        self.set(self.total);
    }

    /// Sets the overall limit, counted from now, and takes the current one away.
    pub fn set_total(&mut self, after: Duration) {
        self.total = self.deadlines.tick_after(after);
        self.set(self.total);
    }

    /// Keeps a place at an endpoint for as long as the exchange goes on.
    pub(super) fn keep(&mut self, visit: Option<Rc<Visit>>) {
        self.visit = visit;
    }

    /// Whether it was the overall limit that ran out.
    #[must_use]
    pub fn total_passed(&self) -> bool {
        self.deadlines.now.get() >= self.total
    }

    /// Ready once the time has run out; otherwise the task is woken then.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut slots = self.deadlines.slots.borrow_mut();
        let Some(slot) = slots.all.get_mut(self.key) else {
            return Poll::Ready(());
        };
        if slot.at <= self.deadlines.now.get() {
            return Poll::Ready(());
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits for `future` within the armed time.
    ///
    /// # Errors
    /// [`Expired`] when the time ran out first; the future is dropped then.
    pub async fn bound<F: Future>(&mut self, future: F) -> Result<F::Output, Expired> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            self.poll_expired(cx).map(|()| Err(Expired))
        })
        .await
    }

    fn set(&mut self, at: u64) {
        if let Some(slot) = self.deadlines.slots.borrow_mut().all.get_mut(self.key) {
            slot.at = at;
        }
        let earliest = &self.deadlines.earliest;
        earliest.set(earliest.get().min(at));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut slots = self.deadlines.slots.borrow_mut();
        if let Some(slot) = slots.all.get_mut(self.key) {
            *slot = Slot { at: NEVER, waker: None };
        }
        slots.free.push(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::local;
    use super::*;

    /// How long a watch takes to fire, in milliseconds.
    async fn fires_after(watch: &mut Watch) -> u128 {
        let start = Instant::now();
        assert_eq!(watch.bound(std::future::pending::<()>()).await, Err(Expired));
        start.elapsed().as_millis()
    }

    #[test]
    fn fires_in_time_and_never_early() {
        local(async {
            let deadlines = Deadlines::new();
            for after in [0, 1, 49, 50, 51, 333] {
                let mut watch = deadlines.watch();
                watch.arm(Duration::from_millis(after));
                let took = fires_after(&mut watch).await;
                assert!(
                    took >= u128::from(after) && took <= u128::from(after) + 200,
                    "{after}: {took}"
                );
            }
        });
    }

    #[test]
    fn the_overall_limit_bounds_the_current_one() {
        local(async {
            let mut watch = Deadlines::new().watch();
            watch.set_total(Duration::from_millis(500));
            watch.arm(Duration::from_secs(60));
            let took = fires_after(&mut watch).await;
            assert!((500..=700).contains(&took), "{took}");
            assert!(watch.total_passed());
        });
    }

    #[test]
    fn many_watches_wake_each_at_its_time_and_the_ticker_then_sleeps() {
        local(async {
            let deadlines = Deadlines::new();
            let mut tasks = Vec::new();
            for i in 1..100_u64 {
                let mut watch = deadlines.watch();
                tasks.push(tokio::task::spawn_local(async move {
                    watch.arm(Duration::from_millis(i * 7));
                    (u128::from(i * 7), fires_after(&mut watch).await)
                }));
            }
            for task in tasks {
                let (after, took) = task.await.unwrap();
                assert!(took >= after && took <= after + 200, "{after}: {took}");
            }
            tokio::time::sleep(TICK * 3).await;
            assert!(deadlines.asleep.get());
            assert!(deadlines.slots.borrow().all.is_empty());
        });
    }
}
