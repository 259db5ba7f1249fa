//! Everything that carries the log elsewhere, each thing on a thread of its own: started with the log, ended after its last checkpoint.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog};
use portcullis_audit_log::note::Signature;
use portcullis_gateway::metrics::{AuditLogDeliveryMeter, Registry};

use super::bell::Bell;
use super::checkpoints::{self, Courier};
use super::export::{self, Exporter};
use super::published::Published;
use crate::config::audit_log::checkpoints::CheckpointTo;
use crate::config::audit_log::delivery::AuditLogDelivery;

/// How long what is under way may take at the end. What it leaves is sent after the next start.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// How long threads may take beyond that which do not wait for anything that has a bound of its own.
const END_TIME_MAX: Duration = Duration::from_secs(1);
/// The rights of folders, as the log's own have them.
const FOLDER_MODE: u32 = 0o750;

/// What one thread does.
type Task = Box<dyn FnOnce() + Send>;

/// A checkpoint, and what witnesses have signed of it.
pub(super) type Signed = (Checkpoint, Vec<Signature>);

/// What is told of a checkpoint that witnesses have signed.
pub(super) type Cosigned = Arc<dyn Fn(Checkpoint, Vec<Signature>) + Send + Sync>;

/// Carries the log elsewhere until it is dropped, and then once more what was published by then.
pub(super) struct Delivery {
    bell: Arc<Bell>,
    meter: Arc<AuditLogDeliveryMeter>,
    registry: Arc<Registry>,
    threads: Vec<JoinHandle<()>>,
    /// Tells nothing, and that all threads have ended.
    ended: Receiver<()>,
}

impl Delivery {
    /// Starts carrying the log in `folder`, which is there.
    ///
    /// # Errors
    /// What sending takes cannot be read, such as keys, or how far an export is; or there are no threads.
    pub(super) fn start(
        settings: &AuditLogDelivery,
        folder: &Path,
        known: KnownLog,
        registry: &Arc<Registry>,
        cosigned: &Cosigned,
    ) -> io::Result<Self> {
        for folder in [export::folder(folder), checkpoints::folder(folder)] {
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        }
        let exports = settings.exports.iter().map(|export| export.name.as_str());
        let places = settings.places.iter().map(|place| {
            let signs = matches!(place.to, CheckpointTo::Witness(_));
            (place.name.as_str(), signs)
        });
        let meter = Arc::new(AuditLogDeliveryMeter::new(exports, places));
        let bell = Arc::new(Bell::default());
        let published = Published::new(folder, known);
        let surroundings = || Surroundings {
            published: published.clone(),
            bell: Arc::clone(&bell),
            meter: Arc::clone(&meter),
        };
        let mut tasks: Vec<(&str, Task)> = Vec::new();
        for (number, export) in settings.exports.iter().enumerate() {
            let exporter = Exporter::new(export, number, surroundings()).map_err(io::Error::other)?;
            tasks.push(("audit-export", Box::new(|| exporter.run())));
        }
        for (number, place) in settings.places.iter().enumerate() {
            let courier = Courier::new(place, number, settings.every, surroundings(), Arc::clone(cosigned));
            let courier = courier.map_err(io::Error::other)?;
            tasks.push(("audit-checkpoint", Box::new(|| courier.run())));
        }
        let (alive, ended) = mpsc::channel();
        let mut delivery = Self {
            bell,
            meter: Arc::clone(&meter),
            registry: Arc::clone(registry),
            threads: Vec::new(),
            ended,
        };
        for (name, task) in tasks {
            let alive = alive.clone();
            let run = move || {
                task();
                drop(alive);
            };
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
            delivery.threads.push(thread);
        }
        registry.audit_log_delivery(Some(meter));
        Ok(delivery)
    }

    /// As many entries are published: whoever sends them may begin. It waits for nobody.
    pub(super) fn published(&self, size: u64) {
        self.meter.published(size);
        self.bell.ring();
    }

    /// The index before which every export was sent everything, which need not be kept for them; none where there are no exports.
    pub(super) fn exported(&self) -> Option<u64> {
        self.meter.exported_by_all()
    }

    /// Ends within this time. What it leaves is sent by whoever starts again.
    pub(super) fn end(mut self, time_max: Duration) {
        self.stop(time_max);
    }

    fn stop(&mut self, time_max: Duration) {
        self.bell.stop(Instant::now() + time_max);
        let ended = self.ended.recv_timeout(time_max + END_TIME_MAX);
        let threads = self.threads.drain(..);
        if ended == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the audit log is still being sent; what is not taken is sent again after the next start");
            return;
        }
        for thread in threads {
            // It has said what there was to say.
            drop(thread.join());
        }
    }
}

/// What every thread has.
pub(super) struct Surroundings {
    pub(super) published: Published,
    pub(super) bell: Arc<Bell>,
    pub(super) meter: Arc<AuditLogDeliveryMeter>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop(STOP_TIME_MAX);
        }
        self.registry.audit_log_delivery(None);
    }
}

#[cfg(test)]
mod tests;
