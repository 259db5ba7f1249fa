//! Certificates that are ordered by ACME (RFC 8555): ordered when none is there, renewed when two thirds of their time have passed,
//! never in the way of a request.
//!
//! What is in force stays until something better is there. An authority that refuses is asked again later and later, as its rate limits
//! ask for.

mod order;
mod store;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use portcullis_gateway::listen::Listener;
use portcullis_gateway::listen::tls::{Certificate, Tls};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::config::acme::Acme;
use crate::config::listen::{self, Certificates};
use crate::files::install_crypto;
use order::order;
use store::Store;

/// The shortest and the longest wait after an order that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(6 * 3600));
/// How often a certificate is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(12 * 3600);

/// The orders of all addresses, on a thread of their own that ends with this.
pub(crate) struct Orders {
    _stop: oneshot::Sender<()>,
}

/// What keeps the certificate of one address.
struct Keeper {
    acme: Acme,
    /// What else is offered there.
    offered: listen::Tls,
    tls: Arc<Tls>,
    store: Store,
}

/// The certificate that an earlier order brought, if it is there. One that cannot be offered is as good as none: that is told, and
/// another one is ordered.
pub(crate) fn kept(acme: &Acme) -> Option<Certificate> {
    let store = Store::new(acme);
    store.certificate().unwrap_or_else(|error| {
        let file = store.certificate_file().display();
        tracing::error!(%file, "the certificate that is kept cannot be used, and is ordered anew: {error}");
        None
    })
}

impl Orders {
    /// Keeps the certificates of every address that orders them.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(crate) fn start(configured: &[listen::Listener], running: &[Listener]) -> io::Result<Self> {
        let keepers: Vec<Keeper> = configured.iter().zip(running).filter_map(Keeper::of).collect();
        let (stop, stopped) = oneshot::channel();
        if !keepers.is_empty() {
            install_crypto();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new().name("acme".to_owned()).spawn(move || {
                runtime.block_on(async {
                    let mut keeping: JoinSet<()> = keepers.into_iter().map(Keeper::keep).collect();
                    tokio::select! {
                        _ = stopped => {}
                        () = all_ended(&mut keeping) => {}
                    }
                });
            })?;
        }
        Ok(Self { _stop: stop })
    }
}

/// Waits for keepers that end, which none does by itself.
async fn all_ended(keeping: &mut JoinSet<()>) {
    while let Some(ended) = keeping.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "certificates of an address are not ordered any more: restart the gate");
        }
    }
}

impl Keeper {
    fn of((configured, running): (&listen::Listener, &Listener)) -> Option<Self> {
        let (offered, tls) = (configured.tls.as_ref()?, running.tls.as_ref()?);
        let Certificates::Acme(acme) = &offered.certificates else {
            return None;
        };
        Some(Self {
            acme: acme.clone(),
            offered: offered.clone(),
            tls: Arc::clone(tls),
            store: Store::new(acme),
        })
    }

    async fn keep(self) {
        let mut retry = RETRY.0;
        loop {
            let wait = match self.store.renewal_due(&self.acme.hosts) {
                Some(due) => due.min(LOOK_AGAIN),
                None => match order(&self.acme, &self.offered, &self.tls, &self.store).await {
                    Ok(()) => {
                        tracing::info!(
                            hosts = self.acme.hosts.join(", "),
                            "a certificate was ordered and is in force"
                        );
                        retry = RETRY.0;
                        // Never at once: a certificate that is due when it comes would be ordered without end.
                        RETRY.0
                    }
                    Err(error) => {
                        let wait = retry;
                        let hosts = self.acme.hosts.join(", ");
                        tracing::error!(
                            hosts,
                            retry_seconds = wait.as_secs(),
                            "no certificate was ordered: {error}"
                        );
                        retry = (retry * 2).min(RETRY.1);
                        wait
                    }
                },
            };
            tokio::time::sleep(wait).await;
        }
    }
}
