//! The addresses of a name, shared by everyone who connects there.
//!
//! A request waits for a look-up only where there has never been one: afterwards somebody else looks again now and then
//! ([`Upkeep`](super::balance::Upkeep)), and while the name service is away the old addresses stay.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

/// Most addresses of one name that are used.
pub const ADDRESSES_MAX: usize = 16;
/// The longest look-up.
const LOOK_UP_TIME_MAX: Duration = Duration::from_secs(5);

/// Where addresses come from.
pub trait Resolve: Send + Sync {
    /// The addresses of a name, the best first, with this port.
    fn resolve<'n>(&'n self, name: &'n str, port: u16) -> Resolving<'n>;
}

/// A look-up under way.
pub type Resolving<'n> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'n>>;

/// The system's resolver, in the order of RFC 6724.
#[derive(Debug)]
pub struct System;

impl Resolve for System {
    fn resolve<'n>(&'n self, name: &'n str, port: u16) -> Resolving<'n> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    }
}

/// A name, and the addresses that it had when it was last looked up.
pub struct Name {
    name: Box<str>,
    port: u16,
    resolver: Arc<dyn Resolve>,
    known: ArcSwap<Vec<SocketAddr>>,
    wanted: Notify,
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({}:{})", self.name, self.port)
    }
}

impl Name {
    pub(super) fn new(name: &str, port: u16, resolver: Arc<dyn Resolve>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            port,
            resolver,
            known: ArcSwap::default(),
            wanted: Notify::new(),
        })
    }

    /// The name itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its addresses as they were found last; none before the first look-up.
    #[must_use]
    pub fn known(&self) -> Arc<Vec<SocketAddr>> {
        self.known.load_full()
    }

    /// Whether it had this address once and has it no more.
    pub(super) fn has_lost(&self, address: SocketAddr) -> bool {
        let known = self.known.load();
        !known.is_empty() && !known.contains(&address)
    }

    /// Looks it up, and tells whether it has other addresses than before, whatever their order.
    ///
    /// # Errors
    /// What the resolver says, or that it took too long or found nothing; the old addresses stay then.
    pub async fn look_up(&self) -> io::Result<bool> {
        let resolving = self.resolver.resolve(&self.name, self.port);
        let mut found = tokio::time::timeout(LOOK_UP_TIME_MAX, resolving).await??;
        if found.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        found.truncate(ADDRESSES_MAX);
        let before = self.known.load();
        let differs = found.len() != before.len() || found.iter().any(|address| !before.contains(address));
        self.known.store(Arc::new(found));
        Ok(differs)
    }

    /// Asks for a look-up soon: no address answers.
    pub(super) fn ask(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody asks.
    pub(super) async fn asked(&self) {
        self.wanted.notified().await;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// A name service whose answer a test changes; none is a failure.
    #[derive(Debug, Default)]
    pub(in crate::forward) struct Told(pub(in crate::forward) Mutex<Option<Vec<SocketAddr>>>);

    impl Resolve for Told {
        fn resolve<'n>(&'n self, _: &'n str, _: u16) -> Resolving<'n> {
            let told = self.0.lock().clone();
            Box::pin(async move { told.ok_or_else(|| io::Error::other("the name service is away")) })
        }
    }

    #[tokio::test]
    async fn old_addresses_stay_while_the_name_service_is_away() {
        let service = Arc::new(Told::default());
        let name = Name::new("natter", 80, Arc::clone(&service) as _);
        let address = |last: u8| SocketAddr::from(([10, 0, 0, last], 80));
        let look_up = async |told: Option<Vec<SocketAddr>>| {
            *service.0.lock() = told;
            name.look_up().await.ok()
        };
        assert_eq!(look_up(None).await, None);
        assert!(!name.has_lost(address(1)));
        assert_eq!(look_up(Some(vec![address(1), address(2)])).await, Some(true));
        assert_eq!(look_up(Some(vec![address(2), address(1)])).await, Some(false));
        for gone in [None, Some(Vec::new())] {
            assert_eq!(look_up(gone).await, None);
            assert_eq!(*name.known(), [address(2), address(1)]);
        }
        assert_eq!(look_up(Some(vec![address(2), address(3)])).await, Some(true));
        assert!(name.has_lost(address(1)) && !name.has_lost(address(3)));
        let many = (0..100).map(address).collect();
        assert_eq!(look_up(Some(many)).await, Some(true));
        assert_eq!(name.known().len(), ADDRESSES_MAX);
    }
}
