//! Credentials of the house's own against what was kept of them.

use std::sync::Arc;
use std::time::Instant;

use portcullis_identity::credentials::{
    Accepted, ApiKey, CredentialId, Kind, MacKeys, OpaqueToken, Prefix, Presented, Record, Refused, Retiring, Tag,
    Unusable, message,
};
use portcullis_identity::jose::handle::Mac;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_identity::time::UnixTime;
use portcullis_secrets::{MacKey, SecretBytes};

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn mac_key(name: &str, fill: u8) -> MacKey {
    MacKey::new(&SecretBytes::new(vec![fill; 32]), Kid::new(name)).unwrap()
}

fn ring(keys: Vec<MacKey>) -> Result<MacKeys, Unusable> {
    MacKeys::new(keys.into_iter().map(|key| Arc::new(key) as Arc<dyn Mac>).collect())
}

fn prefix() -> Prefix {
    Prefix::parse("ptc").unwrap()
}

fn tag(key: &MacKey, kind: Kind, text: &str) -> Tag {
    Tag {
        key: key.kid().unwrap().as_str().into(),
        mac: key.sign(&message(kind.purpose(), text)).try_into().unwrap(),
    }
}

fn record(id: CredentialId, kind: Kind, tag: Tag) -> Record {
    Record {
        id,
        kind,
        label: "".into(),
        owner_kind: SubjectKind::User,
        owner: "alice".into(),
        client: None,
        scopes: Scopes::default(),
        tag,
        retiring: None,
        issued: at(1000),
        expires: None,
        revoked: None,
        used: None,
    }
}

fn issued(key: &MacKey, fill: u8) -> (String, Record) {
    let id = CredentialId::of([fill; 8]);
    let text = ApiKey::compose(&prefix(), id, &[fill; 32]);
    let record = record(id, Kind::ApiKey, tag(key, Kind::ApiKey, &text));
    (text, record)
}

fn token(key: &MacKey, fill: u8) -> (String, Record) {
    let id = CredentialId::of([fill; 8]);
    let untagged = OpaqueToken::compose(&prefix(), id, &[fill; 32]);
    let made = key.sign(&message(OpaqueToken::TAG_PURPOSE, untagged.text()));
    let text = untagged.with_tag(&made.try_into().unwrap());
    let record = record(id, Kind::Token, tag(key, Kind::Token, &text));
    (text, record)
}

fn verify<'k>(text: &str, found: Option<&'k Record>, keys: &MacKeys, now: u64) -> Result<Accepted<'k>, Refused> {
    Presented::api_key(text).and_then(|presented| presented.verify(found, keys, at(now)))
}

#[track_caller]
fn check(text: &str, found: Option<&Record>, keys: &MacKeys, now: u64, expected: Result<(), Refused>) {
    assert_eq!(verify(text, found, keys, now).map(|_| ()), expected);
}

#[test]
fn capability_6_a_checksum_is_no_authentication() {
    let key = mac_key("a", 7);
    let (text, record) = issued(&key, 1);
    let keys = ring(vec![key]).unwrap();
    check(&text, Some(&record), &keys, 2000, Ok(()));
    // The right name and a right checksum, around another secret.
    let forged = ApiKey::compose(&prefix(), record.id, &[9; 32]);
    check(&forged, Some(&record), &keys, 2000, Err(Refused::Unknown));
    check(&text, None, &keys, 2000, Err(Refused::Unknown));
}

#[test]
fn capability_6_names_and_prefixes_that_collide_are_not_taken_for_each_other() {
    let key = mac_key("a", 7);
    let ((first, one), (_, other)) = (issued(&key, 1), issued(&key, 2));
    let keys = ring(vec![key]).unwrap();
    // What is found of another name does not fit, nor the same secret behind another prefix.
    check(&first, Some(&other), &keys, 2000, Err(Refused::Unknown));
    let renamed = ApiKey::compose(&Prefix::parse("abc").unwrap(), one.id, &[1; 32]);
    check(&renamed, Some(&one), &keys, 2000, Err(Refused::Unknown));
    let moved = ApiKey::compose(&prefix(), other.id, &[1; 32]);
    check(&moved, Some(&other), &keys, 2000, Err(Refused::Unknown));
}

#[test]
fn capability_6_a_credential_of_one_kind_is_none_of_the_other() {
    let key = mac_key("a", 7);
    let (text, record) = token(&key, 1);
    let keys = ring(vec![key]).unwrap();
    let presented = Presented::token(&text, &keys).unwrap();
    assert!(presented.verify(Some(&record), &keys, at(2000)).is_ok());
    let as_key = Record {
        kind: Kind::ApiKey,
        ..record
    };
    assert_eq!(
        presented.verify(Some(&as_key), &keys, at(2000)).err(),
        Some(Refused::Unknown)
    );
    assert_eq!(Presented::api_key(&text).err(), Some(Refused::Form));
}

#[test]
fn a_tag_is_checked_before_anything_is_looked_for() {
    let (own, other) = (mac_key("a", 7), mac_key("a", 8));
    let (text, _) = token(&own, 1);
    let keys = ring(vec![own]).unwrap();
    assert!(Presented::token(&text, &keys).is_ok());
    let refused = |text: &str| Presented::token(text, &keys).err();
    assert_eq!(refused(&token(&other, 1).0), Some(Refused::Tag));
    // A tag of another token's, and the token's own MAC in the place of its tag.
    let (body, _) = text.rsplit_once('_').unwrap();
    let (_, foreign) = token(&mac_key("a", 7), 2)
        .0
        .rsplit_once('_')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert_eq!(refused(&format!("{body}_{foreign}")), Some(Refused::Tag));
    assert_eq!(refused("a.b.c"), Some(Refused::Form));
}

#[test]
fn capability_6_expired_revoked_and_rotated() {
    let key = mac_key("a", 7);
    let (old, first) = issued(&key, 1);
    let new = ApiKey::compose(&prefix(), first.id, &[5; 32]);
    let rotated = Record {
        tag: tag(&key, Kind::ApiKey, &new),
        retiring: Some(Retiring {
            tag: first.tag.clone(),
            until: at(3000),
        }),
        expires: Some(at(5000)),
        ..first
    };
    let revoked = Record {
        revoked: Some(at(2500)),
        ..rotated.clone()
    };
    let keys = ring(vec![key]).unwrap();
    for (text, now, expected) in [
        (&new, 2999, Ok(Some(at(5000)))),
        (&old, 2999, Ok(Some(at(3000)))),
        (&old, 3000, Err(Refused::Unknown)),
        (&new, 4999, Ok(Some(at(5000)))),
        (&new, 5000, Err(Refused::Expired)),
    ] {
        let found = verify(text, Some(&rotated), &keys, now).map(|accepted| accepted.until);
        assert_eq!(found, expected, "{now}");
    }
    check(&new, Some(&revoked), &keys, 2999, Err(Refused::Revoked));
    check(&old, Some(&revoked), &keys, 2999, Err(Refused::Revoked));
    // Whoever does not have the secret is not told that it is over.
    let forged = ApiKey::compose(&prefix(), revoked.id, &[9; 32]);
    check(&forged, Some(&revoked), &keys, 2999, Err(Refused::Unknown));
}

#[test]
fn what_was_kept_under_an_older_key_is_good_while_that_key_is_there() {
    let (old, new) = (mac_key("old", 7), mac_key("new", 8));
    let (text, record) = issued(&old, 1);
    let (bearer, kept) = token(&old, 2);
    let both = ring(vec![new, old]).unwrap();
    check(&text, Some(&record), &both, 2000, Ok(()));
    let presented = Presented::token(&bearer, &both).unwrap();
    assert!(presented.verify(Some(&kept), &both, at(2000)).is_ok());
    let alone = ring(vec![mac_key("new", 8)]).unwrap();
    check(&text, Some(&record), &alone, 2000, Err(Refused::Unknown));
    assert_eq!(Presented::token(&bearer, &alone).err(), Some(Refused::Tag));
    // A name that another key has taken is not enough.
    let taken = ring(vec![mac_key("old", 9)]).unwrap();
    check(&text, Some(&record), &taken, 2000, Err(Refused::Unknown));
}

#[test]
fn mac_keys_have_names_of_their_own() {
    let unnamed = MacKey::new(&SecretBytes::new(vec![1; 32]), None).unwrap();
    assert_eq!(ring(vec![]).err(), Some(Unusable::None));
    assert_eq!(ring(vec![unnamed]).err(), Some(Unusable::Unnamed));
    assert_eq!(
        ring(vec![mac_key("a", 1), mac_key("a", 2)]).err(),
        Some(Unusable::NamedTwice)
    );
    let many = (0..9).map(|number| mac_key(&format!("k{number}"), number)).collect();
    assert_eq!(ring(many).err(), Some(Unusable::TooMany));
}

/// Whether times differ, as Welch has it: the size of |t|, of which 4.5 and more is no chance.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let mean = |times: &[f64]| times.iter().sum::<f64>() / times.len() as f64;
    let error = |times: &[f64]| {
        let middle = mean(times);
        let squares: f64 = times.iter().map(|time| (time - middle).powi(2)).sum();
        squares / (times.len() as f64 - 1.0) / times.len() as f64
    };
    (mean(a) - mean(b)).abs() / (error(a) + error(b)).sqrt()
}

/// The fastest nine tenths: what the machine did beside is not of the verification.
fn trimmed(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() * 9 / 10);
    times
}

#[test]
fn capability_6_an_unknown_name_takes_as_long_as_a_wrong_secret() {
    let key = mac_key("a", 7);
    let (_, record) = issued(&key, 1);
    let keys = ring(vec![key]).unwrap();
    let wrong = ApiKey::compose(&prefix(), record.id, &[9; 32]);
    let unknown = ApiKey::compose(&prefix(), CredentialId::of([3; 8]), &[9; 32]);
    let time = |text: &str, found: Option<&Record>| {
        let start = Instant::now();
        for _ in 0..20 {
            assert_eq!(verify(text, found, &keys, 2000).err(), Some(Refused::Unknown));
        }
        start.elapsed().as_secs_f64()
    };
    let try_once = || {
        let (mut of_unknown, mut of_wrong) = (Vec::new(), Vec::new());
        for round in 0..500 {
            // In turns, and each first as often as the other.
            if round % 2 == 0 {
                of_unknown.push(time(&unknown, None));
            }
            of_wrong.push(time(&wrong, Some(&record)));
            if round % 2 == 1 {
                of_unknown.push(time(&unknown, None));
            }
        }
        welch(&trimmed(of_unknown), &trimmed(of_wrong))
    };
    // A difference is there each time, and a MAC left out is one of hundreds; what the machine does beside may be there for a while.
    let mut least = f64::INFINITY;
    for _ in 0..10 {
        least = least.min(try_once());
        if least < 4.5 {
            break;
        }
    }
    println!("|t| of an unknown name and a wrong secret: {least:.2}");
    assert!(least < 4.5, "|t| is {least}");
}
