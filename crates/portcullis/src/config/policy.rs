//! The policy of one operation, settled from its layers: the contract's `x-portcullis` at the operation, at its path
//! and at the root, then the API's `policy` in the configuration, then the defaults.
//!
//! Both places are read by one definition ([`raw::Policy`]) from the same kind of tree.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_contract::document::{Node, Value};
use portcullis_gateway::forward::Limits;
use portcullis_identity::step_up::StepUp;

use super::address_list::{self, AddressRule};
use super::audit_log::{AuditPolicy, AuditPolicyWritten};
use super::authorization::{Resource, ResourceWritten};
use super::checked::{duplicates, time};
use super::collection::{Collection, CollectionWritten};
use super::cors::{self, Sharing};
use super::learning::Learning;
use super::problems::Problems;
use super::rate_limit::{self, RateLimit};
use super::raw::{self, Mode, Oversize, ResponseAction, Retry, UndeclaredAction};
use super::spanned::Spanned;
use super::text::Size;
use super::value::{self, ValueWritten};
use super::websocket;
use super::{schema, shape, tree};

/// The name of the contract's extension.
pub(crate) const EXTENSION: &str = "x-portcullis";

/// Members of the extension that are for the audit of a contract, and say nothing to the gate: why an operation is open to
/// everybody, and which findings are accepted.
pub(crate) const OF_AUDIT: [&str; 2] = ["public", "accept"];

/// What the controls do for one operation.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Each control's mode.
    pub(crate) modes: Modes,
    /// The listeners through which it is reached; `None`: all.
    pub(crate) listeners: Option<Vec<String>>,
    /// The lists that a caller's address has to be on, the outermost first.
    pub(crate) addresses: Vec<AddressRule>,
    /// Which pages of other origins may use it; `None`: nothing is said of origins.
    pub(crate) cors: Option<Sharing>,
    /// What happens to what the contract does not declare.
    pub(crate) undeclared: Undeclared,
    /// How answers are judged.
    pub(crate) response: Response,
    /// How large a request's body may be, decoded.
    pub(crate) body_bytes_max: u64,
    /// How large the files of a form may be that are streamed; `None`: none are.
    pub(crate) file_bytes_max: Option<u64>,
    /// Whether users log in here, and so passwords are taken.
    pub(crate) login: bool,
    /// Whether the contract marks it as one for administrators.
    pub(crate) admin: bool,
    /// How well the subject of a token has to have proved itself; `None`: the token is enough.
    pub(crate) step_up: Option<StepUp>,
    /// The resources that a request names.
    pub(crate) resources: Vec<Resource>,
    /// What those who decide are told of a request besides, in the order of the names.
    pub(crate) context: Vec<value::Value>,
    /// How its answer lists resources; `None`: it leaves whole.
    pub(crate) collection: Option<Collection>,
    /// What is learnt of relations from its answers.
    pub(crate) learning: Option<Learning>,
    /// How its requests are recorded.
    pub(crate) audit_log: AuditPolicy,
    /// All that apply, those of outer layers first; names all different.
    pub(crate) rate_limits: Vec<RateLimit>,
    /// Until the upstream's answer begins; `None`: as the upstream says.
    pub(crate) first_byte_time_max: Option<Duration>,
    /// Until the upstream's answer has ended; `None`: as the upstream says.
    pub(crate) total_time_max: Option<Duration>,
    /// Until an event stream is ended.
    pub(crate) event_stream_time_max: Duration,
    /// Its WebSockets, if it opens any.
    pub(crate) websocket: Option<websocket::Settled>,
    /// Whether a request may be sent once more.
    pub(crate) retry: Retry,
    /// Claims that no JWT in an answer may carry.
    pub(crate) sensitive_claims: Vec<String>,
}

impl Policy {
    /// Keeps of the listeners those that are among these as well.
    pub(crate) fn narrow_listeners(&mut self, outer: Option<Vec<String>>) {
        if let (Some(listeners), Some(outer)) = (&mut self.listeners, outer) {
            listeners.retain(|listener| outer.contains(listener));
        }
    }
}

/// Each control's mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modes {
    pub(crate) contract_in: Mode,
    /// `observe` too where the response's action is.
    pub(crate) contract_out: Mode,
    pub(crate) authorization: Mode,
    pub(crate) cors: Mode,
    pub(crate) rate_limits: Mode,
    pub(crate) url_secrets: Mode,
    pub(crate) response_tokens: Mode,
}

/// What happens to what the contract does not declare, by location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undeclared {
    pub(crate) query: UndeclaredAction,
    pub(crate) header: UndeclaredAction,
    pub(crate) cookie: UndeclaredAction,
    pub(crate) body: UndeclaredAction,
}

/// How answers are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// Whether undeclared properties are left out (otherwise they block).
    pub(crate) strip: bool,
    /// Whether a body over the bound passes unjudged (otherwise it blocks).
    pub(crate) stream_oversize: bool,
    /// How large a body is judged, decoded.
    pub(crate) body_bytes_max: u64,
}

/// The policy that stands beside a value of the contract as `x-portcullis`; the empty one where none does, or where it
/// cannot be read, which is a problem then.
pub(crate) fn extension(node: &Node, problems: &mut Problems<'_>) -> raw::Policy {
    let Some(written) = node.get(EXTENSION) else {
        return raw::Policy::default();
    };
    let mut of_gate = written.clone();
    if let Value::Object(members) = &mut of_gate.value {
        members.members.retain(|name, _| !OF_AUDIT.contains(&&**name));
    }
    self::written(&of_gate, problems)
}

/// The policy that is written as this value.
pub(crate) fn written(written: &Node, problems: &mut Problems<'_>) -> raw::Policy {
    let mut written = written.clone();
    if !shape::keep(&mut written, schema::policy(), "`x-portcullis`", problems) {
        return raw::Policy::default();
    }
    match tree::read::<raw::Policy>(&written) {
        Ok(policy) => {
            check(&policy, problems);
            address_list::check_in_contract(&policy, problems);
            policy
        }
        Err(unreadable) => {
            problems.error(unreadable.span.unwrap_or(written.span), unreadable.message, "");
            raw::Policy::default()
        }
    }
}

/// Reports what is wrong within one layer.
pub(super) fn check(layer: &raw::Policy, problems: &mut Problems<'_>) {
    let names = layer
        .rate_limits
        .iter()
        .map(|limit| (limit.value.name.value.0.as_str(), limit.value.name.span));
    duplicates("rate limit", names, problems);
    cors::check(layer, problems);
    if let Some(step_up) = &layer.step_up {
        step_up.check(problems);
    }
    for resource in layer.resources.iter().flatten() {
        resource.check(problems);
    }
    if let Some(values) = &layer.context {
        ValueWritten::check(values, problems);
    }
    if let Some(audited) = &layer.audit_log {
        audited.check(problems);
    }
    if let Some(learning) = &layer.relations {
        learning.check(problems);
    }
    for limit in &layer.rate_limits {
        rate_limit::check(&limit.value, problems);
    }
}

/// Settles the layers of one operation, the outermost first: the API's in the configuration, the contract's root, the path,
/// the operation.
pub(crate) fn settle(layers: &[&raw::Policy]) -> Policy {
    let inner = Layers(layers);
    let action = inner
        .last(|layer| layer.response.action)
        .unwrap_or(ResponseAction::Strip);
    let login = inner.last(|layer| layer.login).unwrap_or(false);
    let authentication = inner.last(|layer| layer.authentication).unwrap_or(login);
    Policy {
        modes: inner.modes(action),
        listeners: inner.last(Layers::listeners),
        addresses: address_list::settle(layers),
        cors: cors::settle(layers),
        undeclared: inner.undeclared(),
        response: Response {
            strip: action != ResponseAction::Block,
            stream_oversize: inner.last(|layer| layer.response.oversize) != Some(Oversize::Block),
            body_bytes_max: inner.size(|layer| layer.response.body_bytes_max),
        },
        body_bytes_max: inner.size(|layer| layer.body_bytes_max),
        file_bytes_max: inner.last(|layer| layer.file_bytes_max).map(|size| size.0),
        login,
        admin: inner.last(|layer| layer.admin).unwrap_or(false),
        step_up: inner
            .last(|layer| layer.step_up.clone())
            .and_then(|written| written.settle()),
        resources: inner.resources(),
        context: inner.context(),
        collection: inner.last(|layer| layer.collection.as_ref().map(CollectionWritten::settle)),
        learning: inner
            .last(|layer| layer.relations.clone())
            .and_then(|written| written.settle()),
        audit_log: inner.audit_log(),
        rate_limits: rate_limit::settle(layers, authentication),
        first_byte_time_max: inner
            .last(|layer| layer.timeouts.first_byte_seconds_max)
            .map(Duration::from),
        total_time_max: inner.last(|layer| layer.timeouts.total_seconds_max).map(Duration::from),
        event_stream_time_max: time(
            inner.last(|layer| layer.timeouts.event_stream_seconds_max),
            Limits::default().event_stream_time_max,
        ),
        websocket: inner.last(|layer| layer.websocket.as_ref().map(websocket::Websocket::settle)),
        retry: inner.last(|layer| layer.retry).unwrap_or(Retry::Idempotent),
        sensitive_claims: inner
            .last(|layer| layer.sensitive_claims.clone())
            .unwrap_or_else(sensitive_claims),
    }
}

/// The layers, outermost first.
struct Layers<'l>(&'l [&'l raw::Policy]);

impl Layers<'_> {
    /// The innermost layer that says something wins.
    fn last<T>(&self, of: impl Fn(&raw::Policy) -> Option<T>) -> Option<T> {
        self.0.iter().rev().find_map(|layer| of(layer))
    }

    /// Each layer says what it says of those outside of it.
    fn audit_log(&self) -> AuditPolicy {
        let said = self.0.iter().filter_map(|layer| layer.audit_log.as_ref());
        let said = said.map(AuditPolicyWritten::settle);
        said.fold(AuditPolicy::default(), |outer, inner| inner.within(&outer))
    }

    fn modes(&self, action: ResponseAction) -> Modes {
        let mode = |of: fn(&raw::Modes) -> Option<Mode>| self.last(|layer| of(&layer.modes)).unwrap_or_default();
        let contract_out = match (mode(|modes| modes.contract_out), action) {
            (Mode::Enforce, ResponseAction::Observe) => Mode::Observe,
            (mode, _) => mode,
        };
        Modes {
            contract_in: mode(|modes| modes.contract_in),
            contract_out,
            authorization: mode(|modes| modes.authorization),
            cors: mode(|modes| modes.cors),
            rate_limits: mode(|modes| modes.rate_limits),
            url_secrets: mode(|modes| modes.url_secrets),
            response_tokens: mode(|modes| modes.response_tokens),
        }
    }

    fn listeners(layer: &raw::Policy) -> Option<Vec<String>> {
        let names = layer.listeners.as_ref()?.iter();
        Some(names.map(|name| name.value.0.clone()).collect())
    }

    /// Those of all levels: what a path names, none of its operations forgets.
    fn resources(&self) -> Vec<Resource> {
        let written = self.0.iter().flat_map(|layer| layer.resources.iter().flatten());
        let mut resources: Vec<Resource> = Vec::new();
        for resource in written.filter_map(ResourceWritten::settle) {
            let is_known = |known: &Resource| known.kind.value == resource.kind.value && known.place == resource.place;
            match resources.iter_mut().find(|known| is_known(known)) {
                Some(known) => known.optional &= resource.optional,
                None => resources.push(resource),
            }
        }
        resources
    }

    /// Those of all levels, the innermost of each name.
    fn context(&self) -> Vec<value::Value> {
        let written = self.0.iter().flat_map(|layer| layer.context.iter().flatten());
        let by_name: BTreeMap<&String, &Spanned<ValueWritten>> = written.collect();
        let settled = by_name.into_iter();
        settled
            .filter_map(|(name, value)| ValueWritten::settle(name, value))
            .collect()
    }

    /// Browsers and libraries send header fields and cookies of their own accord, so those are left out rather than refused.
    fn undeclared(&self) -> Undeclared {
        let action = |of: fn(&raw::Undeclared) -> Option<UndeclaredAction>| self.last(|layer| of(&layer.undeclared));
        Undeclared {
            query: action(|undeclared| undeclared.query).unwrap_or(UndeclaredAction::Refuse),
            header: action(|undeclared| undeclared.header).unwrap_or(UndeclaredAction::Strip),
            cookie: action(|undeclared| undeclared.cookie).unwrap_or(UndeclaredAction::Strip),
            body: action(|undeclared| undeclared.body).unwrap_or(UndeclaredAction::Refuse),
        }
    }

    fn size(&self, of: impl Fn(&raw::Policy) -> Option<Size>) -> u64 {
        self.last(of).map_or(1 << 20, |size| size.0)
    }
}

/// Registered and common claims that carry personal data or secrets (OpenID Connect Core 1.0 §5.1).
fn sensitive_claims() -> Vec<String> {
    let names = [
        "email",
        "phone_number",
        "birthdate",
        "address",
        "gender",
        "password",
        "password_hash",
        "secret",
        "ssn",
        "iban",
        "credit_card",
    ];
    names.map(str::to_owned).to_vec()
}
