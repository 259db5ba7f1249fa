//! What the callers of an API may do, compiled from the files that its configuration names and from its contract: operations become
//! actions, the resources that they name types of resources, claims attributes of principals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::{SchemaId, TypeSet};
use portcullis_contract::conform::media_type::Kind as Media;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::response::Response;
use portcullis_contract::document::{Document, Problem, Severity, Span};
use portcullis_decision::decision::{Engine, Rule};
use portcullis_decision::engines;
use portcullis_decision::engines::cedar::{self, Cedar, Membership, Source, Text};
use portcullis_decision::problem;
use portcullis_decision::schema::{self, Attribute, Description, EntityType, Kind};
use portcullis_gateway::decisions::{self, Decisions, Others, Subjects};
use portcullis_identity::principal::SubjectKind;

use super::relations::Granted;
use super::rules::Written;
use super::{admin, names};
use crate::assemble::limits::names_of;
use crate::config::api::Api;
use crate::config::authorization::{AttributeKind, Authorization, SubjectIds};
use crate::config::collection::Collection;
use crate::config::policy::Policy;
use crate::config::security::Verifier;
use crate::config::spanned::Spanned;
use crate::relations::Kept;

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
    /// The relations of the configuration, where their model can be used.
    pub(super) relations: Option<&'c Arc<Kept>>,
}

impl Compiling<'_> {
    /// Who decides; none where that is not asked for, or cannot be compiled, which is a problem then.
    pub(super) fn decisions(self, granted: Option<&Granted>, problems: &mut Vec<Problem>) -> Option<Arc<Decisions>> {
        problems.extend(self.resource_problems());
        problems.extend(self.value_problems());
        problems.extend(self.collection_problems());
        let Some(authorization) = &self.api.authorization else {
            problems.extend(admin::unknown(self.api, self.contract, &BTreeSet::new(), self.location));
            return None;
        };
        problems.extend(self.ambiguous_names(authorization));
        problems.extend(self.type_problems(authorization));
        let mut rules = Vec::new();
        let roles = self.roles(authorization, &mut rules, problems);
        if authorization.roles.is_none() || roles.is_some() {
            let names = roles.iter().flat_map(|roles| roles.names()).collect();
            problems.extend(admin::unknown(self.api, self.contract, &names, self.location));
        }
        let cedar = self.policies(authorization, &mut rules, problems);
        let rego = self.rego(authorization, &mut rules, problems);
        let mut claims = claims(authorization);
        claims.extend(roles.iter().flat_map(|roles| roles.claims()));
        let subjects = Subjects {
            claims: claims.into_iter().map(Into::into).collect(),
            qualified: authorization.subject_ids == Some(SubjectIds::Qualified),
        };
        let roles = roles.map(|roles| roles as Arc<dyn Engine>);
        let others = Others {
            fetched: authorization
                .lookups
                .iter()
                .map(|lookup| lookup.kind.as_str().into())
                .collect(),
            points: !authorization.decision_points.is_empty(),
        };
        let related = granted.iter().flat_map(|granted| granted.rules.iter());
        rules.extend(related.map(|rule| Rule::new(engines::relations::NAME, rule)));
        let relations = granted.map(|granted| Arc::clone(&granted.engine));
        let policies = cedar.into_iter().chain(rego).collect();
        let decisions = Decisions::new(roles, policies, relations, subjects, rules);
        Some(Arc::new(decisions.beside(others)))
    }

    /// What describes the API to policies.
    pub(super) fn description(self) -> Description {
        let written = self.api.authorization.as_ref();
        let groups = written.and_then(|authorization| authorization.groups_claim.as_deref());
        let named = self.policies.iter().flat_map(|policy| &policy.resources);
        let listed = self.policies.iter().flat_map(|policy| &policy.collection);
        let named = named
            .map(|resource| &resource.kind)
            .chain(listed.map(|listed| &listed.kind));
        let named = named.map(|kind| kind.value.as_str());
        let with_attributes = written.into_iter().flat_map(|authorization| &authorization.resources);
        let mut types: BTreeMap<&str, Vec<Attribute>> = named.map(|name| (name, Vec::new())).collect();
        types.extend(with_attributes.map(|(name, written)| (name.as_str(), attributes_of(&written.value))));
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
                .map(|(declared, policy)| self.described(declared, policy))
                .collect(),
        }
    }

    fn described(self, declared: &Operation, policy: &Policy) -> schema::Operation {
        let name = declared.name();
        let listing = self.contract.operations.iter().zip(self.policies);
        let listed = listing.filter_map(|(by, policy)| {
            let listed = policy.collection.as_ref()?;
            let asks_here = listed
                .action
                .as_ref()
                .map_or(by.name() == name, |action| *action == name);
            asks_here.then_some(&listed.kind)
        });
        let listed: Vec<_> = listed.collect();
        let told = self.told(declared, policy, !listed.is_empty());
        let named = policy.resources.iter().map(|resource| &resource.kind);
        let named = named.chain(listed).map(|kind| kind.value.as_str());
        // Where all of them may be left out, whoever does asks about the API.
        let api = policy.resources.iter().all(|resource| resource.optional);
        let resources: BTreeSet<&str> = named.chain(api.then_some(decisions::API)).collect();
        schema::Operation {
            name: name.into_owned(),
            tags: declared.tags.iter().map(|tag| tag.to_string()).collect(),
            resources: resources.into_iter().map(str::to_owned).collect(),
            context: told.into_iter().collect(),
        }
    }

    fn policies(
        self,
        authorization: &Authorization,
        rules: &mut Vec<Rule>,
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
                // Types that there are not are told of at their places.
                let is_untold = |problem: &schema::SchemaProblem| !matches!(problem, schema::SchemaProblem::Unknown(_));
                problems.extend(found.into_iter().filter(is_untold).map(told));
                return None;
            }
        };
        let read: Vec<Option<Written>> = authorization
            .policies
            .iter()
            .map(|rules| self.rules(rules, problems))
            .collect();
        let read: Vec<Written> = read.into_iter().collect::<Option<_>>()?;
        let entities = match &authorization.entities {
            Some(rules) => Some(self.rules(rules, problems)?),
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
                rules.extend(cedar.ids().map(|id| Rule::new(cedar::NAME, id)));
                Some(Arc::new(cedar))
            }
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| self.placed(problem, authorization)));
                None
            }
        }
    }

    pub(super) fn placed(self, problem: problem::Problem, authorization: &Authorization) -> Problem {
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

    /// Lists of resources that nobody decides on, or that ask for what there is not.
    fn collection_problems(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (declared, policy) in self.contract.operations.iter().zip(self.policies) {
            let Some(listed) = &policy.collection else { continue };
            let kind = &listed.kind.value;
            let mut told = |message: String, help: &str| {
                problems.push(self.document.problem(listed.kind.span, message).help(help));
            };
            let is_action = |action: &String| self.contract.operations.iter().any(|other| other.name() == *action);
            if let Some(action) = listed.action.as_ref().filter(|action| !is_action(action)) {
                told(
                    format!("`{action}` is no operation"),
                    "name the operation that reads an item",
                );
            }
            let decides = |authorization: &&Authorization| authorization.decides_resources();
            let Some(authorization) = self.api.authorization.as_ref().filter(decides) else {
                let message = format!("nobody decides who may see a `{kind}`");
                told(message, "name `policies` below `authorization` of the API");
                continue;
            };
            if authorization.asks_about(kind) {
                let message =
                    format!("who may see a `{kind}` is asked elsewhere, and not about lists: nobody would see any");
                told(message, "leave out `collection`, or the lookup or decision points");
            }
            let known = authorization.resources.get(kind);
            for name in listed.attributes.keys() {
                if !known.is_some_and(|known| known.value.contains_key(name)) {
                    let message = format!("a `{kind}` has no attribute `{name}`");
                    told(
                        message,
                        "say what it is in `resources` below `authorization` of the API",
                    );
                }
            }
            if !declares_items(self.contract, declared, &listed.items) {
                let message = format!("no answer of `{}` has an array at `{}`", declared.name(), listed.items);
                told(message, "point to where a successful answer is declared to list them");
                continue;
            }
            problems.extend(
                undeclared(self.contract, declared, listed)
                    .into_iter()
                    .map(|(what, pointer)| {
                        let message = format!("no answer of `{}` declares {what} at `{pointer}`", declared.name());
                        let help = "point to what the answer declares, or is sent without being declared";
                        let span = listed.kind.span;
                        Problem::warning(self.document.location(span.file), span, message).help(help)
                    }),
            );
        }
        problems.dedup();
        problems
    }

    /// Resources that nobody decides on, and those that a request cannot name.
    fn resource_problems(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (declared, policy) in self.contract.operations.iter().zip(self.policies) {
            for resource in &policy.resources {
                let at = |message: String| self.document.problem(resource.kind.span, message);
                let written = self.api.authorization.as_ref();
                if !written.is_some_and(Authorization::decides_resources) {
                    let message = format!("nobody decides who may touch a `{}`", resource.kind.value);
                    let help =
                        "name `policies`, `rego`, `relations` or `decision_points` below `authorization` of the API";
                    problems.push(at(message).help(help));
                }
                match names::problem(self.document, self.contract, declared, resource) {
                    Some(problem) => problems.push(problem),
                    None => problems.extend(names::unrequired(self.document, self.contract, declared, resource)),
                }
            }
        }
        problems.dedup();
        problems
    }
}

/// What of a token's claims is told to those who decide.
fn claims(authorization: &Authorization) -> BTreeSet<&str> {
    let declared = authorization.claims.keys().map(String::as_str);
    declared.chain(authorization.groups_claim.as_deref()).collect()
}

fn principals(written: Option<&Authorization>, in_groups: bool) -> Vec<EntityType> {
    let [authority, credentials, scopes, client] = decisions::KNOWN;
    let mut known = vec![
        attribute(authority, Kind::String, true),
        attribute(credentials, Kind::Set(Box::new(Kind::String)), true),
        attribute(scopes, Kind::Set(Box::new(Kind::String)), true),
        attribute(client, Kind::String, false),
    ];
    known.extend(
        written
            .iter()
            .flat_map(|authorization| attributes_of(&authorization.claims)),
    );
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

/// Whether a successful answer of the operation may have an array there.
fn declares_items(contract: &Contract, declared: &Operation, pointer: &str) -> bool {
    let names: Vec<String> = names_of(pointer).collect();
    let step = |schema: SchemaId, name: &String| contract.program.property(schema, name);
    let program = &contract.program;
    let is_array = |schema: SchemaId| program.types(schema).intersects(TypeSet::ARRAY);
    json_answers(declared).any(|schema| names.iter().try_fold(schema, step).is_some_and(is_array))
}

/// Where a collection looks in answers and in their items for what no successful answer declares, and for what.
fn undeclared<'l>(contract: &Contract, declared: &Operation, listed: &'l Collection) -> Vec<(String, &'l str)> {
    let program = &contract.program;
    let schemas: Vec<SchemaId> = json_answers(declared).collect();
    let at = |schema: SchemaId, pointer: &str| {
        let mut names = names_of(pointer);
        names.try_fold(schema, |schema, name| program.property(schema, &name))
    };
    let items = schemas
        .iter()
        .filter_map(|schema| program.item(at(*schema, &listed.items)?, 0));
    let items: Vec<SchemaId> = items.collect();
    let is_declared = |within: &[SchemaId], pointer: &str| within.iter().any(|schema| at(*schema, pointer).is_some());
    let of_items = listed.attributes.iter();
    let of_items = of_items.map(|(name, pointer)| (format!("the attribute `{name}` of its items"), pointer));
    let of_items = of_items.chain([("the id of its items".to_owned(), &listed.id)]);
    // Of items that may be anything, nothing is undeclared.
    let of_items = of_items.filter(|(_, pointer)| !items.is_empty() && !is_declared(&items, pointer));
    let counts = listed
        .counts
        .iter()
        .map(|pointer| ("the number of items".to_owned(), pointer));
    let links = listed.links.iter().map(|pointer| ("a link".to_owned(), pointer));
    let of_answers = counts
        .chain(links)
        .filter(|(_, pointer)| !is_declared(&schemas, pointer));
    let all = of_items.chain(of_answers);
    all.map(|(what, pointer)| (what, pointer.as_str())).collect()
}

/// The schemas of successful answers in JSON.
fn json_answers(declared: &Operation) -> impl Iterator<Item = SchemaId> {
    let is_success = |response: &&Response| response.declared.starts_with('2') || *response.declared == *"default";
    let successful = declared.responses.iter().filter(is_success);
    let entries = successful.flat_map(|response| response.contents.entries());
    entries
        .filter(|entry| entry.kind() == Media::Json)
        .map(|entry| entry.schema)
}

fn attributes_of(written: &BTreeMap<String, Spanned<AttributeKind>>) -> Vec<Attribute> {
    let of = |(name, kind): (&String, &Spanned<AttributeKind>)| {
        let kind = match &kind.value {
            AttributeKind::String => Kind::String,
            AttributeKind::Number => Kind::Long,
            AttributeKind::Boolean => Kind::Bool,
            AttributeKind::Strings => Kind::Set(Box::new(Kind::String)),
            AttributeKind::Entity(name) => Kind::Entity(name.clone()),
            AttributeKind::Entities(name) => Kind::Set(Box::new(Kind::Entity(name.clone()))),
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
