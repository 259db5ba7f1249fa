//! What the callers of an API may do: as it is written, and settled. The files that are named are read with the contract
//! (`contracts/authorization.rs`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::parameter::Parameter;
use portcullis_contract::document::Span;
use portcullis_gateway::decisions::KNOWN;
use schemars::JsonSchema;
use serde::Deserialize;

use super::elsewhere::{self, Asked, DecisionPoint, Lookup, LookupWritten, PointElsewhereWritten};
use super::message::{FieldName, Pointer};
use super::problems::Problems;
use super::rego::{Rego, RegoWritten};
use super::spanned::{NamedFile, Spanned};
use super::text::{Location, Name};

/// What the callers of an API may do, beyond the scopes that its contract asks for. With it, nothing is permitted that no role,
/// policy or relation permits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizationWritten {
    /// Files of Cedar policies; relative to the configuration.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) policies: Vec<Spanned<Location>>,
    /// Policies in Rego, in a program that was built with them (`--features rego`). Default: none.
    pub(crate) rego: Option<Spanned<RegoWritten>>,
    /// A file of roles and of who has them; relative to the configuration.
    pub(crate) roles: Option<Spanned<Location>>,
    /// A file of grants: which relations permit which operations on which resources; relative to the configuration. Where the relations
    /// are kept, `relations` beside `apis` says.
    pub(crate) relations: Option<Spanned<Location>>,
    /// A file of entities that policies know beforehand, as Cedar writes them in JSON; relative to the configuration.
    pub(crate) entities: Option<Spanned<Location>>,
    /// The claims of tokens that policies may read as attributes of the principal, and what they are. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) claims: BTreeMap<String, Spanned<AttributeKind>>,
    /// The claim that names the groups of a caller, who is in `Group::"NAME"` of each. Default: none.
    pub(crate) groups_claim: Option<Spanned<String>>,
    /// The types of resources that have attributes, by their names, and what these are. Default: none has any.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) resources: Types,
    /// Where attributes of resources come from, besides `entities`. Default: nowhere.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) lookups: Vec<LookupWritten>,
    /// Decision points elsewhere that have a say. Default: none.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) decision_points: Vec<PointElsewhereWritten>,
    /// How callers are named. Default: name, where one issuer, or one list of users, vouches for all callers; else it has to be said.
    pub(crate) subject_ids: Option<SubjectIds>,
}

/// Types of resources, by their names, with their attributes.
pub(crate) type Types = BTreeMap<String, Spanned<BTreeMap<String, Spanned<AttributeKind>>>>;

/// How callers are named in policies.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubjectIds {
    /// By their names: `User::"alice"`.
    Name,
    /// With whoever vouches for them: `User::"main/alice"`.
    Qualified,
}

/// What an attribute is: `string`, `number`, `boolean`, `strings`, the name of a type, by whose ids it is given, or several of such a
/// type, as in `Set<User>`.
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
    /// A set of those.
    Entities(String),
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
    /// A value of a JSON body, by a JSON pointer such as `/account`; in it `*` is every item of an array, as in `/payments/*/account`.
    pub(crate) body: Option<Pointer>,
    /// Lets requests leave it out, which are refused otherwise.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// Policies, roles or entities.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rules {
    /// In a file.
    File(NamedFile),
    /// In the program itself. No configuration says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo brings its own"))]
    InMemory {
        /// What they are called in problems.
        name: &'static str,
        /// What they say.
        text: &'static str,
    },
}

/// What the callers of an API may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Authorization {
    /// Where it is written.
    pub(crate) span: Span,
    /// Cedar policies.
    pub(crate) policies: Vec<Rules>,
    /// Policies in Rego.
    pub(crate) rego: Option<Rego>,
    /// Roles.
    pub(crate) roles: Option<Rules>,
    /// What relations permit.
    pub(crate) relations: Option<Rules>,
    /// Entities that are known beforehand.
    pub(crate) entities: Option<Rules>,
    /// What policies may read of tokens.
    pub(crate) claims: BTreeMap<String, Spanned<AttributeKind>>,
    /// The claim that names groups.
    pub(crate) groups_claim: Option<String>,
    /// Types with their attributes.
    pub(crate) resources: Types,
    /// Where attributes come from.
    pub(crate) lookups: Vec<Lookup>,
    /// Decision points elsewhere.
    pub(crate) decision_points: Vec<DecisionPoint>,
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

impl Place {
    /// The path in a JSON body that it is, if it is one.
    pub(crate) fn body(&self) -> Option<&str> {
        match self {
            Self::Body(path) => Some(path),
            Self::Path(_) | Self::Query(_) | Self::Header(_) => None,
        }
    }

    /// The parameter of an operation that it is; none where it is no parameter, or none that is declared.
    pub(crate) fn parameter<'d>(&self, declared: &'d Operation) -> Option<&'d Parameter> {
        let parameters = &declared.parameters;
        match self {
            Self::Path(name) => {
                let mut in_path = parameters.path.iter().map(|(_, parameter)| parameter);
                in_path.find(|parameter| *parameter.name == **name)
            }
            Self::Query(name) => parameters.query.iter().find(|parameter| *parameter.name == **name),
            Self::Header(name) => {
                let mut in_header = parameters.header.iter();
                in_header.find(|parameter| parameter.name.eq_ignore_ascii_case(name.as_str()))
            }
            Self::Body(_) => None,
        }
    }
}

impl TryFrom<String> for AttributeKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_type = |name: &str| name.bytes().next().is_some_and(|first| first.is_ascii_uppercase());
        let of_set = text.strip_prefix("Set<").and_then(|rest| rest.strip_suffix('>'));
        match text.as_str() {
            "string" => Ok(Self::String),
            "number" => Ok(Self::Number),
            "boolean" => Ok(Self::Boolean),
            "strings" => Ok(Self::Strings),
            _ => match of_set {
                Some(name) if is_type(name) => Ok(Self::Entities(name.to_owned())),
                None if is_type(&text) => Ok(Self::Entity(text)),
                _ => Err(format!(
                    "`{text}` is none of `string`, `number`, `boolean` and `strings`, nor a type, which begins with a capital, nor a set \
                     such as `Set<User>`"
                )),
            },
        }
    }
}

impl Authorization {
    pub(super) fn lower(written: Spanned<AuthorizationWritten>, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let Spanned { value: raw, span } = written;
        let kinds = raw.lookups.iter().map(|lookup| &lookup.resource);
        elsewhere::check_names(kinds.map(|kind| (kind.value.as_str(), kind.span)), problems);
        let names = raw.decision_points.iter().map(|point| &point.name);
        elsewhere::check_names(names.map(|name| (name.value.0.as_str(), name.span)), problems);
        let lookups = raw.lookups.into_iter();
        let lookups = lookups.filter_map(|lookup| lookup.lower(&raw.resources, directory, problems));
        let lookups = lookups.collect();
        let has_points = !raw.decision_points.is_empty();
        let points = raw.decision_points.into_iter();
        let decision_points: Vec<_> = points.filter_map(|point| point.lower(directory, problems)).collect();
        let rules = |file: Spanned<Location>| Rules::File(file.file(directory));
        let settled = Self {
            span,
            policies: raw.policies.into_iter().map(rules).collect(),
            rego: raw.rego.map(|rego| Rego::lower(rego, directory, problems)),
            roles: raw.roles.map(rules),
            relations: raw.relations.map(rules),
            entities: raw.entities.map(rules),
            claims: raw.claims,
            groups_claim: raw.groups_claim.map(|claim| claim.value),
            resources: raw.resources,
            lookups,
            decision_points,
            subject_ids: raw.subject_ids,
        };
        let groups = settled.groups_claim.iter();
        for claim in settled.claims.keys().chain(groups) {
            if KNOWN.contains(&claim.as_str()) {
                let message = format!("`{claim}` is what the gate itself knows of a caller, and no claim can say");
                problems.error(span, message, "leave it out: policies can read it as it is");
            }
        }
        let somebody = settled.decides_resources() || settled.roles.is_some();
        if !somebody && !has_points {
            let message = "nobody decides, so every request would be denied";
            problems.error(
                span,
                message,
                "name a file of `policies`, of `roles`, or of `relations`, or `rego` or `decision_points`",
            );
        }
        settled
    }
    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let rules = self.policies.iter().chain(&self.roles).chain(&self.relations);
        let rules = rules
            .chain(&self.entities)
            .chain(self.rego.iter().flat_map(Rego::rules));
        let asked = self.lookups.iter().map(|lookup| &lookup.asked);
        let asked = asked.chain(self.decision_points.iter().map(|point| &point.asked));
        rules.filter_map(Rules::file).chain(asked.filter_map(Asked::file))
    }

    /// Whether anybody elsewhere is asked.
    pub(crate) fn asks(&self) -> bool {
        !self.lookups.is_empty() || !self.decision_points.is_empty()
    }

    /// Whether anybody elsewhere is asked about resources of this type.
    pub(crate) fn asks_about(&self, kind: &str) -> bool {
        !self.decision_points.is_empty() || self.lookups.iter().any(|lookup| lookup.kind == kind)
    }

    /// Whether anybody decides about resources.
    pub(crate) fn decides_resources(&self) -> bool {
        let here = !self.policies.is_empty() || self.rego.is_some() || self.relations.is_some();
        here || !self.decision_points.is_empty()
    }
}

impl Rules {
    /// Where the file that they are in is named, if they are in one.
    pub(super) fn span(&self) -> Option<Span> {
        match self {
            Self::File(file) => Some(file.span),
            Self::InMemory { .. } => None,
        }
    }

    /// The file that they are in, if they are in one.
    fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) => Some(&file.value),
            Self::InMemory { .. } => None,
        }
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
        Some(Resource {
            kind: self.kind.clone(),
            place: place(
                self.path.as_ref(),
                self.query.as_ref(),
                self.header.as_ref(),
                self.body.as_ref(),
            )?,
            optional: self.optional,
        })
    }
}

/// The one place that is written; none where there is none, or two.
pub(super) fn place(
    path: Option<&Name>,
    query: Option<&Name>,
    header: Option<&FieldName>,
    body: Option<&Pointer>,
) -> Option<Place> {
    match (path, query, header, body) {
        (Some(name), None, None, None) => Some(Place::Path(name.0.clone())),
        (None, Some(name), None, None) => Some(Place::Query(name.0.clone())),
        (None, None, Some(name), None) => Some(Place::Header(name.0.clone())),
        (None, None, None, Some(pointer)) => Some(Place::Body(pointer.0.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_attributes() {
        let check = |text: &str, expected: Option<AttributeKind>| {
            assert_eq!(AttributeKind::try_from(text.to_owned()).ok(), expected, "{text}");
        };
        check("strings", Some(AttributeKind::Strings));
        check("User", Some(AttributeKind::Entity("User".to_owned())));
        check("Set<User>", Some(AttributeKind::Entities("User".to_owned())));
        for none in ["user", "Set<>", "Set<string>", "Set<user>", "set<User>", ""] {
            check(none, None);
        }
    }
}
