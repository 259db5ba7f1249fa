//! The process that ran before this one, seen from this one: it gives its sockets and waits for word.

use std::env;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use portcullis_contract::document::Problem;

use super::channel::{Channel, Record};
use super::listening::Given;

/// Set for a process whose standard input is the channel.
pub(super) const VARIABLE: &str = "PORTCULLIS_SUCCESSOR";
/// How long the other side may take to say what it has to say next.
const WORD_TIME_MAX: Duration = Duration::from_secs(5);

/// The process that ran before.
#[derive(Debug)]
pub(crate) struct Predecessor {
    channel: Channel,
    sandboxed: bool,
}

/// Takes the sockets that this process was started with, from the service manager or from the process that ran before.
/// To be called before anything else opens a descriptor or starts a thread.
///
/// # Errors
/// They cannot be used.
pub(crate) fn inherited() -> io::Result<(Given, Option<Predecessor>)> {
    if env::var_os(VARIABLE).is_none() {
        return Ok((Given::by_service_manager()?, None));
    }
    let channel = Channel::of_standard_input(WORD_TIME_MAX)?;
    let mut given = Given::default();
    loop {
        match channel.receive()? {
            Some((Record::Listeners { role, configured }, sockets)) => {
                for socket in sockets {
                    given.by_predecessor(TcpListener::from(socket), role, configured)?;
                }
            }
            Some((Record::Complete { sandboxed }, _)) => return Ok((given, Some(Predecessor { channel, sandboxed }))),
            Some((other, _)) => return Err(io::Error::other(format!("an unexpected record: {other:?}"))),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Predecessor {
    /// Whether it was confined to a sandbox, and this process with it.
    pub(crate) fn sandboxed(&self) -> bool {
        self.sandboxed
    }

    /// Says that this process accepts connections, and waits until it is the only one that does.
    ///
    /// # Errors
    /// The other process is gone, or does not answer; this one is alone then, too.
    pub(crate) fn serving(self) -> io::Result<()> {
        self.channel.send(&Record::Serving, &[])?;
        match self.channel.receive()? {
            Some((Record::Alone, _)) => Ok(()),
            Some((other, _)) => Err(io::Error::other(format!("an unexpected record: {other:?}"))),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Says that this process will not serve, and why; whether the other one was told.
    pub(crate) fn failed(&self, reason: &str, problems: &[Problem]) -> bool {
        self.channel.send(&Record::failed(reason, problems), &[]).is_ok()
    }
}
