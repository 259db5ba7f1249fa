//! What leaves the gate: only what the contract declares, and nothing of the software behind.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::gate::{Setup, until};
use crate::http::{THING, THINGS, gate};
use crate::natter_api;
use crate::upstream::{Upstream, answer};
use crate::wire::Answer;

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn through(policy: &str, status: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let upstream = Upstream::answering(answer(status, headers, body.as_bytes()));
    Setup::new(THINGS, upstream.address)
        .with("workers: 1")
        .with_api(&format!("policy: {policy}"))
        .start()
        .get("/things")
}

const LEAKING: &str = "{ \"name\" :\t\"h\\u0061mmer\",\n  \"password_hash\": {\"a\":[1,2]}, \"size\": 1.50e1 }";

#[test]
fn stripping_keeps_the_rest_byte_for_byte() {
    let headers = [
        JSON,
        ("ETag", "\"v1\""),
        ("Content-Digest", "sha-256=:a:"),
        ("X-Total", "1"),
    ];
    let stripped = through("{}", "200 OK", &headers, LEAKING);
    assert_eq!(stripped.status, 200);
    assert_eq!(stripped.text(), "{ \"name\" :\t\"h\\u0061mmer\",\n  \"size\": 1.50e1 }");
    assert_eq!(
        (stripped.header("etag"), stripped.header("content-digest")),
        (None, None)
    );
    assert_eq!(stripped.header("x-total"), Some("1"));
    let whole = through("{}", "200 OK", &headers, THING);
    assert_eq!(whole.text(), THING);
    assert_eq!(whole.header("etag"), Some("\"v1\""));
}

#[test]
fn each_action_does_what_it_says() {
    through("{response: {action: block}}", "200 OK", &[JSON], LEAKING)
        .is_refused(502, "contract.response.body.undeclared");
    let observed = through("{response: {action: observe}}", "200 OK", &[JSON], LEAKING);
    assert_eq!((observed.status, observed.text().as_str()), (200, LEAKING));
    let off = through("{modes: {contract_out: 'off'}}", "200 OK", &[JSON], "not json");
    assert_eq!((off.status, off.text().as_str()), (200, "not json"));
}

#[test]
fn what_is_not_declared_does_not_leave() {
    through("{}", "202 Accepted", &[JSON], THING).is_refused(502, "contract.response.status");
    through("{}", "302 Found", &[("Location", "http://evil.example/")], "").is_refused(502, "contract.response.status");
    through("{}", "200 OK", &[("Content-Type", "text/html")], "<p>").is_refused(502, "contract.response.media_type");
    through("{}", "200 OK", &[], THING).is_refused(502, "contract.response.media_type");
    through("{}", "200 OK", &[JSON, ("X-Total", "many")], THING).is_refused(502, "contract.response.header.type");
    let answer = through("{}", "200 OK", &[JSON, ("X-Internal-Id", "7"), ("X-Total", "7")], THING);
    assert_eq!(
        (answer.header("x-internal-id"), answer.header("x-total")),
        (None, Some("7"))
    );
}

#[test]
fn errors_become_sober() {
    let problem = ("Content-Type", "application/problem+json");
    let trace = r#"{"detail":"Traceback (most recent call last):\n  File \"/srv/app.py\", line 1"}"#;
    let answer = through("{}", "500 Internal Server Error", &[problem], trace);
    answer.is_refused(502, "upstream.error");
    let html = ("Content-Type", "text/html");
    let answer = through(
        "{}",
        "500 Internal Server Error",
        &[html],
        "<pre>at java.lang.Thread.run</pre>",
    );
    answer.is_refused(502, "upstream.error");
    assert!(!answer.text().contains("java"));
    let answer = through("{}", "404 Not Found", &[html], "<h1>nginx/1.2.3</h1>");
    answer.is_refused(404, "upstream.status");
    assert!(!answer.text().contains("nginx"));
    // A declared error passes.
    let answer = through("{}", "404 Not Found", &[problem], "{}");
    assert_eq!((answer.status, answer.text().as_str()), (404, "{}"));
}

#[test]
fn the_log_tells_why_an_error_was_not_passed_on() {
    let bare = THINGS.replace(
        "          description: None.\n          content:\n            application/problem+json: {schema: {type: object}}\n",
        "          description: None.\n",
    );
    assert_ne!(bare, THINGS);
    let check = |contract: &str, status: &str, body: &str, [code, cause, place]: [&str; 3]| {
        let problem = ("Content-Type", "application/problem+json");
        let upstream = Upstream::answering(answer(status, &[problem], body.as_bytes()));
        let gate = Setup::new(contract, upstream.address).start();
        let answer = gate.get("/things");
        assert_eq!(answer.code(), code);
        assert!(!answer.text().contains(cause), "{}", answer.text());
        until("it is logged", || {
            let lines = gate.log_of_requests();
            lines
                .iter()
                .any(|line| line["code"] == code && line["cause"] == cause && line["place"] == place)
        });
    };
    let undeclared = "contract.response.body.undeclared";
    check(&bare, "404 Not Found", "{}", ["upstream.status", undeclared, ""]);
    let mistyped = "contract.response.body.type";
    check(THINGS, "404 Not Found", "[]", ["upstream.status", mistyped, ""]);
    let number = r#"{"detail":7}"#;
    check(THINGS, "500 Oh", number, ["upstream.error", mistyped, "/detail"]);
}

#[test]
fn tokens_that_betray_are_blocked() {
    let token = |claims: &str| {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!(
            r#"{{"name":"{}.{}.x"}}"#,
            part(r#"{"a":1,"alg":"ES256"}"#),
            part(claims)
        )
        .replace(r#"{"a":1,"#, "{")
    };
    // The name is at most 40 characters long in the contract, so that this answer needs an operation of its own.
    let contract = THINGS.replace("maxLength: 40", "maxLength: 4000");
    let send = |claims: &str, policy: &str| {
        let upstream = Upstream::with_json(&token(claims));
        Setup::new(&contract, upstream.address)
            .with_api(&format!("policy: {policy}"))
            .start()
            .get("/things")
    };
    assert_eq!(send(r#"{"sub":"1"}"#, "{}").status, 200);
    send(r#"{"sub":"1","email":"jane@example.com"}"#, "{}").is_refused(502, "contract.response.jwt");
    assert_eq!(
        send(r#"{"email":"a@b.c"}"#, "{modes: {response_tokens: 'off'}}").status,
        200
    );
    send(r#"{"clearance":"high"}"#, "{sensitive_claims: [clearance]}").is_refused(502, "contract.response.jwt");
}

#[test]
fn banners_go_and_security_headers_come_on_every_answer() {
    let banners = [
        JSON,
        ("Server", "Apache/2.4.1"),
        ("X-Powered-By", "PHP/5"),
        ("Via", "1.1 inner"),
        ("X-AspNet-Version", "4"),
        ("X-Frame-Options", "ALLOWALL"),
    ];
    let upstream = Upstream::answering(answer("200 OK", &banners, THING.as_bytes()));
    let gate = gate(&upstream);
    let answers = [
        ("200", gate.get("/things")),
        ("400", gate.get("/things?limit=x")),
        ("404", gate.get("/nothing")),
        ("405", gate.client().send("PUT", "/things", &[], b"")),
        (
            "421",
            gate.client().host("evil.example").send("GET", "/things", &[], b""),
        ),
        (
            "malformed",
            gate.raw(b"GET /things HTTP/1.1\r\nHost: HOST\r\nBad : 1\r\n\r\n"),
        ),
        ("too long", gate.get(&format!("/{}", "a".repeat(10_000)))),
    ];
    for (what, answer) in answers {
        assert!(answer.status >= 200, "{what}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{what}: {name}");
        }
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{what}");
        for name in ["server", "via", "x-powered-by", "x-aspnet-version"] {
            assert_eq!(answer.header(name), None, "{what}");
        }
    }
}

#[test]
fn a_refusal_tells_neither_the_value_nor_what_is_inside() {
    let upstream = Upstream::with_json(THING);
    let gate = gate(&upstream);
    let answer = gate.post("/things", r#"{"name":"hammer","hunter2":"hunter2"}"#);
    let problem = answer.json();
    for member in ["type", "title", "status", "code", "control", "request_id"] {
        assert!(problem.get(member).is_some(), "{problem}");
    }
    assert_eq!(problem["type"], "urn:portcullis:refusal:contract.body.undeclared");
    assert!(!answer.text().contains("hunter2"));
    let id = problem["request_id"].as_str().unwrap().to_owned();
    crate::gate::until("the refusal is in the log", || {
        gate.log().iter().any(|line| line.contains(&id))
    });
    let secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    gate.get(&format!("/things/{secret}")).is_refused(400, "url.secret");
    gate.get("/things?access_token=hunter2").is_refused(400, "url.secret");
    upstream.saw_nothing("a secret in the URL");
    assert!(
        !gate
            .log_so_far()
            .iter()
            .any(|line| line.contains("hunter2") || line.contains(secret))
    );
}

#[test]
fn natter_is_safe_behind_the_gate() {
    let natter = natter_api::start();
    let gate = Setup::new(natter::CONTRACT, natter.address)
        .with_api("dangerous_unverified_schemes: true")
        .start();
    let made = gate.post("/users", r#"{"username":"carol","password":"a long password"}"#);
    assert_eq!(made.status, 201, "{}", made.text());
    for member in ["password", "password_hash", "is_admin"] {
        assert!(made.json().get(member).is_none(), "{}", made.text());
    }
    assert_eq!(gate.get("/spaces/1").json()["name"], "general");
    assert!(gate.get("/spaces/1").json().get("internal_note").is_none());
    gate.post(
        "/users",
        r#"{"username":"carol","password":"a long password","is_admin":true}"#,
    )
    .is_refused(400, "contract.body.undeclared");
    gate.get("/debug/users").is_refused(404, "route.unknown");
    gate.get("/users/1/badge").is_refused(502, "contract.response.jwt");
    assert_eq!(gate.health("/healthz"), 200);
    assert_eq!(gate.health("/readyz"), 200);
}
