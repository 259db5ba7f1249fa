//! Handing a connection over to another protocol after 101 (RFC 9110 section 7.8): HTTP stops at the head that asks for it, and
//! goes on only if the answer is another one.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::listen::transport::Transport;

/// What speaks on a connection once it is no longer HTTP's.
pub(crate) trait Successor {
    /// Speaks until the end. `read` are bytes of the client that were read already; `drained` becomes ready when the gate
    /// begins to stop.
    fn run(
        self: Box<Self>,
        client: Box<dyn Transport>,
        read: Vec<u8>,
        drained: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// Where the request that asks for another protocol, its answer and its connection meet.
#[derive(Default)]
pub(crate) struct Switch {
    /// The head was released, and its answer is not known.
    asked: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    successor: RefCell<Option<Box<dyn Successor>>>,
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Switch {
    /// A head that asks was released.
    pub(in crate::listen) fn ask(&self) {
        self.asked.set(true);
    }

    /// The answer is known: HTTP goes on, unless a successor was named.
    pub(in crate::listen) fn answer(&self) {
        if self.asked.get() && self.successor.borrow().is_none() {
            self.asked.set(false);
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }

    /// Names the successor; the answer has to be 101 then.
    pub(crate) fn hand_over(&self, successor: Box<dyn Successor>) {
        *self.successor.borrow_mut() = Some(successor);
    }

    /// Whom to hand the connection to, if HTTP is done with it for that reason.
    pub(in crate::listen) fn successor(&self) -> Option<Box<dyn Successor>> {
        self.successor.take()
    }

    /// Ready while HTTP may read.
    pub(in crate::listen) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.asked.get() {
            return Poll::Ready(());
        }
        *self.reader.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}
