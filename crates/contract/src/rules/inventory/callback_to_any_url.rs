//! Callers say where the API sends a request
//!
//! The URL of a callback is a value of the request, and nothing in the contract bounds what it may be.
//!
//! # Why
//!
//! The API sends a request wherever a caller says: to the cloud's metadata service for its credentials, to a
//! database without a password, to the administrators' page of a router. It stands inside of the network that the
//! caller is outside of. This is server-side request forgery, offered as a feature.
//!
//! # Incident
//!
//! In June 2021 GitLab told of CVE-2021-22214: where webhooks were allowed to reach the internal network, somebody
//! without an account could make the server send requests into it.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /subscriptions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 callbackUrl: {type: string, format: uri}
//!       responses: {'201': {description: Made.}}
//!       callbacks:
//!         changed:
//!           '{$request.body#/callbackUrl}': # <-
//!             post:
//!               responses: {'204': {description: Taken.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /subscriptions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 callbackUrl: {type: string, pattern: '^https://hooks\.example\.com/[a-z]{1,30}$'}
//!                 name: {type: string, maxLength: 40}
//!       responses: {'201': {description: Made.}}
//!       callbacks:
//!         changed:
//!           '{$request.body#/callbackUrl}':
//!             post:
//!               responses: {'204': {description: Taken.}}
//!         other:
//!           'https://hooks.example.com/by-name?name={$request.body#/name}':
//!             post:
//!               responses: {'204': {description: Taken.}}
//! ```
//!
//! # Fix
//!
//! Let callers register addresses beforehand and prove that they are theirs, and send only to those. Or bound the
//! value with a `pattern` that begins with `^https://` and the hosts that may be. Resolve the name once, and refuse
//! private addresses.
//!
//! # At the gate
//!
//! The gate enforces a `pattern` before the API sees the value. What the API sends does not pass the gate.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Operation, Survey, Value};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "callback-to-any-url",
        category: "inventory",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[7],
            owasp_2019: &[],
            cwe: &[918],
            asvs: &["13.2.4"],
            nist: &[],
        },
        text: include_str!("callback_to_any_url.rs"),
    },
    cost: Cost::Security(Area::Exposure, 40),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut seen = std::collections::HashSet::new();
    for callback in &survey.callbacks {
        let Some(operation) = callback.of.and_then(|index| survey.operations.get(index)) else {
            continue;
        };
        let sent = &callback.operation;
        let expression = sent
            .path
            .strip_prefix("{$request.")
            .and_then(|rest| rest.split('}').next());
        if let Some(source) = expression
            && !is_bound(survey, operation, source)
            && seen.insert((operation.index, sent.path))
        {
            let message = format!("callers say with `{source}` where the API sends a request");
            found.operation(operation, sent.path_at, message);
        }
    }
}

/// Whether the contract bounds what stands at this place of a request (OpenAPI 3.1 section 4.8.20.4).
fn is_bound(survey: &Survey<'_>, operation: &Operation<'_>, source: &str) -> bool {
    let is_bound = |value: &Value<'_, '_>| value.has_any(&[Keyword::Pattern, Keyword::Enum, Keyword::Const]);
    let Some(pointer) = source.strip_prefix("body#/") else {
        let name = source.split_once('.').map(|(_, name)| name).unwrap_or_default();
        let mut named = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.name.eq_ignore_ascii_case(name));
        return named.any(|parameter| parameter.schema.is_some_and(|id| is_bound(&survey.value(id))));
    };
    let contents: Vec<_> = operation.body.iter().flat_map(|body| &body.contents).collect();
    let bounds = |schema| {
        let mut steps = pointer.split('/');
        let value = steps.try_fold(survey.value(schema), |value, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            let mut properties = value.properties().into_iter();
            properties.find(|(name, _)| *name == step).map(|(_, value)| value)
        });
        value.is_some_and(|value| is_bound(&value))
    };
    !contents.is_empty() && contents.iter().all(|content| content.schema.is_some_and(bounds))
}
