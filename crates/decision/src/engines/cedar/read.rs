//! Policy texts are read, named and linked. Every problem is told with its file, line and column.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy_core::ast::{AnyId, EntityUID, Policy, PolicyID, PolicySet, SlotId, Template};
use cedar_policy_core::parser::{Loc, parse_policyset};
use miette::Diagnostic;

use super::needs;
use super::nesting::{NESTING_MAX, too_deep_at};
use super::written::{Link, Source, Text};
use crate::problem::{Place, Places, Problem};

/// What to do about a condition that is nested too deep.
const TOO_DEEP: &str = "a chain of comparisons is shorter as `[...].contains(...)`";

/// The annotation that names a policy.
const ID: &str = "id";

/// The policies of a source.
pub(super) struct Read<'a> {
    /// Every policy and every link, in the order of the files and in them; links last.
    pub(super) policies: Vec<ReadPolicy>,
    /// What each file holds, for validation: the same policies and templates, file by file.
    pub(super) by_file: Vec<(Text<'a>, PolicySet)>,
}

pub(super) struct ReadPolicy {
    pub(super) policy: Policy,
    pub(super) place: Place,
}

/// A template, a policy without slots among them, with where it stands.
struct Named {
    template: Arc<Template>,
    place: Place,
}

/// Reads everything.
///
/// # Errors
///
/// Every problem of every file.
pub(super) fn read<'a>(source: &Source<'a>) -> Result<Read<'a>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut named: BTreeMap<String, Place> = BTreeMap::new();
    let mut read = Read {
        policies: Vec::new(),
        by_file: Vec::new(),
    };
    let mut templates = Vec::new();
    for text in &source.policies {
        let mut of_file = PolicySet::new();
        for one in read_text(*text, &mut problems) {
            let id = one.template.id().to_string();
            if let Some(before) = named.insert(id.clone(), one.place.clone()) {
                let message = format!("the id `{id}` is that of the policy at {before} too");
                problems.push(Problem::error(Some(one.place.clone()), message));
                continue;
            }
            if one.template.non_scope_constraints().is_some_and(needs::is_too_deep) {
                let message = format!("the conditions of `{id}` are nested deeper than {}", needs::DEPTH_MAX);
                problems.push(Problem::error(Some(one.place), message).with_help(Some(TOO_DEEP.to_owned())));
                continue;
            }
            if let Ok(policy) = Template::try_as_policy(Arc::clone(&one.template)) {
                add(of_file.add(policy.clone()), &one.place, &mut problems);
                let place = one.place;
                read.policies.push(ReadPolicy { policy, place });
            } else {
                add(of_file.add_template((*one.template).clone()), &one.place, &mut problems);
                templates.push((read.by_file.len(), one));
            }
        }
        read.by_file.push((*text, of_file));
    }
    for link in &source.links {
        link_template(link, &templates, &mut named, &mut read, &mut problems);
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

fn add<E: std::fmt::Display>(added: Result<(), E>, place: &Place, problems: &mut Vec<Problem>) {
    if let Err(error) = added {
        problems.push(Problem::error(Some(place.clone()), error.to_string()));
    }
}

/// The policies and templates of a text in their order, by their final names.
fn read_text(text: Text<'_>, problems: &mut Vec<Problem>) -> Vec<Named> {
    if let Some(problem) = too_deep(text, false) {
        problems.push(problem);
        return Vec::new();
    }
    let set = match parse_policyset(text.text) {
        Ok(set) => set,
        Err(errors) => {
            let places = text.places();
            problems.extend(errors.iter().map(|error| of_diagnostic(&places, error)));
            return Vec::new();
        }
    };
    let mut found: Vec<(usize, &Template)> = set
        .all_templates()
        .map(|template| (template.loc().map_or(0, Loc::start), template))
        .collect();
    found.sort_by_key(|(offset, _)| *offset);
    let places = text.places();
    let numbered = (1..).zip(found);
    numbered
        .map(|(number, (offset, template))| Named {
            template: Arc::new(template.new_id(PolicyID::from_string(id_of(text, number, template)))),
            place: places.at(offset),
        })
        .collect()
}

/// The problem of a text that is nested too deep to be parsed.
pub(super) fn too_deep(text: Text<'_>, is_schema: bool) -> Option<Problem> {
    let offset = too_deep_at(text.text, is_schema)?;
    let place = text.places().at(offset);
    Some(Problem::error(Some(place), format!("nested deeper than {NESTING_MAX}")))
}

/// What `@id` says, or the file with the policy's number in it.
fn id_of(text: Text<'_>, number: usize, template: &Template) -> String {
    let annotated = annotation(template, ID).filter(|id| !id.is_empty());
    annotated.map_or_else(|| format!("{}#{number}", text.name), str::to_owned)
}

fn annotation<'a>(template: &'a Template, name: &str) -> Option<&'a str> {
    let mut annotations = template.annotations();
    let found = annotations.find(|(key, _): &(&AnyId, _)| key.as_ref() == name);
    found.map(|(_, annotation)| annotation.val.as_str())
}

fn link_template(
    link: &Link,
    templates: &[(usize, Named)],
    named: &mut BTreeMap<String, Place>,
    read: &mut Read<'_>,
    problems: &mut Vec<Problem>,
) {
    let mut problem = |message: String| problems.push(Problem::error(None, format!("link `{}`: {message}", link.id)));
    let Some((file, one)) = templates
        .iter()
        .find(|(_, one)| one.template.id().as_ref() == link.template)
    else {
        return problem(format!("there is no template `{}`", link.template));
    };
    if named.insert(link.id.clone(), one.place.clone()).is_some() {
        return problem("the id is that of another policy too".to_owned());
    }
    let mut values = HashMap::new();
    let slots = [
        (SlotId::principal(), &link.principal),
        (SlotId::resource(), &link.resource),
    ];
    for (slot, value) in slots {
        match value
            .as_ref()
            .map(|value| value.parse::<EntityUID>().map_err(|error| error.to_string()))
        {
            Some(Ok(uid)) => drop(values.insert(slot, uid)),
            Some(Err(error)) => return problem(error),
            None => {}
        }
    }
    let id = PolicyID::from_string(&link.id);
    match Template::link(Arc::clone(&one.template), id, values) {
        Ok(policy) => {
            if let Some((_, set)) = read.by_file.get_mut(*file) {
                add(set.add(policy.clone()), &one.place, problems);
            }
            let place = one.place.clone();
            read.policies.push(ReadPolicy { policy, place });
        }
        Err(error) => problem(error.to_string()),
    }
}

/// A diagnostic about a text, with where it is if it says so.
pub(super) fn of_diagnostic(places: &Places<'_>, diagnostic: &dyn Diagnostic) -> Problem {
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let place = label.map(|label| places.at(label.offset()));
    let help = diagnostic.help().map(|help| help.to_string());
    Problem::error(place, diagnostic.to_string()).with_help(help)
}
