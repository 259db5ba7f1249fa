//! Where contracts come from: older versions, overlays, folders, Git repositories, URLs; and what happens when they change.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::gate::{Directory, Gate, Setup, program, run, until};
use crate::http::{THING, THINGS};
use crate::upstream::{self, Upstream};

fn refused(gate: &Gate) -> f64 {
    gate.metric(&["portcullis_reloads_total", "refused"])
}

/// A directory with this entry of an API, in the place of the one that reads `api.yaml`.
fn written(upstream: &Upstream, contract: &str) -> Directory {
    let directory = Setup::new(THINGS, upstream.address).written();
    let configuration = directory.read("gate.yaml").replace("contract: api.yaml", contract);
    directory.write("gate.yaml", &configuration);
    directory
}

const SWAGGER: &str = "\
swagger: '2.0'
info: {title: Things, version: '1'}
basePath: /v1
consumes: [application/json]
produces: [application/json]
paths:
  /things:
    get:
      parameters:
        - {name: tags, in: query, type: array, items: {type: string, pattern: '^[a-z]+$'}, collectionFormat: pipes}
      responses: {'200': {description: one, schema: {$ref: '#/definitions/Thing'}}}
    post:
      parameters:
        - {name: thing, in: body, required: true, schema: {$ref: '#/definitions/Thing'}}
      responses: {'200': {description: one, schema: {$ref: '#/definitions/Thing'}}}
definitions:
  Thing: {type: object, required: [name], properties: {name: {type: string, maxLength: 10}}}
";

#[test]
fn a_contract_in_openapi_2_is_enforced_in_both_directions() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(SWAGGER, upstream.address).start();
    assert_eq!(gate.get("/v1/things?tags=a%7Cb").status, 200);
    gate.get("/v1/things?tags=a,b")
        .is_refused(400, "contract.query.pattern");
    assert_eq!(gate.post("/v1/things", r#"{"name":"saw"}"#).status, 200);
    gate.post("/v1/things", r#"{"name":"saw","admin":true}"#)
        .is_refused(400, "contract.body.undeclared");
    gate.get("/things").is_refused(404, "route.unknown");
    let leaking = Upstream::with_json(r#"{"name":"saw","password":"x"}"#);
    let gate = Setup::new(SWAGGER, leaking.address).start();
    assert_eq!(gate.get("/v1/things").text(), r#"{"name":"saw"}"#);
}

const DRY: &str = "\
overlay: 1.1.0
info: {title: Stricter, version: '1'}
actions:
  - target: $.paths['/things'].get.parameters[?@.name == 'limit'].schema
    update: {maximum: 5}
";

#[test]
fn overlays_change_the_contract_and_are_watched() {
    let upstream = Upstream::with_json(THING);
    let directory = written(&upstream, "contract: api.yaml\n    overlays: [dry.yaml]");
    directory.write("dry.yaml", DRY);
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/things?limit=5").status, 200);
    gate.get("/things?limit=6").is_refused(400, "contract.query.range");
    gate.directory
        .write("dry.yaml", &DRY.replace("maximum: 5", "maximum: 6"));
    until("the overlay is in force", || gate.get("/things?limit=6").status == 200);
    let before = refused(&gate);
    gate.directory.write("dry.yaml", &DRY.replace("{maximum: 5}", "5"));
    until("the broken one is refused", || refused(&gate) > before);
    assert_eq!(gate.get("/things?limit=6").status, 200);
}

#[test]
fn overlays_are_tried_from_the_command_line() {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address).written();
    directory.write("dry.yaml", DRY);
    directory.write("gone.yaml", &DRY.replace("'/things'", "'/nothing'"));
    directory.write("a.http", "GET /things?limit=6 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let code = |arguments: &[&str]| {
        let run = run(&directory.0, arguments);
        let text = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
        (run.status.code(), text)
    };
    assert_eq!(code(&["try", "-c", "gate.yaml", "a.http"]).0, Some(0));
    let (found, text) = code(&["try", "-c", "gate.yaml", "--overlay", "dry.yaml", "a.http"]);
    assert_eq!(found, Some(1), "{text}");
    let (_, text) = code(&[
        "check",
        "-c",
        "gate.yaml",
        "--overlay",
        "dry.yaml",
        "--overlay",
        "gone.yaml",
    ]);
    assert!(text.contains("gone.yaml") && text.contains("selects nothing"), "{text}");
    assert_eq!(
        code(&["coverage", "-c", "gate.yaml", "--overlay", "none.yaml"]).0,
        Some(2)
    );
    let two = directory.read("gate.yaml");
    let second = two.split("apis:\n").nth(1).unwrap().replace("name: api", "name: other");
    directory.write("two.yaml", &format!("{two}{second}"));
    let (_, text) = code(&["check", "-c", "two.yaml", "--overlay", "dry.yaml"]);
    assert!(
        text.contains("`--overlay` is for a configuration with one API"),
        "{text}"
    );
}

#[test]
fn every_contract_in_a_folder_is_an_api() {
    let upstream = Upstream::with_json(THING);
    let directory = written(&upstream, "contract: {directory: apis}").with_no_name();
    directory.write("apis/things.openapi.yaml", THINGS);
    directory.write("apis/part.yaml", "type: string\n");
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/things").status, 200);
    gate.get("/v1/things").is_refused(404, "route.unknown");
    gate.directory.write("apis/older.json.yaml", SWAGGER);
    until("the new contract is served", || gate.get("/v1/things").status == 200);
    assert!(gate.metric(&["portcullis_contract", "api=\"older\""]) > 0.0);
    std::fs::remove_file(gate.directory.0.join("apis/things.openapi.yaml")).unwrap();
    until("the other one is gone", || gate.get("/things").status == 404);
    // A second one of the same name.
    let before = refused(&gate);
    gate.directory.write("apis/older.yml", THINGS);
    until("it is refused", || refused(&gate) > before);
    until("the reason is told", || {
        gate.log()
            .iter()
            .any(|line| line.contains("a second API called `older`"))
    });
}

impl Directory {
    fn with_no_name(self) -> Self {
        let configuration = self.read("gate.yaml").replace("name: api\n    ", "");
        self.write("gate.yaml", &configuration);
        self
    }
}

fn git(directory: &Directory, arguments: &[&str]) {
    let run = Command::new("git")
        .arg("-C")
        .arg(directory.0.join("specs"))
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.example",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn a_branch_is_looked_at_anew_and_the_last_good_contract_stays() {
    let upstream = Upstream::with_json(r#"{"name":"aw"}"#);
    let contract = "contract: {git: specs, ref: main, file: v1/api.yaml, refresh_seconds: 1}";
    let directory = written(&upstream, contract);
    let parted = THINGS.replace("$ref: '#/components/schemas/Thing'", "$ref: 'parts/thing.yaml'");
    assert_ne!(parted, THINGS);
    directory.write("specs/v1/api.yaml", &parted);
    directory.write(
        "specs/v1/parts/thing.yaml",
        "{type: object, properties: {name: {type: string}}}",
    );
    git(&directory, &["init", "--quiet"]);
    git(&directory, &["add", "."]);
    git(&directory, &["commit", "--quiet", "-m", "first"]);
    directory.write("specs/v1/parts/thing.yaml", "not committed: [");
    // The user has settings for git, outside of what the gate reads otherwise.
    let home = Directory::new();
    home.write(".gitconfig", "[user]\nname = a\n");
    let mut command = program(&directory.0, &["serve", "-c", "gate.yaml"]);
    command.env("HOME", &home.0).stdout(std::process::Stdio::null());
    let gate = Gate::start_by(command, directory);
    assert_eq!(gate.post("/things", r#"{"name":"saw"}"#).status, 200);
    let shorter = "{type: object, properties: {name: {type: string, maxLength: 2}}}";
    gate.directory.write("specs/v1/parts/thing.yaml", shorter);
    git(&gate.directory, &["commit", "--quiet", "-am", "second"]);
    until("the new commit is in force", || {
        gate.post("/things", r#"{"name":"saw"}"#).status == 400
    });
    let before = refused(&gate);
    gate.directory.write("specs/v1/parts/thing.yaml", "{type: none}");
    git(&gate.directory, &["commit", "--quiet", "-am", "third"]);
    until("the broken commit is refused", || refused(&gate) > before);
    assert_eq!(gate.post("/things", r#"{"name":"aw"}"#).status, 200);
    std::fs::rename(gate.directory.0.join("specs"), gate.directory.0.join("gone")).unwrap();
    let told = |line: &String| line.contains("the contract cannot be refreshed, what was in force stays");
    until("it is told that it cannot be looked at", || gate.log().iter().any(told));
    assert_eq!(gate.post("/things", r#"{"name":"aw"}"#).status, 200);
    let before = refused(&gate);
    until("further looks come to nothing", || refused(&gate) > before + 1.0);
    assert_eq!(
        gate.log().iter().filter(|line| told(line)).count(),
        1,
        "it is told once"
    );
    std::fs::rename(gate.directory.0.join("gone"), gate.directory.0.join("specs")).unwrap();
    let again = |line: &String| line.contains("the contract can be refreshed again");
    until("it is told that it can be looked at again", || {
        gate.log().iter().any(again)
    });
}

#[test]
fn schema_5_a_contract_at_a_url_is_pinned_or_looked_at_anew() {
    let upstream = Upstream::with_json(THING);
    let version = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&version);
    let publisher = Upstream::start(move |_, stream| {
        let text = match asked.load(Ordering::SeqCst) {
            0 => THINGS.to_owned(),
            _ => THINGS.replace("maximum: 100", "maximum: 10"),
        };
        std::io::Write::write_all(stream, &upstream::ok("application/yaml", &text)).is_ok()
    });
    let at = format!(
        "url: 'http://{}/api.yaml', dangerous_private_address: true",
        publisher.address
    );
    let pinned = written(&upstream, &format!("contract: {{{at}, sha256: '{}'}}", "0".repeat(64)));
    let run = run(&pinned.0, &["check", "-c", "gate.yaml"]);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(text.contains("its SHA-256 digest is `"), "{text}");
    let digest = text.split('`').find(|word| word.len() == 64).unwrap();
    let gate = Gate::start(written(&upstream, &format!("contract: {{{at}, sha256: '{digest}'}}")));
    assert_eq!(gate.get("/things?limit=50").status, 200);
    let unpinned = format!("contract: {{{at}, dangerous_unpinned: true, refresh_seconds: 1}}");
    let fresh = Gate::start(written(&upstream, &unpinned));
    assert_eq!(fresh.get("/things?limit=50").status, 200);
    version.store(1, Ordering::SeqCst);
    until("the new one is in force", || {
        fresh.get("/things?limit=50").status == 400
    });
    let before = refused(&gate);
    gate.signal("-HUP");
    until("the changed one is refused where it is pinned", || {
        refused(&gate) > before
    });
    assert_eq!(gate.get("/things?limit=50").status, 200);
}
