//! The configuration as it is written: what serde reads, what `portcullis config schema` publishes, in one definition.
//!
//! The doc comment of a setting is its published description. Bounds and names that the schema can express stand here
//! as schema attributes and are enforced from that very schema; what concerns several settings at once is decided when the
//! raw settings are lowered to checked ones. Nothing outside `config` reads these types.

use std::collections::BTreeMap;

use portcullis_gateway::listen::Bounds;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address_list::Addresses;
use super::admin_operations::AdminOperationsWritten;
use super::audit_log::{AuditLogWritten, AuditPolicyWritten};
use super::authorization::{AuthorizationWritten, ResourceWritten};
use super::client_certificates::{ClientCertificatesWritten, ForwardedWritten};
use super::collection::CollectionWritten;
use super::contract::ContractWritten;
use super::cors::Cors;
use super::credentials::CredentialsWritten;
use super::decision_point::DecisionPointWritten;
use super::dpop::DpopWritten;
use super::issuer::IssuerWritten;
use super::learning::LearningWritten;
use super::listen::ListenWritten;
use super::log::Log;
use super::process::ProcessWritten;
use super::rate_limit::{Counted, KeyPart};
use super::relations::RelationsWritten;
use super::security::SchemeWritten;
use super::signers::SignersWritten;
use super::spanned::{List, Spanned};
use super::step_up::StepUpWritten;
use super::text::{Address, BasePath, Host, Location, Name, Network, Origin, Seconds, Size, Window};
use super::traces::TracesWritten;
use super::upstream::{Upstream, UrlOr};
use super::upstream_identity::{UpstreamIdentityWritten, UpstreamTokensWritten};
use super::users::{LoginsWritten, UsersWritten};
use super::value::ValueWritten;
use super::websocket::Websocket;

/// The configuration of `portcullis serve`: where to listen, and the APIs to stand in front of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// Where to listen for callers: an address and a port such as `127.0.0.1:8080`, an object with TLS or a name, or a list
    /// of them.
    pub(crate) listen: List<Spanned<ListenWritten>>,
    /// The surface for operators: health, readiness and metrics. Without it there is none.
    pub(crate) admin: Option<Admin>,
    /// Which addresses may call any of the APIs. Lists of the APIs and operations narrow it.
    pub(crate) addresses: Option<Addresses>,
    /// The networks of the proxies that are believed about whom they speak for, in the header of `trusted_header`. Default: none.
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<Spanned<Network>>,
    /// Which header these proxies write; no other is read. Default: x_forwarded_for.
    pub(crate) trusted_header: Option<TrustedHeader>,
    /// How many workers serve, each on a thread of its own. Default: one for every core.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) workers: Option<u16>,
    /// Bounds on what one caller's connection may hold, and for how long.
    #[serde(default)]
    pub(crate) connection: Connection,
    /// How many requests one address may send to the gate as a whole, those to unknown paths included. Default: 500 a
    /// second, with bursts of 1000.
    pub(crate) arrival_limit: Option<Pace>,
    /// How many credentials of one address may be bad, whatever their kind. Beyond it no further one is verified for a while; tokens
    /// that were verified lately still pass. Default: 600 a minute, with bursts of 200.
    pub(crate) failed_authentication_limit: Option<Pace>,
    /// What is logged, and how.
    #[serde(default)]
    pub(crate) log: Log,
    /// Whose access tokens are believed. An API's `security_schemes` name them.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) issuers: Vec<Spanned<IssuerWritten>>,
    /// Where API keys and opaque tokens of the gate's own are kept. Without it there are none.
    pub(crate) credentials: Option<CredentialsWritten>,
    /// Where relations between callers and objects are kept. Without it there are none.
    pub(crate) relations: Option<RelationsWritten>,
    /// Users who log in with a password. An API's `security_schemes` name them.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) users: Vec<Spanned<UsersWritten>>,
    /// How passwords are verified, and how often they may be wrong.
    #[serde(default)]
    pub(crate) logins: LoginsWritten,
    /// Who signs the tokens that upstreams get; each API's `upstream_identity` says whether they do.
    pub(crate) upstream_tokens: Option<UpstreamTokensWritten>,
    /// Callers who sign their requests (RFC 9421). An API's `security_schemes` name them.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) signers: Vec<Spanned<SignersWritten>>,
    /// Whom client certificates name. An API's `security_schemes` name them.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) client_certificates: Vec<Spanned<ClientCertificatesWritten>>,
    /// Where `trusted_proxies` forward the certificates of callers. Default: nowhere.
    pub(crate) forwarded_client_certificates: Option<Spanned<ForwardedWritten>>,
    /// What is asked of proofs of possession beside access tokens.
    #[serde(default)]
    pub(crate) dpop: DpopWritten,
    /// The APIs behind the gate.
    #[schemars(length(min = 1, max = 1000))]
    pub(crate) apis: Vec<Spanned<Api>>,
    /// Where other services ask what the callers of an API may do (AuthZEN 1.0).
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) authzen: Vec<Spanned<DecisionPointWritten>>,
    /// Where controls in mode `observe` record what they would have refused.
    pub(crate) observe: Option<Observe>,
    /// The gate as a process of the system: its user, its sandbox, how it restarts and ends.
    #[serde(default)]
    pub(crate) process: ProcessWritten,
    /// Traces of requests, sent to an OpenTelemetry collector. Without it there are none.
    pub(crate) traces: Option<TracesWritten>,
    /// A log of who did what, which nobody can change unseen. Without it there is none.
    pub(crate) audit_log: Option<AuditLogWritten>,
}

/// In which header a proxy says whom it speaks for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrustedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` for the scheme.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The surface for operators: `/healthz`, `/readyz`, `/metrics` and `/jwks.json`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// Where to listen for operators; a loopback address such as `127.0.0.1:9901`.
    pub(crate) listen: Spanned<Address>,
    /// Allows an address that is not loopback. The surface asks for no credential, so whoever reaches it reads it.
    #[serde(default)]
    pub(crate) dangerous_public: bool,
    /// Whose connections are taken. Others are closed before a byte is read. Default: everyone's who can reach it.
    pub(crate) addresses: Option<Addresses>,
}

/// Bounds on connections of callers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connection {
    /// How many connections are open at once, over all workers. Default: 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connections_max: Option<u32>,
    /// How many connections one address (one /64 network of IPv6) may hold open. Default: 256.
    pub(crate) connections_per_address_max: Option<Spanned<Count>>,
    /// How large a request's line and headers may be together. Default: 32KiB.
    #[schemars(extend("minimum" = *Bounds::HEAD_BYTES_MAX.start(), "maximum" = *Bounds::HEAD_BYTES_MAX.end()))]
    pub(crate) head_bytes_max: Option<Size>,
    /// How long a request's target may be. Default: 8KiB.
    #[schemars(extend("minimum" = *Bounds::TARGET_BYTES_MAX.start(), "maximum" = *Bounds::TARGET_BYTES_MAX.end()))]
    pub(crate) target_bytes_max: Option<Spanned<Size>>,
    /// How many headers a request may have. Default: 100.
    #[schemars(extend("minimum" = *Bounds::HEAD_LINES_MAX.start(), "maximum" = *Bounds::HEAD_LINES_MAX.end()))]
    pub(crate) headers_max: Option<u16>,
    /// How many bytes of bodies are held at once while they are judged, over all workers. Default: 512MiB.
    #[schemars(extend("minimum" = 1_048_576))]
    pub(crate) held_bytes_max: Option<Size>,
    /// How long a caller may take to send a request's line and headers. Default: 10.
    pub(crate) head_seconds_max: Option<Seconds>,
    /// How long a caller may take to send a request's body. Default: 60.
    pub(crate) body_seconds_max: Option<Seconds>,
    /// How long a caller may pause within a request's body. Default: 10.
    pub(crate) body_pause_seconds_max: Option<Seconds>,
    /// How long an answer may stand still because its caller does not read. Default: 60.
    pub(crate) write_seconds_max: Option<Seconds>,
    /// How long a connection may wait for its next request. Default: 60.
    pub(crate) idle_seconds_max: Option<Seconds>,
    /// How old a connection may be; then it takes no further request. Default: none, as old as its caller likes.
    pub(crate) age_seconds_max: Option<Seconds>,
    /// How long open requests may run on after the order to stop. Default: 30.
    pub(crate) drain_seconds_max: Option<Seconds>,
}

/// A number of things, at least one.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Count(#[schemars(range(min = 1, max = 1_000_000))] pub(crate) u32);

/// So many in a window (generic cell rate algorithm).
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pace {
    /// How many.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(crate) requests: u32,
    /// In which window, such as `1s` or `15m`.
    pub(crate) per: Window,
    /// How many may come at once. Default: `requests`.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(crate) burst: Option<u32>,
}

/// Where controls in mode `observe` record what they would have refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Observe {
    /// The file, one JSON object a line; relative to the configuration.
    pub(crate) file: Spanned<Location>,
    /// How large the file may grow; later observations are counted only. Default: 64MiB.
    #[schemars(extend("minimum" = 4096))]
    pub(crate) file_bytes_max: Option<Size>,
}

/// One API: a contract, and the upstream that implements it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    /// The API's name in logs and metrics. Default: the contract's file name up to its first dot.
    pub(crate) name: Option<Spanned<Name>>,
    /// The contract, in OpenAPI 2.0, 3.0 or 3.1: a file, relative to the configuration; or an object that names a folder,
    /// a URL or a Git repository.
    pub(crate) contract: Spanned<ContractWritten>,
    /// OpenAPI Overlays (1.0 or 1.1) that change the contract before it is read, in this order; relative to the
    /// configuration.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) overlays: Vec<Spanned<Location>>,
    /// The origins from which the contract's remote `$ref`s may be fetched. Default: none.
    #[serde(default)]
    pub(crate) ref_origins: Vec<Spanned<Origin>>,
    /// Allows `$ref`s to files outside of the contract's directory.
    #[serde(default)]
    pub(crate) dangerous_files_anywhere: bool,
    /// The service that implements the API: a URL such as `http://127.0.0.1:9000`, or an object with endpoints and bounds.
    pub(crate) upstream: Spanned<UrlOr<Upstream>>,
    /// The values of `Host` that are served. Default: the hosts of the contract's servers, the addresses listened on and
    /// the names of loopback.
    pub(crate) hosts: Option<Vec<Spanned<Host>>>,
    /// Serves every value of `Host`.
    #[serde(default)]
    pub(crate) dangerous_any_host: bool,
    /// What stands before every path of the contract; of several, each leads to the same operations, which count
    /// together. Default: the paths of the contract's servers.
    pub(crate) base_path: Option<List<BasePath>>,
    /// The name of another API, a version of the same: operations with the same `operationId`, or the same method and
    /// path, count together in rate limits.
    pub(crate) limits_of: Option<Spanned<Name>>,
    /// What verifies the security schemes of the contract, by their names there. Each that an operation asks for has to be
    /// named.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SchemeWritten>", length(max = 64))]
    pub(crate) security_schemes: BTreeMap<String, Spanned<SchemeWritten>>,
    /// Lets credentials of every scheme that `security_schemes` does not name go on to the upstream, which has to verify them.
    #[serde(default)]
    pub(crate) dangerous_unverified_schemes: bool,
    /// How the upstream is told who calls. Default: not at all.
    pub(crate) upstream_identity: Option<Spanned<UpstreamIdentityWritten>>,
    /// What callers may do. Default: whatever the contract lets them in for.
    pub(crate) authorization: Option<Spanned<AuthorizationWritten>>,
    /// Who may use the operations of administrators. Default: none is one, and a contract that marks one is refused.
    pub(crate) admin_operations: Option<Spanned<AdminOperationsWritten>>,
    /// The policy of the whole API. The contract's `x-portcullis` goes before it.
    #[serde(default)]
    pub(crate) policy: Policy,
}

/// What the controls do: in the configuration for an API, and as `x-portcullis` in the contract for all of it (at the
/// root), for a path or for an operation. The nearest to the operation wins, setting by setting.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// Whether each control enforces, observes or is off. Default: all enforce.
    #[serde(default)]
    pub(crate) modes: Modes,
    /// The names of the listeners through which it is reached; through any other it is as if it did not exist. Default: all.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) listeners: Option<Vec<Spanned<Name>>>,
    /// Which addresses may call. The lists of all levels hold, so an inner one only narrows.
    pub(crate) addresses: Option<Addresses>,
    /// Which pages of other origins may use it. Without this, answers say nothing of origins.
    pub(crate) cors: Option<Cors>,
    /// What happens to what the contract does not declare, by location.
    #[serde(default)]
    pub(crate) undeclared: Undeclared,
    /// How answers are judged.
    #[serde(default)]
    pub(crate) response: Response,
    /// How large a request's body may be, after decoding. Default: 1MiB.
    pub(crate) body_bytes_max: Option<Size>,
    /// How large the files of a `multipart/form-data` body may be together, on top of `body_bytes_max`. Files are then passed on
    /// as they come, as soon as the parts before them conform: so fields have to come first. Default: a body with files is held
    /// whole, and `body_bytes_max` is for all of it.
    pub(crate) file_bytes_max: Option<Size>,
    /// Marks an operation that takes a password, a code or another secret to guess: rate limits start stricter.
    pub(crate) authentication: Option<bool>,
    /// Marks an operation where users log in: only there a user name and a password are taken as HTTP Basic, and it counts as
    /// `authentication` unless that is said otherwise. Every other operation takes the tokens that are issued there.
    pub(crate) login: Option<bool>,
    /// Marks an operation of administrators, which `admin_operations` of the API says who may use. Default: false.
    pub(crate) admin: Option<bool>,
    /// How well, and how lately, the subject of an access token has to have proved itself (RFC 9470). Without it, the token is enough.
    pub(crate) step_up: Option<StepUpWritten>,
    /// The resources that a request names, each of which its caller has to be permitted. Those of the levels add up. Default: none.
    #[schemars(length(max = 16))]
    pub(crate) resources: Option<Vec<ResourceWritten>>,
    /// Values of a request that those who decide are told, as `context.request`, by the names that they have there. Those of the levels add
    /// up; one of the same name replaces that of the outer level. 16 at most. Default: none.
    pub(crate) context: Option<BTreeMap<String, Spanned<ValueWritten>>>,
    /// How its answer lists resources, of which it leaves with those that its caller may see. Default: it leaves whole.
    pub(crate) collection: Option<CollectionWritten>,
    /// Relations that the gate learns from successful answers: whoever creates an object owns it. Default: none.
    pub(crate) relations: Option<LearningWritten>,
    /// How its requests are recorded in the audit log. Default: as `audit_log` beside `apis` says.
    pub(crate) audit_log: Option<AuditPolicyWritten>,
    /// Rate limits. Those of the levels add up; one of the same name replaces that of the outer level.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(crate) rate_limits: Vec<Spanned<RateLimit>>,
    /// How long the upstream may take.
    #[serde(default)]
    pub(crate) timeouts: Timeouts,
    /// WebSockets, for operations that declare an answer 101. Without it none is opened.
    pub(crate) websocket: Option<Websocket>,
    /// Whether a request may be sent to the upstream once more after a failure, where `retries` of the upstream allow it.
    /// Default: idempotent.
    pub(crate) retry: Option<Retry>,
    /// Claims that no JWT in an answer may carry. Default: names of personal data, such as `email` and `birthdate`.
    #[schemars(length(max = 256))]
    pub(crate) sensitive_claims: Option<Vec<String>>,
}

/// Whether a request may be sent to the upstream once more after a failure.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Retry {
    /// If its method is idempotent: GET, HEAD, OPTIONS, PUT or DELETE; others only if no endpoint has seen it.
    Idempotent,
    /// Whatever its method is: twice does no harm.
    Always,
    /// Never.
    Never,
}

/// Whether each control enforces, observes or is off.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Modes {
    /// Requests are held against the contract.
    pub(crate) contract_in: Option<Mode>,
    /// Answers are held against the contract.
    pub(crate) contract_out: Option<Mode>,
    /// Callers are held against the list of addresses of this level, and of inner ones.
    pub(crate) addresses: Option<Mode>,
    /// Callers are held against roles, policies and relations.
    pub(crate) authorization: Option<Mode>,
    /// What pages of other origins send to change something is refused.
    pub(crate) cors: Option<Mode>,
    /// Requests are counted.
    pub(crate) rate_limits: Option<Mode>,
    /// Secrets in a URL are refused.
    pub(crate) url_secrets: Option<Mode>,
    /// JWTs in answers are decoded and their claims judged.
    pub(crate) response_tokens: Option<Mode>,
}

/// What a control does with its judgement.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It refuses.
    #[default]
    Enforce,
    /// It records what it would have refused, and lets it pass.
    Observe,
    /// It does not judge.
    Off,
}

/// What happens to what the contract does not declare, by location.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undeclared {
    /// Query parameters. Default: refuse.
    pub(crate) query: Option<UndeclaredAction>,
    /// Headers, apart from those of HTTP itself. Default: strip.
    pub(crate) header: Option<UndeclaredAction>,
    /// Cookies. Default: strip.
    pub(crate) cookie: Option<UndeclaredAction>,
    /// Properties of JSON bodies. Default: refuse.
    pub(crate) body: Option<UndeclaredAction>,
}

/// What happens to something that is not declared.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UndeclaredAction {
    /// The request is refused.
    Refuse,
    /// It is left out of what is forwarded.
    Strip,
    /// It is forwarded.
    Allow,
}

/// How answers are judged.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    /// What happens to an answer that is not as the contract says. Default: strip.
    pub(crate) action: Option<ResponseAction>,
    /// What happens to a body over `body_bytes_max`. Default: stream.
    pub(crate) oversize: Option<Oversize>,
    /// How large a body is judged. Default: 1MiB.
    pub(crate) body_bytes_max: Option<Size>,
}

/// What happens to an answer that is not as the contract says.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseAction {
    /// Undeclared properties are left out; any other violation blocks.
    Strip,
    /// The caller gets 502 instead.
    Block,
    /// It passes, and is recorded.
    Observe,
}

/// What happens to a body that is too large to be judged.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Oversize {
    /// It passes as it comes, counted as not judged.
    Stream,
    /// The caller gets 502 instead.
    Block,
}

/// How long the upstream may take.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timeouts {
    /// Until its answer begins. Default: the upstream's.
    pub(crate) first_byte_seconds_max: Option<Seconds>,
    /// Until its answer has ended; event streams are exempt. Default: the upstream's.
    pub(crate) total_seconds_max: Option<Seconds>,
    /// Until an event stream is ended, whatever it carries. Default: 3600.
    pub(crate) event_stream_seconds_max: Option<Seconds>,
}

/// One rate limit: so many requests in a window for each value of its key (generic cell rate algorithm).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimit {
    /// The limit's name, unique at its level.
    pub(crate) name: Spanned<Name>,
    /// What is counted by; several parts make one key of all of them. Default: address.
    #[schemars(length(min = 1, max = 8))]
    pub(crate) key: Option<Vec<KeyPart>>,
    /// How many requests.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(crate) requests: u32,
    /// In which window, such as `1s` or `15m`.
    pub(crate) per: Window,
    /// How many may come at once. Default: `requests`.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(crate) burst: Option<u32>,
    /// Which requests count. Default: all.
    pub(crate) count: Option<Counted>,
    /// Counts together with every limit of this shared name, over operations, APIs and hosts.
    pub(crate) shared: Option<Name>,
    /// Tells values apart by their spelling. Default: false; case and spaces around a text do not count, and numbers are
    /// compared by value.
    pub(crate) exact: Option<bool>,
    /// This limit's own mode. Default: that of the control.
    pub(crate) mode: Option<Mode>,
}
