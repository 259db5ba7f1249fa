//! Operations and what they exchange.

use super::security::Requirements;
use super::{At, SchemaId, UnitId};
use crate::document::{Node, Place};

/// One method on one path template.
#[derive(Debug)]
pub struct Operation<'d> {
    /// Its index among the operations.
    pub index: usize,
    /// In upper case.
    pub method: &'static str,
    /// The path template; the expression of a callback, the name of a webhook.
    pub path: &'d str,
    /// The name of its method.
    pub at: At,
    /// The name of its path.
    pub path_at: At,
    /// The operation object.
    pub place: Place<'d>,
    /// The path item object.
    pub item: Place<'d>,
    /// Its parameters, those of the path included, each once.
    pub parameters: Vec<Parameter<'d>>,
    /// What it takes.
    pub body: Option<Body<'d>>,
    /// What it answers, in the order written.
    pub answers: Vec<Answer<'d>>,
    /// The security requirements that it says itself.
    pub security: Option<Requirements<'d>>,
    /// The servers of its own or of its path; empty where those of the root hold.
    pub servers: Vec<Server<'d>>,
    /// Why it is open to everybody, where `x-portcullis: {public: REASON}` says so.
    pub public: Option<&'d str>,
}

impl<'d> Operation<'d> {
    /// A member of the operation object.
    pub fn get(&self, name: &str) -> Option<&'d Node> {
        self.place.node.get(name)
    }

    /// `operationId`.
    pub fn id(&self) -> Option<&'d str> {
        self.get("operationId").and_then(Node::as_str)
    }

    /// As people speak of it, such as `GET /pets`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it changes what the API keeps, by the meaning of its method (RFC 9110 §9.2.1).
    pub fn is_write(&self) -> bool {
        matches!(self.method, "POST" | "PUT" | "PATCH" | "DELETE")
    }

    /// The names in braces of its path that no parameter is declared for.
    pub fn undeclared(&self) -> impl Iterator<Item = &'d str> + Clone {
        let is_declared = |name: &str| {
            let mut parameters = self.parameters.iter();
            parameters.any(|parameter| parameter.location == "path" && parameter.name == name)
        };
        // What follows a path is none of it.
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        captures(path).filter(move |name| !is_declared(name))
    }

    /// Whether its path names something.
    pub fn has_template(&self) -> bool {
        self.path.contains('{')
    }

    /// Whether it is retired.
    pub fn is_deprecated(&self) -> bool {
        self.get("deprecated").and_then(Node::as_bool) == Some(true)
    }

    /// The answers of these first digits, such as `2`; `default` is of none.
    pub fn answers_of(&self, digit: char) -> impl Iterator<Item = &Answer<'d>> {
        self.answers
            .iter()
            .filter(move |answer| answer.status.starts_with(digit))
    }

    /// Whether it has an answer of exactly this status, of its range, or a `default`.
    pub fn answers_with(&self, status: &str) -> bool {
        let range = |said: &str| said.len() == 3 && said.ends_with("XX") && said.get(..1) == status.get(..1);
        let fits = |said: &str| said == status || said == "default" || range(&said.to_ascii_uppercase());
        self.answers.iter().any(|answer| fits(answer.status))
    }

    /// The segments of its path that are not templates, in lower case.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let segments = self
            .path
            .split('/')
            .filter(|segment| !segment.is_empty() && !segment.contains('{'));
        segments.map(str::to_ascii_lowercase)
    }
}

/// The names in the braces of a path template.
pub fn captures(template: &str) -> impl Iterator<Item = &str> + Clone {
    let opened = template.split('{').skip(1);
    opened.filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// A parameter of an operation.
#[derive(Debug)]
pub struct Parameter<'d> {
    /// Its name.
    pub name: &'d str,
    /// `path`, `query`, `header` or `cookie`.
    pub location: &'d str,
    /// Where it is declared.
    pub at: At,
    /// The parameter object.
    pub place: Place<'d>,
    /// Whether it is declared once for several operations: by a reference, or at the path.
    pub is_shared: bool,
    /// Whether it has to be there.
    pub required: bool,
    /// Its schema, or that of its one content.
    pub schema: Option<SchemaId>,
    /// What its schema stands in.
    pub unit: Option<UnitId>,
    /// Its media type, where it has `content`.
    pub media_type: Option<&'d str>,
}

/// A request body.
#[derive(Debug)]
pub struct Body<'d> {
    /// Where it is declared.
    pub at: At,
    /// The request body object.
    pub place: Place<'d>,
    /// Whether it has to be there.
    pub required: bool,
    /// What it may be.
    pub contents: Vec<Content<'d>>,
}

/// A media type of a body or an answer.
#[derive(Debug)]
pub struct Content<'d> {
    /// The media type or range as it is written.
    pub media_type: &'d str,
    /// Its name.
    pub at: At,
    /// The media type object.
    pub place: Place<'d>,
    /// Its schema.
    pub schema: Option<SchemaId>,
}

impl Content<'_> {
    /// The media type without parameters, in lower case.
    pub fn essence(&self) -> String {
        let essence = self.media_type.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }

    /// Whether it is JSON, by name or by suffix (RFC 6839 §3.1).
    pub fn is_json(&self) -> bool {
        let essence = self.essence();
        essence == "application/json" || essence.ends_with("+json")
    }
}

/// An answer of an operation.
#[derive(Debug)]
pub struct Answer<'d> {
    /// `200`, `4XX` or `default`.
    pub status: &'d str,
    /// The name of its status.
    pub at: At,
    /// The response object.
    pub place: Place<'d>,
    /// What it may hold.
    pub contents: Vec<Content<'d>>,
    /// Its header fields.
    pub headers: Vec<Header<'d>>,
}

impl Answer<'_> {
    /// Whether it says that all went well.
    pub fn is_success(&self) -> bool {
        self.status.starts_with('2')
    }

    /// Whether it is an error, or whatever is not declared otherwise.
    pub fn is_error(&self) -> bool {
        self.status.starts_with(['4', '5']) || self.status == "default"
    }

    /// Whether it can have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
    pub fn is_empty(&self) -> bool {
        matches!(self.status, "204" | "205" | "304")
    }
}

/// A header field of an answer.
#[derive(Debug)]
pub struct Header<'d> {
    /// Its name as declared.
    pub name: &'d str,
    /// Its name's place.
    pub at: At,
    /// Its schema.
    pub schema: Option<SchemaId>,
}

/// A request that the API sends.
#[derive(Debug)]
pub struct Callback<'d> {
    /// The operation that it is a callback of; none: a webhook.
    pub of: Option<usize>,
    /// What is sent, as an operation: its path is the runtime expression, or the webhook's name.
    pub operation: Operation<'d>,
}

/// One of the servers.
#[derive(Debug)]
pub struct Server<'d> {
    /// As written.
    pub url: &'d str,
    /// Where the URL stands.
    pub at: At,
    /// The server object.
    pub place: Place<'d>,
}

impl Server<'_> {
    /// The scheme of its URL in lower case; nothing where it is relative.
    pub fn scheme(&self) -> Option<String> {
        self.url
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase())
    }

    /// The host of its URL in lower case, without port and user; nothing where it is relative.
    pub fn host(&self) -> Option<String> {
        self.url.contains("://").then(|| host(self.url))
    }
}

/// The part of a URL between its scheme and its path; nothing where it has none.
pub(in crate::rules) fn authority(url: &str) -> &str {
    let rest = url.split_once("//").map(|(_, rest)| rest).unwrap_or_default();
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The host of a URL in lower case, without brackets; empty where it has none.
pub(in crate::rules) fn host(url: &str) -> String {
    let host = authority(url).rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.to_ascii_lowercase()
}
