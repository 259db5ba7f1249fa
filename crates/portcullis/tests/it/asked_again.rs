//! What is open is asked about again: whether whoever opened it would still be let in, by what is in force now.

use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::gate::{Gate, Setup};
use crate::identity_upstream::{events_at, streaming};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /events/open:
    get:
      operationId: watchOpen
      security: []
      parameters: [{name: account, in: query, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, query: account}]}
      responses: {'200': {$ref: '#/components/responses/events'}}
  /events/one:
    get:
      operationId: watchOne
      parameters: [{name: account, in: query, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, query: account}]}
      responses: {'200': {$ref: '#/components/responses/events'}}
  /events/other:
    get:
      operationId: watchOther
      parameters: [{name: account, in: query, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, query: account}, {type: Vault, query: account}]}
      responses: {'200': {$ref: '#/components/responses/events'}}
  /events/admin:
    get: {operationId: watchAll, tags: [admin], responses: {'200': {$ref: '#/components/responses/events'}}}
  /events/user:
    get: {operationId: watchMine, responses: {'200': {$ref: '#/components/responses/events'}}}
components:
  responses:
    events: {description: events, content: {text/event-stream: {schema: {type: string}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const ADMINS: &str = "admin_operations: {tags: [admin], addresses: {allow: [127.0.0.0/8]}}";

struct Bank {
    _upstream: Upstream,
    gate: Gate,
    token: String,
}

impl Bank {
    fn start(policies: &str) -> Self {
        let (upstream, issuer) = (Upstream::start(streaming), Issuer::new("one"));
        let directory = Setup::new(CONTRACT, upstream.address)
            .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api("authorization: {policies: [bank.cedar]}")
            .with_api(ADMINS)
            .written();
        directory.write("keys.json", &key_set(&[&issuer]));
        directory.write("bank.cedar", policies);
        Self {
            _upstream: upstream,
            gate: Gate::start(directory),
            token: format!("Bearer {}", issuer.token()),
        }
    }

    fn watch(&self, target: &str) -> (bool, f64) {
        events_at(&self.gate, target, &[("Authorization", &self.token)])
    }

    /// Puts another text into a file, and waits until it is in force.
    fn change(&self, file: &str, text: &str) {
        assert_ne!(text, self.gate.directory.read(file));
        let applied = || self.gate.metric(&["portcullis_reloads_total", "applied"]);
        let before = applied();
        self.gate.directory.write(file, text);
        crate::gate::until("it is in force", || applied() > before);
    }
}

/// Is cut off, soon.
#[track_caller]
fn ends(events: ScopedJoinHandle<'_, (bool, f64)>) {
    let (whole, seconds) = events.join().unwrap();
    assert!(!whole && seconds < 12.0, "{whole} {seconds}");
}

/// Waits until streams are open.
fn opened(bank: &Bank, streams: f64) {
    crate::gate::until("the streams are open", || {
        bank.gate.metric(&["portcullis_upstream_connections_open"]) >= streams
    });
}

#[test]
fn http_11_a_stream_of_nobody_in_particular_is_asked_about_again() {
    let permit = |account: u8| {
        format!(
            "permit (principal == Anonymous::\"anonymous\", action == Action::\"watchOpen\", resource == Account::\"{account}\");\n"
        )
    };
    let bank = Bank::start(&[permit(1), permit(2)].concat());
    let watch = |account: u8| events_at(&bank.gate, &format!("/events/open?account={account}"), &[]);
    std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| watch(1)), scope.spawn(|| watch(2)));
        opened(&bank, 2.0);
        bank.change("bank.cedar", &permit(2));
        ends(one);
        std::thread::sleep(Duration::from_secs(1));
        assert!(!two.is_finished(), "the other account is still for everybody");
        bank.change("bank.cedar", &permit(3));
        two.join().unwrap();
    });
}

#[test]
fn http_11_a_stream_of_administrators_ends_where_its_address_is_no_longer_theirs() {
    let bank = Bank::start("permit (principal, action, resource);");
    std::thread::scope(|scope| {
        let admin = scope.spawn(|| bank.watch("/events/admin"));
        let user = scope.spawn(|| bank.watch("/events/user"));
        opened(&bank, 2.0);
        let elsewhere = bank
            .gate
            .directory
            .read("gate.yaml")
            .replace("127.0.0.0/8", "192.0.2.0/24");
        bank.change("gate.yaml", &elsewhere);
        ends(admin);
        std::thread::sleep(Duration::from_secs(1));
        assert!(
            !user.is_finished(),
            "whoever is no administrator may come from anywhere"
        );
        bank.change("bank.cedar", "forbid (principal, action, resource);");
        user.join().unwrap();
    });
}

/// What was named was named as something else: nobody has asked about that.
#[test]
fn http_11_a_stream_ends_where_its_request_would_name_other_resources() {
    let bank = Bank::start("permit (principal, action, resource);");
    let places = "operationId: watchOne\n      parameters: [{name: account, in: query, required: true, schema: {type: string}}]\n      \
                  x-portcullis: {resources: [{type: Account, query: account}]}";
    std::thread::scope(|scope| {
        let one = scope.spawn(|| bank.watch("/events/one?account=1"));
        let other = scope.spawn(|| bank.watch("/events/other?account=1"));
        opened(&bank, 2.0);
        let contract = CONTRACT.replace(places, &places.replace("type: Account", "type: Vault"));
        bank.change("api.yaml", &contract);
        ends(one);
        std::thread::sleep(Duration::from_secs(1));
        assert!(!other.is_finished(), "it names what it did");
        bank.change("bank.cedar", "forbid (principal, action, resource);");
        other.join().unwrap();
    });
}
