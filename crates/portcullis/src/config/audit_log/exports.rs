//! Who is sent the entries of the audit log: as it is written, and settled.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::delivery::{DeliveryEndpointWritten, Endpoint, Settling};
use crate::config::spanned::Spanned;
use crate::config::text::{Host, Location, Name, Seconds, Size};
use crate::config::upstream_tls::{Tls, UpstreamTls};

/// When a file is full where nothing is said.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The port of syslog over TLS (RFC 5425 section 4.1), and that of syslog over TCP.
const SYSLOG_TLS_PORT: u16 = 6514;
const SYSLOG_PLAIN_PORT: u16 = 601;

/// Somebody who is sent all entries of the audit log, each at least once: name one of `file`, `syslog` and `otlp`. What was sent is
/// remembered below the log's folder under the name, from one start to the next.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportWritten {
    /// What it is called in the log, in metrics, and in the file that says how far it is.
    pub(crate) name: Spanned<Name>,
    /// A file of JSON, one entry a line.
    pub(crate) file: Option<ExportFileWritten>,
    /// A receiver of syslog (RFC 5424) over TLS (RFC 5425), which gets OCSF.
    pub(crate) syslog: Option<SyslogWritten>,
    /// A collector of OpenTelemetry, which gets log records with OCSF in their bodies, by OTLP over HTTP in JSON.
    pub(crate) otlp: Option<DeliveryEndpointWritten>,
}

/// A file of JSON, one entry a line.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportFileWritten {
    /// The file, relative to the configuration. Give it a folder of its own: the gate makes, renames and removes files there.
    pub(crate) path: Spanned<Location>,
    /// What a line is. Default: entry.
    pub(crate) format: Option<ExportFormat>,
    /// When the file is full, gets the index of its first entry behind its name, and another one begins. Default: 64MiB.
    pub(crate) file_bytes_max: Option<Size>,
    /// How many full files are kept. Default: all.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) files_max: Option<u32>,
}

/// What a line of a file is.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportFormat {
    /// `{"index": N, "entry": ...}`, with the entry octet for octet as its hash in the log is made of it.
    #[default]
    Entry,
    /// An event of OCSF.
    Ocsf,
}

/// A receiver of syslog.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyslogWritten {
    /// Its host, with its port where that is not 6514 (or 601 without TLS).
    pub(crate) address: Spanned<Host>,
    /// Whom to believe, and as whom to appear. Default: the system's authorities, and nobody.
    pub(crate) tls: Option<UpstreamTls>,
    /// How long it may take to connect, and to take a batch; 30 seconds at most. Default: 5.
    pub(crate) wait_seconds_max: Option<Seconds>,
    /// Sends without TLS: whoever is on the way reads who did what, and changes it.
    #[serde(default)]
    pub(crate) dangerous_plain: bool,
    /// Believes what was written, for receivers that do not answer the close of a connection (RFC 5425 section 4.5): entries that are
    /// on their way when it breaks are lost.
    #[serde(default)]
    pub(crate) dangerous_unconfirmed: bool,
}

/// Somebody who is sent entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Export {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) to: ExportTo,
}

/// What somebody is who is sent entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExportTo {
    /// A file.
    File(ExportFile),
    /// A receiver of syslog.
    Syslog(Syslog),
    /// A collector.
    Otlp(Endpoint),
}

/// A file of JSON, one entry a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// What a line is.
    pub(crate) format: ExportFormat,
    /// When it is full.
    pub(crate) file_bytes_max: u64,
    /// How many full ones are kept.
    pub(crate) files_max: Option<usize>,
}

/// A receiver of syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syslog {
    /// Its host, without brackets.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// TLS to it, unless it is plain.
    pub(crate) tls: Option<Tls>,
    /// Whether it confirms what it has read.
    pub(crate) confirms: bool,
    /// How long it may take.
    pub(crate) wait_time_max: Duration,
}

impl Settling<'_, '_> {
    /// None where it cannot be used, which is a problem then.
    pub(super) fn export(&mut self, Spanned { value, span }: Spanned<ExportWritten>) -> Option<Export> {
        let to = match (value.file, value.syslog, value.otlp) {
            (Some(file), None, None) => ExportTo::File(self.file(file)),
            (None, Some(syslog), None) => ExportTo::Syslog(self.syslog(syslog)?),
            (None, None, Some(endpoint)) => ExportTo::Otlp(self.endpoint(endpoint, |url| Some(url.clone()))?),
            _ => {
                let message = "entries go to one of `file`, `syslog` and `otlp`";
                self.problems
                    .error(span, message, "name one; write another export for another one");
                return None;
            }
        };
        let name = value.name.value.0;
        Some(Export { name, to })
    }

    fn file(&self, written: ExportFileWritten) -> ExportFile {
        ExportFile {
            path: self.directory.join(&written.path.value.0),
            format: written.format.unwrap_or_default(),
            file_bytes_max: written.file_bytes_max.map_or(FILE_BYTES_MAX, |size| size.0),
            files_max: written
                .files_max
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        }
    }

    fn syslog(&mut self, written: SyslogWritten) -> Option<Syslog> {
        let Spanned { value: host, span } = written.address;
        let Ok(authority) = host.0.parse::<http::uri::Authority>() else {
            let message = format!("`{}` is no host with a port", host.0);
            self.problems
                .error(span, message, "write one such as `siem.example.com:6514`");
            return None;
        };
        let tls = match (written.dangerous_plain, written.tls) {
            (false, tls) => Some(Tls::lower(tls, &authority, span, self.directory, self.problems)?),
            (true, None) => None,
            (true, Some(_)) => {
                let message = "`tls` and `dangerous_plain` are two ways to send";
                self.problems.error(span, message, "take one of the two out");
                return None;
            }
        };
        let port = if tls.is_some() {
            SYSLOG_TLS_PORT
        } else {
            SYSLOG_PLAIN_PORT
        };
        Some(Syslog {
            host: bare(authority.host()).to_owned(),
            port: authority.port_u16().unwrap_or(port),
            tls,
            confirms: !written.dangerous_unconfirmed,
            wait_time_max: self.wait(written.wait_seconds_max, span),
        })
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
