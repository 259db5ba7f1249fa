//! Reads the files of a contract: those on disk below the contract's own directory, and those of origins that the
//! operator named. Nothing else is ever opened or asked, whatever a `$ref` says; every read is bounded in size and time.
//!
//! A name that resolves to an address inside the operator's network is refused, so that a public name cannot be pointed
//! inwards; an address that the operator wrote as the origin is meant.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use portcullis_contract::document::Fetch;
use reqwest::blocking::{Client, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Url, redirect};

use crate::config::api::References;

/// No file is larger.
pub(crate) const FILE_BYTES_MAX: u64 = 32 << 20;
/// No contract has more remote files.
const REMOTE_FILES_MAX: u32 = 256;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const FETCH_TIME_MAX: Duration = Duration::from_secs(15);
const REDIRECTS_MAX: usize = 3;

/// The files of one contract.
pub(crate) struct Files {
    /// The canonical directory of the contract.
    directory: PathBuf,
    references: References,
    client: Option<Client>,
    remote_files: u32,
    time_max: Duration,
}

impl Files {
    /// The files that the contract at this path may refer to.
    ///
    /// # Errors
    /// The contract's directory does not exist or cannot be read.
    pub(crate) fn of(contract: &Path, references: &References) -> Result<Self, String> {
        let contract = contract.canonicalize().map_err(|error| reason(&error))?;
        Ok(Self {
            directory: contract.parent().unwrap_or(Path::new("/")).to_owned(),
            references: references.clone(),
            client: None,
            remote_files: 0,
            time_max: FETCH_TIME_MAX,
        })
    }

    fn local(&self, path: &Path) -> Result<Vec<u8>, String> {
        let path = path.canonicalize().map_err(|error| reason(&error))?;
        if !self.references.files_anywhere && !path.starts_with(&self.directory) {
            return Err("the file is outside of the contract's directory; \
                        move it, or set `dangerous_files_anywhere: true` for the API"
                .to_owned());
        }
        local(&path)
    }

    fn remote(&mut self, url: &Url) -> Result<Vec<u8>, String> {
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
        let deadline = Instant::now() + self.time_max;
        let response = self.client()?.get(url.clone()).send().map_err(|error| causes(&error))?;
        if !response.status().is_success() {
            return Err(format!("`{origin}` answered {}", response.status()));
        }
        body(response, deadline)
    }

    fn client(&mut self) -> Result<Client, String> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = client(self.time_max).map_err(|error| causes(&error))?;
        Ok(self.client.insert(client).clone())
    }
}

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        match scheme(location) {
            None => self.local(Path::new(location)),
            Some("http" | "https") => {
                let url = Url::parse(location).map_err(|_| format!("`{location}` is not a URL"))?;
                self.remote(&url)
            }
            Some(other) => Err(format!("nothing is fetched by `{other}:`; use a path, http or https")),
        }
    }
}

/// Reads a file on disk: a plain one, no larger than [`FILE_BYTES_MAX`].
///
/// # Errors
/// It does not exist, cannot be read, is no plain file, or is too large.
pub(crate) fn local(path: &Path) -> Result<Vec<u8>, String> {
    let plain = |metadata: std::fs::Metadata| metadata.is_file();
    // A device or a pipe may block when it is opened, so that is asked first.
    if !std::fs::metadata(path).map(plain).map_err(|error| reason(&error))? {
        return Err("this is no plain file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| reason(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| reason(&error))?;
    bounded(bytes)
}

/// The scheme of an absolute URI (RFC 3986 §3.1).
fn scheme(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once(':')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(letters)).then_some(scheme)
}

/// Gives clients of HTTPS their cryptography; before the first of them is made.
pub(crate) fn install_crypto() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another provider that was installed before is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

fn client(time_max: Duration) -> reqwest::Result<Client> {
    install_crypto();
    Client::builder()
        .user_agent("portcullis")
        .no_proxy()
        .connect_timeout(CONNECT_TIME_MAX.min(time_max))
        .timeout(time_max)
        .redirect(redirect::Policy::custom(within_origin))
        .dns_resolver(Arc::new(Outwards))
        .build()
}

/// Follows a redirect within the origin only: another one was not named by the operator.
fn within_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last().map(Url::origin);
    match from {
        Some(origin) if origin != attempt.url().origin() => attempt.error("it redirects to another origin"),
        _ if attempt.previous().len() > REDIRECTS_MAX => attempt.error("it redirects without end"),
        _ => attempt.follow(),
    }
}

/// The body within its bounds. The client's own timeout begins anew with each read, the deadline does not.
///
/// # Errors
/// It takes too long, is larger than [`FILE_BYTES_MAX`], or breaks off.
pub(crate) fn body(mut response: Response, deadline: Instant) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        if Instant::now() > deadline {
            return Err("it takes too long".to_owned());
        }
        let read = response.read(&mut chunk).map_err(|error| causes(&error))?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes.extend(chunk.iter().take(read));
        bytes = bounded(bytes)?;
    }
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= FILE_BYTES_MAX => Ok(bytes),
        _ => Err(format!("the file is larger than {FILE_BYTES_MAX} bytes")),
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

/// An error and what it comes from, joined by colons.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error)
        .chain(causes)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Resolves names to public addresses only. Addresses in URLs do not come here.
struct Outwards;

impl Resolve for Outwards {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || outward_addresses(&name)).await??;
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(Box::new(found.into_iter()))
        })
    }
}

fn outward_addresses(name: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let addresses = (name, 0).to_socket_addrs()?.collect::<Vec<_>>();
    if !addresses.iter().all(|address| is_public(address.ip())) {
        return Err(format!(
            "`{name}` resolves to an address that is not public; name the address itself in `ref_origins`"
        )
        .into());
    }
    Ok(addresses)
}

/// Whether an address belongs to the public internet (the IANA special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0, ..] | [192, 0, 0, _] | [240..=255, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        [198, second, ..] => (18..20).contains(&second),
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

/// Only 2000::/3 is given out; what embeds an IPv4 address is as public as that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        [0x2001, 0..=0x1ff | 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests;
