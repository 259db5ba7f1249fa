use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key::{JwkRules, Kid};
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::object::Object;
use portcullis_identity::principal::{Credential, Scopes, Subject, SubjectKind};
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use super::*;

fn now() -> UnixTime {
    UnixTime::from_seconds(1_700_000_000).unwrap()
}

fn keys() -> Arc<SigningKeys> {
    let signer = Signer::generate(SigningAlgorithm::Es256, None).unwrap();
    let keys = SigningKeys::default();
    keys.replace(&[Arc::new(signer.named_by_thumbprint())], 0, now());
    Arc::new(keys)
}

fn upstream(keys: &Arc<SigningKeys>, lifetime_seconds: u64, claims: &[&str]) -> Arc<UpstreamIdentity> {
    let tokens = Tokens {
        issuer: "https://gate.example".into(),
        audience: "orders".into(),
        lifetime_seconds,
        claims: claims.iter().map(|claim| (*claim).into()).collect(),
        keys: Arc::clone(keys),
    };
    Arc::new(UpstreamIdentity::Token(AUTHORIZATION, tokens))
}

/// Somebody with an API key.
fn device() -> Identity {
    let subject = Subject::new("keys".into(), SubjectKind::Device, "sensor 7");
    Identity::new(Credential::ApiKey, subject)
}

/// Somebody with an access token that says this.
fn token_of(claims: Value) -> Arc<Identity> {
    let signer = Signer::generate(SigningAlgorithm::Ed25519, Kid::new("k")).unwrap();
    let mut all: Object = [("iss", "https://id.example"), ("aud", "api")]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .into_iter()
        .collect();
    all.insert("exp".to_owned(), (now().seconds() + 3600).into());
    all.extend(claims.as_object().unwrap().clone());
    let token = signer.sign_compact("at+jwt", &all).unwrap();
    let set = jwks([&signer]).to_string();
    let (keys, _) = KeySet::from_jwks(set.as_bytes(), &JwkRules::default()).unwrap();
    let claims = Unverified::parse(&token)
        .unwrap()
        .verify(&keys)
        .unwrap()
        .claims()
        .unwrap();
    let expected = Expected::new("https://id.example", "api", MediaType::new("at+jwt"));
    let accepted = expected.accept(claims, now()).unwrap();
    Arc::new(Identity::of_access_token(&"main".into(), accepted).unwrap())
}

/// The token in what an upstream is told.
#[track_caller]
fn token(told: &Told) -> &str {
    let [(name, value)] = &**told else { panic!("{told:?}") };
    assert!(*name == AUTHORIZATION && value.is_sensitive());
    value.to_str().unwrap().strip_prefix("Bearer ").unwrap()
}

/// The claims of a token, verified with what is published.
fn claims(keys: &SigningKeys, token: &str) -> Value {
    let set = keys.jwks(now()).unwrap();
    let (keys, left_out) = KeySet::from_jwks(set.as_bytes(), &JwkRules::default()).unwrap();
    assert_eq!(left_out, []);
    let token = Unverified::parse(token).unwrap();
    assert_eq!(token.header().typ(), Some(&MediaType::new(TYP)));
    serde_json::from_slice(token.verify(&keys).unwrap().payload()).unwrap()
}

#[test]
fn a_token_says_who_calls_and_verifies_with_what_is_published() {
    let keys = keys();
    let upstream = upstream(&keys, 60, &["email", "groups", "absent"]);
    let alice = token_of(json!({
        "sub": "alice", "client_id": "app", "scope": "b a", "email": "a@example.com", "groups": ["x", 1], "secret": "no",
        "jti": "theirs", "nbf": 1,
    }));
    let told = upstream.tell(&alice, &mut SignedTokens::default(), now()).unwrap();
    let mut said = claims(&keys, token(&told));
    let name = said["jti"].take();
    assert_eq!(name.as_str().map(str::len), Some(22));
    let at = now().seconds();
    let expected = json!({
        "email": "a@example.com", "groups": ["x", 1], "iss": "https://gate.example", "sub": "user:main:alice",
        "aud": "orders", "iat": at, "exp": at + 60, "jti": null, "client_id": "app", "scope": "a b",
    });
    assert_eq!(said, expected);
}

#[test]
fn a_token_never_outlives_the_credential_it_stands_for() {
    let keys = keys();
    let lives = |identity: Identity| {
        let upstream = upstream(&keys, 60, &[]);
        let told = upstream
            .tell(&Arc::new(identity), &mut SignedTokens::default(), now())
            .unwrap();
        claims(&keys, token(&told))["exp"].as_u64().unwrap() - now().seconds()
    };
    assert_eq!(lives(device()), 60);
    assert_eq!(lives(device().until(now().plus(600))), 60);
    assert_eq!(lives(device().until(now().plus(20))), 20);
    // It was let in, so its upstream has to be able to hear of it.
    assert_eq!(lives(device().until(now())), LIFETIME_SECONDS_MIN);
}

#[test]
fn a_token_is_signed_once_for_half_of_its_life_and_for_one_caller_and_upstream() {
    let keys = keys();
    let (orders, others) = (upstream(&keys, 60, &[]), upstream(&keys, 60, &[]));
    let (one, same) = (Arc::new(device()), Arc::new(device()));
    let mut signed = SignedTokens::default();
    let mut tell = |who: &Arc<Identity>, whom: &Arc<UpstreamIdentity>, after| {
        token(&whom.tell(who, &mut signed, now().plus(after)).unwrap()).to_owned()
    };
    let first = tell(&one, &orders, 0);
    assert_eq!(first, tell(&one, &orders, 29));
    assert_ne!(first, tell(&one, &orders, 30));
    assert_ne!(first, tell(&same, &orders, 0));
    assert_ne!(first, tell(&one, &others, 0));
    for _ in 0..3000 {
        tell(&Arc::new(device()), &orders, 30);
    }
    assert!(signed.len() <= 1024, "{}", signed.len());
}

#[test]
fn http_7_headers_say_what_is_known_in_one_way_only() {
    let field = HeaderName::from_static;
    let headers = Arc::new(UpstreamIdentity::Headers(Headers {
        subject: Some(field("x-caller")),
        client: Some(field("x-client")),
        scopes: Some(field("x-scopes")),
        claims: vec![
            ("email".into(), field("x-email")),
            ("groups".into(), field("x-groups")),
            ("address".into(), field("x-address")),
        ],
    }));
    let names: Vec<_> = headers.names().iter().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(
        names,
        ["x-caller", "x-client", "x-scopes", "x-email", "x-groups", "x-address"]
    );
    let said = |identity: &Arc<Identity>| -> Vec<String> {
        let told = headers.tell(identity, &mut SignedTokens::default(), now()).unwrap();
        let line = |(name, value): &(HeaderName, HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        told.iter().map(line).collect()
    };
    let evil = token_of(json!({
        "sub": "eve\r\nX-Admin: yes", "client_id": "a, b", "scope": "read write,all", "email": "a@b\u{0}",
        "groups": ["staff", "ad min"], "address": {"street": "x"},
    }));
    assert_eq!(
        said(&evil),
        [
            "x-caller: user:main:eve%0D%0AX-Admin:%20yes",
            "x-client: a%2C%20b",
            "x-scopes: read write%2Call",
            "x-email: a@b%00",
            "x-groups: staff ad%20min",
        ]
    );
    assert_eq!(said(&Arc::new(device())), ["x-caller: device:keys:sensor%207"]);
    let scoped = device().with_scopes(Scopes::new(vec!["a".into()])).with_client("app");
    assert_eq!(
        said(&Arc::new(scoped)),
        ["x-caller: device:keys:sensor%207", "x-client: app", "x-scopes: a"]
    );
}

#[test]
fn nothing_is_told_without_a_signature() {
    let upstream = upstream(&Arc::default(), 60, &[]);
    let told = upstream.tell(&Arc::new(device()), &mut SignedTokens::default(), now());
    assert_eq!(told, Err(Unsigned));
}
