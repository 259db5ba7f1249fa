//! Reads the files of a contract: those on disk below the contract's own directory, those of its commit in a Git
//! repository, and those of origins that the operator named. Nothing else is ever opened or asked, whatever a `$ref` says;
//! every read is bounded in size and time.
//!
//! A name that resolves to an address inside the operator's network is refused, so that a public name cannot be pointed
//! inwards; an address that the operator wrote as the origin is meant.

mod address;
mod git;
pub(crate) mod place;
mod remote;
mod rights;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_contract::document::Fetch;
use reqwest::Url;
use reqwest::blocking::Client;

use crate::config::api::{Api, References};
use crate::config::contract::{Remote, Source};
use git::Commit;
pub(crate) use remote::{body, causes, client_of, install_crypto, inwards};
pub(crate) use rights::{secret, trusted};

/// No file is larger.
pub(crate) const FILE_BYTES_MAX: u64 = 32 << 20;
/// No contract has more remote files.
const REMOTE_FILES_MAX: u32 = 256;
const FETCH_TIME_MAX: Duration = Duration::from_secs(15);

/// How much is fetched, and for how long.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    time_max: Duration,
    bytes_max: u64,
}

/// What a URL answers that the operator named, or somebody whom the operator named, from an address that is public unless a
/// private one is meant.
///
/// # Errors
/// It cannot be fetched, or answers more than `bytes_max`, or too slowly.
pub(crate) fn named(url: &Url, private_address: bool, bytes_max: u64) -> Result<Vec<u8>, String> {
    let bounds = Bounds {
        time_max: FETCH_TIME_MAX,
        bytes_max,
    };
    remote::named(url, private_address, bounds)
}

/// The files of one contract.
pub(crate) struct Files {
    home: Home,
    /// The contract's own location.
    root: String,
    /// The locations of files that the operator named, wherever they are.
    named: Vec<String>,
    references: References,
    client: Option<Client>,
    remote_files: u32,
    time_max: Duration,
    /// The files on disk that were read.
    opened: Vec<PathBuf>,
    revision: Option<String>,
}

/// Where the contract and its own files are.
enum Home {
    /// Below a directory, here in its canonical form.
    Directory(PathBuf),
    /// At a URL, and nowhere else.
    Remote(Remote),
    /// In a commit.
    Git(Commit),
}

impl Files {
    /// The files that the contract at this path may refer to.
    ///
    /// # Errors
    /// The contract's directory does not exist or cannot be read.
    pub(crate) fn of(contract: &Path, references: &References) -> Result<Self, String> {
        let path = contract.canonicalize().map_err(|error| reason(&error))?;
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self {
            home: Home::Directory(directory),
            root: contract.to_string_lossy().into_owned(),
            named: Vec::new(),
            references: references.clone(),
            client: None,
            remote_files: 0,
            time_max: FETCH_TIME_MAX,
            opened: Vec::new(),
            revision: None,
        })
    }

    /// The files of an API's contract, and the overlays that were named with it.
    ///
    /// # Errors
    /// Its directory, its repository or its commit cannot be read.
    pub(crate) fn of_api(api: &Api) -> Result<Self, String> {
        let path = match &api.contract {
            Source::File(path) => path.as_path(),
            Source::Directory(_) => return Err("it is a folder, which holds contracts and is none".to_owned()),
            Source::Own => return Err("it is the gate's own, which is no file".to_owned()),
            Source::Remote(_) | Source::Git(_) => Path::new("."),
        };
        let mut files = Self::of(path, &api.references)?;
        files.named = api
            .overlays
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        match &api.contract {
            Source::File(_) | Source::Directory(_) | Source::Own => {}
            Source::Remote(remote) => {
                files.root = remote.url.to_string();
                files.home = Home::Remote(remote.clone());
            }
            Source::Git(repository) => {
                let commit = Commit::of(repository)?;
                files.root = commit.location(&repository.file);
                files.revision = Some(commit.id().to_owned());
                files.home = Home::Git(commit);
            }
        }
        Ok(files)
    }

    /// The location of the contract itself.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The locations of its overlays.
    pub(crate) fn overlays(&self) -> &[String] {
        &self.named
    }

    /// The files on disk that were read, and which contract they were read for; see [`revision`].
    pub(crate) fn into_read(self) -> (Vec<PathBuf>, Option<String>) {
        (self.opened, self.revision)
    }

    /// The contract itself, or a file that it refers to without a scheme.
    fn own(&mut self, location: &str) -> Result<Vec<u8>, String> {
        match &self.home {
            Home::Directory(directory) => {
                let path = Path::new(location).canonicalize().map_err(|error| reason(&error))?;
                if !self.references.files_anywhere && !path.starts_with(directory) {
                    return Err("the file is outside of the contract's directory; \
                                move it, or set `dangerous_files_anywhere: true` for the API"
                        .to_owned());
                }
                self.opened.push(PathBuf::from(location));
                local(&path)
            }
            Home::Git(commit) => commit.read(location),
            Home::Remote(_) => Err("a contract at a URL has no files on this machine".to_owned()),
        }
    }

    fn remote(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if let Home::Remote(remote) = &self.home
            && location == self.root
        {
            let remote::Fetched { bytes, digest } = remote::contract(remote, self.time_max)?;
            self.revision = Some(digest);
            return Ok(bytes);
        }
        let url = Url::parse(location).map_err(|_| format!("`{location}` is not a URL"))?;
        let origin = url.origin().ascii_serialization();
        if !self.references.origins.contains(&origin) {
            return Err(format!(
                "nothing is fetched from `{origin}`; add it to the API's `ref_origins` if it is yours"
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL carries a user name or a password".to_owned());
        }
        self.remote_files += 1;
        if self.remote_files > REMOTE_FILES_MAX {
            return Err(format!("the contract has more than {REMOTE_FILES_MAX} remote files"));
        }
        let bounds = Bounds {
            time_max: self.time_max,
            bytes_max: FILE_BYTES_MAX,
        };
        remote::get(&self.client()?, &url, bounds)
    }

    fn client(&mut self) -> Result<Client, String> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = remote::client(self.time_max).map_err(|error| causes(&error))?;
        Ok(self.client.insert(client).clone())
    }
}

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if self.named.iter().any(|named| named == location) {
            self.opened.push(PathBuf::from(location));
            return local(Path::new(location));
        }
        match scheme(location) {
            None => self.own(location),
            Some("http" | "https") => self.remote(location),
            Some(other) => Err(format!("nothing is fetched by `{other}:`; use a path, http or https")),
        }
    }
}

/// What tells the contract that a source means now from another one: a commit, or a digest. Nothing for files, which are
/// watched.
///
/// # Errors
/// The source cannot be reached, or has something else than it must have.
pub(crate) fn revision(source: &Source) -> Result<Option<String>, String> {
    match source {
        Source::File(_) | Source::Directory(_) | Source::Own => Ok(None),
        Source::Remote(remote) => remote::contract(remote, FETCH_TIME_MAX).map(|fetched| Some(fetched.digest)),
        Source::Git(repository) => Commit::of(repository).map(|commit| Some(commit.id().to_owned())),
    }
}

/// Reads a file on disk: a plain one, no larger than [`FILE_BYTES_MAX`].
///
/// # Errors
/// It does not exist, cannot be read, is no plain file, or is too large.
pub(crate) fn local(path: &Path) -> Result<Vec<u8>, String> {
    read(open(path)?)
}

/// Opens a plain file.
fn open(path: &Path) -> Result<File, String> {
    let plain = |metadata: std::fs::Metadata| metadata.is_file();
    // A device or a pipe may block when it is opened, so that is asked first.
    if !std::fs::metadata(path).map(plain).map_err(|error| reason(&error))? {
        return Err("this is no plain file".to_owned());
    }
    File::open(path).map_err(|error| reason(&error))
}

/// Reads a file that is no larger than [`FILE_BYTES_MAX`].
fn read(file: File) -> Result<Vec<u8>, String> {
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(FILE_BYTES_MAX);
    // Room for all of it at once: a secret is not left behind in smaller rooms.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| reason(&error))?;
    bounded(bytes, FILE_BYTES_MAX)
}

/// The scheme of an absolute URI (RFC 3986 §3.1).
fn scheme(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once(':')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(letters)).then_some(scheme)
}

fn bounded(bytes: Vec<u8>, bytes_max: u64) -> Result<Vec<u8>, String> {
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= bytes_max => Ok(bytes),
        _ => Err(format!("the file is larger than {bytes_max} bytes")),
    }
}

/// Why a file cannot be read.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
