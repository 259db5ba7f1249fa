//! The text of a hash: one spelling for each, so that what is read is what another reader would read.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Costs, PasswordHash};

/// How many octets a salt may have.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// How many octets a tag may have.
const TAG_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// Why something is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashRefusal {
    /// It is no PHC string in its one spelling.
    Form,
    /// It is of another algorithm than Argon2id, or of another version than 1.3.
    Algorithm,
    /// It is too cheap to try.
    Weak,
    /// Verifying it costs too much.
    Costly,
    /// Its salt has less than 8 or more than 64 octets.
    Salt,
    /// Its tag has less than 16 or more than 64 octets.
    Tag,
}

impl fmt::Display for HashRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "is not of the form `$argon2id$v=19$m=19456,t=2,p=1$SALT$TAG`",
            Self::Algorithm => "is not of Argon2id in version 1.3 (`$argon2id$v=19$...`)",
            Self::Weak => "is cheap to guess: at least `m=19456,t=2,p=1` or `m=47104,t=1,p=1` is needed",
            Self::Costly => "costs too much to verify: at most `m=262144,p=16`, and 1 GiB over all passes",
            Self::Salt => "has a salt that is not of 8 to 64 octets",
            Self::Tag => "has a tag that is not of 16 to 64 octets",
        })
    }
}

impl PasswordHash {
    /// Reads a PHC string.
    ///
    /// # Errors
    ///
    /// [`HashRefusal`].
    pub fn parse(text: &str) -> Result<Self, HashRefusal> {
        let mut fields = text.split('$');
        let mut next = || fields.next().ok_or(HashRefusal::Form);
        if !next()?.is_empty() {
            return Err(HashRefusal::Form);
        }
        let (algorithm, version) = (next()?, next()?);
        if algorithm != "argon2id" || version != "v=19" {
            return Err(HashRefusal::Algorithm);
        }
        let costs = costs(next()?)?;
        let salt = octets(next()?)?;
        let tag = octets(next()?)?;
        if fields.next().is_some() {
            return Err(HashRefusal::Form);
        }
        if !SALT_BYTES.contains(&salt.len()) {
            return Err(HashRefusal::Salt);
        }
        if !TAG_BYTES.contains(&tag.len()) {
            return Err(HashRefusal::Tag);
        }
        Ok(Self { costs, salt, tag })
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Costs {
            memory_kibibytes,
            passes,
            lanes,
        } = self.costs;
        let [salt, tag] = [&self.salt, &self.tag].map(|octets| STANDARD_NO_PAD.encode(octets));
        write!(
            f,
            "$argon2id$v=19$m={memory_kibibytes},t={passes},p={lanes}${salt}${tag}"
        )
    }
}

/// `m`, `t` and `p`, in this order, and nothing else.
fn costs(text: &str) -> Result<Costs, HashRefusal> {
    let mut written = text.split(',');
    let mut number = |name: &str| {
        let value = written.next().and_then(|one| one.strip_prefix(name));
        value.and_then(decimal).ok_or(HashRefusal::Form)
    };
    let (memory, passes, lanes) = (number("m=")?, number("t=")?, number("p=")?);
    if written.next().is_some() {
        return Err(HashRefusal::Form);
    }
    Costs::new(memory, passes, lanes)
}

/// A number as it is written once: without a sign, without zeros in front.
fn decimal(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

fn octets(text: &str) -> Result<Box<[u8]>, HashRefusal> {
    let octets = STANDARD_NO_PAD.decode(text).map_err(|_| HashRefusal::Form)?;
    Ok(octets.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const TAG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[track_caller]
    fn check(text: &str, expected: Option<HashRefusal>) {
        assert_eq!(PasswordHash::parse(text).err(), expected, "{text:?}");
    }

    #[test]
    fn a_hash_has_one_spelling() {
        check(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}"), None);
        for algorithm in [
            "argon2i$v=19",
            "argon2d$v=19",
            "argon2id$v=16",
            "Argon2id$v=19",
            "2y$10",
            "argon2id$m=19456,t=2,p=1",
        ] {
            check(
                &format!("${algorithm}$m=19456,t=2,p=1${SALT}${TAG}"),
                Some(HashRefusal::Algorithm),
            );
        }
        for costs in [
            "m=19456,p=1,t=2",
            "m=19456,t=2",
            "m=19456,t=2,p=1,keyid=AA",
            "m=019456,t=2,p=1",
            "m=+19456,t=2,p=1",
            "m=19456, t=2,p=1",
            "m=99999999999,t=2,p=1",
            "m=,t=2,p=1",
            "m=19456,t=2,p=0",
            "",
        ] {
            check(&format!("$argon2id$v=19${costs}${SALT}${TAG}"), Some(HashRefusal::Form));
        }
        check(
            &format!("$argon2id$v=19$m=4096,t=3,p=1${SALT}${TAG}"),
            Some(HashRefusal::Weak),
        );
        check(
            &format!("$argon2id$v=19$m=2097152,t=1,p=4${SALT}${TAG}"),
            Some(HashRefusal::Costly),
        );
        for (salt, tag, expected) in [
            ("AAAA", TAG, HashRefusal::Salt),
            ("", TAG, HashRefusal::Salt),
            (SALT, "AAAA", HashRefusal::Tag),
            (SALT, "", HashRefusal::Tag),
            ("AAAAAAAAAAAAAAAAAAAAAB", TAG, HashRefusal::Form),
            ("AAAAAAAAAAAAAAAAAAAAAA==", TAG, HashRefusal::Form),
            (SALT, "A", HashRefusal::Form),
            ("not base64", TAG, HashRefusal::Form),
        ] {
            check(&format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${tag}"), Some(expected));
        }
        for text in [
            "",
            "$",
            "secret",
            "argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        ] {
            check(text, Some(HashRefusal::Form));
        }
        check(
            &format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}$"),
            Some(HashRefusal::Form),
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "(\\$argon2id\\$v=19\\$m=[1-9][0-9]{4},t=[1-9],p=[1-9]\\$[A-Za-z0-9+/]{11,22}\\$[A-Za-z0-9+/]{22,43})|\\PC{0,60}") {
            if let Ok(hash) = PasswordHash::parse(&text) {
                prop_assert_eq!(hash.to_string(), text);
            }
        }
    }
}
