//! The configuration: read once, held against its published schema, and settled into checked values. All problems are
//! reported together, each with its place and the way out.
//!
//! It reads no environment and fetches nothing; contracts are loaded by the commands.

pub(crate) mod acme;
pub(crate) mod address_list;
pub(crate) mod admin_operations;
pub(crate) mod api;
pub(crate) mod audit_log;
pub(crate) mod authorization;
mod balance;
pub(crate) mod checked;
pub(crate) mod client_certificates;
pub(crate) mod collection;
pub(crate) mod contract;
pub(crate) mod cors;
pub(crate) mod credentials;
pub(crate) mod decision_point;
pub(crate) mod decryption;
mod described;
mod dpop;
pub(crate) mod elsewhere;
pub(crate) mod extensions;
mod instead;
pub(crate) mod introspection;
pub(crate) mod issuer;
pub(crate) mod learning;
pub(crate) mod listen;
pub(crate) mod log;
mod message;
pub(crate) mod nearest;
pub(crate) mod policy;
pub(crate) mod problems;
pub(crate) mod process;
#[cfg(test)]
mod published_defaults;
pub(crate) mod rate_limit;
pub(crate) mod raw;
pub(crate) mod rego;
pub(crate) mod relations;
pub(crate) mod schema;
pub(crate) mod security;
mod shape;
pub(crate) mod signers;
pub(crate) mod spanned;
pub(crate) mod step_up;
pub(crate) mod text;
pub(crate) mod traces;
mod tree;
mod upstream;
pub(crate) mod upstream_identity;
pub(crate) mod upstream_tls;
pub(crate) mod users;
pub(crate) mod value;
pub(crate) mod websocket;

use std::net::SocketAddr;
use std::path::Path;

use portcullis_contract::document::{FileId, Member, Node, Object, Problem, Severity, Span, Value, parse};

use audit_log::AuditLog;
use checked::Configuration;
use credentials::Credentials;
use described::Described;
use ipnet::IpNet;
use problems::Problems;
use relations::Relations;
use serde::de::DeserializeOwned;

/// Reads an address or a network, as every setting does.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    text::Network::try_from(text.to_owned()).map(|network| network.0)
}

/// Reads an address with its port, as every setting does.
///
/// # Errors
/// What is wrong with it, and what a right one looks like.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text::Address::try_from(text.to_owned());
    address.map(|address| address.0).map_err(|message| {
        let example = text::example("listen-address").unwrap_or_default();
        format!("{message}: {example}")
    })
}

/// What became of a configuration.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What could be settled; `None` where nothing could. To be used only without errors.
    pub(crate) settled: Option<Configuration>,
    /// What is wrong, by its place.
    pub(crate) problems: Vec<Problem>,
}

impl Reading {
    /// The configuration and its warnings.
    ///
    /// # Errors
    /// Every problem, of which one at least is an error.
    pub(crate) fn usable(self) -> Result<(Configuration, Vec<Problem>), Vec<Problem>> {
        let has_errors = self.problems.iter().any(|problem| problem.severity == Severity::Error);
        match self.settled {
            Some(configuration) if !has_errors => Ok((configuration, self.problems)),
            _ => Err(self.problems),
        }
    }
}

/// Settles a configuration file; `location` is its path as it was given, and other paths are relative to its directory.
pub(crate) fn read(location: &str, text: &[u8]) -> Reading {
    match parse(location, text) {
        Ok(root) if is_contract(&root) => Reading {
            settled: None,
            problems: vec![a_contract(&root, location)],
        },
        Ok(root) => check(root, location, Path::new(location).parent().unwrap_or(Path::new(""))),
        Err(problem) => Reading {
            settled: None,
            problems: vec![problem],
        },
    }
}

/// Reads a file of another kind that the configuration names.
///
/// # Errors
/// What is wrong with it, at its place.
pub(crate) fn read_as<T: DeserializeOwned>(location: &str, text: &[u8]) -> Result<T, Problem> {
    read_placed(location, text).map(|(read, _)| read)
}

/// The same, with the tree that it was read from: there is the place of what turns out to be wrong later.
///
/// # Errors
/// See [`read_as`].
pub(crate) fn read_placed<T: DeserializeOwned>(location: &str, text: &[u8]) -> Result<(T, Node), Problem> {
    let root = parse(location, text)?;
    match tree::read(&root) {
        Ok(read) => Ok((read, root)),
        Err(unreadable) => {
            let span = unreadable.span.unwrap_or(root.span);
            Err(Problem::error(location, span, unreadable.message))
        }
    }
}

/// Settles the `credentials` of a configuration, whatever is wrong elsewhere in it: whoever revokes a key has no time to mend the rest.
///
/// # Errors
/// The file cannot be read as a whole, or what is wrong with `credentials`.
pub(crate) fn credentials_alone(location: &str, text: &[u8]) -> Result<Option<Credentials>, Vec<Problem>> {
    alone(location, text, "credentials", schema::credentials(), Credentials::lower)
}

/// Settles the `relations` of a configuration, whatever is wrong elsewhere in it: revoking a relation is as urgent.
///
/// # Errors
/// The file cannot be read as a whole, or what is wrong with `relations`.
pub(crate) fn relations_alone(location: &str, text: &[u8]) -> Result<Option<Relations>, Vec<Problem>> {
    let lower = |raw, directory: &Path, _: &mut Problems<'_>| Relations::lower(raw, directory);
    alone(location, text, "relations", schema::relations(), lower)
}

/// Settles the `audit_log` of a configuration, whatever is wrong elsewhere in it: whoever looks into what happened has no time for the rest.
///
/// # Errors
/// The file cannot be read as a whole, or what is wrong with `audit_log`.
pub(crate) fn audit_log_alone(location: &str, text: &[u8]) -> Result<Option<AuditLog>, Vec<Problem>> {
    alone(location, text, "audit_log", schema::audit_log(), AuditLog::lower).map(Option::flatten)
}

/// Settles one member of a configuration.
fn alone<W: DeserializeOwned, S>(
    location: &str,
    text: &[u8],
    name: &str,
    schema: &serde_json::Value,
    lower: impl FnOnce(W, &Path, &mut Problems<'_>) -> S,
) -> Result<Option<S>, Vec<Problem>> {
    let root = parse(location, text).map_err(|problem| vec![problem])?;
    let Some(mut written) = root.get(name).cloned() else {
        return Ok(None);
    };
    let locate = |_: FileId| location.to_owned();
    let mut problems = Problems::new(&locate);
    if shape::keep(&mut written, schema, &format!("`{name}`"), &mut problems) {
        match tree::read(&written) {
            Ok(raw) => {
                let directory = Path::new(location).parent().unwrap_or(Path::new(""));
                let settled = lower(raw, directory, &mut problems);
                let problems = problems.into_sorted();
                return if problems.is_empty() {
                    Ok(Some(settled))
                } else {
                    Err(problems)
                };
            }
            Err(unreadable) => problems.error(unreadable.span.unwrap_or(written.span), unreadable.message, ""),
        }
    }
    Err(problems.into_sorted())
}

/// Whether a file is a contract, named in the place of the configuration.
fn is_contract(root: &Node) -> bool {
    let has = |name: &str| root.get(name).is_some();
    (has("openapi") || has("swagger")) && !has("apis")
}

/// What to say of a contract in the place of a configuration, rather than that none of its members is a setting.
fn a_contract(root: &Node, location: &str) -> Problem {
    let help = format!(
        "write a configuration for it with `portcullis init {location}`, or serve it without one: `portcullis serve \
         --contract {location} --upstream URL`"
    );
    Problem::error(location, root.span, "this is an OpenAPI document, not a configuration").help(help)
}

/// Settles the configuration of one API whose parts are given as arguments; the contract's path is relative to the
/// current directory.
pub(crate) fn from_arguments(listen: &str, contract: &str, upstream: &str) -> Reading {
    let text = |text: &str| node(Value::String(text.into()));
    let api = object([("contract", text(contract)), ("upstream", text(upstream))]);
    let root = object([("listen", text(listen)), ("apis", node(Value::Array(vec![api])))]);
    check(root, "command line", Path::new(""))
}

fn node(value: Value) -> Node {
    Node {
        value,
        span: Span::default(),
    }
}

fn object<const N: usize>(members: [(&str, Node); N]) -> Node {
    let member = |(name, value): (&str, Node)| {
        (
            name.into(),
            Member {
                name_span: value.span,
                value,
            },
        )
    };
    node(Value::Object(Object {
        members: members.into_iter().map(member).collect(),
    }))
}

fn check(mut root: Node, location: &str, directory: &Path) -> Reading {
    let locate = |_: FileId| location.to_owned();
    let mut problems = Problems::new(&locate);
    let settled = settle(&mut root, directory, &mut problems);
    let placed = |settled: Configuration| Configuration {
        location: location.to_owned(),
        ..settled
    };
    Reading {
        settled: settled.map(placed),
        problems: problems.into_sorted(),
    }
}

fn settle(root: &mut Node, directory: &Path, problems: &mut Problems<'_>) -> Option<Configuration> {
    let described = Described::of(root);
    if !shape::keep(root, schema::configuration(), "the configuration", problems) {
        return None;
    }
    match tree::read(root) {
        Ok(raw) => Some(checked::lower(raw, &described, directory, problems)),
        Err(unreadable) => {
            problems.error(unreadable.span.unwrap_or(root.span), unreadable.message, "");
            None
        }
    }
}

#[cfg(test)]
mod tests;
