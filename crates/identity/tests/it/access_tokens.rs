//! Whom an access token speaks of.

use std::sync::Arc;

use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::introspection::Introspected;
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::{Identity, SubjectKind};
use serde_json::{Value, json};

use crate::making::{claims, es256, expected, now, object, public_set};

/// Whom a well-signed token with these claims, besides those of every token, speaks of.
fn identity(more: Value) -> Result<Identity, Refusal> {
    let mut all = object(claims());
    all.extend(object(more));
    let token = es256().sign_compact("at+jwt", &all).unwrap();
    let tokens = AccessTokens::new(Arc::from("main"), expected());
    tokens.verify(Unverified::parse(&token).unwrap(), &public_set(&[es256()]), now())
}

#[test]
fn a_token_speaks_of_a_subject_with_scopes() {
    let alice = identity(json!({"client_id": "app", "scope": "write read"})).unwrap();
    assert_eq!(alice.subject().to_string(), "user:main:alice");
    assert_eq!(alice.client(), Some("app"));
    assert!(alice.scopes().contain(["read", "write"]));
    assert!(!alice.scopes().contain(["read", "admin"]));
    assert!(!alice.scopes().contain(["rea"]));
    assert!(identity(json!({"scp": ["read"]})).unwrap().scopes().contain(["read"]));
    assert!(identity(json!({})).unwrap().scopes().contain([]));
}

#[test]
fn oauth_14_a_client_is_never_a_user_of_the_same_name() {
    let user = identity(json!({"client_id": "app"})).unwrap();
    for named in ["client_id", "azp"] {
        let client = identity(json!({named: "alice"})).unwrap();
        assert_eq!(client.subject().kind(), SubjectKind::Client);
        assert_eq!(client.subject().name(), user.subject().name());
        assert_ne!(client.subject(), user.subject());
    }
}

#[test]
fn claims_of_the_wrong_type_are_refused() {
    for (claim, value) in [
        ("scope", json!(["read"])),
        ("scope", json!(1)),
        ("scp", json!(["read", 1])),
        ("scp", json!({})),
        ("client_id", json!(["app"])),
        ("azp", json!(null)),
    ] {
        assert_eq!(
            identity(json!({claim: value})).unwrap_err(),
            Refusal::ClaimInvalid(claim),
            "{claim}: {value}"
        );
    }
    let mut nobody = object(claims());
    nobody.remove("sub");
    let token = es256().sign_compact("at+jwt", &nobody).unwrap();
    let tokens = AccessTokens::new(Arc::from("main"), expected());
    let refused = tokens.verify(Unverified::parse(&token).unwrap(), &public_set(&[es256()]), now());
    assert_eq!(refused.unwrap_err(), Refusal::ClaimMissing("sub".into()));
}

/// Whom an introspected token speaks of, expected as the configuration of an introspecting issuer does.
fn introspected(answer: &Value) -> Result<Identity, Refusal> {
    let tokens = AccessTokens::new(Arc::from("main"), expected().introspected());
    tokens.introspected(Introspected::read(answer.to_string().as_bytes()).unwrap(), now())
}

#[test]
fn oauth_19_what_an_issuer_says_of_a_token_is_checked_like_a_token() {
    let check = |more: Value, refusal: Option<Refusal>| {
        let mut answer = object(claims());
        answer.insert("active".to_owned(), true.into());
        for (name, value) in object(more.clone()) {
            match value {
                Value::Null => drop(answer.remove(&name)),
                value => drop(answer.insert(name, value)),
            }
        }
        assert_eq!(introspected(&answer.into()).err(), refusal, "{more}");
    };
    check(json!({}), None);
    check(json!({"iss": null}), None);
    check(json!({"exp": null}), None);
    check(json!({"active": false}), Some(Refusal::Inactive));
    check(json!({"iss": "https://evil.example"}), Some(Refusal::IssuerMismatch));
    check(json!({"aud": "https://other.example"}), Some(Refusal::AudienceMismatch));
    check(json!({"aud": null}), Some(Refusal::ClaimMissing("aud".into())));
    check(json!({"exp": 1}), Some(Refusal::Expired));
    check(json!({"nbf": 4_000_000_000_u64}), Some(Refusal::NotYetValid));
    check(json!({"sub": null}), Some(Refusal::ClaimMissing("sub".into())));
    check(json!({"sub": null, "client_id": "app"}), None);
}
