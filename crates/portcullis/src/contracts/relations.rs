//! What relations permit at an API, and what is learnt of them from its answers: compiled from the file of grants and from the contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_contract::conform::media_type::Kind;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::Problem;
use portcullis_contract::document::Span;
use portcullis_decision::askable::{Askable, Unasked};
use portcullis_decision::decision::Engine;
use portcullis_decision::engines::relations::{Grants, Related};
use portcullis_decision::relations::{Model, Object, PathPart, Subject, Tuple};
use portcullis_decision::schema;

use super::authorization::Compiling;
use super::{names, types};
use crate::config;
use crate::config::authorization::{Place, Resource};
use crate::config::learning::{Id, Learning};
use crate::config::raw::Mode;
use crate::config::spanned::Spanned;
use crate::relations::{Kept, at};

/// What relations permit at an API.
pub(crate) struct Granted {
    /// The relations.
    pub(crate) kept: Arc<Kept>,
    /// The model's type for a type of callers.
    pub(crate) subjects: BTreeMap<String, String>,
    /// Who decides.
    pub(super) engine: Arc<dyn Engine>,
    /// The relations that permit something, by their names.
    pub(super) rules: Vec<Arc<str>>,
}

impl Compiling<'_> {
    /// What relations permit; none where nothing is said of that, or it cannot be compiled, which is a problem then.
    pub(super) fn granted(self, problems: &mut Vec<Problem>) -> Option<Granted> {
        let file = self.api.authorization.as_ref()?.relations.as_ref()?;
        // A model that cannot be used was told of where it was read.
        let kept = self.relations?;
        let written = self.rules(file, problems)?;
        let read = config::read_placed::<Grants>(&written.name, written.text.as_bytes());
        let (grants, root) = match read {
            Ok(read) => read,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let names: Vec<_> = self.contract.operations.iter().map(Operation::name).collect();
        let is_action = |name: &str| names.iter().any(|known| *known == *name);
        let named = |grant: &portcullis_decision::engines::relations::Grant| {
            let kind = grant.kind.as_ref().unwrap_or(&grant.resource);
            Arc::from(format!("{kind}#{}", grant.relation))
        };
        let rules = grants.grants.iter().map(named).collect();
        let subjects = grants.subjects.clone();
        let place = |path: &[PathPart]| (&*written.name, at(&root, path));
        problems.extend(self.grant_types(&grants, &place));
        match Related::compile(grants, &is_action, kept.model(), Arc::clone(kept) as _) {
            Ok(related) => Some(Granted {
                kept: Arc::clone(kept),
                subjects,
                engine: Arc::new(related),
                rules,
            }),
            Err(found) => {
                let told = found
                    .iter()
                    .map(|problem| Problem::error(&*written.name, at(&root, &problem.path()), problem.to_string()));
                problems.extend(told);
                None
            }
        }
    }

    /// Types of callers and of resources that there are not, or that nobody asks about: such grants permit nothing.
    fn grant_types<'n>(self, grants: &Grants, place: &dyn Fn(&[PathPart]) -> (&'n str, Span)) -> Vec<Problem> {
        let description = self.description();
        let told = |path: &[PathPart], message: String| {
            let (file, span) = place(path);
            Problem::error(file, span, message)
        };
        let member = |name: &str| PathPart::Member(name.into());
        let callers: Vec<&str> = description.principals.iter().map(|one| one.name.as_str()).collect();
        let unknown = grants.subjects.keys().filter(|kind| !callers.contains(&kind.as_str()));
        let unknown = unknown.map(|kind| {
            let path = [member("subjects"), PathPart::Name(kind.as_str().into())];
            told(&path, format!("no caller is a `{kind}`")).help(types::meant(kind, &callers))
        });
        let mut problems: Vec<Problem> = unknown.collect();
        let askable = Askable::of(&description, &self.api.name, []);
        for (number, grant) in grants.grants.iter().enumerate() {
            let path = |name: &str| [member("grants"), PathPart::Item(number), member(name)];
            if grant.resource == schema::API {
                let message = "relations decide on the resources that a request names, and never on the `Api`";
                problems.push(told(&path("resource"), message.to_owned()).help("let a role or a policy permit it"));
                continue;
            }
            let mut unasked = grant.actions.iter();
            let unasked = unasked.find_map(|action| types::never_asked(&askable, action, &grant.resource));
            problems.extend(unasked.map(|unasked| {
                let help = match unasked {
                    Unasked::Pair { .. } => {
                        "name the type that the operation is asked about, or leave the operation out".to_owned()
                    }
                    _ => types::meant(&grant.resource, &askable.instead_of(&unasked)),
                };
                told(&path("resource"), unasked.to_string()).help(help)
            }));
        }
        problems
    }

    /// What cannot be learnt from an operation that should be.
    pub(super) fn learning_problems(self, granted: Option<&Granted>) -> Vec<Problem> {
        let operations = self.contract.operations.iter().zip(self.policies);
        let mut problems = Vec::new();
        for (declared, policy) in operations {
            let Some(learning) = &policy.learning else { continue };
            let (Learning::Creates { kind, .. } | Learning::Deletes { kind, .. }) = learning;
            let at = |span: Span, message: String| self.document.problem(span, message);
            if self
                .api
                .authorization
                .as_ref()
                .is_none_or(|settled| settled.relations.is_none())
            {
                let help = "name a file of `relations` below `authorization` of the API";
                let message = format!("no relations of a `{}` are kept", kind.value);
                problems.push(at(kind.span, message).help(help));
                continue;
            }
            let Some(granted) = granted else { continue };
            let checked = match learning {
                Learning::Creates { .. } => created(learning, granted, policy.modes.contract_out),
                Learning::Deletes { .. } => granted
                    .kept
                    .model()
                    .has_type(&kind.value)
                    .map_err(|unfit| unfit.to_string()),
            };
            problems.extend(checked.err().map(|message| at(kind.span, message)));
            for (kind, place) in requested(learning) {
                let resource = Resource {
                    kind: kind.clone(),
                    place: place.clone(),
                    optional: false,
                };
                problems.extend(names::problem(self.document, self.contract, declared, &resource));
            }
            if let Learning::Creates {
                id: Id::Answer(pointer),
                ..
            } = learning
                && !self.is_answered(declared, pointer)
            {
                let message = format!("`{}` has no successful JSON answer with {pointer}", declared.name());
                problems.push(at(kind.span, message).help("name what the operation declares"));
            }
        }
        problems.dedup();
        problems
    }

    /// Whether a successful answer declares something there.
    fn is_answered(self, declared: &Operation, pointer: &str) -> bool {
        let names = pointer.split('/').skip(1);
        let names: Vec<String> = names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        let program = &self.contract.program;
        let answers = declared.responses.iter();
        let successes = answers.filter(|answer| answer.declared.starts_with('2') || &*answer.declared == "default");
        let contents = successes.flat_map(|answer| answer.contents.entries());
        contents.filter(|entry| entry.kind() == Kind::Json).any(|entry| {
            let step = |schema, name: &String| {
                let item = name.parse().ok().and_then(|index| program.item(schema, index));
                program.property(schema, name).or(item)
            };
            names.iter().try_fold(entry.schema, step).is_some()
        })
    }
}

/// Where a request has to name something that is learnt.
fn requested(learning: &Learning) -> Vec<(&Spanned<String>, &Place)> {
    match learning {
        Learning::Deletes { kind, place } => vec![(kind, place)],
        Learning::Creates { kind, id, parent, .. } => {
            let own = match id {
                Id::Request(place) => Some((kind, place)),
                Id::Answer(_) | Id::Location => None,
            };
            let parent = parent.as_ref().map(|parent| (&parent.kind, &parent.place));
            own.into_iter().chain(parent).collect()
        }
    }
}

/// Whether the model allows what a creation brings about, for some type of callers.
fn created(learning: &Learning, granted: &Granted, contract_out: Mode) -> Result<(), String> {
    let Learning::Creates {
        kind,
        id,
        caller,
        parent,
    } = learning
    else {
        return Ok(());
    };
    if matches!(id, Id::Answer(_)) && contract_out == Mode::Off {
        return Err("answers are not read where `contract_out` is off, and the id stands in one".to_owned());
    }
    let model = granted.kept.model();
    let mut admitted = granted
        .subjects
        .values()
        .map(|subject| admits(model, &kind.value, caller, subject));
    let first = admitted.next().unwrap_or_else(|| {
        Err("no type of callers has a type of the model: name one below `subjects` of the grants".to_owned())
    });
    if first.is_err() && !admitted.any(|other| other.is_ok()) {
        return first;
    }
    match parent {
        Some(parent) => admits(model, &kind.value, &parent.relation, &parent.kind.value),
        None => Ok(()),
    }
}

fn admits(model: &Model, kind: &str, relation: &str, subject: &str) -> Result<(), String> {
    let wrong = |error: portcullis_decision::relations::Malformed| error.to_string();
    let object = |kind| Object::new(kind, "id").map_err(wrong);
    let tuple = Tuple::new(object(kind)?, relation, Subject::One(object(subject)?)).map_err(wrong)?;
    model.admit(&tuple).map_err(|unfit| unfit.to_string())
}
