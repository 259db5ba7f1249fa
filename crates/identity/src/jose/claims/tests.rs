use serde_json::json;

use super::*;

const NOW: u64 = 1_700_000_000;

fn claims(members: Value) -> Claims {
    let Value::Object(all) = members else {
        panic!("not an object");
    };
    Claims::of(Some(MediaType::new("at+jwt")), all).unwrap()
}

fn expected() -> Expected {
    Expected::new("i", "a", MediaType::new("at+jwt")).clock_skew(ClockSkew::from_seconds(10).unwrap())
}

/// The first refusal of claims that are right but for these.
fn check(expected: &Expected, changes: Value, refusal: Option<Refusal>) {
    let mut members = json!({ "iss": "i", "aud": "a", "exp": NOW + 100 });
    for (name, value) in changes.as_object().unwrap() {
        members[name] = value.clone();
    }
    let now = UnixTime::from_seconds(NOW).unwrap();
    assert_eq!(expected.accept(claims(members), now).err(), refusal, "{changes}");
}

#[test]
fn a_token_has_a_beginning_and_an_end() {
    for (changes, refusal) in [
        (json!({}), None),
        (json!({ "exp": NOW + 1 }), None),
        (json!({ "exp": NOW }), None),
        (json!({ "exp": NOW - 9 }), None),
        (json!({ "exp": NOW - 10 }), Some(Refusal::Expired)),
        (json!({ "exp": 0 }), Some(Refusal::Expired)),
        (json!({ "exp": 253_402_300_799_u64 }), None),
        (json!({ "nbf": NOW + 10 }), None),
        (json!({ "nbf": NOW + 11 }), Some(Refusal::NotYetValid)),
        (json!({ "iat": NOW + 10 }), None),
        (json!({ "iat": NOW + 11 }), Some(Refusal::IssuedInFuture)),
    ] {
        check(&expected(), changes, refusal);
    }
}

#[test]
fn fractions_of_a_second_never_prolong() {
    for (changes, refusal) in [
        (json!({ "exp": 1_699_999_990.9 }), Some(Refusal::Expired)),
        (json!({ "exp": 1_699_999_991.1 }), None),
        (json!({ "exp": 1.7e9 }), None),
        (json!({ "nbf": 1_700_000_010.0 }), None),
        (json!({ "nbf": 1_700_000_010.1 }), Some(Refusal::NotYetValid)),
    ] {
        check(&expected(), changes, refusal);
    }
}

#[test]
fn age_is_bounded_where_it_is_asked() {
    let young = expected().age_seconds_max(60);
    check(&young, json!({ "iat": NOW - 70 }), None);
    check(&young, json!({ "iat": NOW - 71 }), Some(Refusal::TooOld));
    check(&young, json!({}), Some(Refusal::ClaimMissing("iat".into())));
    check(&expected(), json!({ "iat": 0 }), None);
}

#[test]
fn claims_can_be_required() {
    let strict = expected().require("jti").require("scope");
    check(
        &strict,
        json!({ "jti": "1" }),
        Some(Refusal::ClaimMissing("scope".into())),
    );
    check(&strict, json!({ "jti": "1", "scope": null }), None);
}

#[test]
fn what_must_be_there_is_there() {
    let now = UnixTime::from_seconds(NOW).unwrap();
    let accept = |expected: Expected, members| expected.accept(claims(members), now).err();
    let missing = |name: &'static str| Some(Refusal::ClaimMissing(name.into()));
    assert_eq!(
        accept(expected(), json!({ "aud": "a", "exp": NOW + 1 })),
        missing("iss")
    );
    assert_eq!(
        accept(expected(), json!({ "iss": "i", "exp": NOW + 1 })),
        missing("aud")
    );
    assert_eq!(accept(expected(), json!({ "iss": "i", "aud": "a" })), missing("exp"));
    assert_eq!(
        accept(expected().dangerous_or_unending(), json!({ "iss": "i", "aud": "a" })),
        None
    );
}

/// The report goes on where the gate has ended.
#[test]
fn every_check_is_found() {
    let now = UnixTime::from_seconds(NOW).unwrap();
    let claims = claims(json!({ "iss": "j", "aud": ["b", "a"], "exp": 1, "iat": NOW }));
    let expected = expected().require("jti");
    let findings: Vec<Finding<'_>> = expected.findings(&claims, now).collect();
    let failed = |check| {
        findings
            .iter()
            .find(|finding| finding.check == check)
            .unwrap()
            .outcome
            .clone()
            .err()
    };
    assert_eq!(findings.len(), 8);
    assert_eq!(failed(Check::Type), None);
    assert_eq!(failed(Check::Issuer), Some(Refusal::IssuerMismatch));
    assert_eq!(failed(Check::Audience), None);
    assert_eq!(failed(Check::Expiry), Some(Refusal::Expired));
    assert_eq!(failed(Check::NotBefore), None);
    assert_eq!(failed(Check::IssuedAt), None);
    assert_eq!(failed(Check::Age), None);
    assert_eq!(failed(Check::Present("jti")), Some(Refusal::ClaimMissing("jti".into())));
}

#[test]
fn clock_skew_is_bounded() {
    assert!(ClockSkew::from_seconds(CLOCK_SKEW_SECONDS_MAX).is_some());
    assert!(ClockSkew::from_seconds(CLOCK_SKEW_SECONDS_MAX + 1).is_none());
}
