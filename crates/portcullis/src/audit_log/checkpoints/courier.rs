//! One place on its thread: takes it the newest checkpoint, remembers what it took, and waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_audit_log::checkpoint::Checkpoint;
use portcullis_audit_log::note::{Note, Signature};
use portcullis_gateway::metrics::AuditLogDeliveryMeter;

use super::held::Held;
use super::{Holder, Taken, open};
use crate::audit_log::bell::Bell;
use crate::audit_log::delivery::{Cosigned, Surroundings};
use crate::audit_log::published::{Newest, Published};
use crate::config::audit_log::checkpoints::{CheckpointPlace, CheckpointTo};
use crate::outage::Outage;

/// After a failure it is tried again after so long, and after each further one after twice as long, up to the usual interval.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// How long a place may take that says nothing of it.
const TIME_MAX: Duration = Duration::from_secs(30);

/// A place that holds checkpoints.
pub(in crate::audit_log) struct Courier {
    name: String,
    to: CheckpointTo,
    /// Its place among those that are counted.
    number: usize,
    every: Duration,
    published: Published,
    bell: Arc<Bell>,
    meter: Arc<AuditLogDeliveryMeter>,
    cosigned: Cosigned,
    held: Held,
    /// The last that it took.
    last: Option<Note>,
    /// None after a failure: secrets are read anew then.
    holder: Option<Box<dyn Holder>>,
    outage: Outage,
}

impl Courier {
    /// Goes on from what the place took last.
    ///
    /// # Errors
    /// That cannot be read, or what handing over takes cannot.
    pub(in crate::audit_log) fn new(
        place: &CheckpointPlace,
        number: usize,
        every: Duration,
        Surroundings { published, bell, meter }: Surroundings,
        cosigned: Cosigned,
    ) -> Result<Self, String> {
        let failed = |error| format!("the place `{}` of checkpoints cannot be used: {error}", place.name);
        let held = Held::new(published.path(), &place.name);
        let last = held.read(published.known()).map_err(failed)?;
        // It is opened again on its thread; here it is only seen whether it can be.
        open(&place.name, &place.to, &published).map_err(failed)?;
        let (last, size) = last.map_or((None, 0), |(note, checkpoint)| (Some(note), checkpoint.size));
        meter.witnessed(number, size);
        Ok(Self {
            name: place.name.clone(),
            to: place.to.clone(),
            number,
            every,
            published,
            bell,
            meter,
            cosigned,
            held,
            last,
            holder: None,
            outage: Outage::default(),
        })
    }

    /// Hands over until it is time to end, and then once more.
    pub(in crate::audit_log) fn run(mut self) {
        let mut pause = PAUSE_MIN;
        loop {
            let stops = self.bell.stops();
            let handed = self.hand_over(stops);
            match handed {
                Ok(()) => {
                    pause = PAUSE_MIN;
                    self.works();
                }
                Err(error) => self.failed(&error),
            }
            if stops.is_some() {
                return;
            }
            if self.outage.lasts() {
                self.bell.pause(pause.min(self.every));
                pause = (pause * 2).min(self.every);
            } else {
                self.bell.pause(self.every);
            }
        }
    }

    fn works(&self) {
        self.meter.taken(self.number);
        if self.outage.ends() {
            let place = &*self.name;
            tracing::info!(place, "checkpoints of the audit log are held there again");
        }
    }

    fn failed(&mut self, error: &str) {
        self.holder = None;
        self.meter.place_failed(self.number);
        if self.outage.begins() {
            let place = &*self.name;
            tracing::error!(
                place,
                "the checkpoint of the audit log does not get there; it is tried until it does: {error}"
            );
        }
    }

    fn hand_over(&mut self, stops: Option<Instant>) -> Result<(), String> {
        let newest = self.published.newest()?;
        self.meter.published(newest.checkpoint.size);
        if self.last.as_ref().is_some_and(|last| last.text() == newest.note.text()) && self.is_there(&newest) {
            return Ok(());
        }
        let left = stops.map_or(Duration::MAX, |stops| stops.saturating_duration_since(Instant::now()));
        let time_max = self.time_max().min(left);
        if time_max.is_zero() {
            return Err("there is no time left".to_owned());
        }
        let holder = match &mut self.holder {
            Some(holder) => holder,
            None => self.holder.insert(open(&self.name, &self.to, &self.published)?),
        };
        let Taken { note, cosignatures } = holder.take(&newest, self.last.as_ref(), time_max)?;
        self.remember(newest.checkpoint, note, cosignatures)
    }

    fn remember(&mut self, checkpoint: Checkpoint, note: Note, cosignatures: Vec<Signature>) -> Result<(), String> {
        let (size, written) = (checkpoint.size, self.held.write(&note));
        self.last = Some(note);
        if !cosignatures.is_empty() {
            self.meter.witnessed(self.number, size);
            (self.cosigned)(checkpoint, cosignatures);
        }
        written.map_err(|error| format!("`{}` cannot be written: {error}", self.held.path().display()))
    }

    /// Whether a place that took this checkpoint has it still, as far as that is seen without asking anybody.
    fn is_there(&self, newest: &Newest) -> bool {
        match &self.to {
            CheckpointTo::File(path) => std::fs::read(&path.value).is_ok_and(|octets| {
                let note = Note::parse(&octets);
                note.is_ok_and(|note| note.text() == newest.note.text())
            }),
            CheckpointTo::Witness(_) | CheckpointTo::Git(_) | CheckpointTo::Otlp(_) => true,
        }
    }

    fn time_max(&self) -> Duration {
        match &self.to {
            CheckpointTo::File(_) | CheckpointTo::Git(_) => TIME_MAX,
            CheckpointTo::Witness(witness) => witness.endpoint.wait_time_max,
            CheckpointTo::Otlp(endpoint) => endpoint.wait_time_max,
        }
    }
}
