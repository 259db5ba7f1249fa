//! How a verb ends: with an exit code that means something.

use std::fmt;
use std::process::ExitCode;

/// How a verb ended that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing was found.
    Clean,
    /// Errors, refusals or attacks that passed were found and have been reported.
    Found,
    /// The input cannot be used; it has been said why.
    Unusable,
    /// An address cannot be bound or a server cannot be reached; it has been said why.
    Unreachable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Clean => 0,
            Outcome::Found => 1,
            Outcome::Unusable => 2,
            Outcome::Unreachable => 3,
        })
    }
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    outcome: Outcome,
    message: String,
}

impl Failure {
    /// The arguments or the files cannot be used.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Unusable,
            message: message.into(),
        }
    }

    /// An address cannot be bound, or a server cannot be reached.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Unreachable,
            message: message.into(),
        }
    }

    /// Says why on standard error.
    pub(crate) fn tell(&self) -> Outcome {
        anstream::eprintln!("error: {self}");
        self.outcome
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<std::io::Error> for Failure {
    /// Standard output is closed or a file cannot be written.
    fn from(error: std::io::Error) -> Self {
        Self::unusable(format!("cannot write: {error}"))
    }
}
