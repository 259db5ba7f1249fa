//! How a verb ends: with an exit code that means something.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use portcullis_contract::document::Problem;

use crate::{logging, report};

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
    /// What is wrong in the files, where that is why.
    problems: Vec<Problem>,
}

impl Failure {
    /// The arguments or the files cannot be used.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Unusable,
            message: message.into(),
            problems: Vec::new(),
        }
    }

    /// The files have errors.
    pub(crate) fn of_problems(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::unusable("the configuration cannot be used")
        }
    }

    /// A file of cases has errors.
    pub(crate) fn of_cases(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::unusable("the cases cannot be used")
        }
    }

    /// A question has errors.
    pub(crate) fn of_question(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::unusable("the question cannot be asked")
        }
    }

    /// A contract has errors.
    pub(crate) fn of_contract(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::unusable("the contract cannot be used")
        }
    }

    /// A file of suppressions has errors.
    pub(crate) fn of_suppressions(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::unusable("the suppressions cannot be used")
        }
    }

    /// What is wrong in the files, where that is why.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// An address cannot be bound, or a server cannot be reached.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Unreachable,
            ..Self::unusable(message)
        }
    }

    /// The same, where somebody else was told why and says it.
    pub(crate) fn told(self) -> Self {
        Self {
            message: String::new(),
            ..self
        }
    }

    /// Says why on standard error, in the form of the log where there is one, and as one JSON object on standard output where the report
    /// should have been one.
    pub(crate) fn tell(&self, json: bool) -> Outcome {
        if self.message.is_empty() {
            return self.outcome;
        }
        if logging::is_json() {
            self.problems.iter().for_each(logging::problem);
            tracing::error!("{self}");
        } else {
            if !self.problems.is_empty() {
                anstream::eprint!("{}", report::text(&self.problems, None));
            }
            anstream::eprintln!("error: {self}");
        }
        if json {
            self.report();
        }
        self.outcome
    }

    /// Says why as one JSON object on standard output.
    pub(crate) fn report(&self) {
        let mut object = report::json(&self.problems);
        if let Some(members) = object.as_object_mut() {
            members.insert("error".to_owned(), self.message.clone().into());
        }
        // Where even that cannot be written, the exit code says it.
        let _written = writeln!(anstream::stdout(), "{object}");
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
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // Whoever read has seen enough, as `head` does.
            return Self {
                outcome: Outcome::Clean,
                ..Self::unusable("")
            };
        }
        Self::unusable(format!("cannot write: {error}"))
    }
}
