//! Issuers whose keys are discovered, whose tokens are encrypted or good once, and keys that are too old.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run, until};
use crate::http::THING;
use crate::identity_upstream::{events_with, streaming};
use crate::tokens::{CONTRACT, Issuer, get, key_set};
use crate::upstream::{Upstream, answer, ok};
use crate::wire::Answer;

/// What is served at each path: whole answers.
pub(crate) type Pages = Arc<Mutex<HashMap<String, Vec<u8>>>>;

pub(crate) fn pages() -> (Upstream, Pages) {
    let pages = Pages::default();
    let known = Arc::clone(&pages);
    let server = Upstream::start(move |seen, stream| {
        let path = seen.line.split(' ').nth(1).unwrap().to_owned();
        let page = known.lock().unwrap().get(&path).cloned();
        let page = page.unwrap_or_else(|| answer("404 Not Found", &[], b""));
        std::io::Write::write_all(stream, &page).is_ok()
    });
    (server, pages)
}

pub(crate) fn serve(pages: &Pages, path: &str, page: Vec<u8>) {
    pages.lock().unwrap().insert(path.to_owned(), page);
}

fn json_page(value: &Value) -> Vec<u8> {
    ok("application/json", &value.to_string())
}

/// A gate that believes an issuer described like this.
pub(crate) fn setup(upstream: &Upstream, name: &str, more: &str) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with(&format!(
            "issuers: [{{name: main, issuer: '{name}', audiences: ['https://things.example'], {more}}}]"
        ))
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
}

const FREELY: &str = "dangerous_private_address: true, dangerous_plain_http: true";

fn token_of(issuer: &Issuer, name: &str) -> String {
    issuer.token_with("at+jwt", json!({ "iss": name }))
}

#[test]
fn keys_are_where_the_document_of_the_issuer_says() {
    let (upstream, issuer, (server, pages)) = (Upstream::with_json(THING), Issuer::new("one"), pages());
    let origin = format!("http://{}", server.address);
    serve(&pages, "/keys", ok("application/json", &key_set(&[&issuer])));
    for (name, discover, document) in [
        (
            origin.clone(),
            "openid-configuration",
            "/.well-known/openid-configuration",
        ),
        (
            format!("{origin}/tenant"),
            "openid-configuration",
            "/tenant/.well-known/openid-configuration",
        ),
        (
            format!("{origin}/tenant"),
            "oauth-authorization-server",
            "/.well-known/oauth-authorization-server/tenant",
        ),
    ] {
        let said = json!({"issuer": name, "jwks_uri": format!("{origin}/keys"), "more": [1, {}]});
        serve(&pages, document, json_page(&said));
        let keys = format!("keys: {{discover: {discover}, {FREELY}}}");
        let gate = setup(&upstream, &name, &keys).start();
        let token = token_of(&issuer, &name);
        until("its tokens are believed", || get(&gate, &token).status == 200);
        let inspected = run(&gate.directory.0, &["token", "inspect", &token, "-c", "gate.yaml"]);
        assert_eq!(inspected.status.code(), Some(0), "{inspected:?}");
        until("it is counted", || {
            gate.metric(&["portcullis_issuer_key_fetches_total", "main", "done"]) >= 1.0
        });
        assert!(gate.metric(&["portcullis_issuer_keys_age_seconds", "main"]) < 60.0);
        pages.lock().unwrap().remove(document);
    }
}

#[test]
fn jose_4_a_document_of_somebody_else_is_not_believed_and_nothing_else_is_asked() {
    let (upstream, issuer, (server, pages)) = (Upstream::with_json(THING), Issuer::new("one"), pages());
    let elsewhere = Upstream::with_json(&key_set(&[&issuer]));
    let origin = format!("http://{}", server.address);
    let keys = format!("{origin}/keys");
    let document = "/.well-known/openid-configuration";
    let redirect = |path: &str| {
        let place = format!("http://{}{path}", elsewhere.address);
        answer("302 Found", &[("Location", place.as_str())], b"")
    };
    let check = |guard: &str, told: &str| {
        let keys = format!("keys: {{discover: openid-configuration, {guard}}}");
        let gate = setup(&upstream, &origin, &keys).start();
        get(&gate, &token_of(&issuer, &origin)).is_refused_as(told, 503, "authentication.unavailable");
        gate.logs(&[told]);
        until("it is counted", || {
            gate.metric(&["portcullis_issuer_key_fetches_total", "failed"]) >= 1.0
        });
    };
    serve(&pages, "/keys", ok("application/json", &key_set(&[&issuer])));
    for other in [format!("{origin}/"), "https://id.example".to_owned()] {
        serve(&pages, document, json_page(&json!({"issuer": other, "jwks_uri": keys})));
        check(FREELY, "another `issuer`");
    }
    serve(
        &pages,
        document,
        json_page(&json!({"issuer": origin, "jwks_uri": "file:///etc/passwd"})),
    );
    check(FREELY, "`jwks_uri` that is no URL");
    serve(&pages, document, redirect(document));
    check(FREELY, "answered 302");
    serve(
        &pages,
        document,
        json_page(&json!({"issuer": origin, "jwks_uri": format!("{origin}/moved")})),
    );
    serve(&pages, "/moved", redirect("/keys"));
    check(FREELY, "answered 302");
    elsewhere.saw_nothing("redirects");
    let asked = server.seen().len();
    // An address inside is not even tried where it is not said to be meant.
    let inside = setup(
        &upstream,
        &origin,
        "keys: {discover: openid-configuration, dangerous_plain_http: true}",
    )
    .written();
    let refused = run(&inside.0, &["serve", "-c", "gate.yaml"]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("is not a public address"),
        "{refused:?}"
    );
    assert_eq!(server.seen().len(), asked, "no private address is asked");
}

#[test]
fn what_cannot_be_discovered_is_an_error() {
    let upstream = Upstream::with_json(THING);
    for (name, keys, expected) in [
        (
            "http://id.example",
            "{discover: openid-configuration}",
            "no URL of https",
        ),
        ("orders", "{discover: openid-configuration}", "no URL of https"),
        (
            "https://id.example?a",
            "{discover: openid-configuration}",
            "without query",
        ),
        ("https://id.example", "{discover: anything}", "discover"),
        (
            "https://id.example",
            "{discover: openid-configuration, file: a}",
            "one of",
        ),
        (
            "https://id.example",
            "{url: 'https://id.example', dangerous_plain_http: true}",
            "take it out",
        ),
    ] {
        let directory = setup(&upstream, name, &format!("keys: {keys}")).written();
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected} in {told}"
        );
    }
}

#[test]
fn what_is_wrong_with_keys_is_told_once_and_before_anything_is_fetched() {
    let upstream = Upstream::with_json(THING);
    let check = |keys: &str, expected: &str| {
        let directory = setup(&upstream, "https://id.example", &format!("keys: {keys}")).written();
        let told = String::from_utf8(run(&directory.0, &["check", "-c", "gate.yaml"]).stdout).unwrap();
        assert!(told.contains(expected), "{expected} in {told}");
        assert_eq!(told.matches(": error: ").count(), 1, "{told}");
    };
    check("{url: 'https://10.0.0.1/keys'}", "`10.0.0.1` is not a public address");
    check("{url: 'https://[::1]/keys'}", "`::1` is not a public address");
    check("{}", "keys need one of `file`, `url` and `discover`");
    let check_file = |content: &str, expected: &str| {
        let directory = setup(&upstream, "https://id.example", "keys: {file: keys.json}").written();
        directory.write("keys.json", content);
        let told = String::from_utf8(run(&directory.0, &["check", "-c", "gate.yaml"]).stdout).unwrap();
        assert!(told.contains(expected), "{expected} in {told}");
        assert_eq!(told.matches(": error: ").count(), 1, "{told}");
    };
    check_file(
        "-----BEGIN PUBLIC KEY-----\n",
        "is PEM, and a JWK Set (RFC 7517) is expected",
    );
    check_file("-----BEGIN PRIVATE KEY-----\n", "holds a private key (PEM)");
    check_file("{\"kty\": \"EC\"}", "write `{\"keys\": [...]}` around it");
}

#[test]
fn jose_23_keys_that_are_too_old_are_not_used_and_are_used_again_when_they_come() {
    let (upstream, issuer, (server, pages)) = (Upstream::with_json(THING), Issuer::new("one"), pages());
    let keys = format!(
        "keys: {{url: 'http://{}/keys', dangerous_private_address: true, refresh_seconds: 0.2, stale_seconds_max: 1}}",
        server.address
    );
    serve(&pages, "/keys", ok("application/json", &key_set(&[&issuer])));
    let gate = setup(&upstream, "https://id.example", &keys).start();
    let token = issuer.token();
    until("the keys are there", || get(&gate, &token).status == 200);
    pages.lock().unwrap().clear();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(get(&gate, &token).status, 200, "they are used for a while");
    // Also a token that is remembered.
    until("they are too old", || get(&gate, &token).status == 503);
    get(&gate, &token).is_refused(503, "authentication.unavailable");
    gate.logs(&["its keys are too old"]);
    assert!(
        !gate.metrics().contains("portcullis_issuer_keys_age_seconds{"),
        "there are no keys"
    );
    serve(&pages, "/keys", ok("application/json", &key_set(&[&issuer])));
    until("they are there again", || get(&gate, &token).status == 200);
}

#[test]
fn http_11_a_stream_goes_on_while_there_are_no_keys_and_ends_when_there_are_others() {
    let (upstream, (server, pages)) = (Upstream::start(streaming), pages());
    let (issuer, other) = (Issuer::new("one"), Issuer::new("two"));
    let keys = format!(
        "keys: {{url: 'http://{}/keys', dangerous_private_address: true, refresh_seconds: 0.2, stale_seconds_max: 1}}",
        server.address
    );
    serve(&pages, "/keys", ok("application/json", &key_set(&[&issuer])));
    let gate = setup(&upstream, "https://id.example", &keys).start();
    let token = issuer.token();
    until("the keys are there", || get(&gate, &token).status == 200);
    let authorization = format!("Bearer {token}");
    std::thread::scope(|scope| {
        let events = scope.spawn(|| events_with(&gate, &[("Authorization", &authorization)]));
        std::thread::sleep(Duration::from_millis(200));
        pages.lock().unwrap().clear();
        until("they are too old", || get(&gate, &token).status == 503);
        std::thread::sleep(Duration::from_secs(6));
        assert!(!events.is_finished(), "nothing can be said of its token");
        serve(&pages, "/keys", ok("application/json", &key_set(&[&other])));
        let (whole, seconds) = events.join().unwrap();
        assert!(!whole && seconds < 15.0, "{seconds}");
    });
}

const SHARED: [u8; 32] = [9; 32];

/// A token inside of an encrypted one, for a key that sender and receiver share.
pub(crate) fn sealed(header: &str, content: &str) -> String {
    let aad = URL_SAFE_NO_PAD.encode(header);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &SHARED).unwrap());
    let mut text = content.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key([1; 12]);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad.as_bytes()), &mut text)
        .unwrap();
    let parts = [&[][..], &[1; 12], &text, tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{aad}.{}", parts.join("."))
}

pub(crate) const NESTED: &str = r#"{"alg":"dir","enc":"A256GCM","cty":"JWT","kid":"shared"}"#;

/// A gate that has the shared key.
fn decrypting(upstream: &Upstream, issuer: &Issuer, more: &str) -> Gate {
    let described = format!("keys: {{file: keys.json}}, decryption: {{keys: [{{file: shared.jwk}}]{more}}}");
    let directory = setup(upstream, "https://id.example", &described)
        .with("workers: 1")
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write_secret("shared.jwk", &shared_key());
    Gate::start(directory)
}

pub(crate) fn shared_key() -> String {
    json!({"kty": "oct", "alg": "A256GCM", "kid": "shared", "k": URL_SAFE_NO_PAD.encode(SHARED)}).to_string()
}

#[test]
fn jose_11_jose_12_an_encrypted_token_counts_for_what_is_signed_in_it() {
    let (upstream, issuer, stranger) = (Upstream::with_json(THING), Issuer::new("one"), Issuer::new("one"));
    let gate = decrypting(&upstream, &issuer, "");
    let good = sealed(NESTED, &issuer.token());
    for _ in 0..3 {
        assert_eq!(get(&gate, &good).status, 200);
    }
    assert_eq!(gate.metric(&["portcullis_token_cache_hits_total"]), 2.0);
    assert_eq!(gate.metric(&["portcullis_token_cache_entries"]), 1.0);
    let claims =
        json!({"iss": "https://id.example", "aud": "https://things.example", "sub": "alice", "exp": 4_000_000_000_u64});
    let mut forged = good.clone();
    forged.truncate(forged.len() - 4);
    for (what, token) in [
        ("only signed", issuer.token()),
        ("signed by somebody else", sealed(NESTED, &stranger.token())),
        ("not signed at all", sealed(NESTED, &claims.to_string())),
        (
            "signed by nobody",
            sealed(
                NESTED,
                &format!(
                    "{}.{}.",
                    URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
                    URL_SAFE_NO_PAD.encode(claims.to_string())
                ),
            ),
        ),
        ("encrypted twice", sealed(NESTED, &good)),
        (
            "not said to be nested",
            sealed(&NESTED.replace(r#""cty":"JWT","#, ""), &issuer.token()),
        ),
        (
            "for another key",
            sealed(&NESTED.replace("shared", "other"), &issuer.token()),
        ),
        ("of a changed tag", format!("{forged}AAAA")),
        (
            "of another issuer",
            sealed(NESTED, &token_of(&issuer, "https://evil.example")),
        ),
        (
            "expired",
            sealed(NESTED, &issuer.token_with("at+jwt", json!({"exp": 1_700_000_000}))),
        ),
    ] {
        get(&gate, &token).is_refused_as(what, 401, "authentication.required");
    }
    let inspect = |token: &str| run(&gate.directory.0, &["token", "inspect", token, "-c", "gate.yaml"]);
    assert_eq!(inspect(&good).status.code(), Some(0));
    let told = String::from_utf8(inspect(&issuer.token()).stdout).unwrap();
    assert!(told.contains("NO   encrypted"), "{told}");
}

#[test]
fn jose_11_who_takes_both_says_so_and_who_has_no_key_takes_none() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = decrypting(&upstream, &issuer, ", also_unencrypted: true");
    assert_eq!(get(&gate, &sealed(NESTED, &issuer.token())).status, 200);
    assert_eq!(get(&gate, &issuer.token()).status, 200);
    let directory = setup(&upstream, "https://id.example", "keys: {file: keys.json}").written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let gate = Gate::start(directory);
    get(&gate, &sealed(NESTED, &issuer.token())).is_refused(401, "authentication.required");
}

#[test]
fn http_11_a_stream_ends_soon_after_its_token_has_to_be_encrypted() {
    let (upstream, issuer) = (Upstream::start(streaming), Issuer::new("one"));
    let gate = decrypting(&upstream, &issuer, ", also_unencrypted: true");
    let (open, closed) = (issuer.token(), sealed(NESTED, &issuer.token()));
    let [open, closed] = [open, closed].map(|token| format!("Bearer {token}"));
    std::thread::scope(|scope| {
        let open = scope.spawn(|| events_with(&gate, &[("Authorization", &open)]));
        let closed = scope.spawn(|| events_with(&gate, &[("Authorization", &closed)]));
        std::thread::sleep(Duration::from_millis(500));
        let configuration = gate.directory.read("gate.yaml");
        let strict = configuration.replace(", also_unencrypted: true", "");
        gate.directory.write("gate.yaml", &strict);
        gate.signal("-HUP");
        let (whole, seconds) = open.join().unwrap();
        assert!(!whole && seconds < 9.0, "{seconds}");
        assert!(!closed.is_finished(), "it is encrypted");
        gate.directory.write("keys.json", &key_set(&[&Issuer::new("two")]));
        closed.join().unwrap();
    });
}

#[test]
fn jose_11_the_issuer_that_is_named_is_one_that_can_read_the_token() {
    let (upstream, one, two) = (Upstream::with_json(THING), Issuer::new("one"), Issuer::new("two"));
    let described = |name: &str, keys: &str| {
        format!(
            "{{name: {name}, issuer: 'https://{name}.example', audiences: ['https://things.example'], keys: {{file: {name}.json}}, decryption: {{keys: [{keys}]}}}}"
        )
    };
    let gate_with = |keys_of_two: &str| {
        let issuers = [described("one", "{file: shared.jwk}"), described("two", keys_of_two)];
        let directory = Setup::new(CONTRACT, upstream.address)
            .with(&format!("issuers: [{}]", issuers.join(", ")))
            .with_api("security_schemes: {bearer: {issuers: [one, two]}}")
            .written();
        directory.write("one.json", &key_set(&[&one]));
        directory.write("two.json", &key_set(&[&two]));
        directory.write_secret("shared.jwk", &shared_key());
        directory.write_secret("other.jwk", &shared_key().replace("\"shared\"", "\"other\""));
        Gate::start(directory)
    };
    let of_one = sealed(NESTED, &token_of(&one, "https://one.example"));
    let of_two = sealed(NESTED, &token_of(&two, "https://two.example"));
    let gate = gate_with("{file: other.jwk}");
    assert_eq!(get(&gate, &of_one).status, 200);
    get(&gate, &of_two).is_refused(401, "authentication.required");
    let others = sealed(
        &NESTED.replace("shared", "other"),
        &token_of(&two, "https://two.example"),
    );
    assert_eq!(get(&gate, &others).status, 200);
    // One key may be for both.
    let gate = gate_with("{file: shared.jwk}");
    assert_eq!((get(&gate, &of_one).status, get(&gate, &of_two).status), (200, 200));
}

#[test]
fn forged_tokens_for_an_rsa_key_are_limited_before_others_are() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = with_rsa_key(&upstream, &issuer, &KeyPair::generate(KeySize::Rsa2048).unwrap(), "");
    let forged = |number: u8| {
        // The first octet keeps it below the modulus, so that the key is used.
        let encrypted_key: Vec<u8> = (0..=255).map(|index| if index == 0 { 0 } else { number }).collect();
        let header = br#"{"alg":"RSA-OAEP-256","enc":"A128GCM","kid":"rsa"}"#;
        let parts = [header.as_slice(), &encrypted_key, &[1; 12], &[2; 64], &[3; 16]];
        get(&gate, &parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join("."))
    };
    let answers: Vec<Answer> = (1..20).map(forged).collect();
    let (refused, limited) = answers.split_at(10);
    for answer in refused {
        answer.is_refused(401, "authentication.required");
    }
    // One more may pass for each second that this takes.
    let limited = limited.iter().filter(|answer| answer.status == 429).count();
    assert!(limited >= 7, "{limited}");
    assert_eq!(
        get(&gate, &sealed(NESTED, &issuer.token())).status,
        200,
        "other keys cost little"
    );
    assert_eq!(get(&gate, "x").status, 401, "nor does it use up what others have");
}

/// A gate that decrypts with the shared key and with this one.
fn with_rsa_key(upstream: &Upstream, issuer: &Issuer, pair: &KeyPair, more: &str) -> Gate {
    let keys = "[{file: shared.jwk}, {file: rsa.pem, algorithm: RSA-OAEP-256, kid: rsa}]";
    let described = format!("keys: {{file: keys.json}}, decryption: {{keys: {keys}, also_unencrypted: true}}{more}");
    let directory = setup(upstream, "https://id.example", &described)
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .with("workers: 1")
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write_secret("shared.jwk", &shared_key());
    directory.write_secret("rsa.pem", &rsa_pem(pair));
    Gate::start(directory)
}

/// A token inside of an encrypted one, for whoever has the private key.
fn sealed_for(pair: &KeyPair, content: &str) -> String {
    let header = r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","kid":"rsa"}"#;
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public = PrivateDecryptingKey::from_pkcs8(der.as_ref()).unwrap().public_key();
    let key = OaepPublicEncryptingKey::new(public).unwrap();
    let mut encrypted = vec![0; key.ciphertext_size()];
    let encrypted = key
        .encrypt(&OAEP_SHA256_MGF1SHA256, &SHARED, &mut encrypted, None)
        .unwrap();
    let encrypted = URL_SAFE_NO_PAD.encode(encrypted);
    let direct = sealed(header, content);
    let (header, others) = direct.split_once("..").unwrap();
    format!("{header}.{encrypted}.{others}")
}

#[test]
fn a_token_for_an_rsa_key_that_is_spent_is_limited_like_a_forged_one() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let gate = with_rsa_key(&upstream, &issuer, &pair, ", one_time: true");
    let token = sealed_for(&pair, &issuer.token_with("at+jwt", json!({"jti": "one"})));
    assert_eq!(get(&gate, &token).status, 200);
    let answers: Vec<u16> = (0..19).map(|_| get(&gate, &token).status).collect();
    let (refused, limited) = answers.split_at(10);
    assert_eq!(refused, [401; 10]);
    // One more may pass for each second that this takes.
    let limited = limited.iter().filter(|status| **status == 429).count();
    assert!(limited >= 7, "{limited}");
}

#[test]
fn one_good_token_that_is_encrypted_again_and_again_is_limited_by_its_subject() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let gate = with_rsa_key(&upstream, &issuer, &pair, "");
    let good = issuer.token();
    let known = sealed_for(&pair, &good);
    assert_eq!(get(&gate, &known).status, 200);
    let answers: Vec<u16> = (0..200).map(|_| get(&gate, &sealed_for(&pair, &good)).status).collect();
    let (first, others) = answers.split_at(59);
    assert_eq!(first, [200; 59]);
    assert!(others.contains(&429));
    assert!(answers.iter().all(|status| [200, 429].contains(status)));
    assert_eq!(get(&gate, &known).status, 200, "what is remembered costs nothing");
}

fn rsa_pem(pair: &KeyPair) -> String {
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

#[test]
fn a_key_that_decrypts_changes_with_its_file() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = decrypting(&upstream, &issuer, "");
    let token = sealed(NESTED, &issuer.token());
    assert_eq!(get(&gate, &token).status, 200);
    gate.directory
        .write("shared.jwk", &shared_key().replace("\"shared\"", "\"later\""));
    until("the key has another name", || get(&gate, &token).status == 401);
    gate.directory.write("shared.jwk", "{}");
    until("a broken file is told", || {
        gate.log().iter().any(|line| line.contains("cannot use the key"))
    });
    let later = sealed(&NESTED.replace("shared", "later"), &issuer.token());
    assert_eq!(get(&gate, &later).status, 200, "what was in force stays");
    let told = gate.log().join("\n");
    assert!(!told.contains(&URL_SAFE_NO_PAD.encode(SHARED)), "no key is told");
}

#[test]
fn a_token_that_is_good_once_is_refused_the_second_time() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let directory = setup(
        &upstream,
        "https://id.example",
        "keys: {file: keys.json}, one_time: true",
    )
    .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let configuration = directory.read("gate.yaml");
    directory.write("gate.yaml", &format!("workers: 2\n{configuration}"));
    let gate = Gate::start(directory);
    let token = |id: &str| issuer.token_with("at+jwt", json!({ "jti": id }));
    let once = token("a");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| get(&gate, &once).status)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    // The name counts, not the token that it stands in.
    get(&gate, &token("a")).is_refused(401, "authentication.required");
    get(&gate, &issuer.token()).is_refused(401, "authentication.required");
    assert_eq!(get(&gate, &token("b")).status, 200);
    // Also after a reload.
    let before = gate.metric(&["portcullis_reloads_total", "applied"]);
    gate.signal("-HUP");
    until("a reload", || {
        gate.metric(&["portcullis_reloads_total", "applied"]) > before
    });
    get(&gate, &token("b")).is_refused(401, "authentication.required");
    assert_eq!(gate.metric(&["portcullis_token_cache_entries"]), 0.0);
    gate.logs_place("replayed");
}
