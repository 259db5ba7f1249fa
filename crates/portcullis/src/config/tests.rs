use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::address_list::AddressList;
use super::api::{Behind, Hosts, Upstream};
use super::cors::Origins;
use super::policy::Policy;
use super::rate_limit::KeyPart;
use super::raw::{Mode, UndeclaredAction};
use super::*;
use crate::report;

const SMALLEST: &str = "\
listen: 127.0.0.1:8080
apis:
  - contract: natter.openapi.yaml
    upstream: http://127.0.0.1:9000
";

const WHOLE: &str = "\
listen: [127.0.0.1:8080, {address: '[::1]:8080', name: admin, addresses: {allow: ['::1']}}]
admin: {listen: 127.0.0.1:9901, addresses: {deny: [10.0.0.0/8]}}
addresses: {deny_file: lists/deny.txt}
trusted_proxies: [10.0.0.0/8, 192.0.2.1]
trusted_header: forwarded
workers: 2
connection:
  connections_max: 100
  connections_per_address_max: 10
  head_bytes_max: 16KiB
  held_bytes_max: 2MiB
  target_bytes_max: 4096
  headers_max: 50
  head_seconds_max: 0.5
  body_seconds_max: 20
  body_pause_seconds_max: 3
  write_seconds_max: 20
  idle_seconds_max: 20
  age_seconds_max: 3600
  drain_seconds_max: 5
arrival_limit: {requests: 50, per: 2s, burst: 60}
failed_authentication_limit: {requests: 30, per: 3s}
users: [{name: staff, file: users/staff.txt}]
logins:
  threads: 3
  waiting_max: 9
  failures_of_user_at_address: {requests: 4, per: 2h, burst: 3}
  failures_of_user: {requests: 40, per: 2h, burst: 30}
log: {format: json, requests: all}
observe: {file: seen/observations.jsonl, file_bytes_max: 1MiB}
process:
  pid_file: gate.pid
  user: portcullis
  group: '990'
  sandbox: required
  drain_delay_seconds: 3
  restart_seconds_max: 9
apis:
  - name: natter
    contract: api/natter.openapi.yaml
    ref_origins: [https://schemas.example.com]
    upstream:
      url: http://127.0.0.1:9000
      connect_seconds_max: 1
      first_byte_seconds_max: 5
      total_seconds_max: 10
      connections_max: 20
      idle_max: 5
      idle_seconds_max: 9
      preserve_host: true
    hosts: [API.example.com]
    base_path: [/v1, /]
    policy:
      modes: {contract_in: observe, rate_limits: off, url_secrets: enforce, contract_out: observe, response_tokens: off,
              addresses: observe, cors: off}
      listeners: [admin]
      addresses: {allow: [10.0.0.0/8, 2001:db8::/32], allow_file: lists/office.txt, deny: [10.9.0.0/16]}
      cors:
        origins: ['https://APP.example:443', 'http://localhost:3000']
        credentials: true
        max_age_seconds: 60
        expose_headers: [X-Total]
        dangerous_null_origin: true
      undeclared: {query: strip, header: allow, cookie: refuse, body: allow}
      response: {action: block, oversize: block, body_bytes_max: 64KiB}
      body_bytes_max: 32KiB
      authentication: false
      login: true
      timeouts: {first_byte_seconds_max: 3, total_seconds_max: 4}
      sensitive_claims: [email]
      relations:
        creates: {type: account, answer: /id, caller: owner, parent: {relation: bank, type: bank, path: bank}}
      rate_limits:
        - {name: login, key: [address, {header: X-Key}, {path: id}, {query: q}, {body: /user}], requests: 5, per: 15m,
           burst: 2, count: failures, shared: logins, exact: true, mode: observe}
traces: {otlp: 'http://127.0.0.1:4318/v1/traces', sample: 0.25, trust_incoming: true, service: gate, waiting_max: 100}
credentials: {store: kept/credentials.db, secret: kept/credentials.jwks, prefix: acme}
relations: {store: kept/relations.db, model: relations.model.yaml}
";

fn problems_of(text: &str) -> String {
    let problems = read("gate.yaml", text.as_bytes()).problems;
    anstream::adapter::strip_str(&report::text(&problems, None)).to_string()
}

fn checked(text: &str) -> Configuration {
    read("/etc/gate/gate.yaml", text.as_bytes()).usable().unwrap().0
}

#[test]
fn what_is_wrong_with_whoever_vouches_is_one_error_and_not_another_for_each_who_names_them() {
    let api = "\
listen: 127.0.0.1:8080
apis:
  - contract: a.yaml
    upstream: http://127.0.0.1:9000
    security_schemes: {bearer: {issuers: [main]}, mtls: {client_certificates: partners}, key: {api_keys: true}}
";
    let partners = "client_certificates: [{name: partners, ruls: [{dns: a.example}]}]\n";
    let kept = "credentials: {stor: a.db, secret: a.jwks}\n";
    for (issuer, message) in [
        ("audience: a", "unknown key `audience`"),
        ("audiences: []", "`audiences` has 0 elements"),
    ] {
        let issuers = format!("issuers: [{{name: main, issuer: 'https://a', {issuer}, keys: {{file: k}}}}]\n");
        let found = problems_of(&format!("{api}{issuers}{partners}{kept}"));
        assert!(found.contains(message), "{found}");
        for knock_on in ["is called", "are called", "not said where"] {
            assert!(!found.contains(knock_on), "{found}");
        }
    }
    // Who is not described at all, and whom a misspelt name means.
    let astray = format!("{api}issuers: [{{name: maim, issuer: 'https://a', audiences: [], keys: {{file: k}}}}]\n");
    let found = problems_of(&astray);
    assert!(
        found.contains("no issuer is called `main`") && found.contains("did you mean `maim`?"),
        "{found}"
    );
    assert!(
        found.contains("no rules for client certificates are called `partners`"),
        "{found}"
    );
}

#[test]
fn the_smallest_file_has_safe_defaults() {
    let Configuration {
        listen,
        admin,
        trusted_proxies,
        workers,
        connection,
        apis,
        observe,
        traces,
        ..
    } = checked(SMALLEST);
    assert_eq!(listen.len(), 1);
    assert_eq!(listen[0].address, "127.0.0.1:8080".parse().unwrap());
    assert_eq!((&listen[0].tls, &listen[0].name), (&None, &None));
    assert_eq!(listen[0].addresses, AddressList::default());
    assert_eq!(admin, None);
    assert_eq!(trusted_proxies, []);
    assert!(workers.get() >= 1);
    assert_eq!(
        (connection.connections_max, connection.connections_per_address_max),
        (10_000, 256)
    );
    assert_eq!(observe, None);
    assert_eq!(traces, None);
    let [api] = apis.as_slice() else { panic!("one API") };
    assert_eq!(api.name, "natter");
    assert_eq!(api.contract.to_string(), "/etc/gate/natter.openapi.yaml");
    assert_eq!(api.hosts, Hosts::FromContract);
    assert!(api.references.origins.is_empty() && !api.references.files_anywhere);
    let policy = policy::settle(&[&api.policy]);
    assert_eq!(policy.modes.contract_in, Mode::Enforce);
    assert_eq!(policy.undeclared.query, UndeclaredAction::Refuse);
    assert_eq!(policy.undeclared.body, UndeclaredAction::Refuse);
    assert!(policy.response.strip);
    assert_eq!(policy.rate_limits.len(), 1, "one limit by address");
}

#[test]
fn every_setting_arrives() {
    insta::assert_debug_snapshot!("whole", checked(WHOLE));
    let whole = checked(WHOLE);
    insta::assert_debug_snapshot!("whole_policy", policy::settle(&[&whole.apis[0].policy]));
}

#[test]
fn arguments_are_a_configuration() {
    let (configuration, _) = from_arguments("127.0.0.1:0", "api/a.yaml", "http://127.0.0.1:1")
        .usable()
        .unwrap();
    assert_eq!(configuration.apis[0].contract.to_string(), "api/a.yaml");
    let problems = from_arguments("8080", "a.yaml", "127.0.0.1:9000").problems;
    let told = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("arguments", told);
}

#[test]
fn shape_problems_are_told_together() {
    insta::assert_snapshot!(
        "shape",
        problems_of(
            "\
lisen: 127.0.0.1:8080
listen: [127.0.0.1:8080, localhost:80]
trusted_proxies: [10.0.0.1/8]
workers: 0
connection:
  head_bytes_max: 1KB
  target_bytes_max: 1MiB
  idle_seconds_max: -1
  connections_max: ten
log: {format: jsn, requests:}
apis:
  - name: natter
    contract: natter.openapi.yaml
    upstream: 127.0.0.1:9000
    policy:
      modes: {contract_in: enforced}
      rate_limits:
        - {name: a, key: [adress, {header: X-Key, path: id}, {cookie: a}, {body: username}], requests: 1.5, per: 15 m}
        - {name: a, requests: 5}
  - contract: ${env:CONTRACT}
    upstream: {url: http://127.0.0.1:1, preserve_host: yes}
  - 7
"
        )
    );
}

#[test]
fn problems_between_settings_are_told_together_with_those_of_shape() {
    insta::assert_snapshot!(
        "between_settings",
        problems_of(
            "\
listen: [127.0.0.1:8080, 127.0.0.1:8080]
admin: {listen: 0.0.0.0:9901}
trusted_proxies: [0.0.0.0/0]
workers: many
connection: {connections_max: 10, connections_per_address_max: 20, head_bytes_max: 2KiB, target_bytes_max: 4KiB}
process: {group: portcullis, sandbox: required, dangerous_no_sandbox: true}
apis:
  - contract: natter.openapi.yaml
    upstream: {url: http://127.0.0.1:9000, first_byte_seconds_max: 90}
    hosts: [a.example, A.example]
    policy:
      rate_limits:
        - {name: a, requests: 5, per: 1s, key: [address, address]}
        - {name: a, requests: 5, per: 1s, burst: 100}
  - contract: v2/natter.openapi.yaml
    upstream: http://127.0.0.1:9000
    hosts: [b.example]
    dangerous_any_host: true
"
        )
    );
}

#[test]
fn problems_of_who_reaches_what_are_told() {
    insta::assert_snapshot!(
        "access",
        problems_of(
            "\
listen: [{address: 127.0.0.1:8080, name: admin}, {address: 127.0.0.1:8081, name: admin}, {addres: 127.0.0.1:1}, 8080]
addresses: {allow: [], deny: [10.0.0.1/8]}
apis:
  - name: one
    contract: natter.openapi.yaml
    upstream: http://127.0.0.1:9000
    limits_of: two
    policy: {listeners: [adnim, admin], cors: {dangerous_any_origin: true, credentials: true}}
  - name: two
    contract: natter.openapi.yaml
    upstream: http://127.0.0.1:9000
    limits_of: three
    policy: {cors: {dangerous_any_origin: true, origins: ['https://a.example']}}
  - name: three
    contract: natter.openapi.yaml
    upstream: http://127.0.0.1:9000
    policy: {cors: {origins: ['https://*.a.example', 'null', 'https://a.example/x']}, listeners: []}
  - name: four
    contract: natter.openapi.yaml
    upstream: http://127.0.0.1:9000
    limits_of: four
"
        )
    );
}

#[test]
fn a_contract_names_no_files_of_the_gate() {
    let text = "x-portcullis: {addresses: {allow_file: /etc/passwd, deny_file: deny.txt}}";
    let node = parse("a.yaml", text.as_bytes()).unwrap();
    let locate = |_: FileId| "a.yaml".to_owned();
    let mut problems = Problems::new(&locate);
    policy::extension(&node, &mut problems);
    let told: Vec<String> = problems
        .into_sorted()
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    assert_eq!(
        told,
        [
            "the contract names `/etc/passwd`, and only the configuration may name lists",
            "the contract names `deny.txt`, and only the configuration may name lists"
        ]
    );
}

#[test]
fn one_problem_each() {
    let told = [
        "",
        "[]",
        "a: [",
        "listen: 127.0.0.1:80\nlisten: 127.0.0.1:81\n",
        "listen: 127.0.0.1:80\napis: []\n",
        "listen: 127.0.0.1:80\nadmin: {listen: 127.0.0.1:80}\napis: [{contract: a, upstream: 'http://a:1'}]\n",
        "listen: 127.0.0.1:80\napis: [{contract: a, upstream: 'ftp://a:1'}]\n",
        "listen: 127.0.0.1:80\napis: [{contract: a, upstream: 'http://a:1/base'}]\n",
        "listen: 127.0.0.1:80\napis: [{contract: a, upstream: 'http://u:p@a:1'}]\n",
        "listen: 127.0.0.1:80\napis: [{contract: a}]\n",
    ];
    let told = told.map(|text| {
        problems_of(text)
            .lines()
            .filter(|line| !line.ends_with("1 error"))
            .collect::<Vec<_>>()
            .join("\n")
    });
    insta::assert_snapshot!("one_problem_each", told.join("\n"));
}

/// The upstream of the first API.
fn upstream(configuration: &Configuration) -> &Upstream {
    match &configuration.apis[0].behind {
        Behind::Upstream(upstream) => upstream,
        Behind::DecisionPoint(point) => panic!("{point:?}"),
    }
}

fn with_upstream(written: &str) -> String {
    format!("listen: 127.0.0.1:80\napis:\n  - contract: a\n    upstream: {written}\n")
}

#[test]
fn everything_about_several_endpoints_is_settled() {
    let written = with_upstream(
        "\
{endpoints: [{url: 'http://a:1', weight: 3}, 'http://b:2'],
      requests_max: 7, waiting_max: 8, resolve: each, resolve_seconds_max: 9, slow_start_seconds: 10, sticky: {cookie: sid},
      health: {path: /healthz, interval_seconds: 1, answer_seconds_max: 2, statuses: [204], up_after: 3, down_after: 4,
        failures_max: 5, ejection_seconds: 6, ejection_seconds_max: 7, ejected_percent_max: 8,
        outlier: {percent: 9, interval_seconds: 10, requests_min: 11}},
      retries: {retries_max: 2, statuses: [503], budget_percent: 3, budget_burst: 4, pause_seconds_max: 0.5},
      breaker: {failure_percent: 6, requests_min: 7, window_seconds: 8, open_seconds: 9, trials: 10},
      canary: {endpoints: ['http://c:3'], percent: 0.5, header: {name: X-Canary, value: 'yes'}},
      mirror: {url: 'http://d:4', percent: 12, dangerous_unsafe_methods: true, copies_max: 13, bytes_max: 14KiB}}",
    );
    let (configuration, _) = read("gate.yaml", written.as_bytes()).usable().unwrap();
    insta::assert_debug_snapshot!("several_endpoints", upstream(&configuration));
}

#[test]
fn one_problem_each_of_upstreams() {
    let told = [
        "{}",
        "{endpoints: []}",
        "{url: 'http://a:1', endpoints: ['http://b:1']}",
        "{endpoints: ['http://a:1', {url: 'http://a:1', weight: 2}]}",
        "{endpoints: [{url: 'http://a:1', weight: 0}]}",
        "{endpoints: [{uri: 'http://a:1'}]}",
        "{url: 'http://a:1', resolve: all}",
        "{url: 'http://a:1', sticky: {path: id}}",
        "{url: 'http://a:1', health: {path: healthz}}",
        "{url: 'http://a:1', health: {interval_seconds: 1}}",
        "{url: 'http://a:1', retries: {statuses: [404]}}",
        "{url: 'http://a:1', canary: {endpoints: ['http://b:1']}}",
        "{url: 'http://a:1', canary: {endpoints: ['http://b:1'], percent: 101}}",
        "{url: 'http://a:1', mirror: {percent: 5}}",
        "{url: 'http://a:1', tls: {ca: a.pem}}",
    ];
    let told = told.map(|written| {
        let told = problems_of(&with_upstream(written));
        let lines = told.lines().filter(|line| !line.ends_with("1 error"));
        lines.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!("one_problem_each_of_upstreams", told.join("\n"));
}

#[test]
fn only_one_endpoint_without_wishes_is_direct() {
    for (written, direct) in [
        ("http://a:1", true),
        ("{url: 'http://a:1', preserve_host: true, idle_max: 3}", true),
        ("{endpoints: ['http://a:1']}", true),
        ("{endpoints: ['http://a:1', 'http://b:1']}", false),
        ("{url: 'http://a:1', resolve: each}", false),
        ("{url: 'http://a:1', health: {path: /}}", false),
        ("{url: 'http://a:1', requests_max: 3}", false),
        ("{url: 'http://a:1', breaker: {open_seconds: 1}}", false),
        ("{url: 'http://a:1', retries: {statuses: [503]}}", false),
        ("{url: 'http://a:1', mirror: {url: 'http://b:1'}}", false),
    ] {
        let (configuration, _) = read("gate.yaml", with_upstream(written).as_bytes()).usable().unwrap();
        assert_eq!(upstream(&configuration).direct, direct, "{written}");
    }
}

fn policy(yaml: &str) -> raw::Policy {
    let node = parse("a.yaml", format!("x-portcullis: {yaml}").as_bytes()).unwrap();
    let locate = |_: FileId| "a.yaml".to_owned();
    let mut problems = Problems::new(&locate);
    let policy = policy::extension(&node, &mut problems);
    assert_eq!(problems.into_sorted(), [], "{yaml}");
    policy
}

fn settled(layers: &[&str]) -> Policy {
    let layers = layers.iter().map(|yaml| policy(yaml)).collect::<Vec<_>>();
    policy::settle(&layers.iter().collect::<Vec<_>>())
}

#[test]
fn the_nearest_layer_wins_setting_by_setting() {
    let policy = settled(&[
        "{modes: {contract_in: observe, url_secrets: off}, body_bytes_max: 1KiB, undeclared: {query: allow, body: allow}}",
        "{modes: {contract_in: off}, timeouts: {total_seconds_max: 1}}",
        "{modes: {contract_in: enforce}, body_bytes_max: 2KiB, undeclared: {query: strip}, sensitive_claims: []}",
    ]);
    assert_eq!(
        (policy.modes.contract_in, policy.modes.url_secrets),
        (Mode::Enforce, Mode::Off)
    );
    assert_eq!(policy.body_bytes_max, 2048);
    assert_eq!(
        (policy.undeclared.query, policy.undeclared.body),
        (UndeclaredAction::Strip, UndeclaredAction::Allow)
    );
    assert_eq!(policy.total_time_max, Some(Duration::from_secs(1)));
    assert_eq!(policy.sensitive_claims, Vec::<String>::new());
}

#[test]
fn lists_of_addresses_add_up_each_with_the_mode_of_its_level() {
    let policy = settled(&[
        "{addresses: {allow: [10.0.0.0/8]}}",
        "{modes: {addresses: observe}}",
        "{addresses: {deny: [10.1.0.0/16]}}",
        "{modes: {addresses: off}, addresses: {deny: [10.2.0.0/16]}}",
    ]);
    let modes: Vec<Mode> = policy.addresses.iter().map(|rule| rule.mode).collect();
    assert_eq!(modes, [Mode::Enforce, Mode::Observe, Mode::Off]);
    assert!(policy.addresses[0].list.allow.is_some() && policy.addresses[1].list.allow.is_none());
}

#[test]
fn origins_only_narrow() {
    let check = |layers: &[&str], expected: Option<(&[&str], bool)>| {
        let cors = settled(layers).cors.unwrap();
        let found = match &cors.origins {
            Origins::Any => None,
            Origins::Only { origins, credentials } => Some((origins.clone(), *credentials)),
        };
        let expected = expected.map(|(origins, credentials)| {
            let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
            (origins, credentials)
        });
        assert_eq!(found, expected, "{layers:?}");
    };
    let (a, b) = ("https://a.example", "https://b.example");
    let two = "{cors: {origins: ['https://a.example', 'https://b.example'], credentials: true}}";
    check(&[two], Some((&[a, b], true)));
    check(&["{}", two, "{}"], Some((&[a, b], true)));
    check(
        &[two, "{cors: {origins: ['https://b.example', 'https://c.example']}}"],
        Some((&[b], false)),
    );
    check(&[two, "{cors: {}}"], Some((&[], false)));
    check(&[two, "{cors: {dangerous_any_origin: true}}"], Some((&[a, b], false)));
    check(&["{cors: {dangerous_any_origin: true}}"], None);
    check(&["{cors: {dangerous_any_origin: true}}", two], Some((&[a, b], true)));
    check(&[two, "{cors: {dangerous_null_origin: true}}"], Some((&[], false)));
    check(&["{cors: {dangerous_null_origin: true}}"], Some((&["null"], false)));
    assert_eq!(settled(&["{}"]).cors, None);
}

#[test]
fn observing_answers_is_a_mode() {
    let mode = |layers: &[&str]| settled(layers).modes.contract_out;
    assert_eq!(mode(&["{response: {action: observe}}"]), Mode::Observe);
    assert_eq!(
        mode(&["{response: {action: observe}}", "{response: {action: block}}"]),
        Mode::Enforce
    );
    assert_eq!(
        mode(&["{modes: {contract_out: off}}", "{response: {action: observe}}"]),
        Mode::Off
    );
}

#[test]
fn rate_limits_of_the_layers_add_up() {
    let names = |policy: &Policy| {
        policy
            .rate_limits
            .iter()
            .map(|limit| limit.name.clone())
            .collect::<Vec<_>>()
    };
    let policy = settled(&[
        "{rate_limits: [{name: api, requests: 10, per: 1s}, {name: both, requests: 1, per: 1s}]}",
        "{rate_limits: [{name: both, requests: 7, per: 1m, key: [{path: id}]}, {name: address, requests: 3, per: 1s}]}",
    ]);
    assert_eq!(names(&policy), ["address", "api", "both"]);
    assert_eq!(policy.rate_limits[0].requests.get(), 3, "the default is replaced");
    assert_eq!(
        policy.rate_limits[2].requests.get(),
        7,
        "the inner one replaces the outer one"
    );
    assert_eq!(
        policy.rate_limits[2].key,
        [KeyPart::Path(super::text::Name("id".to_owned()))]
    );
    assert_eq!(policy.rate_limits[2].burst.get(), 7, "the burst is the requests");
}

#[test]
fn authentication_starts_stricter() {
    let limits = settled(&["{}", "{authentication: true}"]).rate_limits;
    assert_eq!((limits[0].requests.get(), limits[0].per), (10, Duration::from_secs(60)));
}

#[test]
fn a_login_is_authentication_unless_that_is_denied() {
    let check = |layers: &[&str], login, requests| {
        let policy = settled(layers);
        assert_eq!(
            (policy.login, policy.rate_limits[0].requests.get()),
            (login, requests),
            "{layers:?}"
        );
    };
    check(&["{}", "{}"], false, 100);
    check(&["{}", "{login: true}"], true, 10);
    check(&["{login: true}", "{login: false}"], false, 100);
    check(&["{authentication: false}", "{login: true}"], true, 100);
}

#[test]
fn the_defaults_of_logins_are_strict() {
    let Configuration {
        logins,
        failed_authentication_limit: failed,
        users,
        ..
    } = checked(SMALLEST);
    assert!(users.is_empty() && logins.threads >= 1);
    let pace = |pace: super::checked::Pace| (pace.requests.get(), pace.per.as_secs(), pace.burst.get());
    assert_eq!(pace(failed), (600, 60, 200));
    assert_eq!(pace(logins.failures_of_user_at_address), (10, 3600, 5));
    assert_eq!(pace(logins.failures_of_user), (20, 3600, 50));
}

/// What another validator says of the published schema must be what we say.
#[test]
fn examples_are_valid_against_the_published_schema() {
    let validator = jsonschema::validator_for(schema::configuration()).unwrap();
    for text in [SMALLEST, WHOLE] {
        let node = parse("gate.yaml", text.as_bytes()).unwrap();
        let errors = validator
            .iter_errors(&to_json(&node))
            .map(|error| error.to_string())
            .collect::<Vec<_>>();
        assert_eq!(errors, Vec::<String>::new());
    }
    for wrong in [
        json!({}),
        json!({"listen": "127.0.0.1:80", "apis": []}),
        json!({"listen": null, "apis": [{}]}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Number(spelling) => serde_json::from_str(spelling).unwrap(),
        Value::String(text) => json!(text),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, node)| (name.to_owned(), to_json(node)))
            .collect(),
    }
}

/// A keyword that the walk does not know would be published and not enforced.
#[test]
fn every_keyword_of_the_schemas_is_enforced() {
    let known = BTreeSet::from([
        "$ref",
        "anyOf",
        "oneOf",
        "const",
        "enum",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "format",
    ]);
    let said = BTreeSet::from(["$schema", "$defs", "title", "description", "examples"]);
    for root in [schema::configuration(), schema::policy()] {
        each_schema(root, &mut |schema| {
            let format = schema.get("format").and_then(Json::as_str);
            let numbers = ["uint16", "uint32", "uint64", "double"];
            assert!(
                format.is_none_or(|format| text::is_known(format) || numbers.contains(&format)),
                "{schema}"
            );
            for keyword in schema.as_object().unwrap().keys().map(String::as_str) {
                // The parser of the format is stricter than these.
                let covered = ["pattern", "minLength"].contains(&keyword) && format.is_some();
                assert!(
                    known.contains(keyword) || said.contains(keyword) || covered,
                    "{keyword} in {schema}"
                );
            }
            if schema.get("properties").is_some() {
                assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{schema}");
            }
        });
    }
}

/// Every setting tells its reader what it is for.
#[test]
fn every_setting_is_described() {
    each_schema(schema::configuration(), &mut |schema| {
        let one_of_several = schema.get("additionalProperties") == Some(&json!(false))
            && schema["required"].as_array().map(Vec::len) == Some(1);
        for (name, property) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            assert!(property.get("description").is_some() || one_of_several, "{name}");
        }
    });
}

fn each_schema(schema: &Json, visit: &mut dyn FnMut(&Json)) {
    visit(schema);
    let maps = ["properties", "$defs"]
        .into_iter()
        .filter_map(|keyword| schema.get(keyword)?.as_object());
    let lists = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|keyword| schema.get(keyword)?.as_array());
    let inner = maps
        .flat_map(|map| map.values())
        .chain(lists.flatten())
        .chain(schema.get("items"));
    for schema in inner {
        each_schema(schema, visit);
    }
}

#[test]
fn a_contract_in_the_place_of_the_configuration_is_named_as_one() {
    for contract in [
        "openapi: 3.1.0\npaths: {}\n",
        "swagger: '2.0'\n",
        r#"{"openapi": "3.0.0"}"#,
    ] {
        let problems = read("orders.yaml", contract.as_bytes()).problems;
        let [problem] = problems.as_slice() else {
            panic!("{problems:#?}")
        };
        assert_eq!(problem.message, "this is an OpenAPI document, not a configuration");
        assert!(
            problem.help.contains("`portcullis init orders.yaml`"),
            "{}",
            problem.help
        );
    }
}

#[test]
fn origins_of_every_page_and_of_none_have_settings_of_their_own() {
    let told = |origin: &str| {
        let text = format!("{SMALLEST}    policy: {{cors: {{origins: ['{origin}']}}}}\n");
        let problems = read("gate.yaml", text.as_bytes()).problems;
        problems.iter().map(ToString::to_string).collect::<String>()
    };
    assert!(
        told("*").contains("that is `dangerous_any_origin: true`"),
        "{}",
        told("*")
    );
    assert!(
        told("null").contains("that is `dangerous_null_origin: true`"),
        "{}",
        told("null")
    );
    assert!(told("app").contains("https://app.example.com"), "{}", told("app"));
}

#[test]
fn a_description_of_several_lines_is_one_line_of_help() {
    let problems = read("gate.yaml", b"apis: []\n").problems;
    let missing = problems
        .iter()
        .find(|problem| problem.message.contains("`listen` is missing"))
        .unwrap();
    assert!(missing.help.ends_with("or a list of them"), "{}", missing.help);
}
