//! A value may hold itself without end
//!
//! A schema leads back to itself, so that a value may nest as deep as a request has room for.
//!
//! # Why
//!
//! A megabyte holds half a million brackets. A program that walks such a value with a call for each level runs out
//! of stack and ends; one that copies each level does the work over and over. The contract cannot say how deep is
//! enough, so somebody else has to.
//!
//! # Incident
//!
//! In 2022 jackson-databind fixed CVE-2020-36518: a JSON text that nested deep enough ended the thread that read it
//! with an overflow of its stack.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /comments:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Comment'}
//!       responses: {}
//! components:
//!   schemas:
//!     Comment: # <-
//!       type: object
//!       properties:
//!         text: {type: string}
//!         answers:
//!           type: array
//!           items: {$ref: '#/components/schemas/Comment'}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /comments:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Comment'}
//!       responses:
//!         '200':
//!           description: Done.
//!           content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}
//! components:
//!   schemas:
//!     Comment:
//!       type: object
//!       properties:
//!         text: {$ref: '#/components/schemas/Text'}
//!         answer: {$ref: '#/components/schemas/Text'}
//!     Tree: {type: object, properties: {left: {$ref: '#/components/schemas/Tree'}}}
//!     Text: {type: string, maxLength: 100}
//! ```
//!
//! # Fix
//!
//! Have the program read no deeper than it needs. Where few levels are enough, write them out; or send a flat list
//! whose items name their parents.
//!
//! # At the gate
//!
//! The gate refuses JSON that nests deeper than 64.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use std::collections::{HashMap, HashSet};

use crate::rules::survey::{Role, SchemaId, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "recursion-without-bound",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[674, 770],
            asvs: &["15.2.2"],
            nist: &[],
        },
        text: include_str!("recursion_without_bound.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut reported: HashSet<SchemaId> = HashSet::new();
    for value in survey.values().filter(|value| value.is_root() && value.in_request()) {
        if reported.contains(&value.schema.id) {
            continue;
        }
        let circle = circle(survey, value.schema.id);
        if !circle.is_empty() {
            found.value(&value, format!("{} may hold itself at any depth", value.label()));
            reported.extend(circle);
        }
    }
}

/// The schemas on ways from this one back to itself, some of which lead into a value; most schemas are on none.
fn circle(survey: &Survey<'_>, start: SchemaId) -> Vec<SchemaId> {
    /// Where more is reached, it is not followed further.
    const REACHED_MAX: usize = 2_000;
    let mut from: HashMap<SchemaId, Vec<SchemaId>> = HashMap::new();
    let mut seen = HashSet::from([start]);
    let mut waiting = vec![start];
    while let Some(id) = waiting.pop() {
        if seen.len() > REACHED_MAX {
            break;
        }
        for edge in survey
            .schema(id)
            .edges
            .iter()
            .filter(|edge| edge.role != Role::Condition)
        {
            from.entry(edge.target).or_default().push(id);
            if seen.insert(edge.target) {
                waiting.push(edge.target);
            }
        }
    }
    let mut back = HashSet::new();
    let mut waiting = vec![start];
    while let Some(id) = waiting.pop() {
        waiting.extend(
            from.get(&id)
                .into_iter()
                .flatten()
                .filter(|before| back.insert(**before)),
        );
    }
    back.into_iter().collect()
}
