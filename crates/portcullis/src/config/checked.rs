//! The configuration as the program uses it: every default filled in, every value of its own type, no two settings at odds.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use portcullis_contract::document::Span;
use portcullis_gateway::dpop::Terms;
use portcullis_gateway::listen::{Bounds, ClientHeader, Deadlines, Settings, Sizes};

use super::address_list::{AddressList, Addresses};
use super::api::{self, Api};
use super::audit_log::AuditLog;
use super::client_certificates::{ClientCertificates, Forwarded};
use super::credentials::{self, Credentials, Kept};
use super::decision_point::{DecisionPoint, DecisionPointWritten, Site};
use super::described::Described;
use super::issuer::Issuer;
use super::listen::{self, ListenWritten, Listener};
use super::log::{LogFormat, LogRequests};
use super::problems::Problems;
use super::process::Process;
use super::raw::{self, TrustedHeader};
use super::relations::{self, Relations};
use super::security::Authorities;
use super::signers::Signers;
use super::spanned::Spanned;
use super::text::{Address, Seconds, Size};
use super::traces::Traces;
use super::upstream_identity::UpstreamTokens;
use super::users::{Logins, Users};

/// What `portcullis serve` does.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// Its file, as it was asked for; for problems.
    pub(crate) location: String,
    /// Where callers arrive; at least one, all different.
    pub(crate) listen: Vec<Listener>,
    /// Where operators arrive.
    pub(crate) admin: Option<Admin>,
    /// Which addresses may call any of the APIs.
    pub(crate) addresses: AddressList,
    /// Which proxies are believed about whom they speak for.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// In which header they say so.
    pub(crate) trusted_header: ClientHeader,
    /// How many workers serve.
    pub(crate) workers: NonZeroUsize,
    /// Bounds on connections of callers.
    pub(crate) connection: Connection,
    /// What one address may send to the gate as a whole: requests, window, burst.
    pub(crate) arrival_limit: Pace,
    /// How many credentials of one address may be bad.
    pub(crate) failed_authentication_limit: Pace,
    /// What is logged.
    pub(crate) log: Log,
    /// Whose tokens are believed; the names of issuers, users, signers and rules for certificates are all different.
    pub(crate) issuers: Vec<Issuer>,
    /// Where the gate's own credentials are kept.
    pub(crate) credentials: Option<Kept>,
    /// Where relations are kept.
    pub(crate) relations: Option<Relations>,
    /// Who logs in with a password.
    pub(crate) users: Vec<Users>,
    /// How passwords are verified.
    pub(crate) logins: Logins,
    /// Who signs the tokens that upstreams get, if any get one.
    pub(crate) upstream_tokens: Option<UpstreamTokens>,
    /// Whose signatures count.
    pub(crate) signers: Vec<Signers>,
    /// Whom client certificates name.
    pub(crate) client_certificates: Vec<ClientCertificates>,
    /// Where proxies forward them.
    pub(crate) forwarded_client_certificates: Option<Forwarded>,
    /// What is asked of proofs of possession.
    pub(crate) dpop: Terms,
    /// At least one; names all different.
    pub(crate) apis: Vec<Api>,
    /// Where observations go.
    pub(crate) observe: Option<Observe>,
    /// The gate as a process of the system.
    pub(crate) process: Process,
    /// Where traces go.
    pub(crate) traces: Option<Traces>,
    /// The audit log.
    pub(crate) audit_log: Option<AuditLog>,
}

/// The surface for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    /// Where it listens; loopback unless they chose otherwise.
    pub(crate) address: SocketAddr,
    /// Whose connections it takes.
    pub(crate) addresses: AddressList,
}

impl Configuration {
    /// The addresses of the listeners, in their order.
    pub(crate) fn listen_addresses(&self) -> Vec<SocketAddr> {
        self.listen.iter().map(|listener| listener.address).collect()
    }

    /// Every file that credentials are verified with, or tokens signed: keys, users, and secrets.
    pub(crate) fn key_files(&self) -> impl Iterator<Item = &Path> {
        let own = self.credentials.iter().filter_map(Kept::in_files);
        let secret = own.map(|credentials| &*credentials.secret);
        let users = self.users.iter().filter_map(Users::file);
        let signing = self.upstream_tokens.iter().flat_map(|tokens| &tokens.keys);
        let signing = signing.map(|file| file.value.as_path());
        let signers = self.signers.iter().flat_map(Signers::files);
        let issuers = self.issuers.iter().flat_map(Issuer::files);
        issuers.chain(users).chain(signers).chain(secret).chain(signing)
    }

    /// Every file of certificates, keys and revocation lists that is named.
    pub(crate) fn certificate_files(&self) -> impl Iterator<Item = PathBuf> {
        let forwarded = self.forwarded_client_certificates.iter().flat_map(Forwarded::files);
        self.listen.iter().flat_map(Listener::files).chain(forwarded)
    }

    /// Every file of addresses that is named; one that is named twice comes twice.
    pub(crate) fn address_files(&self) -> impl Iterator<Item = &Path> {
        let lists = [&self.addresses].into_iter();
        let lists = lists.chain(self.listen.iter().map(|listener| &listener.addresses));
        let lists = lists.chain(self.admin.as_ref().map(|admin| &admin.addresses));
        let of_apis = self.apis.iter().filter_map(|api| api.policy.addresses.as_ref());
        let of_apis = of_apis.flat_map(Addresses::files);
        lists.flat_map(AddressList::files).map(PathBuf::as_path).chain(of_apis)
    }
}

/// Bounds on connections of callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Open at once, over all workers.
    pub(crate) connections_max: usize,
    /// Open at once from one address, or one /64 network of IPv6; never more than `connections_max`.
    pub(crate) connections_per_address_max: usize,
    /// A request's head.
    pub(crate) bounds: Bounds,
    /// Bodies that are being judged, over all workers.
    pub(crate) held_bytes_max: usize,
    /// How long a caller may take.
    pub(crate) deadlines: Deadlines,
    /// From the order to stop until open requests are cut off.
    pub(crate) drain_time_max: Duration,
}

/// So many in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How many.
    pub(crate) requests: NonZeroU32,
    /// In which window.
    pub(crate) per: Duration,
    /// How many may come at once.
    pub(crate) burst: NonZeroU32,
}

impl Pace {
    /// The default as `requests`, `per` and `burst`.
    pub(super) fn lower(raw: Option<raw::Pace>, default: (u32, Duration, u32)) -> Self {
        let written = |raw: raw::Pace| (raw.requests, raw.per.0, raw.burst.unwrap_or(raw.requests));
        let (requests, per, burst) = raw.map_or(default, written);
        // The schema has refused zero before.
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            requests: at_least_one(requests),
            per,
            burst: at_least_one(burst),
        }
    }
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// `None`: text on a terminal, JSON elsewhere.
    pub(crate) format: Option<LogFormat>,
    /// Which requests get a line.
    pub(crate) requests: LogRequests,
}

/// Where observations go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observe {
    /// The file, one JSON object a line.
    pub(crate) file: PathBuf,
    /// How large it may grow.
    pub(crate) file_bytes_max: u64,
}

/// What is told of those who vouch for callers.
const NAME_OF_AUTHORITY: &str = "name (issuers, users, signers and client_certificates share them)";

/// Settles what is written into what is done, as far as it could be read; `described` is everybody of whom anything is
/// written, and paths are relative to `directory`.
pub(super) fn lower(
    raw: raw::Configuration,
    described: &Described,
    directory: &Path,
    problems: &mut Problems<'_>,
) -> Configuration {
    let addresses = addresses(&raw.listen.0, problems);
    let has_proxies = !raw.trusted_proxies.is_empty();
    let names = listen::names(&raw.listen.0, problems);
    let listener = |entry| Listener::lower(entry, directory, has_proxies, problems);
    let listen: Vec<_> = raw.listen.0.into_iter().map(listener).collect();
    let issuers = each(raw.issuers, |issuer| Issuer::lower(issuer, directory, problems));
    let users = each(raw.users, |users| Users::lower(users, directory));
    let signers = each(raw.signers, |signers| Signers::lower(signers, directory, problems));
    let forwarded = raw.forwarded_client_certificates;
    let forwarded = forwarded.map(|written| Forwarded::lower(written, directory, has_proxies, problems));
    let certified = each(raw.client_certificates, |rules| {
        ClientCertificates::lower(rules, &names, &listen, forwarded.as_ref(), problems)
    });
    let upstream_tokens = raw.upstream_tokens;
    let upstream_tokens = upstream_tokens.map(|tokens| UpstreamTokens::lower(tokens, directory, problems));
    let authorities = Authorities {
        issuers: &issuers,
        users: &users,
        signers: &signers,
        client_certificates: &certified,
        signs: upstream_tokens.is_some(),
        described,
    };
    duplicates(NAME_OF_AUTHORITY, authorities.names(), problems);
    let site = Site::of(&names, &listen);
    let apis = lower_apis((raw.apis, raw.authzen), directory, site, authorities, problems);
    let credentials = raw
        .credentials
        .map(|written| Credentials::lower(written, directory, problems));
    credentials::check(credentials.as_ref(), &apis, authorities, problems);
    let relations = relations::settle(raw.relations, described.relations, &apis, directory, problems);
    Configuration {
        location: String::new(),
        admin: raw
            .admin
            .map(|admin| lower_admin(&admin, &addresses, directory, problems)),
        addresses: AddressList::lower(raw.addresses.as_ref(), directory),
        listen,
        trusted_proxies: lower_trusted(&raw.trusted_proxies, problems),
        trusted_header: raw
            .trusted_header
            .map_or_else(ClientHeader::default, ClientHeader::from),
        workers: raw.workers.map_or_else(cores, |workers| {
            NonZeroUsize::new(usize::from(workers)).unwrap_or(NonZeroUsize::MIN)
        }),
        connection: Connection::lower(&raw.connection, problems),
        arrival_limit: Pace::lower(raw.arrival_limit, (500, Duration::from_secs(1), 1000)),
        failed_authentication_limit: Pace::lower(raw.failed_authentication_limit, (600, Duration::from_secs(60), 200)),
        log: Log {
            format: raw.log.format,
            requests: raw.log.requests.unwrap_or(LogRequests::Refused),
        },
        issuers,
        credentials: credentials.map(Kept::InFiles),
        relations,
        users,
        logins: Logins::lower(&raw.logins, cores()),
        upstream_tokens,
        signers,
        client_certificates: certified,
        forwarded_client_certificates: forwarded,
        dpop: raw.dpop.lower(),
        apis,
        observe: raw.observe.map(|observe| Observe::lower(&observe, directory)),
        process: Process::lower(raw.process, directory, problems),
        traces: raw.traces.map(Traces::lower),
        audit_log: raw
            .audit_log
            .and_then(|written| AuditLog::lower(written, directory, problems)),
    }
}

impl Observe {
    fn lower(raw: &raw::Observe, directory: &Path) -> Self {
        Self {
            file: directory.join(&raw.file.value.0),
            file_bytes_max: raw.file_bytes_max.map_or(64 << 20, |size| size.0),
        }
    }
}

/// Where it is listened.
fn addresses(listen: &[Spanned<ListenWritten>], problems: &mut Problems<'_>) -> Vec<(SocketAddr, Span)> {
    let addresses = listen.iter().map(|entry| (entry.value.0.address.value.0, entry.span));
    let addresses: Vec<_> = addresses.collect();
    duplicates("address", addresses.iter().copied(), problems);
    addresses
}

fn each<W, S>(written: Vec<Spanned<W>>, mut lower: impl FnMut(W) -> S) -> Vec<S> {
    written.into_iter().map(|one| lower(one.value)).collect()
}

fn lower_apis(
    (written, points): (Vec<Spanned<raw::Api>>, Vec<Spanned<DecisionPointWritten>>),
    directory: &Path,
    site: Site<'_>,
    authorities: Authorities<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Api> {
    let lower = |api: Spanned<raw::Api>| Api::lower(api.value, directory, site.names, authorities, problems);
    let mut apis: Vec<Api> = written.into_iter().filter_map(lower).collect();
    let points = points.into_iter();
    apis.extend(points.map(|point| DecisionPoint::lower(point, directory, site, authorities, problems)));
    let names = apis.iter().map(|api| (api.name.as_str(), api.name_span));
    duplicates("API name", names, problems);
    api::check_limits_of(&apis, problems);
    apis
}

/// Reports every value that stands twice.
pub(super) fn duplicates<T: Eq + Hash + ToString>(
    what: &str,
    values: impl Iterator<Item = (T, Span)>,
    problems: &mut Problems<'_>,
) {
    let mut seen = HashMap::new();
    for (value, span) in values {
        let message = format!("the {what} `{}` stands twice", value.to_string());
        if let Some(first) = seen.insert(value, span) {
            problems.error(span, message, format!("the other stands in line {}", first.line));
        }
    }
}

fn lower_admin(
    admin: &raw::Admin,
    listen: &[(SocketAddr, Span)],
    directory: &Path,
    problems: &mut Problems<'_>,
) -> Admin {
    let Spanned {
        value: Address(address),
        span,
    } = admin.listen;
    if !address.ip().is_loopback() && !admin.dangerous_public {
        let message = format!("the admin address `{address}` is not loopback, and the surface asks for no credential");
        problems.error(
            span,
            message,
            "use `127.0.0.1` or `[::1]`, or set `dangerous_public: true`",
        );
    }
    if listen.iter().any(|(callers, _)| *callers == address) && address.port() != 0 {
        let message = format!("the admin address `{address}` is also an address of `listen`");
        problems.error(span, message, "give the admin surface a port of its own");
    }
    Admin {
        address,
        addresses: AddressList::lower(admin.addresses.as_ref(), directory),
    }
}

impl From<TrustedHeader> for ClientHeader {
    fn from(header: TrustedHeader) -> Self {
        match header {
            TrustedHeader::XForwardedFor => Self::XForwardedFor,
            TrustedHeader::Forwarded => Self::Forwarded,
        }
    }
}

fn lower_trusted(networks: &[Spanned<super::text::Network>], problems: &mut Problems<'_>) -> Vec<IpNet> {
    for network in networks.iter().filter(|network| network.value.0.prefix_len() == 0) {
        let message = format!("`{}` believes the forwarding headers of everyone", network.value.0);
        problems.error(network.span, message, "name the networks of your own proxies");
    }
    networks.iter().map(|network| network.value.0).collect()
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Connection {
    fn lower(raw: &raw::Connection, problems: &mut Problems<'_>) -> Self {
        let default = Settings::default();
        let connections_max = number(raw.connections_max, default.connections_max);
        if let Some(per_address) = raw.connections_per_address_max
            && number(Some(per_address.value.0), 0) > connections_max
        {
            let message =
                format!("`connections_per_address_max` is above `connections_max`, which is {connections_max}");
            problems.error(
                per_address.span,
                message,
                "lower it, or one address may take every connection",
            );
        }
        Self {
            connections_max,
            connections_per_address_max: number(
                raw.connections_per_address_max.map(|count| count.value.0),
                default.connections_per_address_max,
            )
            .min(connections_max),
            bounds: head_bounds(raw, problems),
            held_bytes_max: bytes(raw.held_bytes_max, 512 << 20),
            deadlines: deadlines(raw, default.deadlines),
            drain_time_max: time(raw.drain_seconds_max, default.drain_time_max),
        }
    }
}

fn deadlines(raw: &raw::Connection, default: Deadlines) -> Deadlines {
    Deadlines {
        head_time_max: time(raw.head_seconds_max, default.head_time_max),
        idle_time_max: time(raw.idle_seconds_max, default.idle_time_max),
        body_pause_time_max: time(raw.body_pause_seconds_max, default.body_pause_time_max),
        body_time_max: time(raw.body_seconds_max, default.body_time_max),
        write_pause_time_max: time(raw.write_seconds_max, default.write_pause_time_max),
        age_time_max: raw.age_seconds_max.map(Duration::from).or(default.age_time_max),
        linger_time_max: default.linger_time_max,
    }
}

fn head_bounds(raw: &raw::Connection, problems: &mut Problems<'_>) -> Bounds {
    let default = Sizes::default();
    let head_bytes_max = bytes(raw.head_bytes_max, default.head_bytes_max);
    let target = raw.target_bytes_max;
    // A small head leaves room for a shorter target alone, where none is asked for.
    let fits = head_bytes_max.saturating_sub(Bounds::BESIDE_TARGET_BYTES_MIN);
    let bounds = Bounds::new(Sizes {
        target_bytes_max: target.map_or(default.target_bytes_max.min(fits), |size| bytes(Some(size.value), 0)),
        head_bytes_max,
        head_lines_max: raw.headers_max.map_or(default.head_lines_max, usize::from),
    });
    bounds.unwrap_or_else(|error| {
        problems.error(
            target.map_or_else(Span::default, |size| size.span),
            error.to_string(),
            "the target is a part of the head: lower `target_bytes_max` or raise `head_bytes_max`",
        );
        Bounds::default()
    })
}

/// A time, or its default in seconds, where the gateway has none.
pub(super) fn seconds(written: Option<Seconds>, default: u64) -> Duration {
    written.map_or(Duration::from_secs(default), Duration::from)
}

/// A time, or what the gateway takes without it.
pub(super) fn time(written: Option<Seconds>, default: Duration) -> Duration {
    written.map_or(default, Duration::from)
}

/// A number of things, or what the gateway takes without it.
pub(super) fn number(written: Option<u32>, default: usize) -> usize {
    written.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// A size that is held in memory, or its default.
pub(super) fn bytes(written: Option<Size>, default: usize) -> usize {
    written.map_or(default, |size| usize::try_from(size.0).unwrap_or(usize::MAX))
}
