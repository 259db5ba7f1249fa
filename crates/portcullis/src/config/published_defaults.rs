//! Holds the defaults that descriptions publish ("Default: 10.") against those that are filled in: a setting that is written as
//! its published default changes nothing.

use std::collections::BTreeSet;

use portcullis_contract::document::{Member, Node, Span, Value, parse};
use serde_json::Value as Json;

use super::{check, policy, schema};

/// Every object that a configuration can have, each with no more than it needs.
const BASE: &str = "\
listen:
  - address: 127.0.0.1:8443
    tls: {certificates: [{chain: a.pem, key: a.key}], client_authorities: clients.pem}
    addresses: {}
  - address: 127.0.0.1:8444
    tls: {acme: {directory: 'https://ca.example/directory', hosts: [a.example], storage: acme, terms_agreed: true}, client_authorities: clients.pem}
admin: {listen: '127.0.0.1:9901', addresses: {}}
addresses: {}
connection: {}
arrival_limit: {requests: 7, per: 3s}
logins: {}
log: {}
observe: {file: seen.jsonl}
process: {}
traces: {otlp: 'http://127.0.0.1:4318/v1/traces'}
audit_log: {path: log, name: gate.example/log, keys: [log.pem], defaults: {}, redaction: {}, retention: {}, exports: [{name: a, file: {path: out/a.jsonl}}, {name: b, syslog: {address: siem.example}}, {name: c, otlp: {url: 'https://c.example/v1/logs'}}], checkpoints: {places: [{name: w, witness: {endpoint: {url: 'https://w.example'}, keys: [witness.example/w+b9eb7b1f+BHbc7GPDBvMvRoRCne30EmPcEaCEV8oCZSt46TCEVTV+]}}, {name: g, git: {remote: /srv/audit.git}}]}}
issuers:
  - {name: ours, issuer: 'https://issuer.example', audiences: [api], keys: {url: 'https://issuer.example/keys'}}
  - name: asked
    issuer: 'https://asked.example'
    audiences: [api]
    introspection: {url: 'https://asked.example/ask', client_id: gate, client_secret_file: secret}
credentials: {store: credentials.db, secret: credentials.jwks}
relations: {store: relations.db, model: relations.model.yaml}
upstream_tokens: {issuer: 'https://gate.example'}
signers:
  - {name: partners, file: keys.json, keys: [{keyid: k, client: acme}]}
client_certificates: [{name: services, rules: [{dns: a.example}]}]
dpop: {}
authzen: [{name: pdp, for: a, dangerous_unauthenticated: true, policy: {}}]
apis:
  - contract: {git: contracts.git, ref: main, file: a.openapi.yaml}
    upstream:
      endpoints: [{url: 'https://a.internal'}, 'https://b.internal']
      tls: {}
      health: {path: /healthz, outlier: {}}
      retries: {}
      breaker: {}
      canary: {endpoints: ['https://c.internal'], header: {name: X-Canary, value: '1'}}
      mirror: {url: 'https://d.internal'}
    upstream_identity: {jwt: {audience: orders}}
    authorization:
      policies: [a.cedar]
      rego: {policies: [a.rego], query: data.a.allow}
      resources: {Account: {owner: User}}
      lookups: [{resource: Account, url: 'https://a.example/accounts/{id}', attributes: {owner: /owner}, breaker: {}}]
      decision_points: [{name: a, kind: opa, url: 'https://a.example/v1/data/a', breaker: {}}]
    policy:
      modes: {}
      addresses: {}
      cors: {origins: ['https://app.example']}
      undeclared: {}
      response: {}
      timeouts: {}
      websocket: {}
      step_up: {}
      rate_limits: [{name: a, requests: 5, per: 1s}]
";

/// Settings whose default is nothing, or is not one value but told in words.
const IN_WORDS: &[(&str, &str)] = &[
    ("AcmeWritten", "root"),
    ("Addresses", "allow"),
    ("Admin", "addresses"),
    ("AdminOperationsWritten", "addresses"),
    ("AdminOperationsWritten", "certificates"),
    ("AdminOperationsWritten", "listeners"),
    ("AdminOperationsWritten", "roles"),
    ("AdminOperationsWritten", "tags"),
    ("Api", "admin_operations"),
    ("Api", "base_path"),
    ("Api", "hosts"),
    ("Api", "name"),
    ("Api", "ref_origins"),
    ("Api", "upstream_identity"),
    ("ClientCertificatesWritten", "listeners"),
    ("CollectionWritten", "action"),
    ("CollectionWritten", "attributes"),
    ("CollectionWritten", "counts"),
    ("CollectionWritten", "links"),
    ("Configuration", "arrival_limit"),
    ("Api", "authorization"),
    ("AuditLogWritten", "checkpoints"),
    ("AuditLogWritten", "exports"),
    ("AuditLogWritten", "readers"),
    ("AuditLogWritten", "retention"),
    ("DeliveryEndpointWritten", "credentials"),
    ("ExportFileWritten", "files_max"),
    ("SyslogWritten", "tls"),
    ("AuditPolicyWritten", "durability"),
    ("AuditPolicyWritten", "fields"),
    ("AuditPolicyWritten", "on_failure"),
    ("Policy", "audit_log"),
    ("RedactionWritten", "found"),
    ("RedactionWritten", "personal"),
    ("RetentionWritten", "bytes_max"),
    ("RetentionWritten", "compress_after_days"),
    ("RetentionWritten", "days"),
    ("AuthorizationWritten", "claims"),
    ("AuthorizationWritten", "decision_points"),
    ("AuthorizationWritten", "groups_claim"),
    ("AuthorizationWritten", "lookups"),
    ("AuthorizationWritten", "rego"),
    ("AuthorizationWritten", "resources"),
    ("AuthorizationWritten", "subject_ids"),
    ("Policy", "collection"),
    ("Policy", "relations"),
    ("Policy", "context"),
    ("Policy", "resources"),
    ("RegoWritten", "data"),
    ("DecisionPointWritten", "hosts"),
    ("DecisionPointWritten", "resource_types"),
    ("DecisionPointWritten", "scopes"),
    ("DecisionPointWritten", "subject_types"),
    ("DecisionPointWritten", "url"),
    ("Configuration", "failed_authentication_limit"),
    ("Configuration", "forwarded_client_certificates"),
    ("Configuration", "trusted_proxies"),
    ("Configuration", "workers"),
    ("Connection", "age_seconds_max"),
    ("Contract", "refresh_seconds"),
    ("Cors", "expose_headers"),
    ("Cors", "origins"),
    ("PointElsewhereWritten", "credentials"),
    ("HeadersWritten", "claims"),
    ("Health", "path"),
    ("Health", "statuses"),
    ("IssuerWritten", "age_seconds_max"),
    ("IssuerWritten", "required_claims"),
    ("JwtWritten", "claims"),
    ("Listen", "tls"),
    ("Log", "format"),
    ("LoginsWritten", "failures_of_user"),
    ("LoginsWritten", "failures_of_user_at_address"),
    ("LoginsWritten", "threads"),
    ("LookupWritten", "credentials"),
    ("LookupWritten", "optional"),
    ("Pace", "burst"),
    ("Policy", "file_bytes_max"),
    ("Policy", "listeners"),
    ("Policy", "modes"),
    ("Policy", "sensitive_claims"),
    ("ProcessWritten", "drain_delay_seconds"),
    ("ProcessWritten", "group"),
    ("ProcessWritten", "pid_file"),
    ("ProcessWritten", "user"),
    ("SignerWritten", "scopes"),
    ("SignersWritten", "required_components"),
    ("SignersWritten", "tag"),
    ("StepUpWritten", "acr"),
    ("StepUpWritten", "max_age_seconds"),
    ("RateLimit", "burst"),
    ("RateLimit", "key"),
    ("RateLimit", "mode"),
    ("Retries", "statuses"),
    ("SchemeWritten", "forward"),
    ("Timeouts", "first_byte_seconds_max"),
    ("Timeouts", "total_seconds_max"),
    ("TlsWritten", "client_authorities"),
    ("Upstream", "breaker"),
    ("Upstream", "http2"),
    ("Upstream", "idle_max"),
    ("Upstream", "requests_max"),
    ("Upstream", "retries"),
    ("Upstream", "slow_start_seconds"),
    ("Upstream", "sticky"),
    ("UpstreamTls", "ca"),
    ("UpstreamTls", "server_name"),
    ("UpstreamTokensWritten", "keys"),
    ("Websocket", "protocols"),
];

/// A setting that is not written, where the schema describes it.
struct Unwritten {
    /// The name of the object's schema, and the setting's.
    setting: (String, String),
    /// From the root to the object: names of members and places in lists.
    path: Vec<String>,
    /// What stands after `Default: `, up to the end of the sentence.
    default: String,
}

#[test]
fn what_is_published_as_a_default_is_the_default() {
    let base = parse("gate.yaml", BASE.as_bytes()).unwrap();
    let lowered = lowered(&base).unwrap();
    let mut unwritten = Vec::new();
    visit(&base, &root(), &mut Vec::new(), &mut unwritten);
    let in_words: BTreeSet<_> = IN_WORDS
        .iter()
        .map(|(object, name)| (*object).to_owned() + "." + name)
        .collect();
    let mut seen = in_words.clone();
    for Unwritten {
        setting: (object, name),
        path,
        default,
    } in unwritten
    {
        let setting = format!("{object}.{name}");
        if in_words.contains(&setting) {
            continue;
        }
        let written = values(&default).into_iter().find_map(|value| {
            let mut written = base.clone();
            insert(&mut written, &path, &name, value);
            self::lowered(&written)
        });
        assert_eq!(
            written.as_ref(),
            Some(&lowered),
            "`{setting}` with its default, `{default}`"
        );
        seen.insert(setting);
    }
    assert_eq!(
        seen,
        published(),
        "each default is held against the code, or told in words"
    );
}

/// What the program makes of it, in text; nothing where there is a problem.
fn lowered(root: &Node) -> Option<String> {
    let (mut configuration, _) = check(root.clone(), "gate.yaml", "/etc/gate".as_ref()).usable().ok()?;
    let apis = configuration.apis.iter_mut();
    let policies: Vec<_> = apis
        .map(|api| policy::settle(&[&std::mem::take(&mut api.policy)]))
        .collect();
    Some(format!("{configuration:#?}\n{policies:#?}"))
}

/// What is written as this text: a word, alone or in a list, a boolean or a number.
fn values(default: &str) -> Vec<Value> {
    let word = Value::String(default.trim_matches('`').into());
    let listed = Value::Array(vec![Node {
        value: word.clone(),
        span: Span::default(),
    }]);
    let mut values = vec![word, listed];
    match default {
        "true" => values.push(Value::Bool(true)),
        "false" => values.push(Value::Bool(false)),
        _ if default.parse::<f64>().is_ok() => values.push(Value::Number(default.into())),
        _ => {}
    }
    values
}

fn insert(node: &mut Node, path: &[String], name: &str, value: Value) {
    match (&mut node.value, path) {
        (Value::Object(object), [next, rest @ ..]) => {
            insert(
                &mut object.members.get_mut(next.as_str()).unwrap().value,
                rest,
                name,
                value,
            );
        }
        (Value::Array(list), [next, rest @ ..]) => {
            insert(&mut list[next.parse::<usize>().unwrap()], rest, name, value);
        }
        (Value::Object(object), []) => {
            let span = Span::default();
            let member = Member {
                name_span: span,
                value: Node { value, span },
            };
            object.members.insert(name.into(), member);
        }
        _ => panic!("{path:?} leads nowhere"),
    }
}

fn root() -> (String, &'static Json) {
    ("Configuration".to_owned(), schema::configuration())
}

/// Walks what is written beside its schema, and gathers what is not written and has a default.
fn visit(node: &Node, (name, schema): &(String, &'static Json), path: &mut Vec<String>, found: &mut Vec<Unwritten>) {
    let mut alternatives = Vec::new();
    gather(name, schema, &mut alternatives);
    match &node.value {
        Value::Object(object) => {
            let fits = |properties: &Json| {
                properties.is_object() && object.members.keys().all(|name| properties.get(&**name).is_some())
            };
            let schema = alternatives.iter().find(|(_, schema)| fits(&schema["properties"]));
            // Whose members have names of their own is no object with settings.
            let is_map = |(_, schema): &(String, &Json)| schema["additionalProperties"].is_object();
            if schema.is_none() && alternatives.iter().any(is_map) {
                return;
            }
            let (name, schema) = schema.unwrap_or_else(|| panic!("no schema for {path:?}"));
            for (setting, described) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(member) = object.members.get(setting.as_str()) {
                    path.push(setting.clone());
                    visit(&member.value, &(setting.clone(), described), path, found);
                    path.pop();
                } else if let Some(default) = default(described) {
                    found.push(Unwritten {
                        setting: (name.clone(), setting.clone()),
                        path: path.clone(),
                        default,
                    });
                }
            }
        }
        Value::Array(list) => {
            let items = alternatives
                .iter()
                .find_map(|(name, schema)| Some((name, schema.get("items")?)));
            let (name, items) = items.unwrap_or_else(|| panic!("no schema for {path:?}"));
            for (index, item) in list.iter().enumerate() {
                path.push(index.to_string());
                visit(item, &(name.clone(), items), path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Every schema that one stands for, with its name: behind references, and each of alternatives.
fn gather(name: &str, schema: &'static Json, alternatives: &mut Vec<(String, &'static Json)>) {
    alternatives.push((name.to_owned(), schema));
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix("#/$defs/"))
    {
        gather(name, &root().1["$defs"][name], alternatives);
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        for schema in schema[keyword].as_array().into_iter().flatten() {
            gather(name, schema, alternatives);
        }
    }
}

/// Every setting whose description has a default.
fn published() -> BTreeSet<String> {
    let (name, root) = root();
    let definitions = root["$defs"].as_object().into_iter().flatten();
    let objects = definitions
        .map(|(name, schema)| (name.as_str(), schema))
        .chain([(name.as_str(), root)]);
    let mut published = BTreeSet::new();
    for (object, schema) in objects {
        let mut alternatives = Vec::new();
        gather(object, schema, &mut alternatives);
        for (object, schema) in alternatives {
            let properties = schema["properties"].as_object().into_iter().flatten();
            published
                .extend(properties.filter_map(|(name, schema)| default(schema).map(|_| format!("{object}.{name}"))));
        }
    }
    published
}

fn default(described: &Json) -> Option<String> {
    let (_, default) = described["description"].as_str()?.split_once("Default:")?;
    let default = default.trim();
    let end = default.find([',', ';']).unwrap_or(default.len());
    let end = end.min(default.find(". ").unwrap_or(end));
    Some(default.get(..end)?.trim_end_matches('.').to_owned())
}
