//! Sockets that a service manager bound (sd_listen_fds(3)). Handed over as a service manager does: a shell moves them to the
//! descriptors from 3 on and becomes the gate.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use crate::gate::{Directory, Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;
use crate::wire::Client;

fn socket() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The gate with two sockets that listen already.
fn activated(directory: &Directory, first: TcpListener, second: TcpListener) -> Command {
    let script = "exec 3<&0 4<&1 0</dev/null 1>/dev/null; \
                  LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" serve -c gate.yaml";
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_portcullis")])
        .current_dir(&directory.0)
        .stdin(Stdio::from(OwnedFd::from(first)))
        .stdout(Stdio::from(OwnedFd::from(second)));
    command
}

fn setup(upstream: &Upstream, listen: SocketAddr, admin: SocketAddr) -> Directory {
    let directory = Setup::new(THINGS, upstream.address).with("workers: 3").written();
    let configuration = directory.read("gate.yaml");
    let configuration = configuration
        .replace("listen: 127.0.0.1:0\n", &format!("listen: {listen}\n"))
        .replace(
            "admin: {listen: '127.0.0.1:0'}",
            &format!("admin: {{listen: '{admin}'}}"),
        );
    directory.write("gate.yaml", &configuration);
    directory
}

#[test]
fn sockets_of_the_service_manager_are_used() {
    let upstream = Upstream::with_json(THING);
    let ((callers, listen), (operators, admin)) = (socket(), socket());
    // Here before the gate is.
    let mut early = Client::connect(listen);
    let request = early.request("GET", "/things", &[], b"");
    early.write(&request);
    let ours = callers.try_clone().unwrap();
    let directory = setup(&upstream, listen, admin);
    let command = activated(&directory, operators, callers);
    let mut gate = Gate::start_by(command, directory);
    assert_eq!(gate.address, listen);
    assert_eq!(early.answer(false).status, 200);
    drop(early);
    for _ in 0..20 {
        assert_eq!(gate.get("/things").status, 200);
    }
    gate.restart();
    assert_eq!(gate.get("/things").status, 200);
    assert_eq!(gate.health("/readyz"), 200);
    gate.signal("-TERM");
    gate.wait_for_all();
    // The service manager still has the socket: whoever comes now waits for the next gate.
    assert!(TcpStream::connect(listen).is_ok());
    drop(ours);
    until("it is closed", || TcpStream::connect(listen).is_err());
}

#[test]
fn a_socket_that_nobody_named_is_an_error() {
    let upstream = Upstream::with_json(THING);
    let ((callers, listen), (other, unexpected)) = (socket(), socket());
    let directory = setup(&upstream, listen, "127.0.0.1:0".parse().unwrap());
    let output = activated(&directory, callers, other)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(&unexpected.to_string()) && told.contains("ListenStream="),
        "{told}"
    );
}
