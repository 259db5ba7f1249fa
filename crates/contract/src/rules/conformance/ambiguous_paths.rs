//! Two paths differ only in the names of their parameters
//!
//! Two path templates with the same method differ only in the names of their parameters, so that they fit the same
//! requests. OpenAPI forbids it.
//!
//! # Why
//!
//! The gate, the framework and the test tool each choose by rules of their own: the first that is written, the one
//! with more text, the longest. Where they choose differently, the request is checked as one operation and done as
//! the other, with other rules of who may do it.
//!
//! # Incident
//!
//! In 2023 Spring fixed CVE-2023-20860: with `**` as a pattern, Spring Security and Spring MVC did not match the
//! same paths, so that rules for an operation were not asked when it was called.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       responses: {}
//!   /orders/{number}: # <-
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       responses: {}
//!   /orders/mine:
//!     get:
//!       responses: {}
//!   /orders/{id}.pdf:
//!     get:
//!       responses: {}
//!   /{tenant}/export:
//!     post:
//!       responses: {}
//!   /{tenant}/{thing}:
//!     get:
//!       responses: {}
//!   /pulls/comments/{id}:
//!     get:
//!       responses: {}
//!   /pulls/{number}/files:
//!     get:
//!       parameters: [{name: number, in: path, required: true, schema: {type: integer, minimum: 1, maximum: 999999}}]
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give one of them a word that the other cannot have, such as `/orders/by-number/{number}`; or make them one path,
//! and let a parameter say which is meant.
//!
//! # At the gate
//!
//! The gate prefers plain text to a parameter, segment by segment from the left, and forwards the path by which it
//! decided. It refuses a contract in which one method stands at two templates that differ in names only.

use std::collections::BTreeMap;

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "ambiguous-paths",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7],
            cwe: &[436],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("ambiguous_paths.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// A gate refuses longer paths.
const SEGMENTS_MAX: usize = 100;

/// Steps in all before the search is given up: far beyond any real contract.
const STEPS_MAX: u32 = 4_000_000;

/// The templates that begin alike.
#[derive(Default)]
struct Branch<'d> {
    below: BTreeMap<Segment<'d>, Branch<'d>>,
    /// The methods and templates that end here.
    ends: Vec<(&'static str, &'d str)>,
}

/// One segment; what comes first is the more specific.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'d> {
    Literal(&'d str),
    /// Text before and behind parameters.
    Mixed(&'d str, &'d str),
    Capture(Holds),
}

/// What a parameter can be, by its schema.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    Number,
    Uuid,
    Anything,
}

impl Holds {
    fn of(survey: &Survey<'_>, operation: &Operation<'_>, name: &str) -> Self {
        let mut parameters = operation.parameters.iter();
        let declared = parameters.find(|parameter| parameter.location == "path" && parameter.name == name);
        let Some(schema) = declared.and_then(|parameter| parameter.schema) else {
            return Self::Anything;
        };
        let value = survey.value(schema);
        match value.text(Keyword::Format) {
            _ if value.schema.types.is_numeric() => Self::Number,
            Some("uuid") if value.is(Type::String) => Self::Uuid,
            _ => Self::Anything,
        }
    }

    fn may_be(self, text: &str) -> bool {
        match self {
            Self::Number => text.parse::<f64>().is_ok(),
            Self::Uuid => text.len() == 36,
            Self::Anything => !text.is_empty(),
        }
    }
}

impl<'d> Segment<'d> {
    fn read(survey: &Survey<'d>, operation: &Operation<'d>, text: &'d str) -> Self {
        match (text.split_once('{'), text.rsplit_once('}')) {
            (Some(("", name)), Some((_, ""))) => {
                Self::Capture(Holds::of(survey, operation, name.trim_end_matches('}')))
            }
            (Some((before, _)), Some((_, behind))) => Self::Mixed(before, behind),
            _ => Self::Literal(text),
        }
    }

    /// Whether something fits both; of two with text around parameters only where they are the same.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Literal(text), Self::Mixed(before, behind)) | (Self::Mixed(before, behind), Self::Literal(text)) => {
                text.len() > before.len() + behind.len() && text.starts_with(before) && text.ends_with(behind)
            }
            (Self::Capture(holds), Self::Literal(text)) | (Self::Literal(text), Self::Capture(holds)) => {
                holds.may_be(text)
            }
            (Self::Capture(_), _) | (_, Self::Capture(_)) => true,
            _ => self == other,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Mixed(..) => 1,
            Self::Capture(_) => 2,
        }
    }
}

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for (operation, template) in rivals(survey, Sought::Same) {
        let message = format!("`{} {template}` fits the same requests", operation.method);
        found.operation(operation, operation.path_at, message);
    }
}

/// Which templates that fit the same requests are sought.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// Those that differ in names only.
    Same,
    /// Those of which each is more specific than the other somewhere.
    Crossing,
}

/// Operations whose path fits what one fits that was written before, each with the other's template.
pub(super) fn rivals<'s, 'd>(survey: &'s Survey<'d>, sought: Sought) -> Vec<(&'s Operation<'d>, &'d str)> {
    let mut root = Branch::default();
    let mut steps = STEPS_MAX;
    let mut found = Vec::new();
    for operation in &survey.operations {
        let read = |text| Segment::read(survey, operation, text);
        let segments: Vec<Segment<'d>> = operation.path.split('/').map(read).collect();
        if segments.len() > SEGMENTS_MAX {
            continue;
        }
        let rival = root.rival(
            &segments,
            operation.method,
            Ranks {
                sought,
                ours: false,
                theirs: false,
            },
            &mut steps,
        );
        found.extend(rival.map(|template| (operation, template)));
        root.add(&segments, operation.method, operation.path);
    }
    found
}

/// Which of two is the more specific in some segment.
#[derive(Clone, Copy)]
struct Ranks {
    sought: Sought,
    ours: bool,
    theirs: bool,
}

impl<'d> Branch<'d> {
    fn add(&mut self, segments: &[Segment<'d>], method: &'static str, template: &'d str) {
        let mut branch = self;
        for segment in segments {
            branch = branch.below.entry(*segment).or_default();
        }
        branch.ends.push((method, template));
    }

    /// A template that was added before and fits what this one fits, in the way that is sought.
    fn rival(&self, segments: &[Segment<'d>], method: &str, ranks: Ranks, steps: &mut u32) -> Option<&'d str> {
        *steps = steps.checked_sub(1)?;
        let Some((segment, rest)) = segments.split_first() else {
            let is_sought = match ranks.sought {
                Sought::Same => true,
                Sought::Crossing => ranks.ours && ranks.theirs,
            };
            let mut here = self.ends.iter().filter(|(other, _)| *other == method && is_sought);
            return here.next().map(|(_, template)| *template);
        };
        for (other, branch) in &self.below {
            let is_alike = segment.rank() == other.rank() || ranks.sought == Sought::Crossing;
            if is_alike && segment.meets(*other) {
                let ranks = Ranks {
                    sought: ranks.sought,
                    ours: ranks.ours || segment.rank() < other.rank(),
                    theirs: ranks.theirs || other.rank() < segment.rank(),
                };
                let rival = branch.rival(rest, method, ranks, steps);
                if rival.is_some() {
                    return rival;
                }
            }
        }
        None
    }
}
