//! Security schemes and requirements as they are declared.

use super::At;
use crate::document::{Node, Place};

/// A security scheme.
#[derive(Debug)]
pub struct Scheme<'d> {
    /// Its index among the schemes.
    pub index: usize,
    /// Its name in the contract.
    pub name: &'d str,
    /// Its name's place.
    pub at: At,
    /// The security scheme object.
    pub place: Place<'d>,
    /// What it is.
    pub kind: SchemeType<'d>,
}

impl<'d> Scheme<'d> {
    /// A member of the scheme.
    pub fn get(&self, name: &str) -> Option<&'d Node> {
        self.place.node.get(name)
    }
}

/// What a security scheme is.
#[derive(Debug, PartialEq, Eq)]
pub enum SchemeType<'d> {
    /// `apiKey`: where it stands (`query`, `header`, `cookie`), and its name there.
    ApiKey(&'d str, &'d str),
    /// `http`: the scheme in lower case.
    Http(String),
    /// `oauth2`: its flows.
    OAuth2(Vec<OAuthFlow<'d>>),
    /// `openIdConnect`: its URL.
    OpenIdConnect(Option<&'d str>),
    /// `mutualTLS`
    MutualTls,
    /// Nothing that OpenAPI knows.
    Unknown,
}

/// A flow of OAuth 2.
#[derive(Debug, PartialEq, Eq)]
pub struct OAuthFlow<'d> {
    /// Which one.
    pub grant: Grant,
    /// Its name's place.
    pub at: At,
    /// `authorizationUrl`, `tokenUrl` and `refreshUrl`, as far as they are there: the member, the URL, its place.
    pub urls: Vec<(&'static str, &'d str, At)>,
    /// Its scopes, and the place of each.
    pub scopes: Vec<(&'d str, At)>,
}

/// A grant, by the name of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `implicit` (RFC 6749 §4.2)
    Implicit,
    /// `password` (RFC 6749 §4.3)
    Password,
    /// `clientCredentials` (RFC 6749 §4.4)
    ClientCredentials,
    /// `authorizationCode` (RFC 6749 §4.1)
    AuthorizationCode,
}

/// The security requirements of the root or of an operation.
#[derive(Debug)]
pub struct Requirements<'d> {
    /// The name `security`.
    pub at: At,
    /// One of them is enough; an empty list lets everybody in.
    pub alternatives: Vec<Alternative<'d>>,
}

impl Requirements<'_> {
    /// Whether somebody without any credential is let in.
    pub fn is_open(&self) -> bool {
        self.alternatives.is_empty() || self.alternatives.iter().any(|one| one.asked.is_empty())
    }
}

/// Schemes that are asked for together.
#[derive(Debug)]
pub struct Alternative<'d> {
    /// Where it stands.
    pub at: At,
    /// All of them; none: nothing is asked for.
    pub asked: Vec<Asked<'d>>,
}

/// A scheme that is asked for.
#[derive(Debug)]
pub struct Asked<'d> {
    /// The scheme's name.
    pub name: &'d str,
    /// Where it is named.
    pub at: At,
    /// The index of the scheme; nothing where none is called so.
    pub scheme: Option<usize>,
    /// The scopes that are asked for, and the place of each.
    pub scopes: Vec<(&'d str, At)>,
}

impl<'d> SchemeType<'d> {
    /// Reads a security scheme object in the form of OpenAPI 3.
    pub(super) fn read(node: &'d Node) -> Self {
        let text = |name: &str| node.get(name).and_then(Node::as_str);
        match text("type") {
            Some("apiKey") => Self::ApiKey(text("in").unwrap_or_default(), text("name").unwrap_or_default()),
            Some("http") => Self::Http(text("scheme").unwrap_or_default().to_ascii_lowercase()),
            Some("oauth2") => Self::OAuth2(flows(node.get("flows"))),
            Some("openIdConnect") => Self::OpenIdConnect(text("openIdConnectUrl")),
            Some("mutualTLS") => Self::MutualTls,
            _ => Self::Unknown,
        }
    }
}

fn flows<'d>(written: Option<&'d Node>) -> Vec<OAuthFlow<'d>> {
    const GRANTS: [(&str, Grant); 4] = [
        ("implicit", Grant::Implicit),
        ("password", Grant::Password),
        ("clientCredentials", Grant::ClientCredentials),
        ("authorizationCode", Grant::AuthorizationCode),
    ];
    let Some(written) = written else { return Vec::new() };
    let flow = |(name, grant): (&str, Grant)| {
        let node = written.get(name)?;
        let url = |member: &'static str| {
            let url = node.get(member)?.as_str()?;
            Some((member, url, At::member(node, member)))
        };
        let scopes = node.get("scopes").and_then(Node::as_object);
        let scopes = scopes.into_iter().flat_map(|scopes| &scopes.members);
        Some(OAuthFlow {
            grant,
            at: At::member(written, name),
            urls: ["authorizationUrl", "tokenUrl", "refreshUrl"]
                .into_iter()
                .filter_map(url)
                .collect(),
            scopes: scopes
                .map(|(scope, member)| (&**scope, At::name(member.name_span)))
                .collect(),
        })
    };
    GRANTS.into_iter().filter_map(flow).collect()
}
