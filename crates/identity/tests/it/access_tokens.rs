//! Whom an access token speaks of.

use std::sync::Arc;

use portcullis_identity::access_token::AccessTokens;
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
