//! The forms of credentials.

use proptest::prelude::*;

use super::*;

fn prefix() -> Prefix {
    Prefix::parse("ptc").unwrap()
}

fn key() -> String {
    ApiKey::compose(&prefix(), CredentialId::of([1; 8]), &[2; 32])
}

fn token() -> String {
    OpaqueToken::compose(&prefix(), CredentialId::of([1; 8]), &[2; 32]).with_tag(&[3; 32])
}

fn without_end(text: &str, bytes: usize) -> &str {
    text.get(..text.len() - bytes).unwrap()
}

#[test]
fn prefixes() {
    for (text, is_one) in [
        ("ptc", true),
        ("a1", true),
        ("abcdefghijklmnop", true),
        ("abcdefghijklmnopq", false),
        ("a", false),
        ("", false),
        ("1a", false),
        ("Abc", false),
        ("a-b", false),
        ("a_b", false),
    ] {
        assert_eq!(Prefix::parse(text).is_some(), is_one, "{text}");
    }
}

#[test]
fn names() {
    let id = CredentialId::of([0xff; 8]);
    assert_eq!(id.as_str().len(), 11);
    assert_eq!(CredentialId::parse(id.as_str()), Some(id));
    for bad in ["", "0000000000", "000000000000", "0000000000_", "zzzzzzzzzzz"] {
        assert_eq!(CredentialId::parse(bad), None, "{bad}");
    }
}

/// What a scanner of secrets is told to look for (docs/api-keys.md).
#[test]
fn capability_6_scanners_know_a_key_by_its_form() {
    let key = key();
    let words: Vec<&str> = key.split('_').collect();
    let lengths: Vec<usize> = words.iter().map(|word| word.len()).collect();
    assert_eq!(lengths, [3, 11, 43, 6]);
    assert_eq!(words[0], "ptc");
    assert!(
        words[1..]
            .iter()
            .all(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    );
    assert_eq!(words[3].as_bytes(), checksum::digits(without_end(&key, 7).as_bytes()));
    assert!(token().split('_').map(str::len).eq([3, 54, 43]));
}

#[track_caller]
fn refused(text: &str, why: NoKey) {
    assert_eq!(ApiKey::parse(text).map(|key| key.id()), Err(why), "{text}");
}

#[test]
fn keys_are_read_strictly() {
    let good = key();
    assert_eq!(ApiKey::parse(&good).unwrap().id(), CredentialId::of([1; 8]));
    for text in [
        "",
        "_",
        "___",
        &format!(" {good}"),
        &format!("{good} "),
        &format!("{good}\n"),
        &format!("Bearer {good}"),
        &good.to_uppercase(),
        &good.replace('_', "-"),
        &good.replacen('_', "__", 1),
        without_end(&good, 1),
        &good.replacen("ptc", "c", 1),
        &format!("{good}0"),
        &format!("x_{good}"),
        &"a".repeat(10_000),
        &token(),
    ] {
        refused(text, NoKey::Form);
    }
    let mut other = good.clone();
    let digit = if good.as_bytes()[20] == b'0' { "1" } else { "0" };
    other.replace_range(20..21, digit);
    refused(&other, NoKey::Checksum);
    refused(&good.replacen("ptc", "ptd", 1), NoKey::Checksum);
}

#[test]
fn tokens_are_read_strictly() {
    let good = token();
    let read = OpaqueToken::parse(&good).unwrap();
    assert_eq!((read.id(), read.tag()), (CredentialId::of([1; 8]), &[3; 32]));
    assert_eq!(read.tagged(), good.rsplit_once('_').unwrap().0);
    for text in [
        "",
        "__",
        "a.b.c",
        &format!("{good} "),
        without_end(&good, 1),
        &format!("{good}0"),
        &good.replacen("ptc", "PTC", 1),
        &good.replacen('_', "__", 1),
        &format!("{}{}", without_end(&good, 43), "z".repeat(43)),
        &format!("ptc_{}_{}", "é".repeat(27), "0".repeat(43)),
        &key(),
    ] {
        assert!(OpaqueToken::parse(text).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_composed_is_read(id: [u8; 8], secret: [u8; 32], tag: [u8; 32], prefix in "[a-z][a-z0-9]{1,15}") {
        let (prefix, id) = (Prefix::parse(&prefix).unwrap(), CredentialId::of(id));
        let key = ApiKey::compose(&prefix, id, &secret);
        prop_assert!(key.len() <= CREDENTIAL_BYTES_MAX);
        prop_assert_eq!(ApiKey::parse(&key).unwrap().id(), id);
        let token = OpaqueToken::compose(&prefix, id, &secret).with_tag(&tag);
        prop_assert!(token.len() <= CREDENTIAL_BYTES_MAX);
        let read = OpaqueToken::parse(&token).unwrap();
        prop_assert_eq!((read.id(), *read.tag()), (id, tag));
        prop_assert!(ApiKey::parse(&token).is_err() && OpaqueToken::parse(&key).is_none());
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,140}", like in "[a-z]{1,3}_[0-9A-Za-z]{10,12}_?[0-9A-Za-z]{42,44}_[0-9A-Za-z]{6,43}") {
        for text in [text, like] {
            let _ = ApiKey::parse(&text);
            let _ = OpaqueToken::parse(&text);
        }
    }

    #[test]
    fn one_changed_digit_is_noticed(id: [u8; 8], secret: [u8; 32], at in 0..64_usize, with in "[0-9A-Za-z]") {
        let key = ApiKey::compose(&prefix(), CredentialId::of(id), &secret);
        let mut changed = key.clone();
        changed.replace_range(at..=at, &with);
        prop_assert_eq!(ApiKey::parse(&changed).is_ok(), changed == key);
    }
}
