//! What counts of what was put in, and for how long.

use aws_lc_rs::hmac;
use portcullis_identity::credentials::{ApiKey, Kind, Prefix, Retiring, Tag, message};
use portcullis_identity::jose::handle::{Failed, Mac};
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::{Credential, Scopes, SubjectKind};

use super::*;

#[derive(Debug)]
struct Key(Kid, hmac::Key);

impl Mac for Key {
    fn kid(&self) -> Option<&Kid> {
        Some(&self.0)
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), Failed> {
        hmac::verify(&self.1, message, tag).map_err(|_| Failed)
    }
}

fn mac_key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])
}

fn ring() -> Keyring {
    let key = Key(Kid::new("a").unwrap(), mac_key());
    Keyring::new("own".into(), MacKeys::new(vec![Arc::new(key)]).unwrap())
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn issued(name: u8, secret: u8) -> (String, Record) {
    let id = CredentialId::of([name; 8]);
    let text = ApiKey::compose(&Prefix::parse("ptc").unwrap(), id, &[secret; 32]);
    let mac = hmac::sign(&mac_key(), &message(Kind::ApiKey.purpose(), &text));
    let record = Record {
        id,
        kind: Kind::ApiKey,
        label: "".into(),
        owner_kind: SubjectKind::Service,
        owner: "billing".into(),
        client: Some("app".into()),
        scopes: Scopes::new(vec!["read".into()]),
        tag: Tag {
            key: "a".into(),
            mac: mac.as_ref().try_into().unwrap(),
        },
        retiring: None,
        issued: at(1000),
        expires: None,
        revoked: None,
        used: None,
    };
    (text, record)
}

fn blocking<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(future)
}

fn verify(ring: &Keyring, text: &str) -> Result<Arc<Identity>, Untaken> {
    blocking(ring.api_key(text, at(2000)))
}

#[test]
fn what_is_known_lets_in_until_something_else_is_known() {
    let (ring, (text, record)) = (ring(), issued(1, 1));
    ring.put(vec![record.clone()], true, Instant::now());
    let identity = verify(&ring, &text).unwrap();
    assert_eq!(identity.subject().to_string(), "service:own:billing");
    assert_eq!(
        (identity.client(), identity.credential()),
        (Some("app"), Credential::ApiKey)
    );
    assert!(identity.scopes().contain(["read"]) && !identity.scopes().contain(["write"]));
    let (other, another) = issued(2, 1);
    ring.put(vec![another], false, Instant::now());
    assert!(verify(&ring, &text).is_ok() && verify(&ring, &other).is_ok());
    let revoked = Record {
        revoked: Some(at(1999)),
        ..record
    };
    ring.put(vec![revoked], false, Instant::now());
    assert_eq!(verify(&ring, &text).err(), Some(Untaken::Refused(Refused::Revoked)));
    ring.put(vec![], true, Instant::now());
    assert_eq!(verify(&ring, &other).err(), Some(Untaken::Refused(Refused::Unknown)));
}

#[test]
fn an_identity_ends_with_the_secret_that_proved_it() {
    let (ring, (old, first), (new, second)) = (ring(), issued(1, 1), issued(1, 2));
    let rotated = Record {
        retiring: Some(Retiring {
            tag: first.tag,
            until: at(2100),
        }),
        ..second
    };
    ring.put(vec![rotated], true, Instant::now());
    assert_eq!(verify(&ring, &old).unwrap().expires(), Some(at(2100)));
    assert_eq!(verify(&ring, &new).unwrap().expires(), None);
}

#[test]
fn what_is_too_old_counts_for_nothing() {
    let (ring, (text, record)) = (ring(), issued(1, 1));
    let begun = Instant::now();
    std::thread::sleep(FRESH_TIME_MAX + Duration::from_millis(50));
    ring.put(vec![record.clone()], true, begun);
    ring.fail();
    let asked = Instant::now();
    assert_eq!(verify(&ring, &text).err(), Some(Untaken::Unavailable));
    assert!(
        asked.elapsed() < WAIT_TIME_MAX,
        "where it is known to fail, nobody waits"
    );
    // Where it is not, a request waits for news.
    ring.put(vec![], false, begun);
    let later = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        ring.put(vec![], false, Instant::now());
    };
    let both = async { tokio::join!(ring.api_key(&text, at(2000)), later).0 };
    assert!(blocking(both).is_ok());
    // A form that is wrong needs no store.
    ring.put(vec![], false, begun);
    assert_eq!(verify(&ring, "nonsense").err(), Some(Untaken::Refused(Refused::Form)));
}

#[test]
fn uses_are_told_until_they_are_written_down() {
    let (ring, (text, record)) = (ring(), issued(1, 1));
    ring.put(vec![record.clone()], true, Instant::now());
    assert_eq!(ring.used(), []);
    verify(&ring, &text).unwrap();
    let uses = [(record.id, at(2000))];
    assert_eq!(ring.used(), uses);
    // What changes in between forgets nothing.
    ring.put(vec![record], false, Instant::now());
    assert_eq!(ring.used(), uses);
    ring.written(&uses);
    assert_eq!(ring.used(), []);
    let (wrong, _) = issued(1, 9);
    assert!(verify(&ring, &wrong).is_err());
    assert_eq!(ring.used(), [], "a wrong secret is no use");
}
