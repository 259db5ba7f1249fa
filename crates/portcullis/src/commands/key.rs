//! `portcullis key`: API keys of the gate's own.

use clap::{Args, Subcommand};
use portcullis_identity::credentials::Kind;

use super::credentials::{self, Issue, List, Revoke, Rotate, Show};
use super::{Failure, Outcome, Shared};

/// How long a key is good where nothing is said, in seconds: 90 days.
const LIFETIME_SECONDS: u64 = 90 * 24 * 3600;

/// The arguments of `key`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key, and print it this once
    Issue(Issue),
    /// List the keys, without their secrets
    List(List),
    /// Show what is kept of a key
    Show(Show),
    /// Give a key another secret, and print it this once; the one before stays good for a while
    Rotate(Rotate),
    /// Revoke a key, those of an owner, or all, for good
    Revoke(Revoke),
}

/// Runs the verb.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Issue(issue) => credentials::issue(issue, Kind::ApiKey, LIFETIME_SECONDS, shared),
        Verb::List(list) => credentials::list(list, Kind::ApiKey, shared),
        Verb::Show(show) => credentials::show(show, Kind::ApiKey, shared),
        Verb::Rotate(rotate) => credentials::rotate(rotate, Kind::ApiKey, shared),
        Verb::Revoke(revoke) => credentials::revoke(revoke, Kind::ApiKey, shared),
    }
}
