//! `portcullis health`: asks the admin surface whether the gate is ready, for health checks of containers that have no other client.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{ConfigFile, Failure, Outcome, Shared};

/// How long each step may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of the answer is looked at.
const STATUS_LINE_BYTES: u64 = 12;

/// The arguments of `health`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// Where the admin surface is (default: what the configuration says)
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

/// Says whether the gate is ready.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let address = match arguments.admin {
        Some(address) => address,
        None => configured(&arguments.config)?,
    };
    let status = ask(address)
        .map_err(|error| Failure::unreachable(format!("cannot reach the admin surface at `{address}`: {error}")))?;
    let ready = status == "HTTP/1.1 200";
    if shared.json {
        let report = json!({ "ready": ready, "address": address.to_string() });
        writeln!(anstream::stdout(), "{report:#}")?;
    } else {
        writeln!(anstream::stdout(), "{}", if ready { "ready" } else { "not ready" })?;
    }
    Ok(if ready { Outcome::Clean } else { Outcome::Found })
}

fn configured(config: &ConfigFile) -> Result<SocketAddr, Failure> {
    let admin = config.load()?.admin.ok_or_else(|| {
        Failure::unusable("the configuration has no `admin`: add one such as `admin: {listen: 127.0.0.1:9901}`")
    })?;
    Ok(reachable(admin.address))
}

/// An address that connections can be made to, where the configured one stands for all of a machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        other => other,
    };
    SocketAddr::new(loopback, address.port())
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIME_MAX)?;
    stream.set_read_timeout(Some(STEP_TIME_MAX))?;
    stream.set_write_timeout(Some(STEP_TIME_MAX))?;
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut status = String::new();
    stream.take(STATUS_LINE_BYTES).read_to_string(&mut status)?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_everything_is_asked_on_loopback() {
        let check = |from: &str, to: &str| assert_eq!(reachable(from.parse().unwrap()), to.parse().unwrap());
        check("0.0.0.0:9901", "127.0.0.1:9901");
        check("[::]:9901", "[::1]:9901");
        check("10.0.0.7:9901", "10.0.0.7:9901");
    }
}
