//! A Cedar schema from plain descriptions: operations become actions, their tags groups of actions, objects types of resources, claims
//! attributes of principals. The same description always gives the same text.
//!
//! Knows no contract: whoever has one describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// What stands before a tag in the name of its group, so that no operation is taken for it.
pub const TAG_PREFIX: &str = "tag:";

/// The type of the resource that stands for an API as a whole: that of decisions about an operation that names none.
pub const API: &str = "Api";

/// All that a schema is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The namespace of everything, if it is to have one.
    pub namespace: Option<String>,
    /// The types of principals.
    pub principals: Vec<EntityType>,
    /// The types of resources, besides [`API`].
    pub resources: Vec<EntityType>,
    /// Types that only have members, such as groups.
    pub groups: Vec<EntityType>,
    /// The operations.
    pub operations: Vec<Operation>,
}

/// A type of entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityType {
    /// Its name, an identifier.
    pub name: String,
    /// The types that it can be a member of.
    pub member_of: Vec<String>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// An attribute of an entity, or a member of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, whatever it is.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it is always there. A policy has to ask whether one is there that is not.
    pub required: bool,
}

/// What an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A boolean.
    Bool,
    /// An integer of 64 bits.
    Long,
    /// A string.
    String,
    /// A network address, or a network.
    Address,
    /// A number with up to four decimals.
    Decimal,
    /// A moment.
    Datetime,
    /// An entity of this type, by its id.
    Entity(String),
    /// Several.
    Set(Box<Kind>),
    /// An object.
    Record(Vec<Attribute>),
}

/// An operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The types of its objects: [`API`] among them where it is also asked about without one. [`API`] alone where there are none.
    pub resources: Vec<String>,
    /// What is in the context besides what always is: values of the request, for instance.
    pub context: Vec<Attribute>,
}

/// Why no schema can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SchemaProblem {
    /// The name of a type or namespace is no identifier of Cedar's.
    Name(String),
    /// Two types, operations or attributes of one thing have the same name.
    Twice(String),
    /// A type is named that there is not.
    Unknown(String),
    /// An operation is called like the group of a tag.
    Group(String),
}

impl Operation {
    /// The types of what it is asked about.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        let none = self.resources.is_empty().then_some(API);
        self.resources.iter().map(String::as_str).chain(none)
    }
}

impl fmt::Display for SchemaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "`{name}` cannot be the name of a type: letters, digits and `_`, no word of Cedar's"
            ),
            Self::Twice(name) => write!(f, "`{name}` is there twice"),
            Self::Unknown(name) => write!(f, "there is no type `{name}`"),
            Self::Group(name) => write!(f, "the operation `{name}` is called like the group of a tag"),
        }
    }
}

/// Makes the text of the schema.
///
/// # Errors
///
/// Everything that is wrong with the description.
pub fn generate(description: &Description) -> Result<String, Vec<SchemaProblem>> {
    let api = EntityType {
        name: API.to_owned(),
        ..EntityType::default()
    };
    let described = description
        .principals
        .iter()
        .chain(&description.resources)
        .chain(&description.groups);
    let all: Vec<&EntityType> = described.chain([&api]).collect();
    let problems = problems(description, &all);
    if !problems.is_empty() {
        return Err(problems.into_iter().collect());
    }
    let types: BTreeMap<&str, &EntityType> = all.into_iter().map(|one| (one.name.as_str(), one)).collect();
    let mut text = String::new();
    for entity in types.values() {
        write_entity(&mut text, entity);
    }
    let tags: BTreeSet<&str> = description
        .operations
        .iter()
        .flat_map(|one| &one.tags)
        .map(String::as_str)
        .collect();
    for tag in tags {
        line(&mut text, &format!("action {};", group(tag)));
    }
    let principals: BTreeSet<&str> = description.principals.iter().map(|one| one.name.as_str()).collect();
    let operations: BTreeMap<&str, &Operation> = description
        .operations
        .iter()
        .map(|one| (one.name.as_str(), one))
        .collect();
    for operation in operations.values() {
        write_operation(&mut text, operation, &principals);
    }
    Ok(match &description.namespace {
        Some(namespace) => format!("namespace {namespace} {{\n{text}}}\n"),
        None => text,
    })
}

fn line(text: &mut String, written: &str) {
    text.push_str(written);
    text.push('\n');
}

fn write_entity(text: &mut String, entity: &EntityType) {
    let mut written = format!("entity {}", entity.name);
    let above: BTreeSet<&str> = entity.member_of.iter().map(String::as_str).collect();
    if !above.is_empty() {
        let _ = write!(written, " in [{}]", joined(above));
    }
    if !entity.attributes.is_empty() {
        let _ = write!(written, " = {}", record(&entity.attributes));
    }
    line(text, &format!("{written};"));
}

fn write_operation(text: &mut String, operation: &Operation, principals: &BTreeSet<&str>) {
    let mut written = format!("action {}", quoted(&operation.name));
    let groups: BTreeSet<String> = operation.tags.iter().map(|tag| group(tag)).collect();
    if !groups.is_empty() {
        let _ = write!(written, " in [{}]", joined(groups.iter().map(String::as_str)));
    }
    let resources: BTreeSet<&str> = operation.kinds().collect();
    let mut context = operation.context.clone();
    let given: BTreeSet<&str> = operation.context.iter().map(|one| one.name.as_str()).collect();
    context.extend(always().into_iter().filter(|one| !given.contains(one.name.as_str())));
    let _ = write!(
        written,
        " appliesTo {{\n  principal: [{}],\n",
        joined(principals.iter().copied())
    );
    let _ = write!(
        written,
        "  resource: [{}],\n  context: {}\n}};",
        joined(resources),
        record(&context)
    );
    line(text, &written);
}

/// What the context always holds: the client's address, and the time where a policy reads it.
fn always() -> Vec<Attribute> {
    let attribute = |name: &str, kind: Kind, required: bool| Attribute {
        name: name.to_owned(),
        kind,
        required,
    };
    let clock = ["minute", "seconds", "weekday"].map(|name| attribute(name, Kind::Long, true));
    vec![
        attribute("address", Kind::Address, true),
        attribute("clock", Kind::Record(clock.into()), true),
    ]
}

fn joined<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn group(tag: &str) -> String {
    quoted(&format!("{TAG_PREFIX}{tag}"))
}

/// A string as Cedar writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

fn record(attributes: &[Attribute]) -> String {
    let sorted: BTreeMap<&str, &Attribute> = attributes.iter().map(|one| (one.name.as_str(), one)).collect();
    let members: Vec<String> = sorted
        .values()
        .map(|one| {
            format!(
                "{}{}: {}",
                quoted(&one.name),
                if one.required { "" } else { "?" },
                kind(&one.kind)
            )
        })
        .collect();
    format!("{{ {} }}", members.join(", "))
}

fn kind(of: &Kind) -> String {
    match of {
        Kind::Bool => "Bool".to_owned(),
        Kind::Long => "Long".to_owned(),
        Kind::String => "String".to_owned(),
        Kind::Address => "ipaddr".to_owned(),
        Kind::Decimal => "decimal".to_owned(),
        Kind::Datetime => "datetime".to_owned(),
        Kind::Entity(name) => name.clone(),
        Kind::Set(item) => format!("Set<{}>", kind(item)),
        Kind::Record(members) => record(members),
    }
}

fn problems(description: &Description, all: &[&EntityType]) -> BTreeSet<SchemaProblem> {
    let mut problems = BTreeSet::new();
    let types: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let names = all.iter().map(|one| one.name.as_str());
    twice(names.clone(), &mut problems);
    let spaces = description.namespace.iter().flat_map(|namespace| namespace.split("::"));
    let bad = names.chain(spaces).filter(|name| !is_identifier(name));
    problems.extend(bad.map(|name| SchemaProblem::Name(name.to_owned())));
    for entity in all {
        known(entity.member_of.iter().map(String::as_str), &types, &mut problems);
        check_attributes(&entity.attributes, &types, &mut problems);
    }
    twice(
        description.operations.iter().map(|one| one.name.as_str()),
        &mut problems,
    );
    let groups: BTreeSet<String> = description
        .operations
        .iter()
        .flat_map(|one| &one.tags)
        .map(|tag| format!("{TAG_PREFIX}{tag}"))
        .collect();
    for operation in &description.operations {
        if groups.contains(&operation.name) {
            problems.insert(SchemaProblem::Group(operation.name.clone()));
        }
        known(operation.resources.iter().map(String::as_str), &types, &mut problems);
        check_attributes(&operation.context, &types, &mut problems);
    }
    problems
}

fn check_attributes(attributes: &[Attribute], types: &BTreeSet<&str>, problems: &mut BTreeSet<SchemaProblem>) {
    twice(attributes.iter().map(|one| one.name.as_str()), problems);
    attributes.iter().for_each(|one| check_kind(&one.kind, types, problems));
}

fn check_kind(kind: &Kind, types: &BTreeSet<&str>, problems: &mut BTreeSet<SchemaProblem>) {
    match kind {
        Kind::Entity(name) => known([name.as_str()].into_iter(), types, problems),
        Kind::Set(item) => check_kind(item, types, problems),
        Kind::Record(members) => check_attributes(members, types, problems),
        Kind::Bool | Kind::Long | Kind::String | Kind::Address | Kind::Decimal | Kind::Datetime => {}
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a str>, problems: &mut BTreeSet<SchemaProblem>) {
    let mut seen = BTreeSet::new();
    let again = names.filter(|name| !seen.insert(*name));
    problems.extend(again.map(|name| SchemaProblem::Twice(name.to_owned())));
}

fn known<'a>(names: impl Iterator<Item = &'a str>, types: &BTreeSet<&str>, problems: &mut BTreeSet<SchemaProblem>) {
    let unknown = names.filter(|name| !types.contains(name));
    problems.extend(unknown.map(|name| SchemaProblem::Unknown(name.to_owned())));
}

/// Whether Cedar takes this for one part of a name, and for no type of its own.
fn is_identifier(name: &str) -> bool {
    const OWN: [&str; 10] = [
        "Action",
        "Bool",
        "Boolean",
        "Entity",
        "Extension",
        "Long",
        "Record",
        "Set",
        "String",
        "__cedar",
    ];
    let mut characters = name.chars();
    let first = characters
        .next()
        .is_some_and(|one| one.is_ascii_alphabetic() || one == '_');
    let plain = first && characters.all(|one| one.is_ascii_alphanumeric() || one == '_');
    plain && !OWN.contains(&name) && name.parse::<cedar_policy_core::ast::Name>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::cedar::{Cedar, Source, Text};

    fn attribute(name: &str, kind: Kind) -> Attribute {
        Attribute {
            name: name.to_owned(),
            kind,
            required: false,
        }
    }

    fn entity(name: &str, member_of: &[&str], attributes: Vec<Attribute>) -> EntityType {
        EntityType {
            name: name.to_owned(),
            member_of: member_of.iter().map(|one| (*one).to_owned()).collect(),
            attributes,
        }
    }

    fn bank() -> Description {
        let operation = |name: &str, tags: &[&str], resources: &[&str]| Operation {
            name: name.to_owned(),
            tags: tags.iter().map(|one| (*one).to_owned()).collect(),
            resources: resources.iter().map(|one| (*one).to_owned()).collect(),
            context: vec![attribute("amount", Kind::Decimal), attribute("x-\"odd\"", Kind::Bool)],
        };
        Description {
            namespace: None,
            principals: vec![
                entity(
                    "User",
                    &["Group"],
                    vec![
                        attribute("email", Kind::String),
                        attribute("roles", Kind::Set(Box::new(Kind::String))),
                    ],
                ),
                entity("Client", &[], vec![]),
            ],
            resources: vec![entity(
                "Account",
                &[],
                vec![
                    attribute("owner", Kind::Entity("User".to_owned())),
                    attribute(
                        "limits",
                        Kind::Record(vec![attribute("day", Kind::Long), attribute("since", Kind::Datetime)]),
                    ),
                ],
            )],
            groups: vec![entity("Group", &["Group"], vec![])],
            operations: vec![
                operation("transfer", &["money", "admin"], &["Account"]),
                operation("GET /a/{b}", &[], &[]),
                operation("search", &[], &["Account", API]),
            ],
        }
    }

    #[test]
    fn the_text_is_always_the_same() {
        let expected = r#"entity Account = { "limits"?: { "day"?: Long, "since"?: datetime }, "owner"?: User };
entity Api;
entity Client;
entity Group in [Group];
entity User in [Group] = { "email"?: String, "roles"?: Set<String> };
action "tag:admin";
action "tag:money";
action "GET /a/{b}" appliesTo {
  principal: [Client, User],
  resource: [Api],
  context: { "address": ipaddr, "amount"?: decimal, "clock": { "minute": Long, "seconds": Long, "weekday": Long }, "x-\"odd\""?: Bool }
};
action "search" appliesTo {
  principal: [Client, User],
  resource: [Account, Api],
  context: { "address": ipaddr, "amount"?: decimal, "clock": { "minute": Long, "seconds": Long, "weekday": Long }, "x-\"odd\""?: Bool }
};
action "transfer" in ["tag:admin", "tag:money"] appliesTo {
  principal: [Client, User],
  resource: [Account],
  context: { "address": ipaddr, "amount"?: decimal, "clock": { "minute": Long, "seconds": Long, "weekday": Long }, "x-\"odd\""?: Bool }
};
"#;
        assert_eq!(generate(&bank()).unwrap(), expected);
        let mut other = bank();
        other.principals.reverse();
        other.operations.reverse();
        other.operations.iter_mut().for_each(|one| one.tags.reverse());
        assert_eq!(generate(&other).unwrap(), expected);
    }

    #[test]
    fn policies_are_valid_by_it() {
        for (namespace, policy) in [
            (
                None,
                r#"permit(principal is User, action in Action::"tag:money", resource is Account)
                when { resource has owner && resource.owner == principal && context.clock.weekday < 6 };"#,
            ),
            (
                Some("Bank::Retail"),
                r#"permit(principal is Bank::Retail::User, action == Bank::Retail::Action::"GET /a/{b}", resource);"#,
            ),
        ] {
            let schema = generate(&Description {
                namespace: namespace.map(str::to_owned),
                ..bank()
            })
            .unwrap();
            let source = Source {
                policies: vec![Text {
                    name: "p",
                    text: policy,
                }],
                schema: Some(Text {
                    name: "s",
                    text: &schema,
                }),
                namespace: namespace.map(str::to_owned),
                ..Source::default()
            };
            let problems = Cedar::compile(&source)
                .map(|(_, warnings)| warnings)
                .unwrap_or_else(|problems| problems);
            assert_eq!(problems, [], "{schema}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let mut bad = bank();
        bad.principals.push(entity(
            "bad-name",
            &["Ghost"],
            vec![attribute("a", Kind::Long), attribute("a", Kind::Bool)],
        ));
        bad.resources.push(entity(
            "Api",
            &[],
            vec![attribute("o", Kind::Set(Box::new(Kind::Entity("Nobody".to_owned()))))],
        ));
        bad.operations.push(Operation {
            name: "tag:money".to_owned(),
            ..Operation::default()
        });
        bad.groups.push(entity("in", &[], vec![]));
        let words: Vec<String> = generate(&bad).unwrap_err().iter().map(ToString::to_string).collect();
        for expected in [
            "`bad-name`",
            "`in`",
            "`Ghost`",
            "`a` is there twice",
            "`Api` is there twice",
            "`Nobody`",
            "`tag:money`",
        ] {
            assert!(
                words.iter().any(|word| word.contains(expected)),
                "{expected}: {words:#?}"
            );
        }
        assert_eq!(words.len(), 7);
    }
}
