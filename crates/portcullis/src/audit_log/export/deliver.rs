//! One export on its thread: reads what is published, sends it, remembers how far it is, and waits. It holds up nobody: who does not
//! take entries is left behind, and finds them in the log later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_gateway::metrics::AuditLogDeliveryMeter;

use super::cursor::Cursor;
use super::{Sink, open};
use crate::audit_log::bell::{Bell, Heard};
use crate::audit_log::delivery::Surroundings;
use crate::audit_log::published::{Batch, Bounds, Published, Unread};
use crate::config::audit_log::exports::{Export, ExportTo};
use crate::outage::Outage;

/// As many entries are sent at once, and as many octets of them.
const ENTRIES_MAX: usize = 1024;
const BYTES_MAX: usize = 1 << 20;
/// Half as many after a failure, for perhaps they were too many; and so many more after each batch that was taken.
const ENTRIES_MORE: usize = 16;
/// After a failure it is tried again after so long, and after each further one after twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// It is looked whether something was published at least so often, whoever rings.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// An export.
pub(in crate::audit_log) struct Exporter {
    name: String,
    to: ExportTo,
    /// Its place among those that are counted.
    number: usize,
    published: Published,
    bell: Arc<Bell>,
    meter: Arc<AuditLogDeliveryMeter>,
    cursor: Cursor,
    next: u64,
    /// None after a failure: keys and secrets are read anew then.
    sink: Option<Box<dyn Sink>>,
    entries_max: usize,
    outage: Outage,
}

impl Exporter {
    /// Goes on where it was.
    ///
    /// # Errors
    /// Where that was cannot be read, or what sending takes cannot.
    pub(in crate::audit_log) fn new(
        export: &Export,
        number: usize,
        Surroundings { published, bell, meter }: Surroundings,
    ) -> Result<Self, String> {
        let failed = |error| format!("the export `{}` cannot begin: {error}", export.name);
        let cursor = Cursor::new(published.path(), &export.name);
        let next = cursor.read().map_err(failed)?;
        // It is opened again on its thread; here it is only seen whether it can be.
        open(&export.to, published.known().origin.as_str()).map_err(failed)?;
        meter.exported(number, next);
        Ok(Self {
            name: export.name.clone(),
            to: export.to.clone(),
            number,
            published,
            bell,
            meter,
            cursor,
            next,
            sink: None,
            entries_max: ENTRIES_MAX,
            outage: Outage::default(),
        })
    }

    /// Sends until it is time to end, and then what there is, as far as there is time.
    pub(in crate::audit_log) fn run(mut self) {
        let (mut heard, mut pause) = (Heard::default(), PAUSE_MIN);
        loop {
            let stops = self.bell.stops();
            let before = self.next;
            let sent = self.send_all(stops);
            if self.next != before {
                pause = PAUSE_MIN;
            }
            if stops.is_some() {
                return;
            }
            match sent {
                Ok(()) => self.bell.wait(&mut heard, LOOK_EVERY),
                Err(error) => {
                    self.failed(&error);
                    self.bell.pause(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn failed(&mut self, error: &str) {
        self.sink = None;
        self.meter.export_failed(self.number);
        if self.outage.begins() {
            let export = &*self.name;
            tracing::error!(
                export,
                "entries of the audit log cannot be sent; it is tried until they can: {error}"
            );
        }
    }

    /// Sends everything that is published, unless it is time to end.
    fn send_all(&mut self, stops: Option<Instant>) -> Result<(), String> {
        loop {
            let newest = self.published.newest()?.checkpoint;
            self.meter.published(newest.size);
            if self.next > newest.size {
                let (path, next, size) = (self.cursor.path().display(), self.next, newest.size);
                return Err(format!(
                    "`{path}` says {next}, and the log has {size} entries: it was rolled back, or is another one; remove the \
                     file to send everything again"
                ));
            }
            if self.next == newest.size {
                return Ok(());
            }
            let bounds = Bounds {
                entries_max: self.entries_max,
                bytes_max: BYTES_MAX,
            };
            match self.published.entries(&newest, self.next, bounds) {
                Ok(batch) => {
                    let Some(time_max) = self.time_max(stops) else {
                        return Ok(());
                    };
                    let sent = self.send(&batch, time_max);
                    self.adapt(batch.entries.len(), sent.is_ok());
                    sent?;
                    let count = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
                    self.proceed(self.next.saturating_add(count))?;
                }
                Err(Unread::Removed { kept_from }) => {
                    let (export, from) = (&*self.name, self.next);
                    tracing::error!(
                        export,
                        from,
                        kept_from,
                        "entries of the audit log were removed before they were sent"
                    );
                    self.meter.export_failed(self.number);
                    self.proceed(kept_from)?;
                }
                Err(Unread::Failed(error)) => return Err(error),
            }
            if stops.is_none() && self.bell.stops().is_some() {
                // From here on there is less time.
                return Ok(());
            }
        }
    }

    /// How long sending may take; none where it is time to end.
    fn time_max(&self, stops: Option<Instant>) -> Option<Duration> {
        let time_max = match &self.to {
            ExportTo::File(_) => Duration::MAX,
            ExportTo::Syslog(syslog) => syslog.wait_time_max,
            ExportTo::Otlp(endpoint) => endpoint.wait_time_max,
        };
        let left = stops.map_or(Duration::MAX, |stops| stops.saturating_duration_since(Instant::now()));
        Some(time_max.min(left)).filter(|time| !time.is_zero())
    }

    fn send(&mut self, batch: &Batch, time_max: Duration) -> Result<(), String> {
        let sink = match &mut self.sink {
            Some(sink) => sink,
            None => {
                let origin = self.published.known().origin.as_str();
                self.sink.insert(open(&self.to, origin)?)
            }
        };
        sink.send(batch, time_max)
    }

    fn adapt(&mut self, sent: usize, taken: bool) {
        self.entries_max = if taken {
            (self.entries_max + ENTRIES_MORE).min(ENTRIES_MAX)
        } else {
            (sent / 2).max(1)
        };
    }

    /// Goes on from an index, also where that cannot be remembered: then something is sent again after the next start.
    fn proceed(&mut self, next: u64) -> Result<(), String> {
        self.next = next;
        self.meter.exported(self.number, next);
        self.cursor.write(next).map_err(|error| {
            let path = self.cursor.path().display();
            format!("`{path}` cannot be written, so that entries will be sent again: {error}")
        })?;
        if self.outage.ends() {
            tracing::info!(export = &*self.name, "entries of the audit log are sent again");
        }
        Ok(())
    }
}
