//! Who decides what callers may do, as coverage tells it.

use super::{Row, State};
use crate::config::api::Api;
use crate::config::authorization::{Place, Resource};
use crate::config::policy::Policy;

/// The row of one operation.
pub(super) fn row(api: &Api, policy: &Policy) -> Row {
    let Some(authorization) = &api.authorization else {
        let why = "nobody decides beyond scopes: the API has no `authorization`";
        return Row::new("decisions", State::NotJudged, why.to_owned());
    };
    let by = match (&authorization.roles, authorization.policies.as_slice()) {
        (Some(_), []) => "roles",
        (Some(_), _) => "roles and policies",
        (None, _) => "policies",
    };
    let named: Vec<String> = policy.resources.iter().map(told).collect();
    let why = match (named.as_slice(), &authorization.roles) {
        ([], _) => format!("{by} decide on the operation"),
        (named, Some(_)) => format!("roles decide on the operation, policies on {}", named.join(", ")),
        (named, None) => format!("policies decide on {}", named.join(", ")),
    };
    Row::new("decisions", State::of(policy.modes.authorization), why)
}

fn told(resource: &Resource) -> String {
    let place = match &resource.place {
        Place::Path(name) => format!("path parameter `{name}`"),
        Place::Query(name) => format!("query parameter `{name}`"),
        Place::Header(name) => format!("header field `{name}`"),
        Place::Body(pointer) => format!("`{pointer}` of the body"),
    };
    format!("the `{}` that the {place} names", resource.kind.value)
}
