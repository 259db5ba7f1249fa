//! The process that will run after this one, seen from this one: started with the same arguments, given the listening sockets, and
//! waited for.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{self, Child, Command};
use std::time::Duration;

use portcullis_contract::document::Problem;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::channel::{Awaited, Channel, Record};
use super::listening::Listening;
use super::predecessor::VARIABLE;

/// What a service manager tells the process that it starts, and that one alone.
const OF_THIS_PROCESS: [&str; 5] = [
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_FDS_FIRST_FD",
    "WATCHDOG_PID",
];

/// How this program was started.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// A process that has been started and has not said yet that it serves.
#[derive(Debug)]
pub(crate) struct Successor {
    child: Child,
    channel: Awaited,
    deadline: Instant,
}

/// Why the new process does not serve.
#[derive(Debug)]
pub(crate) struct NotServing {
    /// In words.
    pub(crate) reason: String,
    /// What is wrong in the files, where that is why.
    pub(crate) problems: Vec<Problem>,
    /// How many more problems there were than could be told.
    pub(crate) left_out: usize,
}

impl From<String> for NotServing {
    fn from(reason: String) -> Self {
        Self {
            reason,
            problems: Vec::new(),
            left_out: 0,
        }
    }
}

impl Program {
    /// To be asked at the start: once the file has been replaced, the system no longer knows its name.
    ///
    /// # Errors
    /// The system does not know the program's file.
    pub(crate) fn running() -> io::Result<Self> {
        let mut arguments = env::args_os();
        let name = arguments.next().map(PathBuf::from).unwrap_or_default();
        // A path as it was given may be a link that an upgrade moves; a bare name was looked up by a shell.
        let path = if name.components().count() > 1 {
            std::path::absolute(name)?
        } else {
            env::current_exe()?
        };
        Ok(Self {
            path,
            arguments: arguments.collect(),
        })
    }

    /// The file that is started.
    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Starts the program once more and gives it the sockets.
    ///
    /// # Errors
    /// It cannot be started, or not be given the sockets.
    pub(crate) fn start_again(
        &self,
        listening: &Listening,
        sandboxed: bool,
        time_max: Duration,
        runtime: &Runtime,
    ) -> io::Result<Successor> {
        if process::id() == 1 {
            return Err(io::Error::other(
                "this is the first process of a container, which ends with it; start another container and stop this one",
            ));
        }
        let (channel, theirs) = Channel::pair()?;
        listening.send(&channel)?;
        channel.send(&Record::Complete { sandboxed }, &[])?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env(VARIABLE, "1").stdin(theirs);
        for name in OF_THIS_PROCESS {
            command.env_remove(name);
        }
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start `{}`: {error}", self.path.display()))
        })?;
        // The other end now belongs to the child alone, so that its end is noticed here.
        drop(command);
        let _entered = runtime.enter();
        Ok(Successor {
            child,
            channel: channel.awaited()?,
            deadline: Instant::now() + time_max,
        })
    }
}

impl Successor {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it serves; may be called again where the wait was given up.
    ///
    /// # Errors
    /// It will not serve, and why.
    pub(crate) async fn serving(&self) -> Result<(), NotServing> {
        match tokio::time::timeout_at(self.deadline, self.channel.receive()).await {
            Err(_) => Err("the new process was not ready in time (`process.restart_seconds_max`)"
                .to_owned()
                .into()),
            Ok(Err(error)) => Err(format!("the new process cannot be understood: {error}").into()),
            Ok(Ok(Some(Record::Serving))) => Ok(()),
            Ok(Ok(Some(Record::Failed {
                reason,
                problems,
                left_out,
            }))) => Err(NotServing {
                reason,
                problems: problems.into_iter().map(Problem::from).collect(),
                left_out,
            }),
            Ok(Ok(Some(other))) => Err(format!("the new process says something unexpected: {other:?}").into()),
            Ok(Ok(None)) => Err("the new process ended before it was ready; its own lines say why"
                .to_owned()
                .into()),
        }
    }

    /// Tells it that it is the only one now that accepts connections.
    pub(crate) fn alone(&self) {
        // Where it is gone, nobody can be told.
        let _ = self.channel.send(&Record::Alone);
    }

    /// Ends it.
    pub(crate) fn end(mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
