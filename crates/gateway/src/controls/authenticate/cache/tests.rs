use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::introspection::Introspected;
use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::media_type::MediaType;

use super::*;
use crate::issuer::{Decryption, Keys, Validation};

const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn tokens() -> AccessTokens {
    let expected = Expected::new("i", "a", MediaType::new("at+jwt")).introspected();
    AccessTokens::new("main".into(), expected)
}

fn issuer() -> Arc<Issuer> {
    Arc::new(Issuer::new(tokens(), Validation::Keys(Keys::unknown(None))))
}

/// Somebody whose token ends then.
fn identity(exp: u64) -> Arc<Identity> {
    let said = format!(r#"{{"active":true,"aud":"a","sub":"alice","exp":{exp}}}"#);
    let said = Introspected::read(said.as_bytes()).unwrap();
    Arc::new(tokens().introspected(said, at(NOW)).unwrap())
}

fn digest(token: &str) -> TokenDigest {
    TokenDigest::of(token).unwrap()
}

#[test]
fn it_stays_bounded_when_it_is_overfilled_and_gives_out_only_its_own() {
    let (mut cache, issuer) = (TokenCache::default(), issuer());
    let generation = issuer.remembers().unwrap();
    let somebody = identity(NOW + 100);
    for number in 0..HALF_MAX * 5 {
        cache.put(digest(&format!("t{number}")), &somebody, &issuer, generation, at(NOW));
        assert!(cache.len() <= 2 * HALF_MAX, "{}", cache.len());
    }
    let mut get = |number: usize, issuer: &Arc<Issuer>| {
        cache
            .get(&digest(&format!("t{number}")), [issuer].into_iter(), at(NOW))
            .is_some()
    };
    assert!(get(HALF_MAX * 5 - 1, &issuer));
    assert!(!get(0, &issuer), "what nobody used is forgotten");
    assert!(!get(HALF_MAX * 5 - 1, &self::issuer()), "another issuer's");
}

#[test]
fn an_entry_ends_with_its_token_and_is_taken_out() {
    let (mut cache, issuer) = (TokenCache::default(), issuer());
    let generation = issuer.remembers().unwrap();
    cache.put(digest("short"), &identity(NOW + 5), &issuer, generation, at(NOW));
    cache.put(digest("long"), &identity(NOW + 100_000), &issuer, generation, at(NOW));
    let mut is_there = |token: &str, now| cache.get(&digest(token), [&issuer].into_iter(), at(now)).is_some();
    assert!(is_there("short", NOW + 4));
    assert!(!is_there("short", NOW + 5), "`exp` has come");
    assert!(!is_there("short", NOW), "it was taken out");
    assert!(is_there("long", NOW + LIFE_SECONDS_MAX - 1));
    assert!(!is_there("long", NOW + LIFE_SECONDS_MAX));
    assert_eq!(cache.len(), 0);
}

#[test]
fn jose_23_an_entry_ends_with_the_keys_that_it_was_verified_with() {
    let (mut cache, issuer) = (TokenCache::default(), issuer());
    let generation = issuer.remembers().unwrap();
    cache.put(digest("t"), &identity(NOW + 100), &issuer, generation, at(NOW));
    assert!(cache.get(&digest("t"), [&issuer].into_iter(), at(NOW)).is_some());
    issuer.keys().unwrap().forget();
    // One that was verified before the keys changed, and is put in after.
    cache.put(digest("u"), &identity(NOW + 100), &issuer, generation, at(NOW));
    for token in ["t", "u"] {
        assert!(cache.get(&digest(token), [&issuer].into_iter(), at(NOW)).is_none());
    }
    let generation = issuer.remembers().unwrap();
    cache.put(digest("t"), &identity(NOW + 100), &issuer, generation, at(NOW));
    issuer.decrypt_with(Some(Decryption {
        keys: Box::default(),
        required: false,
    }));
    assert!(cache.get(&digest("t"), [&issuer].into_iter(), at(NOW)).is_none());
}
