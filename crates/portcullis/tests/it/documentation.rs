//! What the pages in `docs/` name is there: metrics with their labels. And every setting of the schema is named in one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::gate::{Directory, Gate, run, until};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Upstream, ok};

/// The labels of each metric, by its name.
type Labels = BTreeMap<String, BTreeSet<String>>;

/// An operation for each family that only counts when something happens.
const CONTRACT: &str = r"openapi: 3.1.0
info: {title: a, version: '1'}
paths:
  /things:
    get:
      x-portcullis: {modes: {contract_in: observe}}
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}
  /file:
    get:
      responses: {'200': {description: ok, content: {application/octet-stream: {}}}}
";

/// Every page, by its name.
fn pages() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let page = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    pages.map(page).collect()
}

/// What stands between backticks, blocks of code included.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The metrics in the table of operations.md.
fn documented(page: &str) -> Labels {
    let (_, rest) = page.split_once("### Metrics\n").unwrap();
    let (section, _) = rest.split_once("\n### ").unwrap();
    let mut documented = Labels::new();
    for row in section.lines().filter(|line| line.starts_with("| `portcullis_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").filter(|label| !label.is_empty());
        let labels: BTreeSet<String> = labels.map(str::to_owned).collect();
        for name in quoted(cells[1]) {
            let before = documented.insert(name.to_owned(), labels.clone());
            assert_eq!(before, None, "`{name}` stands in two rows");
        }
    }
    documented
}

/// The metrics that have a sample.
fn exposed(metrics: &str) -> Labels {
    let histograms: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram"))
        .collect();
    let mut exposed = Labels::new();
    for sample in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = sample.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let part_of = |histogram: &&&str| {
            let part = name.strip_prefix(**histogram);
            part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
        };
        let name = histograms.iter().find(part_of).copied().unwrap_or(name);
        let labels = labels.trim_end_matches('}').split("\",");
        let labels = labels
            .filter_map(|label| label.split_once("=\""))
            .map(|(label, _)| label);
        let known = exposed.entry(name.to_owned()).or_default();
        known.extend(labels.filter(|label| *label != "le").map(str::to_owned));
    }
    exposed
}

const LIST: &str = "\
openapi: 3.1.0
info: {title: List, version: '1'}
paths:
  /things:
    get:
      x-portcullis: {collection: {items: '', type: Thing, id: ''}}
      responses: {'200': {description: all, content: {application/json: {schema: {type: array, items: {type: string}}}}}}
";

const DECIDED: &str = "\
openapi: 3.1.0
info: {title: Decided, version: '1'}
paths:
  /accounts/{account}:
    get:
      parameters: [{name: account, in: path, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, path: account}]}
      responses: {'200': {description: one}}
";

/// The key of a witness that there is not.
const WITNESS: &str = "witness.example/w+b9eb7b1f+BHbc7GPDBvMvRoRCne30EmPcEaCEV8oCZSt46TCEVTV+";

/// A gate to which everything has happened that makes a family appear.
fn after_everything(upstream: &Upstream) -> Gate {
    let directory = Directory::new();
    directory.write("api.yaml", CONTRACT);
    directory.write("list.yaml", LIST);
    directory.write("decided.yaml", DECIDED);
    directory.write("list.cedar", "permit (principal, action, resource == Thing::\"b\");");
    directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
    directory.write_secret("secret", "of the gate");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let configuration = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: '127.0.0.1:0'}}\nissuers:\n  - {{name: read, issuer: a, audiences: [a], keys: {{file: keys.json}}}}\n  - {{name: fetched, issuer: b, audiences: [b], keys: {{url: 'http://{nobody}/', dangerous_private_address: true}}}}\n  - {{name: asked, issuer: c, audiences: [c], introspection: {{url: 'https://{nobody}/', client_id: gate, client_secret_file: secret, dangerous_private_address: true}}}}\napis:\n  - {{name: api, contract: api.yaml, upstream: 'http://{}', policy: {{rate_limits: [{{name: seen, shared: all, requests: 1, per: 10m, mode: observe}}]}}}}\n  - name: down\n    contract: api.yaml\n    base_path: /down\n    upstream: {{url: 'http://{nobody}', breaker: {{}}}}\n  - {{name: list, contract: list.yaml, base_path: /list, upstream: 'http://{}', authorization: {{policies: [list.cedar]}}}}\n  - name: decided\n    contract: decided.yaml\n    base_path: /decided\n    upstream: 'http://{nobody}'\n    authorization:\n      resources: {{Account: {{owner: User}}}}\n      lookups: [{{resource: Account, url: 'https://a.example/{{id}}', attributes: {{owner: /owner}}}}]\n      decision_points: [{{name: main, kind: opa, url: 'https://a.example/v1/data/a'}}]\n  - {{name: related, contract: api.yaml, base_path: /related, upstream: 'http://{nobody}', authorization: {{relations: grants.yaml}}}}\nrelations: {{store: relations.db, model: model.yaml}}\naudit_log: {{path: log, name: gate.example/audit, keys: [log.pem], exports: [{{name: archive, file: {{path: out/audit.jsonl}}}}], checkpoints: {{places: [{{name: witness, witness: {{endpoint: {{url: 'https://{nobody}', dangerous_private_address: true}}, keys: [{WITNESS}]}}}}]}}}}\n",
        upstream.address, upstream.address
    );
    directory.write("gate.yaml", &configuration);
    directory.write("model.yaml", "types: {user: }");
    directory.write("grants.yaml", "grants: []");
    assert!(
        run(&directory.0, &["relation", "init", "-c", "gate.yaml"])
            .status
            .success()
    );
    assert!(run(&directory.0, &["log", "init", "-c", "gate.yaml"]).status.success());
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/things?undeclared=1").status, 200);
    assert_eq!(gate.get("/file").status, 200);
    assert_eq!(gate.get("/list/things").text(), "[]");
    gate.get("/nowhere").is_refused(404, "route.unknown");
    gate.get("/down/things").is_refused(502, "upstream.connect");
    until("the failure is counted", || {
        gate.metric(&["portcullis_refusals_total", "upstream.connect"]) > 0.0
    });
    gate
}

#[test]
fn metrics_are_those_of_the_documentation() {
    let upstream = Upstream::start(|seen, stream| {
        let answer = match seen.line.contains("/file") {
            true => ok("application/octet-stream", "bytes"),
            false if seen.line.contains("/list") => ok("application/json", "[\"a\"]"),
            false => ok("application/json", r#"{"name":"hammer","more":1}"#),
        };
        std::io::Write::write_all(stream, &answer).is_ok()
    });
    let exposed = exposed(&after_everything(&upstream).metrics());
    let pages = pages();
    assert_eq!(documented(&pages["operations.md"]), exposed);
    for (page, text) in &pages {
        // With the labels that are written with it: `name{label="value"}`.
        for quoted in quoted(text).filter(|quoted| quoted.starts_with("portcullis_")) {
            let (name, selected) = quoted.split_once('{').unwrap_or((quoted, ""));
            let labels = exposed.get(name);
            let labels = labels.unwrap_or_else(|| panic!("{page} names `{name}`, which there is not"));
            for (label, _) in selected.split(',').filter_map(|label| label.split_once('=')) {
                assert!(labels.contains(label), "{page} gives `{name}` the label `{label}`");
            }
        }
    }
}

/// The names of the settings in a schema: those of objects, and the words of choices that are objects.
fn settings(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            found.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
            members.values().for_each(|member| settings(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| settings(item, found)),
        _ => {}
    }
}

/// The words of a text that a setting's name can be, wherever code stands in it.
fn words(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let code = quoted(text).flat_map(|code| code.split(move |letter| !is_part(letter)));
    code.map(str::to_owned).collect()
}

#[test]
fn every_setting_is_named_in_some_page() {
    let directory = Directory::new();
    let schema = run(&directory.0, &["config", "schema"]).stdout;
    let mut known = BTreeSet::new();
    settings(&serde_json::from_slice(&schema).unwrap(), &mut known);
    assert!(known.len() > 100, "{known:?}");
    let named: BTreeSet<String> = pages().values().flat_map(|text| words(text)).collect();
    let unnamed: Vec<&String> = known.difference(&named).collect();
    assert!(unnamed.is_empty(), "no page names {unnamed:?}");
}
