//! A role model is checked as a whole and compiled: unknown names, cycles and ambiguities are told of, all at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::condition::Condition;
use super::written::{Assignment, Conditions, Role, RoleModel};
use super::{Assignee, CompiledAssignment, CompiledRole, Operation, Roles};
use crate::relations::PathPart;

/// What stands for every operation, where it stands alone.
const EVERY: &str = "*";
/// How far from UTC a clock may be, in minutes.
const AHEAD_MINUTES_MAX: i32 = 14 * 60;

/// One thing that is wrong with a role model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RoleProblem {
    /// A role inherits from a role that there is not.
    UnknownParent {
        /// The role.
        role: String,
        /// What it inherits from.
        parent: String,
    },
    /// A role inherits from itself, at once or through others.
    Cycle {
        /// One of the roles on the cycle.
        role: String,
    },
    /// A role may do an operation that there is not.
    UnknownOperation {
        /// The role.
        role: String,
        /// The operation.
        operation: String,
    },
    /// A role may do the operations of a tag that none bears.
    UnknownTag {
        /// The role.
        role: String,
        /// The tag.
        tag: String,
    },
    /// An operation is called `*`, and a role says `*`: it could be either.
    AmbiguousEvery {
        /// The role.
        role: String,
    },
    /// An assignment, counted from 1, gives a role that there is not.
    UnknownRole {
        /// Which assignment.
        assignment: usize,
        /// The role.
        role: String,
    },
    /// An assignment, counted from 1, does not say in one way to whom.
    Assignee {
        /// Which assignment.
        assignment: usize,
    },
    /// An assignment's clock is further from UTC than any on earth.
    Clock {
        /// Which assignment.
        assignment: usize,
    },
}

impl fmt::Display for RoleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownParent { role, parent } => {
                write!(f, "role `{role}` inherits from `{parent}`, which is no role")
            }
            Self::Cycle { role } => write!(f, "role `{role}` inherits from itself"),
            Self::UnknownOperation { role, operation } => {
                write!(
                    f,
                    "role `{role}` may do `{operation}`, which is no operation of a contract"
                )
            }
            Self::UnknownTag { role, tag } => {
                write!(f, "role `{role}` may do what is tagged `{tag}`, but no operation is")
            }
            Self::AmbiguousEvery { role } => {
                write!(
                    f,
                    "role `{role}` may do `*`, which is every operation and the name of one: name it by a tag"
                )
            }
            Self::UnknownRole { assignment, role } => {
                write!(f, "assignment {assignment} gives `{role}`, which is no role")
            }
            Self::Assignee { assignment } => {
                write!(
                    f,
                    "assignment {assignment} has to name one of `subject`, `group`, or `claim` with `equals`"
                )
            }
            Self::Clock { assignment } => {
                write!(
                    f,
                    "assignment {assignment} has a clock more than {AHEAD_MINUTES_MAX} minutes from UTC"
                )
            }
        }
    }
}

impl RoleProblem {
    /// Where, from the root of the role model; in a list the text that is [`RoleProblem::written`] is meant.
    #[must_use]
    pub fn path(&self) -> Vec<PathPart> {
        let member = |name: &str| PathPart::Member(name.into());
        let of_role = |role: &str, list: &str| vec![member("roles"), member(role), member(list)];
        let of_assignment = |number: usize, more: &[&str]| {
            let mut path = vec![member("assignments"), PathPart::Item(number.saturating_sub(1))];
            path.extend(more.iter().map(|name| member(name)));
            path
        };
        match self {
            Self::UnknownParent { role, .. } => of_role(role, "inherits"),
            Self::Cycle { role } => vec![member("roles"), PathPart::Name(role.as_str().into())],
            Self::UnknownOperation { role, .. } | Self::AmbiguousEvery { role } => of_role(role, "operations"),
            Self::UnknownTag { role, .. } => of_role(role, "tags"),
            Self::UnknownRole { assignment, .. } => of_assignment(*assignment, &["role"]),
            Self::Assignee { assignment } => of_assignment(*assignment, &[]),
            Self::Clock { assignment } => of_assignment(*assignment, &["when", "time", "ahead_of_utc_minutes"]),
        }
    }

    /// What is written there, where it is a name.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        match self {
            Self::UnknownParent { parent: name, .. }
            | Self::UnknownOperation { operation: name, .. }
            | Self::UnknownTag { tag: name, .. }
            | Self::UnknownRole { role: name, .. } => Some(name),
            Self::AmbiguousEvery { .. } => Some(EVERY),
            Self::Cycle { .. } | Self::Assignee { .. } | Self::Clock { .. } => None,
        }
    }
}

impl Roles {
    /// Compiles a role model for these operations.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn compile(written: RoleModel, operations: &[Operation]) -> Result<Self, Vec<RoleProblem>> {
        let mut problems = Vec::new();
        let index: HashMap<&str, usize> = written.roles.keys().map(String::as_str).zip(0..).collect();
        let roles = compile_roles(&written.roles, &index, &mut problems);
        let (by_operation, every_operation) = permissions(&written.roles, operations, &mut problems);
        let mut assignments = Vec::new();
        for (number, assignment) in (1..).zip(written.assignments) {
            assignments.extend(compile_assignment(number, assignment, &index, &mut problems));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            roles,
            by_operation,
            every_operation,
            assignments,
            groups_claim: written.groups_claim.unwrap_or_else(|| "groups".to_owned()),
        })
    }
}

fn compile_roles(
    written: &BTreeMap<String, Role>,
    index: &HashMap<&str, usize>,
    problems: &mut Vec<RoleProblem>,
) -> Vec<CompiledRole> {
    for (name, role) in written {
        for parent in role
            .inherits
            .iter()
            .filter(|parent| !index.contains_key(parent.as_str()))
        {
            problems.push(RoleProblem::UnknownParent {
                role: name.clone(),
                parent: parent.clone(),
            });
        }
    }
    let mut compiled = Vec::new();
    for name in written.keys() {
        let (includes, cycle) = reached(name, written);
        if cycle {
            problems.push(RoleProblem::Cycle { role: name.clone() });
        }
        compiled.push(CompiledRole {
            name: Arc::from(name.as_str()),
            includes: includes.iter().filter_map(|role| index.get(role).copied()).collect(),
        });
    }
    compiled
}

/// A role and all that it inherits from, and whether it is among the latter.
fn reached<'a>(start: &'a str, written: &'a BTreeMap<String, Role>) -> (BTreeSet<&'a str>, bool) {
    let mut reached = BTreeSet::from([start]);
    let mut cycle = false;
    let mut waiting = vec![start];
    while let Some(role) = waiting.pop() {
        for parent in written.get(role).iter().flat_map(|role| &role.inherits) {
            cycle |= parent == start;
            if reached.insert(parent) {
                waiting.push(parent);
            }
        }
    }
    (reached, cycle)
}

type Permissions = (HashMap<String, Vec<usize>>, Vec<usize>);

fn permissions(
    written: &BTreeMap<String, Role>,
    operations: &[Operation],
    problems: &mut Vec<RoleProblem>,
) -> Permissions {
    let mut by_operation: HashMap<String, Vec<usize>> = HashMap::new();
    let mut every_operation = Vec::new();
    for (index, (name, role)) in written.iter().enumerate() {
        for wanted in &role.operations {
            let known = operations.iter().any(|operation| operation.name == *wanted);
            let problem = match (wanted == EVERY, known) {
                (true, true) => RoleProblem::AmbiguousEvery { role: name.clone() },
                (true, false) => {
                    every_operation.push(index);
                    continue;
                }
                (false, true) => {
                    by_operation.entry(wanted.clone()).or_default().push(index);
                    continue;
                }
                (false, false) => RoleProblem::UnknownOperation {
                    role: name.clone(),
                    operation: wanted.clone(),
                },
            };
            problems.push(problem);
        }
        for tag in &role.tags {
            let mut tagged = operations
                .iter()
                .filter(|operation| operation.tags.contains(tag))
                .peekable();
            if tagged.peek().is_none() {
                problems.push(RoleProblem::UnknownTag {
                    role: name.clone(),
                    tag: tag.clone(),
                });
            }
            for operation in tagged {
                by_operation.entry(operation.name.clone()).or_default().push(index);
            }
        }
    }
    (by_operation, every_operation)
}

fn compile_assignment(
    number: usize,
    written: Assignment,
    index: &HashMap<&str, usize>,
    problems: &mut Vec<RoleProblem>,
) -> Option<CompiledAssignment> {
    let before = problems.len();
    let role = index.get(written.role.as_str()).copied();
    if role.is_none() {
        problems.push(RoleProblem::UnknownRole {
            assignment: number,
            role: written.role.clone(),
        });
    }
    let window = written.when.time.as_ref();
    if window.is_some_and(|window| window.ahead_of_utc_minutes.abs() > AHEAD_MINUTES_MAX) {
        problems.push(RoleProblem::Clock { assignment: number });
    }
    let when = compile_conditions(&written.when);
    let to = assignee(written);
    if to.is_none() {
        problems.push(RoleProblem::Assignee { assignment: number });
    }
    if problems.len() > before {
        return None;
    }
    Some(CompiledAssignment {
        role: role?,
        to: to?,
        when,
    })
}

fn assignee(written: Assignment) -> Option<Assignee> {
    match (written.subject, written.group, written.claim, written.equals) {
        (Some(id), None, None, None) => Some(Assignee::Subject {
            kind: written.subject_type,
            id,
        }),
        (None, Some(group), None, None) if written.subject_type.is_none() => Some(Assignee::Group(group)),
        (None, None, Some(path), Some(equals)) if written.subject_type.is_none() => {
            Some(Assignee::Claim { path, equals })
        }
        _ => None,
    }
}

fn compile_conditions(written: &Conditions) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if !written.networks.is_empty() {
        conditions.push(Condition::Networks(written.networks.clone()));
    }
    conditions.extend(written.claims.iter().map(|(path, equals)| Condition::Claim {
        path: path.clone(),
        equals: equals.clone(),
    }));
    conditions.extend(written.time.clone().map(Condition::Time));
    conditions
}
