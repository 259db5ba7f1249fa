//! Who holds checkpoints of the audit log: as it is written, and settled.

use std::path::{Component, Path, PathBuf};

use portcullis_audit_log::note::{Algorithm, VerifierKey};
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::delivery::{DeliveryEndpointWritten, Endpoint, Settling};
use crate::config::spanned::{List, Placed, Spanned};
use crate::config::text::{Location, Name, Seconds, is_plain};

/// Who holds checkpoints of the audit log. Against its own operator it proves something only relative to one that is held elsewhere.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointsWritten {
    /// How often the newest checkpoint goes out. Default: 60.
    pub(crate) seconds: Option<Seconds>,
    /// Where it goes.
    #[schemars(length(min = 1, max = 16))]
    pub(crate) places: Vec<Spanned<CheckpointPlaceWritten>>,
}

/// Who holds checkpoints: name one of `file`, `witness`, `git` and `otlp`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointPlaceWritten {
    /// What it is called in the log, in metrics, and where the last one that it took is remembered.
    pub(crate) name: Spanned<Name>,
    /// A file outside of the log's folder, relative to the configuration: on another machine's disk, or one that only takes new files.
    pub(crate) file: Option<Spanned<Location>>,
    /// A witness (C2SP tlog-witness), which signs only what goes on from the last that it has signed.
    pub(crate) witness: Option<WitnessWritten>,
    /// A branch of a Git repository, which gets a commit for each checkpoint.
    pub(crate) git: Option<GitWritten>,
    /// A collector of OpenTelemetry, which gets a log record for each checkpoint.
    pub(crate) otlp: Option<DeliveryEndpointWritten>,
}

/// A witness.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessWritten {
    /// How it is reached.
    pub(crate) endpoint: DeliveryEndpointWritten,
    /// The keys of which one at least has to have signed, as it publishes them: `name+id+key` (C2SP signed-note), of cosignatures.
    pub(crate) keys: List<Spanned<String>>,
}

/// A branch of a Git repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GitWritten {
    /// The repository: a URL of `https`, `ssh` or `file`, `user@host:path`, or an absolute path. The program `git` pushes as the settings of
    /// the gate's user say, and asks nobody for anything.
    pub(crate) remote: Spanned<String>,
    /// The branch, made where there is none; what else is in it stays. Default: main.
    pub(crate) branch: Option<Spanned<Name>>,
    /// The file in it. Default: checkpoint.
    pub(crate) file: Option<Spanned<Name>>,
}

/// Who holds checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointPlace {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) to: CheckpointTo,
}

/// What somebody is who holds checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CheckpointTo {
    /// A file.
    File(Placed<PathBuf>),
    /// A witness.
    Witness(Witness),
    /// A branch of a Git repository.
    Git(GitBranch),
    /// A collector.
    Otlp(Endpoint),
}

/// A witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Witness {
    /// How it is reached: the URL of `add-checkpoint`.
    pub(crate) endpoint: Endpoint,
    /// Its keys; one at least.
    pub(crate) keys: Vec<VerifierKey>,
}

/// A branch of a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitBranch {
    /// The repository.
    pub(crate) remote: String,
    /// The branch.
    pub(crate) branch: String,
    /// The file in it.
    pub(crate) file: String,
}

impl Settling<'_, '_> {
    /// None where it cannot be used, which is a problem then.
    pub(super) fn place(
        &mut self,
        Spanned { value, span }: Spanned<CheckpointPlaceWritten>,
        log: &Path,
    ) -> Option<CheckpointPlace> {
        let to = match (value.file, value.witness, value.git, value.otlp) {
            (Some(file), None, None, None) => CheckpointTo::File(self.outside(file, log)?),
            (None, Some(witness), None, None) => CheckpointTo::Witness(self.witness(witness)?),
            (None, None, Some(git), None) => CheckpointTo::Git(self.git(git)?),
            (None, None, None, Some(endpoint)) => CheckpointTo::Otlp(self.endpoint(endpoint, |url| Some(url.clone()))?),
            _ => {
                let message = "checkpoints go to one of `file`, `witness`, `git` and `otlp`";
                self.problems
                    .error(span, message, "name one; write another place for another one");
                return None;
            }
        };
        let name = value.name.value.0;
        Some(CheckpointPlace { name, to })
    }

    fn outside(&mut self, file: Spanned<Location>, log: &Path) -> Option<Placed<PathBuf>> {
        let file = file.file(self.directory);
        if lexical(&file.value).starts_with(lexical(log)) {
            let message = "this checkpoint is held where the log is: whoever changes the one changes the other";
            let help =
                "name a file that others keep: on a mounted disk of another machine, or one that takes only new files";
            self.problems.error(file.span, message, help);
            return None;
        }
        Some(file)
    }

    fn witness(&mut self, written: WitnessWritten) -> Option<Witness> {
        let keys: Vec<VerifierKey> = written.keys.0.iter().filter_map(|key| self.witness_key(key)).collect();
        let endpoint = self.endpoint(written.endpoint, |url| {
            let mut url = url.clone();
            url.path_segments_mut().ok()?.pop_if_empty().push("add-checkpoint");
            url.query().is_none().then_some(url)
        })?;
        (keys.len() == written.keys.0.len()).then_some(Witness { endpoint, keys })
    }

    fn witness_key(&mut self, written: &Spanned<String>) -> Option<VerifierKey> {
        let fault = match written.value.parse::<VerifierKey>() {
            Ok(key) if key.algorithm() == Algorithm::Cosignature => return Some(key),
            Ok(_) => "it is a key of notes, not of cosignatures".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!("`{}` is no key of a witness: {fault}", written.value);
        let help = "write it as the witness publishes it, such as `witness.example.com/w+d8a9e2b1+BA...`";
        self.problems.error(written.span, message, help);
        None
    }

    fn git(&mut self, written: GitWritten) -> Option<GitBranch> {
        let Spanned { value: remote, span } = written.remote;
        let schemes = ["https://", "ssh://", "file://", "/"];
        let of_scheme = schemes.iter().any(|scheme| remote.starts_with(scheme));
        // A password does not stand in a configuration.
        let is_named = match remote.starts_with("https://") {
            true => Url::parse(&remote).is_ok_and(|url| is_plain(&url)),
            false => of_scheme || is_at_host(&remote),
        };
        if !is_named || remote.contains(char::is_control) {
            let message = format!("`{remote}` is no repository that is pushed to");
            let help = "write a URL of `https`, `ssh` or `file`, one such as `git@host:audit.git`, or an absolute path";
            self.problems.error(span, message, help);
            return None;
        }
        let mut named = |written: Option<Spanned<Name>>, default: &str| {
            let Some(Spanned {
                value: Name(name),
                span,
            }) = written
            else {
                return Some(default.to_owned());
            };
            // What git-check-ref-format(1) refuses of what is a name here, and what no file can be called.
            let odd = name.starts_with(['.', '-'])
                || name.ends_with('.')
                || name.contains("..")
                || Path::new(&name)
                    .extension()
                    .is_some_and(|end| end.eq_ignore_ascii_case("lock"));
            if odd {
                let message = format!("`{name}` is no name in a Git repository");
                self.problems
                    .error(span, message, "begin with a letter, and write no two dots");
            }
            (!odd).then_some(name)
        };
        let (branch, file) = (named(written.branch, "main")?, named(written.file, "checkpoint")?);
        Some(GitBranch { remote, branch, file })
    }
}

/// A path without `.` and `..`, as far as its text tells.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            // Above the root there is nothing, and what is above a relative path is not known.
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Whether it is of the form `user@host:path`.
fn is_at_host(remote: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    remote.split_once('@').is_some_and(|(user, rest)| {
        let place = rest.split_once(':');
        plain(user) && place.is_some_and(|(host, path)| plain(host) && !path.is_empty() && !path.starts_with(':'))
    })
}
