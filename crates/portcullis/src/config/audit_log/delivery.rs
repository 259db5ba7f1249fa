//! Where the audit log goes beside its own folder: its entries to those who read them elsewhere, its checkpoints to those who hold the
//! gate's operator to them; as they are written, and settled.

use std::path::Path;
use std::time::Duration;

use portcullis_contract::document::Span;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checkpoints::{CheckpointPlace, CheckpointTo, CheckpointsWritten};
use super::exports::{Export, ExportTo, ExportWritten};
use crate::config::checked::seconds;
use crate::config::elsewhere::{AskedAs, AskedAsWritten, check_names};
use crate::config::problems::Problems;
use crate::config::spanned::{Placed, Spanned};
use crate::config::text::{Seconds, is_plain};
use crate::config::upstream_tls::Tls;

/// How long somebody is waited for where nothing is said.
const WAIT_SECONDS_MAX: u64 = 5;
/// How long somebody may be waited for.
const WAIT_TIME_MAX: Duration = Duration::from_secs(30);
/// How often checkpoints go out where nothing is said.
const CHECKPOINT_SECONDS: u64 = 60;

/// A URL that takes what it is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryEndpointWritten {
    /// A URL of https: of a collector the whole address, such as `https://collector.example.com/v1/logs`; of a witness the prefix before
    /// `/add-checkpoint`.
    pub(crate) url: Spanned<String>,
    /// How the gate says who sends. Default: it does not.
    pub(crate) credentials: Option<Spanned<AskedAsWritten>>,
    /// How long it may take, 30 seconds at most. Default: 5.
    pub(crate) wait_seconds_max: Option<Seconds>,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
    /// Allows a URL of `http`: whoever is on the way reads credentials and who did what, and changes it.
    #[serde(default)]
    pub(crate) dangerous_plain_http: bool,
}

/// Where the audit log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuditLogDelivery {
    /// Who is sent entries; names all different.
    pub(crate) exports: Vec<Export>,
    /// How often checkpoints go out.
    pub(crate) every: Duration,
    /// Where they go; names all different.
    pub(crate) places: Vec<CheckpointPlace>,
}

/// A URL that takes what it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The URL.
    pub(crate) url: Placed<Url>,
    /// How the gate says who sends.
    pub(crate) credentials: Option<AskedAs>,
    /// How long it may take.
    pub(crate) wait_time_max: Duration,
    /// Whether its host may have an address that is not public.
    pub(crate) private_address: bool,
}

impl AuditLogDelivery {
    /// Settles where a log goes whose folder is `log`.
    pub(super) fn lower(
        exports: Vec<Spanned<ExportWritten>>,
        checkpoints: Option<CheckpointsWritten>,
        log: &Path,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Self {
        let names = exports
            .iter()
            .map(|export| (&*export.value.name.value.0, export.value.name.span));
        check_names(names, problems);
        let mut settling = Settling { directory, problems };
        let exports = exports
            .into_iter()
            .filter_map(|export| settling.export(export))
            .collect();
        let (every, places) = checkpoints.map_or((None, Vec::new()), |written| (written.seconds, written.places));
        let names = places
            .iter()
            .map(|place| (&*place.value.name.value.0, place.value.name.span));
        check_names(names, settling.problems);
        let places = places
            .into_iter()
            .filter_map(|place| settling.place(place, log))
            .collect();
        Self {
            exports,
            every: seconds(every, CHECKPOINT_SECONDS),
            places,
        }
    }

    /// The files with keys, certificates and secrets that say as whom the gate sends, and whom it believes.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let exports = self.exports.iter().map(|export| match &export.to {
            ExportTo::File(_) => (None, None),
            ExportTo::Syslog(syslog) => (syslog.tls.as_ref(), None),
            ExportTo::Otlp(endpoint) => (None, endpoint.secret()),
        });
        let places = self.places.iter().map(|place| match &place.to {
            CheckpointTo::File(_) | CheckpointTo::Git(_) => (None, None),
            CheckpointTo::Witness(witness) => (None, witness.endpoint.secret()),
            CheckpointTo::Otlp(endpoint) => (None, endpoint.secret()),
        });
        let all = exports.chain(places);
        all.flat_map(|(tls, secret)| tls.into_iter().flat_map(Tls::files).chain(secret))
    }
}

impl Endpoint {
    fn secret(&self) -> Option<&Path> {
        self.credentials
            .as_ref()
            .map(|credentials| credentials.file().value.as_path())
    }
}

/// What settling needs.
pub(super) struct Settling<'s, 'p> {
    pub(super) directory: &'s Path,
    pub(super) problems: &'s mut Problems<'p>,
}

impl Settling<'_, '_> {
    /// How long somebody is waited for.
    pub(super) fn wait(&mut self, written: Option<Seconds>, span: Span) -> Duration {
        let wait = seconds(written, WAIT_SECONDS_MAX);
        if wait > WAIT_TIME_MAX {
            let message = "nobody is waited for longer than 30 seconds";
            self.problems.error(span, message, "write less as `wait_seconds_max`");
        }
        wait
    }

    /// `of` makes the URL that is sent to from what is written; none where it cannot be.
    pub(super) fn endpoint(
        &mut self,
        written: DeliveryEndpointWritten,
        of: impl Fn(&Url) -> Option<Url>,
    ) -> Option<Endpoint> {
        let Spanned { value: text, span } = written.url;
        let url = Url::parse(&text).ok().filter(is_plain).and_then(|url| of(&url));
        let Some(url) = url else {
            let message = format!("`{text}` is no URL of https that can be sent to");
            let help = "write one such as `https://collector.example.com/v1/logs`";
            self.problems.error(span, message, help);
            return None;
        };
        if url.scheme() == "http" && !written.dangerous_plain_http {
            let message = format!("`{text}` is one of `http`, so that whoever is on the way reads and changes it");
            let help = "write one of `https`, or `dangerous_plain_http: true` beside it";
            self.problems.error(span, message, help);
            return None;
        }
        let credentials = match written.credentials {
            Some(credentials) => Some(credentials.lower(self.directory, self.problems)?),
            None => None,
        };
        Some(Endpoint {
            url: Placed { value: url, span },
            credentials,
            wait_time_max: self.wait(written.wait_seconds_max, span),
            private_address: written.dangerous_private_address,
        })
    }
}

#[cfg(test)]
mod tests;
