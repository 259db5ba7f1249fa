//! What the callers of an API may do: as it is written, and settled. The files that are named are read with the contract
//! (`contracts/authorization.rs`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::message::{FieldName, Pointer};
use super::problems::Problems;
use super::spanned::{NamedFile, Spanned};
use super::text::{Location, Name};

/// What the callers of an API may do, beyond the scopes that its contract asks for. With it, nothing is permitted that no role or
/// policy permits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizationWritten {
    /// Files of Cedar policies; relative to the configuration.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) policies: Vec<Spanned<Location>>,
    /// A file of roles and of who has them; relative to the configuration.
    pub(crate) roles: Option<Spanned<Location>>,
    /// A file of entities that policies know beforehand, as Cedar writes them in JSON; relative to the configuration.
    pub(crate) entities: Option<Spanned<Location>>,
    /// The claims of tokens that policies may read as attributes of the principal, and what they are. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) claims: BTreeMap<String, AttributeKind>,
    /// The claim that names the groups of a caller, who is in `Group::"NAME"` of each. Default: none.
    pub(crate) groups_claim: Option<Spanned<String>>,
    /// The types of resources that have attributes, by their names, and what these are. Default: none has any.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) resources: BTreeMap<String, BTreeMap<String, AttributeKind>>,
    /// How callers are named. Default: name, where one issuer, or one list of users, vouches for all callers; else it has to be said.
    pub(crate) subject_ids: Option<SubjectIds>,
}

/// How callers are named in policies.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubjectIds {
    /// By their names: `User::"alice"`.
    Name,
    /// With whoever vouches for them: `User::"main/alice"`.
    Qualified,
}

/// What an attribute is: `string`, `number`, `boolean`, `strings`, or the name of a type, by whose ids it is given.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) enum AttributeKind {
    /// A text.
    String,
    /// An integer.
    Number,
    /// A boolean.
    Boolean,
    /// A set of texts.
    Strings,
    /// Somebody or something of this type.
    Entity(String),
}

/// A resource that a request names: its type, and the one place where its name stands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceWritten {
    /// The type of the resource, as policies name it.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<String>,
    /// A path parameter.
    pub(crate) path: Option<Name>,
    /// A query parameter.
    pub(crate) query: Option<Name>,
    /// A header field.
    pub(crate) header: Option<FieldName>,
    /// A value of a JSON body, by a JSON pointer such as `/account`.
    pub(crate) body: Option<Pointer>,
    /// Lets requests leave it out, which are refused otherwise.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// What the callers of an API may do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Authorization {
    /// Where it is written.
    pub(crate) span: Span,
    /// Cedar policies.
    pub(crate) policies: Vec<NamedFile>,
    /// Roles.
    pub(crate) roles: Option<NamedFile>,
    /// Entities that are known beforehand.
    pub(crate) entities: Option<NamedFile>,
    /// What policies may read of tokens.
    pub(crate) claims: BTreeMap<String, AttributeKind>,
    /// The claim that names groups.
    pub(crate) groups_claim: Option<String>,
    /// Types with their attributes.
    pub(crate) resources: BTreeMap<String, BTreeMap<String, AttributeKind>>,
    /// How callers are named.
    pub(crate) subject_ids: Option<SubjectIds>,
}

/// A resource that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Its type.
    pub(crate) kind: Spanned<String>,
    /// Where its name stands.
    pub(crate) place: Place,
    /// Whether it may be left out.
    pub(crate) optional: bool,
}

/// Where the name of a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A path parameter.
    Path(String),
    /// A query parameter.
    Query(String),
    /// A header field.
    Header(http::HeaderName),
    /// A value of a JSON body.
    Body(String),
}

impl TryFrom<String> for AttributeKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_type = text.bytes().next().is_some_and(|first| first.is_ascii_uppercase());
        match text.as_str() {
            "string" => Ok(Self::String),
            "number" => Ok(Self::Number),
            "boolean" => Ok(Self::Boolean),
            "strings" => Ok(Self::Strings),
            _ if is_type => Ok(Self::Entity(text)),
            _ => Err(format!(
                "`{text}` is none of `string`, `number`, `boolean` and `strings`, nor a type, which begins with a capital"
            )),
        }
    }
}

impl Authorization {
    pub(super) fn lower(written: Spanned<AuthorizationWritten>, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let Spanned { value: raw, span } = written;
        let settled = Self {
            span,
            policies: raw.policies.into_iter().map(|file| file.file(directory)).collect(),
            roles: raw.roles.map(|file| file.file(directory)),
            entities: raw.entities.map(|file| file.file(directory)),
            claims: raw.claims,
            groups_claim: raw.groups_claim.map(|claim| claim.value),
            resources: raw.resources,
            subject_ids: raw.subject_ids,
        };
        if settled.policies.is_empty() && settled.roles.is_none() {
            let message = "nobody decides, so every request would be denied";
            problems.error(span, message, "name a file of `policies`, or of `roles`");
        }
        settled
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let files = self.policies.iter().chain(&self.roles).chain(&self.entities);
        files.map(|file| &file.value)
    }
}

impl ResourceWritten {
    /// Reports a resource without a place, or with two.
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        if self.settle().is_none() {
            let message = format!("`{}` is named in one place", self.kind.value);
            problems.error(
                self.kind.span,
                message,
                "write one of `path`, `query`, `header` and `body`",
            );
        }
    }

    /// None where it has no place, or two.
    pub(super) fn settle(&self) -> Option<Resource> {
        let place = match (&self.path, &self.query, &self.header, &self.body) {
            (Some(name), None, None, None) => Place::Path(name.0.clone()),
            (None, Some(name), None, None) => Place::Query(name.0.clone()),
            (None, None, Some(name), None) => Place::Header(name.0.clone()),
            (None, None, None, Some(pointer)) => Place::Body(pointer.0.clone()),
            _ => return None,
        };
        Some(Resource {
            kind: self.kind.clone(),
            place,
            optional: self.optional,
        })
    }
}
