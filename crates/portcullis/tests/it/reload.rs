//! Reloading: the last good configuration stays, and what changed is in force. (Under load: under_load.rs.)

use serde_json::Value;

use crate::gate::{Gate, Setup, run, until};
use crate::http::{THING, THINGS};
use crate::issuers::{NESTED, pages, sealed, serve, setup, shared_key};
use crate::tokens::{Issuer, get, key_set};
use crate::upstream::{Upstream, ok};

fn reloads(gate: &Gate, outcome: &str) -> f64 {
    gate.metric(&["portcullis_reloads_total", outcome])
}

#[test]
fn what_is_broken_is_not_put_in_force_and_is_told() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address).start();
    let (contract, configuration) = (gate.directory.read("api.yaml"), gate.directory.read("gate.yaml"));
    for (number, (name, text)) in [
        ("gate.yaml", "listen: [\n".to_owned()),
        ("gate.yaml", configuration.replace("apis:", "apiz:")),
        ("api.yaml", "openapi: 3.1.0\npaths: {'/things': {get: 7}}\n".to_owned()),
        ("api.yaml", contract.replace("type: number", "type: numbre")),
        ("api.yaml", String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        let (refused, told) = (reloads(&gate, "refused"), gate.log().len());
        gate.directory.write(name, &text);
        until("the reload is refused", || reloads(&gate, "refused") > refused);
        until("it is logged", || {
            gate.log()[told..].iter().any(|line| line.contains("not reloaded"))
        });
        assert_eq!(gate.get("/things").status, 200, "{number}");
        let applied = reloads(&gate, "applied");
        gate.directory.write("gate.yaml", &configuration);
        gate.directory.write("api.yaml", &contract);
        until("the good one is loaded again", || reloads(&gate, "applied") > applied);
    }
    assert_eq!(gate.health("/readyz"), 200);
}

#[test]
fn what_changed_is_in_force_and_what_cannot_be_is_told() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {undeclared: {query: refuse}}")
        .start();
    gate.get("/things?odd=1").is_refused(400, "contract.query.undeclared");
    let configuration = gate
        .directory
        .read("gate.yaml")
        .replace("query: refuse", "query: allow");
    gate.directory.write("gate.yaml", &configuration);
    until("the policy is in force", || gate.get("/things?odd=1").status == 200);
    // A path that the contract no longer has.
    let contract = gate.directory.read("api.yaml").replace("/traced:", "/traced2:");
    gate.directory.write("api.yaml", &contract);
    until("the contract is in force", || gate.get("/traced").status == 404);
    // Another upstream.
    let other = Upstream::with_json(r#"{"name":"other"}"#);
    let moved = configuration.replace(&upstream.address.to_string(), &other.address.to_string());
    gate.directory.write("gate.yaml", &moved);
    until("the upstream is in force", || {
        gate.get("/things").text() == r#"{"name":"other"}"#
    });
    // Sockets stay as they are.
    let elsewhere = moved.replace("listen: 127.0.0.1:0\nadmin", "listen: 127.0.0.1:1\nadmin");
    assert_ne!(elsewhere, moved);
    gate.directory.write("gate.yaml", &elsewhere);
    until("the log says what needs a restart", || {
        gate.log()
            .iter()
            .any(|line| line.contains("restart") && line.contains("listen"))
    });
    assert_eq!(gate.get("/things").status, 200);
}

#[test]
fn warnings_and_errors_have_one_shape_each_at_its_level() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address).start();
    let contract = gate.directory.read("api.yaml");
    // Nothing is declared of its members: a warning, whatever else is wrong.
    let loose = contract.replace(
        "schema: {type: object, properties: {detail: {type: string}}}",
        "schema: {type: object}",
    );
    assert_ne!(loose, contract);
    let told_of = |words: &str, after: usize| {
        let log = gate.log();
        let lines = log[after..]
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut found = lines.filter(|line| line["message"].as_str().is_some_and(|said| said.contains(words)));
        let found = found.next()?;
        let placed = found["line"].as_u64().is_some() && found["column"].as_u64().is_some();
        assert!(placed || found["location"].is_null(), "{found}");
        Some((found["level"].clone(), found["location"].clone()))
    };
    let at = |level: &str| Some((level.into(), "api.yaml".into()));
    let warning = "an object without `properties`";
    let after = gate.log().len();
    gate.directory.write("api.yaml", &loose);
    until("it is warned of", || told_of(warning, after) == at("WARN"));
    let after = gate.log().len();
    gate.directory
        .write("api.yaml", &loose.replace("type: number", "type: numbre"));
    until("it is refused", || told_of("not reloaded", after).is_some());
    assert_eq!(told_of(warning, after), at("WARN"));
    assert_eq!(told_of("`numbre`", after), at("ERROR"));
}

/// What makes a configuration unusable: before anything of it is read for good, and when all of it was.
const WRONG: [&str; 2] = [
    "credentials: {store: none.db, secret: none.jwks}",
    "arrival_limit: {requests: 1, per: 24h, burst: 1000000}",
];

#[test]
fn jose_11_a_reload_that_is_refused_changes_nothing_of_what_is_believed() {
    let (upstream, issuer, (server, pages)) = (Upstream::with_json(THING), Issuer::new("one"), pages());
    serve(&pages, "/keys", ok("application/json", &key_set(&[&issuer])));
    let keys = format!(
        "keys: {{url: 'http://{}/keys', dangerous_private_address: true}}",
        server.address
    );
    let decryption = "decryption: {keys: [{file: shared.jwk}]}";
    let directory = setup(&upstream, "https://id.example", &format!("{keys}, {decryption}")).written();
    directory.write_secret("shared.jwk", &shared_key());
    let gate = Gate::start(directory);
    let (plain, sealed) = (issuer.token(), sealed(NESTED, &issuer.token()));
    until("the keys are there", || get(&gate, &sealed).status == 200);
    get(&gate, &plain).is_refused(401, "authentication.required");
    // From here on they cannot be fetched again.
    pages.lock().unwrap().clear();
    let good = gate.directory.read("gate.yaml");
    for wrong in WRONG {
        for (now, then) in [
            ("shared.jwk}]}", "shared.jwk}], also_unencrypted: true}"),
            (&*format!(", {decryption}"), ""),
            ("https://things.example", "https://others.example"),
        ] {
            let (refused, applied) = (reloads(&gate, "refused"), reloads(&gate, "applied"));
            let changed = good.replace(now, then);
            assert_ne!(changed, good);
            gate.directory.write("gate.yaml", &format!("{wrong}\n{changed}"));
            until("the reload is refused", || reloads(&gate, "refused") > refused);
            assert_eq!(get(&gate, &sealed).status, 200, "{wrong} {then}");
            get(&gate, &plain).is_refused(401, "authentication.required");
            gate.directory.write("gate.yaml", &good);
            until("the good one is loaded again", || reloads(&gate, "applied") > applied);
            assert_eq!(get(&gate, &sealed).status, 200, "{wrong} {then}");
            get(&gate, &plain).is_refused(401, "authentication.required");
        }
    }
}

#[test]
fn what_could_be_better_and_what_is_wrong_is_told_together_in_order() {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address)
        .with("credentials: {store: none.db, secret: none.jwks}")
        .with("users: [{name: staff, file: users.txt}]")
        .with("upstream_tokens: {issuer: 'https://gate.example', keys: [none.pem]}")
        .written();
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    directory.write("users.txt", &format!("alice:{hash}\n"));
    directory.permit("users.txt", 0o644);
    let output = run(&directory.0, &["check", "--json", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = told.as_array().or(told["problems"].as_array()).unwrap();
    let of: Vec<_> = told
        .iter()
        .filter(|problem| problem.to_string().contains("gate.yaml"))
        .map(|problem| (problem["line"].as_u64().unwrap(), problem["severity"].as_str().unwrap()))
        .collect();
    assert_eq!(of, [(3, "error"), (4, "warning"), (5, "error")], "{told:?}");
}
