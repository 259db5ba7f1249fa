//! Users with passwords, as a text has them: a line each, `name:hash` or `name:hash:scopes`.
//!
//! The hash is a PHC string ([`PasswordHash`]); `!` in front of it disables the user; scopes are separated by spaces (RFC 6749
//! §3.3). Lines that are empty or begin with `#` are for people.
//!
//! Whoever asks for a user gets a hash to verify in any case: that of the user, or one that is nobody's and costs what some user's
//! does, always the same for a name. So an unknown name takes as long as a known one, also where users have hashes of different costs.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::{digest, hmac};

use crate::authorization::USER_NAME_BYTES_MAX;
use crate::password::{Costs, HashRefusal, PasswordHash};
use crate::principal::Scopes;

/// The most users of one text.
pub const USERS_MAX: usize = 100_000;

/// Users and the hashes of their passwords. There is one at least.
pub struct Users {
    /// By their names, all different.
    sorted: Box<[User]>,
    /// Chooses what an unknown name costs.
    secret: hmac::Key,
}

struct User {
    name: Box<str>,
    hash: PasswordHash,
    disabled: bool,
    scopes: Scopes,
}

/// What to verify for a name, whoever has it.
#[derive(Debug)]
pub struct Candidate<'u> {
    /// The hash to verify a password with.
    pub hash: PasswordHash,
    /// What the user may do; none where nobody has the name, or may use it: then no password is right.
    scopes: Option<&'u Scopes>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: Faulty,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Faulty {
    /// It is no `name:hash`.
    Form,
    /// The name is empty, longer than [`USER_NAME_BYTES_MAX`] octets, or has a control character, a byte order mark or a space around it.
    Name,
    /// The hash is none.
    Hash(HashRefusal),
    /// A scope has a character that scopes do not have.
    Scope,
    /// The name stands in this line already.
    Twice(usize),
    /// There are more than [`USERS_MAX`].
    TooMany,
    /// There is no user.
    Nobody,
}

impl Users {
    /// Reads a text whole or not at all, so that a broken line never takes somebody's access away.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (mut users, mut faults, mut lines) = (Vec::new(), Vec::new(), HashMap::new());
        for (line, written) in (1..).zip(text.lines()) {
            if written.is_empty() || written.starts_with('#') {
                continue;
            }
            if users.len() == USERS_MAX {
                let what = Faulty::TooMany;
                faults.push(Fault { line, what });
                break;
            }
            match User::parse(written) {
                Ok(user) => {
                    if let Some(first) = lines.insert(user.name.clone(), line) {
                        let what = Faulty::Twice(first);
                        faults.push(Fault { line, what });
                    }
                    users.push(user);
                }
                Err(what) => faults.push(Fault { line, what }),
            }
        }
        if users.is_empty() && faults.is_empty() {
            let (line, what) = (1, Faulty::Nobody);
            faults.push(Fault { line, what });
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        users.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(Self {
            sorted: users.into(),
            // Nobody can compute it without the salts and tags in the text.
            secret: hmac::Key::new(
                hmac::HMAC_SHA256,
                digest::digest(&digest::SHA256, text.as_bytes()).as_ref(),
            ),
        })
    }

    /// What to verify for this name.
    pub fn candidate(&self, name: &str) -> Candidate<'_> {
        let found = self.sorted.binary_search_by(|user| (*user.name).cmp(name)).ok();
        // Computed in any case, as is everything that takes time.
        let other = self.like(name);
        let like = found.unwrap_or(other);
        match self.sorted.get(like) {
            Some(user) if found.is_some() => Candidate {
                hash: user.hash.clone(),
                scopes: (!user.disabled).then_some(&user.scopes),
            },
            Some(other) => Candidate {
                hash: other.hash.decoy(),
                scopes: None,
            },
            // Never: there is one at least, and both indexes are below their number.
            None => Candidate {
                hash: PasswordHash::nobodys(Costs::LEAST),
                scopes: None,
            },
        }
    }

    /// How many there are, at least one.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Whether verifying costs the same for all of them.
    pub fn cost_alike(&self) -> bool {
        let mut costs = self.sorted.iter().map(|user| user.hash.costs());
        let first = costs.next();
        costs.all(|other| Some(other) == first)
    }

    /// Whom an unknown name is as costly as: always the same, and any with the same chance.
    fn like(&self, name: &str) -> usize {
        let tag = hmac::sign(&self.secret, name.as_bytes());
        let number = tag
            .as_ref()
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        let count = u64::try_from(self.sorted.len()).unwrap_or(u64::MAX).max(1);
        usize::try_from(number % count).unwrap_or_default()
    }
}

impl<'u> Candidate<'u> {
    /// What the user may do, where the password was right and there is such a user.
    pub fn admitted(&self, verified: bool) -> Option<&'u Scopes> {
        self.scopes.filter(|_| verified)
    }
}

impl User {
    fn parse(line: &str) -> Result<Self, Faulty> {
        let (name, rest) = line.split_once(':').ok_or(Faulty::Form)?;
        let (hash, scopes) = rest.split_once(':').unwrap_or((rest, ""));
        let named = !name.is_empty() && name.len() <= USER_NAME_BYTES_MAX && name.trim() == name;
        // A byte order mark would be a part of the first name that nobody sees.
        if !named || name.contains(|letter: char| letter.is_control() || letter == '\u{feff}') {
            return Err(Faulty::Name);
        }
        let (disabled, hash) = match hash.strip_prefix('!') {
            Some(hash) => (true, hash),
            None => (false, hash),
        };
        let scopes = Scopes::of_list(scopes);
        if !scopes.iter().all(Scopes::is_one) {
            return Err(Faulty::Scope);
        }
        Ok(Self {
            name: name.into(),
            hash: PasswordHash::parse(hash).map_err(Faulty::Hash)?,
            disabled,
            scopes,
        })
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("this is no `name:hash`"),
            Self::Name => f.write_str("the name is empty, too long, or has a control character or spaces around it"),
            Self::Hash(refusal) => write!(f, "the hash {refusal}"),
            Self::Scope => f.write_str("a scope has a character that scopes do not have (RFC 6749, section 3.3)"),
            Self::Twice(first) => write!(f, "the name stands in line {first} already"),
            Self::TooMany => write!(f, "there are more than {USERS_MAX} users"),
            Self::Nobody => f.write_str("there is no user"),
        }
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::authorization::Password;
    use crate::password::{Memory, SALT_BYTES};

    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const COSTLY: &str =
        "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn users(text: &str) -> Users {
        Users::parse(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(usize, Faulty)]) {
        let faults = Users::parse(text).err().unwrap_or_default();
        let faults: Vec<_> = faults.into_iter().map(|fault| (fault.line, fault.what)).collect();
        assert_eq!(faults, expected, "{text:?}");
    }

    #[test]
    fn a_broken_text_is_no_users() {
        check(
            &format!("# people\n\nalice:{HASH}\nzoë k.:!{HASH}:things.read urn:x:y\r\n"),
            &[],
        );
        check("", &[(1, Faulty::Nobody)]);
        check("# nobody\n", &[(1, Faulty::Nobody)]);
        check("alice\n", &[(1, Faulty::Form)]);
        check(&format!(":{HASH}"), &[(1, Faulty::Name)]);
        check(&format!(" alice:{HASH}"), &[(1, Faulty::Name)]);
        check(&format!("al\u{7}ice:{HASH}"), &[(1, Faulty::Name)]);
        check(&format!("\u{feff}alice:{HASH}"), &[(1, Faulty::Name)]);
        check(&format!("{}:{HASH}", "a".repeat(257)), &[(1, Faulty::Name)]);
        check("alice:secret", &[(1, Faulty::Hash(HashRefusal::Form))]);
        check(
            &format!("alice:{}", HASH.replace("19456", "4096")),
            &[(1, Faulty::Hash(HashRefusal::Weak))],
        );
        check(&format!("alice:{HASH}:a\"b"), &[(1, Faulty::Scope)]);
        check(
            &format!("alice:{HASH}\nbob\nalice:!{HASH}\n"),
            &[(2, Faulty::Form), (3, Faulty::Twice(1))],
        );
    }

    #[test]
    fn only_a_known_and_able_user_with_the_right_password_is_admitted() {
        let mut memory = Memory::default();
        let password = Password::new(b"secret".to_vec());
        let hash = PasswordHash::make(&password, [3; SALT_BYTES], Costs::LEAST, &mut memory).unwrap();
        let users = users(&format!("alice:{hash}:a b\nbob:!{hash}\n"));
        let mut verified = |name: &str, password: &str| {
            let candidate = users.candidate(name);
            let verified = candidate
                .hash
                .verify(&Password::new(password.as_bytes().to_vec()), &mut memory);
            candidate.admitted(verified.unwrap()).cloned()
        };
        assert_eq!(
            verified("alice", "secret"),
            Some(Scopes::new(vec!["a".into(), "b".into()]))
        );
        for (name, password) in [
            ("alice", "Secret"),
            ("bob", "secret"),
            ("carol", "secret"),
            ("Alice", "secret"),
            ("", "secret"),
        ] {
            assert_eq!(verified(name, password), None, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_costs_what_somebody_costs_and_always_the_same() {
        let mixed = users(&format!("alice:{HASH}\nbob:{HASH}\ncarol:{HASH}\ndave:{COSTLY}\n"));
        assert!(!mixed.cost_alike() && users(&format!("alice:{HASH}\nbob:{HASH}\n")).cost_alike());
        let costs = |name: &str| mixed.candidate(name).hash.costs();
        let costly = (0..1000)
            .filter(|number| costs(&format!("user-{number}")) == costs("dave"))
            .count();
        // A quarter, more or less.
        assert!((150..350).contains(&costly), "{costly}");
        for number in 0..100 {
            let name = format!("user-{number}");
            assert_eq!(costs(&name), costs(&name));
            assert!(mixed.candidate(&name).admitted(true).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "(\\PC{0,20}:?\\$?\\n){0,6}") {
            let _read = Users::parse(&text);
        }

        #[test]
        fn whoever_is_written_is_found_and_nobody_else(names in prop::collection::btree_set("[a-z]{1,6}", 1..8), other in "[a-z]{1,6}") {
            let text: String = names.iter().map(|name| format!("{name}:{HASH}\n")).collect();
            let users = users(&text);
            prop_assert_eq!(users.count(), names.len());
            for name in names.iter().chain([&other]) {
                prop_assert_eq!(users.candidate(name).admitted(true).is_some(), names.contains(name));
                prop_assert!(users.candidate(name).admitted(false).is_none());
            }
        }
    }
}
