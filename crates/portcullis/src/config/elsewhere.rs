//! Whoever else is asked when it is decided what callers may do: endpoints that know the attributes of resources, and decision points
//! elsewhere; as they are written, and settled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderName;
use portcullis_contract::document::Span;
use portcullis_decision::attributes::{self, Attribute, Attributes};
use portcullis_decision::elsewhere::Protocol;
use portcullis_gateway::decisions::questions::Bounds;
use portcullis_gateway::forward::balance::BreakerSettings;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::authorization::{AttributeKind, Types};
use super::checked::seconds;
use super::message::{FieldName, Pointer};
use super::problems::Problems;
use super::spanned::{NamedFile, Placed, Spanned};
use super::text::{Location, Name, Seconds, is_plain};

/// How long an answer counts where nothing is said.
const ANSWER_SECONDS_MAX: u64 = 1;
/// How long an answer is waited for where nothing is said.
const WAIT_SECONDS_MAX: u64 = 1;
/// How many questions are open at once where nothing is said.
const QUESTIONS_MAX: u16 = 64;
/// How long a request may wait at most.
const WAIT_TIME_MAX: Duration = Duration::from_secs(30);
/// Where the id of a resource stands in a URL.
const ID: &str = "{id}";
/// What stands there while the URL is looked at: no path has it otherwise.
const STANDING_IN: &str = "portcullis-resource-id";

/// Where the attributes of resources of one type come from: an endpoint that answers `GET` with a JSON object. A request is denied
/// where it does not, where an attribute is missing or is not of its type, and where it answers 404.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupWritten {
    /// The type of the resources, one of `resources`.
    pub(crate) resource: Spanned<String>,
    /// A URL of https. `{id}` is one whole segment of its path, and stands for the resource's id.
    pub(crate) url: Spanned<String>,
    /// The attributes that are read out of an answer, and where in it they stand: JSON pointers by their names.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) attributes: BTreeMap<String, Pointer>,
    /// Which of these an answer may leave out, or say `null` of. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) optional: Vec<Spanned<String>>,
    /// How the gate says who asks. Default: it does not.
    pub(crate) credentials: Option<Spanned<AskedAsWritten>>,
    /// How long an answer counts, and with it what it permits; 0: each request asks. Default: 1.
    #[schemars(range(min = 0, max = 60))]
    pub(crate) answer_seconds_max: Option<u64>,
    /// How long a request waits for an answer, 30 seconds at most. Default: 1.
    pub(crate) wait_seconds_max: Option<Seconds>,
    /// How many resources are asked about at once; requests with further ones are denied. Default: 64.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) questions_max: Option<u16>,
    /// When nobody is asked for a while, and requests are denied at once.
    #[serde(default)]
    pub(crate) breaker: AskingBreaker,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
    /// Allows a URL of `http`: whoever is on the way reads credentials, and answers what they like.
    #[serde(default)]
    pub(crate) dangerous_plain_http: bool,
}

/// A decision point elsewhere. Its permit permits unless somebody else forbids, its deny denies, and so does whatever else it answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointElsewhereWritten {
    /// What it is called in the log and in metrics.
    pub(crate) name: Spanned<Name>,
    /// How it is spoken to.
    pub(crate) kind: DecisionPointKind,
    /// Where it is asked, a URL of https: the whole address of AuthZEN's evaluation endpoint, such as
    /// `https://pdp.example.com/access/v1/evaluation`, or of a document of OPA, such as `https://opa.example.com/v1/data/bank/allow`.
    pub(crate) url: Spanned<String>,
    /// How the gate says who asks. Default: it does not.
    pub(crate) credentials: Option<Spanned<AskedAsWritten>>,
    /// How long an answer to a question counts, and a permit with it; 0: each request asks. Default: 1.
    #[schemars(range(min = 0, max = 60))]
    pub(crate) answer_seconds_max: Option<u64>,
    /// How long a request waits for an answer, 30 seconds at most. Default: 1.
    pub(crate) wait_seconds_max: Option<Seconds>,
    /// How many questions are open at once; requests with further ones are denied. Default: 64.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) questions_max: Option<u16>,
    /// When nobody is asked for a while, and requests are denied at once.
    #[serde(default)]
    pub(crate) breaker: AskingBreaker,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
    /// Allows a URL of `http`: whoever is on the way reads credentials and what is asked, and answers what they like.
    #[serde(default)]
    pub(crate) dangerous_plain_http: bool,
}

/// How a decision point is spoken to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionPointKind {
    /// By AuthZEN (OpenID Authorization API 1.0): an evaluation, answered with a `decision`.
    Authzen,
    /// By the Data API of the Open Policy Agent: an evaluation as `input`, answered with a boolean, or an object with `allow`.
    Opa,
}

/// How the gate says who asks: by a bearer token, a user name and a password, or a header field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedAsWritten {
    /// A file with a bearer token in its only line, relative to the configuration; like the others, read again when it changes.
    pub(crate) bearer_file: Option<Spanned<Location>>,
    /// A user name, beside `password_file`.
    pub(crate) username: Option<Spanned<String>>,
    /// A file with its password.
    pub(crate) password_file: Option<Spanned<Location>>,
    /// A header field, beside `value_file`.
    pub(crate) header: Option<FieldName>,
    /// A file with its value.
    pub(crate) value_file: Option<Spanned<Location>>,
}

/// When nobody is asked for a while. After that one question tries whether it answers again.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskingBreaker {
    /// How many of a hundred questions within ten seconds have failed. Default: 50.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) failure_percent: Option<u32>,
    /// How many questions it takes to judge. Default: 10.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) requests_min: Option<u32>,
    /// How long nobody is asked. Default: 2.
    pub(crate) open_seconds: Option<Seconds>,
}

/// Where the attributes of resources of one type come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lookup {
    /// The type.
    pub(crate) kind: String,
    /// Where one of them is described.
    pub(crate) template: Template,
    /// What is read out of that.
    pub(crate) attributes: Attributes,
    /// How it is asked.
    pub(crate) asked: Asked,
}

/// A decision point elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DecisionPoint {
    /// What it is called here.
    pub(crate) name: String,
    /// How it is spoken to.
    pub(crate) protocol: Protocol,
    /// How it is asked.
    pub(crate) asked: Asked,
}

/// How somebody is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Where; of a template with something in the place of the id.
    pub(crate) url: Placed<Url>,
    /// How the gate says who asks.
    pub(crate) credentials: Option<AskedAs>,
    /// How much is asked.
    pub(crate) bounds: Bounds,
    /// Whether its host may have an address that is not public.
    pub(crate) private_address: bool,
}

/// How the gate says who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskedAs {
    /// A bearer token.
    Bearer(NamedFile),
    /// A user name and a password.
    Basic(String, NamedFile),
    /// A header field.
    Header(HeaderName, NamedFile),
}

/// A URL with a place for an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    before: String,
    after: String,
}

/// What both kinds have.
struct Common<'w> {
    url: &'w Spanned<String>,
    credentials: Option<Spanned<AskedAsWritten>>,
    answer_seconds_max: Option<u64>,
    wait_seconds_max: Option<Seconds>,
    questions_max: Option<u16>,
    breaker: AskingBreaker,
    private_address: bool,
    plain_http: bool,
}

impl Template {
    /// None where the id is no whole segment of the path, or stands there twice.
    fn parse(text: &str) -> Option<(Self, Url)> {
        let url = Url::parse(&text.replace(ID, STANDING_IN)).ok().filter(is_plain)?;
        let segments = url.path_segments()?;
        if segments.filter(|segment| *segment == STANDING_IN).count() != 1 {
            return None;
        }
        let (before, after) = url.as_str().split_once(STANDING_IN)?;
        let template = Self {
            before: before.to_owned(),
            after: after.to_owned(),
        };
        (!after.contains(STANDING_IN)).then_some((template, url))
    }

    /// The URL of an id, which is one segment of its path, whatever it holds. None for `.` and `..`, which no segment can be.
    pub(crate) fn url(&self, id: &str) -> Option<Url> {
        let mut text = self.before.clone();
        for octet in id.bytes() {
            match octet {
                // What RFC 3986 calls unreserved (section 2.3).
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(octet)),
                _ => text.push_str(&format!("%{octet:02X}")),
            }
        }
        text.push_str(&self.after);
        // What the parser reads in another way is somebody else's URL.
        Url::parse(&text)
            .ok()
            .filter(|url| !id.is_empty() && url.as_str() == text)
    }
}

impl LookupWritten {
    /// With the types that are declared; none where it cannot be used, which is a problem then.
    pub(super) fn lower(self, types: &Types, directory: &Path, problems: &mut Problems<'_>) -> Option<Lookup> {
        let attributes = self.attributes(types, problems);
        let common = Common {
            url: &self.url,
            credentials: self.credentials,
            answer_seconds_max: self.answer_seconds_max,
            wait_seconds_max: self.wait_seconds_max,
            questions_max: self.questions_max,
            breaker: self.breaker,
            private_address: self.dangerous_private_address,
            plain_http: self.dangerous_plain_http,
        };
        let parsed = Template::parse(&self.url.value);
        let (template, url) = parsed.map_or((None, None), |(template, url)| (Some(template), Some(url)));
        let help =
            "write one such as `https://accounts.example.com/accounts/{id}`, with `{id}` as one segment of its path";
        let asked = common.settle(url, help, directory, problems);
        Some(Lookup {
            kind: self.resource.value,
            template: template?,
            attributes: attributes?,
            asked: asked?,
        })
    }

    fn attributes(&self, types: &Types, problems: &mut Problems<'_>) -> Option<Attributes> {
        let Some(declared) = types.get(&self.resource.value) else {
            let message = format!("`{}` is none of `resources`", self.resource.value);
            problems.error(self.resource.span, message, "declare its attributes there");
            return None;
        };
        let optional: BTreeSet<&str> = self.optional.iter().map(|name| name.value.as_str()).collect();
        for name in self
            .optional
            .iter()
            .filter(|name| !self.attributes.contains_key(&name.value))
        {
            let message = format!("`{}` is none of the lookup's `attributes`", name.value);
            problems.error(name.span, message, "name one of them");
        }
        let read = self.attributes.iter().map(|(name, pointer)| {
            let Some(kind) = declared.value.get(name) else {
                let message = format!("`{}` has no attribute `{name}`", self.resource.value);
                problems.error(self.resource.span, message, "declare it below `resources`");
                return None;
            };
            Some(Attribute {
                name: name.as_str().into(),
                pointer: pointer.0.as_str().into(),
                kind: kind_of(&kind.value),
                optional: optional.contains(name.as_str()),
            })
        });
        let read: Vec<Option<Attribute>> = read.collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Attributes::new)
    }
}

impl PointElsewhereWritten {
    /// None where it cannot be used, which is a problem then.
    pub(super) fn lower(self, directory: &Path, problems: &mut Problems<'_>) -> Option<DecisionPoint> {
        let common = Common {
            url: &self.url,
            credentials: self.credentials,
            answer_seconds_max: self.answer_seconds_max,
            wait_seconds_max: self.wait_seconds_max,
            questions_max: self.questions_max,
            breaker: self.breaker,
            private_address: self.dangerous_private_address,
            plain_http: self.dangerous_plain_http,
        };
        let (protocol, help) = match self.kind {
            DecisionPointKind::Authzen => (
                Protocol::AuthZen,
                "write one such as `https://pdp.example.com/access/v1/evaluation`",
            ),
            DecisionPointKind::Opa => (
                Protocol::Opa,
                "write one such as `https://opa.example.com/v1/data/bank/allow`",
            ),
        };
        // Answers of its other versions are another JSON.
        let fits = |url: &Url| protocol != Protocol::Opa || url.path().contains("/v1/data/");
        let url = Url::parse(&self.url.value).ok().filter(is_plain).filter(fits);
        let asked = common.settle(url, help, directory, problems)?;
        Some(DecisionPoint {
            name: self.name.value.0,
            protocol,
            asked,
        })
    }
}

impl Common<'_> {
    fn settle(self, url: Option<Url>, help: &str, directory: &Path, problems: &mut Problems<'_>) -> Option<Asked> {
        let span = self.url.span;
        let is_plain = url.as_ref().is_some_and(|url| url.scheme() == "http");
        let safe = url.filter(|url| url.scheme() == "https" || self.plain_http);
        if is_plain && safe.is_none() {
            let message = format!(
                "`{}` is one of `http`, so that whoever is on the way reads and changes it",
                self.url.value
            );
            let help = "write one of `https`, or `dangerous_plain_http: true` beside it";
            problems.error(span, message, help);
        } else if safe.is_none() {
            let message = format!("`{}` is no URL of https that can be asked", self.url.value);
            problems.error(span, message, help);
        }
        let wait_time_max = seconds(self.wait_seconds_max, WAIT_SECONDS_MAX);
        if wait_time_max > WAIT_TIME_MAX {
            let message = "a request waits for 30 seconds at most";
            problems.error(span, message, "write less as `wait_seconds_max`");
        }
        let credentials = match self.credentials {
            Some(written) => Some(written.lower(directory, problems)?),
            None => None,
        };
        let bounds = Bounds {
            answer_time_max: Duration::from_secs(self.answer_seconds_max.unwrap_or(ANSWER_SECONDS_MAX)),
            wait_time_max,
            questions_max: self.questions_max.unwrap_or(QUESTIONS_MAX).into(),
            breaker: self.breaker.settle(),
        };
        Some(Asked {
            url: Placed { value: safe?, span },
            credentials,
            bounds,
            private_address: self.private_address,
        })
    }
}

impl Spanned<AskedAsWritten> {
    pub(super) fn lower(self, directory: &Path, problems: &mut Problems<'_>) -> Option<AskedAs> {
        let AskedAsWritten {
            bearer_file,
            username,
            password_file,
            header,
            value_file,
        } = self.value;
        let settled = match (bearer_file, username, password_file, header, value_file) {
            (Some(file), None, None, None, None) => Some(AskedAs::Bearer(file.file(directory))),
            // RFC 7617: what stands before the first colon is the name.
            (None, Some(name), Some(file), None, None) if !name.value.contains(':') => {
                Some(AskedAs::Basic(name.value, file.file(directory)))
            }
            (None, None, None, Some(FieldName(name)), Some(file)) => Some(AskedAs::Header(name, file.file(directory))),
            _ => None,
        };
        if settled.is_none() {
            let message = "the gate says in one way who asks";
            let help = "write `bearer_file`, or `username` (without a colon) and `password_file`, or `header` and `value_file`";
            problems.error(self.span, message, help);
        }
        settled
    }
}

impl AskingBreaker {
    fn settle(self) -> BreakerSettings {
        BreakerSettings {
            failure_percent: self.failure_percent.unwrap_or(50),
            requests_min: self.requests_min.unwrap_or(10),
            window: Duration::from_secs(10),
            open_time: seconds(self.open_seconds, 2),
            trials: 1,
        }
    }
}

impl Asked {
    /// The file with the secret that says who asks.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        self.credentials.as_ref().map(|credentials| &credentials.file().value)
    }
}

impl AskedAs {
    /// The file with the secret.
    pub(crate) fn file(&self) -> &NamedFile {
        match self {
            Self::Bearer(file) | Self::Basic(_, file) | Self::Header(_, file) => file,
        }
    }
}

/// Reports names that two have.
pub(super) fn check_names<'n>(names: impl Iterator<Item = (&'n str, Span)>, problems: &mut Problems<'_>) {
    let mut known = BTreeSet::new();
    for (name, span) in names {
        if !known.insert(name) {
            problems.error(span, format!("`{name}` is there twice"), "leave one of them");
        }
    }
}

fn kind_of(kind: &AttributeKind) -> attributes::AttributeKind {
    match kind {
        AttributeKind::String => attributes::AttributeKind::String,
        AttributeKind::Number => attributes::AttributeKind::Integer,
        AttributeKind::Boolean => attributes::AttributeKind::Boolean,
        AttributeKind::Strings | AttributeKind::Entities(_) => attributes::AttributeKind::Strings,
        AttributeKind::Entity(_) => attributes::AttributeKind::Id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_of_the_path_and_nothing_else() {
        for good in [
            "https://a.example/accounts/{id}",
            "https://a.example/accounts/{id}/attributes",
            "https://a.example:8443/{id}?all=1",
        ] {
            assert!(Template::parse(good).is_some(), "{good}");
        }
        for bad in [
            "https://a.example/accounts",
            "https://a.example/accounts/{id}/{id}",
            "https://a.example/accounts/x{id}",
            "https://a.example/accounts?id={id}",
            "https://a.example/accounts/{id}?id={id}",
            "https://{id}.example/accounts",
            "https://{id}/accounts",
            "https://a.example/accounts#{id}",
            "https://u:p@a.example/accounts/{id}",
            "ftp://a.example/accounts/{id}",
            "/accounts/{id}",
        ] {
            assert!(Template::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn no_id_leads_elsewhere() {
        let (template, _) = Template::parse("https://a.example/accounts/{id}/attributes").unwrap();
        for (id, expected) in [
            ("123", Some("123")),
            ("a..b", Some("a..b")),
            ("~_-.x", Some("~_-.x")),
            ("../admin", Some("..%2Fadmin")),
            ("a/b", Some("a%2Fb")),
            ("a\\b", Some("a%5Cb")),
            ("a?b#c", Some("a%3Fb%23c")),
            ("%2e%2e", Some("%252e%252e")),
            ("a b\r\nHost: x", Some("a%20b%0D%0AHost%3A%20x")),
            ("\u{e9}", Some("%C3%A9")),
            ("@evil.example", Some("%40evil.example")),
            ("", None),
            (".", None),
            ("..", None),
        ] {
            let url = template.url(id);
            let expected = expected.map(|segment| format!("https://a.example/accounts/{segment}/attributes"));
            assert_eq!(url.as_ref().map(Url::as_str), expected.as_deref(), "{id:?}");
        }
    }
}
