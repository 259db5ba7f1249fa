//! From APIs as they are configured to the route table.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::{TypeSet, Undeclared};
use portcullis_contract::conform::operation::Operation as Declared;
use portcullis_contract::conform::parameter::Encoding;
use portcullis_decision::words::{Action, Resource};
use portcullis_gateway::decisions::API;
use portcullis_gateway::failures::Failures;
use portcullis_gateway::limit::Limiter;
use portcullis_gateway::limit::target::Pointer;
use portcullis_gateway::metrics::Registry;
use portcullis_gateway::policy::{
    Access as Proof, Admins, AnswerRules, Collection, Cors, Decided, Decisions, Levels, Mode, Modes, Named, Path,
    Place, Policy, Repeat, Spelling, Valued,
};
use portcullis_gateway::routes::{Api, Behind, Hosts, Operation, Routes};
use portcullis_gateway::websocket;

use super::access::{Access, sharing};
use super::identity::{self, Signs};
use super::recording::recording;
use super::upstreams::Upstreams;
use super::versions::Versions;
use super::{StartError, learning, limits, proof};
use crate::address_files::AddressFiles;
use crate::config::admin_operations::AdminOperations;
use crate::config::api;
use crate::config::audit_log::AuditLog;
use crate::config::authorization;
use crate::config::checked::Configuration;
use crate::config::listen::Listener;
use crate::config::policy::{self, Policy as Settled};
use crate::config::raw::{Retry, UndeclaredAction};
use crate::config::value::Value;
use crate::config::{self, raw};
use crate::contracts::{Loaded, admin, values, websockets};
use crate::decision_points::Settled as Asked;
use crate::verifiers::Verifiers;

/// The names by which a machine calls itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The sockets that there are, what the files of lists say, and what verifies credentials.
#[derive(Clone, Copy)]
pub(super) struct Site<'s> {
    /// The listeners that are bound.
    pub(super) listeners: &'s [Listener],
    /// The addresses that they got.
    pub(super) addresses: &'s [SocketAddr],
    /// The files of address lists.
    pub(super) files: &'s AddressFiles,
    /// What verifies credentials.
    pub(super) verifiers: &'s Verifiers,
    /// Who else is asked when something is decided.
    pub(super) asked: &'s Asked,
    /// With what tokens for upstreams are signed.
    pub(super) signs: Signs<'s>,
    /// How requests are recorded; none: they are not.
    pub(super) audit_log: Option<&'s AuditLog>,
}

/// The route table of a configuration.
///
/// # Errors
/// [`StartError::Limits`] or [`StartError::Setting`].
pub(super) fn table(
    configuration: &Configuration,
    site: Site<'_>,
    apis: Vec<Loaded>,
    limiter: &Limiter,
    registry: &Registry,
    upstreams: &mut Upstreams,
) -> Result<Routes, StartError> {
    let arrival = limits::arrival(configuration.arrival_limit).map_err(StartError::Setting)?;
    let arrival = limiter.compile(vec![arrival]).map_err(StartError::Limits)?;
    let quotas = limits::failures(configuration).map_err(StartError::Setting)?;
    let failures = Failures::new(limiter, quotas).map_err(StartError::Limits)?;
    upstreams.begin();
    let mut access = Access::new(&configuration.addresses, site.listeners, site.files);
    let mut versions = Versions::default();
    let mut building = Building {
        addresses: site.addresses,
        verifiers: site.verifiers,
        asked: site.asked,
        signs: site.signs,
        audit_log: site.audit_log,
        access: &mut access,
        versions: &mut versions,
        limiter,
        registry,
    };
    let build = |loaded| building.api(loaded, upstreams);
    let apis = apis.into_iter().map(build).collect::<Result<_, _>>()?;
    Ok(Routes::new(apis, arrival, failures))
}

/// What building APIs needs, and what they share.
struct Building<'b, 'g> {
    addresses: &'b [SocketAddr],
    verifiers: &'b Verifiers,
    asked: &'b Asked,
    signs: Signs<'b>,
    audit_log: Option<&'b AuditLog>,
    access: &'b mut Access<'g>,
    versions: &'b mut Versions,
    limiter: &'b Limiter,
    registry: &'b Registry,
}

impl Building<'_, '_> {
    fn api(&mut self, loaded: Loaded, upstreams: &mut Upstreams) -> Result<Api, StartError> {
        let Loaded {
            api,
            contract,
            policies,
            decisions,
            point,
            granted,
            outer_policy,
            tls,
            ..
        } = loaded;
        let elsewhere = self.asked.of(&api.name);
        if elsewhere.is_none() && decisions.as_ref().is_some_and(|decisions| decisions.asks_others()) {
            let message = format!("nobody is asked who has a say in what callers of `{}` may do", api.name);
            return Err(StartError::Setting(message));
        }
        let mut operations = Vec::new();
        for (declared, policy) in contract.operations.iter().zip(&policies) {
            let decided = decisions
                .as_ref()
                .map(|by| decided(by, &api.name, &contract, declared, policy));
            let mut decided = decided.transpose().map_err(StartError::Setting)?;
            if let Some(decided) = &mut decided {
                decided.elsewhere.clone_from(&elsewhere);
            }
            let admins = admin::of(&api, declared, policy).map(admins);
            let mut operation = self.operation(&api, &contract, declared, policy)?;
            let lesson = learning::lesson(granted.as_ref(), policy.learning.as_ref(), &contract, declared);
            let recording = recording(self.audit_log, &policy.audit_log, declared);
            operation.policy = Policy {
                recording: recording.map_err(StartError::Setting)?,
                decided,
                admins,
                lesson: lesson.map_err(StartError::Setting)?,
                ..operation.policy
            };
            operations.push(operation);
        }
        let identity = self.signs.told(&api.upstream_identity);
        let rules = identity::rules(&api.upstream_identity, identity.as_deref());
        let behind = match (&api.behind, point) {
            (_, Some(point)) => {
                let elsewhere = self.asked.of(point.api());
                Behind::DecisionPoint(Arc::new(Arc::unwrap_or_clone(point).asking(elsewhere)))
            }
            (api::Behind::Upstream(upstream), None) => {
                Behind::Upstream(Arc::new(upstreams.upstream(&api.name, upstream, rules, tls)?))
            }
            (api::Behind::DecisionPoint(_), None) => {
                let message = format!("nobody decides for the decision point `{}`", api.name);
                return Err(StartError::Setting(message));
            }
        };
        Ok(Api {
            hosts: hosts(&api.hosts, &contract, self.addresses),
            cors: self.cors(&outer_policy)?,
            name: api.name.into(),
            contract: Arc::new(contract),
            operations,
            behind,
            identity,
        })
    }

    fn operation(
        &mut self,
        api: &api::Api,
        contract: &Contract,
        declared: &Declared,
        policy: &Settled,
    ) -> Result<Operation, StartError> {
        let counted_as = api.limits_of.as_ref().map_or(&api.name, |of| &of.value);
        let id = self.versions.name(counted_as, declared);
        let own = limits::of_operation(counted_as, &id, contract, declared, policy).map_err(StartError::Setting)?;
        Ok(Operation {
            policy: self.policy(policy, declared, proof::access(api, contract, declared, self.verifiers))?,
            limits: self.limiter.compile(own).map_err(StartError::Limits)?,
            metrics: self.registry.operation(&api.name, &declared.name()),
        })
    }

    /// Every setting by its name: one that is forgotten does not compile.
    fn policy(&mut self, settled: &Settled, declared: &Declared, access: Proof) -> Result<Policy, StartError> {
        Ok(Policy {
            modes: modes(settled.modes),
            access: Arc::new(access),
            decided: None,
            admins: None,
            lesson: None,
            recording: None,
            step_up: settled.step_up.clone(),
            listeners: self.access.listeners(settled.listeners.as_deref()),
            addresses: self.access.rules(&settled.addresses),
            cors: self.cors(settled)?,
            undeclared: levels(settled.undeclared),
            answer: AnswerRules {
                strip: settled.response.strip,
                stream_oversize: settled.response.stream_oversize,
                body_bytes_max: held(settled.response.body_bytes_max),
            },
            body_bytes_max: held(settled.body_bytes_max),
            file_bytes_max: settled.file_bytes_max,
            head_time_max: settled.first_byte_time_max,
            total_time_max: settled.total_time_max,
            event_stream_time_max: settled.event_stream_time_max,
            websocket: settled
                .websocket
                .as_ref()
                .filter(|_| websockets::declares(declared))
                .map(websocket),
            repeat: repeat(settled.retry),
            sensitive_claims: settled
                .sensitive_claims
                .iter()
                .map(|claim| claim.as_str().into())
                .collect(),
        })
    }

    fn cors(&self, policy: &Settled) -> Result<Option<Arc<Cors>>, StartError> {
        policy
            .cors
            .as_ref()
            .map(sharing)
            .transpose()
            .map_err(StartError::Setting)
    }
}

/// How an operation is decided on.
///
/// # Errors
/// A place that was not checked before.
fn decided(
    by: &Arc<Decisions>,
    api: &str,
    contract: &Contract,
    declared: &Declared,
    policy: &Settled,
) -> Result<Decided, String> {
    let named = |resource: &authorization::Resource| {
        let read = named(contract, declared, &resource.kind.value, &resource.place)?;
        Ok(Named {
            optional: resource.optional,
            ..read
        })
    };
    Ok(Decided {
        by: Arc::clone(by),
        action: Action::new(declared.name()),
        api: Resource::new(API, api),
        resources: policy.resources.iter().map(named).collect::<Result<_, String>>()?,
        values: policy
            .context
            .iter()
            .map(|value| valued(contract, declared, value))
            .collect::<Result<_, String>>()?,
        collection: policy
            .collection
            .as_ref()
            .map(|listed| collection(listed, declared))
            .transpose()?,
        elsewhere: None,
    })
}

/// How the answers of an operation list resources.
///
/// # Errors
/// A pointer that was not checked before.
fn collection(settled: &config::collection::Collection, declared: &Declared) -> Result<Collection, String> {
    let pointer = |text: &String| Pointer::parse(text).map_err(|error| error.to_string());
    let pointers = |texts: &[String]| texts.iter().map(pointer).collect::<Result<_, _>>();
    let attribute = |(name, text): (&String, &String)| Ok((name.as_str().into(), pointer(text)?));
    let own = || declared.name().into_owned();
    Ok(Collection {
        items: pointer(&settled.items)?,
        kind: settled.kind.value.as_str().into(),
        id: Path::parse(&settled.id).map_err(|error| error.to_string())?,
        action: Action::new(settled.action.clone().unwrap_or_else(own)),
        attributes: settled
            .attributes
            .iter()
            .map(attribute)
            .collect::<Result<_, String>>()?,
        counts: pointers(&settled.counts)?,
        links: pointers(&settled.links)?,
    })
}

/// Who may use the operations of administrators.
fn admins(settings: &AdminOperations) -> Arc<Admins> {
    let names = |names: &mut dyn Iterator<Item = &String>| names.map(|name| name.as_str().into()).collect();
    Arc::new(Admins {
        roles: settings
            .roles
            .as_ref()
            .map(|roles| names(&mut roles.iter().map(|role| &role.value))),
        certificates: settings.certificates.as_ref().map(|known| names(&mut known.iter())),
    })
}

/// A resource that a request has to name, as the gate knows it.
///
/// # Errors
/// A place that was not checked before.
pub(super) fn named(
    contract: &Contract,
    declared: &Declared,
    kind: &str,
    place: &authorization::Place,
) -> Result<Named, String> {
    Ok(Named {
        kind: kind.into(),
        place: self::place(place)?,
        optional: false,
        spelling: spelling(contract, declared, place),
    })
}

/// A value that those who decide are told, as the gate knows it.
fn valued(contract: &Contract, declared: &Declared, value: &Value) -> Result<Valued, String> {
    let name = &value.name.value;
    Ok(Valued {
        name: name.as_str().into(),
        place: place(&value.place)?,
        kind: values::kind(contract, declared, value).ok_or_else(|| format!("`{name}` is of no type"))?,
        optional: value.optional,
    })
}

pub(super) fn place(settled: &authorization::Place) -> Result<Place, String> {
    Ok(match settled {
        authorization::Place::Path(name) => Place::Path(name.as_str().into()),
        authorization::Place::Query(name) => Place::Query(name.as_str().into()),
        authorization::Place::Header(name) => Place::Header(name.clone()),
        authorization::Place::Body(path) => Place::Body(Path::parse(path).map_err(|error| error.to_string())?),
    })
}

/// How the name of a resource is spelt. In a JSON body a number is told from a text, and read as such.
fn spelling(contract: &Contract, declared: &Declared, place: &authorization::Place) -> Spelling {
    let types = place.parameter(declared).map(|parameter| match parameter.encoding {
        Encoding::Style { schema, .. } => contract.program.types(schema),
        Encoding::Json(_) | Encoding::Unjudged => TypeSet::ALL,
    });
    match types {
        Some(types) if !types.intersects(TypeSet::NUMBER) => Spelling::Text,
        Some(types) if !types.intersects(TypeSet::STRING) => Spelling::Integer,
        Some(_) => Spelling::Either,
        None => Spelling::Text,
    }
}

/// The expected hosts, without ports: a port is no name, and forwarding often changes it.
fn hosts(configured: &api::Hosts, contract: &Contract, addresses: &[SocketAddr]) -> Hosts {
    let named = |hosts: &mut dyn Iterator<Item = String>| {
        let mut names: Vec<Box<str>> = hosts.map(|host| without_port(&host).into()).collect();
        names.sort_unstable();
        names.dedup();
        Hosts::Only(names)
    };
    match configured {
        api::Hosts::Any => Hosts::Any,
        api::Hosts::Only(hosts) => named(&mut hosts.iter().map(|host| host.value.clone())),
        api::Hosts::FromContract => {
            let servers = contract.servers.iter().filter_map(|server| server.host.clone());
            let own = addresses
                .iter()
                .filter(|address| !address.ip().is_unspecified())
                .map(|address| match address.ip() {
                    IpAddr::V4(address) => address.to_string(),
                    IpAddr::V6(address) => format!("[{address}]"),
                });
            named(&mut servers.chain(own).chain(LOOPBACK.map(str::to_owned)))
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn modes(modes: policy::Modes) -> Modes {
    Modes {
        contract_in: mode(modes.contract_in),
        contract_out: mode(modes.contract_out),
        authorization: mode(modes.authorization),
        cors: mode(modes.cors),
        url_secrets: mode(modes.url_secrets),
        response_tokens: mode(modes.response_tokens),
    }
}

fn levels(undeclared: policy::Undeclared) -> Levels {
    Levels {
        query: level(undeclared.query),
        header: level(undeclared.header),
        cookie: level(undeclared.cookie),
        body: level(undeclared.body),
    }
}

fn repeat(retry: Retry) -> Repeat {
    match retry {
        Retry::Idempotent => Repeat::Idempotent,
        Retry::Always => Repeat::Always,
        Retry::Never => Repeat::Never,
    }
}

/// A size of what is held in memory.
fn held(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn websocket(settled: &config::websocket::Settled) -> websocket::Settings {
    websocket::Settings {
        protocols: settled
            .protocols
            .iter()
            .map(|protocol| protocol.as_str().into())
            .collect(),
        bounds: websocket::Bounds {
            message_bytes_max: settled.message_bytes_max,
            idle_time_max: settled.idle_time_max,
            life_time_max: settled.life_time_max,
        },
    }
}

/// A mode as the gate knows it.
pub(super) fn mode(mode: raw::Mode) -> Mode {
    match mode {
        raw::Mode::Enforce => Mode::Enforce,
        raw::Mode::Observe => Mode::Observe,
        raw::Mode::Off => Mode::Off,
    }
}

fn level(action: UndeclaredAction) -> Undeclared {
    match action {
        UndeclaredAction::Refuse => Undeclared::Refuse,
        UndeclaredAction::Strip => Undeclared::Strip,
        UndeclaredAction::Allow => Undeclared::Allow,
    }
}
