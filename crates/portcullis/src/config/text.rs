//! Settings that are written as text or as a number with a unit, each parsed once into a type of its own.
//!
//! Each carries a `format` in the published schema; [`fault`] finds the parser by that name, so that what is
//! published and what is enforced cannot differ.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::uri::Authority;
use ipnet::IpNet;
use portcullis_contract::document::{Node, Value};
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::message::{FieldName, HeaderText, Pointer, TargetPath};

/// What is wrong with a setting of this `format`, and what to write instead; `None` where nothing is.
pub(super) fn fault(format: &str, node: &Node) -> Option<Fault> {
    let (_, example, parse) = FORMATS.iter().find(|(name, ..)| *name == format)?;
    let written = match &node.value {
        Value::String(text) => parse(text),
        Value::Number(spelling) if format == "byte-size" => spelling
            .parse::<u64>()
            .err()
            .map(|_| format!("`{spelling}` is not a whole number of bytes")),
        _ => None,
    };
    written.map(|message| Fault { message, example })
}

/// What a right setting of this `format` looks like.
pub(super) fn example(format: &str) -> Option<&'static str> {
    let mut formats = FORMATS.iter().filter(|(name, ..)| *name == format);
    formats.next().map(|(_, example, _)| *example)
}

/// Whether a parser stands behind this name of a format.
#[cfg(test)]
pub(super) fn is_known(format: &str) -> bool {
    FORMATS.iter().any(|(name, ..)| *name == format)
}

/// What is wrong with a setting.
pub(super) struct Fault {
    pub(super) message: String,
    /// What a right one looks like.
    pub(super) example: &'static str,
}

type Parse = fn(&str) -> Option<String>;

/// Format, what a right one looks like, parser.
const FORMATS: &[(&str, &str, Parse)] = &[
    (
        "listen-address",
        "write an address and a port, such as `127.0.0.1:8080` or `[::1]:8080`",
        faulty::<Address>,
    ),
    (
        "network",
        "write an address or a network, such as `10.0.0.0/8` or `2001:db8::/32`",
        faulty::<Network>,
    ),
    (
        "name",
        "use 1 to 64 of letters, digits, `-`, `_` and `.`",
        faulty::<Name>,
    ),
    ("location", "write the path of a file", faulty::<Location>),
    (
        "origin",
        "write a scheme and a host, such as `https://schemas.example.com`",
        faulty::<Origin>,
    ),
    (
        "page-origin",
        "write a scheme and a host, such as `https://app.example.com`",
        faulty::<PageOrigin>,
    ),
    (
        "upstream-url",
        "write a scheme, a host and a port, such as `http://127.0.0.1:9000`",
        faulty::<UpstreamUrl>,
    ),
    (
        "certificate-digest",
        "write the 64 hexadecimal digits that `openssl x509 -noout -fingerprint -sha256` prints",
        faulty::<CertificateDigest>,
    ),
    (
        "collector-url",
        "write the URL of the collector's OTLP endpoint, such as `http://127.0.0.1:4318/v1/traces`",
        faulty::<CollectorUrl>,
    ),
    (
        "host",
        "write a host name or an address, with its port where it has one, such as `api.example.com`",
        faulty::<Host>,
    ),
    ("target-path", "write a path such as `/healthz`", faulty::<TargetPath>),
    (
        "header-value",
        "write visible characters, without spaces around them",
        faulty::<HeaderText>,
    ),
    (
        "field-name",
        "write a name of letters, digits and `-` that means nothing else, such as `X-Caller`",
        faulty::<FieldName>,
    ),
    (
        "base-path",
        "write a path such as `/v1`, without a slash at its end",
        faulty::<BasePath>,
    ),
    (
        "window",
        "write a whole number and `s`, `m` or `h`, such as `1s` or `15m`",
        faulty::<Window>,
    ),
    (
        "byte-size",
        "write a whole number of bytes, or one with `KiB`, `MiB` or `GiB`, such as `64KiB`",
        faulty::<Size>,
    ),
    (
        "value-pointer",
        "write a JSON pointer such as `/username`",
        faulty::<Pointer>,
    ),
];

/// Whether a URL is one of the web, and nothing but a place: no password and no fragment.
pub(crate) fn is_plain(url: &Url) -> bool {
    let of_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    of_web && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

fn faulty<T: TryFrom<String, Error = String>>(text: &str) -> Option<String> {
    T::try_from(text.to_owned()).err()
}

/// An address and a port to listen on.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "listen-address", "examples" = ["127.0.0.1:8080", "[::1]:8080"]))]
pub(crate) struct Address(pub(crate) SocketAddr);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| format!("`{text}` is not an address with a port"))
    }
}

/// A network, or a single address.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "network", "examples" = ["10.0.0.0/8"]))]
pub(crate) struct Network(#[schemars(with = "String")] pub(crate) IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let network = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let network = network.ok_or_else(|| format!("`{text}` is not a network"))?;
        if network.addr() != network.network() {
            return Err(format!(
                "`{text}` has bits set after its prefix: the network is `{}`",
                network.trunc()
            ));
        }
        Ok(Self(network))
    }
}

/// A name that goes into logs and metrics.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "name", "pattern" = "^[A-Za-z0-9._-]{1,64}$"))]
pub(crate) struct Name(pub(crate) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
            return Err(format!("`{text}` is not a name"));
        }
        Ok(Self(text))
    }
}

/// The path of a file.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "location", "minLength" = 1))]
pub(crate) struct Location(pub(crate) String);

impl TryFrom<String> for Location {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "" => Err("the path of a file is empty".to_owned()),
            other if other.contains("://") => Err(format!("`{other}` is a URL, not the path of a file")),
            _ => Ok(Self(text)),
        }
    }
}

/// A scheme, a host and a port, as RFC 6454 §6.2 writes them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "origin", "examples" = ["https://schemas.example.com"]))]
pub(crate) struct Origin(pub(crate) String);

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = web_url(&text)?;
        only_origin(&url, &text)?;
        Ok(Self(url.origin().ascii_serialization()))
    }
}

/// The origin of pages, as browsers write it (RFC 6454 §6.2).
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "page-origin", "examples" = ["https://app.example.com"]))]
pub(crate) struct PageOrigin(pub(crate) String);

impl TryFrom<String> for PageOrigin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let by = |setting: &str| Err(format!("`{text}` is not an origin: that is `{setting}: true`"));
        match text.as_str() {
            "*" => by("dangerous_any_origin"),
            "null" => by("dangerous_null_origin"),
            _ => Origin::try_from(text).map(|origin| Self(origin.0)),
        }
    }
}

/// Where an upstream listens.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "upstream-url", "examples" = ["http://127.0.0.1:9000", "https://orders.internal"]))]
pub(crate) struct UpstreamUrl(#[schemars(with = "String")] pub(crate) Target);

/// What the URL of an upstream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether it is spoken to in TLS.
    pub(crate) tls: bool,
    /// Its host, and its port where that is not the scheme's.
    pub(crate) authority: Authority,
}

impl TryFrom<String> for UpstreamUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = web_url(&text)?;
        only_origin(&url, &text)?;
        let authority = url.authority().parse().map_err(|_| format!("`{text}` is not a URL"))?;
        let tls = url.scheme() == "https";
        Ok(Self(Target { tls, authority }))
    }
}

/// The SHA-256 digest of a certificate: hexadecimal digits, with or without colons between the bytes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "certificate-digest"))]
pub(crate) struct CertificateDigest(#[schemars(with = "String")] pub(crate) [u8; 32]);

impl TryFrom<String> for CertificateDigest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a SHA-256 digest");
        let digits: String = text.chars().filter(|digit| *digit != ':').collect();
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = digits.get(2 * index..2 * index + 2).unwrap_or_default();
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// Where a collector takes telemetry.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "collector-url", "examples" = ["http://127.0.0.1:4318/v1/traces"]))]
pub(crate) struct CollectorUrl(#[schemars(with = "String")] pub(crate) Url);

impl TryFrom<String> for CollectorUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = web_url(&text)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL carries a user name or a password".to_owned());
        }
        if url.path() == "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{text}` has no path, or more than a path"));
        }
        Ok(Self(url))
    }
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("`{text}` is not a URL"))?;
    if url.host_str().is_some_and(|host| host.contains('*')) {
        return Err(format!("`{text}` has a wildcard, and hosts are compared exactly"));
    }
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(format!("`{text}` is not a URL of http or https")),
    }
}

fn only_origin(url: &Url, text: &str) -> Result<(), String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL carries a user name or a password".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has more than a scheme, a host and a port"));
    }
    Ok(())
}

/// A value of the `Host` header.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "host", "examples" = ["api.example.com"]))]
pub(crate) struct Host(pub(crate) String);

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a host");
        let authority = text.parse::<Authority>().map_err(|_| wrong())?;
        let named = authority
            .host()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
        if !named || authority.host().is_empty() || text.contains('@') || text.ends_with(':') {
            return Err(wrong());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// What stands before every path of a contract; empty for nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "base-path", "examples" = ["/v1"]))]
pub(crate) struct BasePath(pub(crate) String);

impl TryFrom<String> for BasePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "/" || text.is_empty() {
            return Ok(Self(String::new()));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(plain);
        match text.strip_prefix('/') {
            Some(rest) if rest.split('/').all(segment) => Ok(Self(text)),
            _ => Err(format!("`{text}` is not a plain path")),
        }
    }
}

/// A span of time to count in.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "window", "pattern" = "^[1-9][0-9]*[smh]$"))]
pub(crate) struct Window(pub(crate) Duration);

impl Window {
    /// No window is longer: a counter that outlives a day belongs into a store that outlives the process.
    const HOURS_MAX: u64 = 24;
}

impl TryFrom<String> for Window {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (digits, unit) = digits_and_unit(&text);
        let number = digits
            .parse::<u64>()
            .map_err(|_| format!("`{text}` is not a time window"))?;
        let seconds = match unit {
            "s" => Some(number),
            "m" => number.checked_mul(60),
            "h" => number.checked_mul(3600),
            "" => return Err(format!("`{text}` has no unit")),
            _ => return Err(format!("the unit of `{text}` is not one of time")),
        };
        match seconds {
            Some(0) => Err(format!("`{text}` is no time at all")),
            Some(seconds) if seconds <= Self::HOURS_MAX * 3600 => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(format!("`{text}` is longer than {} hours", Self::HOURS_MAX)),
        }
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "SizeWritten")]
#[schemars(extend("format" = "byte-size", "minimum" = 0))]
pub(crate) struct Size(pub(crate) u64);

/// A number of bytes as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum SizeWritten {
    Bytes(u64),
    WithUnit(String),
}

impl TryFrom<SizeWritten> for Size {
    type Error = String;

    fn try_from(written: SizeWritten) -> Result<Self, String> {
        match written {
            SizeWritten::Bytes(bytes) => Ok(Self(bytes)),
            SizeWritten::WithUnit(text) => Self::try_from(text),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (digits, unit) = digits_and_unit(&text);
        let number = digits.parse::<u64>().map_err(|_| format!("`{text}` is not a size"))?;
        let factor = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(format!("the unit of `{text}` is not one of size")),
        };
        number
            .checked_mul(factor)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is too large"))
    }
}

fn digits_and_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// A number of seconds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(transparent)]
#[schemars(extend("minimum" = 0.001, "maximum" = 86_400))]
pub(crate) struct Seconds(f64);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Duration::try_from_secs_f64(seconds.0).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: TryFrom<String, Error = String>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(faulty::<T>(text), None, "{text}");
        }
        for text in bad {
            assert!(faulty::<T>(text).is_some(), "{text}");
        }
    }

    #[test]
    fn texts() {
        check::<Address>(
            &["127.0.0.1:0", "[::1]:8080"],
            &["8080", "localhost:80", "::1:80", "127.0.0.1", "127.0.0.1:65536"],
        );
        check::<Network>(
            &["10.0.0.0/8", "::1", "2001:db8::/32"],
            &["10.0.0.1/8", "10.0.0.0/33", "any", ""],
        );
        check::<Name>(&["natter", "v1.2_x-y"], &["", "a b", "a/b", &"x".repeat(65)]);
        check::<Origin>(
            &["https://a.example", "http://10.0.0.1:81"],
            &[
                "a.example",
                "ftp://a",
                "https://a/x",
                "https://u:p@a",
                "https://a?x",
                "https://a#x",
                "https://*.a/",
            ],
        );
        check::<UpstreamUrl>(
            &["http://127.0.0.1:9000", "https://a.example"],
            &["127.0.0.1:9000", "http://a/base", "https://u@a"],
        );
        check::<CertificateDigest>(
            &[&"0f".repeat(32), &vec!["0F"; 32].join(":")],
            &["", "0f", &"0g".repeat(32), &"0f".repeat(33)],
        );
        check::<CollectorUrl>(
            &["http://127.0.0.1:4318/v1/traces", "https://collector.example/v1/traces"],
            &[
                "http://127.0.0.1:4318",
                "127.0.0.1:4318/v1/traces",
                "http://u:p@a/v1/traces",
                "http://a/v1?x",
                "grpc://a/v1",
            ],
        );
        check::<Host>(
            &["api.example.com", "a:8080", "[::1]", "[::1]:80"],
            &["", "a b", "u@a", "a/b", "a:", "*.a"],
        );
        check::<BasePath>(
            &["/v1", "/", "", "/a/b"],
            &["v1", "/v1/", "//", "/a/../b", "/a%2fb", "/a?b", "/{a}"],
        );
        check::<Window>(
            &["1s", "15m", "24h"],
            &[
                "",
                "1",
                "s",
                "0s",
                "1d",
                "-1s",
                "1.5s",
                "25h",
                "1 s",
                "99999999999999999999h",
            ],
        );
        check::<Size>(&["1", "64KiB", "1GiB"], &["", "64kb", "-1", "1.5MiB", "99999999999GiB"]);
        check::<Pointer>(
            &["", "/username", "/a/0/b", "/~0~1"],
            &["username", "/", "/a//b", "/~2", "/a~"],
        );
        check::<Location>(&["a.yaml"], &["", "http://a/b"]);
    }

    #[test]
    fn units_are_counted_out() {
        assert_eq!(Window::try_from("15m".to_owned()), Ok(Window(Duration::from_secs(900))));
        assert_eq!(Size::try_from("64KiB".to_owned()), Ok(Size(65_536)));
    }
}
