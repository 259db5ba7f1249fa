//! How far the audit log has gone elsewhere: entries that exports are behind, and checkpoints that others hold.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::expose::counter;
use super::label;

/// What is counted of the audit log's deliveries, by whoever delivers.
#[derive(Debug)]
pub struct AuditLogDeliveryMeter {
    /// What the times below count from.
    begun: Instant,
    /// How many entries readers of the log see.
    published: AtomicU64,
    exports: Box<[Export]>,
    places: Box<[Place]>,
}

#[derive(Debug)]
struct Export {
    name: Box<str>,
    next: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug)]
struct Place {
    name: Box<str>,
    /// When it was last known to hold the newest checkpoint, in milliseconds; at first the start.
    taken: AtomicU64,
    /// The size of the last checkpoint that it has signed, if it is somebody who signs.
    witnessed: Option<AtomicU64>,
    failed: AtomicU64,
}

impl AuditLogDeliveryMeter {
    /// Of these exports and places, in the order by which they are counted; of a place whether it signs.
    #[must_use]
    pub fn new<'n>(
        exports: impl IntoIterator<Item = &'n str>,
        places: impl IntoIterator<Item = (&'n str, bool)>,
    ) -> Self {
        let export = |name: &str| Export {
            name: label(name),
            next: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        let place = |(name, signs): (&str, bool)| Place {
            name: label(name),
            taken: AtomicU64::new(0),
            witnessed: signs.then(AtomicU64::default),
            failed: AtomicU64::new(0),
        };
        Self {
            begun: Instant::now(),
            published: AtomicU64::new(0),
            exports: exports.into_iter().map(export).collect(),
            places: places.into_iter().map(place).collect(),
        }
    }

    /// Readers see at least so many entries.
    pub fn published(&self, size: u64) {
        self.published.fetch_max(size, Ordering::Relaxed);
    }

    /// An export has been sent everything before this index.
    pub fn exported(&self, export: usize, next: u64) {
        if let Some(export) = self.exports.get(export) {
            export.next.store(next, Ordering::Relaxed);
        }
    }

    /// The index before which every export has been sent everything; none without exports.
    #[must_use]
    pub fn exported_by_all(&self) -> Option<u64> {
        let next = self.exports.iter().map(|export| export.next.load(Ordering::Relaxed));
        next.min()
    }

    /// A delivery to an export failed.
    pub fn export_failed(&self, export: usize) {
        if let Some(export) = self.exports.get(export) {
            export.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A place holds the newest checkpoint.
    pub fn taken(&self, place: usize) {
        if let Some(place) = self.places.get(place) {
            place.taken.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A place has signed a checkpoint of this size.
    pub fn witnessed(&self, place: usize, size: u64) {
        let place = self.places.get(place);
        if let Some(witnessed) = place.and_then(|place| place.witnessed.as_ref()) {
            witnessed.store(size, Ordering::Relaxed);
        }
    }

    /// A delivery to a place failed.
    pub fn place_failed(&self, place: usize) {
        if let Some(place) = self.places.get(place) {
            place.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

pub(super) fn expose(encoder: &mut DescriptorEncoder<'_>, meter: &AuditLogDeliveryMeter) -> fmt::Result {
    let published = meter.published.load(Ordering::Relaxed);
    let help = "Entries of the audit log that readers see and that an export has not been sent yet.";
    let mut family =
        encoder.encode_descriptor("portcullis_audit_log_export_lag_entries", help, None, MetricType::Gauge)?;
    for export in &meter.exports {
        let lag = published.saturating_sub(export.next.load(Ordering::Relaxed));
        family.encode_family(&[("export", &*export.name)])?.encode_gauge(&lag)?;
    }
    let help =
        "How long ago a place last held the newest checkpoint of the audit log; since the start where it never did.";
    let seconds = Some(&Unit::Seconds);
    let mut family =
        encoder.encode_descriptor("portcullis_audit_log_checkpoint_age", help, seconds, MetricType::Gauge)?;
    let now = meter.now();
    for place in &meter.places {
        let age = Duration::from_millis(now.saturating_sub(place.taken.load(Ordering::Relaxed)));
        family
            .encode_family(&[("place", &*place.name)])?
            .encode_gauge(&age.as_secs_f64())?;
    }
    let help = "How many entries the last checkpoint of the audit log has that a witness has signed.";
    let mut family = encoder.encode_descriptor("portcullis_audit_log_witnessed_size", help, None, MetricType::Gauge)?;
    for place in &meter.places {
        if let Some(witnessed) = &place.witnessed {
            family
                .encode_family(&[("place", &*place.name)])?
                .encode_gauge(&witnessed.load(Ordering::Relaxed))?;
        }
    }
    let help = "Deliveries of the audit log that failed; each is tried again.";
    let mut family = encoder.encode_descriptor(
        "portcullis_audit_log_deliveries_failed",
        help,
        None,
        MetricType::Counter,
    )?;
    let exports = meter
        .exports
        .iter()
        .map(|export| ("export", &export.name, &export.failed));
    let places = meter
        .places
        .iter()
        .map(|place| ("checkpoint", &place.name, &place.failed));
    for (kind, name, failed) in exports.chain(places) {
        let labels = [("kind", kind), ("to", &**name)];
        counter(&mut family, &labels, failed.load(Ordering::Relaxed))?;
    }
    Ok(())
}
