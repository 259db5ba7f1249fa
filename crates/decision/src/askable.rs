//! Which questions are ever asked about an API: its operations, of what each is asked about, and what is known of callers, resources and
//! requests. Any other question is a mistake of whoever writes it, which a deny would not tell of.
//!
//! Never decides: whoever asks looks here first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::record::Part;
use crate::relations::PathPart;
use crate::schema::{API, Attribute, Description, EntityType, Kind};
use crate::words::Evaluation;

/// What the context always says, besides the time, which is that of the question.
const ADDRESS: &str = "address";
/// What is there without being written in a question: the time.
const CLOCK: &str = "clock";

/// What can be asked about an API.
#[derive(Clone, Debug)]
pub struct Askable {
    api: Box<str>,
    /// Types of callers, and what is known of them.
    subjects: BTreeMap<Box<str>, Names>,
    /// Types of resources, and what is known of them.
    resources: BTreeMap<Box<str>, Names>,
    actions: BTreeMap<Box<str>, About>,
}

type Names = BTreeSet<Box<str>>;

/// What an action is asked about.
#[derive(Clone, Debug)]
struct About {
    kinds: Names,
    /// What the context says, with the members of what is an object.
    context: BTreeMap<Box<str>, Option<Names>>,
}

/// What is never asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// There is no such action.
    Action {
        /// Its name.
        name: String,
    },
    /// No caller is of such a type.
    Subject {
        /// The type.
        kind: String,
    },
    /// Nothing is of such a type.
    Resource {
        /// The type.
        kind: String,
    },
    /// The action is never asked about one of such a type.
    Pair {
        /// The action.
        action: String,
        /// The type.
        kind: String,
        /// The types that it is asked about.
        kinds: Vec<String>,
    },
    /// There is no such API.
    Api {
        /// The id.
        id: String,
    },
    /// Nothing of such a name is known.
    Property {
        /// Of what.
        part: Part,
        /// Of which type; the action for the context.
        of: String,
        /// The names that lead there.
        path: Vec<String>,
    },
}

impl Askable {
    /// What can be asked about an API of this name. `claims` are known of every caller besides what is described.
    #[must_use]
    pub fn of<'c>(description: &Description, api: &str, claims: impl IntoIterator<Item = &'c str>) -> Self {
        let claims: Names = claims.into_iter().map(Into::into).collect();
        let types = |entities: &[EntityType]| -> BTreeMap<Box<str>, Names> {
            let of = |entity: &EntityType| (entity.name.as_str().into(), names(&entity.attributes));
            entities.iter().map(of).collect()
        };
        let mut subjects = types(&description.principals);
        subjects
            .values_mut()
            .for_each(|known| known.extend(claims.iter().cloned()));
        let mut resources = types(&description.resources);
        resources.insert(API.into(), Names::new());
        let actions = description.operations.iter().map(|operation| {
            let about = About {
                kinds: operation.kinds().map(Into::into).collect(),
                context: operation.context.iter().map(member).collect(),
            };
            (operation.name.as_str().into(), about)
        });
        Self {
            api: api.into(),
            subjects,
            resources,
            actions: actions.collect(),
        }
    }

    /// Why nobody ever asks this; whatever properties it says.
    #[must_use]
    pub fn unasked(&self, evaluation: &Evaluation) -> Vec<Unasked> {
        let Evaluation {
            subject,
            action,
            resource,
            ..
        } = evaluation;
        let mut found = Vec::new();
        if !self.subjects.contains_key(&*subject.kind) {
            let kind = subject.kind.clone();
            found.push(Unasked::Subject { kind });
        }
        let about = self.actions.get(&*action.name);
        if about.is_none() {
            let name = action.name.clone();
            found.push(Unasked::Action { name });
        }
        if !self.resources.contains_key(&*resource.kind) {
            let kind = resource.kind.clone();
            found.push(Unasked::Resource { kind });
        } else if let Some(about) = about.filter(|about| !about.kinds.contains(&*resource.kind)) {
            found.push(Unasked::Pair {
                action: action.name.clone(),
                kind: resource.kind.clone(),
                kinds: about.kinds.iter().map(ToString::to_string).collect(),
            });
        } else if resource.kind == API && *resource.id != *self.api {
            let id = resource.id.clone();
            found.push(Unasked::Api { id });
        }
        found
    }

    /// What it says that nobody would be told.
    #[must_use]
    pub fn unknown_properties(&self, evaluation: &Evaluation) -> Vec<Unasked> {
        let Evaluation {
            subject,
            action,
            resource,
            context,
        } = evaluation;
        let mut found = Vec::new();
        let mut unknown = |part: Part, of: &str, path: Vec<String>| {
            let of = of.to_owned();
            found.push(Unasked::Property { part, of, path });
        };
        let parts = [
            (Part::Subject, &subject.kind, &subject.properties, &self.subjects),
            (Part::Resource, &resource.kind, &resource.properties, &self.resources),
        ];
        for (part, kind, properties, types) in parts {
            // What of a type is known that there is not, nobody can say.
            let Some(known) = types.get(&**kind) else { continue };
            let unknown_names = properties.keys().filter(|name| !known.contains(name.as_str()));
            unknown_names.for_each(|name| unknown(part, kind, vec![name.clone()]));
        }
        let of_action = action.properties.keys();
        of_action.for_each(|name| unknown(Part::Action, &action.name, vec![name.clone()]));
        let Some(about) = self.actions.get(&*action.name) else {
            return found;
        };
        for (name, value) in context.iter().filter(|(name, _)| *name != ADDRESS) {
            match (about.context.get(name.as_str()), value.as_object()) {
                (None, _) => unknown(Part::Context, &action.name, vec![name.clone()]),
                (Some(Some(known)), Some(members)) => {
                    let members = members.keys().filter(|member| !known.contains(member.as_str()));
                    members.for_each(|member| unknown(Part::Context, &action.name, vec![name.clone(), member.clone()]));
                }
                (Some(_), _) => {}
            }
        }
        found
    }

    /// The names that can stand in the place of one that is unknown: one of them was probably meant.
    #[must_use]
    pub fn instead_of(&self, unasked: &Unasked) -> Vec<&str> {
        match unasked {
            Unasked::Action { .. } => texts(self.actions.keys()),
            Unasked::Subject { .. } => texts(self.subjects.keys()),
            Unasked::Resource { .. } => texts(self.resources.keys()),
            Unasked::Pair { .. } => Vec::new(),
            Unasked::Api { .. } => vec![&self.api],
            Unasked::Property { part, of, path } => self.known(*part, of, path),
        }
    }

    /// What is known where a property is not.
    fn known(&self, part: Part, of: &str, path: &[String]) -> Vec<&str> {
        let about = self.actions.get(of);
        match (part, path) {
            (Part::Action, _) => Vec::new(),
            (Part::Subject, _) => self.subjects.get(of).map(texts).unwrap_or_default(),
            (Part::Resource, _) => self.resources.get(of).map(texts).unwrap_or_default(),
            (Part::Context, [record, _, ..]) => {
                let members = about.and_then(|about| about.context.get(record.as_str()));
                members.and_then(Option::as_ref).map(texts).unwrap_or_default()
            }
            (Part::Context, _) => {
                let declared = about.into_iter().flat_map(|about| texts(about.context.keys()));
                declared.chain([ADDRESS]).collect()
            }
        }
    }
}

impl Unasked {
    /// Why, in a word, for whoever asks over a network and for the log.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Action { .. } => "action-unknown",
            Self::Subject { .. } => "subject-type-unknown",
            Self::Resource { .. } => "resource-type-unknown",
            Self::Pair { .. } => "resource-type-not-of-action",
            Self::Api { .. } => "api-unknown",
            Self::Property { .. } => "property-unknown",
        }
    }

    /// Where, in a question.
    #[must_use]
    pub fn path(&self) -> Vec<PathPart> {
        let member = |name: &str| PathPart::Member(name.into());
        let of = |part: &str, name: &str| vec![member(part), member(name)];
        match self {
            Self::Action { .. } => of("action", "name"),
            Self::Subject { .. } => of("subject", "type"),
            Self::Resource { .. } | Self::Pair { .. } => of("resource", "type"),
            Self::Api { .. } => of("resource", "id"),
            Self::Property { part, path, .. } => {
                let mut all = vec![member(&part.to_string())];
                all.extend((*part != Part::Context).then(|| member("properties")));
                let (last, before) = path
                    .split_last()
                    .map_or(("", path.as_slice()), |(last, all)| (last, all));
                all.extend(before.iter().map(|name| member(name)));
                all.push(PathPart::Name(last.into()));
                all
            }
        }
    }
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action { name } => write!(f, "`{name}` is no operation of the contract"),
            Self::Subject { kind } => write!(f, "no caller is a `{kind}`"),
            Self::Resource { kind } => write!(f, "no request names a `{kind}`"),
            Self::Pair { action, kind, kinds } => {
                let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
                write!(
                    f,
                    "`{action}` is never asked about a resource of type `{kind}`, but of {}",
                    kinds.join(" and ")
                )
            }
            Self::Api { id } => write!(f, "there is no API `{id}` here"),
            Self::Property {
                part: Part::Context,
                path,
                ..
            } if *path == [CLOCK] => write!(
                f,
                "`{CLOCK}` is made of the time of the question, and nobody is told another"
            ),
            Self::Property { part, of, path } => {
                let name = path.join(".");
                match part {
                    Part::Context => write!(f, "who decides on `{of}` is told no `{name}` in the context"),
                    Part::Action => write!(f, "an action has no properties, and no `{name}`"),
                    Part::Subject | Part::Resource => write!(f, "a `{of}` has no property `{name}`"),
                }
            }
        }
    }
}

fn texts<'n>(names: impl IntoIterator<Item = &'n Box<str>>) -> Vec<&'n str> {
    names.into_iter().map(|name| &**name).collect()
}

fn names(attributes: &[Attribute]) -> Names {
    attributes.iter().map(|one| one.name.as_str().into()).collect()
}

fn member(attribute: &Attribute) -> (Box<str>, Option<Names>) {
    let members = match &attribute.kind {
        Kind::Record(members) => Some(names(members)),
        _ => None,
    };
    (attribute.name.as_str().into(), members)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::schema::Operation;

    fn bank() -> Askable {
        let attribute = |name: &str, kind: Kind| Attribute {
            name: name.to_owned(),
            kind,
            required: false,
        };
        let entity = |name: &str, attributes: Vec<Attribute>| EntityType {
            name: name.to_owned(),
            attributes,
            ..EntityType::default()
        };
        let operation = |name: &str, resources: &[&str], context: Vec<Attribute>| Operation {
            name: name.to_owned(),
            resources: resources.iter().map(|one| (*one).to_owned()).collect(),
            context,
            ..Operation::default()
        };
        let request = attribute("request", Kind::Record(vec![attribute("currency", Kind::String)]));
        let description = Description {
            principals: vec![entity("User", vec![attribute("scopes", Kind::String)])],
            resources: vec![
                entity("Account", vec![attribute("owner", Kind::String)]),
                entity("Vault", vec![]),
            ],
            operations: vec![
                operation("read", &["Account"], vec![request]),
                operation("list", &[], vec![]),
            ],
            ..Description::default()
        };
        Askable::of(&description, "bank", ["employment", "employment.kind"])
    }

    fn question(of: [&str; 5]) -> Value {
        let [subject, action, kind, id, _] = of;
        json!({"subject": {"type": subject, "id": "jean"}, "action": {"name": action}, "resource": {"type": kind, "id": id}})
    }

    #[test]
    fn what_is_never_asked_is_told() {
        let bank = bank();
        for of in [
            ["User", "read", "Account", "1", ""],
            ["User", "list", "Api", "bank", ""],
            ["Robot", "read", "Account", "1", "subject-type-unknown"],
            ["User", "raed", "Account", "1", "action-unknown"],
            ["User", "read", "Acount", "1", "resource-type-unknown"],
            ["User", "read", "Vault", "1", "resource-type-not-of-action"],
            ["User", "read", "Api", "bank", "resource-type-not-of-action"],
            ["User", "list", "Account", "1", "resource-type-not-of-action"],
            ["User", "list", "Api", "shop", "api-unknown"],
            [
                "Robot",
                "raed",
                "Acount",
                "1",
                "subject-type-unknown action-unknown resource-type-unknown",
            ],
        ] {
            let evaluation: Evaluation = serde_json::from_value(question(of)).unwrap();
            let found: Vec<&str> = bank.unasked(&evaluation).iter().map(Unasked::word).collect();
            assert_eq!(found.join(" "), of[4], "{evaluation}");
        }
    }

    #[test]
    fn what_nobody_would_be_told_is_no_property() {
        let bank = bank();
        let check = |subject: Value, resource: Value, context: Value, expected: &[&str]| {
            let mut question = question(["User", "read", "Account", "1", ""]);
            question["subject"]["properties"] = subject;
            question["resource"]["properties"] = resource;
            question["context"] = context;
            let evaluation: Evaluation = serde_json::from_value(question).unwrap();
            assert_eq!(bank.unasked(&evaluation), []);
            let found = bank.unknown_properties(&evaluation);
            let told: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(told, expected);
            found
                .iter()
                .map(|one| bank.instead_of(one).join(" "))
                .collect::<Vec<_>>()
        };
        let none = || json!({});
        check(
            json!({"scopes": [], "employment": {"kind": "x"}, "employment.kind": "x"}),
            json!({"owner": "jean"}),
            json!({"address": "::1", "request": {"currency": "EUR"}}),
            &[],
        );
        let meant = check(
            json!({"scope": []}),
            none(),
            none(),
            &["a `User` has no property `scope`"],
        );
        assert_eq!(meant, ["employment employment.kind scopes"]);
        check(
            none(),
            json!({"ownr": 1}),
            none(),
            &["a `Account` has no property `ownr`"],
        );
        let meant = check(
            none(),
            none(),
            json!({"request": {"curency": "EUR"}}),
            &["who decides on `read` is told no `request.curency` in the context"],
        );
        assert_eq!(meant, ["currency"]);
        let meant = check(
            none(),
            none(),
            json!({"requst": {}}),
            &["who decides on `read` is told no `requst` in the context"],
        );
        assert_eq!(meant, ["request address"]);
        check(
            none(),
            none(),
            json!({"clock": {"weekday": 1}}),
            &["`clock` is made of the time of the question, and nobody is told another"],
        );
    }
}
