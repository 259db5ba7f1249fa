//! Where other services ask what the callers of an API may do, as it is written and settled: an API of the gate's own, whose contract it
//! brings along.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address_list;
use super::api::{self, Api, Behind, References};
use super::contract::Source;
use super::listen::{self, Listener};
use super::policy;
use super::problems::Problems;
use super::raw::{self, UndeclaredAction};
use super::security::{self, Authorities, SchemeWritten, Schemes, Verifier};
use super::spanned::Spanned;
use super::text::{Host, Name, Origin};
use super::upstream_identity::UpstreamIdentity;

/// Where other services ask what the callers of an API may do: a policy decision point as AuthZEN 1.0 has it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionPointWritten {
    /// Its name in logs and metrics, as that of an API.
    pub(crate) name: Spanned<Name>,
    /// The API whose `authorization` decides, by its name.
    #[serde(rename = "for")]
    pub(crate) of: Spanned<Name>,
    /// The origin under which it is reached, such as `https://pdp.example.com`, which its metadata names. Default: none, and no metadata.
    pub(crate) url: Option<Spanned<Origin>>,
    /// Who may ask: by names of your choice, what verifies a credential. API keys stand in the header field `X-API-Key`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SchemeWritten>", length(max = 64))]
    pub(crate) security_schemes: BTreeMap<String, Spanned<SchemeWritten>>,
    /// The scopes that a credential needs, all of them. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) scopes: Vec<String>,
    /// Lets everybody ask who reaches it, which has to be at loopback addresses.
    #[serde(default)]
    pub(crate) dangerous_unauthenticated: bool,
    /// Says why with each decision, as `reason_admin`: the names of the rules that decided.
    #[serde(default)]
    pub(crate) reasons: bool,
    /// What those who ask call the types of subjects, and what policies call them: `{user: User}`. Default: the same.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) subject_types: BTreeMap<String, Spanned<String>>,
    /// What those who ask call the types of resources, and what policies call them: `{account: Account}`. Default: the same.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) resource_types: BTreeMap<String, Spanned<String>>,
    /// The values of `Host` that are served. Default: the host of `url`, the addresses listened on and the names of loopback.
    pub(crate) hosts: Option<Vec<Spanned<Host>>>,
    /// Serves every value of `Host`.
    #[serde(default)]
    pub(crate) dangerous_any_host: bool,
    /// Its policy, as that of an API: listeners, addresses, rate limits.
    #[serde(default)]
    pub(crate) policy: raw::Policy,
}

/// What the gate itself answers.
#[derive(Clone, Debug)]
pub(crate) struct DecisionPoint {
    /// The API whose callers are asked about.
    pub(crate) of: Spanned<String>,
    /// Its origin, where it says who it is.
    pub(crate) url: Option<String>,
    /// What a credential needs.
    pub(crate) scopes: Vec<String>,
    /// Whether it says why.
    pub(crate) reasons: bool,
    /// What those who ask call the types of subjects, and what policies do.
    pub(crate) subject_types: BTreeMap<String, Spanned<String>>,
    /// What those who ask call the types of resources, and what policies do.
    pub(crate) resource_types: BTreeMap<String, Spanned<String>>,
}

/// Where it could be reached.
#[derive(Clone, Copy)]
pub(super) struct Site<'s> {
    /// The names of all listeners.
    pub(super) names: &'s [String],
    /// The listeners.
    pub(super) listen: &'s [Listener],
}

impl<'s> Site<'s> {
    /// These, by their names.
    pub(super) fn of(names: &'s [String], listen: &'s [Listener]) -> Self {
        Self { names, listen }
    }
}

impl DecisionPoint {
    /// The API that it is. Paths are relative to `directory`.
    pub(super) fn lower(
        written: Spanned<DecisionPointWritten>,
        directory: &Path,
        site: Site<'_>,
        authorities: Authorities<'_>,
        problems: &mut Problems<'_>,
    ) -> Api {
        let Spanned { value: mut raw, span } = written;
        policy::check(&raw.policy, problems);
        listen::check_names(raw.policy.listeners.as_deref(), site.names, problems);
        address_list::locate(&mut raw.policy, directory);
        // Members that AuthZEN does not know may stand in what is asked, and mean nothing.
        raw.policy.undeclared.body.get_or_insert(UndeclaredAction::Strip);
        let is_unauthenticated = raw.dangerous_unauthenticated;
        let security_schemes = security::lower(raw.security_schemes, authorities, problems);
        match security_schemes.is_empty() {
            true if is_unauthenticated => check_loopback(span, &raw.policy, site.listen, problems),
            true => {
                let message = "nobody is asked who they are, so anybody could find out who may do what";
                problems.error(
                    span,
                    message,
                    "name who may ask: `security_schemes: {keys: {api_keys: true}}`",
                );
            }
            false => check_schemes(&security_schemes, is_unauthenticated, span, problems),
        }
        Api {
            name: raw.name.value.0,
            name_span: raw.name.span,
            contract: Source::Own,
            folder: None,
            overlays: Vec::new(),
            contract_span: span,
            references: References::default(),
            behind: Behind::DecisionPoint(Self {
                of: Spanned {
                    value: raw.of.value.0,
                    span: raw.of.span,
                },
                url: raw.url.map(|url| checked_url(url, problems)),
                scopes: raw.scopes,
                reasons: raw.reasons,
                subject_types: raw.subject_types,
                resource_types: raw.resource_types,
            }),
            hosts: api::lower_hosts(raw.hosts.as_deref(), raw.dangerous_any_host, problems),
            base_paths: None,
            limits_of: None,
            listeners: site.names.to_vec(),
            security_schemes,
            unverified_schemes: false,
            upstream_identity: UpstreamIdentity::default(),
            authorization: None,
            admin_operations: None,
            policy: raw.policy,
        }
    }
}

/// Metadata that can be changed on its way leads those who ask to somebody else (AuthZEN, section 9.2).
fn checked_url(url: Spanned<Origin>, problems: &mut Problems<'_>) -> String {
    if !url.value.0.starts_with("https:") {
        let message = format!("`{}` is not reached over TLS", url.value.0);
        problems.error(
            url.span,
            message,
            "write the origin that those who ask use, with `https:`",
        );
    }
    url.value.0
}

/// What is open to everybody is reached from this machine alone.
fn check_loopback(span: Span, policy: &raw::Policy, listen: &[Listener], problems: &mut Problems<'_>) {
    let named = policy.listeners.as_deref();
    let reaches = |listener: &&Listener| {
        let is = |name: &Spanned<Name>| listener.name.as_deref() == Some(name.value.0.as_str());
        named.is_none_or(|named| named.iter().any(is))
    };
    let mut public = listen.iter().filter(reaches).map(|listener| listener.address);
    if let Some(address) = public.find(|address| !address.ip().is_loopback()) {
        let message = format!("everybody may ask, and `{address}` is not loopback");
        let help = "name who may ask in `security_schemes`, or a listener at a loopback address in `policy.listeners`";
        problems.error(span, message, help);
    }
}

fn check_schemes(schemes: &Schemes, is_unauthenticated: bool, span: Span, problems: &mut Problems<'_>) {
    if is_unauthenticated {
        let message = "`security_schemes` say who may ask, and `dangerous_unauthenticated` that everybody may";
        problems.error(span, message, "take one of the two out");
    }
    for (name, scheme) in schemes {
        let message = match scheme.value.verifier {
            Verifier::Users(_) => format!("`{name}` takes passwords, which are for logins"),
            Verifier::Upstream => format!("nobody verifies `{name}`: there is no upstream"),
            _ if scheme.value.forward => format!("`{name}` goes nowhere: there is no upstream"),
            _ => continue,
        };
        let help = "name `api_keys`, `issuers`, `own_tokens`, `signers` or `client_certificates`, and nothing else";
        problems.error(scheme.span, message, help);
    }
}
