//! Roles of an API, compiled from their file and from the contract.

use std::sync::Arc;

use portcullis_contract::document::{Node, Problem};
use portcullis_decision::decision::Rule;
use portcullis_decision::engines::roles::{self, RoleModel, RoleProblem, Roles};
use portcullis_decision::relations::PathPart;
use portcullis_gateway::decisions;
use portcullis_identity::principal::SubjectKind;

use super::authorization::Compiling;
use super::types;
use crate::config;
use crate::config::authorization::Authorization;
use crate::config::nearest::nearest;
use crate::relations::{at, at_text};

impl Compiling<'_> {
    /// The roles; none where there are none, or they cannot be compiled, which is a problem then.
    pub(super) fn roles(
        self,
        authorization: &Authorization,
        rules: &mut Vec<Rule>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<Roles>> {
        let written = self.rules(authorization.roles.as_ref()?, problems)?;
        let read = config::read_placed::<RoleModel>(&written.name, written.text.as_bytes());
        let (mut model, root) = match read {
            Ok(read) => read,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let before = problems.len();
        problems.extend(self.subject_types(&model, &written.name, &root));
        // A client that registered itself may bear the name of a user.
        for assignment in model
            .assignments
            .iter_mut()
            .filter(|assignment| assignment.subject.is_some())
        {
            let user = || decisions::kind(SubjectKind::User).to_owned();
            assignment.subject_type.get_or_insert_with(user);
        }
        let operations = self.contract.operations.iter().map(|operation| roles::Operation {
            name: operation.name().into_owned(),
            tags: operation.tags.iter().map(|tag| tag.to_string()).collect(),
        });
        let operations: Vec<roles::Operation> = operations.collect();
        let names: Vec<String> = model.roles.keys().cloned().collect();
        match Roles::compile(model, &operations) {
            Ok(roles) => {
                rules.extend(roles.names().map(|name| Rule::new(roles::NAME, name)));
                (problems.len() == before).then(|| Arc::new(roles))
            }
            Err(found) => {
                problems.extend(found.iter().map(|problem| {
                    let span = match problem.written() {
                        Some(text) => at_text(&root, &problem.path(), text),
                        None => at(&root, &problem.path()),
                    };
                    let told = Problem::error(&*written.name, span, problem.to_string());
                    told.help(meant(problem, &names, &operations))
                }));
                None
            }
        }
    }

    /// Types of subjects that no caller has.
    fn subject_types(self, model: &RoleModel, file: &str, root: &Node) -> Vec<Problem> {
        let principals = self.description().principals;
        let known: Vec<&str> = principals.iter().map(|one| one.name.as_str()).collect();
        let member = |name: &str| PathPart::Member(name.into());
        let assignments = model.assignments.iter().enumerate();
        let unknown = assignments.filter_map(|(number, assignment)| {
            let kind = assignment
                .subject_type
                .as_deref()
                .filter(|kind| !known.contains(kind))?;
            let path = [member("assignments"), PathPart::Item(number), member("subject_type")];
            let told = Problem::error(file, at(root, &path), format!("no caller is a `{kind}`"));
            Some(told.help(types::meant(kind, &known)))
        });
        unknown.collect()
    }
}

/// What was probably meant by a name that is unknown.
fn meant(problem: &RoleProblem, names: &[String], operations: &[roles::Operation]) -> String {
    let Some(written) = problem.written() else {
        return String::new();
    };
    let known: Vec<&str> = match problem {
        RoleProblem::UnknownOperation { .. } => operations.iter().map(|one| one.name.as_str()).collect(),
        RoleProblem::UnknownTag { .. } => operations
            .iter()
            .flat_map(|one| &one.tags)
            .map(String::as_str)
            .collect(),
        RoleProblem::UnknownParent { .. } | RoleProblem::UnknownRole { .. } => {
            names.iter().map(String::as_str).collect()
        }
        _ => Vec::new(),
    };
    nearest(written, &known).map_or_else(String::new, |meant| format!("did you mean `{meant}`?"))
}
