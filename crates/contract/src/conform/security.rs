//! What an operation says about who may call it: alternatives, each of schemes that are needed together (OpenAPI 3.1
//! §4.8.27, §4.8.30). Nothing is verified here.

use http::HeaderName;

use crate::document::Span;

/// One way in: all of its schemes are needed. Without any, anonymous callers are let in.
pub type Alternative = Vec<Requirement>;

/// One scheme of an alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Which scheme.
    pub scheme: SchemeId,
    /// The scopes, or roles, that the caller needs.
    pub scopes: Vec<Box<str>>,
}

/// The index of a scheme among those of its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemeId(pub u32);

/// A scheme that some operation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityScheme {
    /// What the contract calls it.
    pub name: Box<str>,
    /// What callers present.
    pub kind: SchemeKind,
    /// Where it is declared, or asked for where it is not declared.
    pub span: Span,
}

/// What callers present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemeKind {
    /// `apiKey`
    ApiKey(KeyPlace),
    /// `http` with the scheme `basic` (RFC 7617).
    Basic,
    /// `http` with the scheme `bearer` (RFC 6750).
    Bearer,
    /// `http` with another scheme of the IANA registry, in lower case.
    Http(Box<str>),
    /// `oauth2`: an access token.
    OAuth2,
    /// `openIdConnect`: an access token of the provider that this URL describes.
    OpenIdConnect(Box<str>),
    /// `mutualTLS`: a client certificate.
    MutualTls,
    /// It is not declared, or incomplete: no caller can meet it.
    Unknown,
}

/// Where an API key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a query parameter.
    Query(Box<str>),
    /// In a header field.
    Header(HeaderName),
    /// In a cookie.
    Cookie(Box<str>),
}
