//! `portcullis user hash`: hashes a password for a file of users. It is typed without being shown, or read from standard input; never an
//! argument, which every list of processes shows.

use std::io::{IsTerminal, Read, Write};

use clap::{Args, Subcommand};
use portcullis_identity::authorization::{PASSWORD_BYTES_MAX, Password};
use portcullis_identity::password::{Costs, Memory, PasswordHash, SALT_BYTES};
use portcullis_identity::users::Users;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;

use super::{Failure, Outcome, Shared};

/// The fewest characters of a password. NIST SP 800-63B asks for as many at least.
const CHARACTERS_MIN: usize = 8;

/// The arguments of `user`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Hash a password with Argon2id, and print the line for a file of `users`
    Hash(Hash),
}

#[derive(Debug, Args)]
struct Hash {
    /// The user's name; without it only the hash is printed
    name: Option<String>,
}

/// Hashes a password.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let Verb::Hash(Hash { name }) = &arguments.verb;
    let password = if std::io::stdin().is_terminal() {
        typed()?
    } else {
        line(std::io::stdin())?
    };
    let hash = hashed(&password)?;
    let line = match name {
        Some(name) => format!("{name}:{hash}"),
        None => hash.to_string(),
    };
    if let Some(name) = name {
        Users::parse(&line)
            .map_err(|_| Failure::unusable(format!("`{}` is no name of a user", name.escape_debug())))?;
    }
    let told = match shared.json {
        true => json!({ "name": name, "hash": hash.to_string(), "line": line }).to_string(),
        false => line,
    };
    writeln!(anstream::stdout(), "{told}")?;
    Ok(Outcome::Clean)
}

/// The hash of a password with a new salt, at the least cost.
///
/// # Errors
/// There is no memory, or no randomness.
pub(super) fn hashed(password: &Password) -> Result<PasswordHash, Failure> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt)
        .map_err(|error| Failure::unusable(format!("the system gives no randomness: {error}")))?;
    PasswordHash::make(password, salt, Costs::LEAST, &mut Memory::default()).map_err(|_| {
        Failure::unusable(format!(
            "there are no {} KiB of memory",
            Costs::LEAST.memory_kibibytes()
        ))
    })
}

/// What somebody types twice, without it being shown.
fn typed() -> Result<Password, Failure> {
    let _silence = Silence::begin()?;
    let ask = |prompt: &str| {
        anstream::stderr().write_all(prompt.as_bytes())?;
        line(std::io::stdin())
    };
    let (first, again) = (ask("Password: ")?, ask("The same again: ")?);
    if first.octets() != again.octets() {
        return Err(Failure::unusable("these are two passwords"));
    }
    Ok(first)
}

/// One line that can be sent as a password (RFC 7617 §2), without its end.
fn line(mut input: impl Read) -> Result<Password, Failure> {
    let mut octets = Vec::with_capacity(PASSWORD_BYTES_MAX + 2);
    let mut octet = [0];
    // One by one, so that nothing of a next line is taken.
    while octets.len() <= PASSWORD_BYTES_MAX + 1 && input.read(&mut octet)? > 0 && octet != *b"\n" {
        octets.extend(octet);
    }
    if octets.last() == Some(&b'\r') {
        octets.pop();
    }
    let password = Password::new(octets);
    let text = std::str::from_utf8(password.octets()).map_err(|_| Failure::unusable("the password is not UTF-8"))?;
    if text.contains(char::is_control) {
        return Err(Failure::unusable("the password has a control character"));
    }
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(Failure::unusable(format!(
            "the password is longer than {PASSWORD_BYTES_MAX} octets"
        )));
    }
    if text.chars().count() < CHARACTERS_MIN {
        return Err(Failure::unusable(format!(
            "the password has less than {CHARACTERS_MIN} characters"
        )));
    }
    Ok(password)
}

/// A terminal that does not show what is typed, for as long as this lives.
struct Silence(Termios);

impl Silence {
    fn begin() -> Result<Self, Failure> {
        let failed = |error| Failure::unusable(format!("the terminal would show the password: {error}"));
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Where the terminal is gone, nothing is left to be done.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[u8], expected: Option<&str>) {
        let read = line(input).ok().map(|password| password.octets().to_vec());
        assert_eq!(read, expected.map(|text| text.as_bytes().to_vec()), "{input:?}");
    }

    #[test]
    fn a_password_is_one_line_that_can_be_sent() {
        check(b"correct horse\n", Some("correct horse"));
        check(b"correct horse\r\n", Some("correct horse"));
        check(b"correct horse", Some("correct horse"));
        check(b" correct: horse \nnext", Some(" correct: horse "));
        check("пароль12".as_bytes(), Some("пароль12"));
        check(b"", None);
        check(b"\n", None);
        check(b"short\n", None);
        check(b"with a\ttab\n", None);
        check(b"not \xff utf-8\n", None);
        check(&[b'a'; PASSWORD_BYTES_MAX], Some(&"a".repeat(PASSWORD_BYTES_MAX)));
        check(&[b'a'; PASSWORD_BYTES_MAX + 1], None);
        check(&[b'a'; PASSWORD_BYTES_MAX + 9], None);
    }
}
