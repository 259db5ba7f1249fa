//! Copies of a share of the requests for a second upstream, whose answers nobody waits for.
//!
//! Only what was judged is copied: whole bodies or none. A copy never slows its request and never fails it; where there is no
//! room for one it is left out and counted.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use smallvec::SmallVec;
use tokio::task::spawn_local;

use super::pools::Pools;
use super::site::Site;
use crate::body::RequestBody;
use crate::forward::Patience;
use crate::forward::headers::{Codings, Edits, Origin, Rules};
use crate::trace::Kept;

/// What is copied, and how much of it at once.
#[derive(Clone, Debug)]
pub struct MirrorSettings {
    /// Of ten thousand requests.
    pub per_ten_thousand: u32,
    /// Copies requests whose methods are not safe (RFC 9110 section 9.2.1), too: the mirror does what they say.
    pub dangerous_unsafe_methods: bool,
    /// Most copies under way, in the whole process.
    pub copies_max: usize,
    /// Most bytes of their bodies.
    pub bytes_max: usize,
    /// How they are written.
    pub rules: Rules,
}

/// A second upstream that gets copies.
#[derive(Debug)]
pub struct Mirror {
    site: Arc<Site>,
    settings: MirrorSettings,
    copies: AtomicUsize,
    bytes: AtomicUsize,
    sent: AtomicU64,
    left_out: AtomicU64,
}

/// A copy's room.
struct Room {
    mirror: Arc<Mirror>,
    bytes: usize,
}

/// Who sent a request, kept for its copy.
struct Sender {
    path: SmallVec<[IpAddr; 1]>,
    scheme: &'static str,
    host: Option<HeaderValue>,
    codings: Codings,
    trace: Option<Kept>,
    identity: SmallVec<[(HeaderName, HeaderValue); 1]>,
}

impl Mirror {
    /// A mirror at this entry of the configuration.
    #[must_use]
    pub fn new(site: Arc<Site>, settings: MirrorSettings) -> Arc<Self> {
        Arc::new(Self {
            site,
            settings,
            copies: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        })
    }

    /// Copies sent, and copies left out for lack of room.
    pub(super) fn told(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.left_out.load(Ordering::Relaxed))
    }

    /// Sends a copy of a request on its way, if it is one of the share.
    pub(super) fn copy(self: &Arc<Self>, parts: &Parts, body: &RequestBody, edits: &Edits<'_>, pools: &Pools) {
        let Some(body) = self.copied(&parts.method, body, pools.random()) else {
            return;
        };
        let Some(room) = self.room(&body) else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some(endpoint) = self.site.endpoints().first().map(Arc::clone) else {
            return;
        };
        let (pool, worker) = (pools.of(&endpoint), pools.worker());
        let request = Request::from_parts(parts.clone(), body);
        let sender = Sender::of(edits);
        self.sent.fetch_add(1, Ordering::Relaxed);
        endpoint.sends(worker, false);
        spawn_local(async move {
            let edits = sender.edits(&room.mirror.settings.rules);
            let sent = pool.send_edited(request, edits, Patience::default(), None).await;
            endpoint.counts(worker, &sent);
            // The answer goes where it falls: the pool reads a short rest and closes over a long one.
            drop((sent, room));
        });
    }

    /// The body of the copy, if there shall be one.
    fn copied(&self, method: &Method, body: &RequestBody, random: u64) -> Option<RequestBody> {
        let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let allowed = safe || self.settings.dangerous_unsafe_methods;
        (allowed && is_in_share(random, self.settings.per_ten_thousand))
            .then(|| body.again())
            .flatten()
    }

    fn room(self: &Arc<Self>, body: &RequestBody) -> Option<Room> {
        let bytes = body.held_bytes();
        let fits = |most: usize, more: usize| move |used: usize| used.checked_add(more).filter(|sum| *sum <= most);
        let (copies_max, bytes_max) = (self.settings.copies_max, self.settings.bytes_max);
        self.copies
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, fits(copies_max, 1))
            .ok()?;
        // From here on the number is given back when the room is dropped.
        let mut room = Room {
            mirror: Arc::clone(self),
            bytes: 0,
        };
        self.bytes
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, fits(bytes_max, bytes))
            .ok()?;
        room.bytes = bytes;
        Some(room)
    }
}

/// Whether a random number belongs to so many of ten thousand.
pub(super) fn is_in_share(random: u64, per_ten_thousand: u32) -> bool {
    (u128::from(random) * 10_000) >> 64 < u128::from(per_ten_thousand)
}

impl Drop for Room {
    fn drop(&mut self) {
        self.mirror.copies.fetch_sub(1, Ordering::AcqRel);
        self.mirror.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Sender {
    fn of(edits: &Edits<'_>) -> Self {
        Self {
            path: SmallVec::from_slice(edits.origin.path),
            scheme: edits.origin.scheme,
            host: edits.origin.host.cloned(),
            codings: edits.codings,
            trace: edits.trace.map(|trace| trace.keep()),
            identity: edits.identity.iter().cloned().collect(),
        }
    }

    fn edits<'s>(&'s self, rules: &'s Rules) -> Edits<'s> {
        Edits {
            rules,
            origin: Origin {
                path: &self.path,
                scheme: self.scheme,
                host: self.host.as_ref(),
            },
            codings: self.codings,
            trace: self.trace.as_ref().map(Kept::propagated),
            identity: &self.identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::forward::Upstream;
    use crate::forward::balance::{EndpointSettings, Fleet};

    fn mirror(settings: MirrorSettings) -> Arc<Mirror> {
        let upstream = Upstream::parse("http://127.0.0.1:9").unwrap();
        let site = Site::new(
            &Fleet::new(1),
            upstream,
            EndpointSettings::default(),
            false,
            std::time::Duration::MAX,
        );
        Mirror::new(site, settings)
    }

    fn settings() -> MirrorSettings {
        MirrorSettings {
            per_ten_thousand: 10_000,
            dangerous_unsafe_methods: false,
            copies_max: 2,
            bytes_max: 10,
            rules: Rules::default(),
        }
    }

    #[test]
    fn only_safe_methods_are_copied_unless_asked() {
        for (method, dangerous, expected) in [
            (Method::GET, false, true),
            (Method::HEAD, false, true),
            (Method::POST, false, false),
            (Method::DELETE, false, false),
            (Method::POST, true, true),
        ] {
            let mirror = mirror(MirrorSettings {
                dangerous_unsafe_methods: dangerous,
                ..settings()
            });
            let copied = mirror.copied(&method, &RequestBody::Empty, 0);
            assert_eq!(copied.is_some(), expected, "{method} {dangerous}");
        }
    }

    #[test]
    fn shares_are_of_ten_thousand() {
        let check = |random: u64, per_ten_thousand, expected| {
            assert_eq!(
                is_in_share(random, per_ten_thousand),
                expected,
                "{random} {per_ten_thousand}"
            );
        };
        check(0, 0, false);
        check(0, 1, true);
        check(u64::MAX / 2, 5_000, true);
        check(u64::MAX / 2 + 1, 5_000, false);
        check(u64::MAX, 9_999, false);
        check(u64::MAX, 10_000, true);
    }

    #[test]
    fn copies_are_bounded_in_number_and_bytes() {
        let mirror = mirror(settings());
        let body = |bytes: usize| RequestBody::Whole(Bytes::from(vec![0; bytes]));
        let one = mirror.room(&body(6)).unwrap();
        assert!(mirror.room(&body(5)).is_none());
        let two = mirror.room(&body(4)).unwrap();
        assert!(mirror.room(&body(0)).is_none());
        drop(two);
        assert!(mirror.room(&body(5)).is_none());
        drop(one);
        assert!(mirror.room(&body(10)).is_some());
        assert_eq!(
            (
                mirror.copies.load(Ordering::Relaxed),
                mirror.bytes.load(Ordering::Relaxed)
            ),
            (0, 0)
        );
    }
}
