//! What one worker counts of itself: its connections on both sides.

use super::cells::WorkerCells;
use super::control::{Control, ControlCells};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

/// The right to write one worker's counters. It can move to the worker's thread, but not be shared: one writer.
pub struct Worker {
    number: usize,
    cells: Arc<WorkerCells>,
    single_writer: PhantomData<Cell<()>>,
}

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A caller's connection was accepted.
    ConnectionOpened,
    /// An accepted connection ended.
    ConnectionClosed,
    /// A connection was turned away, for there were too many.
    ConnectionRefused,
    /// A connection was closed at once, for its address is not one that may come.
    ConnectionDenied,
    /// A connection to an upstream was made.
    UpstreamOpened,
    /// A connection to an upstream ended.
    UpstreamClosed,
    /// A connection to an upstream could not be made.
    UpstreamFailed,
    /// A request was sent again, since a pooled connection turned out to be closed.
    UpstreamRetried,
    /// A full TLS handshake with a caller.
    TlsHandshake,
    /// A TLS session of a caller was resumed.
    TlsResumed,
    /// A TLS handshake with a caller failed.
    TlsFailed,
    /// A connection was closed for want of a PROXY header, or because a stranger wrote it.
    ProxyHeader,
    /// A WebSocket was opened.
    WebSocketOpened,
    /// An opened WebSocket ended.
    WebSocketClosed,
    /// A JWT was presented that was verified before.
    TokenRemembered,
    /// A JWT was presented that had to be verified.
    TokenNotRemembered,
}

impl Event {
    /// Every event, in the order of their counters.
    pub const ALL: [Self; 16] = [
        Self::ConnectionOpened,
        Self::ConnectionClosed,
        Self::ConnectionRefused,
        Self::ConnectionDenied,
        Self::UpstreamOpened,
        Self::UpstreamClosed,
        Self::UpstreamFailed,
        Self::UpstreamRetried,
        Self::TlsHandshake,
        Self::TlsResumed,
        Self::TlsFailed,
        Self::ProxyHeader,
        Self::WebSocketOpened,
        Self::WebSocketClosed,
        Self::TokenRemembered,
        Self::TokenNotRemembered,
    ];
}

impl Worker {
    pub(super) fn new(number: usize, cells: Arc<WorkerCells>) -> Self {
        Self {
            number,
            cells,
            single_writer: PhantomData,
        }
    }

    /// Which worker it is, from 0.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Counts an event.
    pub fn count(&self, event: Event) {
        if let Some(counter) = self.cells.events.get(event as usize) {
            counter.add(1);
        }
    }

    pub(super) fn control(&self, control: Control) -> Option<&ControlCells> {
        self.cells.controls.get(control as usize)
    }

    /// How many pooled upstream connections are idle now.
    pub fn upstream_idle(&self, connections: u64) {
        self.cells.upstream_idle.set(connections);
    }

    /// How many verified tokens are remembered now.
    pub fn tokens_remembered(&self, tokens: u64) {
        self.cells.tokens_remembered.set(tokens);
    }
}
