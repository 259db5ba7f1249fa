//! Natter, in a thread of its own.

use std::net::SocketAddr;
use std::sync::mpsc;

use natter::{Natter, Options};
use tokio::sync::oneshot;

/// A running Natter; it ends with its guard.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

pub(crate) fn start() -> Running {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let natter = Natter::start(Options::on_loopback().unwrap()).await.unwrap();
            tell.send(natter.address).unwrap();
            let _ = stopped.await;
        });
    });
    Running {
        address: told.recv().unwrap(),
        _stop: stop,
    }
}
