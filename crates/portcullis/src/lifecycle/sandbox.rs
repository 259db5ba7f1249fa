//! The sandbox: after the start the process reads and writes only where its configuration says (Landlock, landlock(7)).
//!
//! It holds for this process and for every one that it starts, for good: a graceful restart stays in it. Of what is read it knows
//! directories rather than files, because files are replaced by others of the same name. Of what is written it knows the files
//! themselves: whoever may write in a directory may change a contract that lies there. What is connected to is not confined: upstreams
//! change.

use std::collections::BTreeSet;
use std::env;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::threads;
use crate::config::process::Sandbox;

/// What the kernel may know of; it enforces what it knows.
const KNOWN: ABI = ABI::V6;

/// Read by the program or its libraries, beside its own files: names and addresses, certificates, time zones, memory and cores.
/// `/etc` as a whole, because `resolv.conf` and `hosts` are replaced by others of the same name.
const SYSTEM: [&str; 7] = [
    "/etc",
    "/proc",
    "/run/systemd/resolve",
    "/sys/fs/cgroup",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/usr/local/share/ca-certificates",
];
/// Needed to start the program again, where it is linked to libraries.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
const DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];

/// The places that a gate uses.
#[derive(Debug, Default)]
pub(crate) struct Places {
    read: BTreeSet<PathBuf>,
    /// Files, each for itself.
    write: BTreeSet<PathBuf>,
    /// Directories in which files are made, replaced and removed.
    keep: BTreeSet<PathBuf>,
    /// The same, in which directories are made and removed as well.
    grow: BTreeSet<PathBuf>,
    execute: BTreeSet<PathBuf>,
}

impl Places {
    /// Adds a file that is read, now or after a change.
    pub(crate) fn read(&mut self, file: &Path) {
        self.read.extend(directories(file));
    }

    /// Adds a file that is written where it is, and makes it where it is missing: what is not there cannot be allowed. It is neither
    /// replaced nor removed.
    pub(crate) fn write(&mut self, file: &Path) {
        if !file.exists() {
            // Where it cannot be made, whoever writes it says so.
            let _ = OpenOptions::new().create(true).append(true).open(file);
        }
        if file.is_file() {
            self.write.insert(file.to_owned());
        }
    }

    /// Adds a directory in which things are kept, and makes it where it is missing.
    pub(crate) fn keep(&mut self, directory: &Path) {
        // Where it cannot be made, whoever needs it says so.
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        self.keep.insert(directory.to_owned());
    }

    /// Adds a directory below which directories are kept. It has to be there.
    pub(crate) fn grow(&mut self, directory: &Path) {
        self.grow.insert(directory.to_owned());
    }

    /// Adds the program `git`, and the settings of its user: where those are there and cannot be read, it reads nothing else.
    pub(crate) fn git(&mut self) {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).map(|directory| directory.join("git"));
        if let Some(git) = found.into_iter().find(|git| git.is_file()) {
            self.execute(&git);
        }
        if let Some(home) = env::var_os("HOME").map(PathBuf::from) {
            self.read.extend([home.join(".gitconfig"), home.join(".config/git")]);
        }
    }

    /// Adds the program `git` with what else its user has for pushing: keys, and those machines that are known.
    pub(crate) fn git_pushes(&mut self) {
        self.git();
        if let Some(home) = env::var_os("HOME").map(PathBuf::from) {
            self.read.extend([home.join(".ssh"), home.join(".git-credentials")]);
        }
    }

    /// Adds a program that is started.
    pub(crate) fn execute(&mut self, file: &Path) {
        self.execute.extend(directories(file));
    }
}

/// The directory of a file, and that of the file which it is a link to.
fn directories(file: &Path) -> impl Iterator<Item = PathBuf> {
    let named = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let real = file.canonicalize().ok();
    let real = real.and_then(|real| real.parent().map(Path::to_owned));
    [Some(named), real].into_iter().flatten()
}

/// Confines the process; true where it is confined from here on.
///
/// # Errors
/// It should be confined, and cannot be.
pub(crate) fn lay(wanted: Sandbox, inherited: bool, places: &Places) -> Result<bool, String> {
    match wanted {
        Sandbox::Off if inherited => {
            tracing::warn!("`dangerous_no_sandbox` is without effect until the gate is stopped and started");
            Ok(true)
        }
        Sandbox::Off => {
            tracing::warn!("no sandbox: the process may use every file that its user may use");
            Ok(false)
        }
        // The kernel stacks sixteen at most, and each could only be narrower than the last.
        Sandbox::Preferred | Sandbox::Required if inherited => Ok(true),
        Sandbox::Preferred | Sandbox::Required => confine(wanted, places),
    }
}

fn confine(wanted: Sandbox, places: &Places) -> Result<bool, String> {
    threads::only_one().map_err(|error| format!("the sandbox cannot be laid: {error}"))?;
    let reason = match restrict(places) {
        Ok(RulesetStatus::FullyEnforced) => {
            tracing::info!("sandbox laid");
            return Ok(true);
        }
        Ok(RulesetStatus::PartiallyEnforced) => {
            tracing::info!("sandbox laid, as far as this kernel knows how");
            return Ok(true);
        }
        Ok(RulesetStatus::NotEnforced) => "this kernel has no Landlock".to_owned(),
        Err(error) => error.to_string(),
    };
    if wanted == Sandbox::Required {
        return Err(format!("`process.sandbox` is required, and {reason}"));
    }
    tracing::warn!(
        reason,
        "no sandbox: the process may use every file that its user may use"
    );
    Ok(false)
}

fn restrict(places: &Places) -> Result<RulesetStatus, RulesetError> {
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let execute = read | AccessFs::Execute;
    let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let keep = read | write | AccessFs::MakeReg | AccessFs::RemoveFile;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::Signal)?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(LIBRARIES, execute))?
        .add_rules(path_beneath_rules(DEVICES, read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&places.read, read))?
        .add_rules(path_beneath_rules(&places.execute, execute))?
        .add_rules(path_beneath_rules(&places.write, write))?
        .add_rules(path_beneath_rules(&places.keep, keep))?
        .add_rules(path_beneath_rules(
            &places.grow,
            keep | AccessFs::MakeDir | AccessFs::RemoveDir | AccessFs::Refer,
        ))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The first of these files that is there and may not be opened: by a process in a sandbox, because it lies outside.
pub(crate) fn first_outside(mut files: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let denied = |file: &Path| File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    // A pipe would wait to be opened, and is no file of ours.
    files.find(|file| (file.is_file() || file.is_dir()) && denied(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_known_by_its_directory() {
        let mut places = Places::default();
        places.read(Path::new("gate.yaml"));
        places.read(Path::new("/etc/gate/api.yaml"));
        let read: Vec<_> = places.read.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(read, ["/etc/gate", "."]);
        let link = std::env::temp_dir().join(format!("portcullis-link-{}", std::process::id()));
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        let both: Vec<_> = directories(&link).collect();
        std::fs::remove_file(&link).unwrap();
        assert_eq!(both, [std::env::temp_dir(), PathBuf::from("/etc")]);
    }

    #[test]
    fn what_is_written_is_known_by_itself_and_made_first() {
        let directory = std::env::temp_dir().join(format!("portcullis-written-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (there, missing) = (directory.join("there"), directory.join("missing"));
        std::fs::write(&there, "kept").unwrap();
        let mut places = Places::default();
        for file in [&there, &missing, &directory, &directory.join("no/where")] {
            places.write(file);
        }
        let texts = [&there, &missing].map(|file| std::fs::read_to_string(file).unwrap());
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(texts, ["kept", ""]);
        assert_eq!(places.write, BTreeSet::from([there, missing]));
        assert!(places.keep.is_empty());
    }
}
