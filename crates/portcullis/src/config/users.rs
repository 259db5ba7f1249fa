//! Users who log in with a password, and how often they may fail, as it is written and settled.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::{Pace, number};
use super::raw;
use super::spanned::{NamedFile, Spanned};
use super::text::{Location, Name};

/// How many logins wait where nothing is said.
const WAITING_MAX: usize = 64;
const HOUR: Duration = Duration::from_secs(3600);

/// Users in a file, one a line: `name:hash`, or `name:hash:scopes`. `portcullis user hash` makes a hash.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersWritten {
    /// What they are called here together, and in logs.
    pub(crate) name: Spanned<Name>,
    /// The file, relative to the configuration; read again when it changes. Nobody but its owner and group should read it.
    pub(crate) file: Spanned<Location>,
}

/// How passwords are verified, and how often they may be wrong.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginsWritten {
    /// How many passwords are verified at once, each on a thread of its own. Default: one for two cores.
    #[schemars(range(min = 1, max = 64))]
    pub(crate) threads: Option<u32>,
    /// How many logins wait for a thread; beyond it they are told to come back. Default: 64.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) waiting_max: Option<u32>,
    /// How often the logins of one user from one address may fail. Default: 10 an hour, 5 at once.
    pub(crate) failures_of_user_at_address: Option<raw::Pace>,
    /// How often the logins of one user may fail from all addresses together, apart from those where that user logged in
    /// lately. Default: 20 an hour, 50 at once.
    pub(crate) failures_of_user: Option<raw::Pace>,
}

/// Users with passwords.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    /// What they are called here together.
    pub(crate) name: Arc<str>,
    /// Where the name stands.
    pub(crate) span: Span,
    /// Where they are.
    pub(crate) list: List,
}

/// Where users are, a line each.
#[derive(Clone)]
pub(crate) enum List {
    /// In a file.
    File(NamedFile),
    /// Here: somebody hashed their passwords a moment ago. No configuration says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo makes some"))]
    InMemory(String),
}

impl fmt::Debug for List {
    /// Never a line: a password can be guessed with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::InMemory(_) => f.write_str("InMemory"),
        }
    }
}

/// How passwords are verified, and how often they may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logins {
    /// How many at once.
    pub(crate) threads: usize,
    /// How many wait.
    pub(crate) waiting_max: usize,
    /// Of one user from one address.
    pub(crate) failures_of_user_at_address: Pace,
    /// Of one user from all strange addresses.
    pub(crate) failures_of_user: Pace,
}

impl Users {
    pub(super) fn lower(raw: UsersWritten, directory: &Path) -> Self {
        Self {
            name: raw.name.value.0.into(),
            span: raw.name.span,
            list: List::File(raw.file.file(directory)),
        }
    }

    /// The file, if they are in one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.list {
            List::File(file) => Some(file.value.as_path()),
            List::InMemory(_) => None,
        }
    }
}

impl Logins {
    /// `cores` are those of the machine.
    pub(super) fn lower(raw: &LoginsWritten, cores: NonZeroUsize) -> Self {
        Self {
            threads: number(raw.threads, (cores.get() / 2).max(1)),
            waiting_max: number(raw.waiting_max, WAITING_MAX),
            failures_of_user_at_address: Pace::lower(raw.failures_of_user_at_address, (10, HOUR, 5)),
            failures_of_user: Pace::lower(raw.failures_of_user, (20, HOUR, 50)),
        }
    }
}
