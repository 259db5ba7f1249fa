//! The thread that keeps endpoints up to date for all workers: it looks names up, asks for health, and compares.
//!
//! One for a process, with its own runtime, so that nothing here ever waits in front of a request.

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::endpoint::Endpoint;
use super::fleet::Fleet;
use super::group::Group;
use super::probe;
use super::site::Site;
use crate::forward::deadline::Deadlines;

/// The least time between two look-ups of one name.
const LOOK_UP_PAUSE: Duration = Duration::from_secs(1);

/// The running thread. It ends when dropped.
#[derive(Debug)]
pub struct Upkeep {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start(fleet: Arc<Fleet>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = move || {
            Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default())
        };
        let run = move || match runtime() {
            Ok(runtime) => {
                runtime.block_on(async {
                    tokio::select! {
                        () = tend(&fleet) => {}
                        _ = stopped => {}
                    }
                });
                // A look-up that hangs must not hold up the end.
                runtime.shutdown_background();
            }
            Err(error) => tracing::error!(%error, "endpoints are neither looked up nor probed"),
        };
        let thread = std::thread::Builder::new().name("upkeep".to_owned()).spawn(run)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// Gives everything in service a task of its own, for as long as it is in service.
pub(super) async fn tend(fleet: &Arc<Fleet>) {
    let deadlines = Deadlines::new();
    loop {
        let in_service = fleet.in_service();
        for site in &in_service.sites {
            if site.upstream().name().is_some() && is_first(&site.tended) {
                spawn_local(look_up(Arc::downgrade(site), Arc::downgrade(fleet)));
            }
            for endpoint in site.endpoints().iter() {
                if endpoint.settings().probe.is_some() && is_first(&endpoint.tended) {
                    spawn_local(ask(
                        Arc::downgrade(endpoint),
                        Arc::downgrade(fleet),
                        Rc::clone(&deadlines),
                    ));
                }
            }
        }
        for group in &in_service.groups {
            if is_first(&group.tended) {
                spawn_local(follow(Arc::downgrade(group), Arc::downgrade(fleet)));
                spawn_local(compare(Arc::downgrade(group), Arc::downgrade(fleet)));
            }
        }
        drop(in_service);
        fleet.changed.notified().await;
    }
}

fn is_first(tended: &AtomicBool) -> bool {
    !tended.swap(true, Ordering::AcqRel)
}

/// Looks a name up again and again, soon after nobody answers there.
async fn look_up(site: Weak<Site>, fleet: Weak<Fleet>) {
    loop {
        let (Some(site_alive), Some(fleet_alive)) = (site.upgrade(), fleet.upgrade()) else {
            return;
        };
        let Some(name) = site_alive.upstream().name().map(Arc::clone) else {
            return;
        };
        match name.look_up().await {
            Ok(true) => tracing::info!(name = name.name(), addresses = ?name.known(), "the name has new addresses"),
            Ok(false) => {}
            Err(error) => tracing::warn!(name = name.name(), %error, "the name cannot be looked up"),
        }
        if site_alive.moved(&fleet_alive, &name.known()) {
            let groups = fleet_alive.in_service().groups;
            groups
                .iter()
                .filter(|group| group.has(&site_alive))
                .for_each(|group| group.gather());
            fleet_alive.changed.notify_one();
        }
        let rest = site_alive.resolve_time_max().saturating_sub(LOOK_UP_PAUSE);
        drop((site_alive, fleet_alive));
        tokio::time::sleep(LOOK_UP_PAUSE).await;
        let _asked = tokio::time::timeout(rest, name.asked()).await;
    }
}

/// Asks an endpoint for its health again and again.
async fn ask(endpoint: Weak<Endpoint>, fleet: Weak<Fleet>, deadlines: Rc<Deadlines>) {
    loop {
        let (Some(alive), Some(fleet_alive)) = (endpoint.upgrade(), fleet.upgrade()) else {
            return;
        };
        let Some(settings) = alive.settings().probe.as_ref().filter(|_| !alive.is_retired()) else {
            return;
        };
        let began = Instant::now();
        let good = probe::is_good(&alive, settings, &deadlines).await;
        let now = fleet_alive.moment(Instant::now());
        if alive.health.probed(good, settings.up_after, settings.down_after, now) {
            let endpoint = alive.label();
            match good {
                true => tracing::info!(endpoint, "the endpoint is back"),
                false => tracing::warn!(endpoint, "the endpoint is down"),
            }
        }
        let rest = settings.interval.saturating_sub(began.elapsed());
        drop((alive, fleet_alive));
        tokio::time::sleep(rest).await;
    }
}

/// Tells of endpoints of a group whose time out of service is over.
async fn follow(group: Weak<Group>, fleet: Weak<Fleet>) {
    loop {
        let (Some(alive), Some(fleet_alive)) = (group.upgrade(), fleet.upgrade()) else {
            return;
        };
        let ejected = alive.ejected();
        let left = alive.tell_back(fleet_alive.moment(Instant::now()));
        drop((alive, fleet_alive));
        match left {
            Some(left) => drop(tokio::time::timeout(left, ejected.notified()).await),
            None => ejected.notified().await,
        }
    }
}

/// Compares the endpoints of a group again and again.
async fn compare(group: Weak<Group>, fleet: Weak<Fleet>) {
    loop {
        let Some(interval) = group
            .upgrade()
            .and_then(|group| group.outlier())
            .map(|own| own.interval)
        else {
            return;
        };
        tokio::time::sleep(interval).await;
        let (Some(group), Some(fleet)) = (group.upgrade(), fleet.upgrade()) else {
            return;
        };
        group.compare(fleet.moment(Instant::now()));
    }
}
