//! What the callers of an API may do, compiled from the files that its configuration names and from its contract: operations become
//! actions, the resources that they name types of resources, claims attributes of principals.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Problem, Severity, Span};
use portcullis_decision::decision::Engine;
use portcullis_decision::engines::cedar::{Cedar, Membership, Source, Text};
use portcullis_decision::engines::roles::{self, RoleModel, Roles};
use portcullis_decision::problem;
use portcullis_decision::schema::{self, Attribute, Description, EntityType, Kind};
use portcullis_gateway::decisions::{self, Decisions, Subjects};
use portcullis_identity::principal::SubjectKind;

use crate::assemble::limits::in_body;
use crate::config::api::Api;
use crate::config::authorization::{AttributeKind, Authorization, Place, Resource, SubjectIds};
use crate::config::policy::Policy;
use crate::config::security::Verifier;
use crate::config::spanned::NamedFile;
use crate::files;

/// The type of groups.
const GROUP: &str = "Group";
/// The type of principals that groups have.
const KINDS: [SubjectKind; 4] = [
    SubjectKind::User,
    SubjectKind::Client,
    SubjectKind::Service,
    SubjectKind::Device,
];

/// An API whose decisions are compiled.
#[derive(Clone, Copy)]
pub(super) struct Compiling<'c> {
    pub(super) api: &'c Api,
    pub(super) document: &'c Document,
    pub(super) contract: &'c Contract,
    /// For each operation of the contract.
    pub(super) policies: &'c [Policy],
    /// The configuration's.
    pub(super) location: &'c str,
}

/// A file that was read.
struct Written {
    name: String,
    text: String,
}

impl Compiling<'_> {
    /// Who decides; none where that is not asked for, or cannot be compiled, which is a problem then.
    pub(super) fn decisions(self, problems: &mut Vec<Problem>) -> Option<Arc<Decisions>> {
        problems.extend(self.resource_problems());
        let authorization = self.api.authorization.as_ref()?;
        problems.extend(self.ambiguous_names(authorization));
        let mut rules = Vec::new();
        let roles = self.roles(authorization, &mut rules, problems);
        let policies = self.policies(authorization, &mut rules, problems);
        let subjects = Subjects {
            claims: claims(authorization).into_iter().map(Into::into).collect(),
            qualified: authorization.subject_ids == Some(SubjectIds::Qualified),
        };
        Some(Arc::new(Decisions::new(roles, policies, None, subjects, rules)))
    }

    /// What describes the API to policies.
    pub(super) fn description(self) -> Description {
        let authorization = self.api.authorization.clone();
        let written = authorization.as_ref();
        let groups = written.and_then(|authorization| authorization.groups_claim.as_deref());
        let named = self.policies.iter().flat_map(|policy| &policy.resources);
        let named = named.map(|resource| resource.kind.value.as_str());
        let with_attributes = written.into_iter().flat_map(|authorization| &authorization.resources);
        let mut types: BTreeMap<&str, Vec<Attribute>> = named.map(|name| (name, Vec::new())).collect();
        types.extend(with_attributes.map(|(name, attributes)| (name.as_str(), attributes_of(attributes))));
        let operations = self.contract.operations.iter().zip(self.policies);
        Description {
            namespace: None,
            principals: principals(written, groups.is_some()),
            resources: types
                .into_iter()
                .map(|(name, attributes)| entity(name, attributes))
                .collect(),
            groups: groups.map(|_| entity(GROUP, Vec::new())).into_iter().collect(),
            operations: operations
                .map(|(declared, policy)| described(declared, policy))
                .collect(),
        }
    }

    fn roles(
        self,
        authorization: &Authorization,
        rules: &mut Vec<Arc<str>>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<dyn Engine>> {
        let file = authorization.roles.as_ref()?;
        let written = self.read(file, problems)?;
        let model: RoleModel = match crate::config::read_as(&written.name, written.text.as_bytes()) {
            Ok(model) => model,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let operations = self.contract.operations.iter().map(|operation| roles::Operation {
            name: operation.name().into_owned(),
            tags: operation.tags.iter().map(|tag| tag.to_string()).collect(),
        });
        match Roles::compile(model, &operations.collect::<Vec<_>>()) {
            Ok(roles) => {
                rules.extend(roles.names().map(Arc::from));
                Some(Arc::new(roles))
            }
            Err(found) => {
                let told =
                    |problem: roles::RoleProblem| Problem::error(&*written.name, first_line(), problem.to_string());
                problems.extend(found.into_iter().map(told));
                None
            }
        }
    }

    fn policies(
        self,
        authorization: &Authorization,
        rules: &mut Vec<Arc<str>>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<dyn Engine>> {
        if authorization.policies.is_empty() {
            return None;
        }
        let schema = match schema::generate(&self.description()) {
            Ok(schema) => schema,
            Err(found) => {
                let told = |problem: schema::SchemaProblem| {
                    Problem::error(self.location, authorization.span, problem.to_string())
                };
                problems.extend(found.into_iter().map(told));
                return None;
            }
        };
        let read: Vec<Option<Written>> = authorization
            .policies
            .iter()
            .map(|file| self.read(file, problems))
            .collect();
        let read: Vec<Written> = read.into_iter().collect::<Option<_>>()?;
        let entities = match &authorization.entities {
            Some(file) => Some(self.read(file, problems)?),
            None => None,
        };
        let memberships = authorization.groups_claim.iter().map(|claim| Membership {
            property: claim.clone(),
            kind: GROUP.to_owned(),
        });
        let source = Source {
            policies: read.iter().map(Written::text).collect(),
            schema: Some(Text {
                name: "schema",
                text: &schema,
            }),
            entities: entities.as_ref().map(Written::text),
            subject_memberships: memberships.collect(),
            ..Source::default()
        };
        match Cedar::compile(&source) {
            Ok((cedar, warnings)) => {
                problems.extend(warnings.into_iter().map(|problem| self.placed(problem, authorization)));
                rules.extend(cedar.ids().map(Arc::clone));
                Some(Arc::new(cedar))
            }
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| self.placed(problem, authorization)));
                None
            }
        }
    }

    /// Reads a file; none where it cannot be, which is a problem then.
    fn read(self, file: &NamedFile, problems: &mut Vec<Problem>) -> Option<Written> {
        let read = files::local(&file.value);
        let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
        match text {
            Ok(text) => Some(Written {
                name: file.value.to_string_lossy().into_owned(),
                text,
            }),
            Err(error) => {
                let message = format!("cannot read `{}`: {error}", Path::display(&file.value));
                problems.push(Problem::error(self.location, file.span, message));
                None
            }
        }
    }

    fn placed(self, problem: problem::Problem, authorization: &Authorization) -> Problem {
        let (location, span) = match &problem.place {
            Some(place) => (place.file.clone(), span(place)),
            None => (self.location.to_owned(), authorization.span),
        };
        let placed = Problem::error(location, span, problem.message).help(problem.help.unwrap_or_default());
        let severity = match problem.severity {
            problem::Severity::Error => Severity::Error,
            problem::Severity::Warning => Severity::Warning,
        };
        Problem { severity, ..placed }
    }

    /// Names of callers that two could have.
    fn ambiguous_names(self, authorization: &Authorization) -> Option<Problem> {
        if authorization.subject_ids.is_some() {
            return None;
        }
        let authorities = self.authorities();
        let mut names = authorities.iter();
        let (Some(one), Some(other)) = (names.next(), names.next()) else {
            return None;
        };
        let message = format!("`{one}` and `{other}` may both know somebody of the same name");
        let help = "write `subject_ids: qualified`, so that policies name `User::\"main/alice\"`; or `name`, where the same name is the same \
                    caller";
        Some(Problem::error(self.location, authorization.span, message).help(help))
    }

    /// Whoever vouches for callers of the API.
    fn authorities(self) -> BTreeSet<String> {
        let mut authorities = BTreeSet::new();
        for scheme in self.api.security_schemes.values() {
            let own = || "credentials".to_owned();
            match &scheme.value.verifier {
                Verifier::Tokens { own: is_own, issuers } => {
                    authorities.extend(issuers.iter().cloned());
                    authorities.extend(is_own.then(own));
                }
                Verifier::ApiKeys { .. } => drop(authorities.insert(own())),
                Verifier::Users(name) | Verifier::Signers(name) | Verifier::ClientCertificates(name) => {
                    authorities.insert(name.clone());
                }
                Verifier::Upstream => {}
            }
        }
        authorities
    }

    /// Resources that nobody decides on, and those that a request cannot name.
    fn resource_problems(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (declared, policy) in self.contract.operations.iter().zip(self.policies) {
            for resource in &policy.resources {
                let at = |message: String| self.document.problem(resource.kind.span, message);
                let decides = |authorization: &&Authorization| !authorization.policies.is_empty();
                if self.api.authorization.as_ref().filter(decides).is_none() {
                    let message = format!("nobody decides who may touch a `{}`", resource.kind.value);
                    problems.push(at(message).help("name `policies` below `authorization` of the API"));
                }
                if let Err(message) = is_named(resource, self.contract, declared) {
                    problems.push(at(message).help("name what the operation declares"));
                }
            }
        }
        problems.dedup();
        problems
    }
}

impl Written {
    fn text(&self) -> Text<'_> {
        Text {
            name: &self.name,
            text: &self.text,
        }
    }
}

/// Whether an operation declares the place where a resource is named.
fn is_named(resource: &Resource, contract: &Contract, declared: &Operation) -> Result<(), String> {
    let parameters = &declared.parameters;
    let undeclared = |what: &str, name: &str| Err(format!("`{}` has no {what} `{name}`", declared.name()));
    match &resource.place {
        Place::Path(name) if !parameters.path.iter().any(|(_, parameter)| *parameter.name == **name) => {
            undeclared("path parameter", name)
        }
        Place::Query(name) if !parameters.query.iter().any(|parameter| *parameter.name == **name) => {
            undeclared("query parameter", name)
        }
        Place::Header(name)
            if !parameters
                .header
                .iter()
                .any(|parameter| parameter.name.eq_ignore_ascii_case(name.as_str())) =>
        {
            undeclared("header field", name.as_str())
        }
        Place::Body(pointer) if in_body(contract, declared, pointer).is_none() => {
            undeclared("JSON body or form with", pointer)
        }
        _ => Ok(()),
    }
}

/// What of a token's claims is told to those who decide.
fn claims(authorization: &Authorization) -> BTreeSet<&str> {
    let declared = authorization.claims.keys().map(String::as_str);
    declared.chain(authorization.groups_claim.as_deref()).collect()
}

fn principals(written: Option<&Authorization>, in_groups: bool) -> Vec<EntityType> {
    let mut known = vec![
        attribute("authority", Kind::String, true),
        attribute("credentials", Kind::Set(Box::new(Kind::String)), true),
        attribute("scopes", Kind::Set(Box::new(Kind::String)), true),
        attribute("client", Kind::String, false),
    ];
    if let Some(authorization) = written {
        let own: BTreeSet<String> = known.iter().map(|attribute| attribute.name.clone()).collect();
        let claims = attributes_of(&authorization.claims);
        known.extend(claims.into_iter().filter(|claim| !own.contains(&claim.name)));
    }
    let member_of: Vec<String> = in_groups.then(|| GROUP.to_owned()).into_iter().collect();
    let of_kind = |kind: SubjectKind| EntityType {
        name: decisions::kind(kind).to_owned(),
        member_of: member_of.clone(),
        attributes: known.clone(),
    };
    let (anonymous, _) = decisions::ANONYMOUS;
    KINDS
        .into_iter()
        .map(of_kind)
        .chain([entity(anonymous, Vec::new())])
        .collect()
}

fn described(declared: &Operation, policy: &Policy) -> schema::Operation {
    let resources: BTreeSet<&String> = policy.resources.iter().map(|resource| &resource.kind.value).collect();
    schema::Operation {
        name: declared.name().into_owned(),
        tags: declared.tags.iter().map(|tag| tag.to_string()).collect(),
        resources: resources.into_iter().cloned().collect(),
        context: Vec::new(),
    }
}

fn attributes_of(written: &BTreeMap<String, AttributeKind>) -> Vec<Attribute> {
    let of = |(name, kind): (&String, &AttributeKind)| {
        let kind = match kind {
            AttributeKind::String => Kind::String,
            AttributeKind::Number => Kind::Long,
            AttributeKind::Boolean => Kind::Bool,
            AttributeKind::Strings => Kind::Set(Box::new(Kind::String)),
            AttributeKind::Entity(name) => Kind::Entity(name.clone()),
        };
        attribute(name, kind, false)
    };
    written.iter().map(of).collect()
}

fn attribute(name: &str, kind: Kind, required: bool) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind,
        required,
    }
}

fn entity(name: &str, attributes: Vec<Attribute>) -> EntityType {
    EntityType {
        name: name.to_owned(),
        member_of: Vec::new(),
        attributes,
    }
}

fn span(place: &problem::Place) -> Span {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Span {
        line: number(place.line),
        column: number(place.column),
        ..Span::default()
    }
}

fn first_line() -> Span {
    Span {
        line: 1,
        column: 1,
        ..Span::default()
    }
}
