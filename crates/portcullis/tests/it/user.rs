//! The user that the gate becomes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::gate::{Gate, Setup, run};
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
    let mut gate = Gate::start(directory);
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

/// A gate that is started by setpriv(1) as this says, and the groups of its process.
fn started_as(privileges: &[&str], process: &str) -> (Gate, String) {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address)
        .with(&format!("process: {process}"))
        .written();
    let mut command = Command::new("setpriv");
    command
        .args(privileges)
        .args([env!("CARGO_BIN_EXE_portcullis"), "serve", "-c", "gate.yaml"])
        .current_dir(&directory.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let gate = Gate::start_by(command, directory);
    let status = fs::read_to_string(format!("/proc/{}/status", gate.id())).unwrap();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:\t")).unwrap();
    (gate, groups.trim().to_owned())
}

#[test]
fn further_groups_are_left_also_where_the_user_stays() {
    if !root() {
        return;
    }
    if Command::new("setpriv").arg("--version").output().is_err() {
        println!("NOT TESTED: there is no setpriv to start a gate of further groups");
        return;
    }
    let warns = |gate: &Gate| gate.log().iter().any(|line| line.contains("only root can leave them"));
    let (gate, groups) = started_as(&["--groups", "61236,61237"], "{user: '0', group: '0'}");
    assert_eq!((groups.as_str(), warns(&gate)), ("0", false));
    let other = ["--reuid", "61234", "--regid", "61235", "--groups", "61235,61236"];
    let (gate, groups) = started_as(&other, "{user: '61234', group: '61235'}");
    assert_eq!((groups.as_str(), warns(&gate)), ("61235 61236", true));
    let alone = ["--reuid", "61234", "--regid", "61235", "--groups", "61235"];
    let (gate, groups) = started_as(&alone, "{user: '61234', group: '61235'}");
    assert_eq!((groups.as_str(), warns(&gate)), ("61235", false));
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
