//! When the log is carried elsewhere: while this process is the one that writes it, so that nobody else does.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_audit_log::checkpoint::KnownLog;
use portcullis_gateway::metrics::Registry;

use super::delivery::{Cosigned, Delivery, Signed};
use crate::config::audit_log::checkpoints::CheckpointTo;
use crate::config::audit_log::delivery::AuditLogDelivery;
use crate::config::audit_log::exports::ExportTo;
use crate::lifecycle::sandbox::Places;
use crate::outage::Outage;

/// How long what is under way may take when another process goes on: it waits for the log, and sends the rest.
const HANDED_OVER_TIME_MAX: Duration = Duration::from_millis(500);

/// What carries a log elsewhere, once this process writes it.
pub(super) struct Delivering {
    settings: AuditLogDelivery,
    registry: Arc<Registry>,
    /// What witnesses have signed, for whoever writes.
    cosigned: Arc<Mutex<Vec<Signed>>>,
    running: Option<Delivery>,
    outage: Outage,
}

impl Delivering {
    pub(super) fn new(settings: AuditLogDelivery, registry: Arc<Registry>) -> Self {
        Self {
            settings,
            registry,
            cosigned: Arc::default(),
            running: None,
            outage: Outage::default(),
        }
    }

    /// Begins, unless it has.
    ///
    /// # Errors
    /// It cannot, which is told once.
    pub(super) fn begin(&mut self, folder: &Path, known: &KnownLog) -> Result<(), String> {
        let is_nothing = self.settings.exports.is_empty() && self.settings.places.is_empty();
        if self.running.is_some() || is_nothing {
            return Ok(());
        }
        let told = Arc::clone(&self.cosigned);
        let cosigned: Cosigned = Arc::new(move |checkpoint, signatures| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            // A witness signs what goes on from what it has signed: those of older ones are of no use any more.
            told.retain(|(before, _): &Signed| *before == checkpoint);
            told.push((checkpoint, signatures));
        });
        match Delivery::start(&self.settings, folder, known.clone(), &self.registry, &cosigned) {
            Ok(running) => {
                self.outage.ends();
                self.running = Some(running);
                Ok(())
            }
            Err(error) if self.outage.begins() => Err(error.to_string()),
            Err(_) => Ok(()),
        }
    }

    /// As many entries are published.
    pub(super) fn published(&self, size: u64) {
        if let Some(running) = &self.running {
            running.published(size);
        }
    }

    /// The index before which every export was sent everything; none where there are none, or it is not known.
    pub(super) fn exported(&self) -> Option<u64> {
        match &self.running {
            Some(running) => running.exported(),
            None => (!self.settings.exports.is_empty()).then_some(0),
        }
    }

    /// Takes what witnesses have signed since it was last taken.
    pub(super) fn cosigned(&self) -> Vec<Signed> {
        std::mem::take(&mut *self.cosigned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets another process go on, which waits for that.
    pub(super) fn hand_over(&mut self) {
        if let Some(running) = self.running.take() {
            running.end(HANDED_OVER_TIME_MAX);
        }
    }

    /// Sends what was published last, and ends.
    pub(super) fn end(&mut self) {
        self.running = None;
    }
}

/// Where deliveries read, write and execute.
pub(super) fn allow(settings: &AuditLogDelivery, places: &mut Places) {
    let files = settings.exports.iter().filter_map(|export| match &export.to {
        ExportTo::File(file) => Some(file.path.as_path()),
        ExportTo::Syslog(_) | ExportTo::Otlp(_) => None,
    });
    let held = settings.places.iter().filter_map(|place| match &place.to {
        CheckpointTo::File(file) => Some(file.value.as_path()),
        CheckpointTo::Witness(_) | CheckpointTo::Git(_) | CheckpointTo::Otlp(_) => None,
    });
    // They are replaced by others of the same name.
    for folder in files.chain(held).filter_map(Path::parent) {
        let here = folder.as_os_str().is_empty();
        places.keep(if here { Path::new(".") } else { folder });
    }
    for place in &settings.places {
        let CheckpointTo::Git(branch) = &place.to else { continue };
        places.git_pushes();
        let local = branch.remote.strip_prefix("file://").unwrap_or(&branch.remote);
        if local.starts_with('/') {
            places.grow(Path::new(local));
        }
    }
}
