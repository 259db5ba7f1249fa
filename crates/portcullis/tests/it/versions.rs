//! Hosts, base paths and versions of an API: one counter for one operation, however it is called.

use crate::gate::{Directory, Gate, Setup};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

const FEW: &str = "policy: {rate_limits: [{name: few, requests: 4, per: 10m}]}";

#[test]
fn hosts_and_base_paths_of_an_api_count_together() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("hosts: [old.example, new.example]")
        .with_api("base_path: [/v1, /api/v1]")
        .with_api(FEW)
        .start();
    let at = |host: &str, target: &str| gate.client().host(host).send("GET", target, &[], b"");
    for (host, target) in [
        ("old.example", "/v1/things"),
        ("new.example", "/v1/things"),
        ("old.example", "/api/v1/things"),
        ("NEW.example:80", "/api/v1/things"),
    ] {
        assert_eq!(at(host, target).status, 200, "{host} {target}");
    }
    assert_eq!(upstream.seen()[3].line, "GET /api/v1/things HTTP/1.1");
    for (host, target) in [("old.example", "/v1/things"), ("new.example", "/api/v1/things")] {
        at(host, target).is_refused_as(host, 429, "rate.exceeded");
    }
    at("old.example", "/things").is_refused(404, "route.unknown");
}

/// Two versions of an API, the second of which has other names in it.
fn two_versions(first: &str, second: &str) -> Directory {
    let upstream = Upstream::with_json(THING);
    let api = |name: &str, more: &str| {
        format!(
            "  - {{name: {name}, contract: {name}.yaml, upstream: 'http://{}', base_path: /{name}, {more}}}\n",
            upstream.address
        )
    };
    // The operations are counted when they are refused for want of an upstream as well.
    let directory = Directory::new();
    directory.write("v1.yaml", THINGS);
    let renamed = THINGS
        .replace("operationId: getThing", "operationId: getThingAgain")
        .replace("/things/{id}", "/things/{thing}")
        .replace("name: id, in: path", "name: thing, in: path")
        .replace("/traced:", "/followed:");
    directory.write("v2.yaml", &renamed);
    let configuration = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: '127.0.0.1:0'}}\napis:\n{}{}",
        api("v1", first),
        api("v2", second)
    );
    directory.write("gate.yaml", &configuration);
    directory
}

#[test]
fn versions_of_an_api_count_together() {
    let gate = Gate::start(two_versions(FEW, &format!("limits_of: v1, {FEW}")));
    let exceeded = |target: &str| {
        let headers = [("X-Trace", "abc")];
        let headers = if target.ends_with("ed") { &headers[..] } else { &[] };
        gate.client().send("GET", target, headers, b"").status == 429
    };
    for (one, other) in [
        // The same name and path, the same path under another name, and the same name at another path.
        ("/v1/things", "/v2/things"),
        ("/v1/things/1", "/v2/things/2"),
        ("/v1/traced", "/v2/followed"),
    ] {
        for target in [one, other, one, other] {
            assert!(!exceeded(target), "{target}");
        }
        assert!(exceeded(one) && exceeded(other), "{one} {other}");
    }
}

#[test]
fn apis_that_say_nothing_count_apart() {
    let gate = Gate::start(two_versions(FEW, FEW));
    for _ in 0..4 {
        assert_ne!(gate.get("/v1/things").status, 429);
    }
    assert_eq!(gate.get("/v1/things").status, 429);
    assert_ne!(gate.get("/v2/things").status, 429);
}
