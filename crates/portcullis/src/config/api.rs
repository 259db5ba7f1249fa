//! One API, settled: its contract's path, its upstream, its names, and the outermost layer of its policy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::uri::Authority;
use portcullis_contract::document::Span;

use super::checked::{duplicates, seconds};
use super::policy;
use super::problems::Problems;
use super::raw;
use super::text::Target;
use super::upstream::Upstream as UpstreamRaw;
use super::upstream_tls::Tls;

/// One API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// Its name in logs and metrics.
    pub(crate) name: String,
    /// Where the name stands, or the contract that it comes from.
    pub(crate) name_span: Span,
    /// The contract's file.
    pub(crate) contract: PathBuf,
    /// Where the contract is named.
    pub(crate) contract_span: Span,
    /// From where the contract's references are fetched.
    pub(crate) references: References,
    /// The service that implements it.
    pub(crate) upstream: Upstream,
    /// The values of `Host` that are served.
    pub(crate) hosts: Hosts,
    /// What stands before every path; `None`: the path of the contract's first server.
    pub(crate) base_path: Option<String>,
    /// The outermost layer of the policy; see [`policy::settle`].
    pub(crate) policy: raw::Policy,
}

/// From where a contract's references are fetched.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    /// The origins of remote references, as RFC 6454 §6.2 writes them; none: nothing is fetched.
    pub(crate) origins: Vec<String>,
    /// Allows files outside of the contract's directory.
    pub(crate) files_anywhere: bool,
}

/// Which values of `Host` are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// The hosts of the contract's servers, the addresses listened on and the names of loopback.
    FromContract,
    /// These, in lower case.
    Only(Vec<String>),
    /// Every one.
    Any,
}

/// The service that implements an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// Its host, and its port where that is not the scheme's.
    pub(crate) authority: Authority,
    /// None: it is spoken to in the clear.
    pub(crate) tls: Option<Tls>,
    /// How long connecting may take.
    pub(crate) connect_time_max: Duration,
    /// How long it may take until its answer begins.
    pub(crate) first_byte_time_max: Duration,
    /// How long it may take until its answer has ended.
    pub(crate) total_time_max: Duration,
    /// How many connections a worker opens.
    pub(crate) connections_max: usize,
    /// How many connections a worker keeps open while nothing is asked; never more than `connections_max`.
    pub(crate) idle_max: usize,
    /// How long such a connection is kept.
    pub(crate) idle_time_max: Duration,
    /// Whether it gets the caller's `Host`.
    pub(crate) preserve_host: bool,
}

impl Api {
    pub(super) fn lower(raw: raw::Api, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let (name, name_span) = name_of(&raw);
        let hosts = lower_hosts(&raw, problems);
        policy::check(&raw.policy, problems);
        Self {
            name,
            name_span,
            contract: directory.join(&raw.contract.value.0),
            contract_span: raw.contract.span,
            references: References {
                origins: raw.ref_origins.into_iter().map(|origin| origin.value.0).collect(),
                files_anywhere: raw.dangerous_files_anywhere,
            },
            upstream: Upstream::lower(raw.upstream.value.0, raw.upstream.span, directory, problems),
            hosts,
            base_path: raw.base_path.map(|path| path.0),
            policy: raw.policy,
        }
    }
}

fn name_of(raw: &raw::Api) -> (String, Span) {
    if let Some(name) = &raw.name {
        return (name.value.0.clone(), name.span);
    }
    let file = Path::new(&raw.contract.value.0)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("api");
    (stem.to_owned(), raw.contract.span)
}

fn lower_hosts(raw: &raw::Api, problems: &mut Problems<'_>) -> Hosts {
    match &raw.hosts {
        Some(hosts) if raw.dangerous_any_host => {
            if let Some(host) = hosts.first() {
                let message = "`hosts` are named and `dangerous_any_host` serves them all";
                problems.error(host.span, message, "take one of the two out");
            }
            Hosts::Any
        }
        None if raw.dangerous_any_host => Hosts::Any,
        None => Hosts::FromContract,
        Some(hosts) => {
            duplicates(
                "host",
                hosts.iter().map(|host| (host.value.0.as_str(), host.span)),
                problems,
            );
            Hosts::Only(hosts.iter().map(|host| host.value.0.clone()).collect())
        }
    }
}

impl Upstream {
    fn lower(raw: UpstreamRaw, span: Span, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let at_most = |limit: Option<u32>, default: usize| {
            limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
        };
        let connections_max = at_most(raw.connections_max, 512);
        let Target { tls, authority } = raw.url.0;
        if let Some(written) = raw.tls.as_ref().filter(|_| !tls) {
            let message = "`tls` has no effect, since `url` begins with `http:`";
            problems.error(written.span, message, "write `https:`, or take `tls` out");
        }
        let written = raw.tls.map(|written| written.value);
        let upstream = Self {
            tls: tls
                .then(|| Tls::lower(written, &authority, span, directory, problems))
                .flatten(),
            authority,
            connect_time_max: seconds(raw.connect_seconds_max, 2),
            first_byte_time_max: seconds(raw.first_byte_seconds_max, 30),
            total_time_max: seconds(raw.total_seconds_max, 60),
            connections_max,
            idle_max: at_most(raw.idle_max, 64).min(connections_max),
            idle_time_max: seconds(raw.idle_seconds_max, 30),
            preserve_host: raw.preserve_host.unwrap_or(false),
        };
        if raw.first_byte_seconds_max.is_some() && upstream.first_byte_time_max > upstream.total_time_max {
            let message = "`first_byte_seconds_max` is above `total_seconds_max`";
            problems.error(
                span,
                message,
                "lower the one or raise the other (the total is 60 by default)",
            );
        }
        upstream
    }
}
