//! Who decides what callers may do, as coverage tells it.

use super::{Row, State};
use crate::config::api::Api;
use crate::config::authorization::{Place, Resource};
use crate::config::policy::Policy;
use crate::config::value::Value;

/// The row of one operation.
pub(super) fn row(api: &Api, policy: &Policy) -> Row {
    let Some(authorization) = &api.authorization else {
        let why = "nobody decides beyond scopes: the API has no `authorization`";
        return Row::new("decisions", State::NotJudged, why.to_owned());
    };
    let policies = (!authorization.policies.is_empty()).then_some("policies");
    let points = (!authorization.decision_points.is_empty()).then_some("decision points elsewhere");
    let roles = authorization.roles.as_ref().map(|_| "roles");
    let relations = authorization.relations.as_ref().map(|_| "relations");
    let together = |by: &[Option<&'static str>]| by.iter().flatten().copied().collect::<Vec<_>>().join(" and ");
    // Relations are between callers and resources.
    let by = together(&[roles, policies, points]);
    let of_operation = match by.as_str() {
        "" => "it is denied: relations decide on resources alone, and it names none".to_owned(),
        by => format!("{by} decide on the operation"),
    };
    let of_resources = together(&[policies, relations, points]);
    let named: Vec<String> = policy.resources.iter().map(told).collect();
    let why = match (named.as_slice(), &authorization.roles) {
        ([], _) => of_operation,
        (named, Some(_)) => format!("roles decide on the operation, {of_resources} on {}", named.join(", ")),
        (named, None) => format!("{of_resources} decide on {}", named.join(", ")),
    };
    let values: Vec<String> = policy.context.iter().map(value).collect();
    let why = match values.as_slice() {
        [] => why,
        values => format!("{why}; they are told {}", values.join(", ")),
    };
    Row::new("decisions", State::of(policy.modes.authorization), why)
}

fn told(resource: &Resource) -> String {
    format!(
        "the `{}` that the {} names",
        resource.kind.value,
        place(&resource.place)
    )
}

fn value(value: &Value) -> String {
    format!("`{}` of the {}", value.name.value, place(&value.place))
}

fn place(place: &Place) -> String {
    match place {
        Place::Path(name) => format!("path parameter `{name}`"),
        Place::Query(name) => format!("query parameter `{name}`"),
        Place::Header(name) => format!("header field `{name}`"),
        Place::Body(pointer) => format!("`{pointer}` of the body"),
    }
}
