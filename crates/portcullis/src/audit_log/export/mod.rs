//! Sends all entries of the log to those who read them elsewhere, each at least once, on a thread for each of them.

mod cursor;
mod deliver;
mod file;
mod formats;
mod http;
mod rfc5424;
mod syslog;

use std::time::Duration;

use super::published::Batch;
use crate::config::audit_log::exports::ExportTo;
pub(super) use cursor::folder;
pub(super) use deliver::Exporter;

/// Somebody who is sent entries.
trait Sink: Send {
    /// Sends entries, within this time; what the system does not bound may take longer.
    ///
    /// # Errors
    /// Not all of them were taken for certain, and all have to be sent again.
    fn send(&mut self, batch: &Batch, time_max: Duration) -> Result<(), String>;
}

/// Reads what sending takes, such as keys. Nobody is asked yet.
fn open(to: &ExportTo, origin: &str) -> Result<Box<dyn Sink>, String> {
    Ok(match to {
        ExportTo::File(file) => Box::new(file::JsonFile::open(file, origin)?),
        ExportTo::Syslog(receiver) => Box::new(syslog::Receiver::open(receiver, origin)?),
        ExportTo::Otlp(endpoint) => Box::new(http::Collector::open(endpoint, origin)?),
    })
}
