//! What a service manager hears (sd_notify(3)).

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::gate::{Directory, Gate, Setup, program};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

struct Manager(UnixDatagram);

impl Manager {
    fn start(directory: Directory, watchdog_microseconds: &str) -> (Self, Gate) {
        let path = directory.0.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut command = program(&directory.0, &["serve", "-c", "gate.yaml"]);
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", watchdog_microseconds);
        (Self(socket), Gate::start_by(command, directory))
    }

    fn next(&self) -> String {
        let mut bytes = [0; 1024];
        let count = self.0.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// The next message but those of the watchdog.
    #[track_caller]
    fn hears(&self, words: &[&str]) {
        let mut message = self.next();
        while message.starts_with("WATCHDOG=1") {
            message = self.next();
        }
        assert!(
            words.iter().all(|word| message.contains(word)),
            "{words:?} in {message:?}"
        );
    }
}

#[test]
fn it_hears_of_start_reload_restart_and_stop() {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address).written();
    let (manager, mut gate) = Manager::start(directory, "");
    manager.hears(&["READY=1", "STATUS=serving 1 APIs on 127.0.0.1:"]);
    gate.signal("-HUP");
    manager.hears(&["RELOADING=1", "MONOTONIC_USEC="]);
    manager.hears(&["READY=1"]);
    gate.restart();
    manager.hears(&[&format!("MAINPID={}", gate.id())]);
    manager.hears(&["READY=1"]);
    gate.signal("-TERM");
    manager.hears(&["STOPPING=1"]);
    gate.wait_for_all();
}

#[test]
fn its_watchdog_is_fed_across_a_restart() {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address).written();
    let (manager, mut gate) = Manager::start(directory, "400000");
    let fed = |manager: &Manager| while manager.next() != "WATCHDOG=1\n" {};
    fed(&manager);
    gate.restart();
    while !manager.next().starts_with("MAINPID=") {}
    gate.wait();
    fed(&manager);
    fed(&manager);
}
