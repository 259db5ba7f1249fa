//! Gives back to the system what a burst of connections needed, once they rest or are gone.
//!
//! An allocator keeps freed pages for a while, and looks at them again only when something else is freed: so does mimalloc, after
//! a second. A worker whose connections all came to rest frees nothing more, and would keep those pages until the next burst.

use std::hint::black_box;
use std::time::Duration;

use tokio::sync::Notify;

/// From the first of what is freed to the look at it: longer than pages are kept.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// Enough to be a page of its own, and never touched, so that it costs no memory.
const PAGE_BYTES: usize = 1 << 20;

/// Told of what connections free.
#[derive(Debug, Default)]
pub(crate) struct Freed(Notify);

impl Freed {
    /// A connection gave up nearly all that it held.
    pub(crate) fn tell(&self) {
        self.0.notify_one();
    }

    /// Looks after each burst, for ever.
    pub(crate) async fn give_back(&self) {
        loop {
            self.0.notified().await;
            tokio::time::sleep(LOOK_AFTER).await;
            drop(black_box(Vec::<u8>::with_capacity(PAGE_BYTES)));
        }
    }
}
