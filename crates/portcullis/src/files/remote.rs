//! Files at URLs: fetched without credentials, within bounds of size and time, and from nowhere that nobody named.

use std::error::Error;
use std::io::{self, ErrorKind, Read};
use std::net::IpAddr;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::{Url, redirect};
use rustls::crypto::aws_lc_rs::cipher_suite;

use super::address::{Outwards, is_public};
use super::{Bounds, FILE_BYTES_MAX, bounded};
use crate::config::contract::Remote;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const REDIRECTS_MAX: usize = 3;

/// A contract as its URL answers.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    /// SHA-256, in lower-case hexadecimal digits.
    pub(super) digest: String,
}

/// Fetches a contract; what has another digest than the one that was named is not taken.
pub(super) fn contract(remote: &Remote, time_max: Duration) -> Result<Fetched, String> {
    let bounds = Bounds {
        time_max,
        bytes_max: FILE_BYTES_MAX,
    };
    let bytes = named(&remote.url, remote.private_address, bounds)?;
    let digest = sha256(&bytes)?;
    match &remote.sha256 {
        Some(expected) if *expected != digest => Err(format!(
            "its SHA-256 digest is `{digest}`, not the `{expected}` that the configuration names"
        )),
        _ => Ok(Fetched { bytes, digest }),
    }
}

/// What a URL answers that the operator named, or somebody whom the operator named. Redirects are not followed: where they lead,
/// nobody named.
pub(super) fn named(url: &Url, private_address: bool, bounds: Bounds) -> Result<Vec<u8>, String> {
    let builder = builder(bounds.time_max).redirect(redirect::Policy::none());
    let client = if private_address {
        builder.build()
    } else {
        inwards(url)?;
        builder.dns_resolver(Arc::new(Outwards)).build()
    };
    get(&client.map_err(|error| causes(&error))?, url, bounds)
}

/// A client that asks one URL again and again, on a runtime. It goes no further than [`named`] does.
///
/// # Errors
/// The URL is an address that is not public, or there is no TLS.
pub(crate) fn client_of(url: &Url, private_address: bool, time_max: Duration) -> Result<reqwest::Client, String> {
    install_crypto();
    let builder = reqwest::Client::builder()
        .user_agent("portcullis")
        .no_proxy()
        .connect_timeout(CONNECT_TIME_MAX.min(time_max))
        .timeout(time_max)
        .redirect(redirect::Policy::none());
    let client = if private_address {
        builder.build()
    } else {
        inwards(url)?;
        builder.dns_resolver(Arc::new(Outwards)).build()
    };
    client.map_err(|error| causes(&error))
}

/// Refuses an address in a URL that is not public; names are looked at when they are resolved.
///
/// # Errors
/// It is not, in words.
pub(crate) fn inwards(url: &Url) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) if !is_public(address) => Err(format!(
            "`{address}` is not a public address; set `dangerous_private_address: true` if it is meant"
        )),
        _ => Ok(()),
    }
}

/// One answer of a URL.
pub(super) fn get(client: &Client, url: &Url, bounds: Bounds) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + bounds.time_max;
    let response = client.get(url.clone()).send().map_err(|error| causes(&error))?;
    if !response.status().is_success() {
        let origin = url.origin().ascii_serialization();
        return Err(format!("`{origin}` answered {}", response.status()));
    }
    within(response, deadline, bounds.bytes_max)
}

/// A client for the references of a contract.
pub(super) fn client(time_max: Duration) -> reqwest::Result<Client> {
    builder(time_max)
        .redirect(redirect::Policy::custom(within_origin))
        .dns_resolver(Arc::new(Outwards))
        .build()
}

fn builder(time_max: Duration) -> ClientBuilder {
    install_crypto();
    Client::builder()
        .user_agent("portcullis")
        .no_proxy()
        .connect_timeout(CONNECT_TIME_MAX.min(time_max))
        .timeout(time_max)
}

/// FIPS 180-4, from the hash of a TLS cipher suite.
fn sha256(bytes: &[u8]) -> Result<String, String> {
    let suite = cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
    let suite = suite.ok_or("there is no SHA-256 to hold it against its digest")?;
    let digest = suite.common.hash_provider.hash(bytes);
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Gives clients of HTTPS their cryptography; before the first of them is made.
pub(crate) fn install_crypto() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another provider that was installed before is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
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
/// It takes too long, is larger than [`super::FILE_BYTES_MAX`], or breaks off.
pub(crate) fn body(response: Response, deadline: Instant) -> Result<Vec<u8>, String> {
    within(response, deadline, FILE_BYTES_MAX)
}

fn within(mut response: Response, deadline: Instant, bytes_max: u64) -> Result<Vec<u8>, String> {
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
        bytes = bounded(bytes, bytes_max)?;
    }
}

/// Why a request came to nothing: what lies at the root of the error, without what the libraries wrap around it.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = || std::iter::successors(Some(error), |cause| (**cause).source());
    let any = |is: fn(&reqwest::Error) -> bool| chain().filter_map(|cause| cause.downcast_ref()).any(is);
    let root = chain().last().map(in_words).unwrap_or_default();
    match (any(reqwest::Error::is_connect), any(reqwest::Error::is_timeout)) {
        (true, true) => "no connection in time".to_owned(),
        (false, true) => "no answer in time".to_owned(),
        (true, false) => format!("cannot connect: {root}"),
        (false, false) => root,
    }
}

/// An error of the system without its number, where its kind says it all.
fn in_words(error: &(dyn Error + 'static)) -> String {
    let system = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match system {
        Some(
            kind @ (ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable),
        ) => kind.to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_nobody_answers_is_said_in_words() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let client = builder(Duration::from_secs(2)).build().unwrap();
        let error = client.get(format!("http://{closed}/")).send().unwrap_err();
        assert_eq!(causes(&error), "cannot connect: connection refused");
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = builder(Duration::from_millis(50)).build().unwrap();
        let error = client
            .get(format!("http://{}/", silent.local_addr().unwrap()))
            .send()
            .unwrap_err();
        assert_eq!(causes(&error), "no answer in time");
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b"").unwrap(), empty);
    }
}
