//! Asks a running service for its contract: at the URL itself, at the usual places below it, and through its API catalog
//! (RFC 9727).
//!
//! Every question is bounded in time and size, and goes to the host that the operator named and to no other: redirects and
//! catalogs that lead elsewhere are told, not followed. Nothing but GET is ever sent, and no credential.

use std::time::{Duration, Instant};

use memchr::memmem;
use reqwest::blocking::Client;
use reqwest::{StatusCode, Url, header, redirect};
use serde_json::Value;

use super::Failure;
use crate::files;

/// Where frameworks publish contracts, below the URL that was named, the most telling first.
const PLACES: [&str; 21] = [
    "openapi.json",
    "openapi.yaml",
    "openapi.yml",
    "swagger.json",
    "swagger.yaml",
    "v3/api-docs",
    "v2/api-docs",
    "api-docs",
    "api-json",
    "docs/openapi.json",
    "docs/openapi.yaml",
    "api/openapi.json",
    "api/openapi.yaml",
    "api/swagger.json",
    "api/schema/",
    "api/v1/openapi.json",
    "swagger/v1/swagger.json",
    "swagger/doc.json",
    "openapi/v1.json",
    "q/openapi",
    "openapi",
];
/// RFC 9727 §2.
const CATALOG: &str = "/.well-known/api-catalog";
/// Contracts of a catalog that are asked for.
const CATALOG_ENTRIES_MAX: usize = 8;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// For all questions together.
const TOTAL_TIME_MAX: Duration = Duration::from_secs(60);
const REDIRECTS_MAX: usize = 3;
const ACCEPT: &str = "application/vnd.oai.openapi+json, application/vnd.oai.openapi, application/json;q=0.9, \
                      application/linkset+json;q=0.9, application/yaml;q=0.8, */*;q=0.1";

/// A contract that a service published.
pub(super) struct Found {
    /// Where.
    pub(super) url: String,
    /// The scheme, host and port of the service.
    pub(super) origin: String,
    /// As it was sent.
    pub(super) bytes: Vec<u8>,
    /// What else its catalog names.
    pub(super) also: Vec<String>,
}

impl Found {
    /// The ending of a file that holds it.
    pub(super) fn extension(&self) -> &'static str {
        match self.bytes.trim_ascii_start().first() {
            Some(b'{') => "json",
            _ => "yaml",
        }
    }
}

/// Asks the service for its contract.
///
/// # Errors
/// It does not answer, or publishes none where one is looked for: where that was, and what to do.
pub(super) fn ask(from: &str) -> Result<Found, Failure> {
    let url = service_url(from).map_err(Failure::unusable)?;
    let mut asking = Asking {
        client: client().map_err(|error| Failure::unusable(files::causes(&error)))?,
        until: Instant::now() + TOTAL_TIME_MAX,
        origin: url.origin().ascii_serialization(),
        refused: Vec::new(),
        elsewhere: Vec::new(),
    };
    if url.path() != "/"
        && let Some(bytes) = asking.contract(&url)?
    {
        return Ok(asking.found(&url, bytes, Vec::new()));
    }
    for place in places(&url) {
        if let Some(bytes) = asking.contract(&place)? {
            return Ok(asking.found(&place, bytes, Vec::new()));
        }
    }
    let mut listed = asking.catalog(&url)?.into_iter();
    while let Some(entry) = listed.next() {
        if let Some(bytes) = asking.contract(&entry)? {
            let also = listed.map(|other| other.to_string()).collect();
            return Ok(asking.found(&entry, bytes, also));
        }
    }
    Err(asking.nothing())
}

fn service_url(from: &str) -> Result<Url, String> {
    let example = "write a URL such as `http://127.0.0.1:9000`";
    let mut url = Url::parse(from).map_err(|_| format!("`{from}` is not a URL: {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("`{from}` is not a URL of http or https: {example}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the URL carries a user name or a password, which would end up in the shell's history: \
                    save the contract yourself and name its file"
                .to_owned(),
        );
    }
    url.set_fragment(None);
    Ok(url)
}

/// The usual places: below the URL that was named, and below its origin.
fn places(url: &Url) -> Vec<Url> {
    let mut below = url.clone();
    below.set_query(None);
    let base = url.path().trim_end_matches('/').to_owned();
    let mut places = Vec::new();
    for base in [base.as_str(), ""] {
        for place in PLACES {
            below.set_path(&format!("{base}/{place}"));
            if !places.contains(&below) {
                places.push(below.clone());
            }
        }
    }
    places
}

fn client() -> reqwest::Result<Client> {
    files::install_crypto();
    Client::builder()
        .user_agent("portcullis")
        .no_proxy()
        .connect_timeout(CONNECT_TIME_MAX)
        .timeout(ANSWER_TIME_MAX)
        .redirect(redirect::Policy::custom(|attempt| {
            let origin = attempt.previous().last().map(Url::origin);
            let stays = origin.is_some_and(|origin| origin == attempt.url().origin());
            // One that leads elsewhere is an answer like any other, and no contract.
            if stays && attempt.previous().len() <= REDIRECTS_MAX {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }))
        .build()
}

/// One look for a contract.
struct Asking {
    client: Client,
    until: Instant,
    origin: String,
    /// Places that ask for a credential.
    refused: Vec<String>,
    /// Where redirects and the catalog lead that is another host's.
    elsewhere: Vec<String>,
}

impl Asking {
    /// What stands at a URL, if it is a contract.
    fn contract(&mut self, url: &Url) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.get(url)?.filter(|bytes| looks_like_contract(bytes)))
    }

    /// What stands at a URL.
    ///
    /// # Errors
    /// The service cannot be reached, or takes too long.
    fn get(&mut self, url: &Url) -> Result<Option<Vec<u8>>, Failure> {
        let origin = &self.origin;
        let failed = |what: String| Failure::unreachable(format!("`{origin}` gives no contract: {what}"));
        if Instant::now() > self.until {
            return Err(failed(format!("it takes more than {} s", TOTAL_TIME_MAX.as_secs())));
        }
        let request = self.client.get(url.clone()).header(header::ACCEPT, ACCEPT);
        let response = request.send().map_err(|error| failed(files::causes(&error)))?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.refused.push(url.path().to_owned());
        }
        if status.is_redirection()
            && let Some(target) = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok())
        {
            self.elsewhere.push(target.to_owned());
        }
        if !status.is_success() {
            return Ok(None);
        }
        let until = self.until.min(Instant::now() + ANSWER_TIME_MAX);
        files::body(response, until).map(Some).map_err(failed)
    }

    /// The contracts that the service's catalog names, those of other hosts left out.
    fn catalog(&mut self, url: &Url) -> Result<Vec<Url>, Failure> {
        let mut place = url.clone();
        place.set_path(CATALOG);
        place.set_query(None);
        let linkset = self.get(&place)?;
        let linkset = linkset.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let (own, other): (Vec<Url>, Vec<Url>) = described(&linkset.unwrap_or_default())
            .filter_map(|href| place.join(href).ok())
            .partition(|entry| entry.origin() == url.origin());
        self.elsewhere.extend(other.iter().map(ToString::to_string));
        Ok(own.into_iter().take(CATALOG_ENTRIES_MAX).collect())
    }

    fn found(self, url: &Url, bytes: Vec<u8>, also: Vec<String>) -> Found {
        Found {
            url: url.to_string(),
            origin: self.origin,
            bytes,
            also,
        }
    }

    fn nothing(self) -> Failure {
        let mut message = format!(
            "`{}` answers, but holds no contract at any of the usual places, such as `/openapi.json`",
            self.origin
        );
        if let Some(place) = self.refused.first() {
            message += &format!("; `{place}` asks for a credential");
        }
        if let Some(target) = self.elsewhere.first() {
            message += &format!("; it leads elsewhere, to `{target}`");
        }
        Failure::unusable(
            message
                + ": name the contract's own URL with `--from`, or save it and name the file (`portcullis init FILE`)",
        )
    }
}

/// The descriptions (`service-desc`, RFC 8631 §4.1) in a set of links (RFC 9264 §4.2).
fn described(linkset: &Value) -> impl Iterator<Item = &str> {
    let contexts = linkset.get("linkset").and_then(Value::as_array);
    let targets = contexts
        .into_iter()
        .flatten()
        .filter_map(|context| context.get("service-desc")?.as_array());
    targets.flatten().filter_map(|target| target.get("href")?.as_str())
}

/// Whether a text is meant as a contract. A page about one is not; whether it is a good one is told by loading it.
fn looks_like_contract(bytes: &[u8]) -> bool {
    const MARKS: [&[u8]; 4] = [b"\"openapi\"", b"\"swagger\"", b"openapi:", b"swagger:"];
    let is_page = bytes.trim_ascii_start().starts_with(b"<");
    !is_page && MARKS.iter().any(|mark| memmem::find(bytes, mark).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_and_what_is_none() {
        for (text, expected) in [
            (r#"{"openapi": "3.1.0"}"#, true),
            (r#"{"components": {}, "openapi":"3.0.0"}"#, true),
            ("swagger: '2.0'\n", true),
            ("openapi: 3.1.0\n", true),
            ("<html>openapi: 3.1.0</html>", false),
            ("\n <!DOCTYPE html>\"openapi\"", false),
            (r#"{"error": "not found"}"#, false),
            ("", false),
        ] {
            assert_eq!(looks_like_contract(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn urls() {
        for (url, expected) in [
            ("http://127.0.0.1:9000", true),
            ("https://api.example.com/v1", true),
            ("127.0.0.1:9000", false),
            ("ftp://a", false),
            ("http://u:p@a", false),
            ("", false),
        ] {
            assert_eq!(service_url(url).is_ok(), expected, "{url}");
        }
    }

    #[test]
    fn places_are_below_the_url_first() {
        let places = places(&Url::parse("http://a/v1/?x").unwrap());
        assert_eq!(places.len(), 2 * PLACES.len());
        assert_eq!(places.first().unwrap().as_str(), "http://a/v1/openapi.json");
        assert_eq!(places[PLACES.len()].as_str(), "http://a/openapi.json");
        assert_eq!(super::places(&Url::parse("http://a").unwrap()).len(), PLACES.len());
    }

    #[test]
    fn catalogs() {
        let linkset = serde_json::json!({"linkset": [
            {"anchor": "/orders", "service-desc": [{"href": "/orders.json", "type": "application/json"}, {"href": 7}]},
            {"anchor": "/users", "service-doc": [{"href": "/users.html"}]},
            {"service-desc": [{"href": "https://other.example/api.yaml"}]},
        ]});
        let found: Vec<&str> = described(&linkset).collect();
        assert_eq!(found, ["/orders.json", "https://other.example/api.yaml"]);
        assert_eq!(described(&serde_json::json!([1])).count(), 0);
    }
}
