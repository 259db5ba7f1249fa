//! Step-up authentication (RFC 9470): which tokens are enough.

use std::sync::Arc;

use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::{Credential, Identity, Subject, SubjectKind};
use portcullis_identity::step_up::StepUp;
use portcullis_identity::time::UnixTime;
use serde_json::{Value, json};

use crate::making::{claims, es256, expected, now, object, public_set};

fn identity(more: Value) -> Identity {
    let mut all = object(claims());
    all.extend(object(more));
    let token = es256().sign_compact("at+jwt", &all).unwrap();
    let tokens = AccessTokens::new(Arc::from("main"), expected());
    let verified = tokens.verify(Unverified::parse(&token).unwrap(), &public_set(&[es256()]), now());
    verified.unwrap()
}

fn step_up(acr: &[&str], max_age_seconds: Option<u64>) -> StepUp {
    StepUp {
        acr: acr.iter().map(|class| (*class).into()).collect(),
        max_age_seconds,
    }
}

#[test]
fn the_class_has_to_be_one_of_those() {
    let asked = step_up(&["gold", "silver"], None);
    for (acr, enough) in [
        (json!("gold"), true),
        (json!("silver"), true),
        (json!("Gold"), false),
        (json!("gold silver"), false),
        (json!(["gold"]), false),
        (json!(null), false),
        (json!(""), false),
    ] {
        assert_eq!(asked.is_met(&identity(json!({"acr": acr})), now()), enough, "{acr}");
    }
    assert!(!asked.is_met(&identity(json!({})), now()));
    assert!(step_up(&[], None).is_met(&identity(json!({})), now()));
}

#[test]
fn the_authentication_has_to_be_recent() {
    let asked = step_up(&[], Some(300));
    let seconds = now().seconds();
    for (auth_time, enough) in [
        (json!(seconds), true),
        (json!(seconds - 300), true),
        (json!(seconds - 301), false),
        (json!(seconds + 30), true),
        (json!(seconds + 31), false),
        (json!(0), false),
        (json!(-1), false),
        (json!(seconds.to_string()), false),
        (json!(1e300), false),
        (json!(null), false),
    ] {
        let met = asked.is_met(&identity(json!({"auth_time": auth_time})), now());
        assert_eq!(met, enough, "{auth_time}");
    }
    assert!(!asked.is_met(&identity(json!({})), now()), "it does not say when");
    let both = step_up(&["gold"], Some(300));
    assert!(both.is_met(&identity(json!({"auth_time": seconds, "acr": "gold"})), now()));
    assert!(!both.is_met(&identity(json!({"auth_time": seconds})), now()));
    assert!(!both.is_met(&identity(json!({"acr": "gold"})), now()));
}

#[test]
fn only_a_token_says_so() {
    let subject = || Subject::new("partners".into(), SubjectKind::User, "alice");
    let now = UnixTime::from_seconds(1000).unwrap();
    for credential in [
        Credential::ApiKey,
        Credential::Password,
        Credential::Signature,
        Credential::Certificate,
    ] {
        let identity = Identity::new(credential, subject());
        assert!(!step_up(&[], None).is_met(&identity, now), "{credential:?}");
    }
}
