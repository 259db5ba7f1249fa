//! Address lists: of listeners, the gate, APIs, operations and the admin surface; written, in files, and reloaded.

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;
use crate::wire::Answer;

/// A request whose client is told by a proxy.
fn from(gate: &Gate, client: &str, method: &str, target: &str) -> Answer {
    gate.client().send(method, target, &[("X-Forwarded-For", client)], b"")
}

fn behind_a_proxy(upstream: &Upstream) -> Setup {
    Setup::new(THINGS, upstream.address).with("trusted_proxies: [127.0.0.1/32]")
}

#[test]
fn http_6_lists_judge_the_client_and_not_what_it_claims() {
    let upstream = Upstream::with_json(THING);
    let lists = "policy: {addresses: {allow: [10.0.0.0/8, '2001:db8::/32'], deny: [10.9.0.0/16]}}";
    let gate = behind_a_proxy(&upstream).with_api(lists).start();
    for (client, expected) in [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::7", 200),
        ("6.6.6.6, 10.1.2.3", 200),
        ("10.9.1.1", 403),
        ("::ffff:10.9.1.1", 403),
        ("192.0.2.1", 403),
        ("2001:db9::7", 403),
        ("10.1.2.3, 6.6.6.6", 403),
    ] {
        let answer = from(&gate, client, "GET", "/things");
        assert_eq!(answer.status, expected, "{client} {}", answer.text());
        if expected == 403 {
            answer.is_refused_as(client, 403, "address.denied");
        }
    }
    assert_eq!(upstream.seen().len(), 4);
    until("five refusals are counted", || {
        gate.metric(&["portcullis_refusals_total", "address.denied"]) >= 5.0
            && gate.metric(&["portcullis_control_verdicts_total", "address_list", "refused"]) >= 5.0
    });
    // Nobody who is not a trusted proxy is believed.
    let gate = Setup::new(THINGS, upstream.address).with_api(lists).start();
    from(&gate, "10.1.2.3", "GET", "/things").is_refused(403, "address.denied");
}

#[test]
fn an_inner_list_narrows_and_never_opens() {
    let upstream = Upstream::with_json(THING);
    let list = |id: &str, policy: &str| {
        (
            format!("operationId: {id}"),
            format!("operationId: {id}\n      x-portcullis: {policy}"),
        )
    };
    let contract = [
        list("listThings", "{addresses: {allow: [10.1.0.0/16]}}"),
        list("makeThing", "{addresses: {allow: [192.0.2.0/24]}}"),
        list(
            "getThing",
            "{modes: {addresses: off}, addresses: {deny: [10.1.0.0/16]}}",
        ),
    ];
    let contract = contract
        .iter()
        .fold(THINGS.to_owned(), |text, (plain, listed)| text.replace(plain, listed));
    let gate = Setup::new(&contract, upstream.address)
        .with("trusted_proxies: [127.0.0.1/32]")
        .with("addresses: {deny: [10.66.0.0/16]}")
        .with_api("policy: {addresses: {allow: [10.0.0.0/8]}}")
        .start();
    for (client, method, target, expected) in [
        ("10.1.2.3", "GET", "/things", 200),
        ("10.2.2.3", "GET", "/things", 403),
        // The operation's list names them, the API's does not.
        ("192.0.2.1", "POST", "/things", 403),
        ("10.1.2.3", "POST", "/things", 403),
        // What is switched off is the operation's own list.
        ("10.1.2.3", "GET", "/things/1", 200),
        ("192.0.2.1", "GET", "/things/1", 403),
        ("10.66.0.1", "GET", "/things/1", 403),
        // What is not known is not known, whoever asks.
        ("192.0.2.1", "GET", "/nothing", 404),
    ] {
        let answer = from(&gate, client, method, target);
        assert_eq!(answer.status, expected, "{client} {method} {target} {}", answer.text());
    }
}

#[test]
fn a_list_in_observe_mode_counts_and_lets_pass() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {modes: {addresses: observe}, addresses: {deny: [127.0.0.0/8]}}")
        .start();
    assert_eq!(gate.get("/things").status, 200);
    until("it is counted", || {
        gate.metric(&["portcullis_would_refuse_total", "address.denied"]) >= 1.0
            && gate.metric(&["portcullis_control_verdicts_total", "address_list", "observed"]) >= 1.0
    });
}

#[test]
fn a_file_is_read_again_when_it_changes_and_kept_when_it_breaks() {
    let upstream = Upstream::with_json(THING);
    let setup = behind_a_proxy(&upstream).with_api("policy: {addresses: {allow_file: lists/office.txt}}");
    let directory = setup.written();
    directory.write("lists/office.txt", "# the office\n10.1.0.0/16\n");
    let gate = Gate::start(directory);
    assert_eq!(from(&gate, "10.1.2.3", "GET", "/things").status, 200);
    from(&gate, "10.2.2.3", "GET", "/things").is_refused(403, "address.denied");
    gate.directory.write("lists/office.txt", "10.2.0.0/16\n");
    until("the new list is in force", || {
        from(&gate, "10.2.2.3", "GET", "/things").status == 200
    });
    from(&gate, "10.1.2.3", "GET", "/things").is_refused(403, "address.denied");
    for broken in ["10.1.0.0/16\n10.2.0.0/33\n", "", "# nobody\n"] {
        let refused = gate.metric(&["portcullis_reloads_total", "refused"]);
        gate.directory.write("lists/office.txt", broken);
        until("the reload is refused", || {
            gate.metric(&["portcullis_reloads_total", "refused"]) > refused
        });
        assert_eq!(from(&gate, "10.2.2.3", "GET", "/things").status, 200, "{broken:?}");
        from(&gate, "10.1.2.3", "GET", "/things").is_refused(403, "address.denied");
    }
}

#[test]
fn http_5_a_listener_closes_at_once_what_may_not_come() {
    let upstream = Upstream::with_json(THING);
    let setup = Setup::new(THINGS, upstream.address);
    let directory = setup.written();
    let configuration = directory.read("gate.yaml");
    let listed = configuration.replace(
        "listen: 127.0.0.1:0\n",
        "listen: {address: 127.0.0.1:0, addresses: {deny_file: deny.txt}}\n",
    );
    directory.write("gate.yaml", &listed);
    directory.write("deny.txt", "127.0.0.0/8\n");
    let gate = Gate::start(directory);
    for _ in 0..3 {
        assert_eq!(gate.get("/things").status, 0);
        assert!(gate.client().is_closed());
    }
    upstream.saw_nothing("a closed connection");
    assert!(gate.metric(&["portcullis_connections_denied_total"]) >= 6.0);
    // The socket stays, its list is another one.
    gate.directory.write("deny.txt", "192.0.2.0/24\n");
    until("the peer is taken", || gate.get("/things").status == 200);
}

#[test]
fn the_admin_surface_has_a_list_of_its_own() {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(THINGS, upstream.address).written();
    let configuration = directory.read("gate.yaml");
    let listed = configuration.replace(
        "admin: {listen: '127.0.0.1:0'}",
        "admin: {listen: '127.0.0.1:0', addresses: {allow: [192.0.2.0/24]}}",
    );
    directory.write("gate.yaml", &listed);
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/things").status, 200);
    assert_eq!(gate.health("/healthz"), 0);
    gate.directory.write("gate.yaml", &configuration);
    until("operators are let in", || gate.health("/healthz") == 200);
}
