//! Who calls, as far as a credential proved it.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::jose::Refusal;
use crate::jose::claims::{Accepted, Claims};
use crate::time::UnixTime;

/// What a verified credential says of whoever presented it.
#[derive(Clone, Debug)]
pub struct Identity {
    credential: Credential,
    subject: Subject,
    client: Option<Box<str>>,
    scopes: Scopes,
    claims: Claims,
    expires: Option<UnixTime>,
}

/// The kinds of credentials, in the order in which they say who calls where a request presents several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// An access token (RFC 6750, RFC 9449).
    AccessToken,
    /// A user name and a password (RFC 7617).
    Password,
    /// A signature of the request itself (RFC 9421).
    Signature,
    /// A key that names whoever was given it.
    ApiKey,
    /// The certificate of the connection (RFC 8446 §4.4.2).
    Certificate,
}

impl Credential {
    /// Its name where it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::Password => "password",
            Self::Signature => "signature",
            Self::ApiKey => "api_key",
            Self::Certificate => "certificate",
        }
    }
}

/// Somebody, in the names of whoever vouches for them. Subjects of two authorities are never the same, nor are a user and a
/// client of the same name (RFC 9700 §4.15).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    authority: Arc<str>,
    kind: SubjectKind,
    name: Box<str>,
}

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// Somebody whom a client acts for.
    User,
    /// A client that acts for itself: its token names it as subject and as client (RFC 9068 §2.2).
    Client,
    /// A program that is part of a system, such as one that has a SPIFFE ID.
    Service,
    /// A thing.
    Device,
}

/// What a token may be used for (RFC 6749 §3.3), sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Box<[Box<str>]>);

impl Identity {
    /// Somebody of whom nothing more is known than the name. It does not end by itself.
    pub fn new(credential: Credential, subject: Subject) -> Self {
        Self {
            credential,
            subject,
            client: None,
            scopes: Scopes::default(),
            claims: Claims::default(),
            expires: None,
        }
    }

    /// The same, presented by this client.
    #[must_use]
    pub fn with_client(self, client: &str) -> Self {
        Self {
            client: Some(client.into()),
            ..self
        }
    }

    /// The same, for these uses.
    #[must_use]
    pub fn with_scopes(self, scopes: Scopes) -> Self {
        Self { scopes, ..self }
    }

    /// The same until then.
    #[must_use]
    pub fn until(self, expires: UnixTime) -> Self {
        Self {
            expires: Some(expires),
            ..self
        }
    }

    /// Whom an access token in the form of RFC 9068 speaks of. `authority` is what its issuer is called here.
    ///
    /// # Errors
    ///
    /// No subject, or a claim of the wrong type.
    pub fn of_access_token(authority: &Arc<str>, token: Accepted) -> Result<Self, Refusal> {
        let claims = token.into_claims();
        let name = claims.subject().ok_or(Refusal::ClaimMissing("sub".into()))?;
        // `azp` is how OpenID Connect names what RFC 9068 calls `client_id`.
        let client = match text(&claims, "client_id")? {
            Some(client) => Some(client),
            None => text(&claims, "azp")?,
        };
        let kind = if client == Some(name) {
            SubjectKind::Client
        } else {
            SubjectKind::User
        };
        Ok(Self {
            credential: Credential::AccessToken,
            subject: Subject::new(Arc::clone(authority), kind, name),
            client: client.map(Into::into),
            scopes: Scopes::of(&claims)?,
            expires: claims.expires(),
            claims,
        })
    }

    /// What proved it.
    pub fn credential(&self) -> Credential {
        self.credential
    }

    /// Who it is.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Which client presents the credential, if that is known.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// What the credential may be used for.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Everything that a token says; nothing for credentials that are no tokens.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// From when on the credential is no longer good; none: it does not end by itself.
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }
}

impl Subject {
    /// Somebody of this name. `authority` is what whoever vouches for the subject is called here.
    pub fn new(authority: Arc<str>, kind: SubjectKind, name: &str) -> Self {
        Self {
            authority,
            kind,
            name: name.into(),
        }
    }

    /// What whoever vouches for the subject is called here.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What it is.
    pub fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// Its name among those of its kind and authority.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind.name(), self.authority, self.name)
    }
}

impl SubjectKind {
    /// Its name where it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Client => "client",
            Self::Service => "service",
            Self::Device => "device",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::User, Self::Client, Self::Service, Self::Device];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

impl Scopes {
    /// `scope` (RFC 9068 §2.2.3), or else `scp`, which some issuers write in its place.
    fn of(claims: &Claims) -> Result<Self, Refusal> {
        let named = match (claims.get("scope"), claims.get("scp")) {
            (Some(Value::String(list)), _) | (None, Some(Value::String(list))) => words(list),
            (None, Some(Value::Array(list))) => list
                .iter()
                .map(|scope| scope.as_str().map(Into::into))
                .collect::<Option<Vec<_>>>()
                .ok_or(Refusal::ClaimInvalid("scp"))?,
            (Some(_), _) => return Err(Refusal::ClaimInvalid("scope")),
            (None, Some(_)) => return Err(Refusal::ClaimInvalid("scp")),
            (None, None) => Vec::new(),
        };
        Ok(Self::new(named))
    }

    /// Those of a list with spaces between them.
    pub fn of_list(list: &str) -> Self {
        Self::new(words(list))
    }

    /// Whether a text is one scope (RFC 6749 §3.3): visible ASCII without quotes and backslashes.
    pub fn is_one(text: &str) -> bool {
        let is_part = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        !text.is_empty() && text.bytes().all(is_part)
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|scope| &**scope)
    }

    /// These, in any order.
    pub fn new(mut scopes: Vec<Box<str>>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes.into())
    }

    /// Whether all of these are among them. Scopes are compared whole, letter by letter.
    pub fn contain<'s>(&self, scopes: impl IntoIterator<Item = &'s str>) -> bool {
        let found = |wanted: &str| self.0.binary_search_by(|own| (**own).cmp(wanted)).is_ok();
        scopes.into_iter().all(found)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

fn words(list: &str) -> Vec<Box<str>> {
    let words = list.split(' ').filter(|word| !word.is_empty());
    words.map(Into::into).collect()
}

fn text<'c>(claims: &'c Claims, name: &'static str) -> Result<Option<&'c str>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::ClaimInvalid(name)),
    }
}
