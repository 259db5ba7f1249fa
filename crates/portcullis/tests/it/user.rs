//! The user that the gate becomes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::gate::{Setup, run};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

/// Whether the tests run as root; said aloud where they do not.
fn root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    if !root {
        println!("NOT TESTED: only root can become another user");
    }
    root
}

#[test]
fn every_thread_is_of_the_user_and_stays_so_across_a_restart() {
    if !root() {
        return;
    }
    let upstream = Upstream::with_json(THING);
    let setup = Setup::new(THINGS, upstream.address)
        .with("workers: 2")
        .with("process: {user: '61234', group: '61235', pid_file: run/gate.pid}");
    let directory = setup.written();
    directory.write("run/kept", "");
    fs::set_permissions(directory.0.join("run"), fs::Permissions::from_mode(0o777)).unwrap();
    let mut gate = crate::gate::Gate::start(directory);
    for restarted in [false, true] {
        if restarted {
            gate.restart();
        }
        let threads = fs::read_dir(format!("/proc/{}/task", gate.id())).unwrap();
        // A thread may end between the two.
        let statuses: Vec<String> = threads
            .filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok())
            .collect();
        assert!(statuses.len() > 1, "{statuses:?}");
        for status in statuses {
            for line in [
                "Uid:\t61234\t61234\t61234\t61234\n",
                "Gid:\t61235\t61235\t61235\t61235\n",
                "Groups:\t61235 \n",
                "CapPrm:\t0000000000000000\n",
                "CapEff:\t0000000000000000\n",
            ] {
                assert!(status.contains(line), "{line} in {status}");
            }
        }
        assert_eq!(gate.get("/things").status, 200);
        crate::gate::until("its id is written", || {
            gate.directory.read("run/gate.pid").trim() == gate.id().to_string()
        });
    }
}

#[test]
fn an_unknown_user_is_an_error_before_anything_is_served() {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address)
        .with("process: {user: nobody-of-this-name}")
        .written();
    let output = run(&directory.0, &["serve", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("no user `nobody-of-this-name`"), "{told}");
}
