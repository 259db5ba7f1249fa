//! An open WebSocket as the gate accounts for it: it takes the connection over from HTTP, is counted while it is open, and closes
//! the account of the request that opened it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::tunnel::Tunnel;
use crate::account::{Account, Ledger};
use crate::forward::Switched;
use crate::listen::{Successor, Transport};
use crate::metrics::Event;

/// Both sides agreed; the client is about to read 101.
pub(crate) struct OpenWebSocket {
    switched: Switched,
    account: Account,
    open: Open,
}

/// Counted until it is dropped.
struct Open(Rc<Ledger>);

impl OpenWebSocket {
    pub(crate) fn new(switched: Switched, account: Account, ledger: Rc<Ledger>) -> Self {
        ledger.worker().count(Event::WebSocketOpened);
        Self {
            switched,
            account,
            open: Open(ledger),
        }
    }

    async fn speak(self, client: Box<dyn Transport>, read: Vec<u8>, drained: impl Future<Output = ()>) {
        let Self {
            switched,
            mut account,
            open,
        } = self;
        let Switched {
            mut lease,
            watch,
            bounds,
            life,
            ..
        } = switched;
        let Some(connection) = lease.connection() else { return };
        let (upstream, answered) = connection.switched();
        let tunnel = Tunnel::new((client, &read), (upstream, &answered), bounds, watch);
        let (ended, passed) = tunnel.run(drained, life).await;
        account.bytes_in += passed.from_client;
        account.bytes_out += passed.from_upstream;
        account.complete = true;
        account.websocket_ended(ended);
        drop(open);
    }
}

impl Successor for OpenWebSocket {
    fn run(
        self: Box<Self>,
        client: Box<dyn Transport>,
        read: Vec<u8>,
        drained: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(self.speak(client, read, drained))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.worker().count(Event::WebSocketClosed);
    }
}
