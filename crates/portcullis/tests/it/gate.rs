//! A gate in a process of its own, killed when its guard goes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::wire::{Answer, Client};

/// How long a gate may take to start or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that goes with its guard.
pub(crate) struct Directory(pub(crate) PathBuf);

/// A running gate.
pub(crate) struct Gate {
    child: Child,
    /// The processes that took over, one from the other.
    successors: Vec<u32>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) directory: Directory,
}

/// What a gate is started with.
#[derive(Clone)]
pub(crate) struct Setup {
    contract: String,
    upstream: String,
    /// The value of `listen`.
    listen: String,
    /// Lines of the configuration itself.
    settings: String,
    /// Lines of the API's entry.
    api: String,
}

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("portcullis-it-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A file that nobody else can read.
    pub(crate) fn write_secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        self.permit(name, 0o600);
        path
    }

    /// Who may use a file.
    pub(crate) fn permit(&self, name: &str, mode: u32) {
        fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program with these arguments, in this directory.
pub(crate) fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end, which must come soon.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut child = program(directory, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Both pipes are read at once, so that neither can fill up and block the other.
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        bytes
    });
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes);
        bytes
    });
    let Some(status) = ended(&mut child) else {
        let _ = child.kill();
        panic!("`portcullis {}` does not end", arguments.join(" "));
    };
    Output {
        status,
        stdout: reader.join().unwrap(),
        stderr: errors.join().unwrap(),
    }
}

fn ended(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Setup {
    pub(crate) fn new(contract: &str, upstream: SocketAddr) -> Self {
        Self {
            contract: contract.to_owned(),
            upstream: format!("http://{upstream}"),
            listen: "127.0.0.1:0".to_owned(),
            settings: String::new(),
            api: String::new(),
        }
    }

    /// Listens as this says, in the place of plain HTTP at a free port.
    pub(crate) fn listening(mut self, listen: &str) -> Self {
        self.listen = listen.to_owned();
        self
    }

    /// The upstream as this text says it.
    pub(crate) fn upstream(mut self, written: &str) -> Self {
        written.clone_into(&mut self.upstream);
        self
    }

    /// A line of the configuration.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.settings += &format!("{line}\n");
        self
    }

    /// A line of the API's entry.
    pub(crate) fn with_api(mut self, line: &str) -> Self {
        self.api += &format!("    {line}\n");
        self
    }

    fn configuration(&self) -> String {
        let Self {
            upstream,
            listen,
            settings,
            api,
            ..
        } = self;
        format!(
            "listen: {listen}\nadmin: {{listen: '127.0.0.1:0'}}\n{settings}apis:\n  - name: api\n    contract: api.yaml\n    upstream: {upstream}\n{api}"
        )
    }

    /// Writes the files only.
    pub(crate) fn written(&self) -> Directory {
        let directory = Directory::new();
        directory.write("api.yaml", &self.contract);
        directory.write("gate.yaml", &self.configuration());
        directory
    }

    pub(crate) fn start(&self) -> Gate {
        Gate::start(self.written())
    }
}

impl Gate {
    /// Starts a gate with the `gate.yaml` of a directory.
    pub(crate) fn start(directory: Directory) -> Self {
        let mut command = program(&directory.0, &["serve", "-c", "gate.yaml"]);
        command.stdout(Stdio::null());
        Self::start_by(command, directory)
    }

    /// Starts a gate by a command of its own, which runs in the directory.
    pub(crate) fn start_by(mut command: Command, directory: Directory) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        // What the command was given belongs to the gate alone.
        drop(command);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (kept, stderr) = (Arc::clone(&lines), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let start = Instant::now();
        loop {
            let told = listening(&lines.lock().unwrap());
            if let Some((address, admin)) = told {
                return Self {
                    child,
                    successors: Vec::new(),
                    address,
                    admin,
                    lines,
                    directory,
                };
            }
            let ended = child.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the gate does not start: {ended:?} {:#?}", lines.lock().unwrap());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.client().send("GET", target, &[], b"")
    }

    /// One request with a JSON body on a connection of its own.
    pub(crate) fn post(&self, target: &str, json: &str) -> Answer {
        self.client()
            .send("POST", target, &[("content-type", "application/json")], json.as_bytes())
    }

    /// These bytes on a connection of its own, and what is answered first.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Answer {
        self.client().raw(bytes)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until a line of the log has all of these words. What a gate has logged is read by a thread, some time later.
    #[track_caller]
    pub(crate) fn logs(&self, words: &[&str]) {
        let is_told = |line: &String| words.iter().all(|word| line.contains(word));
        until(&format!("the log has {words:?}"), || self.log().iter().any(is_told));
    }

    /// Waits until the log has a line about a request that was refused for this `place`.
    #[track_caller]
    pub(crate) fn logs_place(&self, place: &str) {
        until(&format!("the log has the place {place}"), || {
            self.log_of_requests().iter().any(|line| line["place"] == place)
        });
    }

    /// All that was logged before this was asked, and a little more: reloads, and waits until that is told.
    pub(crate) fn log_so_far(&self) -> Vec<String> {
        let reloads = |log: &[String]| log.iter().filter(|line| line.contains("reloaded")).count();
        let before = reloads(&self.log());
        self.signal("-HUP");
        until("a reload is told", || reloads(&self.log()) > before);
        self.log()
    }

    /// The log's lines about requests.
    pub(crate) fn log_of_requests(&self) -> Vec<Value> {
        let lines = self.log();
        let parsed = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
        parsed.filter(|line: &Value| line.get("status").is_some()).collect()
    }

    pub(crate) fn metrics(&self) -> String {
        let answer = Client::connect(self.admin).send("GET", "/metrics", &[], b"");
        assert_eq!(answer.status, 200);
        answer.text()
    }

    /// The sum of the samples whose line has all of these parts.
    pub(crate) fn metric(&self, parts: &[&str]) -> f64 {
        let metrics = self.metrics();
        let samples = metrics
            .lines()
            .filter(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)));
        samples
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum()
    }

    pub(crate) fn health(&self, target: &str) -> u16 {
        self.admin(target).status
    }

    /// What operators are told.
    pub(crate) fn admin(&self, target: &str) -> Answer {
        Client::connect(self.admin).send("GET", target, &[], b"")
    }

    /// The resident memory of the process, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// How often its threads have waited and were woken, so far.
    pub(crate) fn wakes(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        // A thread may end meanwhile.
        let statuses = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
        let waits = statuses.map(|status| {
            let mut lines = status.lines();
            let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            count.unwrap().trim().parse::<u64>().unwrap()
        });
        waits.sum()
    }

    /// The id of the process that serves.
    pub(crate) fn id(&self) -> u32 {
        self.successors.last().copied().unwrap_or_else(|| self.child.id())
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(signal(name, self.id()));
    }

    /// Restarts gracefully, until another process serves; the one before may still finish what it has.
    pub(crate) fn restart(&mut self) {
        let told = self.log().len();
        self.signal("-USR2");
        let mut successor = None;
        until("another process serves", || {
            let lines = self.log();
            let mut lines = lines[told..].iter().filter_map(|line| serde_json::from_str(line).ok());
            let handed_over = |line: &Value| {
                line["message"]
                    .as_str()
                    .is_some_and(|said| said.starts_with("handed over"))
            };
            successor = lines.find(handed_over).and_then(|line| line["successor"].as_u64());
            successor.is_some()
        });
        self.successors.push(u32::try_from(successor.unwrap()).unwrap());
    }

    /// The processes before the one that serves, that still run.
    pub(crate) fn predecessors(&self) -> usize {
        let all = std::iter::once(self.child.id()).chain(self.successors.iter().copied());
        all.filter(|id| *id != self.id() && runs(*id)).count()
    }

    /// Waits for the end of the process that was started first.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        ended(&mut self.child).expect("the gate does not end")
    }

    /// Waits for the end of every process.
    pub(crate) fn wait_for_all(&mut self) {
        self.wait();
        until("the successors end", || !self.successors.iter().any(|id| runs(*id)));
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        for id in self.successors.iter().filter(|id| runs(**id)) {
            signal("-KILL", *id);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let lines = self.lines.lock().unwrap();
            let last = lines.iter().rev().take(12).rev();
            eprintln!("the gate's log ends:\n{}", last.cloned().collect::<Vec<_>>().join("\n"));
        }
    }
}

pub(crate) fn signal(name: &str, id: u32) -> bool {
    let told = Command::new("kill").args([name, &id.to_string()]).status();
    told.unwrap().success()
}

/// Whether this is a process, and not one that has ended and that nobody asks about.
fn runs(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|rest| !rest.starts_with(['Z', 'X']))
}

/// Where callers and operators arrive, once the log has told both.
fn listening(lines: &[String]) -> Option<(SocketAddr, SocketAddr)> {
    let told = |message: &str| {
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut addresses = lines
            .filter(|line| line["message"].as_str().is_some_and(|said| said.starts_with(message)))
            .filter_map(|line| line["address"].as_str()?.parse().ok());
        addresses.next()
    };
    Some((told("listening")?, told("admin surface")?))
}
