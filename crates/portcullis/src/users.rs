//! Users who log in with a password: their files, read whole or not at all, and the threads that verify.
//!
//! A line of such a file is never shown, since it holds what a password can be guessed with.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::passwords::{Familiar, Hashing, Passwords};
use portcullis_identity::users::{Fault, Faulty, Users};

use crate::config::checked::Configuration;
use crate::config::spanned::NamedFile;
use crate::config::users::{List, Logins, Users as Configured};
use crate::files;

/// The most lines of one file that are told of.
const PROBLEMS_MAX: usize = 20;

/// Users by the names that they have here together.
pub(crate) type ByName = HashMap<Arc<str>, Arc<Passwords>>;

/// The users of a configuration, and what putting them in force takes.
pub(crate) struct Settled {
    pub(crate) named: ByName,
    pub(crate) pending: Pending,
    /// What could be better.
    pub(crate) warnings: Vec<Problem>,
}

/// The threads of a gate when the users of a configuration are put in force.
pub(crate) struct Pending(Option<Threads>);

/// The threads that verify, and what they were started for.
#[derive(Clone)]
struct Threads {
    settings: Logins,
    hashing: Arc<Hashing>,
}

/// What stays from one configuration to the next.
pub(crate) struct Keeper {
    /// Whether passwords are verified at all.
    serves: bool,
    threads: Option<Threads>,
    familiar: Arc<Familiar>,
}

impl Keeper {
    /// For a gate that serves. Threads are started with the first users.
    pub(crate) fn serving() -> Self {
        Self {
            serves: true,
            ..Self::offline()
        }
    }

    /// For a configuration that is looked at and not served.
    pub(crate) fn offline() -> Self {
        Self {
            serves: false,
            threads: None,
            familiar: Arc::default(),
        }
    }

    /// The users of a configuration.
    ///
    /// # Errors
    /// Every file that cannot be used; or there are no threads.
    pub(crate) fn settle(&self, configuration: &Configuration) -> Result<Settled, Vec<Problem>> {
        let location = &configuration.location;
        let mut warnings = Vec::new();
        let read = read_all(&configuration.users, location, &mut warnings)?;
        let Some(first) = configuration.users.first() else {
            return Ok(Settled {
                named: ByName::new(),
                pending: Pending(None),
                warnings,
            });
        };
        let threads = self.threads(configuration.logins).map_err(|error| {
            let message = format!("the system gives no threads to verify passwords on: {error}");
            vec![Problem::error(location, first.span, message)]
        })?;
        let passwords = |(name, users): (Arc<str>, Users)| {
            let passwords = Passwords::new(
                Arc::clone(&name),
                users,
                Arc::clone(&threads.hashing),
                Arc::clone(&self.familiar),
            );
            (name, Arc::new(passwords))
        };
        Ok(Settled {
            named: read.into_iter().map(passwords).collect(),
            pending: Pending(Some(threads)),
            warnings,
        })
    }

    /// Puts what was settled in force. Threads of before end with the last request that waits for them.
    pub(crate) fn put_in_force(&mut self, pending: Pending) {
        self.threads = pending.0;
    }

    /// The threads; others where the settings are others.
    fn threads(&self, settings: Logins) -> std::io::Result<Threads> {
        if let Some(known) = self.threads.as_ref().filter(|known| known.settings == settings) {
            return Ok(known.clone());
        }
        let threads = if self.serves { settings.threads } else { 0 };
        let hashing = Arc::new(Hashing::start(threads, settings.waiting_max)?);
        Ok(Threads { settings, hashing })
    }
}

fn read_all(
    configured: &[Configured],
    location: &str,
    warnings: &mut Vec<Problem>,
) -> Result<Vec<(Arc<str>, Users)>, Vec<Problem>> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for configured in configured {
        match read(configured, location, warnings) {
            Ok(users) => all.push((Arc::clone(&configured.name), users)),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        return Ok(all);
    }
    problems.append(warnings);
    Err(problems)
}

fn read(configured: &Configured, location: &str, warnings: &mut Vec<Problem>) -> Result<Users, Vec<Problem>> {
    match &configured.list {
        List::File(file) => read_file(file, location, warnings),
        List::InMemory(text) => Users::parse(text).map_err(|faults| told(Path::new(&*configured.name), &faults)),
    }
}

fn read_file(file: &NamedFile, location: &str, warnings: &mut Vec<Problem>) -> Result<Users, Vec<Problem>> {
    let (path, span) = (&file.value, file.span);
    let shown = path.display();
    let problem = |message: String| Problem::error(location, span, message);
    let held = files::trusted(path);
    let held = held.map_err(|error| vec![problem(format!("cannot read the users `{shown}`: {error}"))])?;
    if held.is_readable_by_all() {
        let message = format!("everybody on this machine can read the users `{shown}`, and guess passwords with them");
        let warning = Problem::warning(location, span, message);
        warnings.push(warning.help(format!("run `chmod o-r {shown}`")));
    }
    let text =
        std::str::from_utf8(&held.octets).map_err(|_| vec![problem(format!("the users `{shown}` are not UTF-8"))])?;
    let users = Users::parse(text).map_err(|faults| told(path, &faults))?;
    if !users.cost_alike() {
        let message =
            format!("the hashes in `{shown}` differ in cost, so the time of a login tells a little of who it is");
        let help = "hash them alike: `portcullis user hash NAME` asks for a password and prints the line";
        warnings.push(Problem::warning(location, span, message).help(help));
    }
    Ok(users)
}

fn told(path: &Path, faults: &[Fault]) -> Vec<Problem> {
    let problem = |Fault { line, what }: &Fault| {
        let span = Span {
            line: u32::try_from(*line).unwrap_or(u32::MAX),
            column: 1,
            ..Span::default()
        };
        Problem::error(path.to_string_lossy(), span, what.to_string()).help(way_out(what))
    };
    faults.iter().take(PROBLEMS_MAX).map(problem).collect()
}

fn way_out(faulty: &Faulty) -> &'static str {
    match faulty {
        Faulty::Form | Faulty::Name | Faulty::Hash(_) | Faulty::Nobody => {
            "`portcullis user hash NAME` asks for a password and prints the line"
        }
        Faulty::Scope => "write them with spaces between: `name:hash:things.read things.write`",
        Faulty::Twice(_) => "take one of the lines out",
        Faulty::TooMany => "let an identity provider keep so many users, and believe its tokens: see `issuers`",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::spanned::Placed;

    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[track_caller]
    fn check(text: &str, mode: u32, expected: &[&str]) {
        let number = text.len();
        let path = std::env::temp_dir().join(format!("portcullis-users-{}-{number}-{mode:o}.txt", std::process::id()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let configured = Configured {
            name: "staff".into(),
            span: Span::default(),
            list: List::File(Placed {
                value: path.clone(),
                span: Span::default(),
            }),
        };
        let mut warnings = Vec::new();
        let read = read(&configured, "gate.yaml", &mut warnings);
        std::fs::remove_file(&path).unwrap();
        let shown = path.to_string_lossy();
        let problems = read.err().unwrap_or_default().into_iter().chain(warnings);
        let told: Vec<_> = problems
            .map(|problem| format!("{}: {}", problem.span.line, problem.message.replace(&*shown, "FILE")))
            .collect();
        assert_eq!(told, expected, "{mode:o} {text:?}");
        assert!(!told.concat().contains("AAAA"), "{told:?}");
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        check(&format!("alice:{HASH}\n"), 0o600, &[]);
        let readable = "0: everybody on this machine can read the users `FILE`, and guess passwords with them";
        check(&format!("alice:{HASH}\n"), 0o644, &[readable]);
        let writable = "0: cannot read the users `FILE`: everybody on this machine can write it, and so let themselves in \
                        (mode 602): run `chmod o-w FILE`";
        check(&format!("alice:{HASH}\n"), 0o602, &[writable]);
        check("# nobody yet\n", 0o600, &["1: there is no user"]);
        check(
            &format!("alice:{HASH}\nbob:{}\nalice:{HASH}\n", HASH.replace("19456", "1024")),
            0o600,
            &[
                "2: the hash is cheap to guess: at least `m=19456,t=2,p=1` or `m=47104,t=1,p=1` is needed",
                "3: the name stands in line 1 already",
            ],
        );
    }
}
