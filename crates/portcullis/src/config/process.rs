//! The gate as a process of the system: its user, its sandbox, how it restarts and ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::seconds;
use super::problems::Problems;
use super::spanned::{Placed, Spanned};
use super::text::{Location, Name, Seconds};

/// The gate as a process of the system.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessWritten {
    /// A file that holds the id of the process that serves, and nothing when none does; relative to the configuration. Default: none.
    pid_file: Option<Location>,
    /// The user to become once the sockets are bound, by name or number. It needs the gate to be started as root; a service
    /// manager does the same better (`User=`). Default: nobody else.
    user: Option<Spanned<Name>>,
    /// The group to become with `user`. Default: the user's own.
    group: Option<Spanned<Name>>,
    /// Whether the gate starts where the kernel cannot confine it (Landlock). Default: preferred.
    sandbox: Option<Spanned<SandboxWritten>>,
    /// Lets the process use every file that its user may use.
    #[serde(default)]
    dangerous_no_sandbox: bool,
    /// How long the gate goes on to accept connections after the order to stop, not ready and with `Connection: close` on
    /// every answer, so that a load balancer sees it go. Default: not at all.
    drain_delay_seconds: Option<Seconds>,
    /// How long the new process of a graceful restart may take until it serves. Default: 30.
    restart_seconds_max: Option<Seconds>,
}

/// Whether the gate starts where the kernel cannot confine it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SandboxWritten {
    /// It does, and warns.
    Preferred,
    /// It does not.
    Required,
}

/// The gate as a process of the system, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Where the id of the process that serves is written.
    pub(crate) pid_file: Option<PathBuf>,
    /// Whom to become once the sockets are bound.
    pub(crate) account: Option<Account>,
    /// Whether to confine the process.
    pub(crate) sandbox: Sandbox,
    /// From the order to stop until nothing more is accepted.
    pub(crate) drain_delay: Duration,
    /// From the start of a new process until it serves.
    pub(crate) restart_time_max: Duration,
}

/// A user and a group, each by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// The user.
    pub(crate) user: Placed<String>,
    /// The group; the user's own where there is none.
    pub(crate) group: Option<Placed<String>>,
}

/// Whether to confine the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sandbox {
    /// No.
    Off,
    /// Where the kernel can.
    Preferred,
    /// Or not start.
    Required,
}

impl Process {
    /// Settles what is written; paths are relative to `directory`.
    pub(super) fn lower(raw: ProcessWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        Self {
            pid_file: raw.pid_file.map(|file| directory.join(file.0)),
            account: account(raw.user, raw.group, problems),
            sandbox: sandbox(raw.sandbox, raw.dangerous_no_sandbox, problems),
            drain_delay: raw.drain_delay_seconds.map_or(Duration::ZERO, Duration::from),
            restart_time_max: seconds(raw.restart_seconds_max, 30),
        }
    }
}

fn account(user: Option<Spanned<Name>>, group: Option<Spanned<Name>>, problems: &mut Problems<'_>) -> Option<Account> {
    if let (None, Some(group)) = (&user, &group) {
        let message = "a `group` without a `user`";
        problems.error(group.span, message, "name the `user`, or leave out the `group`");
    }
    let placed = |name: Spanned<Name>| Placed {
        value: name.value.0,
        span: name.span,
    };
    user.map(|user| Account {
        user: placed(user),
        group: group.map(placed),
    })
}

fn sandbox(written: Option<Spanned<SandboxWritten>>, off: bool, problems: &mut Problems<'_>) -> Sandbox {
    match written {
        Some(Spanned { value, span }) if off => {
            let message = format!("`sandbox: {}` beside `dangerous_no_sandbox`", value.name());
            problems.error(span, message, "leave out one of the two");
            Sandbox::Required
        }
        None if off => Sandbox::Off,
        None => Sandbox::Preferred,
        Some(written) => match written.value {
            SandboxWritten::Preferred => Sandbox::Preferred,
            SandboxWritten::Required => Sandbox::Required,
        },
    }
}

impl SandboxWritten {
    fn name(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}
