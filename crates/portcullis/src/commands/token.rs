//! `portcullis token`: access tokens looked at, opaque ones of the gate's own, and the keys of those for upstreams.

use std::io::Write as _;

use clap::{Args, Subcommand};
use portcullis_gateway::upstream_identity;
use portcullis_identity::credentials::Kind;

use super::credentials::{self, Issue, List, Revoke};
use super::inspect::{self, Inspect};
use super::{ConfigFile, Failure, Outcome, Shared};
use crate::signing;

/// How long an opaque token is good where nothing is said, in seconds: an hour.
const LIFETIME_SECONDS: u64 = 3600;

/// The arguments of `token`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say, check by check, whether an access token or an API key is accepted
    Inspect(Inspect),
    /// Make an opaque token, and print it this once
    Issue(Issue),
    /// List the opaque tokens, without their secrets
    List(List),
    /// Revoke an opaque token, those of an owner, or all, for good
    Revoke(Revoke),
    /// Print the public keys of the tokens that upstreams get, as a JWK Set
    Jwks(ConfigFile),
}

/// Runs the verb.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Inspect(inspect) => inspect::run(inspect, shared),
        Verb::Issue(issue) => credentials::issue(issue, Kind::Token, LIFETIME_SECONDS, shared),
        Verb::List(list) => credentials::list(list, Kind::Token, shared),
        Verb::Revoke(revoke) => credentials::revoke(revoke, Kind::Token, shared),
        Verb::Jwks(config) => jwks(config),
    }
}

/// Prints what a gate with this configuration publishes; one that makes its key publishes another.
fn jwks(config: &ConfigFile) -> Result<Outcome, Failure> {
    let configuration = config.load()?;
    let tokens = configuration
        .upstream_tokens
        .as_ref()
        .filter(|tokens| !tokens.keys.is_empty());
    let tokens = tokens.ok_or_else(|| {
        Failure::unusable(
            "the configuration names no `keys` in `upstream_tokens`: a key that is made at the start is only known to the gate, \
             which publishes it on its admin surface at `/jwks.json`",
        )
    })?;
    let keys = signing::read(tokens, &config.config.to_string_lossy()).map_err(Failure::of_problems)?;
    let keys = upstream_identity::jwks(keys.iter().map(|key| &**key));
    writeln!(anstream::stdout(), "{keys:#}")?;
    Ok(Outcome::Clean)
}
