//! One API, settled: its contract's path, its upstream, its names, and the outermost layer of its policy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::uri::Authority;
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::security::{Requirement, SecurityScheme};
use portcullis_contract::document::Span;
use portcullis_gateway::forward::Limits;
use portcullis_gateway::forward::balance::{
    BalancedSettings, CanarySettings, EndpointSettings, GroupSettings, MirrorSettings, RetrySettings,
};

use super::address_list;
use super::admin_operations::AdminOperations;
use super::authorization::Authorization;
use super::balance::{Breaker, Resolve, Retries, Sticky};
use super::checked::{duplicates, number, seconds, time};
use super::contract::Source;
use super::decision_point::DecisionPoint;
use super::listen;
use super::policy;
use super::problems::Problems;
use super::raw;
use super::security::{self, Authorities, Scheme, Schemes, Verifier};
use super::spanned::{Placed, Spanned};
use super::text::{Host, Target};
use super::upstream::{Endpoint as EndpointRaw, Upstream as UpstreamRaw, UrlOr};
use super::upstream_identity::{Beside, UpstreamIdentity};
use super::upstream_tls::Tls;

/// One API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// Its name in logs and metrics.
    pub(crate) name: String,
    /// Where the name stands, or the contract that it comes from.
    pub(crate) name_span: Span,
    /// Where its contract comes from.
    pub(crate) contract: Source,
    /// The folder that it was found in, if a folder was named.
    pub(crate) folder: Option<PathBuf>,
    /// What changes the contract before it is read.
    pub(crate) overlays: Vec<PathBuf>,
    /// Where the contract is named.
    pub(crate) contract_span: Span,
    /// From where the contract's references are fetched.
    pub(crate) references: References,
    /// Who implements it.
    pub(crate) behind: Behind,
    /// The values of `Host` that are served.
    pub(crate) hosts: Hosts,
    /// What stands before every path; `None`: the paths of the contract's servers.
    pub(crate) base_paths: Option<Vec<String>>,
    /// The API whose operations count together with this one's.
    pub(crate) limits_of: Option<Spanned<String>>,
    /// The names of all listeners, which policies may name.
    pub(crate) listeners: Vec<String>,
    /// What verifies the security schemes of the contract.
    pub(crate) security_schemes: Schemes,
    /// Whether the upstream verifies the others.
    pub(crate) unverified_schemes: bool,
    /// How the upstream is told who calls.
    pub(crate) upstream_identity: UpstreamIdentity,
    /// What callers may do; none: whatever the contract lets them in for.
    pub(crate) authorization: Option<Authorization>,
    /// Who may use the operations of administrators.
    pub(crate) admin_operations: Option<AdminOperations>,
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
    Only(Vec<Placed<String>>),
    /// Every one.
    Any,
}

/// Who implements an API.
#[derive(Clone, Debug)]
pub(crate) enum Behind {
    /// A service.
    Upstream(Box<Upstream>),
    /// The gate itself, as a decision point about another API.
    DecisionPoint(DecisionPoint),
}

/// The service that implements an API.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    /// At least one.
    pub(crate) endpoints: Vec<Endpoint>,
    /// What holds for each of them, for those of the canary and for the mirror.
    pub(crate) settings: EndpointSettings,
    /// What holds for them together.
    pub(crate) group: GroupSettings,
    /// What holds for a request to them.
    pub(crate) balanced: BalancedSettings,
    /// Other endpoints for a share of the requests.
    pub(crate) canary: Option<(Vec<Endpoint>, CanarySettings)>,
    /// Where copies go.
    pub(crate) mirror: Option<(Endpoint, MirrorSettings)>,
    /// Whether each address of a name is an endpoint.
    pub(crate) each: bool,
    /// How long addresses are used before their name is looked up again.
    pub(crate) resolve_time_max: Duration,
    /// Whether it gets the caller's `Host`.
    pub(crate) preserve_host: bool,
    /// Whether there is one endpoint, and nothing was asked for that needs a look at each request.
    pub(crate) direct: bool,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Its host, and its port where that is not the scheme's.
    pub(crate) authority: Authority,
    /// Whether it is spoken to in HTTP/2; `None`: as it chooses.
    pub(crate) http2: Option<bool>,
    /// None: it is spoken to in the clear.
    pub(crate) tls: Option<Tls>,
    /// Its share of the requests, at least 1.
    pub(crate) weight: u32,
}

impl Behind {
    /// Every endpoint of the service, in the order of [`Upstream::all`]; none where the gate itself answers.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let upstream = match self {
            Self::Upstream(upstream) => Some(upstream),
            Self::DecisionPoint(_) => None,
        };
        upstream.into_iter().flat_map(|upstream| upstream.all())
    }
}

impl Api {
    /// What verifies a security scheme of the contract; none where nothing does.
    pub(crate) fn scheme(&self, name: &str) -> Option<&Scheme> {
        let named = self.security_schemes.get(name).map(|settled| &settled.value);
        named.or(self.unverified_schemes.then_some(&Scheme::UNVERIFIED))
    }

    /// The scheme that an operation asks for, and what verifies it; none where nothing does.
    pub(crate) fn mapped<'a>(
        &'a self,
        contract: &'a Contract,
        asked: &Requirement,
    ) -> Option<(&'a SecurityScheme, &'a Scheme)> {
        let declared = contract.scheme(asked)?;
        Some((declared, self.scheme(&declared.name)?))
    }

    /// Who verifies the scheme that an operation asks for.
    pub(crate) fn verifier<'a>(&'a self, contract: &Contract, asked: &Requirement) -> Option<&'a Verifier> {
        Some(&self.scheme(&contract.scheme(asked)?.name)?.verifier)
    }

    /// Paths are relative to `directory`; `listeners` are the names that there are, and so are `authorities`. None where it cannot be
    /// told which contract is meant.
    pub(super) fn lower(
        mut raw: raw::Api,
        directory: &Path,
        listeners: &[String],
        authorities: Authorities<'_>,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let contract_span = raw.contract.span;
        let source = Source::lower(raw.contract.clone(), directory, problems);
        let hosts = lower_hosts(raw.hosts.as_deref(), raw.dangerous_any_host, problems);
        policy::check(&raw.policy, problems);
        listen::check_names(raw.policy.listeners.as_deref(), listeners, problems);
        address_list::locate(&mut raw.policy, directory);
        let upstream = Upstream::lower(raw.upstream.value.0, raw.upstream.span, directory, problems);
        let contract = source?;
        let (name, name_span) = match &raw.name {
            Some(name) => (name.value.0.clone(), name.span),
            None => (contract.stem(), contract_span),
        };
        if let (Some(name), Source::Directory(_)) = (&raw.name, &contract) {
            let message = "the contracts of a folder are named by their files";
            problems.error(name.span, message, "take `name` out");
        }
        let security_schemes = security::lower(raw.security_schemes, authorities, problems);
        let beside = Beside {
            schemes: &security_schemes,
            unverified_schemes: raw.dangerous_unverified_schemes,
            signs: authorities.signs,
        };
        let authorization = raw.authorization;
        let authorization = authorization.map(|written| Authorization::lower(written, directory, problems));
        let admin_operations = raw.admin_operations;
        let admin_operations =
            admin_operations.map(|written| AdminOperations::lower(written, directory, listeners, problems));
        let identity = raw.upstream_identity;
        let identity = identity.map(|written| UpstreamIdentity::lower(written, beside, problems));
        Some(Self {
            name,
            name_span,
            contract,
            folder: None,
            overlays: raw
                .overlays
                .iter()
                .map(|overlay| directory.join(&overlay.value.0))
                .collect(),
            contract_span,
            references: References {
                origins: raw.ref_origins.into_iter().map(|origin| origin.value.0).collect(),
                files_anywhere: raw.dangerous_files_anywhere,
            },
            behind: Behind::Upstream(Box::new(upstream)),
            hosts,
            base_paths: raw
                .base_path
                .map(|paths| paths.0.into_iter().map(|path| path.0).collect()),
            limits_of: raw.limits_of.map(|name| Spanned {
                value: name.value.0,
                span: name.span,
            }),
            listeners: listeners.to_vec(),
            security_schemes,
            upstream_identity: identity.unwrap_or_default(),
            unverified_schemes: raw.dangerous_unverified_schemes,
            authorization,
            admin_operations,
            policy: raw.policy,
        })
    }
}

/// Reports APIs that count together with one that there is not, or in a row.
pub(super) fn check_limits_of(apis: &[Api], problems: &mut Problems<'_>) {
    for api in apis {
        let Some(Spanned { value: of, span }) = &api.limits_of else {
            continue;
        };
        let other = apis.iter().find(|other| other.name == *of && other.name != api.name);
        match other {
            None => {
                let message = format!("no other API is called `{of}`");
                problems.error(*span, message, "name the API whose limits hold for both");
            }
            Some(Api {
                limits_of: Some(next), ..
            }) => {
                let message = format!("`{of}` itself counts with `{}`", next.value);
                problems.error(*span, message, format!("write `limits_of: {}`", next.value));
            }
            Some(_) => {}
        }
    }
}

pub(super) fn lower_hosts(hosts: Option<&[Spanned<Host>]>, any: bool, problems: &mut Problems<'_>) -> Hosts {
    match hosts {
        Some(hosts) if any => {
            if let Some(host) = hosts.first() {
                let message = "`hosts` are named and `dangerous_any_host` serves them all";
                problems.error(host.span, message, "take one of the two out");
            }
            Hosts::Any
        }
        None if any => Hosts::Any,
        None => Hosts::FromContract,
        Some(hosts) => {
            duplicates(
                "host",
                hosts.iter().map(|host| (host.value.0.as_str(), host.span)),
                problems,
            );
            let placed = |host: &Spanned<Host>| Placed {
                value: host.value.0.clone(),
                span: host.span,
            };
            Hosts::Only(hosts.iter().map(placed).collect())
        }
    }
}

impl Upstream {
    fn lower(raw: UpstreamRaw, span: Span, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let written = endpoints(&raw, span, problems);
        let canary = raw
            .canary
            .as_ref()
            .map(|canary| (targets(&canary.endpoints), canary.settled()));
        let mirror = raw.mirror.as_ref().map(|mirror| (mirror.target(), mirror.settled()));
        let others = canary.iter().flat_map(|(targets, _)| targets).map(|(target, _)| target);
        let others = others.chain(mirror.iter().map(|(target, _)| target));
        let speaks_tls = written
            .iter()
            .map(|(target, _)| target)
            .chain(others)
            .any(|target| target.tls);
        if let Some(written) = raw.tls.as_ref().filter(|_| !speaks_tls) {
            let message = "`tls` has no effect, since no URL begins with `https:`";
            problems.error(written.span, message, "write `https:`, or take `tls` out");
        }
        let mut endpoint = |(Target { tls, authority }, weight): (Target, u32)| {
            let own = raw.tls.as_ref().map(|written| written.value.clone());
            Endpoint {
                tls: tls
                    .then(|| Tls::lower(own, &authority, span, directory, problems))
                    .flatten(),
                authority,
                http2: raw.http2,
                weight,
            }
        };
        let upstream = Self {
            endpoints: written.into_iter().map(&mut endpoint).collect(),
            canary: canary.map(|(targets, settings)| (targets.into_iter().map(&mut endpoint).collect(), settings)),
            mirror: mirror.map(|(target, settings)| (endpoint((target, 1)), settings)),
            ..Self::bounds(&raw)
        };
        upstream.with_retries(&raw).checked(&raw, span, problems)
    }

    /// All that does not depend on the endpoints.
    fn bounds(raw: &UpstreamRaw) -> Self {
        let default = Limits::default();
        let connections_max = number(raw.connections_max, default.connections_max);
        let total_time_max = time(raw.total_seconds_max, default.total_time_max);
        let limits = Limits {
            connections_max,
            idle_max: number(raw.idle_max, connections_max).min(connections_max),
            idle_time_max: time(raw.idle_seconds_max, default.idle_time_max),
            queue_max: number(raw.waiting_max, default.queue_max),
            connect_time_max: time(raw.connect_seconds_max, default.connect_time_max),
            head_time_max: time(raw.first_byte_seconds_max, default.head_time_max),
            total_time_max,
            ..default
        };
        let health = raw.health.clone().unwrap_or_default();
        Self {
            endpoints: Vec::new(),
            settings: EndpointSettings {
                limits,
                passive: health.passive(),
                probe: health.probe(),
                breaker: raw.breaker.map(Breaker::settled),
                requests_max: raw.requests_max,
            },
            group: health.group(raw.slow_start_seconds),
            balanced: BalancedSettings {
                sticky: raw.sticky.as_ref().and_then(Sticky::settled),
                retries: None,
                total_time_max,
            },
            canary: None,
            mirror: None,
            each: raw.resolve == Some(Resolve::Each),
            resolve_time_max: seconds(raw.resolve_seconds_max, 10),
            preserve_host: raw.preserve_host.unwrap_or(false),
            direct: false,
        }
    }

    /// Where there is another endpoint, what no endpoint answered goes to it, without being asked for.
    fn with_retries(mut self, raw: &UpstreamRaw) -> Self {
        let several = self.endpoints.len() > 1 || self.each || self.canary.is_some();
        let settings = &self.settings;
        let watched = settings.probe.is_some() || settings.breaker.is_some() || settings.requests_max.is_some();
        let asked = watched || self.mirror.is_some() || raw.retries.is_some() || raw.health.is_some();
        self.direct = !several && !asked;
        let written = raw.retries.as_ref().map(Retries::settled);
        self.balanced.retries = written.or_else(|| several.then(RetrySettings::default));
        self
    }

    fn checked(self, raw: &UpstreamRaw, span: Span, problems: &mut Problems<'_>) -> Self {
        let limits = &self.settings.limits;
        if raw.first_byte_seconds_max.is_some() && limits.head_time_max > limits.total_time_max {
            let message = "`first_byte_seconds_max` is above `total_seconds_max`";
            let default = Limits::default().total_time_max.as_secs();
            let help = format!("lower the one or raise the other (the total is {default} by default)");
            problems.error(span, message, help);
        }
        let health = raw.health.as_ref();
        if health.is_some_and(|health| health.path.is_none() && health.asks()) {
            let message = "`health` says how to ask the endpoints, and not what for";
            problems.error(span, message, "write a `path`, such as `/healthz`");
        }
        if let Some((_, settings)) = self.canary.as_ref()
            && settings.per_ten_thousand == 0
            && settings.named_by.is_none()
        {
            let message = "`canary` gets no request: it has neither a `percent` nor a `header`";
            problems.error(span, message, "write one of the two");
        }
        self
    }

    /// Every endpoint: its own, those of the canary, and the mirror.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Endpoint> {
        let canary = self.canary.iter().flat_map(|(endpoints, _)| endpoints);
        let mirror = self.mirror.iter().map(|(endpoint, _)| endpoint);
        self.endpoints.iter().chain(canary).chain(mirror)
    }
}

/// Where the endpoints are, with their weights.
fn endpoints(raw: &UpstreamRaw, span: Span, problems: &mut Problems<'_>) -> Vec<(Target, u32)> {
    let written = match (&raw.url, &raw.endpoints) {
        (Some(url), None) => vec![(url.0.clone(), 1)],
        (None, Some(endpoints)) => targets(endpoints),
        (Some(_), Some(_)) => {
            problems.error(
                span,
                "an upstream has a `url` or `endpoints`, not both",
                "put the URL into the list",
            );
            Vec::new()
        }
        (None, None) => {
            let help = "write where it listens, such as `http://127.0.0.1:9000`";
            problems.error(span, "`url` is missing in `upstream`", help);
            Vec::new()
        }
    };
    let named = written.iter().map(|(target, _)| (target.authority.to_string(), span));
    duplicates("endpoint", named, problems);
    written
}

fn targets(endpoints: &[UrlOr<EndpointRaw>]) -> Vec<(Target, u32)> {
    let target = |UrlOr(endpoint): &UrlOr<EndpointRaw>| (endpoint.url.0.clone(), endpoint.weight.unwrap_or(1));
    endpoints.iter().map(target).collect()
}
